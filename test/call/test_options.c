#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "app/call/options.h"

#define ROOM "ws://127.0.0.1:8080/r/demo"
#define WORDS_MAX 40

static struct call_options options;
static struct call_problem problem;

static enum call_program program = CALL_PROGRAM_CALLER;

/* Splits at blanks and parses; a word of its own is the name of the program. */
static bool parse(const char *line) {
    static char text[4096];
    static char *words[WORDS_MAX];
    int count = 0;
    (void)snprintf(text, sizeof text, "caller %s", line);
    for (char *word = strtok(text, " "); word && count < WORDS_MAX; word = strtok(NULL, " "))
        words[count++] = word;
    return call_options_parse(count, words, program, &options, &problem);
}

static void assert_refused(const char *line, const char *about) {
    assert_false(parse(line));
    assert_int_equal(problem.exit_code, CALL_EXIT_USAGE);
    assert_true(problem.what[0] && problem.why[0] && problem.try_this[0]);
    if (!strstr(problem.what, about) && !strstr(problem.why, about))
        fail_msg("'%s' does not speak of '%s': %s | %s", line, about, problem.what, problem.why);
}

static void test_defaults(void **state) {
    (void)state;
    assert_true(parse(ROOM));
    assert_string_equal(options.room_url, ROOM);
    assert_string_equal(options.audio, "tone");
    assert_string_equal(options.video, "pattern");
    assert_true(options.wait_seconds == CALL_WAIT_DEFAULT_SECONDS);
    assert_true(options.duration_seconds == 0);
    assert_false(options.json);
    assert_int_equal(options.verbosity, 0);
    assert_int_equal(options.mdns, CALL_MDNS_RESOLVE);
    assert_int_equal(options.bundle_policy, CALL_BUNDLE_MAX_BUNDLE);
    assert_null(options.turn_ca_file);
}

static void test_every_flag(void **state) {
    (void)state;
    assert_true(parse("--audio a.wav --video=b.y4m --stamp --codec VP8,opus --size 320x240 --fps 15 --bitrate 800k --play none --record out "
                      "--duration 20 --wait 2.5 --json=log --keylog keys -4 --interface eth0 --ice-transport-policy relay --mdns off -vv "
                      "--ice-server stun:a.example --ice-server stun:[2001:db8::1]:5000 " ROOM));
    assert_string_equal(options.audio, "a.wav");
    assert_string_equal(options.video, "b.y4m");
    assert_true(options.stamp && options.only_ipv4 && options.relay_only && options.json);
    assert_int_equal(options.codec_count, 2);
    assert_string_equal(options.codecs[0], "vp8");
    assert_string_equal(options.codecs[1], "opus");
    assert_int_equal(options.width, 320);
    assert_int_equal(options.height, 240);
    assert_int_equal(options.frames_per_second, 15);
    assert_int_equal(options.bitrate_bps, 800000);
    assert_true(options.duration_seconds == 20 && options.wait_seconds == 2.5);
    assert_string_equal(options.json_file, "log");
    assert_string_equal(options.key_log, "keys");
    assert_int_equal(options.verbosity, 2);
    assert_int_equal(options.ice_server_count, 2);
    assert_string_equal(options.ice_servers[0].host, "a.example");
    assert_int_equal(options.ice_servers[0].port, 3478);
    assert_string_equal(options.ice_servers[1].host, "2001:db8::1");
    assert_int_equal(options.ice_servers[1].port, 5000);
}

static void test_json_takes_no_next_word(void **state) {
    (void)state;
    assert_true(parse("--json " ROOM));
    assert_null(options.json_file);
    assert_string_equal(options.room_url, ROOM);
}

static void test_refusals(void **state) {
    (void)state;
    assert_refused("", "room");
    assert_refused("--no-such-flag " ROOM, "--no-such-flag");
    assert_refused(ROOM " " ROOM, "already");
    assert_refused("http://x/r/demo", "ws://");
    assert_refused("ws://x/demo", "/r/ROOM");
    assert_refused("ws://x/r/de*mo", "/r/ROOM");
    assert_refused("--wait " ROOM, "--wait");
    assert_refused("--wait nan " ROOM, "seconds");
    assert_refused("--wait -1 " ROOM, "seconds");
    assert_refused("--duration 0 " ROOM, "seconds");
    assert_refused("--duration= " ROOM, "missing");
    assert_refused(ROOM " --record", "missing");
    assert_refused("--stamp=yes " ROOM, "no value");
    assert_refused("-4 -6 " ROOM, "-4 -6");
    assert_refused("--codec opus,,vp8 " ROOM, "empty");
    assert_refused("--codec g722 " ROOM, "opus");
    assert_refused("--dtmf= " ROOM, "missing");
    assert_refused("--dtmf 12x " ROOM, "0-9");
    assert_refused("--dtmf 12d " ROOM, "0-9");
    assert_refused("--size 640 " ROOM, "WIDTHxHEIGHT");
    assert_refused("--size 641x480 " ROOM, "even");
    assert_refused("--size x480 " ROOM, "WIDTHxHEIGHT");
    assert_refused("--fps 0 " ROOM, "number");
    assert_refused("--fps 4294967297 " ROOM, "number");
    assert_refused("--bitrate 9999 " ROOM, "number");
    assert_refused("--play sdl " ROOM, "not part");
    assert_refused("--ice-transport-policy some " ROOM, "policy");
    assert_refused("--ice-server http://relay.example " ROOM, "stun:");
    assert_refused("--mdns on " ROOM, "resolve");
    assert_refused("--bundle-policy none " ROOM, "max-bundle");
    assert_refused("--turn-ca= " ROOM, "--turn-ca");
}

/* Who asks for a channel only gets a channel only; stdout is the channel's. A label has 1 to CALL_DATA_LABEL_MAX_BYTES bytes. */
static void test_data(void **state) {
    (void)state;
    assert_true(parse("--data files " ROOM));
    assert_string_equal(options.data_label, "files");
    assert_string_equal(options.audio, "none");
    assert_string_equal(options.video, "none");
    assert_true(parse("--data chat --audio tone:500 --json=log " ROOM));
    assert_string_equal(options.audio, "tone:500");
    assert_string_equal(options.video, "none");
    assert_true(parse(ROOM));
    assert_null(options.data_label);
    assert_string_equal(options.audio, "tone");
    assert_string_equal(options.video, "pattern");
    assert_refused("--data x --json " ROOM, "stdout");
    assert_refused("--data= " ROOM, "missing");
    for (int length = CALL_DATA_LABEL_MAX_BYTES - 1; length <= CALL_DATA_LABEL_MAX_BYTES + 1; length++) {
        char line[400];
        (void)snprintf(line, sizeof line, "--data %0*d %s", length, 1, ROOM);
        assert_int_equal(parse(line), length <= CALL_DATA_LABEL_MAX_BYTES);
    }
    program = CALL_PROGRAM_PROBE;
    assert_refused("--data x", "no call");
    program = CALL_PROGRAM_CALLER;
}

/* interface flags of later versions are known by name: none is ignored, none is taken for a typing error. */
static void test_later_flags_are_refused(void **state) {
    (void)state;
    static const char *const later[] = {"--min-bitrate 1", "--max-bitrate 1", "--pcap f"};
    for (size_t i = 0; i < sizeof later / sizeof later[0]; i++) {
        char line[128];
        (void)snprintf(line, sizeof line, "%s %s", later[i], ROOM);
        assert_refused(line, "later version");
    }
}

/* ---- WHIP and WHEP --------------------------------------------------------------------------------------------------------- */

#define WHIP "--whip https://h/whip/e "
#define WHEP "--whep http://h/whep/e "

static void test_whip(void **state) {
    (void)state;
    assert_true(parse(WHIP "--signaling-ca ca.pem"));
    assert_string_equal(options.whip_url, "https://h/whip/e");
    assert_true(!options.is_whep && !options.room_url);
    assert_string_equal(options.audio, "tone");
    assert_string_equal(options.video, "pattern");
    assert_string_equal(options.signaling_ca_file, "ca.pem");
    assert_string_equal(options.token, "");
    assert_true(parse(WHEP "--record x"));
    assert_true(options.is_whep);
    assert_string_equal(options.audio, "none");
    assert_string_equal(options.video, "none");
    assert_true(parse(WHIP "--audio none") && parse(WHIP "--video none") && parse(WHEP "--video none"));
    assert_refused(WHIP WHEP, "already");
    assert_refused(WHIP ROOM, "room URL");
    assert_refused("--whip ws://h/r/x", "http://");
    assert_refused(WHIP "--audio none --video none", "nothing else");
    assert_refused(WHIP "--data x", "audio and video only");
    assert_refused(WHIP "--bundle-policy balanced", "max-bundle");
    assert_refused(WHIP "--record x", "nothing is received");
    assert_refused(WHEP "--audio tone", "nothing is sent");
    assert_refused(WHEP "--dtmf 1", "nothing is sent");
    program = CALL_PROGRAM_CALLEE;
    assert_refused(WHIP, "no offer");
    program = CALL_PROGRAM_PROBE;
    assert_refused(WHIP, "no call");
    program = CALL_PROGRAM_CALLER;
}

static void test_token_file(void **state) {
    (void)state;
    char path[] = "/tmp/strata-token-XXXXXX", line[256];
    int descriptor = mkstemp(path);
    assert_true(descriptor >= 0);
    assert_int_equal(write(descriptor, "a.b\n", 4), 4);
    (void)snprintf(line, sizeof line, WHIP "--token-file %s", path);
    assert_true(parse(line));
    assert_string_equal(options.token, "a.b");
    (void)snprintf(line, sizeof line, "--token-file %s " ROOM, path);
    assert_refused(line, "rooms ask for no token");
    (void)snprintf(line, sizeof line, WHIP "--token-file %s", path);
    assert_int_equal(write(descriptor, "c d\n", 4), 4);
    assert_false(parse(line));
    assert_int_equal(problem.exit_code, CALL_EXIT_INPUT);
    assert_null(strstr(problem.what, "a.b")); /* no sentence holds a token */
    close(descriptor);
    unlink(path);
    assert_false(parse(line));
    assert_int_equal(problem.exit_code, CALL_EXIT_FILE);
}

/* ---- TURN servers --------------------------------------------------------------------------------------------------------- */

/* Username and credential belong to the server before them, from wherever the credential comes. */
static void test_turn_servers(void **state) {
    (void)state;
    assert_true(parse("--ice-server turn:a --ice-username u1 --ice-credential c1 --ice-server stun:b --ice-server turns:[::1]:443?transport=tcp "
                      "--ice-credential=c=2 --ice-username=u:2 --turn-ca ca.pem --mdns offer " ROOM));
    assert_int_equal(options.ice_server_count, 3);
    assert_string_equal(options.ice_servers[0].username, "u1");
    assert_string_equal(options.ice_servers[0].credential, "c1");
    assert_string_equal(options.ice_servers[1].username, "");
    assert_string_equal(options.ice_servers[2].username, "u:2");
    assert_string_equal(options.ice_servers[2].credential, "c=2");
    assert_string_equal(options.turn_ca_file, "ca.pem");
    assert_int_equal(options.mdns, CALL_MDNS_OFFER);
    assert_true(parse("--bundle-policy balanced " ROOM) && options.bundle_policy == CALL_BUNDLE_BALANCED);
    assert_true(parse("--bundle-policy=max-compat " ROOM) && options.bundle_policy == CALL_BUNDLE_MAX_COMPAT);
    assert_true(parse("--bundle-policy max-bundle " ROOM) && options.bundle_policy == CALL_BUNDLE_MAX_BUNDLE);
    assert_true(parse("--mdns resolve " ROOM) && options.mdns == CALL_MDNS_RESOLVE);
    assert_refused("--ice-username u " ROOM, "turn:");
    assert_refused("--ice-server stun:a --ice-username u " ROOM, "turn:");
    assert_refused("--ice-server turn:a " ROOM, "user name");
    assert_refused("--ice-server turn:a --ice-credential c " ROOM, "user name");
    assert_refused("--ice-server turn:a --ice-username u " ROOM, "wants a credential");
    assert_non_null(strstr(problem.what, "turn:a:3478"));
}

static void test_credential_of_the_environment(void **state) {
    (void)state;
    assert_int_equal(setenv("STRATA_ICE_CREDENTIAL", "from the environment", 1), 0);
    assert_true(parse("--ice-server turn:a --ice-username u --ice-server turn:b --ice-username v --ice-credential given --ice-server stun:c " ROOM));
    assert_string_equal(options.ice_servers[0].credential, "from the environment");
    assert_string_equal(options.ice_servers[1].credential, "given");
    assert_string_equal(options.ice_servers[2].credential, "");
    assert_refused("--ice-server turn:a " ROOM, "user name");
    assert_int_equal(setenv("STRATA_ICE_CREDENTIAL", "", 1), 0);
    assert_refused("--ice-server turn:a --ice-username u " ROOM, "empty");
    assert_int_equal(unsetenv("STRATA_ICE_CREDENTIAL"), 0);
}

/* The first line of a file; capacities of it and of the other texts at their limits. */
static void test_credential_file(void **state) {
    (void)state;
    char path[] = "/tmp/strata-credential-XXXXXX", line[2048], text[CALL_SECRET_BYTES + 8];
    int descriptor = mkstemp(path);
    assert_true(descriptor >= 0);
    close(descriptor);
    (void)snprintf(line, sizeof line, "--ice-server turn:a --ice-username u --ice-credential-file %s " ROOM, path);
    for (size_t length = CALL_SECRET_BYTES - 2; length <= CALL_SECRET_BYTES + 2; length++) {
        memset(text, 'c', length);
        memcpy(text + length, "\r\nsecond\n", length < CALL_SECRET_BYTES ? 3 : 1);
        FILE *file = fopen(path, "w");
        assert_non_null(file);
        assert_int_equal(fwrite(text, 1, length + (length < CALL_SECRET_BYTES ? 2 : 0), file), length + (length < CALL_SECRET_BYTES ? 2 : 0));
        assert_int_equal(fclose(file), 0);
        assert_int_equal(parse(line), length < CALL_SECRET_BYTES);
        if (length < CALL_SECRET_BYTES)
            assert_int_equal(strlen(options.ice_servers[0].credential), length);
    }
    FILE *empty = fopen(path, "w");
    assert_true(empty && fclose(empty) == 0);
    assert_false(parse(line));
    assert_int_equal(problem.exit_code, CALL_EXIT_FILE);
    unlink(path);
    assert_false(parse(line));
    assert_int_equal(problem.exit_code, CALL_EXIT_FILE);
    assert_non_null(strstr(problem.why, "No such file"));
}

/* RFC 8489 section 14.3: USERNAME has fewer than 509 bytes. */
static void test_username_limit(void **state) {
    (void)state;
    char line[2048], name[CALL_USERNAME_BYTES + 2];
    for (size_t length = CALL_USERNAME_BYTES - 2; length <= CALL_USERNAME_BYTES; length++) {
        memset(name, 'u', length);
        name[length] = '\0';
        (void)snprintf(line, sizeof line, "--ice-server turn:a --ice-username %s --ice-credential c " ROOM, name);
        assert_int_equal(parse(line), length < CALL_USERNAME_BYTES);
    }
}

/* What is wrong about a secret is said without the secret. */
static void test_no_secret_is_repeated(void **state) {
    (void)state;
    static const char *const lines[] = {"--ice-credential hunter2 " ROOM, "--ice-server stun:a --ice-credential hunter2 " ROOM,
                                        "--ice-server turn:a --ice-credential hunter2 " ROOM};
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        assert_false(parse(lines[i]));
        assert_true(!strstr(problem.what, "hunter2") && !strstr(problem.why, "hunter2") && !strstr(problem.try_this, "hunter2"));
    }
}

/* probe has the flags about the network and the log; a room and what belongs to a call it does not have. */
static void test_probe(void **state) {
    (void)state;
    program = CALL_PROGRAM_PROBE;
    assert_true(parse(""));
    assert_true(parse("--ice-server stun:a -6 --interface eth0 --json --turn-ca f --mdns off --ice-transport-policy relay -v"));
    assert_true(options.only_ipv6 && options.json && options.relay_only);
    assert_refused(ROOM, "no room");
    assert_refused("--audio none", "caller and callee");
    assert_refused("--duration 3", "caller and callee");
    assert_refused("-4 -6", "-4 -6");
    assert_refused("--ice-server turn:a", "user name");
    assert_true(parse("--help") && options.wants_help);
    program = CALL_PROGRAM_CALLER;
}

static void test_help_and_version_need_no_room(void **state) {
    (void)state;
    assert_true(parse("--help"));
    assert_true(options.wants_help);
    assert_true(parse("--version"));
    assert_true(options.wants_version);
}

static void test_room_name_limit(void **state) {
    (void)state;
    char name[80], line[128];
    for (size_t length = 63; length <= 65; length++) {
        memset(name, 'a', length);
        name[length] = '\0';
        (void)snprintf(line, sizeof line, "ws://h/r/%s", name);
        assert_int_equal(parse(line), length <= 64);
    }
}

static void test_ice_server_limit(void **state) {
    (void)state;
    for (size_t count = CALL_ICE_SERVER_MAX - 1; count <= CALL_ICE_SERVER_MAX + 1; count++) {
        char line[1024] = ROOM;
        for (size_t i = 0; i < count; i++)
            strncat(line, " --ice-server=stun:h", sizeof line - strlen(line) - 1);
        assert_int_equal(parse(line), count <= CALL_ICE_SERVER_MAX);
    }
    assert_non_null(strstr(problem.why, "CALL_ICE_SERVER_MAX"));
}

static void test_codec_limit(void **state) {
    (void)state;
    for (size_t count = CALL_CODEC_PREFERENCE_MAX - 1; count <= CALL_CODEC_PREFERENCE_MAX + 1; count++) {
        char line[1024] = ROOM " --codec vp8";
        for (size_t i = 1; i < count; i++)
            strncat(line, ",vp8", sizeof line - strlen(line) - 1);
        assert_int_equal(parse(line), count <= CALL_CODEC_PREFERENCE_MAX);
    }
}

static void test_codec_names(void **state) {
    (void)state;
    assert_true(parse("--codec pcmu,PCMA,Opus,vp9,h264,av1,vp8 " ROOM));
    assert_int_equal(options.codec_count, 7);
    assert_string_equal(options.codecs[1], "pcma");
}

/* CALL_DTMF_DIGITS_MAX at limit - 1, limit, limit + 1. */
static void test_dtmf_limit(void **state) {
    (void)state;
    assert_true(parse("--dtmf 0123456789ABCD*#, " ROOM));
    assert_string_equal(options.dtmf, "0123456789ABCD*#,");
    for (size_t count = CALL_DTMF_DIGITS_MAX - 1; count <= CALL_DTMF_DIGITS_MAX + 1; count++) {
        char line[256] = ROOM " --dtmf=";
        for (size_t i = 0; i < count; i++)
            strncat(line, "5", sizeof line - strlen(line) - 1);
        assert_int_equal(parse(line), count <= CALL_DTMF_DIGITS_MAX);
    }
}

/* RFC 7064 section 3.1 and RFC 7065 section 3.1. */
static void test_ice_uris(void **state) {
    (void)state;
    static const struct {
        const char *uri;
        bool is_good, is_tcp;
        enum call_ice_scheme scheme;
        const char *host;
        uint16_t port;
    } cases[] = {
        {"stun:192.0.2.1", true, false, CALL_ICE_STUN, "192.0.2.1", 3478},
        {"stun:h:1", true, false, CALL_ICE_STUN, "h", 1},
        {"stun:h:65535", true, false, CALL_ICE_STUN, "h", 65535},
        {"stuns:h", true, true, CALL_ICE_STUNS, "h", 5349},
        {"turn:h?transport=tcp", true, true, CALL_ICE_TURN, "h", 3478},
        {"turn:h:80?transport=udp", true, false, CALL_ICE_TURN, "h", 80},
        {"turns:[::1]:443", true, true, CALL_ICE_TURNS, "::1", 443},
        {"stun:", false, false, CALL_ICE_STUN, NULL, 0},
        {"stun://h", false, false, CALL_ICE_STUN, NULL, 0},
        {"stun:h:", false, false, CALL_ICE_STUN, NULL, 0},
        {"stun:h:0", false, false, CALL_ICE_STUN, NULL, 0},
        {"stun:h:65536", false, false, CALL_ICE_STUN, NULL, 0},
        {"stun:h:123456", false, false, CALL_ICE_STUN, NULL, 0},
        {"stun:[::1", false, false, CALL_ICE_STUN, NULL, 0},
        {"stun:[]", false, false, CALL_ICE_STUN, NULL, 0},
        {"stun:::1", false, false, CALL_ICE_STUN, NULL, 0},
        {"stun:h?transport=udp", false, false, CALL_ICE_STUN, NULL, 0},
        {"turn:h?transport=sctp", false, false, CALL_ICE_STUN, NULL, 0},
        {"turn:h?", false, false, CALL_ICE_STUN, NULL, 0},
        {"http://h", false, false, CALL_ICE_STUN, NULL, 0},
        {"", false, false, CALL_ICE_STUN, NULL, 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct call_ice_server server;
        const char *wrong = call_ice_uri_parse(cases[i].uri, &server);
        if ((wrong == NULL) != cases[i].is_good)
            fail_msg("%s: %s", cases[i].uri, wrong ? wrong : "accepted");
        if (wrong)
            continue;
        assert_int_equal(server.scheme, cases[i].scheme);
        assert_int_equal(server.is_tcp, cases[i].is_tcp);
        assert_string_equal(server.host, cases[i].host);
        assert_int_equal(server.port, cases[i].port);
    }
}

static void test_ice_uri_host_limit(void **state) {
    (void)state;
    char uri[CALL_HOST_BYTES + 16];
    for (size_t length = CALL_HOST_BYTES - 2; length <= CALL_HOST_BYTES; length++) {
        memcpy(uri, "stun:", 5);
        memset(uri + 5, 'h', length);
        uri[5 + length] = '\0';
        struct call_ice_server server;
        assert_int_equal(call_ice_uri_parse(uri, &server) == NULL, length < CALL_HOST_BYTES);
    }
}

int main(void) {
    (void)unsetenv("SSLKEYLOGFILE");
    (void)unsetenv("STRATA_ICE_CREDENTIAL");
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_defaults),
        cmocka_unit_test(test_every_flag),
        cmocka_unit_test(test_json_takes_no_next_word),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_data),
        cmocka_unit_test(test_later_flags_are_refused),
        cmocka_unit_test(test_whip),
        cmocka_unit_test(test_token_file),
        cmocka_unit_test(test_turn_servers),
        cmocka_unit_test(test_credential_of_the_environment),
        cmocka_unit_test(test_credential_file),
        cmocka_unit_test(test_username_limit),
        cmocka_unit_test(test_no_secret_is_repeated),
        cmocka_unit_test(test_probe),
        cmocka_unit_test(test_help_and_version_need_no_room),
        cmocka_unit_test(test_room_name_limit),
        cmocka_unit_test(test_ice_server_limit),
        cmocka_unit_test(test_codec_limit),
        cmocka_unit_test(test_codec_names),
        cmocka_unit_test(test_dtmf_limit),
        cmocka_unit_test(test_ice_uris),
        cmocka_unit_test(test_ice_uri_host_limit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
