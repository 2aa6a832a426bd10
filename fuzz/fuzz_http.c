/* links: signaling */
/*
 * What an HTTP server may answer to a client of WHIP: the input is a URL that Location names, a response, and the value of a Link field. A response is
 * read twice, as it grows and whole: both ways come to the same. The client is given what is DONE, whatever it had asked for.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "signaling/whip_client.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(int condition) {
    if (!condition)
        abort();
}

static void fuzz_url(const char *bytes, size_t size) {
    struct signaling_http_url base, url, again;
    char authority[SIGNALING_HTTP_AUTHORITY_BYTES], whole[SIGNALING_HTTP_AUTHORITY_BYTES + SIGNALING_HTTP_URL_MAX_BYTES + 16];
    require(signaling_http_url_parse("https://a/b/c?d", 15, &base) == NULL);
    if (signaling_http_url_resolve(&base, bytes, size, &url) != NULL)
        return;
    require(url.port != 0 && url.target[0] == '/' && strlen(url.host) > 0 && strchr(url.target, '#') == NULL);
    /* What was resolved is a URL, and it means itself. */
    signaling_http_url_authority(&url, authority);
    const char *const parts[] = {url.is_tls ? "https://" : "http://", authority, url.target};
    size_t length = 0;
    for (size_t i = 0; i < 3; i++) {
        memcpy(whole + length, parts[i], strlen(parts[i]) + 1);
        length += strlen(parts[i]);
    }
    if (length <= SIGNALING_HTTP_URL_MAX_BYTES && strpbrk(url.host, "[]") == NULL) {
        require(signaling_http_url_parse(whole, length, &again) == NULL);
        require(strcmp(again.target, url.target) == 0 && again.port == url.port);
    }
}

static void fuzz_link(const char *bytes, size_t size) {
    struct signaling_link link;
    size_t at = 0, before = 0;
    while (signaling_link_next((struct signaling_text){bytes, size}, &at, &link)) {
        require(at > before && at <= size && link.uri[0] != '\0');
        before = at;
    }
}

/* Whatever a server has said, what we say next is a request: no line end of its has come into it. */
static void require_writable(const struct signaling_http_request *request) {
    size_t length, written;
    require(signaling_http_request_write(request, NULL, 0, &length) == SIGNALING_ERROR_BUFFER);
    char *text = malloc(length + 1);
    require(text != NULL && signaling_http_request_write(request, text, length + 1, &written) == SIGNALING_OK && written == length);
    free(text);
}

static void fuzz_client(const struct signaling_http_response *response, bool is_egress) {
    const char *problem;
    struct signaling_whip_client *client = signaling_whip_client_new(&(struct signaling_whip_client_config){.url = "http://a/b", .is_egress = is_egress}, &problem);
    struct signaling_http_request request;
    struct signaling_whip_event event;
    require(client != NULL && signaling_whip_client_offer(client, "v=0\r\nm=x\r\n", 10) == SIGNALING_OK);
    for (int turn = 0; turn < 12; turn++) {
        while (signaling_whip_client_poll_event(client, &event)) {
            require(event.sentence != NULL);
            if (event.type == SIGNALING_WHIP_EVENT_COUNTER_OFFER)
                require(signaling_whip_client_answer(client, "v=0\r\n", 5) == SIGNALING_OK);
            if (event.type == SIGNALING_WHIP_EVENT_RETRY)
                require(signaling_whip_client_again(client) == SIGNALING_OK);
        }
        if (turn == 6)
            (void)signaling_whip_client_candidate(client, "candidate:x");
        if (turn == 8)
            (void)signaling_whip_client_restart(client, "v=0\r\na=ice-ufrag:x\r\n", 20);
        if (turn == 10)
            signaling_whip_client_end(client);
        if (!signaling_whip_client_poll_request(client, &request))
            continue;
        require_writable(&request);
        require(signaling_whip_client_handle_response(client, response) == SIGNALING_OK);
    }
    require(signaling_whip_client_is_over(client));
    signaling_whip_client_free(client);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct signaling_http_response grown, whole;
    if (size > SIGNALING_HTTP_HEADER_MAX_BYTES)
        return 0;
    char *text = malloc(size + (size == 0)); /* a copy of its own, so that one byte too many is seen */
    require(text != NULL);
    memcpy(text, data, size);
    fuzz_url(text, size);
    fuzz_link(text, size);
    enum signaling_http_progress progress = SIGNALING_HTTP_MORE;
    for (size_t length = 0; length < size && progress == SIGNALING_HTTP_MORE; length += 1 + size / 64)
        progress = signaling_http_response_read(text, length, false, &grown);
    if (progress == SIGNALING_HTTP_MORE)
        progress = signaling_http_response_read(text, size, false, &grown);
    enum signaling_http_progress at_once = signaling_http_response_read(text, size, progress == SIGNALING_HTTP_MORE, &whole);
    if (progress == SIGNALING_HTTP_DONE) {
        require(at_once == SIGNALING_HTTP_DONE && whole.status == grown.status && whole.body_length == grown.body_length);
        fuzz_client(&whole, false);
        fuzz_client(&whole, true);
    }
    free(text);
    return 0;
}
