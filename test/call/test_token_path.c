/* app/call/token_path.c: who hears when the bearer token leaves for another server, or goes in the clear. RFC 9725 section 4.7.1, RFC 6750 section 5.3. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "app/call/token_path.h"

/* expected NULL: nothing is said. */
static void step(struct call_token_path *path, const char *text, const char *expected) {
    struct signaling_http_url url;
    char sentence[CALL_SENTENCE_BYTES] = "";
    assert_null(signaling_http_url_parse(text, strlen(text), &url));
    assert_int_equal(call_token_path_step(path, &url, sentence), expected != NULL);
    assert_string_equal(sentence, expected ? expected : "");
}

static void other_servers_are_told(void **state) {
    struct call_token_path path = {0};
    (void)state;
    step(&path, "https://h/whip", NULL);
    step(&path, "https://h:443/session/1", NULL);
    step(&path, "https://g/whip", "the token goes to another server, https://g");
    step(&path, "https://g/session/1", NULL);
    step(&path, "https://g:8443/", "the token goes to another server, https://g:8443");
    step(&path, "https://h/whip", "the token goes to another server, https://h");
}

static void clear_text_is_told(void **state) {
    static const char *const near[] = {"http://localhost/", "http://127.0.0.1/", "http://127.9.9.9:8080/", "http://[::1]/"};
    (void)state;
    for (size_t i = 0; i < sizeof near / sizeof near[0]; i++)
        step(&(struct call_token_path){0}, near[i], NULL);
    struct call_token_path path = {0};
    step(&path, "http://128.0.0.1/", "the token goes to http://128.0.0.1, where all on the way can read it: use https:");
    step(&path, "http://128.0.0.1/session/1", NULL);
    step(&path, "https://128.0.0.1/", "the token goes to another server, https://128.0.0.1");
    step(&path, "http://[::2]:81/", "the token goes to another server, http://[::2]:81, where all on the way can read it: use https:");
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(other_servers_are_told), cmocka_unit_test(clear_text_is_told)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
