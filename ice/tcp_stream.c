/*
 * What goes through the connections of TCP candidates: STUN and data in the frames of RFC 4571 (RFC 6544 section 10).
 *
 * A chunk from the caller is read twice. The first time every STUN message in it is handled; the second time poll_received hands out
 * the data, as views into the caller's chunk. Only a frame that came in pieces is copied.
 */
#include "ice/tcp_internal.h"

#include <string.h>

static bool is_stun(const struct ice_frame *frame) {
    /* RFC 6544 section 10.2, and RFC 7983 section 7: the first byte tells STUN from what the layers above send. */
    return frame->length > 0 && frame->bytes[0] <= 3;
}

size_t ice_tcp_frame(const struct ice_path *path, uint8_t *buffer, size_t capacity, size_t length) {
    if (path->transport != ICE_TRANSPORT_TCP || length == 0)
        return length;
    if (capacity - length < ICE_FRAMING_HEADER_BYTES)
        return 0;
    /* RFC 6544 section 7.1, MUST: each message is a frame of RFC 4571. */
    memmove(buffer + ICE_FRAMING_HEADER_BYTES, buffer, length);
    ice_framing_write_header(buffer, length);
    return ICE_FRAMING_HEADER_BYTES + length;
}

int ice_tcp_wrap_payload(uint8_t *buffer, struct ice_transmit *out) {
    if (out->path.transport != ICE_TRANSPORT_TCP)
        return ICE_OK;
    if (out->length > UINT16_MAX)
        return ICE_ERROR_ARGUMENT;
    /* RFC 6544 section 10.1: data goes the way of the checks, in frames of RFC 4571. */
    out->offset -= ICE_FRAMING_HEADER_BYTES;
    ice_framing_write_header(buffer + out->offset, out->length);
    out->length += ICE_FRAMING_HEADER_BYTES;
    return ICE_OK;
}

/* ---- receiving ------------------------------------------------------------------------------------------------------------------------ */

/* Nothing good can come by this connection any more. */
static void refuse(struct ice_agent *agent, uint64_t now_us, uint64_t stream_id) {
    struct ice_stream *stream = ice_stream_find(agent, stream_id);
    agent->statistics.streams_unproven += stream->owner == ICE_STREAM_ACCEPTED_NEW;
    ice_tcp_fail_stream(agent, stream, now_us, 0, false);
}

static bool is_unproven(const struct ice_agent *agent, uint64_t stream_id) {
    const struct ice_stream *stream = ice_tcp_open_stream(agent, stream_id);
    return stream != NULL && stream->owner == ICE_STREAM_ACCEPTED_NEW;
}

/* Returns false when the connection is not to be read any further. */
static bool take_frame(struct ice_agent *agent, uint64_t now_us, const struct ice_path *path, const struct ice_frame *frame) {
    agent->statistics.datagrams_received++;
    if (is_stun(frame))
        ice_agent_handle_message(agent, now_us, path, frame->bytes, frame->length);
    else if (frame->length > 0 && !ice_tcp_is_path_valid(agent, path))
        /* RFC 6544 section 7.1, SHOULD: whoever does not begin with STUN is not our peer, on either side of a connection. */
        refuse(agent, now_us, path->stream_id);
    return ice_tcp_open_stream(agent, path->stream_id) != NULL;
}

int ice_tcp_handle_bytes(struct ice_agent *agent, uint64_t now_us, struct ice_stream *stream, const uint8_t *bytes, size_t length) {
    struct ice_tcp *tcp = agent->tcp;
    struct ice_path path = stream->path; /* the entry may be gone after any frame */
    struct ice_tcp_connection *connection = ice_tcp_connection_of(agent, path.stream_id);
    tcp->received_stream_id = 0;
    tcp->has_completed = false;
    if (connection == NULL || stream->state != ICE_STREAM_OPEN)
        return ICE_OK; /* we have said that we are done with it */
    connection->unproven_bytes += stream->owner == ICE_STREAM_ACCEPTED_NEW ? length : 0;
    tcp->received_stream_id = path.stream_id;
    tcp->rest = bytes;
    tcp->rest_length = connection->framing.held == 0 ? length : 0;
    struct ice_frame frame;
    enum ice_framing_result result;
    while ((result = ice_framing_read(&connection->framing, &bytes, &length, &frame)) == ICE_FRAMING_FRAME) {
        if (!frame.in_chunk) { /* begun in an earlier chunk */
            tcp->has_completed = !is_stun(&frame);
            tcp->completed_length = frame.length;
            memcpy(tcp->completed, frame.bytes, frame.length);
            tcp->rest = bytes;
            tcp->rest_length = length;
        }
        if (!take_frame(agent, now_us, &path, &frame))
            return ICE_OK;
    }
    if (result == ICE_FRAMING_TOO_LONG) {
        agent->statistics.malformed_dropped++;
        refuse(agent, now_us, path.stream_id);
        return ICE_ERROR_MALFORMED;
    }
    if (is_unproven(agent, path.stream_id) && connection->unproven_bytes > ICE_TCP_UNPROVEN_BYTES)
        refuse(agent, now_us, path.stream_id);
    return ICE_OK;
}

/* ---- handing out ------------------------------------------------------------------------------------------------------------------------ */

bool ice_tcp_poll_received(struct ice_agent *agent, struct ice_received *out) {
    struct ice_tcp *tcp = agent->tcp;
    if (tcp == NULL || tcp->received_stream_id == 0)
        return false;
    const struct ice_stream *stream = ice_tcp_open_stream(agent, tcp->received_stream_id);
    struct ice_frame frame;
    while (stream != NULL) { /* what brought data before a check has been closed */
        bool completed = tcp->has_completed;
        tcp->has_completed = false;
        if (completed)
            frame = (struct ice_frame){.bytes = tcp->completed, .length = tcp->completed_length};
        else if (ice_framing_read_whole(&tcp->rest, &tcp->rest_length, &frame) != ICE_FRAMING_FRAME)
            break;
        if (frame.length == 0 || is_stun(&frame))
            continue;
        *out = (struct ice_received){.path = stream->path, .bytes = frame.bytes, .length = frame.length};
        return true;
    }
    tcp->received_stream_id = 0;
    return false;
}
