/* Packets, chunks and parameters as bytes: RFC 9260 section 3; the files of other stacks from the corpora. */
#include "test_sctp.h"

#include <dirent.h>
#include <stdio.h>

/* An INIT of Chromium's stack; RFC 9653 section 5.2: the checksum is zero where DTLS is checksum enough, never in an INIT. */
static const uint8_t init_packet[] = {
    0x13, 0x88, 0x13, 0x88, 0, 0, 0, 0, 0, 0, 0, 0,                                                     /* ports 5000, no tag yet, checksum below */
    1, 0, 0, 29, 0xEE, 0x8B, 0x86, 0xD4, 0, 2, 0, 0, 3, 0xE8, 3, 0xE8, 0x48, 0x0F, 0xBD, 0x83,           /* INIT */
    0xC0, 0, 0, 4, 0x80, 8, 0, 5, 0x82, 0, 0, 0,                                                         /* FORWARD TSN supported; extensions: RE-CONFIG */
};

static void reads_what_is_written(void **state) {
    (void)state;
    uint8_t bytes[200];
    struct sctp_writer writer;
    sctp_writer_begin(&writer, bytes, sizeof bytes, 5000, 5001, 0x01020304);
    sctp_write_chunk(&writer, SCTP_CHUNK_COOKIE_ECHO, 0, (const uint8_t *)"abcde", 5);
    sctp_write_chunk(&writer, SCTP_CHUNK_COOKIE_ACK, 0, NULL, 0);
    int length = sctp_writer_finish(&writer, false);
    assert_int_equal(length, 12 + 12 + 4);
    struct sctp_packet packet;
    assert_int_equal(sctp_packet_parse(bytes, (size_t)length, &packet), SCTP_OK);
    assert_int_equal(packet.source_port, 5000);
    assert_int_equal(packet.destination_port, 5001);
    assert_int_equal(packet.verification_tag, 0x01020304);
    assert_int_equal(packet.checksum, sctp_packet_checksum(bytes, (size_t)length));
    assert_int_not_equal(packet.checksum, 0);
    struct sctp_walk walk = sctp_walk_packet(&packet);
    struct sctp_chunk chunk;
    assert_true(sctp_walk_chunk(&walk, &chunk));
    assert_int_equal(chunk.type, SCTP_CHUNK_COOKIE_ECHO);
    assert_int_equal(chunk.length, 5);
    assert_memory_equal(chunk.value, "abcde\0\0\0", 8); /* RFC 9260 section 3.2, MUST: padding is zeros, and not counted */
    assert_true(sctp_walk_chunk(&walk, &chunk));
    assert_int_equal(chunk.type, SCTP_CHUNK_COOKIE_ACK);
    assert_int_equal(chunk.length, 0);
    assert_false(sctp_walk_chunk(&walk, &chunk));
    assert_true(sctp_walk_is_complete(&walk));
}

/* RFC 9260 appendix A: the bytes of the CRC stand lowest first. Of a SACK that another stack sent, its checksum recomputed by it. */
static void byte_order_of_the_checksum(void **state) {
    (void)state;
    uint8_t bytes[SCTP_PACKET_MIN_BYTES] = {0x13, 0x88, 0x13, 0x88, 0, 0, 0, 1, 0xAA, 0xBB, 0xCC, 0xDD, 11, 0, 0, 4};
    uint8_t blank[sizeof bytes];
    memcpy(blank, bytes, sizeof bytes);
    memset(blank + 8, 0, 4);
    uint32_t crc = UINT32_MAX;
    for (size_t i = 0; i < sizeof blank; i++) {
        crc ^= blank[i];
        for (int bit = 0; bit < 8; bit++)
            crc = (crc & 1) != 0 ? crc >> 1 ^ 0x82F63B78u : crc >> 1;
    }
    crc = ~crc;
    uint32_t expected = (crc & 255) << 24 | (crc >> 8 & 255) << 16 | (crc >> 16 & 255) << 8 | crc >> 24;
    assert_int_equal(sctp_packet_checksum(bytes, sizeof bytes), expected);
}

/* RFC 9653 section 5.1 */
static void zero_checksum(void **state) {
    (void)state;
    uint8_t bytes[16];
    struct sctp_writer writer;
    sctp_writer_begin(&writer, bytes, sizeof bytes, 1, 2, 3);
    sctp_write_chunk(&writer, SCTP_CHUNK_COOKIE_ACK, 0, NULL, 0);
    assert_int_equal(sctp_writer_finish(&writer, true), 16);
    assert_memory_equal(bytes + 8, "\0\0\0\0", 4);
}

/* Cut anywhere it is refused, unless a whole chunk was cut off; never read beyond (AddressSanitizer sees it: each cut is a copy). */
static void truncated(void **state) {
    (void)state;
    struct sctp_packet packet;
    for (size_t length = 0; length < sizeof init_packet; length++) {
        uint8_t *copy = malloc(length + 1);
        memcpy(copy, init_packet, length);
        int expected = length >= 12 + 29 ? SCTP_OK : SCTP_ERROR_MALFORMED; /* the last chunk may lack its padding */
        assert_int_equal(sctp_packet_parse(copy, length, &packet), expected);
        free(copy);
    }
}

/* A chunk length below 4 would never end; one beyond the packet would leave it. RFC 9260 section 3.2 */
static void chunk_lengths(void **state) {
    (void)state;
    struct sctp_packet packet;
    for (unsigned length = 0; length < 12; length++) {
        uint8_t bytes[20] = {0, 1, 0, 2, 0, 0, 0, 3, 0, 0, 0, 0, 200, 0, 0, (uint8_t)length, 1, 2, 3, 4};
        bool is_good = length == 8; /* below, what is left over is no chunk; above, it would leave */
        if (length == 5 || length == 6 || length == 7)
            is_good = true; /* padded to the end */
        if (length == 4)
            is_good = false; /* 1 2 3 4 is a chunk of length 0x0304 */
        assert_int_equal(sctp_packet_parse(bytes, sizeof bytes, &packet), is_good ? SCTP_OK : SCTP_ERROR_MALFORMED);
    }
}

static void size_limits(void **state) {
    (void)state;
    struct sctp_packet packet;
    uint8_t *bytes = calloc(1, SCTP_PACKET_MAX_BYTES + 1);
    bytes[12] = SCTP_CHUNK_PAD;
    for (size_t length = SCTP_PACKET_MAX_BYTES - 1; length <= SCTP_PACKET_MAX_BYTES + 1; length++) {
        bytes[14] = (uint8_t)((length - 12) >> 8);
        bytes[15] = (uint8_t)(length - 12);
        assert_int_equal(sctp_packet_parse(bytes, length, &packet), length <= SCTP_PACKET_MAX_BYTES ? SCTP_OK : SCTP_ERROR_MALFORMED);
    }
    free(bytes);
    uint8_t small[SCTP_PACKET_MIN_BYTES] = {[12] = 11, [15] = 4};
    assert_int_equal(sctp_packet_parse(small, SCTP_PACKET_MIN_BYTES, &packet), SCTP_OK);
    assert_int_equal(sctp_packet_parse(small, SCTP_PACKET_MIN_BYTES - 1, &packet), SCTP_ERROR_MALFORMED);
}

/* A writer into every capacity: it fails whole, never writes beyond, and what fitted before can be kept. */
static void every_capacity(void **state) {
    (void)state;
    for (size_t capacity = 0; capacity <= 40; capacity++) {
        uint8_t *bytes = malloc(capacity + 1);
        struct sctp_writer writer;
        sctp_writer_begin(&writer, bytes, capacity, 1, 2, 3);
        sctp_write_shutdown(&writer, 7);
        size_t mark = writer.length;
        bool fitted = !writer.failed;
        sctp_write_heartbeat(&writer, SCTP_CHUNK_HEARTBEAT, (const uint8_t *)"12345", 5);
        assert_int_equal(writer.failed, capacity < 12 + 8 + 16);
        if (fitted && writer.failed) {
            assert_int_equal(sctp_writer_finish(&writer, false), SCTP_ERROR_BUFFER);
            sctp_writer_rewind(&writer, mark);
            assert_int_equal(sctp_writer_finish(&writer, false), 20);
        }
        free(bytes);
    }
}

static void names(void **state) {
    (void)state;
    assert_string_equal(sctp_chunk_type_name(SCTP_CHUNK_INIT_ACK), "INIT ACK");
    assert_string_equal(sctp_chunk_type_name(77), "unknown chunk");
    assert_string_equal(sctp_cause_name(SCTP_CAUSE_USER_ABORT), "user-initiated abort");
    assert_string_equal(sctp_cause_name(0), "unknown cause");
    assert_string_equal(sctp_cause_name(14), "unknown cause");
    /* RFC 9260 section 3.2 */
    assert_true(sctp_unknown_stops(0x3F) && !sctp_unknown_is_reported(0x3F));
    assert_true(sctp_unknown_stops(0x7F) && sctp_unknown_is_reported(0x7F));
    assert_true(!sctp_unknown_stops(0x80) && !sctp_unknown_is_reported(0x80));
    assert_true(!sctp_unknown_stops(0xC0) && sctp_unknown_is_reported(0xC0));
}

/* ---- what other stacks sent, and what broke them -------------------------------------------------------------------------------------- */

static void read_chunk(const struct sctp_chunk *chunk) {
    struct sctp_data data;
    struct sctp_init init;
    struct sctp_sack sack;
    struct sctp_forward_tsn forward;
    struct sctp_parameter parameter;
    struct sctp_walk walk;
    switch (chunk->type) {
    case SCTP_CHUNK_DATA:
    case SCTP_CHUNK_I_DATA: (void)sctp_read_data(chunk, &data); break;
    case SCTP_CHUNK_INIT:
    case SCTP_CHUNK_INIT_ACK: (void)sctp_read_init(chunk, &init); break;
    case SCTP_CHUNK_SACK:
        if (sctp_read_sack(chunk, &sack) == SCTP_OK && sack.duplicate_count > 0)
            (void)sctp_sack_duplicate(&sack, sack.duplicate_count - 1);
        break;
    case SCTP_CHUNK_FORWARD_TSN:
    case SCTP_CHUNK_I_FORWARD_TSN:
        if (sctp_read_forward_tsn(chunk, &forward) == SCTP_OK && forward.stream_count > 0)
            (void)sctp_forward_tsn_stream(&forward, forward.stream_count - 1);
        break;
    case SCTP_CHUNK_HEARTBEAT: (void)sctp_read_heartbeat(chunk, &parameter); break;
    case SCTP_CHUNK_RE_CONFIG:
        walk = sctp_walk_bytes(chunk->value, chunk->length);
        while (sctp_walk_parameter(&walk, &parameter)) {
            struct sctp_reset_request request;
            if (sctp_read_reset_request(&parameter, &request) == SCTP_OK && request.stream_count > 0)
                (void)sctp_reset_request_stream(&request, request.stream_count - 1);
        }
        break;
    default: break;
    }
}

static void corpora(void **state) {
    (void)state;
    const char *folder = getenv("STRATA_CORPORA");
    char path[1024];
    snprintf(path, sizeof path, "%s/sctp", folder ? folder : "");
    DIR *files = folder ? opendir(path) : NULL;
    if (!files) {
        puts("SKIP: corpora: corpora not present (set STRATA_CORPORA)");
        skip();
    }
    struct dirent *entry;
    unsigned count = 0, parsed = 0, of_libwebrtc = 0;
    while ((entry = readdir(files)) != NULL) {
        snprintf(path, sizeof path, "%s/sctp/%s", folder, entry->d_name);
        FILE *file = entry->d_name[0] == '.' ? NULL : fopen(path, "rb");
        if (!file)
            continue;
        uint8_t whole[70000];
        size_t length = fread(whole, 1, sizeof whole, file);
        fclose(file);
        uint8_t *bytes = malloc(length + 1);
        memcpy(bytes, whole, length);
        struct sctp_packet packet;
        struct sctp_chunk chunk;
        count++;
        if (sctp_packet_parse(bytes, length, &packet) == SCTP_OK) {
            parsed++;
            of_libwebrtc += strncmp(entry->d_name, "libwebrtc", 9) == 0;
            struct sctp_walk walk = sctp_walk_packet(&packet);
            while (sctp_walk_chunk(&walk, &chunk))
                read_chunk(&chunk);
        }
        free(bytes);
    }
    closedir(files);
    print_message("%u files, %u are packets\n", count, parsed);
    assert_true(count >= 100 && parsed >= 10);
    assert_int_equal(of_libwebrtc, 11); /* all of that stack's but two, whose last chunk leaves the packet */
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_what_is_written), cmocka_unit_test(byte_order_of_the_checksum), cmocka_unit_test(zero_checksum),
        cmocka_unit_test(truncated), cmocka_unit_test(chunk_lengths), cmocka_unit_test(size_limits), cmocka_unit_test(every_capacity),
        cmocka_unit_test(names), cmocka_unit_test(corpora),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
