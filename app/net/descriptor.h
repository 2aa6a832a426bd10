/*
 * A descriptor that was given to the process, such as stdin and stdout, on a libuv loop: read and written without ever waiting, whatever it
 * is (pipe, terminal, file, socket, /dev/null), and without O_NONBLOCK, which other processes that share it would get, too.
 *
 *     net_descriptor_read or _write until -EAGAIN -> net_descriptor_wait -> ready -> ...
 *
 * All functions belong to the loop's thread. Those that can fail return a negative errno.
 */
#ifndef NET_DESCRIPTOR_H
#define NET_DESCRIPTOR_H

#include <stddef.h>
#include <sys/types.h>

#include <uv.h>

enum net_descriptor_use { NET_DESCRIPTOR_READ, NET_DESCRIPTOR_WRITE };

struct net_descriptor;

/*
 * fd      borrowed: it stays open when this is freed
 * ready   called once for each net_descriptor_wait, from the loop; it may free the descriptor
 * -EBADF: it is not open; -ENOMEM, -EMFILE ...
 */
int net_descriptor_new(uv_loop_t *loop, int fd, enum net_descriptor_use use, void (*ready)(void *context), void *context, struct net_descriptor **out);

/* Until it can be read, or written, or has ended; a file can at once, in the next round of the loop. Again before that: nothing changes. */
void net_descriptor_wait(struct net_descriptor *descriptor);

/* Returns the bytes read; 0: the end; -EAGAIN: none now. capacity > 0 */
ssize_t net_descriptor_read(struct net_descriptor *descriptor, void *bytes, size_t capacity);

/* Returns the bytes written, perhaps not all; -EAGAIN: none now; -EPIPE: nobody reads any more (SIGPIPE must be ignored); -ENOSPC ... length > 0 */
ssize_t net_descriptor_write(struct net_descriptor *descriptor, const void *bytes, size_t length);

/* ready is not called any more. The memory goes when the loop has run once more. NULL is fine. */
void net_descriptor_free(struct net_descriptor *descriptor);

#endif
