/* What people see on stderr: sentences as things happen, and one line that is renewed every second when stderr is a terminal. */
#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "app/call/call_internal.h"
#include "app/call/harmless.h"
#include "app/net/clock.h"

#define LINE_BYTES 16384 /* a description is the longest; more is cut */

void call_live_clear(struct call *call) {
    if (call->is_live_line_open)
        fputs("\r\033[K", stderr);
    call->is_live_line_open = false;
}

void call_say(struct call *call, int verbosity, const char *format, ...) {
    if (call->options->verbosity < verbosity)
        return;
    call_live_clear(call);
    char text[LINE_BYTES];
    double seconds = (double)(net_clock_now_us() - call->timings.started) / 1e6;
    int prefix = snprintf(text, sizeof text, "%s %7.3f  ", call->program, seconds);
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(text + prefix, sizeof text - (size_t)prefix - 1, format, arguments);
    va_end(arguments);
    size_t length = strlen(text);
    call_make_harmless(text, length, "\n");
    text[length] = '\n';
    (void)fwrite(text, 1, length + 1, stderr); /* in one piece: caller and callee may share a terminal */
}

void call_live_update(struct call *call) {
    if (!call->is_terminal || !call->is_connected)
        return;
    const char *no_colour = getenv("NO_COLOR");
    bool has_colour = !no_colour || !*no_colour;
    const struct media_receiver_statistics *video = &call->media[1].received;
    uint64_t seconds = (net_clock_now_us() - call->timings.connected) / 1000000;
    fprintf(stderr,
            "\r\033[K%s%02" PRIu64 ":%02" PRIu64 "%s  in: %" PRIu64 " pictures, %" PRIu64 " freezes, %" PRIu64 " ms of sound concealed"
            "  out: %" PRIu64 " pictures",
            has_colour ? "\033[1m" : "", seconds / 60, seconds % 60, has_colour ? "\033[0m" : "", video->frames_decoded, video->freeze_count,
            call->media[0].received.concealed_samples / 48, call->media[1].sent.frames_encoded);
    fflush(stderr);
    call->is_live_line_open = true;
}
