/*
 * Messages of Multicast DNS (RFC 6762 section 18, RFC 1035 section 4), as much of them as names of hosts need: questions for addresses, and
 * A and AAAA records. Pure functions: bytes in, views out; no allocation, no byte read beyond the length.
 *
 *      0               8              16              24            31
 *     +---------------+---------------+-+-----+-+-+-+-+-----+---------+
 *     |              id               |R|opcode|A|T| ...     |  rcode  |   R: response, A: authoritative, T: truncated
 *     +---------------+---------------+-+-----+-+-+-+-+-----+---------+
 *     |           questions           |            answers            |
 *     +---------------+---------------+---------------+---------------+
 *     |          authorities          |          additionals          |
 *     +---------------+---------------+---------------+---------------+
 *     | questions: name, type (16), unicast-response (1) class (15)   |
 *     | records:   name, type (16), cache-flush (1) class (15),       |
 *     |            ttl (32), length (16), data                        |
 *     +---------------------------------------------------------------+
 *     name: labels of 1..63 bytes behind their length, until a length of 0, or a pointer (11, 14 bits of offset) to an earlier name
 */
#ifndef NET_MDNS_MESSAGE_H
#define NET_MDNS_MESSAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "stun/address.h"

#define MDNS_MESSAGE_MAX_BYTES 9000  /* RFC 6762 section 17 */
#define MDNS_NAME_MAX_BYTES 253      /* as text, without the final dot */
#define MDNS_WRITE_MAX_BYTES 640     /* no message of ours is longer */
#define MDNS_POINTER_MAX 16          /* in one name; more serve nobody but attackers */

enum mdns_error {
    MDNS_OK = 0,
    MDNS_ERROR_MALFORMED = -1, /* peer: it is no message, drop it */
    MDNS_ERROR_ARGUMENT = -2,  /* caller: a name that is none */
    MDNS_ERROR_BUFFER = -3     /* caller: too small */
};

/* Types of records. Others occur in messages, and are let pass. */
enum { MDNS_TYPE_A = 1, MDNS_TYPE_AAAA = 28, MDNS_TYPE_NSEC = 47, MDNS_TYPE_ANY = 255 };

/* Where a message is wrong, and by which rule. */
struct mdns_problem {
    size_t offset;
    const char *rule;
};

/* A message that has been read through once: everything in it is within its bytes. A view: valid as long as the bytes. */
struct mdns_message {
    const uint8_t *bytes;
    size_t length;
    uint16_t id;
    bool response;
    bool truncated;
    uint16_t questions;
    uint16_t answers, authorities, additionals;
};

/*
 * Reads a message through.
 * problem  may be NULL
 * Returns MDNS_OK, or MDNS_ERROR_MALFORMED, which includes what RFC 6762 section 18 says to ignore: operation and response codes other than 0.
 */
int mdns_message_parse(const uint8_t *bytes, size_t length, struct mdns_message *out, struct mdns_problem *problem);

/* Goes through questions and records: start with {0}. */
struct mdns_cursor {
    size_t offset;
    unsigned question, record;
};

/* name: lower case, labels joined by dots; "" for one with characters that names of hosts do not have */
struct mdns_question {
    char name[MDNS_NAME_MAX_BYTES + 1];
    uint16_t type;
    bool internet;         /* class IN, or any */
    bool unicast_response; /* RFC 6762 section 5.4 */
};
bool mdns_message_next_question(const struct mdns_message *message, struct mdns_cursor *cursor, struct mdns_question *out);

enum mdns_section { MDNS_SECTION_ANSWER, MDNS_SECTION_AUTHORITY, MDNS_SECTION_ADDITIONAL };

/* address: of A and AAAA records, port 0; else family NONE */
struct mdns_record {
    char name[MDNS_NAME_MAX_BYTES + 1];
    enum mdns_section section;
    uint16_t type;
    bool internet;
    bool cache_flush; /* RFC 6762 section 10.2 */
    uint32_t ttl_s;
    struct stun_address address;
};
/* After the last question, which it skips by itself. */
bool mdns_message_next_record(const struct mdns_message *message, struct mdns_cursor *cursor, struct mdns_record *out);

/* ---- names ----------------------------------------------------------------------------------------------------------- */

/*
 * Is it a name of ours to ask for: one label and ".local", perhaps a final dot? (draft-ietf-mmusic-mdns-ice-candidates section 3.2.1)
 * out  MDNS_NAME_MAX_BYTES + 1 bytes; lower case, without the final dot; only written when it is
 */
bool mdns_name_is_local_host(const char *name, char *out);

#define MDNS_UUID_NAME_BYTES 43 /* 36 of the UUID, ".local", NUL */

/* The name of 16 random bytes: a version 4 UUID (RFC 9562 section 5.4) and ".local". */
void mdns_uuid_name(const uint8_t random[16], char out[MDNS_UUID_NAME_BYTES]);

/* ---- writing --------------------------------------------------------------------------------------------------------- */

/*
 * Asks for both addresses of a name.
 * id                0, but in a one-shot query (RFC 6762 section 18.1)
 * unicast_response  an answer to us alone is welcome
 * Returns the length, or MDNS_ERROR_ARGUMENT, MDNS_ERROR_BUFFER (MDNS_WRITE_MAX_BYTES is enough).
 */
int mdns_write_query(uint16_t id, const char *name, bool unicast_response, uint8_t *buffer, size_t capacity);

/*
 * Says what the address of a name is, and that there is none of the other family where that was asked for.
 * types   what to say: MDNS_SAY_ADDRESS, MDNS_SAY_NO_OTHER or both
 * ttl_s   0: goodbye (RFC 6762 section 10.1)
 * legacy  NULL; or the one-shot query that is answered: its id and question are repeated, without the bits that its sender would not
 *         understand (RFC 6762 section 6.7)
 */
enum { MDNS_SAY_ADDRESS = 1, MDNS_SAY_NO_OTHER = 2 };
struct mdns_legacy {
    uint16_t id;
    uint16_t type;
};
int mdns_write_response(const char *name, const struct stun_address *address, unsigned say, uint32_t ttl_s, const struct mdns_legacy *legacy,
                        uint8_t *buffer, size_t capacity);

#endif
