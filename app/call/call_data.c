/* --data LABEL: one data channel of the call, with stdin on the one side of it and stdout on the other. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#include "app/call/call_internal.h"
#include "app/net/clock.h"

#define LINES_LABEL "chat" /* lines of text, as a page's chat; any other label is bytes */

static void log_channel(struct call *call, const char *state) {
    call_json_log_event(call->log, net_clock_now_us(), "datachannel", json_pack("{s:s,s:s}", "label", call->options->data_label, "state", state));
}

static bool is_lines(const struct call *call) {
    return strcmp(call->options->data_label, LINES_LABEL) == 0;
}

/* ---- what the pipe does with the channel ------------------------------------------------------------------------------------- */

static bool send_message(void *context, const uint8_t *bytes, size_t length, bool is_text) {
    struct call *call = context;
    int error = peer_connection_send_data(call->connection, net_clock_now_us(), call->data.channel, bytes, length, is_text);
    if (error != PEER_OK && error != PEER_ERROR_CAPACITY && error != PEER_ERROR_STATE)
        call_fail(call, CALL_EXIT_SYSTEM, "data", "A message could not be sent.", peer_error_name(error), "Look at the messages of the other side.");
    return error == PEER_OK;
}

static uint64_t buffered(void *context) {
    struct call *call = context;
    struct peer_data_channel channel;
    return peer_connection_data_channel(call->connection, call->data.channel, &channel) ? channel.buffered_bytes : 0;
}

static void close_channel(void *context) {
    struct call *call = context;
    (void)peer_connection_close_data_channel(call->connection, net_clock_now_us(), call->data.channel);
}

static void hold(void *context, bool is_held) {
    struct call *call = context;
    call->data.is_held = is_held;
    if (call->connection)
        peer_connection_hold_data(call->connection, is_held);
}

static void run(void *context) {
    struct call *call = context;
    if (call->driver && !call->is_ending)
        net_driver_run(call->driver);
}

static void end_if_done(struct call *call);

static void on_changed(void *context) {
    struct call *call = context;
    struct data_pipe_state state;
    data_pipe_state(call->data.pipe, &state);
    if (state.input_error != 0)
        call_fail(call, CALL_EXIT_FILE, "data", "stdin could not be read to its end.", strerror(state.input_error), "Look at what writes to it.");
    if (state.output_error != 0)
        call_fail(call, CALL_EXIT_FILE, "data", "What came could not be written to stdout.", strerror(state.output_error),
                  "Look at what reads it, and whether the disk is full.");
    end_if_done(call);
    if (call->is_ending)
        uv_async_send(&call->media_wake); /* which waits for stdout */
}

static const struct data_pipe_verbs verbs = {
    .send = send_message, .buffered = buffered, .close = close_channel, .hold = hold, .changed = on_changed, .run = run,
};

/* ---- the end ----------------------------------------------------------------------------------------------------------------- */

bool call_data_is_flushed(const struct call *call) {
    struct data_pipe_state state = {.is_flushed = true};
    if (call->data.pipe && call->problem.exit_code == CALL_EXIT_OK)
        data_pipe_state(call->data.pipe, &state);
    return state.is_flushed;
}

/* Who reads stdout shall see its end, although the program goes on. Nothing else of ours is written there. */
static void end_output(void) {
    int nothing = open("/dev/null", O_WRONLY | O_CLOEXEC);
    if (nothing >= 0)
        (void)dup2(nothing, STDOUT_FILENO);
    if (nothing > STDOUT_FILENO)
        (void)close(nothing);
}

static void end_if_done(struct call *call) {
    if (!call->data.is_closed || !call_data_is_flushed(call) || call->is_ending)
        return;
    if (!call_media_is_agreed(call)) {
        call_end(call);
    } else if (!is_lines(call) && !call->data.is_output_ended) {
        call->data.is_output_ended = true;
        end_output();
    }
}

/* The other side has said all, and takes no more. */
static void on_closing(struct call *call) {
    struct data_pipe_state state;
    data_pipe_let_go(call->data.pipe);
    data_pipe_state(call->data.pipe, &state);
    call->data.is_closing = true;
    if (state.has_unsent || buffered(call) > 0)
        call_fail(call, CALL_EXIT_FILE, "data", "Not all of stdin arrived.", "The other side closed the channel before.",
                  "Let the side that sends more be the one whose stdin ends.");
}

static void on_closed(struct call *call, enum data_channel_reason reason) {
    bool is_in_order = call->data.is_closing || reason == DATA_CHANNEL_CLOSED_BY_US || reason == DATA_CHANNEL_CLOSED_BY_PEER ||
                       reason == DATA_CHANNEL_CLOSED_RESET_REFUSED;
    call_say(call, 0, "data channel \"%s\": %s", call->options->data_label, data_channel_reason_name(reason));
    log_channel(call, "closed");
    data_pipe_let_go(call->data.pipe);
    call->data.channel = CALL_NO_CHANNEL;
    call->data.is_closed = is_in_order;
    if (!is_in_order)
        call_fail(call, CALL_EXIT_PEER_VANISHED, "data", "The data channel broke.", data_channel_reason_name(reason),
                  "Look at the messages of the other side, then send it again.");
    end_if_done(call);
}

void call_data_judge(struct call *call) {
    const struct call_data *data = &call->data;
    if (!call->options->data_label || is_lines(call) || !call->was_connected || data->is_closed || data->is_closing || call->is_duration_over ||
        call->problem.exit_code != CALL_EXIT_OK)
        return;
    call_problem_set(&call->problem, CALL_EXIT_PEER_VANISHED, "data", "The call ended before the data channel was closed.",
                     "The side that has sent everything closes it: what came may not be all.", "Look at the messages of the other side, then send it again.");
}

bool call_data_is_missing(const struct call *call) {
    return call->options->data_label && call->data.channel == CALL_NO_CHANNEL && !call->data.is_closed;
}

/* ---- the beginning ----------------------------------------------------------------------------------------------------------- */

bool call_data_begin(struct call *call) {
    call->data.channel = CALL_NO_CHANNEL;
    if (!call->options->data_label)
        return true;
    struct data_pipe_config config = {.loop = &call->loop, .input = STDIN_FILENO, .output = STDOUT_FILENO, .is_lines = is_lines(call), .verbs = &verbs, .context = call};
    int error = data_pipe_new(&config, &call->data.pipe);
    if (error != 0)
        call_problem_set(&call->problem, CALL_EXIT_FILE, "data", "stdin and stdout cannot be used for --data.", strerror(-error), "See that stdout leads somewhere.");
    return error == 0;
}

static void take(struct call *call, size_t channel) {
    call->data.channel = channel;
    call->data.is_closed = call->data.is_closing = false;
    (void)peer_connection_set_buffered_low(call->connection, channel, DATA_PIPE_LOW_BYTES);
}

bool call_data_offer(struct call *call) {
    const char *label = call->options->data_label;
    if (!label || call->data.channel != CALL_NO_CHANNEL)
        return true;
    struct peer_data_channel_config config = {.label = label, .label_length = strlen(label)};
    size_t channel;
    int error = peer_connection_create_data_channel(call->connection, net_clock_now_us(), &config, &channel);
    if (error == PEER_OK)
        take(call, channel);
    else
        call_fail(call, CALL_EXIT_SYSTEM, "data", "The data channel could not be made.", peer_error_name(error), "Give --data another label.");
    return error == PEER_OK;
}

static void open_pipe(struct call *call) {
    call_say(call, 0, "data channel \"%s\" is open", call->options->data_label);
    log_channel(call, "open");
    data_pipe_open(call->data.pipe);
}

/*
 * Who sends a small file has closed its channel before it can hear that nobody wanted it. So who waits for another one ends the call, and does not
 * ask the layer again: it would agree to the closing, which says that all is well. Without --data the channel is closed, and the call goes on.
 */
static void decline(struct call *call, size_t channel, const char *label) {
    if (call_data_is_missing(call)) {
        char why[CALL_SENTENCE_BYTES];
        peer_connection_hold_data(call->connection, true);
        call_sentence(why, "The other side's data channel is \"%.80s\".", label);
        call_fail(call, CALL_EXIT_NO_MEDIA, "data", "The two sides do not speak of the same data channel.", why, "Give both sides the same --data LABEL.");
        return;
    }
    call_say(call, 0, "the other side opened a data channel \"%s\" that is not wanted here: closed", label);
    (void)peer_connection_close_data_channel(call->connection, net_clock_now_us(), channel);
}

static void on_channel(struct call *call, size_t channel) {
    const char *label = call->options->data_label;
    struct peer_data_channel of;
    if (!peer_connection_data_channel(call->connection, channel, &of))
        return;
    bool is_ours = label && call->data.channel == CALL_NO_CHANNEL && of.label_length == strlen(label) && memcmp(of.label, label, of.label_length) == 0;
    if (is_ours) {
        take(call, channel);
        open_pipe(call);
        return;
    }
    decline(call, channel, of.label);
}

static size_t channel_of(const struct peer_connection_event *event) {
    switch (event->type) {
    case PEER_CONNECTION_EVENT_DATA_CHANNEL_MESSAGE:
        return event->as.message.channel;
    case PEER_CONNECTION_EVENT_DATA_CHANNEL_CLOSED:
        return event->as.channel_closed.channel;
    default:
        return event->as.channel;
    }
}

static void on_event_of_ours(struct call *call, const struct peer_connection_event *event) {
    switch (event->type) {
    case PEER_CONNECTION_EVENT_DATA_CHANNEL_OPEN:
        open_pipe(call);
        break;
    case PEER_CONNECTION_EVENT_DATA_CHANNEL_MESSAGE:
        data_pipe_message(call->data.pipe, event->as.message.bytes, event->as.message.length, event->as.message.is_text);
        break;
    case PEER_CONNECTION_EVENT_DATA_CHANNEL_BUFFERED_LOW:
        data_pipe_continue(call->data.pipe);
        break;
    case PEER_CONNECTION_EVENT_DATA_CHANNEL_CLOSING:
        on_closing(call);
        break;
    case PEER_CONNECTION_EVENT_DATA_CHANNEL_CLOSED:
        on_closed(call, event->as.channel_closed.reason);
        break;
    default:
        break;
    }
}

void call_data_event(struct call *call, const struct peer_connection_event *event) {
    if (event->type == PEER_CONNECTION_EVENT_DATA_CHANNEL)
        on_channel(call, event->as.channel);
    else if (call->data.channel == CALL_NO_CHANNEL)
        return; /* of one that was not wanted */
    else if (event->type == PEER_CONNECTION_EVENT_DATA_SENDABLE)
        data_pipe_continue(call->data.pipe);
    else if (channel_of(event) == call->data.channel)
        on_event_of_ours(call, event);
}

bool call_data_go_on(struct call *call) {
    struct data_pipe_state before, after;
    if (!call->data.is_held || call->data.channel == CALL_NO_CHANNEL)
        return false;
    data_pipe_state(call->data.pipe, &before);
    data_pipe_continue(call->data.pipe);
    data_pipe_state(call->data.pipe, &after);
    return after.bytes_in > before.bytes_in;
}

/* ---- the end of a connection -------------------------------------------------------------------------------------------------- */

void call_data_let_go(struct call *call) {
    struct data_pipe_state state;
    call->data.channel = CALL_NO_CHANNEL;
    call->data.is_held = false;
    if (!call->data.pipe)
        return;
    data_pipe_let_go(call->data.pipe);
    data_pipe_state(call->data.pipe, &state);
    if (!is_lines(call) && (state.bytes_in > 0 || state.bytes_out > 0 || !state.is_flushed))
        call_fail(call, CALL_EXIT_PEER_VANISHED, "data", "The other side began anew in the middle of it.",
                  "What was sent until then is lost with the old connection.", "Send it again.");
}

void call_data_close(struct call *call) {
    data_pipe_free(call->data.pipe);
    call->data.pipe = NULL;
}

void call_data_print(const struct call *call) {
    struct data_pipe_state state;
    if (!call->data.pipe)
        return;
    data_pipe_state(call->data.pipe, &state);
    fprintf(stderr, "%s: data: %" PRIu64 " bytes sent, %" PRIu64 " received\n", call->program, state.bytes_in, state.bytes_out);
}
