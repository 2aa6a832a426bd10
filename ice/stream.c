/*
 * The connections of the agent over TCP and TLS: a table of who uses which, and the events that ask the caller to open and close them.
 * The caller owns the sockets (docs/contract.md); what the bytes mean is the business of the owner: a relay (ice/turn_client.h) or a
 * pair of TCP candidates (RFC 6544).
 */
#include "ice/agent_internal.h"

static struct ice_stream *add(struct ice_agent *agent, const struct ice_stream *entry) {
    for (size_t i = 0; i < ICE_STREAM_MAX; i++) {
        if (agent->streams[i].owner == ICE_STREAM_FREE) {
            agent->streams[i] = *entry;
            if (i == agent->stream_count)
                agent->stream_count++;
            return &agent->streams[i];
        }
    }
    agent->statistics.capacity_refused++;
    return NULL;
}

struct ice_stream *ice_stream_open(struct ice_agent *agent, enum ice_stream_owner owner, uint16_t index, const struct ice_path *path, const char *server_name) {
    struct ice_stream *stream = add(agent, &(struct ice_stream){.owner = owner, .index = index, .state = ICE_STREAM_WANTED, .path = *path, .server_name = server_name});
    if (stream != NULL)
        stream->path.stream_id = ++agent->next_stream_id;
    return stream;
}

struct ice_stream *ice_stream_accept(struct ice_agent *agent, const struct ice_path *path) {
    if (ice_stream_find(agent, path->stream_id) != NULL)
        return NULL;
    return add(agent, &(struct ice_stream){.owner = ICE_STREAM_ACCEPTED_NEW, .index = ICE_NONE, .state = ICE_STREAM_OPEN, .path = *path});
}

struct ice_stream *ice_stream_find(struct ice_agent *agent, uint64_t stream_id) {
    for (size_t i = 0; i < agent->stream_count; i++)
        if (agent->streams[i].owner != ICE_STREAM_FREE && agent->streams[i].path.stream_id == stream_id)
            return &agent->streams[i];
    return NULL;
}

void ice_stream_close(struct ice_stream *stream) {
    if (stream->state == ICE_STREAM_WANTED)
        ice_stream_forget(stream); /* nobody has been told of it */
    else
        stream->state = ICE_STREAM_UNWANTED;
}

void ice_stream_forget(struct ice_stream *stream) {
    *stream = (struct ice_stream){.owner = ICE_STREAM_FREE, .index = ICE_NONE};
}

void ice_agent_abandon_streams(struct ice_agent *agent) {
    for (size_t i = 0; i < agent->stream_count; i++)
        if (agent->streams[i].owner != ICE_STREAM_FREE)
            ice_stream_close(&agent->streams[i]);
}

bool ice_stream_poll_event(struct ice_agent *agent, struct ice_event *out) {
    for (size_t i = 0; i < agent->stream_count; i++) {
        struct ice_stream *stream = &agent->streams[i];
        bool opens = stream->state == ICE_STREAM_WANTED;
        if (stream->owner == ICE_STREAM_FREE || (!opens && stream->state != ICE_STREAM_UNWANTED))
            continue;
        *out = (struct ice_event){.type = opens ? ICE_EVENT_OPEN_STREAM : ICE_EVENT_CLOSE_STREAM};
        out->as.stream.path = stream->path;
        out->as.stream.server_name = stream->server_name;
        if (opens)
            stream->state = ICE_STREAM_OPENING;
        else
            ice_stream_forget(stream);
        return true;
    }
    return false;
}
