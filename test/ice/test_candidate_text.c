#include <ctype.h>
#include <dirent.h>

#include "test_ice.h"

static struct ice_candidate parsed;
static struct ice_candidate_problem problem;

static int parse(const char *text) {
    /* An exact heap copy: one byte beyond is caught. */
    size_t length = strlen(text);
    char *copy = malloc(length > 0 ? length : 1);
    memcpy(copy, text, length);
    int result = ice_candidate_parse(copy, length, &parsed, &problem);
    free(copy);
    return result;
}

static const char chrome[] = "candidate:842163049 1 udp 1677729535 203.0.113.7 40678 typ srflx raddr 192.168.1.4 rport 40678 generation 0 ufrag EEtu network-id 1 network-cost 10";
static const char firefox[] = "candidate:0 1 UDP 2122252543 2001:db8::17 51472 typ host";
static const char tcp[] = "candidate:1 1 TCP 1015021823 192.168.1.4 9 typ host tcptype active";
static const char mdns[] = "candidate:1 1 udp 2113937151 2b1fb7f2-9b5c-4a4c-8d0b-0a7e7f4b2a11.local 50021 typ host generation 0 ufrag abcd network-cost 999";

/* RFC 8839 section 5.1 */
static void browsers(void **state) {
    (void)state;
    assert_int_equal(parse(chrome), ICE_OK);
    assert_string_equal(parsed.foundation, "842163049");
    assert_int_equal(parsed.component, 1);
    assert_int_equal(parsed.protocol, ICE_PROTOCOL_UDP);
    assert_int_equal(parsed.priority, 1677729535);
    struct stun_address expected = ip("203.0.113.7", 40678);
    assert_true(stun_address_equal(&parsed.address, &expected));
    expected = ip("192.168.1.4", 40678);
    assert_true(stun_address_equal(&parsed.related, &expected));
    assert_int_equal(parsed.type, ICE_CANDIDATE_SERVER_REFLEXIVE);
    assert_string_equal(parsed.ufrag, "EEtu");
    assert_int_equal(parsed.base.family, STUN_ADDRESS_NONE);

    assert_int_equal(parse(firefox), ICE_OK);
    expected = ip("2001:db8::17", 51472);
    assert_true(stun_address_equal(&parsed.address, &expected));
    assert_int_equal(parsed.related.family, STUN_ADDRESS_NONE);

    assert_int_equal(parse(tcp), ICE_OK);
    assert_int_equal(parsed.protocol, ICE_PROTOCOL_TCP);
    assert_int_equal(parsed.tcp_type, ICE_TCP_ACTIVE);

    assert_int_equal(parse(mdns), ICE_OK);
    assert_string_equal(parsed.hostname, "2b1fb7f2-9b5c-4a4c-8d0b-0a7e7f4b2a11.local");
    assert_int_equal(parsed.address.family, STUN_ADDRESS_NONE);
    assert_int_equal(parsed.address.port, 50021);
}

static void prefixes(void **state) {
    (void)state;
    assert_int_equal(parse("a=candidate:1 1 udp 1 192.0.2.1 5 typ host"), ICE_OK);
    assert_int_equal(parse("candidate:1 1 udp 1 192.0.2.1 5 typ host"), ICE_OK);
    assert_int_equal(parse("1 1 udp 1 192.0.2.1 5 typ host"), ICE_OK);
    assert_int_equal(parse("a=candidate:a=1 1 udp 1 192.0.2.1 5 typ host"), ICE_ERROR_MALFORMED);
}

/* RFC 8839 section 5.1, MUST: unknown extensions are skipped */
static void unknown_extensions(void **state) {
    (void)state;
    assert_int_equal(parse("candidate:1 1 udp 1 192.0.2.1 5 typ host foo bar x-y @!% generation 7"), ICE_OK);
    assert_int_equal(parse("candidate:1 1 udp 1 192.0.2.1 5 typ host foo"), ICE_ERROR_MALFORMED);
    assert_int_equal(problem.offset, 44);
}

static void refusals(void **state) {
    (void)state;
    static const struct {
        const char *text;
        size_t offset;
    } cases[] = {
        {"", 0},
        {"candidate:", 10},
        {"candidate:1-1 1 udp 1 192.0.2.1 5 typ host", 10},
        {"candidate:1 0 udp 1 192.0.2.1 5 typ host", 12},
        {"candidate:1 257 udp 1 192.0.2.1 5 typ host", 12},
        {"candidate:1 -1 udp 1 192.0.2.1 5 typ host", 12},
        {"candidate:1 1 sctp 1 192.0.2.1 5 typ host", 14},
        {"candidate:1 1 udp 0 192.0.2.1 5 typ host", 18},
        {"candidate:1 1 udp 2147483648 192.0.2.1 5 typ host", 18},
        {"candidate:1 1 udp 18446744073709551617 192.0.2.1 5 typ host", 18},
        {"candidate:1 18446744073709551617 udp 1 192.0.2.1 5 typ host", 12},
        {"candidate:1 1 udp 1 192.0.2.1 18446744073709551617 typ host", 30},
        {"candidate:1 1 udp 99999999999 192.0.2.1 5 typ host", 18},
        {"candidate:1 1 udp 1 [::1] 5 typ host", 20},
        {"candidate:1 1 udp 1 fe80::1%eth0 5 typ host", 20},
        {"candidate:1 1 udp 1 192.0.2.1 65536 typ host", 30},
        {"candidate:1 1 udp 1 192.0.2.1 5x typ host", 30},
        {"candidate:1 1 udp 1 192.0.2.1 5 type host", 32},
        {"candidate:1 1 udp 1 192.0.2.1 5 typ token", 36},
        {"candidate:1 1 udp 1 192.0.2.1 5  typ host", 32},
        {"candidate:1 1 udp 1 192.0.2.1 5 typ srflx raddr ! rport 0", 48},
        {"candidate:1 1 udp 1 192.0.2.1 5 typ srflx raddr 0.0.0.0 rport 70000", 62},
        {"candidate:1 1 tcp 1 192.0.2.1 5 typ host tcptype bogus", 49},
        {"candidate:1 1 tcp 1 192.0.2.1 5 typ host", 40},
        {"candidate:1 1 udp 1 192.0.2.1 5 typ host ufrag abc", 47},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        memset(&parsed, 0x55, sizeof parsed);
        struct ice_candidate untouched = parsed;
        problem.rule = NULL;
        assert_int_equal(parse(cases[i].text), ICE_ERROR_MALFORMED);
        if (problem.offset != cases[i].offset)
            print_message("case %zu: %s: offset %zu: %s\n", i, cases[i].text, problem.offset, problem.rule);
        assert_int_equal(problem.offset, cases[i].offset);
        assert_non_null(strstr(problem.rule, "RFC "));
        assert_memory_equal(&untouched, &parsed, sizeof parsed);
        assert_int_equal(ice_candidate_parse(cases[i].text, strlen(cases[i].text), &parsed, NULL), ICE_ERROR_MALFORMED);
    }
}

/* security.md row 23: tokens of 63, 64, 65 and 4096 bytes, and each limit at -1, 0, +1 */
static void token_limits(void **state) {
    (void)state;
    static const size_t lengths[] = {0, 1, 31, 32, 33, 63, 64, 65, 252, 253, 254, 255, 256, 257, 4096};
    static char text[9000], token[5000];
    for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
        size_t n = lengths[i];
        memset(token, 'a', n);
        token[n] = '\0';
        snprintf(text, sizeof text, "candidate:%s 1 udp 1 192.0.2.1 5 typ host", token);
        assert_int_equal(parse(text), n >= 1 && n <= ICE_FOUNDATION_MAX_BYTES ? ICE_OK : ICE_ERROR_MALFORMED);
        snprintf(text, sizeof text, "candidate:1 1 udp 1 %s 5 typ host", token);
        assert_int_equal(parse(text), n >= 1 && n <= ICE_HOSTNAME_MAX_BYTES ? ICE_OK : ICE_ERROR_MALFORMED);
        snprintf(text, sizeof text, "candidate:1 1 udp 1 192.0.2.1 5 typ host ufrag %s", token);
        assert_int_equal(parse(text), n >= ICE_UFRAG_MIN_BYTES && n <= ICE_UFRAG_MAX_BYTES ? ICE_OK : ICE_ERROR_MALFORMED);
        snprintf(text, sizeof text, "candidate:1 1 udp 1 192.0.2.1 5 typ host %s x", token);
        assert_int_equal(parse(text), n >= 1 ? ICE_OK : ICE_ERROR_MALFORMED);
        snprintf(text, sizeof text, "candidate:1 1 %s 1 192.0.2.1 5 typ host", token);
        assert_int_equal(parse(text), ICE_ERROR_MALFORMED);
    }
}

static void every_truncation_and_byte(void **state) {
    (void)state;
    static const char *const lines[] = {chrome, firefox, tcp, mdns};
    char text[512];
    for (size_t i = 0; i < 4; i++) {
        for (size_t n = 0; n < strlen(lines[i]); n++) {
            memcpy(text, lines[i], n);
            text[n] = '\0';
            parse(text);
            for (unsigned c = 1; c < 256; c += 7) {
                memcpy(text, lines[i], strlen(lines[i]) + 1);
                text[n] = (char)c;
                parse(text);
            }
        }
    }
}

static void same(const struct ice_candidate *a, const struct ice_candidate *b) {
    assert_string_equal(a->foundation, b->foundation);
    assert_string_equal(a->hostname, b->hostname);
    assert_string_equal(a->ufrag, b->ufrag);
    assert_int_equal(a->component, b->component);
    assert_int_equal(a->protocol, b->protocol);
    assert_int_equal(a->priority, b->priority);
    assert_int_equal(a->type, b->type);
    assert_int_equal(a->tcp_type, b->tcp_type);
    assert_true(stun_address_equal(&a->address, &b->address));
    assert_true(stun_address_equal(&a->related, &b->related));
}

static void written_is_read(void **state) {
    (void)state;
    static const char *const lines[] = {chrome, firefox, tcp, mdns};
    for (size_t i = 0; i < 4; i++) {
        char text[ICE_CANDIDATE_TEXT_BYTES];
        assert_int_equal(parse(lines[i]), ICE_OK);
        struct ice_candidate first = parsed;
        size_t length = ice_candidate_write(&first, text, sizeof text);
        assert_int_equal(length, strlen(text));
        assert_int_equal(parse(text), ICE_OK);
        same(&first, &parsed);
        /* a buffer of any size: all of it or nothing */
        for (size_t capacity = 0; capacity <= length; capacity++) {
            char *small = malloc(capacity + 1);
            assert_int_equal(ice_candidate_write(&first, small, capacity), 0);
            free(small);
        }
        char *exact = malloc(length + 1);
        assert_int_equal(ice_candidate_write(&first, exact, length + 1), length);
        free(exact);
    }
    assert_int_equal(parse("candidate:1 1 udp 2130706431 192.0.2.1 5000 typ host"), ICE_OK);
    char text[ICE_CANDIDATE_TEXT_BYTES];
    ice_candidate_write(&parsed, text, sizeof text);
    assert_string_equal(text, "candidate:1 1 udp 2130706431 192.0.2.1 5000 typ host");
}

/* ICE_CANDIDATE_TEXT_BYTES is enough for the longest of all */
static void longest(void **state) {
    (void)state;
    struct ice_candidate candidate = {.component = 256, .protocol = ICE_PROTOCOL_TCP, .priority = INT32_MAX, .type = ICE_CANDIDATE_SERVER_REFLEXIVE,
                                      .tcp_type = ICE_TCP_PASSIVE};
    memset(candidate.foundation, 'f', ICE_FOUNDATION_MAX_BYTES);
    memset(candidate.hostname, 'h', ICE_HOSTNAME_MAX_BYTES);
    memset(candidate.ufrag, 'u', ICE_UFRAG_MAX_BYTES);
    candidate.address.port = 65535;
    candidate.related = ip("2001:db8:aaaa:bbbb:cccc:dddd:eeee:ffff", 65535);
    char text[ICE_CANDIDATE_TEXT_BYTES];
    assert_true(ice_candidate_write(&candidate, text, sizeof text) > 0);
    assert_int_equal(parse(text), ICE_OK);
    same(&candidate, &parsed);
}

/* Every candidate line of the corpora: whatever says udp and an address parses. */
static void corpora(void **state) {
    (void)state;
    const char *root = getenv("STRATA_CORPORA");
    char path[4096];
    snprintf(path, sizeof path, "%s/sdp-webrtc", root != NULL ? root : "");
    DIR *folder = root != NULL ? opendir(path) : NULL;
    if (folder == NULL) {
        printf("SKIP: corpora: corpora not present (set STRATA_CORPORA)\n");
        fflush(stdout);
        skip();
    }
    size_t seen = 0, refused = 0;
    struct dirent *entry;
    while ((entry = readdir(folder)) != NULL) {
        snprintf(path, sizeof path, "%s/sdp-webrtc/%s", root, entry->d_name);
        FILE *file = fopen(path, "rb");
        char line[8192];
        while (file != NULL && fgets(line, sizeof line, file) != NULL) {
            line[strcspn(line, "\r\n")] = '\0';
            if (strncmp(line, "a=candidate:", 12) != 0)
                continue;
            seen++;
            if (parse(line) != ICE_OK) {
                refused++;
                /* The reasons we stand by: TCP without tcptype (before RFC 6544), and nothing else. */
                assert_non_null(strstr(problem.rule, "tcptype"));
            }
        }
        if (file != NULL)
            fclose(file);
    }
    closedir(folder);
    print_message("%zu candidate lines, %zu refused\n", seen, refused);
    assert_true(seen > 100);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(browsers), cmocka_unit_test(prefixes), cmocka_unit_test(unknown_extensions), cmocka_unit_test(refusals),
        cmocka_unit_test(token_limits), cmocka_unit_test(every_truncation_and_byte), cmocka_unit_test(written_is_read), cmocka_unit_test(longest),
        cmocka_unit_test(corpora),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
