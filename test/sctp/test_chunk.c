/* Typed chunks: what is written is read again, cut anywhere it is refused, and what the RFCs forbid is malformed. */
#include "test_sctp.h"

#include "sctp/bytes_internal.h"

static uint8_t buffer[2048];
static struct sctp_writer writer;

static void begin(void) {
    sctp_writer_begin(&writer, buffer, sizeof buffer, 1, 2, 3);
}

/* The only chunk of what was written. */
static struct sctp_chunk only_chunk(void) {
    struct sctp_packet packet;
    struct sctp_chunk chunk;
    int length = sctp_writer_finish(&writer, false);
    assert_true(length > 0);
    assert_int_equal(sctp_packet_parse(buffer, (size_t)length, &packet), SCTP_OK);
    struct sctp_walk walk = sctp_walk_packet(&packet);
    assert_true(sctp_walk_chunk(&walk, &chunk));
    assert_true(sctp_walk_is_complete(&walk));
    return chunk;
}

/* The value of a chunk, shorter: a copy of exactly those bytes. */
static struct sctp_chunk cut(const struct sctp_chunk *chunk, size_t length, uint8_t **copy) {
    *copy = malloc(length + 1);
    memcpy(*copy, chunk->value, length);
    return (struct sctp_chunk){chunk->type, chunk->flags, *copy, length};
}

/* ---- DATA, I-DATA ------------------------------------------------------------------------------------------------------------------ */

static void data(void **state) {
    (void)state;
    for (unsigned bits = 0; bits < 32; bits++) {
        struct sctp_data in = {
            .is_interleaved = bits & 1, .is_unordered = bits & 2, .is_begin = bits & 4, .is_end = bits & 8, .wants_immediate_sack = bits & 16,
            .tsn = 0xFFFFFFFE, .stream = 65534, .message = bits & 1 ? 0x89ABCDEF : 0xCDEF, .bytes = (const uint8_t *)"hello", .length = 5,
        };
        if (in.is_interleaved && !in.is_begin)
            in.fragment = 77;
        else
            in.payload_protocol = 53;
        begin();
        sctp_write_data(&writer, &in);
        struct sctp_chunk chunk = only_chunk();
        struct sctp_data out;
        assert_int_equal(chunk.type, in.is_interleaved ? SCTP_CHUNK_I_DATA : SCTP_CHUNK_DATA);
        assert_int_equal(sctp_read_data(&chunk, &out), SCTP_OK);
        assert_int_equal(out.is_interleaved, in.is_interleaved);
        assert_int_equal(out.is_unordered, in.is_unordered);
        assert_int_equal(out.is_begin, in.is_begin);
        assert_int_equal(out.is_end, in.is_end);
        assert_int_equal(out.wants_immediate_sack, in.wants_immediate_sack);
        assert_int_equal(out.tsn, in.tsn);
        assert_int_equal(out.stream, in.stream);
        assert_int_equal(out.message, in.message);
        assert_int_equal(out.fragment, in.fragment);
        assert_int_equal(out.payload_protocol, in.payload_protocol);
        assert_int_equal(out.length, 5);
        assert_memory_equal(out.bytes, "hello", 5);
        for (size_t length = 0; length < chunk.length; length++) {
            uint8_t *copy;
            struct sctp_chunk shorter = cut(&chunk, length, &copy);
            size_t header = in.is_interleaved ? 16 : 12;
            assert_int_equal(sctp_read_data(&shorter, &out), length > header ? SCTP_OK : SCTP_ERROR_MALFORMED);
            free(copy);
        }
    }
}

/* RFC 9260 section 3.3.1: the bits stand where the picture has them */
static void data_bits(void **state) {
    (void)state;
    struct sctp_data in = {.is_end = true, .bytes = (const uint8_t *)"x", .length = 1};
    static const uint8_t expected[] = {1, 2, 4, 8};
    for (size_t i = 0; i < 4; i++) {
        in.is_end = i == 0;
        in.is_begin = i == 1;
        in.is_unordered = i == 2;
        in.wants_immediate_sack = i == 3;
        begin();
        sctp_write_data(&writer, &in);
        assert_int_equal(only_chunk().flags, expected[i]);
    }
}

/* ---- INIT -------------------------------------------------------------------------------------------------------------------------- */

static const struct sctp_init some_init = {
    .initiate_tag = 0xA1B2C3D4, .window = 1 << 20, .outbound_streams = 65535, .inbound_streams = 1, .initial_tsn = 9,
    .forward_tsn = true, .interleaving = true, .i_forward_tsn = true, .re_config = true, .zero_checksum = true, .cookie = (const uint8_t *)"biscuit", .cookie_length = 7,
};

static void init(void **state) {
    (void)state;
    struct sctp_init out;
    begin();
    sctp_write_init(&writer, SCTP_CHUNK_INIT_ACK, &some_init, NULL, 0);
    struct sctp_chunk chunk = only_chunk();
    assert_int_equal(chunk.type, SCTP_CHUNK_INIT_ACK);
    assert_int_equal(sctp_read_init(&chunk, &out), SCTP_OK);
    assert_int_equal(out.initiate_tag, some_init.initiate_tag);
    assert_int_equal(out.window, some_init.window);
    assert_int_equal(out.outbound_streams, 65535);
    assert_int_equal(out.inbound_streams, 1);
    assert_int_equal(out.initial_tsn, 9);
    assert_true(out.forward_tsn && out.interleaving && out.i_forward_tsn && out.re_config && out.zero_checksum);
    assert_int_equal(out.cookie_length, 7);
    assert_memory_equal(out.cookie, "biscuit", 7);
    for (size_t length = 0; length < chunk.length; length++) {
        uint8_t *copy;
        struct sctp_chunk shorter = cut(&chunk, length, &copy);
        struct sctp_walk walk = sctp_walk_bytes(copy + 16, length >= 16 ? length - 16 : 0);
        struct sctp_parameter parameter;
        while (sctp_walk_parameter(&walk, &parameter))
            ;
        bool is_whole = length >= 16 && sctp_walk_is_complete(&walk); /* cut between two parameters */
        assert_int_equal(sctp_read_init(&shorter, &out), is_whole ? SCTP_OK : SCTP_ERROR_MALFORMED);
        free(copy);
    }
}

/* RFC 9260 section 3.3.2, MUST NOT: a tag of 0, no stream in a direction, a window below SCTP_WINDOW_FIRST_MIN_BYTES */
static void init_of_nothing(void **state) {
    (void)state;
    for (int i = 0; i < 6; i++) {
        struct sctp_init in = some_init, out;
        if (i == 0)
            in.initiate_tag = 0;
        if (i == 1)
            in.outbound_streams = 0;
        if (i == 2)
            in.inbound_streams = 0;
        if (i >= 3)
            in.window = SCTP_WINDOW_FIRST_MIN_BYTES - 1 + (uint32_t)(i - 3);
        begin();
        sctp_write_init(&writer, SCTP_CHUNK_INIT, &in, NULL, 0);
        struct sctp_chunk chunk = only_chunk();
        assert_int_equal(sctp_read_init(&chunk, &out), i <= 3 ? SCTP_ERROR_MALFORMED : SCTP_OK);
    }
}

/* RFC 8260 sections 2.2.1 and 2.3.1: each of the two types speaks for itself. RFC 9653 section 4: method 1 is DTLS, no other counts */
static void init_extensions(void **state) {
    (void)state;
    static const struct {
        uint16_t type;
        uint8_t value[4];
        size_t length;
        bool forward, interleaving, re_config, zero, i_forward;
    } cases[] = {
        {SCTP_PARAMETER_SUPPORTED_EXTENSIONS, {SCTP_CHUNK_I_DATA}, 1, false, true, false, false, false},
        {SCTP_PARAMETER_SUPPORTED_EXTENSIONS, {SCTP_CHUNK_I_FORWARD_TSN, SCTP_CHUNK_I_DATA}, 2, false, true, false, false, true},
        {SCTP_PARAMETER_SUPPORTED_EXTENSIONS, {SCTP_CHUNK_FORWARD_TSN, SCTP_CHUNK_RE_CONFIG}, 2, true, false, true, false, false},
        {SCTP_PARAMETER_FORWARD_TSN_SUPPORTED, {0}, 0, true, false, false, false, false},
        {SCTP_PARAMETER_ZERO_CHECKSUM, {0, 0, 0, 1}, 4, false, false, false, true, false},
        {SCTP_PARAMETER_ZERO_CHECKSUM, {0, 0, 0, 2}, 4, false, false, false, false, false},
        {SCTP_PARAMETER_ZERO_CHECKSUM, {0, 1}, 2, false, false, false, false, false},
        {0x7777, {1}, 1, false, false, false, false, false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        uint8_t bytes[16 + 8] = {0, 0, 0, 1, 0, 0, 6, 0, 0, 1, 0, 1, 0, 0, 0, 5};
        sctp_store_u16(bytes + 16, cases[i].type);
        sctp_store_u16(bytes + 18, (uint16_t)(4 + cases[i].length));
        memcpy(bytes + 20, cases[i].value, cases[i].length);
        struct sctp_chunk chunk = {SCTP_CHUNK_INIT, 0, bytes, 20 + cases[i].length};
        struct sctp_init out;
        assert_int_equal(sctp_read_init(&chunk, &out), SCTP_OK);
        assert_int_equal(out.forward_tsn, cases[i].forward);
        assert_int_equal(out.interleaving, cases[i].interleaving);
        assert_int_equal(out.i_forward_tsn, cases[i].i_forward);
        assert_int_equal(out.re_config, cases[i].re_config);
        assert_int_equal(out.zero_checksum, cases[i].zero);
        assert_int_equal(sctp_init_parameter_is_known(cases[i].type), cases[i].type != 0x7777);
    }
}

/* RFC 9260 section 3.3.3.1: an unrecognized parameter comes back whole */
static void init_unrecognized(void **state) {
    (void)state;
    static const uint8_t unknown[] = {0xC7, 0x77, 0, 5, 42, 0, 0, 0, 0x47, 0x77, 0, 4};
    begin();
    sctp_write_init(&writer, SCTP_CHUNK_INIT_ACK, &some_init, unknown, sizeof unknown);
    struct sctp_chunk chunk = only_chunk();
    struct sctp_walk walk = sctp_walk_bytes(chunk.value + 16, chunk.length - 16);
    struct sctp_parameter parameter;
    size_t found = 0;
    while (sctp_walk_parameter(&walk, &parameter))
        if (parameter.type == SCTP_PARAMETER_UNRECOGNIZED) {
            assert_int_equal(parameter.length, found == 0 ? 5 : 4);
            assert_memory_equal(parameter.value, found == 0 ? unknown : unknown + 8, parameter.length);
            found++;
        }
    assert_int_equal(found, 2);
    assert_true(sctp_walk_is_complete(&walk));
}

/* ---- SACK -------------------------------------------------------------------------------------------------------------------------- */

static void sack(void **state) {
    (void)state;
    static const struct sctp_gap gaps[] = {{2, 2}, {4, 65535}};
    static const uint32_t duplicates[] = {7, 0xFFFFFFFF, 8};
    struct sctp_sack out;
    begin();
    sctp_write_sack(&writer, 100, 5000, gaps, 2, duplicates, 3);
    struct sctp_chunk chunk = only_chunk();
    assert_int_equal(sctp_read_sack(&chunk, &out), SCTP_OK);
    assert_int_equal(out.cumulative_tsn, 100);
    assert_int_equal(out.window, 5000);
    assert_int_equal(out.gap_count, 2);
    assert_int_equal(sctp_sack_gap(&out, 1).start, 4);
    assert_int_equal(sctp_sack_gap(&out, 1).end, 65535);
    assert_int_equal(out.duplicate_count, 3);
    assert_int_equal(sctp_sack_duplicate(&out, 1), 0xFFFFFFFF);
    for (size_t length = 0; length < chunk.length; length++) {
        uint8_t *copy;
        struct sctp_chunk shorter = cut(&chunk, length, &copy);
        assert_int_equal(sctp_read_sack(&shorter, &out), SCTP_ERROR_MALFORMED);
        free(copy);
    }
}

static void sack_of_bad_blocks(void **state) {
    (void)state;
    static const struct {
        struct sctp_gap gap;
        int error;
    } cases[] = {{{0, 1}, SCTP_ERROR_MALFORMED}, {{2, 1}, SCTP_ERROR_MALFORMED}, {{1, 1}, SCTP_OK}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct sctp_sack out;
        begin();
        sctp_write_sack(&writer, 1, 1, &cases[i].gap, 1, NULL, 0);
        struct sctp_chunk chunk = only_chunk();
        assert_int_equal(sctp_read_sack(&chunk, &out), cases[i].error);
    }
}

/* ---- the small ones ---------------------------------------------------------------------------------------------------------------- */

static void heartbeat(void **state) {
    (void)state;
    struct sctp_parameter info;
    begin();
    sctp_write_heartbeat(&writer, SCTP_CHUNK_HEARTBEAT_ACK, (const uint8_t *)"when", 4);
    struct sctp_chunk chunk = only_chunk();
    assert_int_equal(sctp_read_heartbeat(&chunk, &info), SCTP_OK);
    assert_int_equal(info.length, 4);
    assert_memory_equal(info.value, "when", 4);
    for (size_t length = 0; length < chunk.length; length++) {
        uint8_t *copy;
        struct sctp_chunk shorter = cut(&chunk, length, &copy);
        assert_int_equal(sctp_read_heartbeat(&shorter, &info), SCTP_ERROR_MALFORMED);
        free(copy);
    }
    static const uint8_t other[] = {0, 2, 0, 4};
    chunk = (struct sctp_chunk){SCTP_CHUNK_HEARTBEAT, 0, other, sizeof other};
    assert_int_equal(sctp_read_heartbeat(&chunk, &info), SCTP_ERROR_MALFORMED);
}

static void shutdown_and_error(void **state) {
    (void)state;
    uint32_t tsn;
    begin();
    sctp_write_shutdown(&writer, 0x01020304);
    struct sctp_chunk chunk = only_chunk();
    assert_int_equal(sctp_read_shutdown(&chunk, &tsn), SCTP_OK);
    assert_int_equal(tsn, 0x01020304);
    chunk.length = 3;
    assert_int_equal(sctp_read_shutdown(&chunk, &tsn), SCTP_ERROR_MALFORMED);
    begin();
    sctp_write_error(&writer, SCTP_CHUNK_ABORT, SCTP_FLAG_TAG_REFLECTED, SCTP_CAUSE_USER_ABORT, (const uint8_t *)"bye", 3);
    chunk = only_chunk();
    assert_int_equal(chunk.type, SCTP_CHUNK_ABORT);
    assert_int_equal(chunk.flags, 1);
    struct sctp_walk walk = sctp_walk_bytes(chunk.value, chunk.length);
    struct sctp_parameter cause;
    assert_true(sctp_walk_parameter(&walk, &cause));
    assert_int_equal(cause.type, SCTP_CAUSE_USER_ABORT);
    assert_memory_equal(cause.value, "bye", cause.length);
    begin();
    sctp_write_error(&writer, SCTP_CHUNK_ABORT, 0, 0, NULL, 0);
    assert_int_equal(only_chunk().length, 0);
}

static void forward_tsn(void **state) {
    (void)state;
    for (int interleaved = 0; interleaved < 2; interleaved++) {
        const struct sctp_skipped streams[] = {{1, false, 9}, {65534, interleaved, interleaved ? 0xFFFFFFF0 : 0xFFF0}};
        struct sctp_forward_tsn out;
        begin();
        sctp_write_forward_tsn(&writer, interleaved, 1234, streams, 2);
        struct sctp_chunk chunk = only_chunk();
        assert_int_equal(sctp_read_forward_tsn(&chunk, &out), SCTP_OK);
        assert_int_equal(out.new_cumulative_tsn, 1234);
        assert_int_equal(out.stream_count, 2);
        for (size_t i = 0; i < 2; i++) {
            struct sctp_skipped skipped = sctp_forward_tsn_stream(&out, i);
            assert_int_equal(skipped.stream, streams[i].stream);
            assert_int_equal(skipped.is_unordered, streams[i].is_unordered);
            assert_int_equal(skipped.message, streams[i].message);
        }
        for (size_t length = 0; length < chunk.length; length++) {
            uint8_t *copy;
            struct sctp_chunk shorter = cut(&chunk, length, &copy);
            bool is_whole = length >= 4 && (length - 4) % (interleaved ? 8 : 4) == 0; /* fewer streams */
            assert_int_equal(sctp_read_forward_tsn(&shorter, &out), is_whole ? SCTP_OK : SCTP_ERROR_MALFORMED);
            free(copy);
        }
    }
}

/* RFC 6525 sections 4.1, 4.2 and 4.4 */
static void re_config(void **state) {
    (void)state;
    static const uint16_t streams[] = {4, 65534};
    struct sctp_parameter parameter;
    struct sctp_reset_request request;
    begin();
    sctp_write_outgoing_reset(&writer, 10, 11, 12, streams, 2);
    struct sctp_chunk chunk = only_chunk();
    struct sctp_walk walk = sctp_walk_bytes(chunk.value, chunk.length);
    assert_true(sctp_walk_parameter(&walk, &parameter));
    assert_int_equal(parameter.type, SCTP_PARAMETER_OUTGOING_RESET_REQUEST);
    assert_int_equal(sctp_read_reset_request(&parameter, &request), SCTP_OK);
    assert_int_equal(request.request_sequence, 10);
    assert_int_equal(request.response_sequence, 11);
    assert_int_equal(request.last_tsn, 12);
    assert_int_equal(request.stream_count, 2);
    assert_int_equal(sctp_reset_request_stream(&request, 1), 65534);
    for (size_t length = 0; length < 12; length++) {
        parameter.length = length;
        assert_int_equal(sctp_read_reset_request(&parameter, &request), SCTP_ERROR_MALFORMED);
    }
    parameter.length = 13;
    assert_int_equal(sctp_read_reset_request(&parameter, &request), SCTP_ERROR_MALFORMED);
    parameter = (struct sctp_parameter){SCTP_PARAMETER_INCOMING_RESET_REQUEST, (const uint8_t *)"\0\0\0\x05\0\x03", 6};
    assert_int_equal(sctp_read_reset_request(&parameter, &request), SCTP_OK);
    assert_int_equal(request.request_sequence, 5);
    assert_int_equal(sctp_reset_request_stream(&request, 0), 3);

    struct sctp_re_config_response response;
    begin();
    sctp_write_re_config_response(&writer, 10, SCTP_RE_CONFIG_PERFORMED);
    chunk = only_chunk();
    walk = sctp_walk_bytes(chunk.value, chunk.length);
    assert_true(sctp_walk_parameter(&walk, &parameter));
    assert_int_equal(parameter.type, SCTP_PARAMETER_RE_CONFIG_RESPONSE);
    assert_int_equal(sctp_read_re_config_response(&parameter, &response), SCTP_OK);
    assert_int_equal(response.sequence, 10);
    assert_int_equal(response.result, SCTP_RE_CONFIG_PERFORMED);
    parameter.length = 7;
    assert_int_equal(sctp_read_re_config_response(&parameter, &response), SCTP_ERROR_MALFORMED);
}

/* RFC 1982 section 3.2, RFC 9260 section 1.6 */
static void serial_numbers(void **state) {
    (void)state;
    assert_true(sctp_tsn_before(1, 2) && !sctp_tsn_before(2, 1) && !sctp_tsn_before(2, 2));
    assert_true(sctp_tsn_before(0xFFFFFFFF, 0) && !sctp_tsn_before(0, 0xFFFFFFFF));
    assert_true(sctp_tsn_before(0, 0x7FFFFFFF) && !sctp_tsn_before(0, 0x80000000) && !sctp_tsn_before(0x80000000, 0));
    assert_true(sctp_ssn_before(0xFFFF, 0) && !sctp_ssn_before(0, 0xFFFF) && sctp_ssn_before(0, 0x7FFF) && !sctp_ssn_before(0, 0x8000));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(data), cmocka_unit_test(data_bits), cmocka_unit_test(init), cmocka_unit_test(init_of_nothing),
        cmocka_unit_test(init_extensions), cmocka_unit_test(init_unrecognized), cmocka_unit_test(sack), cmocka_unit_test(sack_of_bad_blocks),
        cmocka_unit_test(heartbeat), cmocka_unit_test(shutdown_and_error), cmocka_unit_test(forward_tsn), cmocka_unit_test(re_config),
        cmocka_unit_test(serial_numbers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
