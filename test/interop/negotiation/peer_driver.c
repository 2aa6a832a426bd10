/*
 * A PeerConnection on strings: what app/peer/peer_connection.h has as functions, as lines of JSON on stdin and stdout, one to one. A script
 * in any language can negotiate with it, as a page does with RTCPeerConnection; test/interop uses it against a browser.
 *
 * Usage: peer_driver INTERFACE FOLDER      the interface that it uses, and where the canned frames are (canned.h)
 *
 *     -> {"id":1,"do":"new","bundlePolicy":"max-bundle"}             <- {"id":1,"result":null}
 *     -> {"id":2,"do":"addTrack","kind":"audio"}                     <- {"id":2,"result":0}             <- {"event":"negotiationneeded"}
 *     -> {"id":3,"do":"setLocalDescription"}                         <- {"id":3,"result":{"type":"offer","sdp":"v=0.."}}
 *     -> {"id":4,"do":"setDirection","transceiver":7,"direction":"sendonly"}   <- {"id":4,"error":"not found","problem":".."}
 *
 * All commands stand in driver_commands.c, all events in driver_events.c. It sends on what was agreed to be sent, by itself, and counts
 * what arrives. At the end of stdin it closes the connection and exits.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "app/net/clock.h"
#include "dtls/srtp.h"
#include "test/interop/negotiation/driver_internal.h"

#define LINE_MAX_BYTES (2u * PEER_DESCRIPTION_MAX_BYTES)

void driver_write(json_t *line) {
    (void)json_dumpf(line, stdout, JSON_COMPACT);
    (void)fputc('\n', stdout);
    (void)fflush(stdout);
    json_decref(line);
}

/* ---- stdin ------------------------------------------------------------------------------------------------------------- */

static void on_allocate(uv_handle_t *handle, size_t suggested, uv_buf_t *out) {
    struct driver *driver = handle->data;
    (void)suggested;
    *out = uv_buf_init(driver->line + driver->line_length, (unsigned)(driver->line_capacity - driver->line_length));
}

static void take_lines(struct driver *driver) {
    char *begin = driver->line, *end = driver->line + driver->line_length, *newline;
    while ((newline = memchr(begin, '\n', (size_t)(end - begin))) != NULL) {
        driver_handle_line(driver, begin, (size_t)(newline - begin));
        begin = newline + 1;
    }
    driver->line_length = (size_t)(end - begin);
    memmove(driver->line, begin, driver->line_length);
}

static void on_read(uv_stream_t *stream, ssize_t count, const uv_buf_t *buffer) {
    struct driver *driver = stream->data;
    (void)buffer;
    if (count > 0) {
        driver->line_length += (size_t)count;
        take_lines(driver);
    } else if (count < 0) { /* the end, or a line longer than LINE_MAX_BYTES: libuv has no room to read into then */
        driver_end(driver);
    }
}

void driver_end(struct driver *driver) {
    driver_finish(driver);
    if (!uv_is_closing((uv_handle_t *)&driver->input))
        uv_close((uv_handle_t *)&driver->input, NULL);
    if (!uv_is_closing((uv_handle_t *)&driver->tick))
        uv_close((uv_handle_t *)&driver->tick, NULL);
}

/* ---- the loop ---------------------------------------------------------------------------------------------------------- */

static void on_tick(uv_timer_t *timer) {
    driver_send_frames(timer->data);
}

int main(int argument_count, char **arguments) {
    static struct driver driver;
    if (argument_count != 3) {
        (void)fprintf(stderr, "Usage: peer_driver INTERFACE FOLDER\n");
        return 64;
    }
    driver.interface = arguments[1];
    driver.folder = arguments[2];
    driver.line_capacity = LINE_MAX_BYTES;
    driver.line = malloc(driver.line_capacity);
    int64_t wall_s = ((int64_t)net_clock_now_us() + net_clock_wall_offset_us()) / 1000000;
    if (dtls_srtp_initialize() == DTLS_OK)
        driver.certificate = dtls_certificate_new(&(struct dtls_certificate_config){.wall_clock_s = wall_s});
    if (!driver.line || !driver.certificate)
        return 71;
    uv_loop_init(&driver.loop);
    uv_pipe_init(&driver.loop, &driver.input, 0);
    uv_timer_init(&driver.loop, &driver.tick);
    driver.input.data = driver.tick.data = &driver;
    if (uv_pipe_open(&driver.input, 0) != 0 || uv_read_start((uv_stream_t *)&driver.input, on_allocate, on_read) != 0)
        return 64; /* stdin is not a pipe */
    uv_timer_start(&driver.tick, on_tick, CANNED_AUDIO_MS, CANNED_AUDIO_MS);
    uv_run(&driver.loop, UV_RUN_DEFAULT);
    (void)uv_loop_close(&driver.loop);
    for (size_t i = 0; i < PEER_CODEC_COUNT; i++)
        canned_free(&driver.canned[i]);
    dtls_certificate_free(driver.certificate);
    free(driver.line);
    return 0;
}
