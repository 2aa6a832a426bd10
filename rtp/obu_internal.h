/* The open bitstream units of AV1 (bitstream specification sections 4.10.5 and 5.3): as much of them as their payload format must know. */
#ifndef RTP_OBU_INTERNAL_H
#define RTP_OBU_INTERNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum rtp_obu_type {
    RTP_OBU_SEQUENCE_HEADER = 1,
    RTP_OBU_TEMPORAL_DELIMITER = 2,
    RTP_OBU_FRAME_HEADER = 3,
    RTP_OBU_TILE_GROUP = 4,
    RTP_OBU_FRAME = 6,
    RTP_OBU_TILE_LIST = 8,
    RTP_OBU_PADDING = 15
};
#define RTP_OBU_HAS_SIZE 0x02u
#define RTP_LEB128_MAX_BYTES 8
#define RTP_OBU_NO_LAYER 0xFFu

/* An OBU, or the beginning of one. Views. */
struct rtp_obu {
    unsigned type;
    unsigned layer; /* temporal_id and spatial_id, or RTP_OBU_NO_LAYER: no extension */
    bool has_size;
    size_t header_bytes;    /* 1 or 2, without the size */
    const uint8_t *payload; /* behind header and size */
    size_t payload_bytes;   /* as the size says, else all that is there */
};

/* Reads an unsigned number of at most 32 bits. Returns its bytes, 0: it has more than 8, runs past the end, or is greater. */
size_t rtp_leb128_read(const uint8_t *bytes, size_t length, uint32_t *value);
/* Writes one, in as few bytes as it needs. Returns how many. */
size_t rtp_leb128_write(uint32_t value, uint8_t *out);
size_t rtp_leb128_bytes(uint32_t value);

/* False: the forbidden bit is set, or header or size run past the end. payload_bytes may be more than is there. */
bool rtp_obu_read(const uint8_t *bytes, size_t length, struct rtp_obu *out);

/*
 * Whether a coded video sequence begins (AV1 bitstream specification section 7.5), told from the OBUs of a temporal unit one by one:
 * a sequence header comes before the first frame header, and that is one of a key frame that is shown.
 */
struct rtp_obu_sequence {
    bool sequence_header, reduced_still_picture;
    bool frame_header, key_frame; /* the first one was seen; it is one */
};
void rtp_obu_note(struct rtp_obu_sequence *sequence, const struct rtp_obu *obu);

#endif
