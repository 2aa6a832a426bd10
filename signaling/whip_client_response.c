/*
 * What the server's answers mean to a client of WHIP and WHEP. RFC 9725 section 4.1, MUST NOT: nothing is read into a particular error code; it is 4xx
 * or 5xx, and what the server says about it is passed on.
 */
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "signaling/whip_client_internal.h"

/* ---- sentences ---------------------------------------------------------------------------------------------------------------- */

struct sentence {
    char *bytes;
    size_t length;
};

static void say(struct sentence *out, const char *bytes, size_t length) {
    size_t room = SIGNALING_WHIP_SENTENCE_BYTES - 1 - out->length;
    length = length < room ? length : room;
    /* What a server says goes to a terminal: printable ASCII of it does. */
    for (size_t i = 0; i < length; i++)
        out->bytes[out->length + i] = bytes[i] >= ' ' && bytes[i] <= '~' ? bytes[i] : ' ';
    out->length += length;
    out->bytes[out->length] = '\0';
}

static void say_string(struct sentence *out, const char *string) {
    say(out, string, strlen(string));
}

static void say_number(struct sentence *out, unsigned number) {
    char digits[12];
    size_t at = sizeof digits;
    do
        digits[--at] = (char)('0' + number % 10);
    while ((number /= 10) > 0);
    say(out, digits + at, sizeof digits - at);
}

/* RFC 9457 section 3.1: "detail" is for people, "title" is less of it. */
static void say_problem(struct sentence *out, const char *bytes, size_t length) {
    json_t *problem = json_loadb(bytes, length, 0, NULL);
    const char *detail = json_string_value(json_object_get(problem, "detail")), *title = json_string_value(json_object_get(problem, "title"));
    const char *text = detail != NULL ? detail : title;
    if (text != NULL)
        say_string(out, text);
    json_decref(problem);
}

/* The first line of a body that is text, or a problem's own words. */
static void say_body(const struct signaling_whip_client *client, const struct signaling_http_response *response, struct sentence *out) {
    struct signaling_text type = {NULL, 0};
    size_t cursor = 0, length = 0;
    while (client->received[length] != '\0' && client->received[length] != '\r' && client->received[length] != '\n')
        length++;
    (void)signaling_http_response_field(response, "content-type", &cursor, &type);
    size_t before = out->length;
    say_string(out, ": ");
    if (signaling_http_is_media_type(type, "application/problem+json"))
        say_problem(out, client->received, client->received_length);
    else if (type.bytes == NULL || signaling_http_is_media_type(type, "text/plain"))
        say(out, client->received, length < 200 ? length : 200);
    if (out->length <= before + 2)
        out->length = before;
    else if (out->bytes[out->length - 1] == '.')
        out->length--;
    out->bytes[out->length] = '\0';
}

static void say_answer(struct signaling_whip_client *client, const struct signaling_http_response *response) {
    struct sentence out = {client->sentence, 0};
    say_string(&out, "The server answered ");
    say_number(&out, response->status);
    if (response->reason.length > 0) {
        say_string(&out, " ");
        say(&out, response->reason.bytes, response->reason.length < 80 ? response->reason.length : 80);
    }
    say_body(client, response, &out);
    say_string(&out, ".");
}

/* "The server's TEXT". */
static void say_fault(struct signaling_whip_client *client, const char *text, const char *more) {
    struct sentence out = {client->sentence, 0};
    say_string(&out, text);
    say_string(&out, more);
    say_string(&out, ".");
}

/* ---- events --------------------------------------------------------------------------------------------------------------------- */

static void tell(struct signaling_whip_client *client, enum signaling_whip_event_type type, unsigned status) {
    client->event = (struct signaling_whip_event){.type = type, .status = status, .sentence = client->sentence};
}

static void fail(struct signaling_whip_client *client, enum signaling_whip_event_type type, unsigned status) {
    client->has_failed = true;
    tell(client, type, status);
}

/* The session that we may have made is of no use to us: it is deleted at the end, as any other. */
static void refuse(struct signaling_whip_client *client, unsigned status, const char *text, const char *more) {
    say_fault(client, text, more);
    fail(client, SIGNALING_WHIP_EVENT_REFUSED, status);
}

/* ---- fields ----------------------------------------------------------------------------------------------------------------------- */

static struct signaling_text field(const struct signaling_http_response *response, const char *name) {
    struct signaling_text value = {NULL, 0};
    size_t cursor = 0;
    (void)signaling_http_response_field(response, name, &cursor, &value);
    return value;
}

/* RFC 9110 section 8.8.3: with its quotes. A weak one identifies nothing (RFC 9725 section 4.3.1: strong). */
static void take_tag(struct signaling_whip_client *client, const struct signaling_http_response *response) {
    struct signaling_text tag = field(response, "etag");
    bool is_strong = tag.bytes != NULL && tag.length >= 2 && tag.length <= SIGNALING_WHIP_TAG_MAX_BYTES && tag.bytes[0] == '"' && tag.bytes[tag.length - 1] == '"';
    for (size_t i = 1; is_strong && i + 1 < tag.length; i++)
        is_strong = (unsigned char)tag.bytes[i] > ' ' && tag.bytes[i] != '"' && tag.bytes[i] != 0x7f;
    client->tag[0] = '\0';
    if (is_strong) {
        memcpy(client->tag, tag.bytes, tag.length);
        client->tag[tag.length] = '\0';
    }
}

static size_t take_servers(struct signaling_whip_client *client, const struct signaling_http_response *response) {
    struct signaling_text value;
    size_t count = 0;
    for (size_t cursor = 0; signaling_http_response_field(response, "link", &cursor, &value);) {
        for (size_t at = 0; count < SIGNALING_ICE_SERVERS_MAX && signaling_link_next(value, &at, &client->servers[count]);)
            count++;
    }
    return count;
}

/* RFC 9110 section 10.2.3: seconds. A date would need a clock: then it is the default. */
static uint32_t retry_after(const struct signaling_http_response *response) {
    struct signaling_text value = field(response, "retry-after");
    uint32_t seconds = 0;
    for (size_t i = 0; i < value.length; i++) {
        if (value.bytes[i] < '0' || value.bytes[i] > '9')
            return SIGNALING_WHIP_RETRY_DEFAULT_S;
        if (seconds <= SIGNALING_WHIP_RETRY_MAX_S)
            seconds = seconds * 10 + (uint32_t)(value.bytes[i] - '0');
    }
    if (value.length == 0)
        return SIGNALING_WHIP_RETRY_DEFAULT_S;
    return seconds < 1 ? 1 : seconds < SIGNALING_WHIP_RETRY_MAX_S ? seconds : SIGNALING_WHIP_RETRY_MAX_S;
}

/* NULL, or what is wrong with where the Location field points to. */
static const char *follow(const struct signaling_http_url *from, const struct signaling_http_response *response, struct signaling_http_url *out) {
    struct signaling_text location = field(response, "location");
    if (location.bytes == NULL || location.length == 0)
        return "it has no Location";
    const char *problem = signaling_http_url_resolve(from, location.bytes, location.length, out);
    /* RFC 6750 section 5.3, MUST: a token goes over TLS; it does not leave it because a server says so. */
    if (problem == NULL && from->is_tls && !out->is_tls)
        return "its Location leads from https: to http:";
    return problem;
}

/* ---- answers ------------------------------------------------------------------------------------------------------------------------ */

static bool is_sdp(const struct signaling_whip_client *client, const struct signaling_http_response *response, const char *type) {
    return signaling_http_is_media_type(field(response, "content-type"), type) && client->received_length > 0 &&
           signaling_text_is_utf8((struct signaling_text){client->received, client->received_length});
}

/* RFC 9725 section 4.2: 201, Location, the answer. WHEP section 4.2.2: 406 with application/sdp is another offer. */
static void take_description(struct signaling_whip_client *client, const struct signaling_http_response *response, bool is_counter_offer) {
    const char *problem = follow(&client->url, response, &client->session);
    if (problem != NULL) {
        refuse(client, response->status, "The server has taken the offer, but its session cannot be found: ", problem);
        return;
    }
    client->has_session = true;
    if (!is_sdp(client, response, "application/sdp")) {
        refuse(client, response->status, "The server has taken the offer, but what it answered is not application/sdp", "");
        return;
    }
    take_tag(client, response);
    client->has_counter_offer = is_counter_offer;
    if (is_counter_offer) /* what waits is of the offer that is void */
        signaling_whip_client_forget_candidates(client);
    tell(client, is_counter_offer ? SIGNALING_WHIP_EVENT_COUNTER_OFFER : SIGNALING_WHIP_EVENT_ANSWER, response->status);
    client->event.sdp = (struct signaling_text){client->received, client->received_length};
    client->event.server_count = take_servers(client, response);
    client->event.servers = client->servers;
    client->sentence[0] = '\0';
}

/* RFC 9725 section 4.5: 307, and 308, repeat the POST elsewhere. The others would make a GET of it, and MUST NOT be used. */
static void redirect(struct signaling_whip_client *client, const struct signaling_http_response *response) {
    struct signaling_http_url url;
    const char *problem = follow(&client->url, response, &url);
    char authority[SIGNALING_HTTP_AUTHORITY_BYTES];
    if (response->status != 307 && response->status != 308)
        problem = "RFC 9725 section 4.5 wants 307 or 308";
    else if (client->redirections == SIGNALING_WHIP_REDIRECTIONS_MAX)
        problem = "there were SIGNALING_WHIP_REDIRECTIONS_MAX before";
    if (problem != NULL) {
        refuse(client, response->status, "The server redirects us, but we do not follow: ", problem);
        return;
    }
    client->redirections++;
    client->url = url;
    client->work = SIGNALING_WHIP_POST_OFFER;
    signaling_http_url_authority(&url, authority);
    struct sentence out = {client->sentence, 0};
    say_string(&out, url.is_tls ? "https://" : "http://");
    say_string(&out, authority);
    say_string(&out, url.target);
    tell(client, SIGNALING_WHIP_EVENT_REDIRECTED, response->status);
}

static void on_post(struct signaling_whip_client *client, const struct signaling_http_response *response) {
    unsigned status = response->status;
    bool has_hint = field(response, "retry-after").bytes != NULL;
    if (status == 201 || (status == 406 && client->is_egress && is_sdp(client, response, "application/sdp"))) {
        take_description(client, response, status == 406);
    } else if (status >= 300 && status < 400) {
        redirect(client, response);
    } else if (status == 503 || (status == 409 && client->is_egress) || (has_hint && status >= 400)) {
        /* RFC 9725 section 4.5; WHEP section 4.2.8: later, perhaps. */
        client->is_put_off = true;
        tell(client, SIGNALING_WHIP_EVENT_RETRY, status);
        client->event.retry_after_s = retry_after(response);
    } else {
        if (status < 300)
            say_fault(client, client->sentence, " RFC 9725 section 4.2 wants 201");
        fail(client, SIGNALING_WHIP_EVENT_REFUSED, status);
    }
}

/* What was agreed before is what counts, and what is trickled is of it. */
static void refuse_restart(struct signaling_whip_client *client, unsigned status) {
    free(client->next.bytes);
    client->next = (struct signaling_whip_description){NULL, 0};
    signaling_whip_client_forget_candidates(client);
    tell(client, SIGNALING_WHIP_EVENT_RESTART_REFUSED, status);
}

static void on_restart(struct signaling_whip_client *client, const struct signaling_http_response *response) {
    if (response->status != 200 || !is_sdp(client, response, "application/trickle-ice-sdpfrag")) {
        refuse_restart(client, response->status);
        return;
    }
    free(client->description.bytes);
    client->description = client->next;
    client->next = (struct signaling_whip_description){NULL, 0};
    take_tag(client, response);
    tell(client, SIGNALING_WHIP_EVENT_RESTART_ANSWER, response->status);
    client->event.sdp = (struct signaling_text){client->received, client->received_length};
    client->sentence[0] = '\0';
}

static bool keep_body(struct signaling_whip_client *client, const struct signaling_http_response *response) {
    free(client->received);
    client->received = malloc(response->body_length + 1);
    if (client->received == NULL)
        return false;
    signaling_http_response_body(response, client->received);
    client->received[response->body_length] = '\0';
    client->received_length = response->body_length;
    return true;
}

static void handle(struct signaling_whip_client *client, enum signaling_whip_work work, const struct signaling_http_response *response) {
    bool is_good = response->status < 300;
    switch (work) {
    case SIGNALING_WHIP_POST_OFFER:
        on_post(client, response);
        break;
    case SIGNALING_WHIP_PATCH_ANSWER:
        if (is_good)
            tell(client, SIGNALING_WHIP_EVENT_ACCEPTED, response->status);
        else
            fail(client, SIGNALING_WHIP_EVENT_REFUSED, response->status);
        break;
    case SIGNALING_WHIP_PATCH_CANDIDATES:
        if (is_good)
            break;
        client->is_trickle_refused = true;
        tell(client, SIGNALING_WHIP_EVENT_TRICKLE_REFUSED, response->status);
        break;
    case SIGNALING_WHIP_PATCH_RESTART:
        on_restart(client, response);
        break;
    case SIGNALING_WHIP_DELETE_SESSION: /* it may have ended by itself: 404 is as good */
        client->is_deleted = true;
        break;
    case SIGNALING_WHIP_NOTHING:
        break;
    }
}

enum signaling_error signaling_whip_client_handle_response(struct signaling_whip_client *client, const struct signaling_http_response *response) {
    enum signaling_whip_work work = client->under_way;
    if (work == SIGNALING_WHIP_NOTHING)
        return SIGNALING_ERROR_STATE;
    if (!keep_body(client, response)) {
        signaling_whip_client_handle_failure(client, "There is not enough memory.");
        return SIGNALING_ERROR_MEMORY;
    }
    client->under_way = SIGNALING_WHIP_NOTHING;
    say_answer(client, response);
    handle(client, work, response);
    if (client->is_ending) /* nobody wants to hear more than that there is a session to delete */
        client->event.type = 0;
    return SIGNALING_OK;
}

void signaling_whip_client_handle_failure(struct signaling_whip_client *client, const char *why) {
    enum signaling_whip_work work = client->under_way;
    struct sentence out = {client->sentence, 0};
    client->under_way = SIGNALING_WHIP_NOTHING;
    say_string(&out, why);
    if (work == SIGNALING_WHIP_PATCH_CANDIDATES) {
        client->is_trickle_refused = true;
        tell(client, SIGNALING_WHIP_EVENT_TRICKLE_REFUSED, 0);
    } else if (work == SIGNALING_WHIP_PATCH_RESTART) {
        refuse_restart(client, 0);
    } else if (work == SIGNALING_WHIP_DELETE_SESSION) {
        client->is_deleted = true;
    } else if (work != SIGNALING_WHIP_NOTHING) {
        fail(client, SIGNALING_WHIP_EVENT_GONE, 0);
    }
    if (client->is_ending)
        client->event.type = 0;
}
