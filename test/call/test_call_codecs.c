/* Which codecs a call names: by --codec, by default, for a file, and for who only records. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "app/call/call_internal.h"

static const char *preference(struct call *call, enum peer_media_kind kind) {
    static char text[128];
    struct peer_codec_capability codecs[CALL_CODEC_PREFERENCE_MAX];
    size_t count = call_codec_preference(call, kind, codecs);
    text[0] = '\0';
    for (size_t i = 0; i < count; i++) {
        strncat(text, i ? " " : "", sizeof text - strlen(text) - 1);
        strncat(text, peer_codec_name(codecs[i].codec), sizeof text - strlen(text) - 1);
        assert_null(codecs[i].parameters);
    }
    return text;
}

static struct media_sender *open_sender(enum media_kind kind, const char *source) {
    struct media_error error;
    struct media_sender_config config = {.kind = kind, .source = source};
    struct media_sender *sender = media_sender_new(&config, &error);
    assert_non_null(sender);
    return sender;
}

static void name(struct call_options *options, const char *codec) {
    strncpy(options->codecs[options->codec_count++], codec, CALL_CODEC_NAME_BYTES - 1);
}

static void test_defaults(void **state) {
    (void)state;
    struct call_options options = {0};
    struct call call = {.options = &options};
    assert_string_equal(preference(&call, PEER_AUDIO), "opus PCMU PCMA");
    assert_string_equal(preference(&call, PEER_VIDEO), "VP8 VP9");
    options.record_prefix = "x"; /* what cannot be shown can be recorded */
    assert_string_equal(preference(&call, PEER_VIDEO), "VP8 VP9 H264 AV1");
    call.media[1].sender = open_sender(MEDIA_VIDEO, "pattern");
    assert_string_equal(preference(&call, PEER_VIDEO), "VP8 VP9"); /* but not made here */
    media_sender_free(call.media[1].sender);
}

/* The order is the user's, each once; a kind of which none is named keeps its default. */
static void test_named(void **state) {
    (void)state;
    struct call_options options = {0};
    struct call call = {.options = &options};
    name(&options, "h264");
    name(&options, "vp9");
    name(&options, "h264");
    assert_string_equal(preference(&call, PEER_VIDEO), "H264 VP9");
    assert_string_equal(preference(&call, PEER_AUDIO), "opus PCMU PCMA");
    name(&options, "pcma");
    name(&options, "av1");
    assert_string_equal(preference(&call, PEER_AUDIO), "PCMA");
    assert_string_equal(preference(&call, PEER_VIDEO), "H264 VP9 AV1");
}

/* A file is sent as it is: its codec comes first, unless the user knows better. */
static void test_file(void **state) {
    (void)state;
    static const uint8_t film[] = {0, 0, 1, 0x67, 0x42, 0, 0, 1, 0x65, 0x88};
    char path[] = "/tmp/strata-codecs-XXXXXX.h264";
    int file = mkstemps(path, 5);
    assert_true(file >= 0);
    assert_int_equal(write(file, film, sizeof film), sizeof film);
    assert_int_equal(close(file), 0);
    struct call_options options = {.record_prefix = "x"};
    struct call call = {.options = &options};
    call.media[1].sender = open_sender(MEDIA_VIDEO, path);
    assert_string_equal(preference(&call, PEER_VIDEO), "H264 VP8 VP9");
    name(&options, "vp8");
    assert_string_equal(preference(&call, PEER_VIDEO), "VP8");
    media_sender_free(call.media[1].sender);
    assert_int_equal(unlink(path), 0);
}

static void test_mapping(void **state) {
    (void)state;
    for (int codec = 0; codec < PEER_CODEC_COUNT; codec++) {
        const char *mapped = media_codec_name(call_codec_of_peer((enum peer_codec)codec));
        assert_string_equal(mapped, peer_codec_name((enum peer_codec)codec));
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_defaults),
        cmocka_unit_test(test_named),
        cmocka_unit_test(test_file),
        cmocka_unit_test(test_mapping),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
