/*
 * What is in a chunk, typed: RFC 9260 section 3.3, RFC 8260 (I-DATA, I-FORWARD-TSN), RFC 3758 (FORWARD TSN), RFC 6525 (RE-CONFIG).
 *
 * A reader takes the chunk of sctp_walk_chunk whose type it is for, and returns SCTP_OK or SCTP_ERROR_MALFORMED; every view is into the
 * packet. A writer adds one whole chunk to a packet under construction (sctp/packet.h).
 */
#ifndef SCTP_CHUNK_H
#define SCTP_CHUNK_H

#include "sctp/packet.h"

/*
 * DATA (RFC 9260 section 3.3.1) and I-DATA (RFC 8260 section 2.1).
 *
 *      0                   1                   2                   3
 *     +---------------+-------+-+-+-+-+-------------------------------+
 *     | Type = 0 / 64 |  Res  |I|U|B|E|            Length             |
 *     +---------------+-------+-+-+-+-+-------------------------------+
 *     |                              TSN                              |
 *     +-------------------------------+-------------------------------+
 *     |       Stream Identifier       |  DATA: SSN, I-DATA: reserved  |
 *     +-------------------------------+-------------------------------+
 *     |              I-DATA only: Message Identifier (MID)            |
 *     +---------------------------------------------------------------+
 *     |  Payload Protocol Identifier; I-DATA but for B: its FSN       |
 *     +---------------------------------------------------------------+
 */
struct sctp_data {
    bool is_interleaved;          /* I-DATA */
    bool is_unordered, is_begin, is_end;
    bool wants_immediate_sack;    /* RFC 7053 */
    uint32_t tsn;
    uint16_t stream;
    uint32_t message;             /* DATA: the stream sequence number, 16 bits; I-DATA: the MID */
    uint32_t fragment;            /* I-DATA: the FSN, 0 of the first */
    uint32_t payload_protocol;    /* of the first fragment of I-DATA and of each of DATA; else 0 */
    const uint8_t *bytes;         /* DATA of no bytes is malformed: RFC 9260 section 3.3.1 */
    size_t length;
};
#define SCTP_DATA_HEADER_BYTES 16   /* the chunk header included */
#define SCTP_I_DATA_HEADER_BYTES 20

int sctp_read_data(const struct sctp_chunk *chunk, struct sctp_data *out);
void sctp_write_data(struct sctp_writer *writer, const struct sctp_data *data);

/* INIT and INIT ACK: RFC 9260 sections 3.3.2 and 3.3.3. */
struct sctp_init {
    uint32_t initiate_tag; /* not 0 */
    uint32_t window;       /* a_rwnd, bytes: SCTP_WINDOW_FIRST_MIN_BYTES at least */
    uint16_t outbound_streams, inbound_streams; /* not 0 */
    uint32_t initial_tsn;
    bool forward_tsn;      /* RFC 3758 section 3.3.1, or among the supported extensions */
    bool interleaving;     /* RFC 8260 section 2.2.1: I-DATA is among them */
    bool i_forward_tsn;    /* RFC 8260 section 2.3.1: I-FORWARD-TSN is */
    bool re_config;        /* RFC 6525 section 5.1.1 */
    bool zero_checksum;    /* RFC 9653: the alternate method is DTLS, 1 */
    const uint8_t *cookie; /* of an INIT ACK; NULL: none */
    size_t cookie_length;
    const uint8_t *parameters; /* all of them */
    size_t parameters_length;
};
#define SCTP_WINDOW_FIRST_MIN_BYTES 1500u /* RFC 9260 section 3.3.2 */
#define SCTP_ERROR_DETECTION_DTLS 1u /* RFC 9653 section 4 */
int sctp_read_init(const struct sctp_chunk *chunk, struct sctp_init *out);
/* `parameters` is not looked at; `unrecognized`, whole parameters of the INIT one after another, goes into an INIT ACK (section 3.2.2). */
void sctp_write_init(struct sctp_writer *writer, uint8_t type, const struct sctp_init *init, const uint8_t *unrecognized, size_t unrecognized_length);
/* Is this one known to sctp_read_init? For the rule of RFC 9260 section 3.2.1 about those that are not. */
bool sctp_init_parameter_is_known(uint16_t type);

/* SACK: RFC 9260 section 3.3.4. */
struct sctp_sack {
    uint32_t cumulative_tsn;
    uint32_t window;
    const uint8_t *gaps; /* see sctp_sack_gap */
    size_t gap_count;
    const uint8_t *duplicates;
    size_t duplicate_count;
};
struct sctp_gap {
    uint16_t start, end; /* offsets from the cumulative TSN, both within the block */
};
int sctp_read_sack(const struct sctp_chunk *chunk, struct sctp_sack *out);
/* index below gap_count. Blocks with start 0, or end before start, are malformed and never here. */
struct sctp_gap sctp_sack_gap(const struct sctp_sack *sack, size_t index);
uint32_t sctp_sack_duplicate(const struct sctp_sack *sack, size_t index);
void sctp_write_sack(struct sctp_writer *writer, uint32_t cumulative_tsn, uint32_t window, const struct sctp_gap *gaps, size_t gap_count,
                     const uint32_t *duplicates, size_t duplicate_count);

/* HEARTBEAT and HEARTBEAT ACK carry one parameter, which comes back as it was: sections 3.3.5 and 3.3.6. */
int sctp_read_heartbeat(const struct sctp_chunk *chunk, struct sctp_parameter *info);
void sctp_write_heartbeat(struct sctp_writer *writer, uint8_t type, const uint8_t *info, size_t length);

/* SHUTDOWN: section 3.3.8. SHUTDOWN ACK, COOKIE ACK and SHUTDOWN COMPLETE have no value. */
int sctp_read_shutdown(const struct sctp_chunk *chunk, uint32_t *cumulative_tsn);
void sctp_write_shutdown(struct sctp_writer *writer, uint32_t cumulative_tsn);
/* Any chunk whose value is bytes of ours or of the peer, COOKIE ECHO among them. */
void sctp_write_chunk(struct sctp_writer *writer, uint8_t type, uint8_t flags, const uint8_t *value, size_t length);

/* ABORT and SHUTDOWN COMPLETE, T bit: the verification tag is the receiver's own, reflected (section 8.5.1). */
#define SCTP_FLAG_TAG_REFLECTED 1u
/* ERROR and ABORT with one cause: section 3.3.10. length 0: without information. code 0: an ABORT without a cause. */
void sctp_write_error(struct sctp_writer *writer, uint8_t type, uint8_t flags, uint16_t code, const uint8_t *information, size_t length);

/* FORWARD TSN (RFC 3758 section 3.2) and I-FORWARD-TSN (RFC 8260 section 2.3.1). */
struct sctp_forward_tsn {
    bool is_interleaved;
    uint32_t new_cumulative_tsn;
    const uint8_t *streams;
    size_t stream_count;
};
struct sctp_skipped {
    uint16_t stream;
    bool is_unordered; /* I-FORWARD-TSN only */
    uint32_t message;  /* the last skipped SSN, or MID */
};
int sctp_read_forward_tsn(const struct sctp_chunk *chunk, struct sctp_forward_tsn *out);
struct sctp_skipped sctp_forward_tsn_stream(const struct sctp_forward_tsn *forward, size_t index);
void sctp_write_forward_tsn(struct sctp_writer *writer, bool is_interleaved, uint32_t new_cumulative_tsn, const struct sctp_skipped *streams, size_t count);

/* RE-CONFIG: RFC 6525 section 3.1, one or two parameters; walk them with sctp_walk_parameter, each is read by its type. */
enum sctp_re_config_result { /* section 4.4 */
    SCTP_RE_CONFIG_NOTHING_TO_DO = 0,
    SCTP_RE_CONFIG_PERFORMED = 1,
    SCTP_RE_CONFIG_DENIED = 2,
    SCTP_RE_CONFIG_WRONG_SSN = 3,
    SCTP_RE_CONFIG_REQUEST_IN_PROGRESS = 4,
    SCTP_RE_CONFIG_BAD_SEQUENCE_NUMBER = 5,
    SCTP_RE_CONFIG_IN_PROGRESS = 6
};
/* Outgoing SSN Reset Request, section 4.1; incoming, section 4.2, has no response_sequence and last_tsn. */
struct sctp_reset_request {
    uint32_t request_sequence, response_sequence, last_tsn;
    const uint8_t *streams; /* none: all */
    size_t stream_count;
};
int sctp_read_reset_request(const struct sctp_parameter *parameter, struct sctp_reset_request *out);
uint16_t sctp_reset_request_stream(const struct sctp_reset_request *request, size_t index);
void sctp_write_outgoing_reset(struct sctp_writer *writer, uint32_t request_sequence, uint32_t response_sequence, uint32_t last_tsn, const uint16_t *streams, size_t count);

struct sctp_re_config_response {
    uint32_t sequence, result;
};
int sctp_read_re_config_response(const struct sctp_parameter *parameter, struct sctp_re_config_response *out);
void sctp_write_re_config_response(struct sctp_writer *writer, uint32_t sequence, uint32_t result);

/* Serial numbers (RFC 1982, RFC 9260 section 1.6): a comes before b. Undefined by the RFC, and false here, when they are 2^31 (2^15) apart. */
static inline bool sctp_tsn_before(uint32_t a, uint32_t b) {
    uint32_t distance = b - a;
    return distance != 0 && distance < UINT32_C(0x80000000);
}
static inline bool sctp_ssn_before(uint16_t a, uint16_t b) {
    uint16_t distance = (uint16_t)(b - a);
    return distance != 0 && distance < 0x8000;
}

#endif
