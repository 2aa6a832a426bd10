#include "test/media/test_media.h"

#include "app/media/annexb.h"

#define CODE3 0, 0, 1
#define CODE4 0, 0, 0, 1

/* How long the access units of a stream are, as text: "k20 16 7!" is a key frame of 20 bytes, two others, then a broken place. */
static const char *units(const uint8_t *bytes, size_t length, size_t *offset) {
    static char text[256];
    struct media_access_unit unit;
    struct media_parse_problem problem = { 0, NULL };
    enum media_annexb_result result;
    size_t at = 0;

    text[0] = '\0';
    while ((result = media_annexb_next_unit(bytes, length, &at, &unit, &problem)) == MEDIA_ANNEXB_UNIT) {
        size_t used = strlen(text);
        (void)snprintf(text + used, sizeof text - used, "%s%s%zu", used > 0 ? " " : "", unit.key_frame ? "k" : "", unit.length_bytes);
    }
    if (result == MEDIA_ANNEXB_BROKEN) {
        assert_non_null(problem.rule);
        strncat(text, "!", sizeof text - strlen(text) - 1);
        *offset = problem.offset;
    }
    return text;
}

/* ITU-T H.264 section 7.4.1.2.3: what begins an access unit behind a picture. */
static void test_boundaries(void **state) {
    (void)state;
    size_t offset;
    static const uint8_t by_slices[] = {              /* parameters, IDR in two slices, then pictures told apart by first_mb_in_slice alone */
        CODE4, 0x67, 0x42, CODE4, 0x68, 0xCE, CODE3, 0x65, 0x88, CODE3, 0x65, 0x48, CODE3, 0x41, 0x9A, CODE3, 0x41, 0x5A, CODE3, 0x41, 0x9A };
    assert_string_equal(units(by_slices, sizeof by_slices, &offset), "k22 10 5");
    static const uint8_t by_delimiter[] = {           /* a delimiter stands before each picture */
        CODE4, 0x09, 0x10, CODE3, 0x67, 0x42, CODE3, 0x65, 0x88, CODE4, 0x09, 0x30, CODE3, 0x41, 0x9A };
    assert_string_equal(units(by_delimiter, sizeof by_delimiter, &offset), "k16 10");
    static const uint8_t by_parameters[] = {          /* SEI, then parameter sets again */
        CODE3, 0x67, 0x42, CODE3, 0x65, 0x88, CODE3, 0x06, 0x05, CODE3, 0x41, 0x9A, CODE3, 0x68, 0xCE, CODE3, 0x41, 0x9A };
    assert_string_equal(units(by_parameters, sizeof by_parameters, &offset), "k10 10 10");
    static const uint8_t partitions[] = {             /* B and C belong to A's picture; so does filler data */
        CODE3, 0x67, 0x42, CODE3, 0x65, 0x88, CODE3, 0x42, 0x80, CODE3, 0x43, 0x80, CODE3, 0x44, 0x80, CODE3, 0x0C, 0xFF, CODE3, 0x42, 0x80 };
    assert_string_equal(units(partitions, sizeof partitions, &offset), "k10 20 5");
    static const uint8_t no_parameters[] = { CODE3, 0x65, 0x88, CODE3, 0x67, 0x42, CODE3, 0x41, 0x88 };
    assert_string_equal(units(no_parameters, sizeof no_parameters, &offset), "5 10");
}

/* Zeros before the first start code and behind a NAL unit belong to nobody; an emulated start code is none. */
static void test_zeros(void **state) {
    (void)state;
    size_t offset;
    static const uint8_t zeros[] = { 0, 0, 0, 0, 0, CODE3, 0x67, 0x42, 0, 0, 0, CODE3, 0x65, 0x88, 0, 0, 3, 1, 0, 0, 0, CODE3, 0x41, 0x9A, 0, 0 };
    assert_string_equal(units(zeros, sizeof zeros, &offset), "k22 5");
    static const uint8_t empty_units[] = { CODE3, CODE3, 0x41, 0x9A, CODE3, CODE4 };
    assert_string_equal(units(empty_units, sizeof empty_units, &offset), "8");
    struct media_nal nal;
    size_t at = 0;
    assert_true(media_annexb_next_nal(zeros, sizeof zeros, &at, &nal));
    assert_int_equal(nal.type, MEDIA_NAL_SPS);
    assert_int_equal(nal.length_bytes, 2);
    assert_true(media_annexb_next_nal(zeros, sizeof zeros, &at, &nal));
    assert_int_equal(nal.length_bytes, 6);
}

static void test_broken(void **state) {
    (void)state;
    size_t offset = 99;
    static const uint8_t forbidden[] = { CODE3, 0x67, 0x42, CODE3, 0x65, 0x88, CODE3, 0xC1, 0x9A };
    assert_string_equal(units(forbidden, sizeof forbidden, &offset), "!");
    assert_int_equal(offset, 13);
    static const uint8_t no_type[] = { CODE3, 0x65, 0x88, CODE3, 0x09, 0x10, CODE3, 0x78, 1 };       /* 24, STAP-A: RFC 6184's, not a stream's */
    assert_string_equal(units(no_type, sizeof no_type, &offset), "5!");
    assert_int_equal(offset, 13);
    static const uint8_t zero_type[] = { CODE3, 0x40, 0x88 };
    assert_string_equal(units(zero_type, sizeof zero_type, &offset), "!");
    static const uint8_t last_type[] = { CODE3, 0x65, 0x88, CODE3, 0x17, 0x88 };                     /* 23 is the last that may be */
    assert_string_equal(units(last_type, sizeof last_type, &offset), "10");
    static const uint8_t dirt[] = { 0, 7, CODE3, 0x65, 0x88 };
    assert_string_equal(units(dirt, sizeof dirt, &offset), "!");
    assert_int_equal(offset, 1);
    static const uint8_t mp4[] = { 0, 0, 0, 24, 'f', 't', 'y', 'p' };
    assert_string_equal(units(mp4, sizeof mp4, &offset), "!");
    assert_int_equal(offset, 0);
    assert_string_equal(units(mp4, 0, &offset), "!");
    static const uint8_t no_picture[] = { CODE3, 0x65, 0x88, CODE3, 0x67, 0x42 };
    assert_string_equal(units(no_picture, sizeof no_picture, &offset), "5!");
    assert_int_equal(offset, 5);
}

/* In memory of exactly the length: units never reach past it, and what is whole stays as it was. */
static void test_every_truncation(void **state) {
    (void)state;
    static const uint8_t stream[] = { CODE4, 0x09, 0x10, CODE3, 0x67, 0x42, CODE3, 0x65, 0x88, CODE4, 0x09, 0x30, CODE3, 0x41, 0x9A, CODE3, 0x41, 0x9A };
    size_t offset;
    for (size_t length = 0; length <= sizeof stream; length++) {
        uint8_t *exact = malloc(length != 0 ? length : 1);
        memcpy(exact, stream, length);
        const char *text = units(exact, length, &offset);
        if (length >= 16) {
            assert_int_equal(strncmp(text, "k16", 3), 0);
        }
        free(exact);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_boundaries), cmocka_unit_test(test_zeros), cmocka_unit_test(test_broken), cmocka_unit_test(test_every_truncation),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
