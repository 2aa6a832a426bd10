/*
 * One HTTP request and its response at a time, over TCP or TLS, on the program's loop: names are resolved, addresses tried in the resolver's order,
 * certificates verified. What is said is signaling/http.h's business.
 */
#ifndef CALL_HTTP_H
#define CALL_HTTP_H

#include <uv.h>

#include "signaling/http.h"

#define CALL_HTTP_CONNECT_TIMEOUT_MS 10000 /* for each address: TCP and TLS */
#define CALL_HTTP_ANSWER_TIMEOUT_MS 30000  /* from the request's being sent to the end of the response */

struct call_http;

/*
 * response  DONE, with views that are valid during the call; NULL: there is none
 * why       then a sentence, valid during the call; else NULL
 */
typedef void (*call_http_done)(void *context, const struct signaling_http_response *response, const char *why);

/*
 * ca_file  certificates in PEM that are believed beside the system's, or NULL; it has been read once already (call_network_check)
 * Returns NULL: memory is short, or the file has changed.
 */
struct call_http *call_http_new(uv_loop_t *loop, const char *ca_file, call_http_done done, void *context);

/* Begins; copies the request. `done` follows, once, from the loop. One at a time. False: memory is short, nothing follows. */
bool call_http_begin(struct call_http *http, const struct signaling_http_request *request);

/* Whether the request that was begun may have come to the server, in part at least. */
bool call_http_is_sent(const struct call_http *http);

/* Nothing is said any more; the loop has to run until its handles are closed, then the memory is gone. NULL is fine. */
void call_http_free(struct call_http *http);

#endif
