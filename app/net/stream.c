/* The bytes of a stream. All that leaves, ciphertext included, passes through one bounded buffer. */
#include "app/net/stream_internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "app/net/sockaddr_internal.h"

/* What TLS may say of its own accord after the handshake (alerts, key updates): it always fits beside what net_stream_send lets in. */
#define TLS_RESERVE_BYTES 1024

void net_stream_end(struct net_stream *stream, int error) {
    if (stream->state == NET_STREAM_ENDED)
        return;
    stream->state = NET_STREAM_ENDED;
    stream->error = error;
}

/* ---- to the socket ------------------------------------------------------------------------------------------------------- */

static size_t room(const struct net_stream *stream) {
    return NET_STREAM_SEND_BYTES - stream->send_count;
}

static void append(struct net_stream *stream, const uint8_t *bytes, size_t length) {
    if (NET_STREAM_SEND_BYTES - stream->send_first - stream->send_count < length) {
        memmove(stream->send_bytes, stream->send_bytes + stream->send_first, stream->send_count);
        stream->send_first = 0;
    }
    memcpy(stream->send_bytes + stream->send_first + stream->send_count, bytes, length);
    stream->send_count += length;
}

void net_stream_flush(struct net_stream *stream) {
    while (stream->send_count > 0 && stream->state != NET_STREAM_ENDED) {
        ssize_t sent = send(stream->descriptor, stream->send_bytes + stream->send_first, stream->send_count, MSG_DONTWAIT | MSG_NOSIGNAL);
        stream->statistics.send_calls++;
        if (sent >= 0) {
            stream->send_first += (size_t)sent;
            stream->send_count -= (size_t)sent;
        } else if (errno == EAGAIN || errno == EWOULDBLOCK || errno == ENOBUFS) {
            return;
        } else if (errno != EINTR) {
            net_stream_end(stream, errno);
        }
    }
    if (stream->send_count == 0)
        stream->send_first = 0;
}

/* What TLS has to say goes into the buffer. Its size is known: net_stream_send has looked, and the rest is small. */
static void take_tls_output(struct net_stream *stream) {
    if (net_tls_output_bytes(stream->tls) > room(stream)) {
        net_stream_end(stream, ICE_STREAM_ERROR_TLS);
        return;
    }
    uint8_t chunk[2048];
    size_t length;
    while ((length = net_tls_take_output(stream->tls, chunk, sizeof chunk)) > 0)
        append(stream, chunk, length);
}

static size_t wire_bytes(const struct net_stream *stream, size_t length) {
    if (stream->tls == NULL)
        return length;
    size_t records = (length + NET_TLS_RECORD_BYTES - 1) / NET_TLS_RECORD_BYTES;
    return length + records * NET_TLS_RECORD_OVERHEAD_BYTES + TLS_RESERVE_BYTES;
}

bool net_stream_send(struct net_stream *stream, const uint8_t *bytes, size_t length) {
    if (stream->state == NET_STREAM_OPEN && length <= NET_STREAM_SEND_BYTES && wire_bytes(stream, length) > room(stream))
        net_stream_flush(stream); /* perhaps the socket takes some of it by now */
    if (stream->state != NET_STREAM_OPEN || length > NET_STREAM_SEND_BYTES || wire_bytes(stream, length) > room(stream)) {
        stream->statistics.messages_dropped++;
        stream->statistics.bytes_dropped += length;
        return false;
    }
    if (stream->tls == NULL) {
        append(stream, bytes, length);
    } else if (net_tls_write(stream->tls, bytes, length)) {
        take_tls_output(stream);
    } else {
        net_stream_end(stream, ICE_STREAM_ERROR_TLS);
        stream->statistics.messages_dropped++;
        stream->statistics.bytes_dropped += length;
        return false;
    }
    stream->statistics.messages_sent++;
    stream->statistics.bytes_sent += length;
    return true;
}

/* ---- from the socket ------------------------------------------------------------------------------------------------------ */

/* One read. Returns the bytes; 0: none for now, or the stream has ended. */
static size_t read_socket(struct net_stream *stream, uint8_t *out, size_t capacity) {
    ssize_t got;
    do {
        got = recv(stream->descriptor, out, capacity, MSG_DONTWAIT);
        stream->statistics.receive_calls++;
    } while (got < 0 && errno == EINTR);
    if (got > 0)
        return (size_t)got;
    if (got == 0) /* half-closed at least: nothing that we carry has a use for a connection in one direction */
        net_stream_end(stream, stream->tls != NULL ? ECONNRESET : 0);
    else if (errno != EAGAIN && errno != EWOULDBLOCK)
        net_stream_end(stream, errno);
    return 0;
}

static bool feed_tls(struct net_stream *stream) {
    size_t length = read_socket(stream, stream->receive_bytes, sizeof stream->receive_bytes);
    if (length > 0 && !net_tls_feed(stream->tls, stream->receive_bytes, length))
        net_stream_end(stream, ENOMEM);
    return length > 0;
}

static size_t receive_tls(struct net_stream *stream, uint8_t *out) {
    if (!stream->more && !feed_tls(stream))
        return 0;
    int error;
    long length = net_tls_read(stream->tls, out, NET_STREAM_RECEIVE_BYTES, &error);
    stream->more = length > 0;
    take_tls_output(stream); /* an alert */
    net_stream_flush(stream);
    if (length < 0)
        net_stream_end(stream, error);
    return length > 0 ? (size_t)length : 0;
}

size_t net_stream_receive(struct net_stream *stream, uint8_t *out) {
    if (stream->state != NET_STREAM_OPEN)
        return 0;
    size_t length = stream->tls != NULL ? receive_tls(stream, out) : read_socket(stream, out, NET_STREAM_RECEIVE_BYTES);
    stream->statistics.bytes_received += length;
    return length;
}

bool net_stream_has_more(const struct net_stream *stream) {
    return stream->state == NET_STREAM_OPEN && stream->more;
}

/* ---- opening ---------------------------------------------------------------------------------------------------------------- */

static void shake_hands(struct net_stream *stream) {
    int error = ICE_STREAM_ERROR_TLS;
    enum net_tls_progress progress;
    do {
        progress = net_tls_handshake(stream->tls, &error);
        take_tls_output(stream);
        net_stream_flush(stream);
    } while (progress == NET_TLS_MORE && stream->state == NET_STREAM_HANDSHAKING && feed_tls(stream));
    if (progress == NET_TLS_FAILED)
        net_stream_end(stream, error);
    if (progress == NET_TLS_DONE && stream->state == NET_STREAM_HANDSHAKING) {
        stream->state = NET_STREAM_OPEN;
        stream->more = true; /* data may have come with the end of the handshake */
    }
}

static void finish_connecting(struct net_stream *stream) {
    int error = 0;
    socklen_t length = sizeof error;
    struct sockaddr_storage name;
    if (getsockopt(stream->descriptor, SOL_SOCKET, SO_ERROR, &error, &length) != 0)
        error = errno;
    length = sizeof name;
    if (error == 0 && getpeername(stream->descriptor, (struct sockaddr *)&name, &length) != 0) {
        if (errno == ENOTCONN)
            return; /* woken too early */
        error = errno;
    }
    length = sizeof name;
    if (error == 0 && getsockname(stream->descriptor, (struct sockaddr *)&name, &length) != 0)
        error = errno;
    if (error != 0) {
        net_stream_end(stream, error);
        return;
    }
    net_sockaddr_read((struct sockaddr *)&name, &stream->local);
    stream->state = stream->tls != NULL ? NET_STREAM_HANDSHAKING : NET_STREAM_OPEN;
}

enum net_stream_state net_stream_progress(struct net_stream *stream) {
    if (stream->state == NET_STREAM_CONNECTING)
        finish_connecting(stream);
    if (stream->state == NET_STREAM_HANDSHAKING)
        shake_hands(stream);
    return stream->state;
}

void net_stream_close(struct net_stream *stream) {
    if (stream == NULL)
        return;
    if (stream->state == NET_STREAM_OPEN && stream->descriptor >= 0) {
        net_stream_flush(stream);
        if (stream->tls != NULL && stream->state == NET_STREAM_OPEN && stream->send_count == 0) {
            net_tls_close(stream->tls);
            take_tls_output(stream);
            net_stream_flush(stream);
        }
    }
    if (stream->descriptor >= 0)
        close(stream->descriptor);
    net_tls_session_free(stream->tls);
    free(stream);
}

/* ---- what there is ------------------------------------------------------------------------------------------------------------ */

int net_stream_descriptor(const struct net_stream *stream) {
    return stream->descriptor;
}

bool net_stream_wants_write(const struct net_stream *stream) {
    return stream->state == NET_STREAM_CONNECTING || (stream->state != NET_STREAM_ENDED && stream->send_count > 0);
}

enum net_stream_state net_stream_state(const struct net_stream *stream) {
    return stream->state;
}

int net_stream_error(const struct net_stream *stream) {
    return stream->error;
}

const struct stun_address *net_stream_local(const struct net_stream *stream) {
    return &stream->local;
}

const struct stun_address *net_stream_remote(const struct net_stream *stream) {
    return &stream->remote;
}

const struct net_tls_session *net_stream_tls(const struct net_stream *stream) {
    return stream->tls;
}

void net_stream_statistics(const struct net_stream *stream, struct net_stream_statistics *out) {
    *out = stream->statistics;
}
