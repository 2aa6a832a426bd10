/*
 * Between a data channel and two descriptors: what comes on one goes out as messages, what messages bring comes out on the other. It knows no
 * PeerConnection: the channel is five verbs, so that a test can be one. Memory is DATA_PIPE_QUEUE_BYTES and one message, whatever is slow:
 * stdin is read while little waits in the channel, and messages are held back while much waits for stdout.
 */
#ifndef CALL_DATA_PIPE_H
#define CALL_DATA_PIPE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <uv.h>

#define DATA_PIPE_MESSAGE_BYTES 16384u             /* one message of ours at most: every stack takes that */
#define DATA_PIPE_HIGH_BYTES (1024u * 1024u)       /* as much waits: no more is taken */
#define DATA_PIPE_LOW_BYTES (256u * 1024u)         /* until so little does */
#define DATA_PIPE_INBOUND_MAX_BYTES (256u * 1024u) /* one message of the peer */
#define DATA_PIPE_QUEUE_BYTES (DATA_PIPE_HIGH_BYTES + DATA_PIPE_INBOUND_MAX_BYTES + 1u)

struct data_pipe;

/*
 * send       one message. False: not now, data_pipe_continue will follow
 * buffered   bufferedAmount. BUFFERED_LOW is at DATA_PIPE_LOW_BYTES
 * close      what was sent still arrives
 * hold       true: no message until it is called with false
 * changed    something of data_pipe_state is another; from the loop or from a call of ours
 * run        the verbs above were called from the loop and not from a call of ours: see that it goes out
 */
struct data_pipe_verbs {
    bool (*send)(void *context, const uint8_t *bytes, size_t length, bool is_text);
    uint64_t (*buffered)(void *context);
    void (*close)(void *context);
    void (*hold)(void *context, bool is_held);
    void (*changed)(void *context);
    void (*run)(void *context);
};

/*
 * input, output  stdin and stdout, borrowed. -1 or closed: no input, which is not an end: the other side closes. So it is with /dev/null, which a
 *                program in the background has for its stdin
 * is_lines       chat: a line is a message of text, without its end; without: bytes are messages as they come
 */
struct data_pipe_config {
    uv_loop_t *loop;
    int input, output;
    bool is_lines;
    const struct data_pipe_verbs *verbs;
    void *context;
};

/* 0, or a negative errno: output is not open, or memory is short. */
int data_pipe_new(const struct data_pipe_config *config, struct data_pipe **out);
/* The handles go when the loop has run once more. What waits for output is lost. NULL is fine. */
void data_pipe_free(struct data_pipe *pipe);

/* The channel is open: input is read from now on. Again after data_pipe_let_go. */
void data_pipe_open(struct data_pipe *pipe);
/* Less waits in the channel than before, or it takes messages again. */
void data_pipe_continue(struct data_pipe *pipe);
/* A message of the peer: 0..DATA_PIPE_INBOUND_MAX_BYTES; a longer one, or one while held that finds no room, is the failure ENOBUFS. */
void data_pipe_message(struct data_pipe *pipe, const uint8_t *bytes, size_t length, bool is_text);
/* The channel is closed, or closing by the peer: nothing is sent any more. What came is still written. */
void data_pipe_let_go(struct data_pipe *pipe);

struct data_pipe_state {
    bool has_input_ended;  /* all of it was sent, and close was called */
    bool has_unsent;       /* input was read that the channel has not taken */
    bool is_flushed;       /* nothing waits for output */
    int input_error, output_error; /* errno; 0: none. Nothing more is read, or written */
    uint64_t bytes_in, bytes_out;  /* read and taken by the channel; written */
};
void data_pipe_state(const struct data_pipe *pipe, struct data_pipe_state *out);

#endif
