/* What the files that speak with rtp/ share. No other file of the PeerConnection does. */
#ifndef PEER_MEDIA_INTERNAL_H
#define PEER_MEDIA_INTERNAL_H

#include "app/peer/peer_connection_internal.h"
#include "rtp/session.h"

enum rtp_codec peer_media_rtp_codec(enum peer_codec codec); /* OPUS for NONE */
enum peer_codec peer_media_codec_of(enum rtp_codec codec);  /* NONE for telephone events */
int peer_media_error(int error);                            /* of rtp/, in the words of peer/ */
/* The session that has the members of a transceiver, or would have them. NULL: none. */
struct rtp_session *peer_media_session(const struct peer_connection *connection, const struct peer_transceiver_entry *entry);
/* Could a packet be protected and sent now? */
bool peer_media_can_send(const struct peer_transport_entry *transport, uint64_t now_us);

/* ---- peer_dtmf.c: the tones of one transceiver ---------------------------------------------------------------------------- */

void peer_dtmf_handle_timeout(struct peer_connection *connection, uint64_t now_us);
uint64_t peer_dtmf_next_timeout(const struct peer_connection *connection); /* UINT64_MAX: none */
bool peer_dtmf_poll_event(struct peer_connection *connection, struct peer_connection_event *out);

#endif
