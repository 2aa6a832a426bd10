/* RTCDTMFSender, W3C webrtc section 7: the keys that are to be sent, one after another. How a key becomes packets, rtp/telephone_event.h knows. */
#include <string.h>

#include "app/peer/peer_media_internal.h"

#define DURATION_MIN_MS 40
#define DURATION_MAX_MS 6000
#define GAP_MIN_MS 30
#define GAP_MAX_MS 6000
#define COMMA_US 2000000u /* W3C webrtc section 7.2 */
#define VOLUME 10         /* -10 dBm0 */
#define RETRY_US 10000u   /* the tone before still repeats its end (RFC 4733 section 2.5.1.4) */
#define NEVER UINT64_MAX

static bool is_tone(char key) {
    uint8_t event;
    return key == ',' || (rtp_telephone_event_of_key(key, &event) && event < RTP_TELEPHONE_EVENT_FLASH);
}

static bool are_tones_valid(const char *tones) {
    size_t length = tones ? strlen(tones) : PEER_DTMF_MAX_TONES + 1;
    if (length > PEER_DTMF_MAX_TONES)
        return false;
    for (size_t i = 0; i < length; i++)
        if (!is_tone(tones[i]))
            return false;
    return true;
}

int peer_connection_insert_dtmf(struct peer_connection *connection, uint64_t now_us, size_t index, const char *tones, uint32_t duration_ms, uint32_t gap_ms) {
    struct peer_transceiver_entry *entry = index < connection->transceiver_count ? connection->transceivers[index] : NULL;
    if (!entry)
        return peer_problem_set(connection, NULL, PEER_ERROR_NOT_FOUND, "there is no transceiver of that number");
    if (!are_tones_valid(tones) || duration_ms < DURATION_MIN_MS || duration_ms > DURATION_MAX_MS || gap_ms < GAP_MIN_MS || gap_ms > GAP_MAX_MS)
        return peer_problem_set(connection, NULL, PEER_ERROR_ARGUMENT,
                                "tones are 0-9, A-D, * and #, and a comma for a pause; of 40 to 6000 ms, 30 to 6000 ms apart (W3C webrtc section 7.2)");
    /* W3C webrtc section 7.3: canInsertDTMF. */
    if (connection->is_closed || !entry->sender || !entry->facts.dtmf || !(entry->facts.current_direction & PEER_SENDONLY))
        return peer_problem_set(connection, NULL, PEER_ERROR_STATE, "it does not send, or telephone-event was not agreed (W3C webrtc section 7.3, canInsertDTMF)");
    connection->now_us = now_us;
    struct peer_dtmf *dtmf = &entry->dtmf;
    /* What is being sent goes on to its end; the new keys come after it. */
    uint64_t next_us = dtmf->is_active && dtmf->next_us > now_us ? dtmf->next_us : now_us;
    *dtmf = (struct peer_dtmf){.is_active = tones[0] != '\0' || dtmf->is_active, .next_us = next_us, .duration_ms = duration_ms, .gap_ms = gap_ms};
    memcpy(dtmf->tones, tones, strlen(tones) + 1);
    return PEER_OK;
}

void peer_dtmf_end(struct peer_transceiver_entry *entry) {
    entry->dtmf = (struct peer_dtmf){.is_active = false};
}

static void tell(struct peer_dtmf *dtmf, char key) {
    dtmf->change_pending = true;
    dtmf->key = key;
}

/* W3C webrtc section 7.2, the playout task: the next key, or the end of them. */
static void step(struct peer_connection *connection, uint64_t now_us, struct peer_transceiver_entry *entry) {
    struct peer_dtmf *dtmf = &entry->dtmf;
    char key = dtmf->tones[dtmf->next];
    uint8_t event;
    /* W3C webrtc section 7.2: also when the direction has come to allow it no more. */
    if (key == '\0' || !entry->sender || !(entry->facts.current_direction & PEER_SENDONLY)) {
        dtmf->is_active = false;
        tell(dtmf, '\0');
        return;
    }
    if (key == ',') {
        dtmf->next_us = now_us + COMMA_US;
    } else {
        (void)rtp_telephone_event_of_key(key, &event);
        int error = rtp_session_send_tone(peer_media_session(connection, entry), now_us, entry->sender, event, VOLUME, dtmf->duration_ms);
        if (error != RTP_OK) {
            dtmf->next_us = now_us + RETRY_US;
            return;
        }
        dtmf->next_us = now_us + (uint64_t)(dtmf->duration_ms + dtmf->gap_ms) * 1000;
    }
    dtmf->next++;
    tell(dtmf, key);
}

/* Without a path they wait, as packets do, and there is nothing to wake up for. */
static bool is_playing(const struct peer_connection *connection, const struct peer_transceiver_entry *entry) {
    return entry->dtmf.is_active && (!entry->sender || peer_media_can_send(connection->transports[entry->media_transport], connection->now_us));
}

void peer_dtmf_handle_timeout(struct peer_connection *connection, uint64_t now_us) {
    struct peer_transceiver_entry *entry;
    for (size_t i = 0; (entry = peer_transceivers_next(connection, &i)); i++)
        if (is_playing(connection, entry) && now_us >= entry->dtmf.next_us)
            step(connection, now_us, entry);
}

uint64_t peer_dtmf_next_timeout(const struct peer_connection *connection) {
    const struct peer_transceiver_entry *entry;
    uint64_t next = NEVER;
    for (size_t i = 0; (entry = peer_transceivers_next(connection, &i)); i++)
        if (is_playing(connection, entry) && entry->dtmf.next_us < next)
            next = entry->dtmf.next_us;
    return next;
}

bool peer_dtmf_poll_event(struct peer_connection *connection, struct peer_connection_event *out) {
    struct peer_transceiver_entry *entry;
    for (size_t i = 0; (entry = peer_transceivers_next(connection, &i)); i++) {
        if (!entry->dtmf.change_pending)
            continue;
        entry->dtmf.change_pending = false;
        *out = (struct peer_connection_event){.type = PEER_CONNECTION_EVENT_TONE_CHANGE, .as.dtmf = {i, entry->dtmf.key, entry->dtmf.duration_ms}};
        return true;
    }
    return false;
}
