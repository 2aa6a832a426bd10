/* Whose packet is it? Verification tags (RFC 9260 section 8.5), and packets out of the blue (section 8.4). */
#include "sctp/association_internal.h"

/* The first chunk of one of these types, with its header. */
static bool find(const struct sctp_packet *packet, uint8_t type, uint8_t other_type, struct sctp_chunk *chunk, struct sctp_walk *alone) {
    struct sctp_walk walk = sctp_walk_packet(packet), before = walk;
    while (sctp_walk_chunk(&walk, chunk)) {
        *alone = sctp_walk_bytes(before.at, before.length - walk.length);
        if (chunk->type == type || chunk->type == other_type)
            return true;
        before = walk;
    }
    return false;
}

bool sctp_tag_is_right(const struct sctp_association *a, const struct sctp_packet *packet, struct sctp_walk *readable) {
    struct sctp_chunk last_word;
    struct sctp_walk alone;
    *readable = sctp_walk_packet(packet);
    /* RFC 9260 section 8.5.1 B and C: these two may come from an end that has forgotten our tag, and reflects its own; nothing else may. */
    bool is_last = find(packet, SCTP_CHUNK_ABORT, SCTP_CHUNK_SHUTDOWN_COMPLETE, &last_word, &alone);
    if (is_last && (last_word.flags & SCTP_FLAG_TAG_REFLECTED) != 0) {
        *readable = alone;
        return a->peer_tag != 0 && packet->verification_tag == a->peer_tag;
    }
    /* RFC 9260 section 8.5, MUST: with another tag, dropped. */
    return packet->verification_tag == a->own_tag;
}

static bool has_chunk(const struct sctp_packet *packet, uint8_t type, struct sctp_chunk *chunk) {
    struct sctp_walk alone;
    return find(packet, type, type, chunk, &alone);
}

static bool has_stale_cookie(const struct sctp_chunk *error) {
    struct sctp_walk walk = sctp_walk_bytes(error->value, error->length);
    struct sctp_parameter cause;
    while (sctp_walk_parameter(&walk, &cause)) {
        if (cause.type == SCTP_CAUSE_STALE_COOKIE)
            return true;
    }
    return false;
}

static void reflect(struct sctp_association *a, const struct sctp_packet *packet, uint8_t type) {
    struct sctp_writer writer;
    sctp_begin_reply(a, &writer, packet->verification_tag);
    sctp_write_chunk(&writer, type, SCTP_FLAG_TAG_REFLECTED, NULL, 0);
    sctp_end_reply(a, &writer);
}

/* INIT, and COOKIE ECHO where an association may still come of it, never get here. */
void sctp_handle_stray(struct sctp_association *a, const struct sctp_packet *packet) {
    struct sctp_chunk chunk;
    a->count.packets_without_association++;
    /* RFC 9260 section 8.4, in its order. 2, MUST: an ABORT is never answered. */
    if (has_chunk(packet, SCTP_CHUNK_ABORT, &chunk))
        return;
    if (has_chunk(packet, SCTP_CHUNK_COOKIE_ECHO, &chunk)) /* 4, after the end: from a call that came to nothing */
        return;
    if (has_chunk(packet, SCTP_CHUNK_SHUTDOWN_ACK, &chunk)) /* 5: our SHUTDOWN COMPLETE was lost */
        reflect(a, packet, SCTP_CHUNK_SHUTDOWN_COMPLETE);
    else if (has_chunk(packet, SCTP_CHUNK_SHUTDOWN_COMPLETE, &chunk) || has_chunk(packet, SCTP_CHUNK_COOKIE_ACK, &chunk)) /* 6, 7 */
        return;
    else if (!has_chunk(packet, SCTP_CHUNK_ERROR, &chunk) || !has_stale_cookie(&chunk)) /* 7 */
        reflect(a, packet, SCTP_CHUNK_ABORT);                                           /* 8 */
}
