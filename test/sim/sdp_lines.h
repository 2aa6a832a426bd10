/*
 * What a judge needs to know of a description, read line by line. It shares no code with sdp/, so that a mistake there cannot cancel out
 * here; it refuses nothing, since what it is given has been accepted by the connection that it judges.
 */
#ifndef TEST_SIM_SDP_LINES_H
#define TEST_SIM_SDP_LINES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SDP_LINES_SECTION_MAX 64
#define SDP_LINES_FORMAT_MAX 24
#define SDP_LINES_WORD_BYTES 40
#define SDP_LINES_FINGERPRINT_BYTES 112

/* Bits: send is 1, receive is 2, seen from whoever wrote the description. */
enum sdp_lines_direction { SDP_LINES_INACTIVE = 0, SDP_LINES_SENDONLY = 1, SDP_LINES_RECVONLY = 2, SDP_LINES_SENDRECV = 3 };

struct sdp_lines_section {
    char kind[16];           /* "audio" */
    unsigned port;           /* 0: refused, unless is_bundle_only */
    bool is_bundle_only, is_bundled;
    char mid[SDP_LINES_WORD_BYTES], ufrag[SDP_LINES_WORD_BYTES], password[SDP_LINES_WORD_BYTES], setup[12];
    char fingerprint[SDP_LINES_FINGERPRINT_BYTES]; /* the first, "sha-256 AB:..": its own or the session's */
    enum sdp_lines_direction direction;
    unsigned msid_count;     /* different streams */
    uint64_t msid_hash;      /* of their names, whatever the order */
    size_t format_count;
    struct {
        unsigned payload_type;
        char name[16];       /* "opus", as a=rtpmap has it; "" without one */
    } formats[SDP_LINES_FORMAT_MAX];
};

struct sdp_lines {
    bool is_overfull; /* more sections than the judge has room for */
    size_t count;
    struct sdp_lines_section sections[SDP_LINES_SECTION_MAX];
};

void sdp_lines_read(const char *text, size_t length, struct sdp_lines *out);
bool sdp_lines_is_refused(const struct sdp_lines_section *section);
/* The section with that mid, or -1. */
int sdp_lines_find(const struct sdp_lines *lines, const char *mid);
/* Its payload type for a codec, whatever the case of the name; -1: it has none. */
int sdp_lines_payload_type(const struct sdp_lines_section *section, const char *name);
enum sdp_lines_direction sdp_lines_reverse(enum sdp_lines_direction direction);
uint64_t sdp_lines_hash(const char *text, size_t length);

#endif
