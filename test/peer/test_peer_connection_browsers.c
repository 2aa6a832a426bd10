/* Offers that browsers wrote, answered by a PeerConnection; their answers to other offers refused with a reason. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "test/peer/connection_pair.h"

static bool open_corpora(const char *test, char *path, size_t capacity) {
    const char *corpora = getenv("STRATA_CORPORA");
    int written = corpora ? snprintf(path, capacity, "%s/sdp-webrtc", corpora) : 0;
    DIR *folder = written > 0 && (size_t)written < capacity ? opendir(path) : NULL;
    if (!folder) {
        printf("SKIP: %s: corpora not present (set STRATA_CORPORA)\n", test);
        return false;
    }
    closedir(folder);
    return true;
}

static size_t read_text(const char *folder, const char *name, char *text, size_t capacity) {
    char path[1024];
    int written = snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = written > 0 && (size_t)written < sizeof path ? fopen(path, "rb") : NULL;
    size_t length = file ? fread(text, 1, capacity, file) : 0;
    if (file)
        fclose(file);
    return length;
}

static void answer_browser(const char *folder, const char *name) {
    static char offer[CONNECTION_PAIR_TEXT_BYTES];
    struct connection_pair pair;
    struct peer_problem problem = {0};
    size_t length = read_text(folder, name, offer, sizeof offer);
    assert_true(length > 0);
    assert_true(connection_pair_start(&pair, 1, NULL, true));
    struct peer_connection *connection = pair.ends[1].connection;
    int error = peer_connection_set_remote_description(connection, pair.now_us, PEER_SDP_OFFER, offer, length, &problem);
    if (error != PEER_OK)
        printf("%s: %s\n", name, problem.rule);
    assert_int_equal(error, PEER_OK);
    assert_int_equal(peer_connection_create_answer(connection, pair.now_us, pair.text, sizeof pair.text, &length, NULL), PEER_OK);
    assert_int_equal(peer_connection_set_local_description(connection, pair.now_us, PEER_SDP_ANSWER, pair.text, length, NULL), PEER_OK);
    for (size_t t = 0; t < 2; t++) {
        struct peer_transceiver facts;
        assert_true(peer_connection_transceiver(connection, t, &facts));
        assert_int_equal(facts.codec, t == 0 ? PEER_CODEC_OPUS : PEER_CODEC_VP8);
        assert_string_not_equal(facts.mid, "");
    }
    /* RFC 9429 section 5.3.1: data channels are taken, also where nobody here has asked for one */
    assert_non_null(strstr(pair.text, "m=application 9 "));
    assert_non_null(strstr(pair.text, "a=setup:active\r\n"));
    connection_pair_run(&pair, pair.now_us + 100000);
    connection_pair_stop(&pair);
}

static void test_chromium_and_firefox_offers(void **state) {
    (void)state;
    char folder[512];
    if (!open_corpora("test_chromium_and_firefox_offers", folder, sizeof folder))
        skip();
    answer_browser(folder, "chromium156__av_dc.sdp");
    answer_browser(folder, "firefox153__av_dc.sdp");
}

/* Whatever stands in a file: taken and answered, or refused with a rule, as offer and as an answer to our own offer. */
static void test_every_description(void **state) {
    (void)state;
    char folder[512];
    if (!open_corpora("test_every_description", folder, sizeof folder))
        skip();
    static char text[CONNECTION_PAIR_TEXT_BYTES];
    DIR *entries = opendir(folder);
    assert_non_null(entries);
    unsigned answered = 0, refused = 0;
    for (struct dirent *entry; (entry = readdir(entries)) != NULL;) {
        size_t length = entry->d_name[0] == '.' ? 0 : read_text(folder, entry->d_name, text, sizeof text);
        if (length == 0)
            continue;
        struct connection_pair pair;
        struct peer_problem problem = {0};
        assert_true(connection_pair_start(&pair, 2, NULL, true));
        int error = peer_connection_set_remote_description(pair.ends[1].connection, pair.now_us, PEER_SDP_OFFER, text, length, &problem);
        if (error == PEER_OK)
            error = peer_connection_set_local_description(pair.ends[1].connection, pair.now_us, PEER_SDP_ANSWER, NULL, 0, &problem);
        if (error == PEER_OK) {
            answered++;
        } else {
            assert_true(error == PEER_ERROR_MALFORMED);
            assert_non_null(problem.rule);
            refused++;
        }
        assert_int_equal(peer_connection_set_local_description(pair.ends[0].connection, pair.now_us, PEER_SDP_OFFER, NULL, 0, NULL), PEER_OK);
        error = peer_connection_set_remote_description(pair.ends[0].connection, pair.now_us, PEER_SDP_ANSWER, text, length, &problem);
        assert_true(error == PEER_OK || error == PEER_ERROR_MALFORMED);
        connection_pair_run(&pair, pair.now_us + 20000);
        connection_pair_stop(&pair);
    }
    closedir(entries);
    printf("answered %u, refused %u\n", answered, refused);
    assert_true(answered >= 10);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_chromium_and_firefox_offers),
        cmocka_unit_test(test_every_description),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
