/* Sockets for streams: connecting, listening, accepting, and the options that suit media (no Nagle, little unsent). */
#include "app/net/stream_internal.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "app/net/sockaddr_internal.h"

#define LISTEN_BACKLOG 16

static int set_int(int descriptor, int level, int name, int value) {
    return setsockopt(descriptor, level, name, &value, sizeof value) == 0 ? 0 : -errno;
}

/* Wishes, not needs: a kernel without one of them still carries the bytes. */
static void configure(int descriptor) {
    set_int(descriptor, IPPROTO_TCP, TCP_NODELAY, 1);
    set_int(descriptor, IPPROTO_TCP, TCP_NOTSENT_LOWAT, NET_STREAM_UNSENT_BYTES);
}

static struct net_stream *stream_new(struct net_tls_session *tls) {
    struct net_stream *stream = calloc(1, sizeof *stream);
    if (stream == NULL) {
        net_tls_session_free(tls);
        return NULL;
    }
    stream->descriptor = -1;
    stream->tls = tls;
    return stream;
}

/* Several sockets on one port: both options, because one of the others may be listening. */
static int bind_local(int descriptor, const struct stun_address *local, uint32_t scope_id) {
    struct sockaddr_storage name;
    socklen_t length = net_sockaddr_write(local, scope_id, &name);
    int error = length == 0 ? -EINVAL : set_int(descriptor, SOL_SOCKET, SO_REUSEADDR, 1);
    if (error == 0 && local->port != 0)
        error = set_int(descriptor, SOL_SOCKET, SO_REUSEPORT, 1);
    if (error == 0 && local->family == STUN_ADDRESS_IPV6)
        error = set_int(descriptor, IPPROTO_IPV6, IPV6_V6ONLY, 1);
    /* Port 0: the port is chosen at connect, when the remote is known, so that the same one may serve many destinations. */
    if (error == 0 && local->port == 0)
        set_int(descriptor, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, 1);
    return error != 0 ? error : bind(descriptor, (struct sockaddr *)&name, length) == 0 ? 0 : -errno;
}

static int open_socket(const struct stun_address *address) {
    int family = address->family == STUN_ADDRESS_IPV6 ? AF_INET6 : AF_INET;
    int descriptor = socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    return descriptor >= 0 ? descriptor : -errno;
}

int net_stream_connect(const struct stun_address *local, const struct stun_address *remote, uint32_t scope_id, struct net_tls_session *tls,
                       struct net_stream **out) {
    struct stream_sockaddr {
        struct sockaddr_storage name;
        socklen_t length;
    } to;
    to.length = net_sockaddr_write(remote, scope_id, &to.name);
    bool binds = local->family != STUN_ADDRESS_NONE;
    struct net_stream *stream = stream_new(tls);
    if (stream == NULL)
        return -ENOMEM;
    int error = to.length == 0 || (binds && local->family != remote->family) ? -EINVAL : 0;
    if (error == 0)
        stream->descriptor = open_socket(remote);
    if (error == 0 && stream->descriptor < 0)
        error = stream->descriptor;
    if (error == 0 && binds)
        error = bind_local(stream->descriptor, local, scope_id);
    if (error != 0) {
        net_stream_close(stream);
        return error;
    }
    configure(stream->descriptor);
    stream->local = *local;
    stream->remote = *remote;
    stream->state = NET_STREAM_CONNECTING;
    if (connect(stream->descriptor, (struct sockaddr *)&to.name, to.length) != 0 && errno != EINPROGRESS && errno != EINTR)
        net_stream_end(stream, errno);
    *out = stream;
    return 0;
}

int net_stream_listen(const struct stun_address *local, uint32_t scope_id, struct stun_address *bound) {
    if (stun_address_ip_bytes(local) == 0)
        return -EINVAL;
    int descriptor = open_socket(local);
    if (descriptor < 0)
        return descriptor;
    struct sockaddr_storage name;
    socklen_t length = sizeof name;
    /* Shared from the start: a simultaneous-open connection may want this port later. */
    int error = set_int(descriptor, SOL_SOCKET, SO_REUSEPORT, 1);
    if (error == 0)
        error = bind_local(descriptor, local, scope_id);
    if (error == 0 && (listen(descriptor, LISTEN_BACKLOG) != 0 || getsockname(descriptor, (struct sockaddr *)&name, &length) != 0))
        error = -errno;
    if (error != 0) {
        close(descriptor);
        return error;
    }
    net_sockaddr_read((struct sockaddr *)&name, bound);
    return descriptor;
}

int net_stream_accept(int listener, struct net_stream **out) {
    struct sockaddr_storage name;
    socklen_t length = sizeof name;
    int descriptor = accept4(listener, (struct sockaddr *)&name, &length, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (descriptor < 0)
        return -errno;
    struct net_stream *stream = stream_new(NULL);
    if (stream == NULL) {
        close(descriptor);
        return -ECONNABORTED;
    }
    stream->descriptor = descriptor;
    configure(descriptor);
    bool known = net_sockaddr_read((struct sockaddr *)&name, &stream->remote);
    length = sizeof name;
    known = known && getsockname(descriptor, (struct sockaddr *)&name, &length) == 0 && net_sockaddr_read((struct sockaddr *)&name, &stream->local);
    if (!known) {
        net_stream_close(stream);
        return -ECONNABORTED;
    }
    stream->state = NET_STREAM_OPEN;
    *out = stream;
    return 0;
}
