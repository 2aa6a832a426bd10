/*
 * Transceivers: directions, tracks that come and go, stop, and sections that are used anew (W3C webrtc sections 5.1, 5.4 and 4.4.1.5; RFC 9429
 * sections 3.4.1, 4.2, 5.2.2 and 5.10).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include "test/peer/connection_pair.h"

static struct peer_connection *end_of(struct connection_pair *pair, int end) {
    return pair->ends[end].connection;
}

static struct peer_transceiver facts_of(struct connection_pair *pair, int end, size_t index) {
    struct peer_transceiver facts;
    assert_true(peer_connection_transceiver(end_of(pair, end), index, &facts));
    return facts;
}

static size_t add(struct connection_pair *pair, int end, enum peer_media_kind kind, enum peer_direction direction) {
    size_t index = 99;
    struct peer_transceiver_config config = {.kind = kind, .direction = direction};
    assert_int_equal(peer_connection_add_transceiver(end_of(pair, end), &config, &index), PEER_OK);
    return index;
}

static size_t add_track(struct connection_pair *pair, int end, enum peer_media_kind kind) {
    size_t index = 99;
    struct peer_transceiver_config config = {.kind = kind};
    assert_int_equal(peer_connection_add_track(end_of(pair, end), &config, &index), PEER_OK);
    return index;
}

/* One round, after which nobody has anything left to ask for. */
static void negotiate(struct connection_pair *pair, int from) {
    connection_pair_drain(pair, from); /* what happened is told before the offer settles it */
    assert_int_equal(connection_pair_describe_from(pair, from), PEER_OK);
    connection_pair_drain(pair, 0);
    connection_pair_drain(pair, 1);
}

static enum peer_direction reversed(enum peer_direction direction) {
    return (enum peer_direction)((direction & PEER_SENDONLY) << 1 | (direction & PEER_RECVONLY) >> 1);
}

/* W3C webrtc section 5.4: what both want; a remote offer makes a recvonly one, which the answerer may change before it answers. */
static void test_directions(void **state) {
    (void)state;
    for (unsigned ours = PEER_INACTIVE; ours <= PEER_SENDRECV; ours++)
        for (unsigned theirs = PEER_INACTIVE; theirs <= PEER_SENDRECV; theirs++) {
            struct connection_pair pair;
            assert_true(connection_pair_start(&pair, 1, NULL, false));
            size_t index = add(&pair, 0, PEER_VIDEO, (enum peer_direction)ours);
            assert_false(facts_of(&pair, 0, index).has_current_direction);
            connection_pair_drain(&pair, 0);
            assert_int_equal(connection_pair_set_local(&pair, 0, PEER_SDP_OFFER), PEER_OK);
            assert_int_equal(connection_pair_give_description(&pair, 0), PEER_OK);
            assert_int_equal(peer_connection_transceiver_count(end_of(&pair, 1)), 1);
            assert_int_equal(facts_of(&pair, 1, 0).direction, PEER_RECVONLY);
            assert_int_equal(pair.ends[1].tracks, ours & PEER_SENDONLY ? 1 : 0);
            assert_int_equal(peer_connection_set_direction(end_of(&pair, 1), 0, (enum peer_direction)theirs), PEER_OK);
            assert_int_equal(connection_pair_set_local(&pair, 1, PEER_SDP_ANSWER), PEER_OK);
            assert_int_equal(connection_pair_give_description(&pair, 1), PEER_OK);
            enum peer_direction agreed = (enum peer_direction)(ours & reversed((enum peer_direction)theirs));
            assert_true(facts_of(&pair, 0, 0).has_current_direction);
            assert_int_equal(facts_of(&pair, 0, 0).current_direction, agreed);
            assert_int_equal(facts_of(&pair, 1, 0).current_direction, reversed(agreed));
            assert_int_equal(facts_of(&pair, 0, 0).direction, ours); /* what is wanted stays what it was */
            assert_int_equal(pair.ends[0].tracks, agreed & PEER_RECVONLY ? 1 : 0);
            /* W3C webrtc section 4.7.3: an answerer that wants more than was offered may ask for it; more than the offer of itself nobody wants. */
            assert_int_equal(pair.ends[0].negotiation_needed, 1);
            connection_pair_stop(&pair);
        }
}

/* RFC 9429 section 5.10: sections that are offered go to those of addTrack, in their order, and to no others. */
static void test_who_takes_a_section(void **state) {
    (void)state;
    struct connection_pair pair;
    assert_true(connection_pair_start(&pair, 2, NULL, false));
    (void)add(&pair, 0, PEER_AUDIO, PEER_SENDRECV);
    (void)add(&pair, 0, PEER_VIDEO, PEER_SENDRECV);
    (void)add(&pair, 0, PEER_VIDEO, PEER_SENDONLY);
    size_t of_transceiver = add(&pair, 1, PEER_AUDIO, PEER_SENDRECV), first = add_track(&pair, 1, PEER_VIDEO), second = add_track(&pair, 1, PEER_VIDEO);
    negotiate(&pair, 0);
    assert_int_equal(facts_of(&pair, 1, of_transceiver).section, -1);
    assert_int_equal(facts_of(&pair, 1, first).section, 1);
    /* RFC 9429 section 5.10: section 2 is sendonly: it wants nothing of ours. */
    assert_int_equal(facts_of(&pair, 1, second).section, -1);
    assert_int_equal(peer_connection_transceiver_count(end_of(&pair, 1)), 5);
    assert_int_equal(facts_of(&pair, 1, 3).section, 0);
    assert_int_equal(facts_of(&pair, 1, 3).direction, PEER_RECVONLY);
    assert_int_equal(facts_of(&pair, 1, 4).section, 2);
    assert_string_equal(facts_of(&pair, 1, 4).mid, facts_of(&pair, 0, 2).mid);
    /* What found no section is in the next offer of its own side. */
    negotiate(&pair, 1);
    assert_int_equal(facts_of(&pair, 1, of_transceiver).section, 3);
    assert_int_equal(facts_of(&pair, 1, second).section, 4);
    assert_int_equal(peer_connection_transceiver_count(end_of(&pair, 0)), 5);
    for (size_t i = 0; i < 5; i++)
        assert_false(facts_of(&pair, 0, i).stopped);
    connection_pair_stop(&pair);
}

/* W3C webrtc section 5.1, addTrack: a transceiver of the kind that has never sent and has nothing to is used; removeTrack: it was used. */
static void test_add_track_reuses(void **state) {
    (void)state;
    struct connection_pair pair;
    assert_true(connection_pair_start(&pair, 3, NULL, false));
    size_t receiver = add(&pair, 0, PEER_AUDIO, PEER_RECVONLY), inactive = add(&pair, 0, PEER_AUDIO, PEER_INACTIVE);
    assert_int_equal(add_track(&pair, 0, PEER_AUDIO), receiver);
    assert_int_equal(facts_of(&pair, 0, receiver).direction, PEER_SENDRECV);
    assert_int_equal(add_track(&pair, 0, PEER_AUDIO), inactive);
    assert_int_equal(facts_of(&pair, 0, inactive).direction, PEER_SENDONLY);
    assert_int_equal(add_track(&pair, 0, PEER_AUDIO), 2);
    assert_int_equal(peer_connection_remove_track(end_of(&pair, 0), inactive), PEER_OK);
    assert_int_equal(add_track(&pair, 0, PEER_AUDIO), inactive); /* it has never sent */
    negotiate(&pair, 0);
    assert_int_equal(peer_connection_remove_track(end_of(&pair, 0), receiver), PEER_OK);
    assert_int_equal(facts_of(&pair, 0, receiver).direction, PEER_RECVONLY);
    assert_int_equal(add_track(&pair, 0, PEER_AUDIO), 3); /* it has sent */
    assert_int_equal(peer_connection_remove_track(end_of(&pair, 0), receiver), PEER_OK); /* again: nothing to do */
    assert_int_equal(peer_connection_remove_track(end_of(&pair, 0), 4), PEER_ERROR_NOT_FOUND);
    connection_pair_stop(&pair);
}

/* Tracks added and removed in mid-call, from either side: TRACK and TRACK_MUTED of W3C webrtc section 5.4.2. */
static void test_tracks_in_mid_call(void **state) {
    (void)state;
    for (int side = 0; side < 2; side++) {
        struct connection_pair pair;
        assert_true(connection_pair_start(&pair, 4, NULL, false));
        (void)add_track(&pair, 0, PEER_AUDIO);
        negotiate(&pair, 0);
        assert_int_equal(pair.ends[1].tracks, 1);
        assert_int_equal(pair.ends[0].tracks, 0);
        struct connection_end *other = &pair.ends[1 - side];
        unsigned tracks = other->tracks;
        size_t video = add_track(&pair, side, PEER_VIDEO);
        negotiate(&pair, side);
        assert_int_equal(other->tracks, tracks + 1);
        assert_int_equal(facts_of(&pair, side, video).current_direction, PEER_SENDONLY);
        assert_int_equal(peer_connection_remove_track(end_of(&pair, side), video), PEER_OK);
        negotiate(&pair, side);
        assert_int_equal(other->muted, 1);
        assert_int_equal(other->tracks, tracks + 1);
        assert_int_equal(facts_of(&pair, side, video).current_direction, PEER_INACTIVE);
        /* And again: the same transceiver on the other side tells of it again. */
        assert_int_equal(peer_connection_set_direction(end_of(&pair, side), video, PEER_SENDONLY), PEER_OK);
        negotiate(&pair, side);
        assert_int_equal(other->tracks, tracks + 2);
        /* The other side answers in kind: its transceiver has never sent, so addTrack takes it. */
        assert_int_equal(add_track(&pair, 1 - side, PEER_VIDEO), video);
        assert_int_equal(peer_connection_set_direction(end_of(&pair, side), video, PEER_SENDRECV), PEER_OK);
        negotiate(&pair, 1 - side);
        assert_int_equal(facts_of(&pair, side, video).current_direction, PEER_SENDRECV);
        connection_pair_stop(&pair);
    }
}

/* W3C webrtc section 5.4, stop: stopping at once, stopped when the answer is there, and then the section is anybody's. */
static void test_stop_and_recycle(void **state) {
    (void)state;
    for (int stopper = 0; stopper < 2; stopper++)
        for (int recycler = 0; recycler < 2; recycler++) {
            struct connection_pair pair;
            assert_true(connection_pair_start(&pair, 5, NULL, true));
            negotiate(&pair, 0);
            assert_int_equal(peer_connection_stop_transceiver(end_of(&pair, stopper), 0), PEER_OK);
            assert_int_equal(peer_connection_stop_transceiver(end_of(&pair, stopper), 0), PEER_OK);
            struct peer_transceiver facts = facts_of(&pair, stopper, 0);
            assert_true(facts.stopping && !facts.stopped && facts.has_current_direction);
            assert_int_equal(peer_connection_set_direction(end_of(&pair, stopper), 0, PEER_SENDRECV), PEER_ERROR_STATE);
            assert_non_null(strstr(peer_connection_problem(end_of(&pair, stopper)), "stopped"));
            negotiate(&pair, stopper);
            for (int i = 0; i < 2; i++) {
                facts = facts_of(&pair, i, 0);
                assert_true(facts.stopping && facts.stopped && !facts.has_current_direction);
                assert_int_equal(facts.section, -1);
                assert_int_equal(facts_of(&pair, i, 1).current_direction, PEER_SENDRECV);
            }
            assert_int_equal(pair.ends[1 - stopper].muted, 1);
            /* RFC 9429 section 5.2.2, MUST: the first section with port 0 is used for what is new, with another mid, also for another kind. */
            size_t index = add_track(&pair, recycler, PEER_VIDEO);
            assert_int_equal(index, 2); /* numbers go on while there are others */
            negotiate(&pair, recycler);
            facts = facts_of(&pair, recycler, index);
            assert_int_equal(facts.section, 0);
            assert_string_not_equal(facts.mid, "0");
            assert_int_equal(facts.current_direction, PEER_SENDONLY);
            size_t sections;
            assert_int_equal(peer_connection_agreed_count(end_of(&pair, recycler), &sections), 2);
            assert_int_equal(sections, 2);
            assert_int_equal(connection_pair_read(&pair, recycler, PEER_LOCAL), PEER_OK);
            assert_non_null(strstr(pair.text, "a=group:BUNDLE 1 2\r\n"));
            connection_pair_run(&pair, pair.now_us + 2000000);
            assert_int_equal(pair.ends[0].state, PEER_CONNECTION_CONNECTED);
            assert_int_equal(pair.ends[1].state, PEER_CONNECTION_CONNECTED);
            connection_pair_stop(&pair);
        }
}

/* W3C webrtc section 5.4, stop: in an answer, one that is only stopping is inactive; its own next offer refuses it. */
static void test_stopping_in_an_answer(void **state) {
    (void)state;
    struct connection_pair pair;
    assert_true(connection_pair_start(&pair, 6, NULL, true));
    negotiate(&pair, 0);
    assert_int_equal(peer_connection_stop_transceiver(end_of(&pair, 1), 0), PEER_OK);
    unsigned asked = pair.ends[1].negotiation_needed;
    negotiate(&pair, 0);
    assert_int_equal(facts_of(&pair, 0, 0).current_direction, PEER_INACTIVE);
    assert_false(facts_of(&pair, 0, 0).stopped);
    assert_false(facts_of(&pair, 1, 0).stopped);
    assert_int_equal(pair.ends[1].negotiation_needed, asked + 1);
    negotiate(&pair, 1);
    assert_true(facts_of(&pair, 0, 0).stopped);
    assert_true(facts_of(&pair, 1, 0).stopped);
    connection_pair_stop(&pair);
}

/* One that never had a section is in no offer, and gone after the next round. */
static void test_stop_before_any_offer(void **state) {
    (void)state;
    struct connection_pair pair;
    assert_true(connection_pair_start(&pair, 7, NULL, false));
    size_t stopped = add(&pair, 0, PEER_AUDIO, PEER_SENDRECV), other = add(&pair, 0, PEER_VIDEO, PEER_SENDRECV);
    assert_int_equal(peer_connection_stop_transceiver(end_of(&pair, 0), stopped), PEER_OK);
    negotiate(&pair, 0);
    assert_int_equal(facts_of(&pair, 0, other).section, 0);
    assert_true(facts_of(&pair, 0, stopped).stopped);
    assert_int_equal(pair.ends[0].negotiation_needed, 1);
    connection_pair_stop(&pair);
}

/* RFC 9429 section 5.2.2: a section that is being used anew is not there for a third, when who would have had it is stopped before the answer. */
static void test_stop_while_recycling(void **state) {
    (void)state;
    struct connection_pair pair;
    assert_true(connection_pair_start(&pair, 7, NULL, true));
    negotiate(&pair, 0);
    assert_int_equal(peer_connection_stop_transceiver(end_of(&pair, 0), 0), PEER_OK);
    negotiate(&pair, 0);
    size_t second = add(&pair, 0, PEER_AUDIO, PEER_SENDRECV);
    assert_int_equal(connection_pair_set_local(&pair, 0, PEER_SDP_OFFER), PEER_OK);
    assert_int_equal(facts_of(&pair, 0, second).section, 0);
    assert_int_equal(peer_connection_stop_transceiver(end_of(&pair, 0), second), PEER_OK);
    size_t third = add(&pair, 0, PEER_AUDIO, PEER_SENDRECV);
    assert_int_equal(connection_pair_set_local(&pair, 0, PEER_SDP_OFFER), PEER_OK);
    assert_int_equal(facts_of(&pair, 0, third).section, 2);
    assert_string_not_equal(facts_of(&pair, 0, second).mid, facts_of(&pair, 0, third).mid);
    connection_pair_stop(&pair);
}

/* Sections that are stopped and used anew as often as one likes: descriptions do not grow, and numbers come back when all were given. */
static void test_recycling_for_ever(void **state) {
    (void)state;
    struct connection_pair pair;
    assert_true(connection_pair_start(&pair, 8, NULL, true));
    negotiate(&pair, 0);
    size_t index = 0;
    for (int round = 0; round < 3 * PEER_TRANSCEIVER_MAX; round++) {
        int side = round % 2;
        assert_int_equal(peer_connection_stop_transceiver(end_of(&pair, 0), index), PEER_OK);
        negotiate(&pair, 0);
        size_t number = add_track(&pair, side, PEER_AUDIO);
        negotiate(&pair, side);
        assert_true(number < PEER_TRANSCEIVER_MAX);
        size_t sections;
        assert_int_equal(peer_connection_agreed_count(end_of(&pair, 0), &sections), 2);
        assert_int_equal(sections, 2);
        for (index = 0; index < PEER_TRANSCEIVER_MAX; index++) {
            struct peer_transceiver facts;
            if (peer_connection_transceiver(end_of(&pair, 0), index, &facts) && facts.section == 0)
                break;
        }
        assert_true(index < PEER_TRANSCEIVER_MAX);
    }
    assert_int_equal(peer_connection_transceiver_count(end_of(&pair, 0)), PEER_TRANSCEIVER_MAX);
    connection_pair_run(&pair, pair.now_us + 2000000);
    assert_int_equal(pair.ends[0].state, PEER_CONNECTION_CONNECTED);
    connection_pair_stop(&pair);
}

/* PEER_TRANSCEIVER_MAX that are not stopped: one more section of the peer is refused, and the others are not. */
static void test_more_sections_than_transceivers(void **state) {
    (void)state;
    struct connection_pair pair;
    assert_true(connection_pair_start(&pair, 9, NULL, false));
    for (size_t i = 0; i < PEER_TRANSCEIVER_MAX; i++)
        (void)add(&pair, 0, PEER_AUDIO, PEER_SENDRECV);
    (void)add(&pair, 1, PEER_AUDIO, PEER_SENDRECV); /* takes none of them */
    negotiate(&pair, 0);
    size_t sections;
    assert_int_equal(peer_connection_agreed_count(end_of(&pair, 1), &sections), PEER_TRANSCEIVER_MAX - 1);
    assert_int_equal(sections, PEER_TRANSCEIVER_MAX);
    assert_true(facts_of(&pair, 0, PEER_TRANSCEIVER_MAX - 1).stopped);
    assert_non_null(facts_of(&pair, 0, PEER_TRANSCEIVER_MAX - 1).refused);
    assert_false(facts_of(&pair, 0, PEER_TRANSCEIVER_MAX - 2).stopped);
    connection_pair_stop(&pair);
}

/* Ids of streams: RFC 8830; the event has the first. */
static void test_streams(void **state) {
    (void)state;
    struct connection_pair pair;
    static const char *const bad[] = {"", "-", "a b", "12345678901234567890123456789012345678901234567890123456789012345"};
    static const char *const ids[] = {"camera", "everything", "camera", "1234567890123456789012345678901234567890123456789012345678901234", "5th"};
    assert_true(connection_pair_start(&pair, 10, NULL, false));
    size_t index;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct peer_transceiver_config config = {.kind = PEER_AUDIO, .direction = PEER_SENDRECV, .streams = &bad[i], .stream_count = 1};
        assert_int_equal(peer_connection_add_track(end_of(&pair, 0), &config, &index), PEER_ERROR_ARGUMENT);
    }
    struct peer_transceiver_config config = {.kind = PEER_AUDIO, .direction = PEER_SENDRECV, .streams = ids, .stream_count = PEER_STREAM_MAX + 1};
    assert_int_equal(peer_connection_add_track(end_of(&pair, 0), &config, &index), PEER_ERROR_ARGUMENT);
    config.stream_count = PEER_STREAM_MAX;
    assert_int_equal(peer_connection_add_track(end_of(&pair, 0), &config, &index), PEER_OK);
    negotiate(&pair, 0);
    assert_int_equal(connection_pair_read(&pair, 0, PEER_LOCAL), PEER_OK);
    char *first = strstr(pair.text, "a=msid:camera ");
    assert_non_null(first);
    assert_null(strstr(first + 1, "a=msid:camera "));
    assert_non_null(strstr(pair.text, "a=msid:everything "));
    assert_string_equal(pair.ends[1].stream, "camera");
    assert_int_equal(pair.ends[0].negotiation_needed, 1);
    connection_pair_stop(&pair);
}

/* W3C webrtc section 5.4, setCodecPreferences, and section 5.3.1 of RFC 9429: ours in our order, of the other side's. */
static void test_codec_preferences(void **state) {
    (void)state;
    struct connection_pair pair;
    static const struct peer_codec_capability backwards[] = {{PEER_CODEC_VP9, NULL}, {PEER_CODEC_VP8, NULL}}, h264 = {PEER_CODEC_H264, NULL},
                                                            opus = {PEER_CODEC_OPUS, NULL};
    assert_true(connection_pair_start(&pair, 11, NULL, true));
    assert_int_equal(peer_connection_set_codec_preferences(end_of(&pair, 1), 1, backwards, 2), PEER_OK);
    assert_int_equal(peer_connection_set_codec_preferences(end_of(&pair, 1), 1, &opus, 1), PEER_ERROR_ARGUMENT);
    assert_int_equal(peer_connection_set_codec_preferences(end_of(&pair, 1), 7, backwards, 2), PEER_ERROR_NOT_FOUND);
    negotiate(&pair, 0);
    for (int i = 0; i < 2; i++)
        assert_int_equal(facts_of(&pair, i, 1).codec, PEER_CODEC_VP9);
    assert_true(facts_of(&pair, 0, 0).dtmf);
    /* RFC 9429 section 5.2.2, MUST: without preferences, a later offer is in the order of the last answer. */
    assert_int_equal(connection_pair_set_local(&pair, 0, PEER_SDP_OFFER), PEER_OK);
    assert_int_equal(connection_pair_read(&pair, 0, PEER_LOCAL), PEER_OK);
    assert_non_null(strstr(pair.text, "SAVPF 98 96\r\n"));
    assert_int_equal(connection_pair_set_local(&pair, 0, PEER_SDP_ROLLBACK), PEER_OK);
    /* H264 is offered when it is named, and only then: nothing here encodes it. */
    assert_int_equal(peer_connection_set_codec_preferences(end_of(&pair, 0), 1, &h264, 1), PEER_OK);
    assert_int_equal(peer_connection_set_codec_preferences(end_of(&pair, 1), 1, &h264, 1), PEER_OK);
    negotiate(&pair, 0);
    struct peer_transceiver facts = facts_of(&pair, 0, 1);
    assert_int_equal(facts.codec, PEER_CODEC_H264);
    assert_non_null(strstr(facts.send_parameters, "profile-level-id=42e01f"));
    assert_non_null(strstr(facts.receive_parameters, "packetization-mode=1"));
    assert_int_not_equal(facts.send_payload_type, 96);
    assert_int_not_equal(facts.send_payload_type, 98);
    assert_int_equal(peer_connection_set_codec_preferences(end_of(&pair, 0), 1, NULL, 0), PEER_OK);
    assert_int_equal(peer_connection_set_codec_preferences(end_of(&pair, 1), 1, NULL, 0), PEER_OK);
    negotiate(&pair, 1);
    assert_int_equal(facts_of(&pair, 0, 1).codec, PEER_CODEC_VP8);
    assert_int_equal(facts_of(&pair, 0, 1).send_payload_type, 96); /* it means what it always did */
    connection_pair_stop(&pair);
}

/* RFC 6184 section 8.2.2: one codec in two formats that do not understand each other; either side may offer, and both are agreed. */
static void test_one_codec_in_two_formats(void **state) {
    (void)state;
    static const struct peer_codec_capability whole = {PEER_CODEC_H264, "packetization-mode=0;profile-level-id=42e01f"};
    static const struct peer_codec_capability cut = {PEER_CODEC_H264, "packetization-mode=1;profile-level-id=42e01f"};
    const struct peer_codec_capability both[] = {whole, cut};
    struct connection_pair pair;
    for (int from = 0; from < 2; from++) {
        assert_true(connection_pair_start(&pair, 12, NULL, true));
        assert_int_equal(peer_connection_set_codec_preferences(end_of(&pair, 0), 1, both, 2), PEER_OK);
        assert_int_equal(peer_connection_set_codec_preferences(end_of(&pair, 1), 1, &cut, 1), PEER_OK);
        negotiate(&pair, from);
        for (int i = 0; i < 2; i++) {
            assert_int_equal(facts_of(&pair, i, 1).codec, PEER_CODEC_H264);
            assert_non_null(strstr(facts_of(&pair, i, 1).send_parameters, "packetization-mode=1"));
        }
        connection_pair_stop(&pair);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_directions),            cmocka_unit_test(test_who_takes_a_section),
        cmocka_unit_test(test_add_track_reuses),      cmocka_unit_test(test_tracks_in_mid_call),
        cmocka_unit_test(test_stop_and_recycle),      cmocka_unit_test(test_stopping_in_an_answer),
        cmocka_unit_test(test_stop_before_any_offer), cmocka_unit_test(test_stop_while_recycling), cmocka_unit_test(test_recycling_for_ever),
        cmocka_unit_test(test_streams),               cmocka_unit_test(test_more_sections_than_transceivers),
        cmocka_unit_test(test_codec_preferences),     cmocka_unit_test(test_one_codec_in_two_formats),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
