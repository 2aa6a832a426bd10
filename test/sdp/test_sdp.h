/* What every test of sdp/ includes: cmocka with the headers it needs before it, and the helpers of helpers.c. */
#ifndef TEST_SDP_TEST_SDP_H
#define TEST_SDP_TEST_SDP_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "sdp/negotiate.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* The shortest head of a description; sections follow. */
#define HEAD "v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\n"
#define FINGERPRINT \
    "sha-256 16:11:62:E3:90:4C:99:40:83:4F:DD:5F:F1:64:9D:C1:19:EC:DD:1A:FE:80:4A:86:F0:C0:73:1C:FE:43:33:F2"
#define TRANSPORT \
    "a=ice-ufrag:abcd\r\na=ice-pwd:abcdefghijklmnopqrstuvwx\r\na=fingerprint:" FINGERPRINT "\r\na=setup:actpass\r\n"

/* A session over an exact heap copy of the text, so that AddressSanitizer sees the first byte read beyond it. */
struct parsed {
    char *text;
    struct sdp_session *session; /* NULL when the text was refused */
    struct sdp_problem problem;
    int error;
};
struct parsed parse_text(const char *text, size_t length);
struct parsed parse_string(const char *string);
void parsed_free(struct parsed *parsed);

/* Parses; when that succeeds calls every reader for every line, checks counts, and writes back. Returns the error. */
int read_everything(const char *text, size_t length);

/* A local description with Opus, PCMU, VP8 and rtx, ready to offer; values may be changed. */
struct ours {
    struct sdp_codec audio[12];
    struct sdp_codec video[24];
    struct sdp_local_section sections[2];
    struct sdp_local_section data; /* offered only when put behind `sections` by the test */
    struct sdp_local_transport transport;
    struct sdp_local local;
    /* What ours_answer makes of them: one for each section of an offer, each with a transport of its own. */
    struct sdp_local_section answers[SDP_SECTION_MAX];
    struct sdp_local_transport transports[SDP_SECTION_MAX];
    char ufrags[SDP_SECTION_MAX][8];
    struct sdp_local answer;
};
void ours_begin(struct ours *ours);
/* After that: every codec of the table, with rtx and protection. */
void ours_with_every_codec(struct ours *ours);
/* Fills `answer`: sections[0] for every audio section, sections[1] for video, `data` for application. */
void ours_answer(struct ours *ours, const struct sdp_session *offer);

/* Calls `visit` for each file of a folder of the corpora, by name. Returns how many; 0 when the corpora are absent. */
size_t for_each_file(const char *folder, void (*visit)(const char *name, const char *text, size_t length));

/* Appends to a string in an array; a test whose array is too small fails. */
#define append_to(array, string) append_text((array), sizeof(array), (string))
void append_text(char *text, size_t capacity, const char *more);

#define assert_view(view, string)                                                     \
    do {                                                                              \
        struct sdp_view asserted = (view);                                            \
        assert_int_equal(asserted.length, strlen(string));                            \
        if (asserted.length > 0)                                                      \
            assert_memory_equal(asserted.text, (string), asserted.length);            \
    } while (0)

#endif
