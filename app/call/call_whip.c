/*
 * A call by WHIP or WHEP: our offer is POSTed, the answer comes with the ICE servers of the endpoint, candidates follow by PATCH, the end is DELETE.
 *
 * Whose ICE servers, decides when we gather. With --ice-server: at once, and the offer waits for its candidates, so that a server without trickle ICE
 * has all of them. Without: the offer goes as it is, and gathering begins when the servers of the endpoint are known (RFC 9725 section 4.6).
 */
#include <stdlib.h>
#include <string.h>

#include "app/call/call_internal.h"
#include "app/call/http.h"
#include "app/call/token_path.h"
#include "app/net/clock.h"
#include "signaling/whip_client.h"

#define GATHERING_TIMEOUT_MS 2000 /* the offer goes without the candidates that take longer */
#define ADVICE "Check the URL and the token, and what the server's log says."

struct call_whip {
    struct signaling_whip_client *client;
    struct call_http *http;
    uv_timer_t timer; /* the end of gathering; the next try */
    bool is_gathering; /* the offer waits for its candidates */
    bool is_stopped;
    char *offer; /* made, but not set: gathering has not begun */
    size_t offer_length;
    struct call_token_path token_path;
    char refusal[CALL_SENTENCE_BYTES]; /* "not now", in the server's words; "": it has not said so */
};

static void pump(struct call *call);

static const char *protocol_name(const struct call *call) {
    return call->options->is_whep ? "WHEP" : "WHIP";
}

/* ---- our offer --------------------------------------------------------------------------------------------------------------- */

/* RFC 9725 section 4.2, SHOULD: sendonly; WHEP section 4.2.5, SHOULD: recvonly. */
static bool set_directions(struct call *call) {
    if (call->options->is_whep)
        call_peer_ask_for_media(call);
    for (size_t i = 0; i < CALL_MEDIA_COUNT && !call->options->is_whep; i++)
        if (call->media[i].sender && peer_connection_set_direction(call->connection, call->media[i].transceiver, PEER_SENDONLY) != PEER_OK)
            return false;
    return true;
}

static void post(struct call *call, const char *text, size_t length) {
    if (signaling_whip_client_offer(call->whip->client, text, length) != SIGNALING_OK)
        call_fail(call, CALL_EXIT_SOFTWARE, "signaling", "The offer could not be sent.", "It is too long, or there is not enough memory.",
                  "Offer fewer codecs, with --codec.");
    pump(call);
}

/* Gathering has ended, or taken too long. */
static void post_gathered(struct call *call) {
    enum peer_sdp_type type;
    size_t length = 0;
    call->whip->is_gathering = false;
    uv_timer_stop(&call->whip->timer);
    char *text = call_peer_local_description(call, &type, &length);
    if (text)
        post(call, text, length);
    else
        call_fail(call, CALL_EXIT_SYSTEM, "system", "The offer could not be sent.", "There is not enough memory.", "Free some, and try again.");
    free(text);
}

static void on_gathering_timeout(uv_timer_t *timer) {
    post_gathered(timer->data);
}

static void gather_then_post(struct call *call) {
    char *text;
    size_t length;
    if (!call_peer_describe(call, PEER_SDP_OFFER, &text, &length))
        return;
    free(text);
    call->whip->is_gathering = true;
    uv_timer_start(&call->whip->timer, on_gathering_timeout, GATHERING_TIMEOUT_MS, 0);
    net_driver_run(call->driver);
}

static void create_then_post(struct call *call) {
    struct call_whip *whip = call->whip;
    struct peer_problem problem = {.section = -1};
    whip->offer = malloc(CALL_SDP_MAX_BYTES);
    if (!whip->offer || peer_connection_create_offer(call->connection, net_clock_now_us(), whip->offer, CALL_SDP_MAX_BYTES, &whip->offer_length, &problem) != PEER_OK) {
        call_fail(call, CALL_EXIT_SDP, "sdp", "No offer could be made.", problem.rule ? problem.rule : "There is not enough memory.", "See what --codec says.");
        return;
    }
    call_say(call, 2, "our offer:\n%s", whip->offer);
    post(call, whip->offer, whip->offer_length);
}

static void begin_offer(struct call *call) {
    if (!call->driver)
        return;
    call_peer_begin_with_peer(call);
    if (!set_directions(call))
        call_fail(call, CALL_EXIT_SYSTEM, "system", "The call could not be set up.", "There is not enough memory.", "Free some, and try again.");
    else if (call->options->ice_server_count > 0)
        gather_then_post(call);
    else
        create_then_post(call);
}

/* ---- what the endpoint says ----------------------------------------------------------------------------------------------------- */

/* RFC 9725 section 4.6, MAY: those of the command line are in their place. */
static void take_servers(struct call *call, const struct signaling_whip_event *event) {
    for (size_t i = 0; i < event->server_count; i++) {
        const struct signaling_link *link = &event->servers[i];
        if (call->options->ice_server_count > 0)
            call_say(call, 1, "the endpoint's %s is not used: there is --ice-server", link->uri);
        else
            call_signaling_add_server(call, link->uri, signaling_text_of(link->username), signaling_text_of(link->credential), "the endpoint's ");
    }
}

static bool set_servers(struct call *call) {
    struct ice_server servers[ICE_SERVER_MAX];
    size_t count = call_ice_servers_map(call->servers, call->server_count, servers, ICE_SERVER_MAX);
    return count == 0 || peer_connection_set_ice_servers(call->connection, servers, count) == PEER_OK;
}

/* The offer that was posted becomes the local description, and gathering begins. */
static bool set_offer(struct call *call) {
    struct call_whip *whip = call->whip;
    if (!whip->offer)
        return true;
    int error = set_servers(call) ? peer_connection_set_local_description(call->connection, net_clock_now_us(), PEER_SDP_OFFER, whip->offer, whip->offer_length, NULL)
                                  : PEER_ERROR_MEMORY;
    free(whip->offer);
    whip->offer = NULL;
    if (error != PEER_OK)
        call_fail(call, CALL_EXIT_SOFTWARE, "sdp", "The offer could not be set.", peer_error_name(error), "Free some memory, and try again.");
    return error == PEER_OK;
}

static void on_session(struct call *call) {
    call->is_joined = call->is_signaling_open = true;
    call->timings.joined = net_clock_now_us();
    call_say(call, 0, "the endpoint has answered: %s", call->options->is_whep ? "playing" : "publishing");
}

static void on_answer(struct call *call, const struct signaling_whip_event *event) {
    on_session(call);
    take_servers(call, event);
    if (set_offer(call) && call_peer_take(call, PEER_SDP_ANSWER, event->sdp))
        net_driver_run(call->driver);
}

/* WHEP section 4.2.2: ours is of no use, nor is the connection that made it: in the next one what is received has the endpoint's sections. */
static void on_counter_offer(struct call *call, const struct signaling_whip_event *event) {
    struct call_whip *whip = call->whip;
    char *text = NULL;
    size_t length;
    on_session(call);
    call_say(call, 1, "the endpoint offers in its turn");
    take_servers(call, event);
    free(whip->offer);
    whip->offer = NULL;
    call_peer_restart(call);
    if (!call->driver)
        return;
    call_peer_begin_with_peer(call);
    if (!call_peer_take(call, PEER_SDP_OFFER, event->sdp))
        return;
    call_codecs_follow_offer(call, event->sdp.bytes, event->sdp.length);
    if (!call_peer_describe(call, PEER_SDP_ANSWER, &text, &length))
        return;
    if (peer_connection_agreed_count(call->connection, NULL) == 0)
        call_fail(call, CALL_EXIT_SDP, "sdp", "Nothing could be agreed.", "Every media section of the endpoint's offer had to be refused.", "See what --codec says.");
    else
        (void)signaling_whip_client_answer(whip->client, text, length);
    free(text);
    net_driver_run(call->driver);
}

/* ---- ICE restarts ------------------------------------------------------------------------------------------------------------------ */

void call_whip_restart(struct call *call) {
    char *text;
    size_t length;
    if (call->exchange_failures >= CALL_EXCHANGE_FAILURE_MAX || !signaling_whip_client_has_session(call->whip->client))
        return;
    if (!call_peer_describe(call, PEER_SDP_OFFER, &text, &length))
        return;
    call_say(call, 1, "restarting ICE");
    if (signaling_whip_client_restart(call->whip->client, text, length) != SIGNALING_OK) {
        call->exchange_failures++; /* taken back, it is wanted again at once */
        call_peer_take_back(call);
    }
    free(text);
    pump(call);
}

/* What was agreed, with other credentials and candidates. */
static void on_restart_answer(struct call *call, struct signaling_text fragment) {
    char *before = malloc(CALL_SDP_MAX_BYTES), *after = malloc(CALL_SDP_MAX_BYTES);
    size_t length = 0;
    bool is_made = before && after && peer_connection_description(call->connection, PEER_CURRENT_REMOTE, NULL, before, CALL_SDP_MAX_BYTES, &length) == PEER_OK &&
                   signaling_sdpfrag_apply((struct signaling_text){before, length}, fragment, after, CALL_SDP_MAX_BYTES, &length) == SIGNALING_OK;
    if (!is_made) {
        call_say(call, 0, "the endpoint's answer to the ICE restart cannot be taken");
        call->exchange_failures++;
    }
    if (!is_made || !call_peer_take(call, PEER_SDP_ANSWER, (struct signaling_text){after, length}))
        call_peer_take_back(call);
    free(before);
    free(after);
    net_driver_run(call->driver);
}

static void on_restart_refused(struct call *call, const char *sentence) {
    call_say(call, 0, "ICE is not restarted: %s", sentence);
    call->exchange_failures++;
    call_peer_take_back(call);
    net_driver_run(call->driver);
}

/* ---- what goes wrong ------------------------------------------------------------------------------------------------------------------ */

static void on_next_try(uv_timer_t *timer) {
    struct call *call = timer->data;
    (void)signaling_whip_client_again(call->whip->client);
    pump(call);
}

static void on_retry(struct call *call, const struct signaling_whip_event *event) {
    call_sentence(call->whip->refusal, "%s", event->sentence);
    call_say(call, 0, "%s Trying again in %u s", event->sentence, event->retry_after_s);
    uv_timer_start(&call->whip->timer, on_next_try, 1000u * (uint64_t)event->retry_after_s, 0);
}

/* RFC 9725 section 4.1: 4xx is about us, 5xx about the server, and more is not read into it. */
static void on_refused(struct call *call, const struct signaling_whip_event *event) {
    char what[CALL_SENTENCE_BYTES];
    call_sentence(what, "The %s endpoint refused us.", protocol_name(call));
    call_fail(call, event->status >= 500 ? CALL_EXIT_SIGNALING : CALL_EXIT_PROTOCOL, "signaling", what, event->sentence, ADVICE);
}

static void on_gone(struct call *call, const char *sentence) {
    char what[CALL_SENTENCE_BYTES];
    call_sentence(what, "The %s endpoint could not be reached.", protocol_name(call));
    call_fail(call, CALL_EXIT_SIGNALING, "signaling", what, sentence, ADVICE);
}

bool call_whip_wait_over(struct call *call) {
    if (!call->whip || call->is_joined)
        return false;
    if (call->whip->refusal[0])
        call_fail(call, CALL_EXIT_NOBODY, "signaling", "The endpoint had no answer for us before --wait was over.", call->whip->refusal,
                  "See whether the other side is there, or give a longer --wait.");
    else
        on_gone(call, "It did not answer before --wait was over.");
    return true;
}

static void on_event(struct call *call, const struct signaling_whip_event *event) {
    switch (event->type) {
    case SIGNALING_WHIP_EVENT_ANSWER:
        on_answer(call, event);
        break;
    case SIGNALING_WHIP_EVENT_COUNTER_OFFER:
        on_counter_offer(call, event);
        break;
    case SIGNALING_WHIP_EVENT_ACCEPTED:
        call->was_agreed = true;
        break;
    case SIGNALING_WHIP_EVENT_RESTART_ANSWER:
        on_restart_answer(call, event->sdp);
        break;
    case SIGNALING_WHIP_EVENT_RESTART_REFUSED:
        on_restart_refused(call, event->sentence);
        break;
    case SIGNALING_WHIP_EVENT_TRICKLE_REFUSED:
        call_say(call, call->is_connected ? 1 : 0, "our candidates were not taken: %s The endpoint has to find us by our checks%s", event->sentence,
                 call->options->ice_server_count ? "" : "; with --ice-server they would stand in the offer");
        break;
    case SIGNALING_WHIP_EVENT_RETRY:
        on_retry(call, event);
        break;
    case SIGNALING_WHIP_EVENT_REDIRECTED:
        call_say(call, 1, "redirected to %s", event->sentence);
        break;
    case SIGNALING_WHIP_EVENT_REFUSED:
        on_refused(call, event);
        break;
    case SIGNALING_WHIP_EVENT_GONE:
        on_gone(call, event->sentence);
        break;
    }
}

/* ---- the exchange of requests and responses -------------------------------------------------------------------------------------------- */

static void on_done(void *context, const struct signaling_http_response *response, const char *why) {
    struct call *call = context;
    if (response) {
        call_say(call, 1, "the endpoint answers %u", response->status);
        (void)signaling_whip_client_handle_response(call->whip->client, response);
    } else {
        signaling_whip_client_handle_failure(call->whip->client, why);
    }
    pump(call);
}

static void say_request(struct call *call, const struct signaling_http_request *request) {
    char authority[SIGNALING_HTTP_AUTHORITY_BYTES], sentence[CALL_SENTENCE_BYTES];
    signaling_http_url_authority(request->url, authority);
    call_say(call, 1, "%s %s://%s%s", request->method, request->url->is_tls ? "https" : "http", authority, request->url->target);
    if (request->bearer_token.bytes && call_token_path_step(&call->whip->token_path, request->url, sentence))
        call_say(call, 0, "%s", sentence);
}

/* Events, then the next request, until there is neither. */
static void pump(struct call *call) {
    struct call_whip *whip = call->whip;
    struct signaling_whip_event event;
    struct signaling_http_request request;
    if (call->is_pumping) /* an event's handler said something: the loop below carries it */
        return;
    call->is_pumping = true;
    while (!call->is_ending && signaling_whip_client_poll_event(whip->client, &event))
        on_event(call, &event);
    call->is_pumping = false;
    if (whip->is_stopped || (call->is_ending && !call->summary))
        return; /* between call_end and its farewell nothing is begun */
    if (signaling_whip_client_poll_request(whip->client, &request)) {
        say_request(call, &request);
        if (!call_http_begin(whip->http, &request))
            on_done(call, NULL, "There is not enough memory.");
    } else if (signaling_whip_client_is_over(whip->client)) {
        call_whip_stop(call);
    }
}

void call_whip_candidate(struct call *call, const char *candidate) {
    struct call_whip *whip = call->whip;
    if (whip->is_gathering) { /* they stand in the description */
        if (!*candidate)
            post_gathered(call);
        return;
    }
    enum signaling_error error = *candidate ? signaling_whip_client_candidate(whip->client, candidate) : signaling_whip_client_end_of_candidates(whip->client);
    if (error == SIGNALING_ERROR_CAPACITY)
        call_say(call, 0, "a candidate is not sent: SIGNALING_WHIP_TRICKLE_MAX_BYTES of them wait already");
    pump(call);
}

/* ---- life -------------------------------------------------------------------------------------------------------------------------------- */

bool call_whip_begin(struct call *call) {
    const char *problem = NULL;
    struct call_whip *whip = calloc(1, sizeof *whip);
    struct signaling_whip_client_config config = {
        .url = call->options->whip_url, .token = call->options->token[0] ? call->options->token : NULL, .is_egress = call->options->is_whep};
    if (whip) {
        whip->client = signaling_whip_client_new(&config, &problem);
        whip->http = problem ? NULL : call_http_new(&call->loop, call->options->signaling_ca_file, on_done, call);
    }
    if (!whip || !whip->http) {
        call_fail(call, problem ? CALL_EXIT_USAGE : CALL_EXIT_SYSTEM, "signaling", "The endpoint cannot be used.", problem ? problem : "There is not enough memory.",
                  "For example: https://example.org/whip/endpoint");
        if (whip)
            signaling_whip_client_free(whip->client);
        free(whip);
        return false;
    }
    call->whip = whip;
    uv_timer_init(&call->loop, &whip->timer);
    whip->timer.data = call;
    call_signaling_own_servers(call);
    if (!call_peer_begin(call))
        return false;
    begin_offer(call);
    return true;
}

void call_whip_leave(struct call *call) {
    struct call_whip *whip = call->whip;
    uv_timer_stop(&whip->timer);
    signaling_whip_client_end(whip->client);
    call->is_signaling_open = false;
    if (signaling_whip_client_has_session(whip->client) || call_http_is_sent(whip->http))
        pump(call);
    else
        call_whip_stop(call); /* there is no session, and none is being made */
}

void call_whip_stop(struct call *call) {
    struct call_whip *whip = call->whip;
    if (!whip || whip->is_stopped)
        return;
    whip->is_stopped = true;
    call_http_free(whip->http);
    uv_close((uv_handle_t *)&whip->timer, NULL);
}

void call_whip_free(struct call *call) {
    if (!call->whip)
        return;
    call_whip_stop(call);
    signaling_whip_client_free(call->whip->client);
    free(call->whip->offer);
    free(call->whip);
    call->whip = NULL;
}
