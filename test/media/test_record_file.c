#include "test/media/test_media.h"

#include <errno.h>

#include "app/media/record_file_internal.h"

static const uint8_t header[4] = { 'h', 'e', 'a', 'd' }, later[4] = { 'H', 'E', 'A', 'D' };

static void test_header_is_renewed_and_the_rest_stays(void **state) {
    (void)state;
    struct media_record_file file;
    struct media_error error;
    size_t length;
    assert_true(media_record_file_create(&file, media_test_path("x.bin"), header, sizeof header, &error));
    assert_true(media_record_file_write(&file, (const uint8_t *)"one", 3));
    assert_true(media_record_file_header(&file, later, sizeof later));
    assert_true(media_record_file_write(&file, (const uint8_t *)"two", 3));
    assert_true(media_record_file_write(&file, NULL, 0));
    assert_true(media_record_file_close(&file, true, &error));
    uint8_t *bytes = media_test_read_file(media_test_path("x.bin"), &length);
    assert_int_equal(length, 10);
    assert_memory_equal(bytes, "HEADonetwo", 10);
    free(bytes);
}

static void test_without_a_header_it_is_empty(void **state) {
    (void)state;
    struct media_record_file file;
    struct media_error error;
    size_t length;
    assert_true(media_record_file_create(&file, media_test_path("x.bin"), NULL, 0, &error));
    assert_true(media_record_file_close(&file, true, &error));
    free(media_test_read_file(media_test_path("x.bin"), &length));
    assert_int_equal(length, 0);
}

static void test_no_such_place(void **state) {
    (void)state;
    struct media_record_file file;
    struct media_error error = { .exit_code = 0 };
    assert_false(media_record_file_create(&file, media_test_path("none/x.bin"), header, sizeof header, &error));
    assert_int_equal(error.exit_code, MEDIA_EXIT_DEVICE);
    assert_non_null(strstr(error.what, "create"));
}

/* A disk that is full says so when the header is written, when bytes are flushed, and at the latest when the file is closed. */
static void test_full(void **state) {
    (void)state;
    struct media_record_file file;
    struct media_error error = { .exit_code = 0 };
    assert_false(media_record_file_create(&file, "/dev/full", header, sizeof header, &error));
    assert_int_equal(error.exit_code, MEDIA_EXIT_DEVICE);
    assert_non_null(strstr(error.what, "create"));
    assert_true(media_record_file_create(&file, "/dev/full", NULL, 0, &error));
    assert_true(media_record_file_write(&file, header, sizeof header));
    assert_false(media_record_file_flush(&file));
    assert_int_equal(errno, ENOSPC);
    assert_false(media_record_file_failed(&file, &error));
    assert_non_null(strstr(error.what, "write"));
    error.exit_code = 0;
    assert_false(media_record_file_close(&file, false, &error));
    assert_int_equal(error.exit_code, 0);                       /* told already */
    assert_true(media_record_file_create(&file, "/dev/full", NULL, 0, &error));
    assert_true(media_record_file_write(&file, header, sizeof header));
    assert_false(media_record_file_close(&file, true, &error));
    assert_int_equal(error.exit_code, MEDIA_EXIT_DEVICE);
}

static void test_little_endian(void **state) {
    (void)state;
    uint8_t bytes[6];
    media_record_put_u32(bytes, 0x01020304);
    media_record_put_u16(bytes + 4, 0x0506);
    assert_memory_equal(bytes, "\4\3\2\1\6\5", 6);
}

int main(void) {
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_header_is_renewed_and_the_rest_stays),
        cmocka_unit_test(test_without_a_header_it_is_empty),
        cmocka_unit_test(test_no_such_place),
        cmocka_unit_test(test_full),
        cmocka_unit_test(test_little_endian),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
