/* app/server/options.c: every flag, and a sentence for everything that cannot be used; none of them repeats a secret. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include <cmocka.h>

#include "app/server/options.h"

#define WORDS_MAX 128

static struct server_options options;
static struct server_problem problem;

/* Splits at blanks and parses; a word of its own is the name of the program. */
static bool parse(const char *line) {
    static char text[4096];
    static char *words[WORDS_MAX];
    int count = 0;
    (void)snprintf(text, sizeof text, "signaling-server %s", line);
    for (char *word = strtok(text, " "); word && count < WORDS_MAX; word = strtok(NULL, " "))
        words[count++] = word;
    return server_options_parse(count, words, &options, &problem);
}

static void assert_refused(const char *line, int exit_code, const char *about) {
    assert_false(parse(line));
    assert_int_equal(problem.exit_code, exit_code);
    assert_true(problem.what[0] && problem.why[0] && problem.try_this[0]);
    if (!strstr(problem.what, about) && !strstr(problem.why, about))
        fail_msg("'%s' does not speak of '%s': %s | %s", line, about, problem.what, problem.why);
}

static char secret_path[] = "/tmp/strata-server-secret-XXXXXX";

static int make_secret(void **state) {
    (void)state;
    int descriptor = mkstemp(secret_path);
    bool written = descriptor >= 0 && write(descriptor, "north\n", 6) == 6;
    return written && close(descriptor) == 0 ? 0 : -1;
}

static int remove_secret(void **state) {
    (void)state;
    return unlink(secret_path);
}

static void test_defaults(void **state) {
    (void)state;
    assert_true(parse(""));
    assert_string_equal(options.address_text, "127.0.0.1");
    assert_int_equal(options.address.port, 8080);
    assert_int_equal(options.ice_servers.configured_count, 0);
    assert_int_equal(options.ice_servers.secret.length, 0);
    assert_int_equal(options.verbosity, 0);
}

static void test_every_flag(void **state) {
    (void)state;
    char line[1024];
    (void)snprintf(line, sizeof line, "--listen [2001:db8::1]:0 --ice-server stun:a --ice-server turn:b --ice-username u --ice-credential c "
                   "--ice-server turns:c:443?transport=tcp --turn-secret-file %s --tls-cert cert --tls-key key --max-room-size 3 --max-message 1000 "
                   "--origin https://a --origin https://*.b -v", secret_path);
    assert_true(parse(line));
    assert_string_equal(options.address_text, "2001:db8::1");
    assert_int_equal(options.address.family, STUN_ADDRESS_IPV6);
    assert_int_equal(options.address.port, 0);
    assert_int_equal(options.ice_servers.configured_count, 3);
    assert_string_equal(options.ice_servers.configured[1].username.bytes, "u");
    assert_string_equal(options.ice_servers.configured[1].credential.bytes, "c");
    assert_null(options.ice_servers.configured[2].username.bytes);
    assert_int_equal(options.ice_servers.secret.length, 5);
    assert_false(options.is_turn_secret_exposed);
    assert_string_equal(options.tls_certificate_file, "cert");
    assert_string_equal(options.tls_key_file, "key");
    assert_int_equal(options.max_room_size, 3);
    assert_int_equal(options.max_message_bytes, 1000);
    assert_int_equal(options.origin_count, 2);
    assert_int_equal(options.verbosity, 1);
    assert_true(parse("--help") && options.wants_help);
    assert_true(parse("--version -q") && options.wants_version && options.verbosity == -1);
}

static void test_refusals(void **state) {
    (void)state;
    static const char *const listen[] = {"8080", ":8080", "a:8080", "127.0.0.1:", "127.0.0.1:65536", "127.0.0.1:+1", "[::1:80", "[]:80", "localhost:80"};
    for (size_t i = 0; i < sizeof listen / sizeof listen[0]; i++) {
        char line[64];
        (void)snprintf(line, sizeof line, "--listen %s", listen[i]);
        assert_refused(line, EX_USAGE, "ADDR:PORT");
    }
    assert_refused("--no-such", EX_USAGE, "no such option");
    assert_refused("--listen", EX_USAGE, "missing");
    assert_refused("--max-room-size 1", EX_USAGE, "2 to 64");
    assert_refused("--max-room-size 65", EX_USAGE, "2 to 64");
    assert_refused("--max-message 0", EX_USAGE, "1048576");
    assert_refused("--max-message 1048577", EX_USAGE, "1048576");
    assert_refused("--tls-cert c", EX_USAGE, "one is there");
    assert_refused("--ice-server http://a", EX_USAGE, "stun:");
    assert_refused("--ice-server stun:a?transport=tcp", EX_USAGE, "no query");
    assert_refused("--ice-server turn:a", EX_USAGE, "credentials");
    assert_refused("--ice-server turn:a --ice-username u", EX_USAGE, "only one");
    assert_refused("--ice-username u", EX_USAGE, "turn:");
    assert_refused("--ice-server stun:a --ice-credential c", EX_USAGE, "turn:");
}

static void test_secret_file(void **state) {
    (void)state;
    char line[256];
    assert_refused("--ice-server turn:a --turn-secret-file /nonexistent", EX_IOERR, "No such file");
    assert_refused("--ice-server turn:a --turn-secret-file /dev/null", EX_DATAERR, "static-auth-secret");
    (void)snprintf(line, sizeof line, "--turn-secret-file %s", secret_path);
    assert_refused(line, EX_USAGE, "no TURN server");
    (void)snprintf(line, sizeof line, "--ice-server turn:a --ice-username u --ice-credential c --turn-secret-file %s", secret_path);
    assert_refused(line, EX_USAGE, "no TURN server");
}

/* What is wrong about a secret is said without the secret. */
static void test_no_secret_is_repeated(void **state) {
    (void)state;
    assert_refused("--ice-credential hunter2", EX_USAGE, "turn:");
    assert_null(strstr(problem.what, "hunter2"));
    assert_refused("--ice-server turn:a --ice-credential hunter2", EX_USAGE, "only one");
    assert_true(!strstr(problem.what, "hunter2") && !strstr(problem.why, "hunter2") && !strstr(problem.try_this, "hunter2"));
}

static void test_capacities(void **state) {
    (void)state;
    static const struct {
        const char *word;
        size_t most;
    } cases[] = {{"--ice-server stun:a ", SIGNALING_ICE_SERVERS_MAX}, {"--origin https://a ", SIGNALING_SERVER_ORIGINS_MAX}};
    for (size_t i = 0; i < 2; i++) {
        char line[2048];
        size_t length = 0, word = strlen(cases[i].word);
        for (size_t count = 1; count <= cases[i].most + 1; count++) {
            memcpy(line + length, cases[i].word, word + 1);
            length += word;
            if (count + 1 >= cases[i].most)
                assert_int_equal(parse(line), count <= cases[i].most);
        }
        assert_non_null(strstr(problem.why, "_MAX"));
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_defaults),    cmocka_unit_test(test_every_flag),            cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_secret_file), cmocka_unit_test(test_no_secret_is_repeated), cmocka_unit_test(test_capacities),
    };
    return cmocka_run_group_tests(tests, make_secret, remove_secret);
}
