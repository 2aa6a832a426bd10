/* What is shown of the other side's words: every control character is a space, every other one stays. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "app/call/harmless.h"

/* In a block of its own size, so that one byte too far is seen. */
static void becomes(const char *text, size_t length, const char *kept, const char *expected) {
    char *copy = malloc(length + 1);
    assert_non_null(copy);
    memcpy(copy, text, length);
    copy = realloc(copy, length ? length : 1);
    assert_non_null(copy);
    call_make_harmless(copy, length, kept);
    assert_memory_equal(copy, expected, length);
    free(copy);
}
#define BECOMES(text, kept, expected) becomes(text, sizeof(text) - 1, kept, expected)

static void control_characters_are_spaces(void **state) {
    (void)state;
    for (int c = 0; c < 256; c++) {
        char text[3] = {'a', (char)c, 'b'}, expected[3] = {'a', c < 0x20 || c == 0x7f ? ' ' : (char)c, 'b'};
        becomes(text, sizeof text, "", expected);
    }
    BECOMES("\x1b[2J\a\r\x7f", "", " [2J   ");
    BECOMES("", "", "");
}

static void some_may_stay(void **state) {
    (void)state;
    BECOMES("a\n\tb\r", "\n\t", "a\n\tb ");
    BECOMES("a\n\0b", "\n", "a\n b");
}

static void the_second_set_of_control_characters_too(void **state) {
    (void)state;
    for (int c = 0x80; c < 0xc0; c++) {
        char text[4] = {'a', (char)0xc2, (char)c, 'b'}, expected[4] = {'a', ' ', ' ', 'b'};
        becomes(text, sizeof text, "", c <= 0x9f ? expected : text);
    }
    BECOMES("\xc2\x9b" "31m\xc2\x9b", "", "  31m  ");
    BECOMES("\xc2\xc2\x9b", "", "\xc2  ");
}

static void letters_stay(void **state) {
    (void)state;
    BECOMES("h\xc3\xa9, \xc3\x80, \xe2\x82\xac, \xf0\x9f\x98\x80", "", "h\xc3\xa9, \xc3\x80, \xe2\x82\xac, \xf0\x9f\x98\x80");
    BECOMES("a\xc2", "", "a\xc2"); /* cut in the middle: not one byte further is read */
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(control_characters_are_spaces),
        cmocka_unit_test(some_may_stay),
        cmocka_unit_test(the_second_set_of_control_characters_too),
        cmocka_unit_test(letters_stay),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
