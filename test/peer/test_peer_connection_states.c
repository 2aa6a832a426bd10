/* The tables of the W3C, row by row: all combinations of one and two transports against a second reading of the text. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include "app/peer/peer_connection_internal.h"

#define ICE_STATES 7
#define DTLS_STATES 5

static bool is_any_ice(const struct peer_transport_states *t, size_t n, enum ice_state state) {
    for (size_t i = 0; i < n; i++)
        if (t[i].ice == state)
            return true;
    return false;
}

static bool is_any_dtls(const struct peer_transport_states *t, size_t n, enum dtls_transport_state state) {
    for (size_t i = 0; i < n; i++)
        if (t[i].dtls == state)
            return true;
    return false;
}

/* W3C webrtc section 4.3.3, read by exclusion: what may not occur in a row that speaks of "all". */
static enum peer_connection_state expected_connection(const struct peer_transport_states *t, size_t n) {
    if (is_any_ice(t, n, ICE_STATE_FAILED) || is_any_dtls(t, n, DTLS_TRANSPORT_FAILED))
        return PEER_CONNECTION_FAILED;
    if (is_any_ice(t, n, ICE_STATE_DISCONNECTED))
        return PEER_CONNECTION_DISCONNECTED;
    bool is_under_way = is_any_ice(t, n, ICE_STATE_CHECKING) || is_any_dtls(t, n, DTLS_TRANSPORT_CONNECTING);
    bool is_some_up = is_any_ice(t, n, ICE_STATE_CONNECTED) || is_any_ice(t, n, ICE_STATE_COMPLETED) || is_any_dtls(t, n, DTLS_TRANSPORT_CONNECTED);
    bool is_some_new = is_any_ice(t, n, ICE_STATE_NEW) || is_any_dtls(t, n, DTLS_TRANSPORT_NEW);
    if (!is_under_way && !is_some_up)
        return PEER_CONNECTION_NEW;
    return is_under_way || is_some_new ? PEER_CONNECTION_CONNECTING : PEER_CONNECTION_CONNECTED;
}

static void test_connection_state_table(void **state) {
    (void)state;
    struct peer_transport_states t[2] = {{0}, {0}};
    for (int a = 0; a < ICE_STATES * DTLS_STATES; a++) {
        t[0].ice = (enum ice_state)(a / DTLS_STATES);
        t[0].dtls = (enum dtls_transport_state)(a % DTLS_STATES);
        assert_int_equal(peer_states_connection(false, t, 1), expected_connection(t, 1));
        assert_int_equal(peer_states_connection(true, t, 1), PEER_CONNECTION_CLOSED);
        for (int b = 0; b < ICE_STATES * DTLS_STATES; b++) {
            t[1].ice = (enum ice_state)(b / DTLS_STATES);
            t[1].dtls = (enum dtls_transport_state)(b % DTLS_STATES);
            assert_int_equal(peer_states_connection(false, t, 2), expected_connection(t, 2));
        }
    }
    assert_int_equal(peer_states_connection(false, t, 0), PEER_CONNECTION_NEW);
}

static void test_ice_connection_state_table(void **state) {
    (void)state;
    static const struct {
        enum ice_state a, b, expected;
    } rows[] = { /* W3C webrtc section 4.3.4 */
        {ICE_STATE_NEW, ICE_STATE_NEW, ICE_STATE_NEW},
        {ICE_STATE_NEW, ICE_STATE_CLOSED, ICE_STATE_NEW},
        {ICE_STATE_NEW, ICE_STATE_CONNECTED, ICE_STATE_CHECKING},
        {ICE_STATE_CHECKING, ICE_STATE_COMPLETED, ICE_STATE_CHECKING},
        {ICE_STATE_CONNECTED, ICE_STATE_COMPLETED, ICE_STATE_CONNECTED},
        {ICE_STATE_CONNECTED, ICE_STATE_CLOSED, ICE_STATE_CONNECTED},
        {ICE_STATE_COMPLETED, ICE_STATE_CLOSED, ICE_STATE_COMPLETED},
        {ICE_STATE_COMPLETED, ICE_STATE_COMPLETED, ICE_STATE_COMPLETED},
        {ICE_STATE_DISCONNECTED, ICE_STATE_CHECKING, ICE_STATE_DISCONNECTED},
        {ICE_STATE_DISCONNECTED, ICE_STATE_FAILED, ICE_STATE_FAILED},
        {ICE_STATE_FAILED, ICE_STATE_COMPLETED, ICE_STATE_FAILED},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct peer_transport_states t[2] = {{.ice = rows[i].a}, {.ice = rows[i].b}};
        assert_int_equal(peer_states_ice_connection(false, t, 2), rows[i].expected);
        struct peer_transport_states swapped[2] = {t[1], t[0]};
        assert_int_equal(peer_states_ice_connection(false, swapped, 2), rows[i].expected);
        assert_int_equal(peer_states_ice_connection(true, t, 2), ICE_STATE_CLOSED);
    }
    assert_int_equal(peer_states_ice_connection(false, NULL, 0), ICE_STATE_NEW);
}

static void test_ice_gathering_state_table(void **state) {
    (void)state;
    struct peer_transport_states t[2];
    memset(t, 0, sizeof t);
    for (int a = 0; a < 3; a++)
        for (int b = 0; b < 3; b++) {
            t[0].gathering = (enum ice_gathering_state)a;
            t[1].gathering = (enum ice_gathering_state)b;
            /* W3C webrtc section 4.3.2 */
            enum ice_gathering_state expected = a == ICE_GATHERING_GATHERING || b == ICE_GATHERING_GATHERING ? ICE_GATHERING_GATHERING
                                                : a == ICE_GATHERING_COMPLETE && b == ICE_GATHERING_COMPLETE ? ICE_GATHERING_COMPLETE
                                                                                                             : ICE_GATHERING_NEW;
            assert_int_equal(peer_states_ice_gathering(t, 2), expected);
        }
    assert_int_equal(peer_states_ice_gathering(t, 0), ICE_GATHERING_NEW);
}

/* RFC 9429 section 3.2, figure 2, and section 4.1.10.2; W3C webrtc section 4.4.1.5 for rollback: all 48 */
static void test_signaling_transitions(void **state) {
    (void)state;
    enum { NO = -1, STABLE = PEER_SIGNALING_STABLE, LO = PEER_SIGNALING_HAVE_LOCAL_OFFER, RO = PEER_SIGNALING_HAVE_REMOTE_OFFER,
           LP = PEER_SIGNALING_HAVE_LOCAL_PRANSWER, RP = PEER_SIGNALING_HAVE_REMOTE_PRANSWER };
    static const enum peer_sdp_type types[] = {PEER_SDP_OFFER, PEER_SDP_PRANSWER, PEER_SDP_ANSWER, PEER_SDP_ROLLBACK};
    static const int table[][2][4] = {
        /*                                         local: offer, pranswer, answer, rollback; remote: the same */
        [PEER_SIGNALING_STABLE] = {{LO, NO, NO, NO}, {RO, NO, NO, NO}},
        [PEER_SIGNALING_HAVE_LOCAL_OFFER] = {{LO, NO, NO, STABLE}, {NO, RP, STABLE, STABLE}},
        [PEER_SIGNALING_HAVE_REMOTE_OFFER] = {{NO, LP, STABLE, STABLE}, {RO, NO, NO, STABLE}},
        [PEER_SIGNALING_HAVE_LOCAL_PRANSWER] = {{NO, LP, STABLE, NO}, {NO, NO, NO, NO}},
        [PEER_SIGNALING_HAVE_REMOTE_PRANSWER] = {{NO, NO, NO, NO}, {NO, RP, STABLE, NO}},
        [PEER_SIGNALING_CLOSED] = {{NO, NO, NO, NO}, {NO, NO, NO, NO}},
    };
    for (int s = PEER_SIGNALING_STABLE; s <= PEER_SIGNALING_CLOSED; s++)
        for (int side = 0; side < 2; side++)
            for (int column = 0; column < 4; column++) {
                enum peer_signaling_state next = (enum peer_signaling_state)s;
                bool is_allowed = peer_states_signaling_next((enum peer_signaling_state)s, side == 0, types[column], &next);
                assert_int_equal(is_allowed, table[s][side][column] != NO);
                if (is_allowed)
                    assert_int_equal(next, table[s][side][column]);
            }
}

static void test_names_are_the_w3c_words(void **state) {
    (void)state;
    assert_string_equal(peer_signaling_state_name(PEER_SIGNALING_STABLE), "stable");
    assert_string_equal(peer_signaling_state_name(PEER_SIGNALING_HAVE_LOCAL_OFFER), "have-local-offer");
    assert_string_equal(peer_signaling_state_name(PEER_SIGNALING_HAVE_REMOTE_OFFER), "have-remote-offer");
    assert_string_equal(peer_signaling_state_name(PEER_SIGNALING_HAVE_LOCAL_PRANSWER), "have-local-pranswer");
    assert_string_equal(peer_signaling_state_name(PEER_SIGNALING_HAVE_REMOTE_PRANSWER), "have-remote-pranswer");
    assert_string_equal(peer_signaling_state_name(PEER_SIGNALING_CLOSED), "closed");
    assert_string_equal(peer_connection_state_name(PEER_CONNECTION_NEW), "new");
    assert_string_equal(peer_connection_state_name(PEER_CONNECTION_CLOSED), "closed");
    assert_string_equal(peer_media_kind_name(PEER_VIDEO), "video");
    static const char *const codecs[PEER_CODEC_COUNT] = {"", "opus", "PCMU", "PCMA", "VP8", "VP9", "H264", "AV1"};
    for (int codec = 0; codec < PEER_CODEC_COUNT; codec++)
        assert_string_equal(peer_codec_name((enum peer_codec)codec), codecs[codec]);
    assert_string_equal(peer_statistics_type_name(PEER_STATISTICS_REMOTE_INBOUND_RTP), "remote-inbound-rtp");
    for (int error = PEER_ERROR_CRYPTO; error <= PEER_OK; error++)
        assert_string_not_equal(peer_error_name(error), "unknown error");
    assert_string_equal(peer_error_name(-99), "unknown error");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_connection_state_table),
        cmocka_unit_test(test_ice_connection_state_table),
        cmocka_unit_test(test_ice_gathering_state_table),
        cmocka_unit_test(test_signaling_transitions),
        cmocka_unit_test(test_names_are_the_w3c_words),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
