/* RFC 4571: frames out of a stream that is cut anywhere. */
#include "test_ice.h"

#include "ice/framing.h"

#define STREAM_MAX (4 * (ICE_FRAMING_FRAME_MAX_BYTES + 8))

struct stream {
    uint8_t bytes[STREAM_MAX];
    size_t length;
};

static void add_frame(struct stream *stream, size_t length, uint8_t first) {
    assert_true(stream->length + 2 + length <= STREAM_MAX);
    ice_framing_write_header(stream->bytes + stream->length, length);
    for (size_t i = 0; i < length; i++)
        stream->bytes[stream->length + 2 + i] = (uint8_t)(first + i);
    stream->length += 2 + length;
}

static void assert_frame(const struct ice_frame *frame, size_t length, uint8_t first) {
    assert_int_equal(frame->length, length);
    for (size_t i = 0; i < length; i++)
        assert_int_equal(frame->bytes[i], (uint8_t)(first + i));
}

/* Feeds a copy of exact size, so that reading past the chunk is seen; returns the frames found. */
static size_t feed(struct ice_framing *framing, const uint8_t *bytes, size_t length, size_t *total) {
    uint8_t *copy = malloc(length > 0 ? length : 1);
    if (length > 0)
        memcpy(copy, bytes, length);
    const uint8_t *at = copy;
    struct ice_frame frame;
    size_t count = 0;
    enum ice_framing_result result;
    while ((result = ice_framing_read(framing, &at, &length, &frame)) == ICE_FRAMING_FRAME) {
        static const size_t lengths[] = {0, 1, 20, 300, 0, 1500};
        size_t n = *total + count++;
        assert_frame(&frame, lengths[n], (uint8_t)n);
    }
    assert_int_equal(result, ICE_FRAMING_MORE);
    assert_int_equal(length, 0);
    free(copy);
    *total += count;
    return count;
}

static void six_frames(struct stream *stream) {
    static const size_t lengths[] = {0, 1, 20, 300, 0, 1500};
    stream->length = 0;
    for (size_t i = 0; i < 6; i++)
        add_frame(stream, lengths[i], (uint8_t)i);
}

/* RFC 4571 section 2: the stream has no boundaries but the lengths in it */
static void chunks_of_any_size(void **state) {
    (void)state;
    static struct stream stream;
    six_frames(&stream);
    for (size_t chunk = 1; chunk <= stream.length; chunk++) {
        struct ice_framing framing = {0};
        size_t total = 0;
        for (size_t at = 0; at < stream.length; at += chunk)
            feed(&framing, stream.bytes + at, stream.length - at < chunk ? stream.length - at : chunk, &total);
        assert_int_equal(total, 6);
        assert_false(ice_framing_is_cut(&framing));
    }
}

/* every truncation: the frames before it come, the rest waits */
static void truncated_anywhere(void **state) {
    (void)state;
    static struct stream stream;
    six_frames(&stream);
    size_t ends[6], at = 0;
    static const size_t lengths[] = {0, 1, 20, 300, 0, 1500};
    for (size_t i = 0; i < 6; i++)
        ends[i] = at += 2 + lengths[i];
    for (size_t cut = 0; cut <= stream.length; cut++) {
        struct ice_framing framing = {0};
        size_t total = 0, whole = 0;
        bool at_a_boundary = cut == 0;
        for (size_t i = 0; i < 6; i++) {
            whole += ends[i] <= cut;
            at_a_boundary |= ends[i] == cut;
        }
        feed(&framing, stream.bytes, cut, &total);
        assert_int_equal(total, whole);
        assert_int_equal(ice_framing_is_cut(&framing), !at_a_boundary);
        feed(&framing, stream.bytes + cut, stream.length - cut, &total);
        assert_int_equal(total, 6);
    }
}

static void random_chunks(void **state) {
    (void)state;
    static struct stream stream;
    six_frames(&stream);
    uint64_t random = 7;
    for (unsigned round = 0; round < 2000; round++) {
        struct ice_framing framing = {0};
        size_t total = 0, at = 0;
        while (at < stream.length) {
            size_t chunk = next_random(&random) % 40;
            if (chunk > stream.length - at)
                chunk = stream.length - at;
            feed(&framing, stream.bytes + at, chunk, &total);
            at += chunk;
        }
        assert_int_equal(total, 6);
    }
}

/* ICE_FRAMING_FRAME_MAX_BYTES: one less, the limit, one more; whole and byte by byte */
static void longest_frame(void **state) {
    (void)state;
    static struct stream stream;
    for (size_t length = ICE_FRAMING_FRAME_MAX_BYTES - 1; length <= ICE_FRAMING_FRAME_MAX_BYTES + 1; length++) {
        for (size_t chunk = 1; chunk <= STREAM_MAX; chunk += STREAM_MAX - 1) {
            struct ice_framing framing = {0};
            struct ice_frame frame;
            size_t frames = 0;
            enum ice_framing_result result = ICE_FRAMING_MORE;
            stream.length = 0;
            add_frame(&stream, length, 9);
            for (size_t at = 0; at < stream.length && result != ICE_FRAMING_TOO_LONG; at += chunk) {
                const uint8_t *bytes = stream.bytes + at;
                size_t left = stream.length - at < chunk ? stream.length - at : chunk;
                while ((result = ice_framing_read(&framing, &bytes, &left, &frame)) == ICE_FRAMING_FRAME) {
                    assert_frame(&frame, length, 9);
                    assert_int_equal(frame.in_chunk, chunk > 1);
                    frames++;
                }
            }
            assert_int_equal(frames, length <= ICE_FRAMING_FRAME_MAX_BYTES);
            assert_int_equal(result, length <= ICE_FRAMING_FRAME_MAX_BYTES ? ICE_FRAMING_MORE : ICE_FRAMING_TOO_LONG);
            if (result == ICE_FRAMING_TOO_LONG) { /* for ever */
                const uint8_t *bytes = stream.bytes;
                size_t left = 10;
                assert_int_equal(ice_framing_read(&framing, &bytes, &left, &frame), ICE_FRAMING_TOO_LONG);
            }
        }
    }
}

static void whole_frames_hold_nothing(void **state) {
    (void)state;
    static struct stream stream;
    stream.length = 0;
    add_frame(&stream, 3, 1);
    add_frame(&stream, 4, 5);
    const uint8_t *bytes = stream.bytes;
    size_t left = stream.length - 1;
    struct ice_frame frame;
    assert_int_equal(ice_framing_read_whole(&bytes, &left, &frame), ICE_FRAMING_FRAME);
    assert_frame(&frame, 3, 1);
    assert_int_equal(ice_framing_read_whole(&bytes, &left, &frame), ICE_FRAMING_MORE);
    assert_int_equal(left, 5);
    left++;
    assert_int_equal(ice_framing_read_whole(&bytes, &left, &frame), ICE_FRAMING_FRAME);
    assert_frame(&frame, 4, 5);
    static const uint8_t too_long[] = {0xFF, 0xFF, 0};
    bytes = too_long;
    left = sizeof too_long;
    assert_int_equal(ice_framing_read_whole(&bytes, &left, &frame), ICE_FRAMING_TOO_LONG);
}

static void header(void **state) {
    (void)state;
    uint8_t bytes[2];
    ice_framing_write_header(bytes, 0);
    assert_int_equal(bytes[0] << 8 | bytes[1], 0);
    ice_framing_write_header(bytes, 0x1234);
    assert_int_equal(bytes[0], 0x12);
    assert_int_equal(bytes[1], 0x34);
    ice_framing_write_header(bytes, 65535);
    assert_int_equal(bytes[0] << 8 | bytes[1], 65535);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(chunks_of_any_size), cmocka_unit_test(truncated_anywhere),       cmocka_unit_test(random_chunks),
        cmocka_unit_test(longest_frame),      cmocka_unit_test(whole_frames_hold_nothing), cmocka_unit_test(header),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
