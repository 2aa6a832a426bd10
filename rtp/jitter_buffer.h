/*
 * The jitter buffer: puts packets in order, and hands up frames. Audio: each packet at its playout time, whose delay adapts to what
 * the network does. Video: each frame as soon as it is whole and all before it were, or when its sound is played; else nothing until the
 * next key frame.
 *
 * One block of memory made with it; a packet is copied into a slot. Sequence numbers are the 64-bit ones of reception.h.
 */
#ifndef RTP_JITTER_BUFFER_H
#define RTP_JITTER_BUFFER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "rtp/error.h"
#include "rtp/packet.h"
#include "rtp/payload.h"
#include "rtp/statistics.h"

#define RTP_JITTER_AUDIO_PACKETS 128
#define RTP_JITTER_VIDEO_PACKETS 512
#define RTP_DELAY_MIN_US 20000u
#define RTP_DELAY_START_US 40000u
#define RTP_DELAY_MAX_US 500000u
#define RTP_VIDEO_HOLD_US 60000u /* how long a gap in video may wait for a late packet */

struct rtp_jitter_buffer;

/*
 * video: which of the two. delays: bounds of the audio target; the upper one is also the longest that video waits for sound. 0: the defaults above.
 * NULL: out of memory, or min above max.
 */
struct rtp_jitter_buffer *rtp_jitter_buffer_new(bool video, uint64_t delay_min_us, uint64_t delay_max_us, const struct rtp_allocator *allocator);
void rtp_jitter_buffer_free(struct rtp_jitter_buffer *buffer);
size_t rtp_jitter_buffer_bytes(bool video); /* what new will allocate */
/* Another source, or a restarted one: forgets all packets and delays. Video waits for a key frame. */
void rtp_jitter_buffer_reset(struct rtp_jitter_buffer *buffer);

/*
 * Takes a packet whose payload was parsed to *payload (payload->length 0: padding only, it just fills its place in the sequence).
 * RTP_OK, RTP_ERROR_STALE (duplicate or too late), RTP_ERROR_CAPACITY (longer than RTP_PACKET_MAX_BYTES).
 */
int rtp_jitter_buffer_insert(struct rtp_jitter_buffer *buffer, uint64_t now_us, uint64_t extended, enum rtp_codec codec,
                             uint32_t clock_rate_hz, const struct rtp_packet *packet, const struct rtp_payload *payload);
/* The next frame that is due. The view is valid until the next insert, poll or reset. */
bool rtp_jitter_buffer_poll(struct rtp_jitter_buffer *buffer, uint64_t now_us, struct rtp_received_frame *out);
uint64_t rtp_jitter_buffer_next_timeout(const struct rtp_jitter_buffer *buffer); /* once poll returns false; UINT64_MAX: none */
/*
 * Video waits for its sound: the frame of `timestamp` leaves at at_us (negative: long ago), the others as far from it as their timestamps
 * are (clock_rate_hz, not 0); none before it is whole, none later than the longest delay after it came. Clocks by which it would wait for
 * twice as long are not believed: it leaves at once, as it does when the packets in the buffer span half of the ring. All of now_us's clock; ends at until_us.
 */
void rtp_jitter_buffer_hold(struct rtp_jitter_buffer *buffer, uint32_t timestamp, int64_t at_us, uint32_t clock_rate_hz, uint64_t until_us);
void rtp_jitter_buffer_release(struct rtp_jitter_buffer *buffer); /* it waits no more */
bool rtp_jitter_buffer_holds_key_frame(const struct rtp_jitter_buffer *buffer); /* a key frame waits for its sound */
/* True while video was dropped and no key frame has come since: ask for one, unless one is held. */
bool rtp_jitter_buffer_wants_key_frame(const struct rtp_jitter_buffer *buffer);
void rtp_jitter_buffer_statistics(const struct rtp_jitter_buffer *buffer, struct rtp_receiver_statistics *out); /* adds its fields */

#endif
