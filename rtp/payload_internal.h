/* Rows of the table in payload.c that only it uses. */
#ifndef RTP_PAYLOAD_INTERNAL_H
#define RTP_PAYLOAD_INTERNAL_H

#include "rtp/payload.h"

void rtp_payload_next_vp8_frame(struct rtp_payload_state *state);

#endif
