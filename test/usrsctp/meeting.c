#include "meeting.h"

#include <stdlib.h>
#include <string.h>

#include "usrsctp_end.h"

#define HOUR_US UINT64_C(3600000000)
#define IP_UDP_BYTES 28
#define PACKET_BYTES SCTP_PACKET_LARGEST_BYTES

/* ---- the link ----------------------------------------------------------------------------------------------------------------------- */

static void put(struct meeting *meeting, bool is_to_us, const uint8_t *bytes, size_t length) {
    struct sim_link_copy copies[SIM_LINK_COPIES_MAX];
    size_t count = sim_link_send(is_to_us ? &meeting->link_to_us : &meeting->link_to_them, meeting->now_us, length + IP_UDP_BYTES, copies);
    for (size_t i = 0; i < count; i++) {
        assert_true(meeting->packet_count < MEETING_PACKETS_MAX);
        uint8_t *kept = malloc(length);
        assert_non_null(kept);
        memcpy(kept, bytes, length);
        meeting->packets[meeting->packet_count].copy = copies[i];
        meeting->packets[meeting->packet_count].is_to_us = is_to_us;
        meeting->packets[meeting->packet_count].bytes = kept;
        meeting->packets[meeting->packet_count++].length = length;
    }
}

static size_t earliest(const struct meeting *meeting) {
    size_t first = 0;
    for (size_t i = 1; i < meeting->packet_count; i++)
        first = meeting->packets[i].copy.arrival_us < meeting->packets[first].copy.arrival_us ? i : first;
    return first;
}

/* ---- what each side sees ------------------------------------------------------------------------------------------------------------ */

static void note_mail(struct meeting_side *side, const struct sctp_message *message) {
    assert_true(side->mail_count < MEETING_MAIL_MAX);
    struct meeting_mail *mail = &side->mail[side->mail_count++];
    mail->message = *message;
    mail->bytes = malloc(message->length);
    assert_non_null(mail->bytes);
    memcpy(mail->bytes, message->bytes, message->length);
    mail->message.bytes = mail->bytes;
}

static void note_resets(struct meeting_side *side, bool is_incoming, bool is_refused, const uint16_t *streams, size_t count) {
    for (size_t i = 0; i < count; i++) {
        assert_true(side->reset_count < MEETING_RESETS_MAX);
        side->resets[side->reset_count++] = (struct meeting_reset){streams[i], is_incoming, is_refused};
    }
}

static void on_packet(void *context, const uint8_t *bytes, size_t length) {
    put(context, true, bytes, length);
}

static void on_connected(void *context, bool is_interleaved, bool is_partially_reliable, bool can_reset_streams) {
    struct meeting_side *them = &((struct meeting *)context)->them;
    them->connections++;
    them->is_interleaved = is_interleaved;
    them->is_partially_reliable = is_partially_reliable;
    them->can_reset_streams = can_reset_streams;
}

static void on_message(void *context, const struct usrsctp_message *message) {
    struct meeting *meeting = context;
    note_mail(&meeting->them, &(struct sctp_message){.stream = message->stream, .payload_protocol = message->payload_protocol,
                                                     .is_unordered = message->is_unordered, .bytes = message->bytes, .length = message->length});
}

static void on_streams_reset(void *context, bool is_incoming, bool is_refused, const uint16_t *streams, size_t count) {
    note_resets(&((struct meeting *)context)->them, is_incoming, is_refused, streams, count);
}

static void on_closed(void *context, bool is_orderly) {
    struct meeting_side *them = &((struct meeting *)context)->them;
    them->is_closed = true;
    them->is_orderly = is_orderly;
}

static void on_abandoned(void *context) {
    ((struct meeting *)context)->they_abandoned++;
}

static const struct usrsctp_listener listener = {on_packet, on_connected, on_message, on_streams_reset, on_closed, on_abandoned};

static void take_event(struct meeting *meeting, const struct sctp_event *event) {
    struct meeting_side *us = &meeting->us;
    switch (event->type) {
    case SCTP_EVENT_CONNECTED:
        us->connections++;
        us->is_interleaved = event->is_interleaved;
        us->is_partially_reliable = event->is_partially_reliable;
        us->can_reset_streams = event->can_reset_streams;
        break;
    case SCTP_EVENT_MESSAGE: {
        const struct sctp_received *m = &event->message;
        note_mail(us, &(struct sctp_message){.stream = m->stream, .payload_protocol = m->payload_protocol, .is_unordered = m->is_unordered,
                                             .bytes = m->bytes, .length = m->length});
        break;
    }
    case SCTP_EVENT_STREAMS_RESET:
        note_resets(us, event->is_incoming, event->is_refused, event->streams, event->stream_count);
        break;
    case SCTP_EVENT_RESTARTED:
        fail_msg("we say that usrsctp began anew");
        break;
    case SCTP_EVENT_CLOSED:
        us->is_closed = true;
        us->is_orderly = event->reason == SCTP_CLOSED_SHUTDOWN;
        meeting->reason = event->reason;
        break;
    default:
        break;
    }
}

static void drain(struct meeting *meeting) {
    static uint8_t buffer[PACKET_BYTES];
    struct sctp_transmit transmit;
    struct sctp_event event;
    for (bool has_more = true; has_more;) {
        has_more = false;
        while (sctp_association_poll_event(meeting->association, &event)) {
            has_more = true;
            take_event(meeting, &event);
        }
        while (sctp_association_poll_transmit(meeting->association, meeting->now_us, buffer, sizeof buffer, &transmit)) {
            has_more = true;
            put(meeting, false, buffer, transmit.length);
        }
    }
}

/* ---- time --------------------------------------------------------------------------------------------------------------------------- */

static void deliver(struct meeting *meeting, size_t i) {
    uint8_t *bytes = meeting->packets[i].bytes;
    size_t length = meeting->packets[i].length;
    bool is_to_us = meeting->packets[i].is_to_us;
    sim_link_arrived(is_to_us ? &meeting->link_to_us : &meeting->link_to_them, &meeting->packets[i].copy, bytes, length);
    meeting->packets[i] = meeting->packets[--meeting->packet_count];
    if (is_to_us)
        sctp_association_handle_datagram(meeting->association, meeting->now_us, bytes, length);
    else
        usrsctp_end_receive(meeting->peer, bytes, length);
    free(bytes);
}

/* The next thing that happens, if it does before `until_us`. */
static bool step(struct meeting *meeting, uint64_t until_us) {
    drain(meeting);
    uint64_t timeout_us = sctp_association_next_timeout(meeting->association), at_us = meeting->next_tick_us;
    size_t first = earliest(meeting);
    at_us = timeout_us < at_us ? timeout_us : at_us;
    bool is_packet = meeting->packet_count > 0 && meeting->packets[first].copy.arrival_us <= at_us;
    at_us = is_packet ? meeting->packets[first].copy.arrival_us : at_us;
    if (at_us > until_us)
        return false;
    meeting->now_us = at_us > meeting->now_us ? at_us : meeting->now_us;
    usrsctp_ends_set_time(meeting->now_us);
    if (is_packet) {
        deliver(meeting, first);
    } else if (at_us == meeting->next_tick_us) {
        usrsctp_end_tick(meeting->peer);
        meeting->next_tick_us += USRSCTP_TICK_MS * 1000;
    } else {
        sctp_association_handle_timeout(meeting->association, meeting->now_us);
    }
    drain(meeting);
    return true;
}

void meeting_run(struct meeting *meeting, uint64_t us) {
    uint64_t until_us = meeting->now_us + us;
    while (step(meeting, until_us)) {
    }
    meeting->now_us = until_us;
    usrsctp_ends_set_time(until_us);
}

void meeting_run_until(struct meeting *meeting, bool (*is_so)(const struct meeting *)) {
    uint64_t until_us = meeting->now_us + HOUR_US;
    drain(meeting);
    while (!is_so(meeting))
        assert_true(step(meeting, until_us));
}

/* ---- life --------------------------------------------------------------------------------------------------------------------------- */

static struct meeting *going; /* usrsctp is global to the process */

struct meeting *meeting_new(const struct meeting_config *config) {
    struct meeting *meeting = calloc(1, sizeof *meeting);
    assert_non_null(meeting);
    assert_null(going);
    going = meeting;
    static uint64_t epoch_us = 1000000; /* usrsctp has one clock for all its associations, and it never goes back */
    meeting->now_us = epoch_us;
    meeting->next_tick_us = epoch_us + USRSCTP_TICK_MS * 1000;
    epoch_us += 24 * HOUR_US;
    usrsctp_ends_set_time(meeting->now_us);
    sim_random_seed(&meeting->random, config->seed);
    sim_link_init(&meeting->link_to_us, &config->link, config->seed * 2 + 1);
    sim_link_init(&meeting->link_to_them, &config->link, config->seed * 2 + 2);
    struct sctp_association_config ours = {.random = sim_random_fill, .random_context = &meeting->random, .wants_interleaving = config->we_interleave,
                                           .init_retransmissions = 60, .association_retransmissions = 60};
    meeting->association = sctp_association_new(&ours, meeting->now_us);
    assert_non_null(meeting->association);
    meeting->peer = usrsctp_end_new(&listener, meeting, &meeting->random, config->they_interleave);
    return meeting;
}

static bool are_connected(const struct meeting *meeting) {
    return meeting->us.connections > 0 && meeting->them.connections > 0;
}

struct meeting *meeting_connected(const struct meeting_config *config) {
    struct meeting *meeting = meeting_new(config);
    if (config->call == WE_CALL)
        usrsctp_end_listen(meeting->peer);
    else
        usrsctp_end_connect(meeting->peer);
    if (config->call != THEY_CALL)
        assert_int_equal(sctp_association_connect(meeting->association, meeting->now_us), SCTP_OK);
    meeting_run_until(meeting, are_connected);
    return meeting;
}

static void free_mail(struct meeting_side *side) {
    for (size_t i = 0; i < side->mail_count; i++)
        free(side->mail[i].bytes);
}

void meeting_free_rest(void) {
    struct meeting *meeting = going;
    if (!meeting)
        return;
    going = NULL;
    usrsctp_end_free(meeting->peer);
    sctp_association_free(meeting->association);
    for (size_t i = 0; i < meeting->packet_count; i++)
        free(meeting->packets[i].bytes);
    free_mail(&meeting->us);
    free_mail(&meeting->them);
    free(meeting);
}

void meeting_free(struct meeting *meeting) {
    assert_ptr_equal(meeting, going);
    assert_int_equal(meeting->us.connections, 1);
    assert_int_equal(meeting->them.connections, 1);
    meeting_free_rest();
}

/* ---- the verbs ---------------------------------------------------------------------------------------------------------------------- */

void meeting_we_send(struct meeting *meeting, const struct sctp_message *message) {
    int result;
    while ((result = sctp_association_send(meeting->association, meeting->now_us, message)) == SCTP_ERROR_CAPACITY)
        meeting_run(meeting, 10000);
    assert_int_equal(result, SCTP_OK);
    drain(meeting);
}

void meeting_they_send(struct meeting *meeting, const struct sctp_message *message) {
    struct usrsctp_message theirs = {.stream = message->stream, .payload_protocol = message->payload_protocol, .is_unordered = message->is_unordered,
                                     .bytes = message->bytes, .length = message->length};
    if (message->reliability == SCTP_MAX_RETRANSMITS) {
        theirs.reliability = USRSCTP_MAX_RETRANSMITS;
        theirs.limit = message->max_retransmits;
    } else if (message->reliability == SCTP_MAX_LIFETIME) {
        theirs.reliability = USRSCTP_MAX_LIFETIME_MS;
        theirs.limit = (uint32_t)(message->lifetime_us / 1000);
    }
    while (!usrsctp_end_send(meeting->peer, &theirs))
        meeting_run(meeting, 10000);
}

void meeting_we_reset(struct meeting *meeting, uint16_t stream) {
    assert_int_equal(sctp_association_reset_streams(meeting->association, meeting->now_us, &stream, 1), SCTP_OK);
    drain(meeting);
}

void meeting_they_reset(struct meeting *meeting, uint16_t stream) {
    while (!usrsctp_end_reset(meeting->peer, stream))
        meeting_run(meeting, 10000);
}

bool meeting_has_reset(const struct meeting_side *side, uint16_t stream, bool is_incoming) {
    for (size_t i = 0; i < side->reset_count; i++) {
        if (side->resets[i].stream == stream && side->resets[i].is_incoming == is_incoming && !side->resets[i].is_refused)
            return true;
    }
    return false;
}

struct sctp_association_statistics meeting_statistics(const struct meeting *meeting) {
    struct sctp_association_statistics statistics;
    sctp_association_statistics(meeting->association, &statistics);
    return statistics;
}
