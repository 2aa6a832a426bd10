/* app/net/turn_secret.c: credentials against values made by another program, and what a secret file may look like. */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "app/net/turn_secret.h"
#include "test/net/test_net.h"

static struct net_turn_secret secret_of(const char *text, size_t length) {
    struct net_turn_secret secret = {.length = length};
    memcpy(secret.bytes, text, length);
    return secret;
}

/* draft-uberti-behave-turn-rest-00 section 2.2; values by `printf %s USERNAME | openssl dgst -sha1 -hmac SECRET -binary | base64`. */
static void test_credentials(void **state) {
    (void)state;
    char longest[NET_TURN_SECRET_MAX_BYTES];
    memset(longest, 'k', sizeof longest);
    const struct {
        struct net_turn_secret secret;
        uint64_t expiry_seconds;
        const char *id, *username, *credential;
    } cases[] = {
        {secret_of("north", 5), 1700000000, "demo", "1700000000:demo", "0fPtCL4ExhNV20Cjm4hWVgnceXs="},
        {secret_of(longest, sizeof longest), 1763740800, "9f86d081884c7d65", "1763740800:9f86d081884c7d65", "SAZ7VGbrQEfSp5OUunALDABg1OM="},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct net_turn_credential made;
        assert_true(net_turn_credential_make(&cases[i].secret, cases[i].expiry_seconds, cases[i].id, strlen(cases[i].id), &made));
        assert_string_equal(made.username, cases[i].username);
        assert_string_equal(made.credential, cases[i].credential);
    }
}

static void test_ids(void **state) {
    (void)state;
    struct net_turn_secret secret = secret_of("north", 5), none = {.length = 0};
    struct net_turn_credential made;
    char id[NET_TURN_ID_MAX_BYTES + 1];
    memset(id, 'i', sizeof id);
    assert_true(net_turn_credential_make(&secret, UINT64_MAX, id, NET_TURN_ID_MAX_BYTES - 1, &made));
    assert_true(net_turn_credential_make(&secret, UINT64_MAX, id, NET_TURN_ID_MAX_BYTES, &made));
    assert_int_equal(strlen(made.username), sizeof made.username - 1);
    assert_int_equal(strlen(made.credential), sizeof made.credential - 1);
    assert_false(net_turn_credential_make(&secret, UINT64_MAX, id, NET_TURN_ID_MAX_BYTES + 1, &made));
    assert_false(net_turn_credential_make(&secret, 1, "", 0, &made));
    assert_false(net_turn_credential_make(&secret, 1, "a:b", 3, &made));
    assert_false(net_turn_credential_make(&secret, 1, "a\0b", 3, &made));
    assert_false(net_turn_credential_make(&none, 1, "a", 1, &made));
}

static int read_text(const char *text, mode_t mode, struct net_turn_secret *out, bool *is_exposed) {
    char path[] = "/tmp/strata-turn-secret-XXXXXX";
    int descriptor = mkstemp(path);
    assert_true(descriptor >= 0);
    assert_int_equal(write(descriptor, text, strlen(text)), strlen(text));
    assert_int_equal(fchmod(descriptor, mode), 0);
    close(descriptor);
    int error = net_turn_secret_read(path, out, is_exposed);
    unlink(path);
    return error;
}

static void test_files(void **state) {
    (void)state;
    char longest[NET_TURN_SECRET_MAX_BYTES + 3];
    memset(longest, 'k', sizeof longest);
    longest[NET_TURN_SECRET_MAX_BYTES] = '\n';
    longest[NET_TURN_SECRET_MAX_BYTES + 1] = '\0';
    char shorter[NET_TURN_SECRET_MAX_BYTES] = "", too_long[NET_TURN_SECRET_MAX_BYTES + 2] = "";
    memset(shorter, 'k', sizeof shorter - 1);
    memset(too_long, 'k', sizeof too_long - 1);
    const struct {
        const char *text;
        int error;
        const char *secret;
    } cases[] = {
        {"north", 0, "north"},
        {"north\r\n", 0, "north"},
        {" two words \n\n", 0, "two words"},
        {"# made by hand\n\nnorth\n", 0, "north"},
        {"static-auth-secret=north\n", 0, "north"},
        {"realm=example.org\nuse-auth-secret\n# static-auth-secret=old\nstatic-auth-secret = no=rth \nstatic-auth-secret=next\n", 0, "no=rth"},
        {shorter, 0, shorter},
        {longest, 0, NULL},
        {too_long, -E2BIG, NULL},
        {"", -EBADMSG, NULL},
        {"\n# nothing\n", -EBADMSG, NULL},
        {"static-auth-secret=\n", -EBADMSG, NULL},
        {"realm=example.org\nuse-auth-secret\n", -EBADMSG, NULL}, /* a configuration without the line: no line of it is a secret */
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct net_turn_secret secret;
        bool is_exposed = true;
        assert_int_equal(read_text(cases[i].text, 0600, &secret, &is_exposed), cases[i].error);
        assert_int_equal(is_exposed, cases[i].error != 0);
        if (cases[i].error != 0)
            continue;
        const char *wanted = cases[i].secret ? cases[i].secret : cases[i].text;
        assert_int_equal(secret.length, cases[i].secret ? strlen(wanted) : NET_TURN_SECRET_MAX_BYTES);
        assert_memory_equal(secret.bytes, wanted, secret.length);
    }
}

static void test_exposed(void **state) {
    (void)state;
    static const struct {
        mode_t mode;
        bool is_exposed;
    } cases[] = {{0600, false}, {0400, false}, {0640, false}, {0660, true}, {0644, true}, {0602, true}};
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct net_turn_secret secret;
        bool is_exposed = !cases[i].is_exposed;
        assert_int_equal(read_text("north", cases[i].mode, &secret, &is_exposed), 0);
        assert_int_equal(is_exposed, cases[i].is_exposed);
    }
    struct net_turn_secret secret;
    bool is_exposed;
    assert_int_equal(net_turn_secret_read("/nonexistent/secret", &secret, &is_exposed), -ENOENT);
    assert_int_equal(net_turn_secret_read("/", &secret, &is_exposed), -EISDIR);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_credentials),
        cmocka_unit_test(test_ids),
        cmocka_unit_test(test_files),
        cmocka_unit_test(test_exposed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
