/*
 * Telephone events, RFC 4733: the keys of a telephone as RTP packets, in the sequence numbers of the audio that they interrupt.
 *
 *    0                   1                   2                   3
 *    0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
 *   +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *   |     event     |E|R| volume    |          duration             |
 *   +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *
 * Plain structs with functions over them: the payload, a tone being sent, and the tones of one source being received. A tone is one
 * event from the press of the key to its release, however many packets and segments tell of it.
 */
#ifndef RTP_TELEPHONE_EVENT_H
#define RTP_TELEPHONE_EVENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "rtp/error.h"

#define RTP_TELEPHONE_EVENT_BYTES 4
#define RTP_TELEPHONE_EVENT_STAR 10 /* 0..9 are the digits */
#define RTP_TELEPHONE_EVENT_POUND 11
#define RTP_TELEPHONE_EVENT_A 12 /* to D, 15 */
#define RTP_TELEPHONE_EVENT_FLASH 16
#define RTP_TELEPHONE_EVENT_VOLUME_MAX 63
#define RTP_TELEPHONE_EVENT_SEGMENT 0xFFFFu /* the longest duration; a longer tone has segments */

struct rtp_telephone_event {
    uint8_t event;
    bool end;
    uint8_t volume;    /* dBm0 without its sign: 0 is loudest, 0..RTP_TELEPHONE_EVENT_VOLUME_MAX */
    uint16_t duration; /* so far, in timestamp units */
};

/* How many events a payload has: 0 when it is not a whole number of them. */
size_t rtp_telephone_event_count(size_t length);
/* The one at `index`, below rtp_telephone_event_count. */
void rtp_telephone_event_read(const uint8_t *bytes, size_t index, struct rtp_telephone_event *out);
void rtp_telephone_event_write(const struct rtp_telephone_event *event, uint8_t bytes[RTP_TELEPHONE_EVENT_BYTES]);
/* "0123456789*#ABCDR" (R: flash), small letters too. False, or '\0', for anything else. */
bool rtp_telephone_event_of_key(char key, uint8_t *event);
char rtp_telephone_event_key(uint8_t event);

/* ---- sending --------------------------------------------------------------------------------------------------------- */

#define RTP_TONE_UPDATE_US 20000u /* between two packets */
#define RTP_TONE_END_PACKETS 3
#define RTP_TONE_MIN_MS 20
#define RTP_TONE_MAX_MS 60000

/* Zeroed: nothing is sent. */
struct rtp_tone {
    bool active;
    struct rtp_telephone_event last; /* as the last packet had it */
    uint32_t clock_rate_hz;
    uint32_t timestamp;       /* of the segment */
    uint64_t start_us, next_us;
    uint64_t total, segment;  /* timestamp units: of the tone; before this segment */
    unsigned repeats;         /* of the last packet still to be sent */
    bool marked;              /* the first packet is gone */
};

/* One packet of it. */
struct rtp_tone_packet {
    uint8_t bytes[RTP_TELEPHONE_EVENT_BYTES];
    uint32_t timestamp;
    bool marker;
};

/*
 * Begins a tone. event: 0..RTP_TELEPHONE_EVENT_FLASH; volume: 0..RTP_TELEPHONE_EVENT_VOLUME_MAX; duration_ms: RTP_TONE_MIN_MS to
 * RTP_TONE_MAX_MS; timestamp: of now_us, in the clock of the audio. RTP_OK; RTP_ERROR_ARGUMENT; RTP_ERROR_STATE: one is being sent.
 */
int rtp_tone_start(struct rtp_tone *tone, uint64_t now_us, uint8_t event, uint8_t volume, uint32_t duration_ms, uint32_t clock_rate_hz,
                   uint32_t timestamp);
/* The next packet, when it is due. The tone is no longer active once its last packet is out. */
bool rtp_tone_poll(struct rtp_tone *tone, uint64_t now_us, struct rtp_tone_packet *out);
uint64_t rtp_tone_next_timeout(const struct rtp_tone *tone); /* UINT64_MAX: none */

/* ---- receiving ------------------------------------------------------------------------------------------------------- */

#define RTP_TONES_ENDED_MAX 16          /* not fetched yet */
#define RTP_TONE_SILENCE_US 200000u     /* without a packet for so long a tone has ended, end packet or not */

/* A tone that has ended. */
struct rtp_received_tone {
    uint8_t event;
    uint8_t volume;
    uint32_t timestamp; /* of its beginning */
    uint64_t duration_us;
};

/* Zeroed: nothing was heard. */
struct rtp_tone_receiver {
    bool active, heard;          /* one sounds; one was heard, and `current`, `segment` and `event` are of the last */
    struct rtp_received_tone current;
    uint32_t segment;            /* its timestamp */
    uint64_t before, duration;   /* timestamp units: of the segments before it, and of this one */
    uint32_t clock_rate_hz;
    uint64_t last_us;            /* when its last packet came */
    struct rtp_received_tone ended[RTP_TONES_ENDED_MAX];
    size_t ended_count;
    uint64_t dropped; /* beyond RTP_TONES_ENDED_MAX */
};

/* Takes a payload. RTP_OK; RTP_ERROR_MALFORMED: not a whole number of events, or none. */
int rtp_tone_receiver_take(struct rtp_tone_receiver *receiver, uint64_t now_us, uint32_t clock_rate_hz, uint32_t timestamp, bool marker,
                           const uint8_t *bytes, size_t length);
/* The source has another clock or began anew: what sounds ends, and what comes is new. */
void rtp_tone_receiver_restart(struct rtp_tone_receiver *receiver);
/* The next tone that has ended, each once. */
bool rtp_tone_receiver_poll(struct rtp_tone_receiver *receiver, uint64_t now_us, struct rtp_received_tone *out);
uint64_t rtp_tone_receiver_next_timeout(const struct rtp_tone_receiver *receiver); /* UINT64_MAX: none */

#endif
