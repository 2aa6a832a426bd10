/*
 * What an ICE connectivity check costs: parse and verify a request, and build one, as ratios to floors measured in the
 * same run. The floors, all over the same bytes:
 *
 *   sha1      SHA-1 from a saved state, inner and outer: the arithmetic that no HMAC-SHA1 can do without
 *   memcpy    moving the message once
 *
 * Each figure is the best of many batches: interference by other processes only ever adds.
 */
#define OPENSSL_API_COMPAT 10101 /* the floor uses SHA1_Update directly */

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/sha.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "stun/integrity.h"
#include "stun/message.h"

#define BATCHES 60
#define ROUNDS 4000

static const uint8_t password[] = "VOkJxbRl1RmTxUk/WvJxBt";
static const uint8_t id[STUN_TRANSACTION_ID_BYTES] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12};

static struct stun_key *key;
static uint8_t request[256];
static size_t request_length;
static size_t covered_length; /* what MESSAGE-INTEGRITY covers */
static SHA_CTX prepared;
static uint8_t scratch[256];
static volatile unsigned sink;

static void fail(const char *what) {
    fprintf(stderr, "bench_stun: %s\n", what);
    exit(1);
}

static int build(uint8_t *out, size_t capacity) {
    struct stun_writer writer;
    stun_writer_begin(&writer, out, capacity, STUN_CLASS_REQUEST, STUN_METHOD_BINDING, id);
    stun_writer_add_bytes(&writer, STUN_ATTRIBUTE_USERNAME, (const uint8_t *)"h6vY:evtj", 9);
    stun_writer_add_u32(&writer, STUN_ATTRIBUTE_PRIORITY, 0x6E7F00FF);
    stun_writer_add_u64(&writer, STUN_ATTRIBUTE_ICE_CONTROLLING, 0x932FF9B151263B36);
    stun_writer_add_flag(&writer, STUN_ATTRIBUTE_USE_CANDIDATE);
    stun_writer_add_integrity(&writer, key);
    stun_writer_add_fingerprint(&writer);
    return stun_writer_finish(&writer);
}

static void run_build(void) {
    sink += (unsigned)build(scratch, sizeof scratch);
}

static void run_parse(void) {
    struct stun_message message;
    sink += (unsigned)stun_message_parse(request, request_length, &message);
}

static void run_parse_and_read(void) {
    struct stun_message message;
    const uint8_t *username;
    size_t length;
    uint32_t priority = 0;
    uint64_t tie_breaker = 0;
    struct stun_attribute flag;
    stun_message_parse(request, request_length, &message);
    stun_message_read_bytes(&message, STUN_ATTRIBUTE_USERNAME, &username, &length);
    stun_message_read_u32(&message, STUN_ATTRIBUTE_PRIORITY, &priority);
    stun_message_read_u64(&message, STUN_ATTRIBUTE_ICE_CONTROLLING, &tie_breaker);
    sink += (unsigned)stun_message_find(&message, STUN_ATTRIBUTE_USE_CANDIDATE, &flag) + priority + (unsigned)tie_breaker;
}

static void run_parse_and_verify(void) {
    struct stun_message message;
    if (stun_message_parse(request, request_length, &message) != STUN_OK || stun_message_check_fingerprint(&message) != STUN_OK ||
        stun_message_check_integrity(&message, key) != STUN_OK)
        fail("the request does not verify");
}

static void run_fingerprint(void) {
    struct stun_message message = {.bytes = request, .length = request_length, .fingerprint_offset = request_length - 8};
    sink += (unsigned)stun_message_check_fingerprint(&message);
}

static void floor_sha1(void) {
    uint8_t digest[SHA_DIGEST_LENGTH];
    SHA_CTX context = prepared;
    SHA1_Update(&context, request, covered_length);
    SHA1_Final(digest, &context);
    context = prepared;
    SHA1_Update(&context, digest, sizeof digest);
    SHA1_Final(digest, &context);
    sink += digest[0];
}

static void floor_memcpy(void) {
    memcpy(scratch, request, request_length);
    __asm__ volatile("" : : "r"(scratch) : "memory");
}

static void one_shot_hmac(void) {
    uint8_t mac[EVP_MAX_MD_SIZE];
    HMAC(EVP_sha1(), password, sizeof password - 1, request, covered_length, mac, NULL);
    sink += mac[0];
}

static double best_ns(void (*run)(void)) {
    double best = 1e18;
    for (int batch = 0; batch < BATCHES; batch++) {
        struct timespec from;
        struct timespec to;
        clock_gettime(CLOCK_MONOTONIC, &from);
        for (int round = 0; round < ROUNDS; round++)
            run();
        clock_gettime(CLOCK_MONOTONIC, &to);
        double ns = ((double)(to.tv_sec - from.tv_sec) * 1e9 + (double)(to.tv_nsec - from.tv_nsec)) / ROUNDS;
        if (ns < best)
            best = ns;
    }
    return best;
}

int main(void) {
    static const uint8_t block[SHA_CBLOCK];
    static const struct {
        const char *name;
        void (*run)(void);
    } rows[] = {
        {"parse + verify (MI, FINGERPRINT)", run_parse_and_verify},
        {"build (MI, FINGERPRINT)", run_build},
        {"parse", run_parse},
        {"parse + read four attributes", run_parse_and_read},
        {"FINGERPRINT alone", run_fingerprint},
        {"for comparison: one-shot HMAC()", one_shot_hmac},
    };
    key = stun_key_new_short_term(password, sizeof password - 1);
    if (key == NULL)
        fail("no key");
    int length = build(request, sizeof request);
    if (length < 0)
        fail("the request does not fit");
    request_length = (size_t)length;
    covered_length = request_length - 8 - 24;
    SHA1_Init(&prepared);
    SHA1_Update(&prepared, block, sizeof block);

    double sha1_ns = best_ns(floor_sha1);
    double memcpy_ns = best_ns(floor_memcpy);
    printf("ICE Binding request of %zu bytes; best of %d batches of %d\n\n", request_length, BATCHES, ROUNDS);
    printf("%-34s %9s %9s %9s\n", "", "ns", "/ sha1", "/ memcpy");
    printf("%-34s %9.1f %9.2f %9.1f\n", "floor: sha1, saved state", sha1_ns, 1.0, sha1_ns / memcpy_ns);
    printf("%-34s %9.1f %9.2f %9.1f\n", "floor: memcpy", memcpy_ns, memcpy_ns / sha1_ns, 1.0);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        double ns = best_ns(rows[i].run);
        printf("%-34s %9.1f %9.2f %9.1f\n", rows[i].name, ns, ns / sha1_ns, ns / memcpy_ns);
    }
    stun_key_free(key);
    return 0;
}
