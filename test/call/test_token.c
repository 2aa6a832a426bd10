/* app/call/token.c: RFC 6750 section 2.1. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "app/call/token.h"

static int read_text(const char *text, size_t length, char token[SIGNALING_WHIP_TOKEN_MAX_BYTES + 1]) {
    char path[] = "/tmp/strata-token-XXXXXX";
    int descriptor = mkstemp(path);
    assert_true(descriptor >= 0);
    assert_int_equal(write(descriptor, text, length), (ssize_t)length);
    close(descriptor);
    int error = call_token_read(path, token);
    unlink(path);
    return error;
}

static void test_tokens(void **state) {
    static const struct {
        const char *text, *token;
    } cases[] = {{"abc", "abc"}, {"  a-b._~+/9=\r\n\n", "a-b._~+/9="}, {"", NULL}, {"\n \n", NULL}, {"a b", NULL}, {"a\nb", NULL}, {"a\"b", NULL}, {"\xc3\xa4", NULL}};
    char token[SIGNALING_WHIP_TOKEN_MAX_BYTES + 1];
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_int_equal(read_text(cases[i].text, strlen(cases[i].text), token), cases[i].token != NULL ? 0 : -EBADMSG);
        assert_string_equal(token, cases[i].token != NULL ? cases[i].token : "");
    }
    assert_int_equal(read_text("a\0b", 3, token), -EBADMSG);
    assert_int_equal(call_token_read("/nowhere/at/all", token), -ENOENT);
}

static void test_limit(void **state) {
    char text[SIGNALING_WHIP_TOKEN_MAX_BYTES + 1], token[SIGNALING_WHIP_TOKEN_MAX_BYTES + 1];
    (void)state;
    memset(text, 'x', sizeof text);
    assert_int_equal(read_text(text, SIGNALING_WHIP_TOKEN_MAX_BYTES - 1, token), 0);
    assert_int_equal(read_text(text, SIGNALING_WHIP_TOKEN_MAX_BYTES, token), 0);
    assert_int_equal(strlen(token), SIGNALING_WHIP_TOKEN_MAX_BYTES);
    assert_int_equal(read_text(text, SIGNALING_WHIP_TOKEN_MAX_BYTES + 1, token), -EBADMSG);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_tokens), cmocka_unit_test(test_limit)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
