#include "app/call/data_pipe.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "app/call/harmless.h"
#include "app/net/descriptor.h"

struct data_pipe {
    struct data_pipe_config config;
    struct net_descriptor *input, *output; /* input NULL: there is none */
    bool is_open, is_held, is_at_end; /* is_at_end: of input, and what was read may wait still */
    bool may_be_silent;               /* an end before the first byte is no end */
    struct data_pipe_state state;
    size_t unsent_start, unsent_length;
    size_t queue_start, queue_end;
    uint8_t unsent[DATA_PIPE_MESSAGE_BYTES];
    uint8_t queue[DATA_PIPE_QUEUE_BYTES];
};

/* ---- what is read ----------------------------------------------------------------------------------------------------------- */

static bool take(struct data_pipe *pipe, size_t length, size_t with_end) {
    if (!pipe->config.verbs->send(pipe->config.context, pipe->unsent + pipe->unsent_start, length, pipe->config.is_lines))
        return false;
    pipe->unsent_start += length + with_end;
    pipe->unsent_length -= length + with_end;
    pipe->state.bytes_in += length + with_end;
    return true;
}

/* The length of a line that is as long as the buffer: not in the middle of a character of UTF-8. */
static size_t whole_characters(const uint8_t *bytes, size_t length) {
    size_t end = length;
    while (end > 0 && length - end < 3 && (bytes[end - 1] & 0xc0) == 0x80)
        end--;
    bool is_cut = end > 1 && bytes[end - 1] >= 0xc0; /* a first byte: what follows it was just passed */
    return is_cut ? end - 1 : length;
}

/* True: what can be sent of what was read has been sent; the beginning of a line may be left. */
static bool send_lines(struct data_pipe *pipe) {
    while (pipe->unsent_length > 0) {
        const uint8_t *begin = pipe->unsent + pipe->unsent_start, *end = memchr(begin, '\n', pipe->unsent_length);
        size_t length = end ? (size_t)(end - begin) : pipe->unsent_length;
        if (!end && !pipe->is_at_end) {
            if (pipe->unsent_start > 0)
                memmove(pipe->unsent, begin, pipe->unsent_length);
            pipe->unsent_start = 0;
            if (pipe->unsent_length < sizeof pipe->unsent)
                return true;
            length = whole_characters(pipe->unsent, pipe->unsent_length);
        }
        if (!take(pipe, length, end ? 1 : 0))
            return false;
    }
    return true;
}

static bool send_unsent(struct data_pipe *pipe) {
    bool is_sent = pipe->config.is_lines ? send_lines(pipe) : pipe->unsent_length == 0 || take(pipe, pipe->unsent_length, 0);
    if (pipe->unsent_length == 0)
        pipe->unsent_start = 0;
    return is_sent;
}

static void end_input(struct data_pipe *pipe, int error) {
    pipe->is_at_end = true;
    pipe->state.input_error = error;
    if (error != 0 || (pipe->may_be_silent && pipe->state.bytes_in == 0)) {
        net_descriptor_free(pipe->input);
        pipe->input = NULL;
        if (error != 0)
            pipe->config.verbs->changed(pipe->config.context);
    }
}

/* Returns whether more may come at once. */
static bool read_some(struct data_pipe *pipe) {
    size_t end = pipe->unsent_start + pipe->unsent_length;
    ssize_t got = net_descriptor_read(pipe->input, pipe->unsent + end, sizeof pipe->unsent - end);
    if (got == -EAGAIN)
        net_descriptor_wait(pipe->input);
    else if (got <= 0)
        end_input(pipe, (int)-got);
    else
        pipe->unsent_length += (size_t)got;
    return got > 0;
}

static void pump_input(struct data_pipe *pipe) {
    const struct data_pipe_verbs *verbs = pipe->config.verbs;
    while (pipe->is_open && pipe->input && !pipe->state.has_input_ended) {
        if (!send_unsent(pipe))
            return;
        if (pipe->is_at_end) {
            pipe->state.has_input_ended = true;
            verbs->close(pipe->config.context);
            verbs->changed(pipe->config.context);
            return;
        }
        if (verbs->buffered(pipe->config.context) >= DATA_PIPE_HIGH_BYTES)
            return;
        if (!read_some(pipe) && !pipe->is_at_end)
            return;
    }
}

static void on_readable(void *context) {
    struct data_pipe *pipe = context;
    pump_input(pipe);
    pipe->config.verbs->run(pipe->config.context);
}

/* ---- what is written ---------------------------------------------------------------------------------------------------------- */

static void fail_output(struct data_pipe *pipe, int error) {
    pipe->state.output_error = error;
    pipe->queue_start = pipe->queue_end = 0;
    pipe->config.verbs->changed(pipe->config.context);
}

static void pump_output(struct data_pipe *pipe) {
    bool had_some = pipe->queue_end > pipe->queue_start;
    while (pipe->queue_end > pipe->queue_start) {
        ssize_t done = net_descriptor_write(pipe->output, pipe->queue + pipe->queue_start, pipe->queue_end - pipe->queue_start);
        if (done == -EAGAIN) {
            net_descriptor_wait(pipe->output);
            break;
        }
        if (done < 0) {
            fail_output(pipe, (int)-done);
            return;
        }
        pipe->queue_start += (size_t)done;
        pipe->state.bytes_out += (uint64_t)done;
    }
    size_t waiting = pipe->queue_end - pipe->queue_start;
    if (waiting == 0)
        pipe->queue_start = pipe->queue_end = 0;
    if (pipe->is_held && waiting <= DATA_PIPE_LOW_BYTES) {
        pipe->is_held = false;
        pipe->config.verbs->hold(pipe->config.context, false);
    }
    if (had_some && waiting == 0)
        pipe->config.verbs->changed(pipe->config.context);
}

static void on_writable(void *context) {
    struct data_pipe *pipe = context;
    pump_output(pipe);
    pipe->config.verbs->run(pipe->config.context);
}

static void make_room(struct data_pipe *pipe) {
    size_t waiting = pipe->queue_end - pipe->queue_start;
    memmove(pipe->queue, pipe->queue + pipe->queue_start, waiting);
    pipe->queue_start = 0;
    pipe->queue_end = waiting;
}

void data_pipe_message(struct data_pipe *pipe, const uint8_t *bytes, size_t length, bool is_text) {
    bool is_line = pipe->config.is_lines && is_text;
    size_t end_bytes = is_line ? 1 : 0;
    if (pipe->state.output_error != 0)
        return;
    if (length > DATA_PIPE_QUEUE_BYTES - pipe->queue_end - end_bytes)
        make_room(pipe);
    if (length > DATA_PIPE_QUEUE_BYTES - pipe->queue_end - end_bytes) {
        fail_output(pipe, ENOBUFS);
        return;
    }
    if (length > 0)
        memcpy(pipe->queue + pipe->queue_end, bytes, length);
    if (is_line) {
        call_make_harmless((char *)pipe->queue + pipe->queue_end, length, "\n\t"); /* on somebody's terminal */
        pipe->queue[pipe->queue_end + length++] = '\n';
    }
    pipe->queue_end += length;
    pump_output(pipe);
    if (!pipe->is_held && pipe->queue_end - pipe->queue_start >= DATA_PIPE_HIGH_BYTES) {
        pipe->is_held = true;
        pipe->config.verbs->hold(pipe->config.context, true);
    }
}

/* ---- its life ----------------------------------------------------------------------------------------------------------------- */

void data_pipe_open(struct data_pipe *pipe) {
    pipe->is_open = true;
    pump_input(pipe);
}

void data_pipe_continue(struct data_pipe *pipe) {
    pump_input(pipe);
}

void data_pipe_let_go(struct data_pipe *pipe) {
    pipe->is_open = pipe->is_held = false;
}

void data_pipe_state(const struct data_pipe *pipe, struct data_pipe_state *out) {
    *out = pipe->state;
    out->has_unsent = pipe->unsent_length > 0;
    out->is_flushed = pipe->queue_end == pipe->queue_start;
}

/* /dev/null and the like. */
static bool is_silent_kind(int fd) {
    struct stat kind;
    return fstat(fd, &kind) == 0 && S_ISCHR(kind.st_mode) && !isatty(fd);
}

int data_pipe_new(const struct data_pipe_config *config, struct data_pipe **out) {
    struct data_pipe *pipe = calloc(1, sizeof *pipe);
    if (!pipe)
        return -ENOMEM;
    pipe->config = *config;
    pipe->may_be_silent = is_silent_kind(config->input);
    int error = net_descriptor_new(config->loop, config->output, NET_DESCRIPTOR_WRITE, on_writable, pipe, &pipe->output);
    if (error == 0) {
        error = net_descriptor_new(config->loop, config->input, NET_DESCRIPTOR_READ, on_readable, pipe, &pipe->input);
        error = error == -EBADF ? 0 : error;
    }
    if (error != 0) {
        data_pipe_free(pipe);
        return error;
    }
    *out = pipe;
    return 0;
}

void data_pipe_free(struct data_pipe *pipe) {
    if (!pipe)
        return;
    net_descriptor_free(pipe->input);
    net_descriptor_free(pipe->output);
    free(pipe);
}
