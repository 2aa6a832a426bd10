/* Two sessions against the real rooms, in one process: who offers, who yields. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "signaling/room.h"
#include "signaling/session.h"

#define EVENTS_MAX 32

struct side {
    struct signaling_session *session;
    signaling_member member;
    enum signaling_event_type events[EVENTS_MAX];
    bool rollback, of_ignored_offer;
    enum signaling_error refused;
    size_t event_count;
};

struct call {
    struct signaling_rooms *rooms;
    struct side sides[2];
    size_t count;
    uint8_t seed;
};

static void random_bytes(void *context, uint8_t *out, size_t length) {
    uint8_t *seed = context;
    for (size_t i = 0; i < length; i++)
        out[i] = (*seed)++;
}

static void take_events(struct side *side) {
    struct signaling_event event;
    while (signaling_session_poll_event(side->session, &event)) {
        assert_true(side->event_count < EVENTS_MAX);
        side->events[side->event_count++] = event.type;
        side->rollback = side->rollback || event.rollback;
        side->of_ignored_offer = side->of_ignored_offer || event.of_ignored_offer;
        if (event.type == SIGNALING_EVENT_REFUSED)
            side->refused = event.error;
    }
}

/* The outputs of the rooms to the sessions. */
static void deliver(struct call *call) {
    struct signaling_output output;
    while (signaling_rooms_poll_output(call->rooms, &output)) {
        for (size_t i = 0; i < call->count; i++) {
            if (call->sides[i].member == output.member) {
                assert_int_equal(signaling_session_handle_message(call->sides[i].session, output.text.bytes, output.text.length), SIGNALING_OK);
                take_events(&call->sides[i]);
            }
        }
    }
}

/* One text of the session to the rooms. */
static bool pump_one(struct call *call, size_t index) {
    struct signaling_text text;
    if (!signaling_session_poll_output(call->sides[index].session, &text))
        return false;
    signaling_rooms_handle_message(call->rooms, 0, call->sides[index].member, text.bytes, text.length);
    deliver(call);
    return true;
}

static void pump(struct call *call) {
    for (bool more = true; more;) {
        more = false;
        for (size_t i = 0; i < call->count; i++)
            more = pump_one(call, i) || more;
    }
}

static void begin(struct call *call) {
    memset(call, 0, sizeof *call);
    struct signaling_rooms_config config = {.random = random_bytes, .random_context = &call->seed};
    call->rooms = signaling_rooms_new(&config, 0);
    assert_non_null(call->rooms);
}

static void join(struct call *call, enum signaling_role role) {
    struct side *side = &call->sides[call->count++];
    side->session = signaling_session_new(role);
    assert_non_null(side->session);
    assert_int_equal(signaling_rooms_join(call->rooms, 0, "demo", 4, NULL, 0, &side->member), SIGNALING_OK);
    deliver(call);
}

static void ready(struct call *call, size_t index) {
    assert_int_equal(signaling_session_ready(call->sides[index].session), SIGNALING_OK);
    take_events(&call->sides[index]);
    pump(call);
}

static void end(struct call *call) {
    for (size_t i = 0; i < call->count; i++)
        signaling_session_free(call->sides[i].session);
    signaling_rooms_free(call->rooms);
}

static size_t count_of(const struct side *side, enum signaling_event_type type) {
    size_t count = 0;
    for (size_t i = 0; i < side->event_count; i++)
        count += side->events[i] == type;
    return count;
}

static size_t count_of_readies(struct signaling_session *session) {
    struct signaling_text text;
    size_t count = 0;
    while (signaling_session_poll_output(session, &text))
        count += strstr(text.bytes, "\"ready\"") != NULL;
    return count;
}

/* Who forgot our `ready`, because nobody had pressed start, hears it again once it says its own; once, and not one of ours. */
static void test_ready_again(void **state) {
    static const char joined[] = "{\"type\":\"joined\",\"id\":\"a\",\"room\":\"demo\",\"peers\":[\"b\"]}";
    static const struct {
        enum signaling_role role;
        const char *ready;
        size_t again;
    } cases[] = {{SIGNALING_CALLEE, "{\"type\":\"ready\",\"from\":\"b\"}", 1},
                 {SIGNALING_CALLEE, "{\"type\":\"ready\",\"role\":\"caller\",\"from\":\"b\"}", 0},
                 {SIGNALING_CALLER, "{\"type\":\"ready\",\"from\":\"b\"}", 0}};
    (void)state;
    for (size_t c = 0; c < 3; c++) {
        struct signaling_session *session = signaling_session_new(cases[c].role);
        struct signaling_event event;
        assert_non_null(session);
        assert_int_equal(signaling_session_handle_message(session, joined, strlen(joined)), SIGNALING_OK);
        while (signaling_session_poll_event(session, &event))
            continue;
        assert_int_equal(signaling_session_ready(session), SIGNALING_OK);
        assert_int_equal(count_of_readies(session), 1);
        for (size_t i = 0; i < 3; i++) {
            assert_int_equal(signaling_session_handle_message(session, cases[c].ready, strlen(cases[c].ready)), SIGNALING_OK);
            while (signaling_session_poll_event(session, &event))
                continue;
            assert_int_equal(count_of_readies(session), i == 0 ? cases[c].again : 0);
        }
        signaling_session_free(session);
    }
}

/* Whoever comes first, and whoever is ready first: exactly one offer, and by whom the rules say. */
static void test_who_offers(void **state) {
    static const struct {
        enum signaling_role roles[2]; /* in the order of joining */
        size_t offers;
    } cases[] = {{{SIGNALING_CALLER, SIGNALING_CALLEE}, 0}, {{SIGNALING_CALLEE, SIGNALING_CALLER}, 1},
                 {{SIGNALING_CALLER, SIGNALING_CALLER}, 1}, {{SIGNALING_CALLEE, SIGNALING_CALLEE}, 1}};
    (void)state;
    for (size_t c = 0; c < 4; c++) {
        for (int order = 0; order < 4; order++) {
            struct call call;
            begin(&call);
            join(&call, cases[c].roles[0]);
            if (order == 0)
                ready(&call, 0); /* nobody hears it */
            join(&call, cases[c].roles[1]);
            if (order == 0)
                pump(&call);
            if (order == 1)
                ready(&call, 0);
            ready(&call, 1);
            if (order >= 2)
                ready(&call, 0);
            if (order == 3)
                ready(&call, 0); /* said twice: no second offer */
            size_t offers = cases[c].offers;
            assert_int_equal(count_of(&call.sides[offers], SIGNALING_EVENT_CREATE_OFFER), 1);
            assert_int_equal(count_of(&call.sides[1 - offers], SIGNALING_EVENT_CREATE_OFFER), 0);
            assert_int_equal(signaling_session_send_offer(call.sides[offers].session, "o", 1), SIGNALING_OK);
            assert_int_equal(signaling_session_send_offer(call.sides[offers].session, "o", 1), SIGNALING_ERROR_STATE);
            pump(&call);
            assert_int_equal(count_of(&call.sides[1 - offers], SIGNALING_EVENT_REMOTE_OFFER), 1);
            assert_int_equal(signaling_session_send_answer(call.sides[1 - offers].session, "a", 1), SIGNALING_OK);
            pump(&call);
            assert_int_equal(count_of(&call.sides[offers], SIGNALING_EVENT_REMOTE_ANSWER), 1);
            end(&call);
        }
    }
}

/* Crossing offers: the one that joined first yields, whatever its role. */
static void test_crossing_offers(void **state) {
    (void)state;
    struct call call;
    begin(&call);
    join(&call, SIGNALING_CALLER);
    join(&call, SIGNALING_CALLEE);
    ready(&call, 0);
    ready(&call, 1);
    struct signaling_candidate candidate = {.candidate = signaling_text_of("candidate:1"), .sdp_m_line_index = 0};
    assert_int_equal(signaling_session_send_offer(call.sides[0].session, "o0", 2), SIGNALING_OK);
    assert_int_equal(signaling_session_send_candidate(call.sides[0].session, &candidate), SIGNALING_OK);
    assert_int_equal(signaling_session_send_offer(call.sides[1].session, "o1", 2), SIGNALING_OK);
    pump(&call);
    assert_int_equal(count_of(&call.sides[1], SIGNALING_EVENT_OFFER_IGNORED), 1);
    assert_int_equal(count_of(&call.sides[1], SIGNALING_EVENT_REMOTE_CANDIDATE), 1);
    assert_true(call.sides[1].of_ignored_offer);
    assert_int_equal(count_of(&call.sides[0], SIGNALING_EVENT_REMOTE_OFFER), 1);
    assert_true(call.sides[0].rollback);
    assert_int_equal(signaling_session_send_answer(call.sides[1].session, "a", 1), SIGNALING_ERROR_STATE);
    assert_int_equal(signaling_session_send_answer(call.sides[0].session, "a", 1), SIGNALING_OK);
    pump(&call);
    assert_int_equal(count_of(&call.sides[1], SIGNALING_EVENT_REMOTE_ANSWER), 1);
    end(&call);
}

/* An offer in mid-call that cannot be accepted gets no answer; the next offer of either side passes. */
static void test_declined_offer(void **state) {
    (void)state;
    struct call call;
    begin(&call);
    join(&call, SIGNALING_CALLER);
    join(&call, SIGNALING_CALLEE);
    ready(&call, 0);
    ready(&call, 1);
    assert_int_equal(signaling_session_decline(call.sides[1].session), SIGNALING_ERROR_STATE);
    assert_int_equal(signaling_session_send_offer(call.sides[0].session, "o", 1), SIGNALING_OK);
    pump(&call);
    assert_int_equal(signaling_session_send_offer(call.sides[1].session, "o", 1), SIGNALING_ERROR_STATE);
    assert_int_equal(signaling_session_decline(call.sides[1].session), SIGNALING_OK);
    assert_int_equal(signaling_session_send_answer(call.sides[1].session, "a", 1), SIGNALING_ERROR_STATE);
    assert_int_equal(signaling_session_send_offer(call.sides[1].session, "o", 1), SIGNALING_OK);
    pump(&call); /* their offer is still open there: offers cross, and the one that joined first yields */
    assert_int_equal(count_of(&call.sides[0], SIGNALING_EVENT_REMOTE_OFFER), 1);
    assert_true(call.sides[0].rollback);
    end(&call);
}

static void test_bye_leave_and_return(void **state) {
    (void)state;
    struct call call;
    begin(&call);
    join(&call, SIGNALING_CALLER);
    assert_int_equal(signaling_session_bye(call.sides[0].session), SIGNALING_ERROR_STATE); /* to whom? */
    join(&call, SIGNALING_CALLEE);
    ready(&call, 0);
    ready(&call, 1);
    assert_int_equal(signaling_session_bye(call.sides[1].session), SIGNALING_OK);
    pump(&call);
    assert_int_equal(count_of(&call.sides[0], SIGNALING_EVENT_PEER_BYE), 1);
    assert_int_equal(signaling_rooms_leave(call.rooms, 0, call.sides[1].member, "closed"), SIGNALING_OK);
    deliver(&call);
    assert_int_equal(count_of(&call.sides[0], SIGNALING_EVENT_PEER_LEFT), 1);
    assert_false(signaling_session_has_peer(call.sides[0].session));
    signaling_session_free(call.sides[1].session);
    call.count = 1;
    call.sides[1] = (struct side){0};
    join(&call, SIGNALING_CALLEE); /* another one: the caller says ready again, and offers again */
    ready(&call, 1);
    assert_int_equal(count_of(&call.sides[0], SIGNALING_EVENT_CREATE_OFFER), 2);
    end(&call);
}

static void test_bad_messages_are_events(void **state) {
    static const char *const texts[] = {"{", "{\"type\":\"answer\",\"sdp\":\"x\"}", "{\"type\":\"what\"}"};
    (void)state;
    for (size_t i = 0; i < 3; i++) {
        struct signaling_session *session = signaling_session_new(SIGNALING_CALLER);
        struct signaling_event event;
        assert_int_equal(signaling_session_handle_message(session, texts[i], strlen(texts[i])), SIGNALING_OK);
        assert_int_equal(signaling_session_handle_message(session, "{}", 2), SIGNALING_ERROR_STATE);
        assert_true(signaling_session_poll_event(session, &event));
        assert_int_equal(event.type, SIGNALING_EVENT_PROBLEM);
        assert_true(strlen(event.problem->sentence) > 0);
        assert_false(signaling_session_poll_event(session, &event));
        signaling_session_free(session);
    }
    assert_null(signaling_session_new(0));
}

static void test_third_member_is_not_heard(void **state) {
    static const char *const texts[] = {"{\"type\":\"joined\",\"id\":\"me\",\"peers\":[\"b\",\"c\"]}", "{\"type\":\"offer\",\"sdp\":\"x\",\"from\":\"c\"}",
                                        "{\"type\":\"peer-left\",\"id\":\"c\"}", "{\"type\":\"offer\",\"sdp\":\"x\",\"from\":\"b\"}"};
    static const size_t events[] = {1, 0, 0, 1};
    struct signaling_session *session = signaling_session_new(SIGNALING_CALLEE);
    (void)state;
    for (size_t i = 0; i < 4; i++) {
        struct signaling_event event;
        size_t count = 0;
        assert_int_equal(signaling_session_handle_message(session, texts[i], strlen(texts[i])), SIGNALING_OK);
        while (signaling_session_poll_event(session, &event))
            count++;
        assert_int_equal(count, events[i]);
    }
    signaling_session_free(session);
}

/* The queue's limits: how many texts, and how many bytes. */
static void test_queue_limits(void **state) {
    struct signaling_session *session = signaling_session_new(SIGNALING_CALLER);
    struct signaling_text text;
    (void)state;
    for (size_t i = 0; i < SIGNALING_SESSION_QUEUE_MAX; i++)
        assert_int_equal(signaling_session_ready(session), SIGNALING_OK);
    assert_int_equal(signaling_session_ready(session), SIGNALING_ERROR_CAPACITY);
    assert_true(signaling_session_poll_output(session, &text));
    assert_int_equal(signaling_session_ready(session), SIGNALING_OK);
    while (signaling_session_poll_output(session, &text))
        assert_true(signaling_text_is(text, "{\"type\":\"ready\",\"role\":\"caller\"}"));
    static const char joined[] = "{\"type\":\"joined\",\"id\":\"a\",\"peers\":[\"b\"]}";
    assert_int_equal(signaling_session_handle_message(session, joined, sizeof joined - 1), SIGNALING_OK);
    struct signaling_event event;
    while (signaling_session_poll_event(session, &event))
        continue;
    char *sdp = malloc(SIGNALING_MESSAGE_MAX_BYTES);
    memset(sdp, 'x', SIGNALING_MESSAGE_MAX_BYTES);
    size_t around = strlen("{\"type\":\"offer\",\"sdp\":\"\"}");
    assert_int_equal(signaling_session_send_offer(session, sdp, SIGNALING_MESSAGE_MAX_BYTES - around + 1), SIGNALING_ERROR_TOO_LARGE);
    assert_int_equal(signaling_session_send_offer(session, sdp, SIGNALING_MESSAGE_MAX_BYTES - around), SIGNALING_OK);
    assert_int_equal(signaling_session_ready(session), SIGNALING_ERROR_CAPACITY);
    free(sdp);
    signaling_session_free(session);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_who_offers),              cmocka_unit_test(test_crossing_offers),
        cmocka_unit_test(test_bye_leave_and_return),    cmocka_unit_test(test_bad_messages_are_events),
        cmocka_unit_test(test_third_member_is_not_heard), cmocka_unit_test(test_queue_limits),
        cmocka_unit_test(test_declined_offer),           cmocka_unit_test(test_ready_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
