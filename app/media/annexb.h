/* H.264 in a byte stream: NAL units behind start codes, and the access units they make (ITU-T H.264 annex B and section 7.4.1.2.3).
 * Pure: bytes in, views out, nothing allocated. */
#ifndef MEDIA_ANNEXB_H
#define MEDIA_ANNEXB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "app/media/parse_problem.h"

enum media_nal_type {                 /* ITU-T H.264 table 7-1 */
    MEDIA_NAL_SLICE = 1, MEDIA_NAL_PARTITION_A = 2, MEDIA_NAL_PARTITION_C = 4, MEDIA_NAL_IDR = 5, MEDIA_NAL_SEI = 6, MEDIA_NAL_SPS = 7,
    MEDIA_NAL_PPS = 8, MEDIA_NAL_DELIMITER = 9, MEDIA_NAL_PREFIX = 14, MEDIA_NAL_RESERVED_18 = 18, MEDIA_NAL_LAST = 23
};

struct media_nal {
    const uint8_t *bytes;             /* after the start code, without the zero bytes that may follow; the first is the NAL unit header */
    size_t length_bytes;              /* at least 1 */
    unsigned type;                    /* 0..31 */
};

/* The next NAL unit at or after *at (0 at the beginning), and *at moves behind it. False at the end: what stands before the first
 * start code, and start codes with nothing behind them, are passed over. */
bool media_annexb_next_nal(const uint8_t *bytes, size_t length_bytes, size_t *at, struct media_nal *nal);

struct media_access_unit {
    const uint8_t *bytes;             /* start codes included: Annex B itself */
    size_t length_bytes;
    bool   key_frame;                 /* an IDR picture with a sequence parameter set before it */
};

enum media_annexb_result { MEDIA_ANNEXB_UNIT, MEDIA_ANNEXB_END, MEDIA_ANNEXB_BROKEN };

/* The next access unit at or after *at, a byte of a file from its beginning; *at moves behind it. BROKEN with *problem: no start
 * code where one must stand, the forbidden bit, a NAL unit type that no stream has, or parameter sets at the end that no picture follows. */
enum media_annexb_result media_annexb_next_unit(const uint8_t *bytes, size_t length_bytes, size_t *at, struct media_access_unit *unit,
                                                struct media_parse_problem *problem);

#endif
