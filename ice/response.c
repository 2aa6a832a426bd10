/* Answers that wait for ice_agent_poll_transmit: a short ring, since the caller drains after every datagram. RFC 8445 section 7.3. */
#include <string.h>

#include "ice/agent_internal.h"

bool ice_response_queue_add(struct ice_agent *agent, const struct ice_path *path, const struct stun_message *request, uint16_t code,
                            uint16_t generation, const uint16_t *unknown, size_t unknown_count) {
    struct ice_response_queue *queue = &agent->responses;
    if (queue->count == ICE_RESPONSE_MAX) {
        agent->statistics.capacity_refused++;
        return false;
    }
    struct ice_response *response = &queue->items[(queue->head + queue->count) % ICE_RESPONSE_MAX];
    *response = (struct ice_response){.path = *path, .code = code, .generation = generation};
    memcpy(response->id, request->transaction_id, sizeof response->id);
    for (size_t i = 0; i < unknown_count && i < ICE_RESPONSE_UNKNOWN_MAX; i++)
        response->unknown[response->unknown_count++] = unknown[i];
    queue->count++;
    return true;
}

void ice_response_forget(struct ice_agent *agent, uint16_t generation) {
    struct ice_response_queue *queue = &agent->responses;
    for (size_t left = queue->count; left > 0; left--) { /* once around, so that the order stays */
        struct ice_response response = queue->items[queue->head];
        queue->head = (queue->head + 1) % ICE_RESPONSE_MAX;
        queue->count--;
        if (response.generation != generation)
            queue->items[(queue->head + queue->count++) % ICE_RESPONSE_MAX] = response;
    }
}

size_t ice_response_poll(struct ice_agent *agent, uint8_t *buffer, size_t capacity, struct ice_path *path) {
    struct ice_response_queue *queue = &agent->responses;
    while (queue->count > 0) {
        const struct ice_response *response = &queue->items[queue->head];
        queue->head = (queue->head + 1) % ICE_RESPONSE_MAX;
        queue->count--;
        if (response->path.transport == ICE_TRANSPORT_TCP && !ice_tcp_is_path_open(agent, &response->path))
            continue; /* the connection has gone meanwhile */
        struct stun_writer writer;
        if (response->code == 0) {
            stun_writer_begin(&writer, buffer, capacity, STUN_CLASS_SUCCESS_RESPONSE, STUN_METHOD_BINDING, response->id);
            /* RFC 8445 section 7.3.1.2: the address that the request came from, as we saw it. */
            stun_writer_add_xor_address(&writer, STUN_ATTRIBUTE_XOR_MAPPED_ADDRESS, &response->path.remote);
        } else {
            stun_writer_begin(&writer, buffer, capacity, STUN_CLASS_ERROR_RESPONSE, STUN_METHOD_BINDING, response->id);
            stun_writer_add_error_code(&writer, response->code, "");
            if (response->unknown_count > 0)
                stun_writer_add_unknown_attributes(&writer, response->unknown, response->unknown_count);
        }
        /* RFC 8445 section 7.2.2: the password of the request, no USERNAME. Section 7.3, MUST: FINGERPRINT. */
        stun_writer_add_integrity(&writer, agent->generations[response->generation].local_key);
        stun_writer_add_fingerprint(&writer);
        int length = stun_writer_finish(&writer);
        if (length > 0) {
            *path = response->path;
            return (size_t)length;
        }
    }
    return 0;
}
