#include "usrsctp_end.h"

#include <errno.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>

#include <cmocka.h>
#include <usrsctp.h>

#define PORT 5000
#define BUFFER_BYTES (1 << 20)
#define STREAMS 1024
#define PACKET_BYTES 1200          /* what a path MTU means to it: the packet, and the 12 bytes that it counts twice */
#define UNFINISHED_MAX 64          /* messages of which a part was handed out */
#define INTERLEAVING_SUPPORTED 0x1206 /* SCTP_INTERLEAVING_SUPPORTED: in the library, and not in this version's header */

/* A message of which it has handed out a part; with interleaving there are several. */
struct unfinished {
    uint16_t stream;
    bool is_unordered;
    uint8_t *bytes;
    size_t length;
};

struct usrsctp_end {
    const struct usrsctp_listener *listener;
    void *context;
    struct socket *socket, *listening;
    struct unfinished unfinished[UNFINISHED_MAX];
    size_t unfinished_count;
};

/* ---- its world: time and chance are ours -------------------------------------------------------------------------------------------- */

static struct {
    uint64_t now_us;
    struct sim_random *random;
    struct usrsctp_end *end;
} world;

void usrsctp_ends_set_time(uint64_t now_us) {
    world.now_us = now_us;
}

/* In place of libc's, for the library, which computes round trips and lifetimes by it. */
int gettimeofday(struct timeval *restrict out, void *restrict zone) {
    (void)zone;
    out->tv_sec = (time_t)(1000000000 + world.now_us / 1000000);
    out->tv_usec = (suseconds_t)(world.now_us % 1000000);
    return 0;
}

/* In place of the library's own. */
int read_random(void *out, size_t length);
int read_random(void *out, size_t length) {
    static struct sim_random first; /* what it wants to know before there is an end */
    sim_random_fill(world.random ? world.random : &first, out, length);
    return (int)length;
}

static int on_packet(void *address, void *bytes, size_t length, uint8_t type_of_service, uint8_t do_not_fragment) {
    struct usrsctp_end *end = world.end; /* NULL: the last words of one that was freed */
    (void)address, (void)type_of_service, (void)do_not_fragment;
    if (end)
        end->listener->packet(end->context, bytes, length);
    return 0;
}

void usrsctp_ends_begin(void) {
    usrsctp_init_nothreads(0, on_packet, NULL);
    usrsctp_sysctl_set_sctp_ecn_enable(0);
    usrsctp_sysctl_set_sctp_asconf_enable(0);
    usrsctp_sysctl_set_sctp_auth_enable(0);
    usrsctp_sysctl_set_sctp_shutdown_guard_time_default(3600);
    usrsctp_sysctl_set_sctp_sendspace(BUFFER_BYTES);
    usrsctp_sysctl_set_sctp_recvspace(BUFFER_BYTES);
    usrsctp_sysctl_set_sctp_max_chunks_on_queue(10240);
}

void usrsctp_ends_finish(void) {
    for (int seconds = 0; usrsctp_finish() != 0; seconds++) {
        assert_true(seconds < 600);
        world.now_us += 1000000;
        usrsctp_handle_timers(1000);
    }
}

/* ---- what it tells ------------------------------------------------------------------------------------------------------------------ */

static void on_association_change(struct usrsctp_end *end, const struct sctp_assoc_change *change, size_t length) {
    bool has[SCTP_ASSOC_SUPPORTS_MAX + 1] = {false};
    switch (change->sac_state) {
    case SCTP_COMM_UP:
        for (size_t i = 0; i < length - sizeof *change; i++) {
            if (change->sac_info[i] <= SCTP_ASSOC_SUPPORTS_MAX)
                has[change->sac_info[i]] = true;
        }
        end->listener->connected(end->context, has[SCTP_ASSOC_SUPPORTS_INTERLEAVING], has[SCTP_ASSOC_SUPPORTS_PR], has[SCTP_ASSOC_SUPPORTS_RE_CONFIG]);
        break;
    case SCTP_RESTART:
        fail_msg("usrsctp says that we began anew");
        break;
    default: /* SHUTDOWN_COMP, COMM_LOST, CANT_STR_ASSOC */
        end->listener->closed(end->context, change->sac_state == SCTP_SHUTDOWN_COMP);
    }
}

static void on_notification(struct usrsctp_end *end, const union sctp_notification *what, size_t length) {
    const struct sctp_stream_reset_event *reset = &what->sn_strreset_event;
    switch (what->sn_header.sn_type) {
    case SCTP_ASSOC_CHANGE:
        on_association_change(end, &what->sn_assoc_change, length);
        break;
    case SCTP_STREAM_RESET_EVENT:
        end->listener->streams_reset(end->context, reset->strreset_flags & SCTP_STREAM_RESET_INCOMING_SSN,
                                     reset->strreset_flags & (SCTP_STREAM_RESET_DENIED | SCTP_STREAM_RESET_FAILED), reset->strreset_stream_list,
                                     (length - sizeof *reset) / sizeof reset->strreset_stream_list[0]);
        break;
    case SCTP_SEND_FAILED_EVENT:
        end->listener->abandoned(end->context);
        break;
    }
}

static struct unfinished *unfinished_of(struct usrsctp_end *end, uint16_t stream, bool is_unordered) {
    for (size_t i = 0; i < end->unfinished_count; i++) {
        if (end->unfinished[i].stream == stream && end->unfinished[i].is_unordered == is_unordered)
            return &end->unfinished[i];
    }
    assert_true(end->unfinished_count < UNFINISHED_MAX);
    end->unfinished[end->unfinished_count] = (struct unfinished){.stream = stream, .is_unordered = is_unordered};
    return &end->unfinished[end->unfinished_count++];
}

static void on_part(struct usrsctp_end *end, const void *bytes, size_t length, const struct sctp_rcvinfo *about, bool is_last) {
    struct unfinished *part = unfinished_of(end, about->rcv_sid, about->rcv_flags & SCTP_UNORDERED);
    part->bytes = realloc(part->bytes, part->length + length + 1);
    assert_non_null(part->bytes);
    memcpy(part->bytes + part->length, bytes, length);
    part->length += length;
    if (!is_last)
        return;
    struct unfinished whole = *part;
    *part = end->unfinished[--end->unfinished_count];
    end->listener->message(end->context, &(struct usrsctp_message){.stream = whole.stream, .payload_protocol = ntohl(about->rcv_ppid),
                                                                   .is_unordered = whole.is_unordered, .bytes = whole.bytes, .length = whole.length});
    free(whole.bytes);
}

static int on_receive(struct socket *from, union sctp_sockstore address, void *bytes, size_t length, struct sctp_rcvinfo about, int flags, void *context) {
    struct usrsctp_end *end = context;
    (void)from, (void)address;
    if (bytes && flags & MSG_NOTIFICATION)
        on_notification(end, bytes, length);
    else if (bytes)
        on_part(end, bytes, length, &about, flags & MSG_EOR);
    free(bytes);
    return 1;
}

/* ---- life --------------------------------------------------------------------------------------------------------------------------- */

static void set(struct socket *socket, int option, const void *value, size_t length) {
    if (usrsctp_setsockopt(socket, IPPROTO_SCTP, option, value, (socklen_t)length) != 0)
        fail_msg("usrsctp does not take option 0x%x: %s", (unsigned)option, strerror(errno));
}

static void set_value(struct socket *socket, int option, uint32_t value) {
    set(socket, option, &(struct sctp_assoc_value){.assoc_id = SCTP_ALL_ASSOC, .assoc_value = value}, sizeof(struct sctp_assoc_value));
}

static struct sockaddr_conn address_of(struct usrsctp_end *end) {
    return (struct sockaddr_conn){.sconn_family = AF_CONN, .sconn_port = htons(PORT), .sconn_addr = end};
}

/* As browsers and node-datachannel configure it, but for the times: 100 ms at least until a retransmission, not a second. */
static void configure(struct socket *socket, bool wants_interleaving) {
    static const uint16_t events[] = {SCTP_ASSOC_CHANGE, SCTP_STREAM_RESET_EVENT, SCTP_SEND_FAILED_EVENT};
    set(socket, SCTP_NODELAY, &(int){1}, sizeof(int));
    set(socket, SCTP_INITMSG, &(struct sctp_initmsg){STREAMS, STREAMS, 20, 1000}, sizeof(struct sctp_initmsg));
    set(socket, SCTP_RTOINFO, &(struct sctp_rtoinfo){.srto_initial = 500, .srto_max = 2000, .srto_min = 100}, sizeof(struct sctp_rtoinfo));
    set(socket, SCTP_ASSOCINFO, &(struct sctp_assocparams){.sasoc_asocmaxrxt = 60}, sizeof(struct sctp_assocparams));
    struct sctp_paddrparams path = {.spp_flags = SPP_PMTUD_DISABLE, .spp_pathmtu = PACKET_BYTES, .spp_pathmaxrxt = 60};
    set(socket, SCTP_PEER_ADDR_PARAMS, &path, sizeof path);
    set_value(socket, SCTP_ENABLE_STREAM_RESET, SCTP_ENABLE_RESET_STREAM_REQ | SCTP_ENABLE_CHANGE_ASSOC_REQ);
    set(socket, SCTP_FRAGMENT_INTERLEAVE, &(int){wants_interleaving ? 2 : 1}, sizeof(int));
    if (wants_interleaving)
        set_value(socket, INTERLEAVING_SUPPORTED, 1);
    for (size_t i = 0; i < sizeof events / sizeof events[0]; i++) {
        struct sctp_event event = {.se_assoc_id = SCTP_ALL_ASSOC, .se_type = events[i], .se_on = 1};
        set(socket, SCTP_EVENT, &event, sizeof event);
    }
    assert_int_equal(usrsctp_set_non_blocking(socket, 1), 0);
}

struct usrsctp_end *usrsctp_end_new(const struct usrsctp_listener *listener, void *context, struct sim_random *random, bool wants_interleaving) {
    struct usrsctp_end *end = calloc(1, sizeof *end);
    assert_non_null(end);
    assert_null(world.end);
    end->listener = listener;
    end->context = context;
    world.end = end;
    world.random = random;
    usrsctp_register_address(end);
    end->socket = usrsctp_socket(AF_CONN, SOCK_STREAM, IPPROTO_SCTP, on_receive, NULL, 0, end);
    assert_non_null(end->socket);
    configure(end->socket, wants_interleaving);
    struct sockaddr_conn address = address_of(end);
    assert_int_equal(usrsctp_bind(end->socket, (struct sockaddr *)&address, sizeof address), 0);
    return end;
}

void usrsctp_end_free(struct usrsctp_end *end) {
    world.end = NULL;
    struct socket *sockets[] = {end->socket, end->listening};
    for (size_t i = 0; i < 2; i++) {
        if (!sockets[i])
            continue;
        usrsctp_set_ulpinfo(sockets[i], NULL);
        usrsctp_setsockopt(sockets[i], SOL_SOCKET, SO_LINGER, &(struct linger){.l_onoff = 1}, sizeof(struct linger));
        usrsctp_close(sockets[i]);
    }
    usrsctp_deregister_address(end);
    for (size_t i = 0; i < end->unfinished_count; i++)
        free(end->unfinished[i].bytes);
    world.random = NULL;
    free(end);
}

void usrsctp_end_connect(struct usrsctp_end *end) {
    struct sockaddr_conn address = address_of(end);
    int result = usrsctp_connect(end->socket, (struct sockaddr *)&address, sizeof address);
    assert_true(result == 0 || errno == EINPROGRESS);
}

void usrsctp_end_listen(struct usrsctp_end *end) {
    end->listening = end->socket;
    end->socket = NULL;
    assert_int_equal(usrsctp_listen(end->listening, 1), 0);
}

/* ---- the verbs ---------------------------------------------------------------------------------------------------------------------- */

static void accept_if_any(struct usrsctp_end *end) {
    if (!end->listening || end->socket)
        return;
    end->socket = usrsctp_accept(end->listening, NULL, NULL);
    if (end->socket)
        assert_int_equal(usrsctp_set_non_blocking(end->socket, 1), 0);
}

void usrsctp_end_receive(struct usrsctp_end *end, const uint8_t *bytes, size_t length) {
    usrsctp_conninput(end, bytes, length, 0);
    accept_if_any(end);
}

void usrsctp_end_tick(struct usrsctp_end *end) {
    usrsctp_handle_timers(USRSCTP_TICK_MS);
    accept_if_any(end);
}

bool usrsctp_end_send(struct usrsctp_end *end, const struct usrsctp_message *message) {
    static const uint16_t policies[] = {SCTP_PR_SCTP_NONE, SCTP_PR_SCTP_RTX, SCTP_PR_SCTP_TTL};
    struct sctp_sendv_spa how = {.sendv_flags = SCTP_SEND_SNDINFO_VALID};
    how.sendv_sndinfo.snd_sid = message->stream;
    how.sendv_sndinfo.snd_ppid = htonl(message->payload_protocol);
    how.sendv_sndinfo.snd_flags = message->is_unordered ? SCTP_UNORDERED : 0;
    if (message->reliability != USRSCTP_RELIABLE) {
        how.sendv_flags |= SCTP_SEND_PRINFO_VALID;
        how.sendv_prinfo = (struct sctp_prinfo){.pr_policy = policies[message->reliability], .pr_value = message->limit};
    }
    ssize_t sent = usrsctp_sendv(end->socket, message->bytes, message->length, NULL, 0, &how, sizeof how, SCTP_SENDV_SPA, 0);
    if (sent < 0 && errno != EWOULDBLOCK)
        fail_msg("usrsctp does not send: %s", strerror(errno));
    assert_true(sent < 0 || (size_t)sent == message->length);
    return sent >= 0;
}

bool usrsctp_end_reset(struct usrsctp_end *end, uint16_t stream) {
    size_t length = sizeof(struct sctp_reset_streams) + sizeof stream;
    struct sctp_reset_streams *request = calloc(1, length);
    assert_non_null(request);
    request->srs_assoc_id = SCTP_ALL_ASSOC;
    request->srs_flags = SCTP_STREAM_RESET_OUTGOING;
    request->srs_number_streams = 1;
    request->srs_stream_list[0] = stream;
    int result = usrsctp_setsockopt(end->socket, IPPROTO_SCTP, SCTP_RESET_STREAMS, request, (socklen_t)length);
    free(request);
    if (result != 0 && errno != EALREADY && errno != EAGAIN)
        fail_msg("usrsctp does not reset: %s", strerror(errno));
    return result == 0;
}

void usrsctp_end_shutdown(struct usrsctp_end *end) {
    assert_int_equal(usrsctp_shutdown(end->socket, SHUT_WR), 0);
}

void usrsctp_end_abort(struct usrsctp_end *end) {
    struct sctp_sndinfo how = {.snd_flags = SCTP_ABORT};
    usrsctp_sendv(end->socket, "enough", 6, NULL, 0, &how, sizeof how, SCTP_SENDV_SNDINFO, 0);
}
