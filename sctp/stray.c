/* Whose packet is it? Verification tags (RFC 9260 section 8.5), and packets out of the blue (section 8.4). */
#include "sctp/association_internal.h"

bool sctp_tag_is_right(const struct sctp_association *a, const struct sctp_packet *packet, const struct sctp_chunk *first) {
    /* RFC 9260 section 8.5.1 B and C: these two may come from an end that has forgotten our tag, and reflects its own. */
    bool is_last_word = first->type == SCTP_CHUNK_ABORT || first->type == SCTP_CHUNK_SHUTDOWN_COMPLETE;
    if (is_last_word && (first->flags & SCTP_FLAG_TAG_REFLECTED) != 0)
        return a->peer_tag != 0 && packet->verification_tag == a->peer_tag;
    /* RFC 9260 section 8.5, MUST: with another tag, dropped. */
    return packet->verification_tag == a->own_tag;
}

static bool has_chunk(const struct sctp_packet *packet, uint8_t type) {
    struct sctp_walk walk = sctp_walk_packet(packet);
    struct sctp_chunk chunk;
    while (sctp_walk_chunk(&walk, &chunk)) {
        if (chunk.type == type)
            return true;
    }
    return false;
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
void sctp_handle_stray(struct sctp_association *a, uint64_t now_us, const struct sctp_packet *packet) {
    struct sctp_walk walk = sctp_walk_packet(packet);
    struct sctp_chunk first;
    (void)now_us;
    a->count.packets_without_association++;
    /* RFC 9260 section 8.4, in its order. 2, MUST: an ABORT is never answered. */
    if (has_chunk(packet, SCTP_CHUNK_ABORT) || !sctp_walk_chunk(&walk, &first))
        return;
    switch (first.type) {
    case SCTP_CHUNK_SHUTDOWN_ACK: /* 5: our SHUTDOWN COMPLETE was lost */
        reflect(a, packet, SCTP_CHUNK_SHUTDOWN_COMPLETE);
        return;
    case SCTP_CHUNK_SHUTDOWN_COMPLETE: /* 6 */
    case SCTP_CHUNK_COOKIE_ACK:        /* 7 */
    case SCTP_CHUNK_COOKIE_ECHO:       /* after the end, from a call that came to nothing */
        return;
    case SCTP_CHUNK_ERROR:
        if (has_stale_cookie(&first)) /* 7 */
            return;
        break;
    default:
        break;
    }
    reflect(a, packet, SCTP_CHUNK_ABORT); /* 8 */
}
