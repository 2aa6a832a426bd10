#include "app/call/call.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "app/call/call_internal.h"
#include "app/call/network.h"
#include "app/net/clock.h"

/* ---- the end: asked for anywhere, done on the loop, where nothing of ours is on the stack ------------------------------------ */

void call_end(struct call *call) {
    if (call->is_ending)
        return;
    call->is_ending = true;
    uv_async_send(&call->media_wake);
}

void call_fail(struct call *call, enum call_exit exit_code, const char *layer, const char *what, const char *why, const char *try_this) {
    if (call->is_ending || call->problem.exit_code != CALL_EXIT_OK)
        return; /* the first reason counts: the others follow from it */
    call_problem_set(&call->problem, exit_code, layer, what, why, try_this);
    call_end(call);
}

static void judge_media(struct call *call) {
    const char *kind;
    call_media_measure(call);
    if (!call->was_connected || call->problem.exit_code != CALL_EXIT_OK || !call_media_is_missing(call, true, &kind))
        return;
    call_problem_set(&call->problem, CALL_EXIT_NO_MEDIA, "media", NULL,
                     "The path is there, but no packet that could be decoded came in on it.",
                     "See whether the other side really sends, and whether a firewall passes large or frequent UDP packets.");
    call_sentence(call->problem.what, "The call was connected, but no %s arrived.", kind);
    for (size_t i = 0; i < CALL_MEDIA_COUNT; i++) {
        const char *codec = media_codec_name(call->media[i].not_sent);
        if (!*codec || strcmp(kind, peer_media_kind_name(call->media[i].kind)) != 0)
            continue;
        call_sentence(call->problem.why, "%s was agreed, of which there is no source here, and the other side sent none either.", codec);
        call_sentence(call->problem.try_this, "Name with --codec a codec that both sides can make, or send a file of %s.", codec);
    }
}

static void close_handle(uv_handle_t *handle) {
    if (!uv_is_closing(handle))
        uv_close(handle, NULL);
}

static void close_handles(struct call *call) {
    close_handle((uv_handle_t *)&call->media_wake);
    close_handle((uv_handle_t *)&call->interrupt);
    close_handle((uv_handle_t *)&call->terminate);
    close_handle((uv_handle_t *)&call->wait_timer);
    close_handle((uv_handle_t *)&call->duration_timer);
    close_handle((uv_handle_t *)&call->no_media_timer);
    close_handle((uv_handle_t *)&call->second_timer);
}

static void on_farewell_over(uv_timer_t *timer) {
    struct call *call = timer->data;
    if (call->client)
        signaling_client_stop(call->client);
    call_whip_stop(call);
}

/* Sums up, says goodbye in every layer, and lets the loop run out. */
static void say_farewell(struct call *call) {
    judge_media(call);
    call_data_judge(call);
    call_live_clear(call);
    if (call->log && call->connection)
        call_json_log_event(call->log, net_clock_now_us(), "stats", json_pack("{s:o}", "stats", call_statistics_json(call)));
    call->summary = call_summary_json(call);
    if (call->connection && call->options->verbosity >= 0)
        call_summary_print(call);
    call_media_close(call);
    call_signaling_leave(call);
    call_peer_leave(call);
    call_peer_free(call);
    call_data_close(call);
    close_handles(call);
}

/* ---- timers and signals ------------------------------------------------------------------------------------------------------ */

static void on_media_wake(uv_async_t *async) {
    struct call *call = async->data;
    if (call->is_ending) {
        if (!call->summary && call_data_is_flushed(call)) /* else call_data.c wakes us when it is */
            say_farewell(call);
        return;
    }
    call_media_pump(call);
    if (call->driver && !call->is_ending)
        net_driver_run(call->driver);
}

static void on_signal(uv_signal_t *handle, int number) {
    struct call *call = handle->data;
    (void)number;
    if (call->interruptions++)
        _exit(CALL_EXIT_INTERRUPTED); /* the second time: at once, no goodbye */
    call_say(call, 0, "ending the call (once more: at once)");
    call_fail(call, CALL_EXIT_INTERRUPTED, "usage", "The call was interrupted.", "The program was told to end by a signal.", "Use --duration to end a call by itself.");
}

static bool has_path(const struct call *call) {
    struct ice_statistics ice;
    ice_agent_statistics(call_agent(call), &ice);
    return ice.connected_us != 0;
}

static void on_wait_over(uv_timer_t *timer) {
    struct call *call = timer->data;
    if (call_whip_wait_over(call))
        return;
    if (!call->is_joined)
        call_fail(call, CALL_EXIT_SIGNALING, "signaling", "The room could not be joined in time.", "The signaling server did not let us in before --wait was over.",
                  "Check the URL, or give a longer --wait.");
    else if (call->is_described && has_path(call))
        call_fail(call, CALL_EXIT_DTLS, "dtls", "A path was found, but no secure connection came about in time.",
                  "The DTLS handshake was not done before --wait was over.",
                  "Look at the other side's messages, or give a longer --wait.");
    else if (call->is_described)
        call_fail_of_ice(call);
    else if (call->last_attempt.exit_code != CALL_EXIT_OK)
        call_fail(call, call->last_attempt.exit_code, call->last_attempt.layer, "The other side left before a path was found.", call->last_attempt.why,
                  call->last_attempt.try_this);
    else
        call_fail(call, CALL_EXIT_NOBODY, "signaling", "Nobody came.", "Nobody was ready in this room before --wait was over.",
                  "Check that both sides use the same room URL, or give a longer --wait.");
}

static void on_duration_over(uv_timer_t *timer) {
    struct call *call = timer->data;
    call->is_duration_over = true;
    call_end(call);
}

static void on_no_media(uv_timer_t *timer) {
    struct call *call = timer->data;
    const char *kind;
    call_media_measure(call);
    if (call_media_is_missing(call, false, &kind))
        call_end(call); /* judge_media says why */
    else if (call_data_is_missing(call))
        call_fail(call, CALL_EXIT_NO_MEDIA, "data", "The call was connected, but there is no data channel.", "Neither side opened one with this label.",
                  "Give both sides the same --data LABEL.");
}

static void on_second(uv_timer_t *timer) {
    struct call *call = timer->data;
    if (!call->connection || call->is_ending)
        return;
    call_media_second(call);
    call_media_measure(call);
    if (call->log)
        call_json_log_event(call->log, net_clock_now_us(), "stats", json_pack("{s:o}", "stats", call_statistics_json(call)));
    call_live_update(call);
}

void call_wait(struct call *call) {
    uv_timer_start(&call->wait_timer, on_wait_over, (uint64_t)(call->options->wait_seconds * 1000), 0);
}

void call_connected(struct call *call) {
    if (call->is_connected)
        return;
    call->is_connected = true;
    call_say(call, 0, "connected");
    uv_timer_stop(&call->wait_timer);
    call_media_start(call);
    if (call->was_connected)
        return;
    call->was_connected = true;
    call->timings.connected = net_clock_now_us();
    uv_timer_start(&call->no_media_timer, on_no_media, CALL_NO_MEDIA_PATIENCE_MS, 0);
    if (call->options->duration_seconds > 0)
        uv_timer_start(&call->duration_timer, on_duration_over, (uint64_t)(call->options->duration_seconds * 1000), 0);
}

/* ---- beginning --------------------------------------------------------------------------------------------------------------- */

static void begin_handles(struct call *call) {
    uv_timer_t *timers[] = {&call->wait_timer, &call->duration_timer, &call->no_media_timer, &call->second_timer};
    for (size_t i = 0; i < sizeof timers / sizeof timers[0]; i++) {
        uv_timer_init(&call->loop, timers[i]);
        timers[i]->data = call;
    }
    uv_async_init(&call->loop, &call->media_wake, on_media_wake);
    uv_signal_init(&call->loop, &call->interrupt);
    uv_signal_init(&call->loop, &call->terminate);
    call->media_wake.data = call->interrupt.data = call->terminate.data = call;
    uv_signal_start(&call->interrupt, on_signal, SIGINT);
    uv_signal_start(&call->terminate, on_signal, SIGTERM);
    call_wait(call);
    uv_timer_start(&call->second_timer, on_second, 1000, 1000);
}

static bool open_files(struct call *call) {
    if (call->options->json) {
        call->log = call_json_log_new(call->options->json_file, call->timings.started, &call->problem);
        if (!call->log)
            return false;
    }
    if (!call->options->key_log)
        return true;
    call->key_log = fopen(call->options->key_log, "a");
    if (!call->key_log) {
        call_problem_set(&call->problem, CALL_EXIT_FILE, "system", "The key log could not be opened.", strerror(errno), "Give a path that can be written.");
        return false;
    }
    setvbuf(call->key_log, NULL, _IOLBF, 0);
    return true;
}

static bool make_certificate(struct call *call) {
    int64_t wall_s = ((int64_t)net_clock_now_us() + net_clock_wall_offset_us()) / 1000000;
    if (dtls_srtp_initialize() == DTLS_OK)
        call->certificate = dtls_certificate_new(&(struct dtls_certificate_config){.wall_clock_s = wall_s});
    if (!call->certificate)
        call_problem_set(&call->problem, CALL_EXIT_SYSTEM, "dtls", "No certificate could be made.", "OpenSSL or libsrtp2 failed to start.",
                         "Check the clock of this machine, and its memory.");
    return call->certificate != NULL;
}

/* The loop until it has run out; the signaling client's closing handshake gets CALL_FAREWELL_MS. */
static void run(struct call *call) {
    while (!call->summary)
        uv_run(&call->loop, UV_RUN_ONCE);
    uv_timer_t farewell;
    uv_timer_init(&call->loop, &farewell);
    farewell.data = call;
    uv_timer_start(&farewell, on_farewell_over, CALL_FAREWELL_MS, 0);
    uv_unref((uv_handle_t *)&farewell);
    uv_run(&call->loop, UV_RUN_DEFAULT);
    uv_close((uv_handle_t *)&farewell, NULL);
    uv_run(&call->loop, UV_RUN_DEFAULT);
}

static int finish(struct call *call) {
    if (!call->summary)
        call->summary = call_summary_json(call);
    call_json_log_event(call->log, net_clock_now_us(), "summary", call->summary);
    if (!call_json_log_free(call->log) && call->problem.exit_code == CALL_EXIT_OK)
        call_problem_set(&call->problem, CALL_EXIT_FILE, "system", "The JSON log is not complete.", "It could not be written to the end.",
                         "Look whether the disk is full.");
    if (call->key_log)
        (void)fclose(call->key_log);
    if (call->problem.exit_code != CALL_EXIT_OK && call->problem.exit_code != CALL_EXIT_INTERRUPTED)
        call_problem_print(&call->problem, call->program);
    return (int)call->problem.exit_code;
}

static int make_call(const struct call_options *options, const char *program, bool creates_offer) {
    struct call *call = calloc(1, sizeof *call);
    if (!call)
        return CALL_EXIT_SYSTEM;
    call->options = options;
    call->program = program;
    call->creates_offer = creates_offer;
    call->timings.started = net_clock_now_us();
    call->is_terminal = isatty(STDERR_FILENO) && options->verbosity == 0;
    /* A reader of stdout or a server that goes away makes a write error, not a signal. */
    (void)signal(SIGPIPE, SIG_IGN);
    uv_loop_init(&call->loop);
    begin_handles(call);
    if (open_files(call) && call_network_check(call->options, &call->problem) && make_certificate(call) && call_data_begin(call) &&
        call_media_open(call) && call_signaling_begin(call))
        ;
    else
        call_end(call);
    run(call);
    signaling_client_free(call->client);
    call_whip_free(call);
    signaling_session_free(call->session);
    (void)uv_loop_close(&call->loop);
    dtls_certificate_free(call->certificate);
    int code = finish(call);
    free(call);
    return code;
}

int call_main(int argument_count, char **arguments, const char *program, bool creates_offer) {
    struct call_options options;
    int exit_code;
    if (!call_options_read(argument_count, arguments, program, creates_offer ? CALL_PROGRAM_CALLER : CALL_PROGRAM_CALLEE, &options, &exit_code))
        return exit_code;
    return make_call(&options, program, creates_offer);
}
