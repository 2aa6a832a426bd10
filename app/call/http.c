#include "app/call/http.h"

#include <stdlib.h>
#include <string.h>

#include "app/call/problem.h"
#include "app/call/why.h"
#include "app/net/resolver.h"
#include "app/net/stream.h"
#include "ice/agent.h"

struct call_http {
    uv_loop_t *loop;
    call_http_done done;
    void *context;
    struct net_tls_trust *trust;
    struct net_resolver *resolver;
    uv_timer_t timer; /* of the address that is tried, then of the response */
    uv_poll_t *poll;  /* of the stream; closed with it, freed by itself */
    int events;
    struct net_stream *stream; /* NULL: none */
    struct signaling_http_url url;
    struct stun_address addresses[NET_RESOLVER_ADDRESS_MAX];
    size_t address_count, next_address;
    char *request, *response;
    size_t request_length, sent, response_length;
    bool is_busy;
    char why[CALL_SENTENCE_BYTES]; /* the last address failed */
};

/* ---- the end of one request ---------------------------------------------------------------------------------------------------- */

static void free_handle(uv_handle_t *handle) {
    free(handle);
}

static void drop_stream(struct call_http *http) {
    if (http->poll) {
        uv_poll_stop(http->poll);
        uv_close((uv_handle_t *)http->poll, free_handle);
    }
    net_stream_close(http->stream);
    http->poll = NULL;
    http->stream = NULL;
    http->events = 0;
}

/* `done` may begin the next, or free. */
static void finish(struct call_http *http, const struct signaling_http_response *response, const char *why) {
    char *held = http->response;
    drop_stream(http);
    uv_timer_stop(&http->timer);
    free(http->request);
    http->request = http->response = NULL;
    http->is_busy = false;
    http->done(http->context, response, why);
    free(held);
}

static void fail(struct call_http *http, const char *why) {
    char sentence[CALL_SENTENCE_BYTES], authority[SIGNALING_HTTP_AUTHORITY_BYTES];
    signaling_http_url_authority(&http->url, authority);
    call_sentence(sentence, "%s: %s.", authority, why);
    finish(http, NULL, sentence);
}

static const char *why_ended(int error) {
    if (error == ICE_STREAM_ERROR_TLS_UNTRUSTED)
        return "its certificate is signed by nobody that this host trusts (--signaling-ca FILE names another authority)";
    return call_why_stream(error);
}

/* ---- bytes ------------------------------------------------------------------------------------------------------------------------ */

static void try_next(struct call_http *http);

/*
 * An address that nobody answers at may have a neighbour. Who has been spoken to, were it in TLS alone, is the server: what it says is told, and the
 * request is not repeated elsewhere.
 */
static void on_stream_ended(struct call_http *http) {
    struct signaling_http_response response;
    int error = net_stream_error(http->stream);
    bool is_of_tls = error <= ICE_STREAM_ERROR_TLS && error >= ICE_STREAM_ERROR_TLS_EXPIRED;
    if (http->sent == 0 && http->response_length == 0 && !is_of_tls) {
        call_sentence(http->why, "%s", why_ended(error));
        drop_stream(http);
        try_next(http);
    } else if (error != 0) {
        fail(http, why_ended(error));
    } else if (signaling_http_response_read(http->response, http->response_length, true, &response) == SIGNALING_HTTP_DONE) {
        finish(http, &response, NULL);
    } else {
        fail(http, response.problem);
    }
}

/* As much of the request as goes into the stream's buffer now. */
static void send_request(struct call_http *http) {
    while (http->sent < http->request_length) {
        size_t length = http->request_length - http->sent;
        length = length < NET_STREAM_RECEIVE_BYTES ? length : NET_STREAM_RECEIVE_BYTES;
        if (!net_stream_send(http->stream, (const uint8_t *)http->request + http->sent, length))
            break;
        http->sent += length;
        net_stream_flush(http->stream);
    }
}

/* False: it is over, one way or the other. */
static bool receive(struct call_http *http) {
    uint8_t bytes[NET_STREAM_RECEIVE_BYTES];
    size_t length;
    while ((length = net_stream_receive(http->stream, bytes)) > 0 || net_stream_has_more(http->stream)) {
        struct signaling_http_response response;
        size_t room = SIGNALING_HTTP_RESPONSE_MAX_BYTES - http->response_length;
        length = length < room ? length : room; /* the parser says what is wrong with one that fills it all */
        memcpy(http->response + http->response_length, bytes, length);
        http->response_length += length;
        enum signaling_http_progress progress = signaling_http_response_read(http->response, http->response_length, false, &response);
        if (progress == SIGNALING_HTTP_MORE)
            continue;
        if (progress == SIGNALING_HTTP_DONE)
            finish(http, &response, NULL);
        else
            fail(http, response.problem);
        return false;
    }
    return true;
}

static void on_answer_timeout(uv_timer_t *timer) {
    fail(timer->data, "it did not answer in time");
}

static void on_ready(uv_poll_t *poll, int status, int events);

static void update_polling(struct call_http *http) {
    bool wants_write = net_stream_wants_write(http->stream) || (net_stream_state(http->stream) == NET_STREAM_OPEN && http->sent < http->request_length);
    int events = UV_READABLE | (wants_write ? UV_WRITABLE : 0);
    if (events != http->events)
        uv_poll_start(http->poll, events, on_ready);
    http->events = events;
}

static void serve(struct call_http *http) {
    bool was_open = net_stream_state(http->stream) == NET_STREAM_OPEN;
    net_stream_flush(http->stream);
    if (!was_open && net_stream_progress(http->stream) == NET_STREAM_OPEN)
        uv_timer_start(&http->timer, on_answer_timeout, CALL_HTTP_ANSWER_TIMEOUT_MS, 0);
    if (net_stream_state(http->stream) == NET_STREAM_OPEN) {
        send_request(http);
        if (!receive(http))
            return;
    }
    if (net_stream_state(http->stream) == NET_STREAM_ENDED)
        on_stream_ended(http);
    else
        update_polling(http);
}

static void on_ready(uv_poll_t *poll, int status, int events) {
    struct call_http *http = poll->data;
    (void)events;
    if (status < 0)
        http->events = 0; /* libuv has stopped polling: an error waits in the socket, and reading brings it up */
    serve(http);
}

/* ---- connecting --------------------------------------------------------------------------------------------------------------------- */

static void on_connect_timeout(uv_timer_t *timer) {
    struct call_http *http = timer->data;
    call_sentence(http->why, "it did not answer in time");
    drop_stream(http);
    try_next(http);
}

static int connect_to(struct call_http *http, const struct stun_address *address) {
    const struct stun_address any = {0};
    struct net_tls_session *tls = NULL;
    if (http->url.is_tls) {
        tls = net_tls_session_new(http->trust, http->url.host);
        if (!tls || !net_tls_session_offer_protocol(tls, "http/1.1")) {
            net_tls_session_free(tls);
            return UV_ENOMEM;
        }
    }
    int error = net_stream_connect(&any, address, 0, tls, &http->stream);
    if (error != 0)
        return error;
    http->poll = malloc(sizeof *http->poll);
    if (!http->poll)
        return UV_ENOMEM;
    error = uv_poll_init(http->loop, http->poll, net_stream_descriptor(http->stream));
    http->poll->data = http;
    if (error != 0) {
        free(http->poll);
        http->poll = NULL;
    }
    return error;
}

/* The next address that can be tried; else it has failed. */
static void try_next(struct call_http *http) {
    while (http->next_address < http->address_count) {
        struct stun_address address = http->addresses[http->next_address++];
        address.port = http->url.port;
        int error = connect_to(http, &address);
        if (error == 0 && net_stream_state(http->stream) != NET_STREAM_ENDED) {
            uv_timer_start(&http->timer, on_connect_timeout, CALL_HTTP_CONNECT_TIMEOUT_MS, 0);
            update_polling(http);
            return;
        }
        call_sentence(http->why, "%s", error != 0 ? uv_strerror(error) : why_ended(net_stream_error(http->stream)));
        drop_stream(http);
    }
    char why[CALL_SENTENCE_BYTES];
    memcpy(why, http->why, sizeof why);
    fail(http, why);
}

static void on_resolved(void *context, uint64_t query, const struct stun_address *addresses, size_t count, int error) {
    struct call_http *http = context;
    (void)query;
    if (!http->is_busy)
        return;
    if (count > 0)
        memcpy(http->addresses, addresses, count * sizeof *addresses);
    http->address_count = count;
    http->next_address = 0;
    call_sentence(http->why, "its name cannot be resolved%s%s", error != 0 ? ": " : "", error != 0 ? uv_strerror(error) : "");
    try_next(http);
}

bool call_http_begin(struct call_http *http, const struct signaling_http_request *request) {
    size_t length;
    (void)signaling_http_request_write(request, NULL, 0, &length);
    http->request = malloc(length + 1);
    http->response = malloc(SIGNALING_HTTP_RESPONSE_MAX_BYTES);
    http->url = *request->url;
    bool is_begun = http->request && http->response && signaling_http_request_write(request, http->request, length + 1, &length) == SIGNALING_OK &&
                    net_resolver_ask(http->resolver, 0, http->url.host) == 0;
    http->request_length = length;
    http->sent = http->response_length = 0;
    http->is_busy = is_begun;
    if (!is_begun) {
        free(http->request);
        free(http->response);
        http->request = http->response = NULL;
    }
    return is_begun;
}

bool call_http_is_sent(const struct call_http *http) {
    return http->is_busy && http->sent > 0;
}

/* ---- life ------------------------------------------------------------------------------------------------------------------------------ */

struct call_http *call_http_new(uv_loop_t *loop, const char *ca_file, call_http_done done, void *context) {
    struct call_http *http = calloc(1, sizeof *http);
    if (!http)
        return NULL;
    *http = (struct call_http){.loop = loop, .done = done, .context = context};
    http->resolver = net_resolver_new(loop, on_resolved, http);
    if (!http->resolver || net_tls_trust_new(ca_file, &http->trust) != 0) {
        net_resolver_free(http->resolver);
        free(http);
        return NULL;
    }
    uv_timer_init(loop, &http->timer);
    http->timer.data = http;
    return http;
}

static void on_timer_closed(uv_handle_t *timer) {
    free(timer->data);
}

void call_http_free(struct call_http *http) {
    if (!http)
        return;
    drop_stream(http);
    net_resolver_free(http->resolver);
    net_tls_trust_free(http->trust);
    free(http->request);
    free(http->response);
    uv_close((uv_handle_t *)&http->timer, on_timer_closed);
}
