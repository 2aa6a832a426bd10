/* The rows of the table in payload.c: one file per codec, and what they have in common. */
#ifndef RTP_PAYLOAD_INTERNAL_H
#define RTP_PAYLOAD_INTERNAL_H

#include "rtp/payload.h"

int rtp_payload_parse_vp8(const uint8_t *bytes, size_t length, struct rtp_payload *out);
size_t rtp_packetizer_count_vp8(const struct rtp_packetizer *packetizer);
size_t rtp_packetizer_next_vp8(struct rtp_packetizer *packetizer, uint8_t *out, bool *last);

int rtp_payload_parse_vp9(const uint8_t *bytes, size_t length, struct rtp_payload *out);
int rtp_packetizer_start_vp9(struct rtp_packetizer *packetizer);
size_t rtp_packetizer_count_vp9(const struct rtp_packetizer *packetizer);
size_t rtp_packetizer_next_vp9(struct rtp_packetizer *packetizer, uint8_t *out, bool *last);

int rtp_payload_parse_h264(const uint8_t *bytes, size_t length, struct rtp_payload *out);
int rtp_payload_append_h264(struct rtp_assembly *assembly, const uint8_t *bytes, size_t length);
int rtp_packetizer_start_h264(struct rtp_packetizer *packetizer);
size_t rtp_packetizer_next_h264(struct rtp_packetizer *packetizer, uint8_t *out, bool *last);

int rtp_payload_parse_av1(const uint8_t *bytes, size_t length, struct rtp_payload *out);
int rtp_payload_append_av1(struct rtp_assembly *assembly, const uint8_t *bytes, size_t length);
int rtp_packetizer_start_av1(struct rtp_packetizer *packetizer);
size_t rtp_packetizer_next_av1(struct rtp_packetizer *packetizer, uint8_t *out, bool *last);

/* Any frame may be sent. */
int rtp_packetizer_start_any(struct rtp_packetizer *packetizer);
/* Behind what is there, unchanged. */
int rtp_payload_append_plain(struct rtp_assembly *assembly, const uint8_t *bytes, size_t length);

/* How many packets that have room for `room` take `left` bytes, and how much of it the next one gets: nearly the same all, no short last one. */
size_t rtp_payload_shares(size_t left, size_t room);
size_t rtp_payload_share(size_t left, size_t room);

#endif
