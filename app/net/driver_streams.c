/*
 * The streams of a driver: TCP and TLS connections that the object asked for, and accepted ones. Each ends with exactly one
 * handle_stream_closed, at the end of a turn and never from within the call that caused it, unless the object closed it by itself.
 */
#include "app/net/driver_internal.h"

#include <errno.h>
#include <stdlib.h>

/* ---- the list ------------------------------------------------------------------------------------------------------------ */

static struct driver_stream *find(const struct net_driver *driver, uint64_t stream_id) {
    struct driver_stream *at = driver->streams;
    while (at != NULL && at->path.stream_id != stream_id)
        at = at->next;
    return at;
}

static struct driver_stream *add(struct net_driver *driver, const struct ice_path *path) {
    struct driver_stream *stream = calloc(1, sizeof *stream);
    if (stream == NULL)
        return NULL;
    stream->driver = driver;
    stream->path = *path;
    stream->next = driver->streams;
    driver->streams = stream;
    driver->open_handles++; /* until libuv has let go of it */
    return stream;
}

static void on_timer_closed(uv_handle_t *handle) {
    struct driver_stream *stream = handle->data;
    struct net_driver *driver = stream->driver;
    free(stream);
    net_driver_release(driver);
}

static void on_poll_closed(uv_handle_t *handle) {
    struct driver_stream *stream = handle->data;
    uv_close((uv_handle_t *)&stream->timer, on_timer_closed);
}

/* Takes it off the list and closes it. The memory stays until the loop has run. */
static void drop(struct driver_stream *stream) {
    struct net_driver *driver = stream->driver;
    struct driver_stream **link = &driver->streams;
    while (*link != stream)
        link = &(*link)->next;
    *link = stream->next;
    if (stream->stream != NULL) {
        size_t *count = stream->accepted ? &driver->accepted_count : &driver->opened_count;
        (*count)--;
        net_driver_add_stream_statistics(&driver->statistics.stream, stream->stream);
    }
    bool polls = stream->polls;
    if (polls)
        uv_close((uv_handle_t *)&stream->poll, on_poll_closed);
    net_stream_close(stream->stream);
    stream->stream = NULL;
    if (!polls)
        uv_close((uv_handle_t *)&stream->timer, on_timer_closed);
}

/* Why it is over; only then written. */
static bool has_ended(const struct driver_stream *stream, int *error) {
    bool ended = stream->stream == NULL || stream->failure != 0 || net_stream_state(stream->stream) == NET_STREAM_ENDED;
    if (ended)
        *error = stream->stream == NULL || stream->failure != 0 ? stream->failure : net_stream_error(stream->stream);
    return ended;
}

/* ---- what the socket says ------------------------------------------------------------------------------------------------ */

static void on_ready(uv_poll_t *poll, int status, int events);

/* Polls for what the stream waits for now. */
static void update_polling(struct driver_stream *stream) {
    int events = UV_READABLE | (net_stream_wants_write(stream->stream) ? UV_WRITABLE : 0);
    if (events == stream->events || !stream->polls)
        return;
    stream->events = events;
    uv_poll_start(&stream->poll, events, on_ready);
}

static void tell_opened(struct driver_stream *stream, uint64_t now_us) {
    struct net_driver *driver = stream->driver;
    stream->opened = true;
    stream->path.local = *net_stream_local(stream->stream);
    uv_timer_stop(&stream->timer);
    driver->statistics.streams_opened++;
    driver->verbs->handle_stream_opened(driver->object, now_us, &stream->path);
    net_driver_settle(driver, now_us);
}

/* One read of the socket, and what it holds: other sockets and timeouts have their turn before the next. */
static void serve(struct driver_stream *stream, uint64_t now_us) {
    struct net_driver *driver = stream->driver;
    if (!stream->opened && net_stream_progress(stream->stream) == NET_STREAM_OPEN)
        tell_opened(stream, now_us);
    bool more = stream->opened;
    while (more && !driver->freed && stream->stream != NULL) {
        size_t length = net_stream_receive(stream->stream, driver->stream_bytes);
        more = net_stream_has_more(stream->stream);
        if (length == 0)
            continue;
        driver->verbs->handle_stream_bytes(driver->object, now_us, &stream->path, driver->stream_bytes, length);
        net_driver_settle(driver, now_us);
    }
}

static void on_ready(uv_poll_t *poll, int status, int events) {
    struct driver_stream *stream = poll->data;
    struct net_driver *driver = stream->driver;
    uint64_t now_us;
    if (status < 0)
        stream->events = 0; /* libuv has stopped polling: an error waits in the socket, and reading or writing brings it up */
    if (!net_driver_begin_turn(driver, &now_us))
        return;
    if (stream->stream != NULL && (status < 0 || (events & UV_WRITABLE) != 0))
        net_stream_flush(stream->stream);
    if (stream->stream != NULL)
        serve(stream, now_us);
    net_driver_settle(driver, now_us);
    net_driver_end_turn(driver, now_us);
}

static void on_connect_timeout(uv_timer_t *timer) {
    struct driver_stream *stream = timer->data;
    struct net_driver *driver = stream->driver;
    uint64_t now_us;
    if (!net_driver_begin_turn(driver, &now_us))
        return;
    if (stream->stream != NULL)
        serve(stream, now_us); /* a loop that was held up must not blame the network for it */
    if (stream->stream != NULL && !stream->opened && net_stream_state(stream->stream) != NET_STREAM_ENDED)
        stream->failure = ETIMEDOUT;
    net_driver_settle(driver, now_us);
    net_driver_end_turn(driver, now_us);
}

/* ---- at the end of a turn ------------------------------------------------------------------------------------------------ */

void net_driver_flush_streams(struct net_driver *driver) {
    for (struct driver_stream *at = driver->streams; at != NULL; at = at->next) {
        if (at->stream == NULL)
            continue;
        net_stream_flush(at->stream);
        if (net_stream_state(at->stream) != NET_STREAM_ENDED)
            update_polling(at);
    }
}

bool net_driver_tell_streams(struct net_driver *driver, uint64_t now_us) {
    /* Bounded, because an object may answer an end with a new try that ends as fast. The rest comes in the next round. */
    size_t told = 0;
    struct driver_stream *at = driver->streams;
    while (at != NULL && !driver->freed && told < NET_DRIVER_STREAM_MAX + NET_DRIVER_ACCEPTED_MAX) {
        int error;
        if (!has_ended(at, &error)) {
            at = at->next;
            continue;
        }
        struct ice_path path = at->path;
        driver->statistics.streams_failed += !at->opened;
        drop(at);
        driver->verbs->handle_stream_closed(driver->object, now_us, &path, error);
        told++;
        at = driver->streams; /* the verb may have closed any of them */
    }
    return told > 0;
}

/* ---- opening and closing --------------------------------------------------------------------------------------------------- */

static int watch_stream(struct driver_stream *stream) {
    int error = uv_poll_init(stream->driver->loop, &stream->poll, net_stream_descriptor(stream->stream));
    if (error != 0)
        return error;
    stream->poll.data = stream;
    stream->polls = true;
    update_polling(stream);
    return 0;
}

/* Positive errno or enum ice_stream_error, as handle_stream_closed wants it; 0: it is under way. */
static int begin(struct driver_stream *stream, const char *server_name) {
    struct net_driver *driver = stream->driver;
    const struct ice_path *path = &stream->path;
    struct net_tls_session *tls = NULL;
    if (driver->opened_count == NET_DRIVER_STREAM_MAX) {
        driver->statistics.streams_refused++;
        return ENOBUFS;
    }
    if (path->transport == ICE_TRANSPORT_TLS) {
        int error = driver->trust != NULL ? 0 : net_tls_trust_new(NULL, &driver->trust);
        tls = error == 0 && server_name != NULL ? net_tls_session_new(driver->trust, server_name) : NULL;
        if (tls == NULL)
            return error != 0 ? -error : EINVAL;
    }
    int error = net_stream_connect(&path->local, &path->remote, net_driver_scope_of(driver, &path->local), tls, &stream->stream);
    if (error != 0)
        return -error;
    driver->opened_count++;
    error = watch_stream(stream);
    uv_timer_start(&stream->timer, on_connect_timeout, driver->config.connect_timeout_ms, 0);
    return -error;
}

static struct driver_stream *add_with_timer(struct net_driver *driver, const struct ice_path *path) {
    struct driver_stream *stream = add(driver, path);
    if (stream == NULL)
        return NULL;
    uv_timer_init(driver->loop, &stream->timer);
    stream->timer.data = stream;
    return stream;
}

int net_driver_open_stream(struct net_driver *driver, const struct ice_path *path, const char *server_name) {
    bool known = path->transport == ICE_TRANSPORT_TCP || path->transport == ICE_TRANSPORT_TLS;
    if (driver->freed || driver->verbs->handle_stream_closed == NULL || !known || path->stream_id == 0 ||
        (path->stream_id & ICE_STREAM_ACCEPTED) != 0 || find(driver, path->stream_id) != NULL)
        return -EINVAL;
    struct driver_stream *stream = add_with_timer(driver, path);
    if (stream == NULL)
        return -ENOMEM;
    stream->failure = begin(stream, server_name);
    return 0;
}

void net_driver_close_stream(struct net_driver *driver, uint64_t stream_id) {
    struct driver_stream *stream = find(driver, stream_id);
    if (stream != NULL)
        drop(stream);
}

void net_driver_close_streams(struct net_driver *driver) {
    while (driver->streams != NULL)
        drop(driver->streams);
}

/* A connection that a listening socket has brought; owned from now on. Within a turn. */
void net_driver_adopt_stream(struct net_driver *driver, struct net_stream *accepted, uint64_t now_us) {
    struct ice_path path = {.transport = ICE_TRANSPORT_TCP, .local = *net_stream_local(accepted), .remote = *net_stream_remote(accepted),
                            .stream_id = ICE_STREAM_ACCEPTED | ++driver->accepted_ids};
    struct driver_stream *stream = driver->accepted_count < NET_DRIVER_ACCEPTED_MAX ? add_with_timer(driver, &path) : NULL;
    if (stream == NULL) {
        driver->statistics.streams_refused++;
        net_stream_close(accepted);
        return;
    }
    stream->stream = accepted;
    stream->accepted = true;
    driver->accepted_count++;
    int error = watch_stream(stream);
    if (error != 0) {
        driver->statistics.streams_refused++;
        drop(stream); /* nobody has heard of it */
        return;
    }
    driver->statistics.streams_accepted++;
    tell_opened(stream, now_us);
}

/* ---- sending ------------------------------------------------------------------------------------------------------------------ */

bool net_driver_send_stream(struct net_driver *driver, uint64_t stream_id, const uint8_t *bytes, size_t length) {
    struct driver_stream *stream = find(driver, stream_id);
    if (stream == NULL || !stream->opened || net_stream_state(stream->stream) != NET_STREAM_OPEN)
        return false;
    net_stream_send(stream->stream, bytes, length);
    return true;
}

/* ---- numbers ------------------------------------------------------------------------------------------------------------------- */

void net_driver_add_stream_statistics(struct net_stream_statistics *sum, const struct net_stream *stream) {
    struct net_stream_statistics one;
    net_stream_statistics(stream, &one);
    sum->messages_sent += one.messages_sent;
    sum->bytes_sent += one.bytes_sent;
    sum->messages_dropped += one.messages_dropped;
    sum->bytes_dropped += one.bytes_dropped;
    sum->bytes_received += one.bytes_received;
    sum->send_calls += one.send_calls;
    sum->receive_calls += one.receive_calls;
}
