/* The published STUN messages of RFC 5769 and RFC 8489 appendix B.1, shared by the tests of stun/. */
#ifndef TEST_STUN_VECTORS_H
#define TEST_STUN_VECTORS_H

#include <stddef.h>
#include <stdint.h>

extern const uint8_t vector_short_term_request[108];
extern const uint8_t vector_ipv4_response[80];
extern const uint8_t vector_ipv6_response[92];
extern const uint8_t vector_long_term_request[116];
extern const uint8_t vector_sha256_request[164];
extern const uint8_t vector_matrix_username[18];

#define VECTOR_SHORT_TERM_PASSWORD "VOkJxbRl1RmTxUk/WvJxBt"
#define VECTOR_LONG_TERM_PASSWORD "TheMatrIX"
#define VECTOR_REALM "example.org"

struct vector {
    const char *name;
    const uint8_t *bytes;
    size_t length;
};

#define VECTOR_COUNT 5
extern const struct vector vectors[VECTOR_COUNT];

#endif
