/* Which codecs a call names, in which order: --codec, and what the sources and the recording ask for. */
#include <stdlib.h>
#include <string.h>

#include "app/call/call_internal.h"
#include "sdp/codec.h"

static const struct {
    const char *name; /* of --codec */
    enum peer_media_kind kind;
    enum peer_codec peer;
    enum media_codec media;
    enum sdp_codec_id sdp;
} codecs[] = {
    {"opus", PEER_AUDIO, PEER_CODEC_OPUS, MEDIA_CODEC_OPUS, SDP_CODEC_OPUS}, {"pcmu", PEER_AUDIO, PEER_CODEC_PCMU, MEDIA_CODEC_PCMU, SDP_CODEC_PCMU},
    {"pcma", PEER_AUDIO, PEER_CODEC_PCMA, MEDIA_CODEC_PCMA, SDP_CODEC_PCMA}, {"vp8", PEER_VIDEO, PEER_CODEC_VP8, MEDIA_CODEC_VP8, SDP_CODEC_VP8},
    {"vp9", PEER_VIDEO, PEER_CODEC_VP9, MEDIA_CODEC_VP9, SDP_CODEC_VP9},     {"h264", PEER_VIDEO, PEER_CODEC_H264, MEDIA_CODEC_H264, SDP_CODEC_H264},
    {"av1", PEER_VIDEO, PEER_CODEC_AV1, MEDIA_CODEC_AV1, SDP_CODEC_AV1},
};
#define CODECS (sizeof codecs / sizeof codecs[0])

_Static_assert(CODECS <= CALL_CODEC_PREFERENCE_MAX, "all of them fit into a preference");

enum media_codec call_codec_of_peer(enum peer_codec codec) {
    for (size_t i = 0; i < CODECS; i++)
        if (codecs[i].peer == codec)
            return codecs[i].media;
    return MEDIA_CODEC_NONE;
}

/* Once each. */
static void add(size_t row, struct peer_codec_capability *out, size_t *count) {
    for (size_t i = 0; i < *count; i++)
        if (out[i].codec == codecs[row].peer)
            return;
    out[(*count)++] = (struct peer_codec_capability){.codec = codecs[row].peer};
}

static size_t named(const struct call *call, enum peer_media_kind kind, struct peer_codec_capability *out) {
    const struct call_options *options = call->options;
    size_t count = 0;
    for (size_t n = 0; n < options->codec_count; n++)
        for (size_t i = 0; i < CODECS; i++)
            if (codecs[i].kind == kind && strcmp(codecs[i].name, options->codecs[n]) == 0)
                add(i, out, &count);
    return count;
}

/* Without a decoder a codec is of use for a recording, or to send a file. */
static bool is_usable(const struct call *call, size_t row) {
    return media_codec_is_coded(codecs[row].media) || (!call->media[codecs[row].kind == PEER_VIDEO].sender && call->options->record_prefix);
}

size_t call_codec_preference(const struct call *call, enum peer_media_kind kind, struct peer_codec_capability out[CALL_CODEC_PREFERENCE_MAX]) {
    const struct media_sender *sender = call->media[kind == PEER_VIDEO].sender;
    enum media_codec of_file = sender ? media_sender_source_codec(sender) : MEDIA_CODEC_NONE;
    size_t count = named(call, kind, out);
    if (count)
        return count;
    for (size_t i = 0; i < CODECS; i++)
        if (of_file != MEDIA_CODEC_NONE && codecs[i].media == of_file)
            add(i, out, &count);
    for (size_t i = 0; i < CODECS; i++)
        if (codecs[i].kind == kind && is_usable(call, i))
            add(i, out, &count);
    return count;
}

/* ---- what comes besides what we send ---------------------------------------------------------------------------------------- */

static bool is_ours(const struct call *call, size_t transceiver) {
    for (size_t i = 0; i < CALL_MEDIA_COUNT; i++)
        if (call->media[i].transceiver == transceiver)
            return true;
    return false;
}

/* RFC 3264 section 6.1, SHOULD: an answer lists codecs in the order of the offer. Who only receives has no reason to wish otherwise. */
static size_t follow(const struct call *call, enum peer_media_kind kind, const struct sdp_section *section, struct peer_codec_capability *out) {
    struct sdp_codec offered[SDP_CODEC_MAX];
    size_t offered_count = sdp_section_codecs(section, offered), count = 0;
    for (size_t n = 0; n < offered_count; n++)
        for (size_t i = 0; i < CODECS; i++)
            if (codecs[i].kind == kind && codecs[i].sdp == offered[n].id && is_usable(call, i))
                add(i, out, &count);
    return count;
}

static void prefer(struct call *call, const struct sdp_session *offer) {
    struct peer_codec_capability wanted[CALL_CODEC_PREFERENCE_MAX];
    struct peer_transceiver of;
    for (size_t i = 0; i < peer_connection_transceiver_count(call->connection); i++) {
        if (is_ours(call, i) || !peer_connection_transceiver(call->connection, i, &of) || of.section < 0 || (size_t)of.section >= offer->section_count)
            continue;
        size_t count = named(call, of.kind, wanted);
        if (!count)
            count = follow(call, of.kind, &offer->sections[of.section], wanted);
        if (count)
            (void)peer_connection_set_codec_preferences(call->connection, i, wanted, count); /* of its kind, and few enough */
    }
}

void call_codecs_follow_offer(struct call *call, const char *text, size_t length) {
    struct sdp_session *offer = malloc(sizeof *offer); /* large */
    if (offer && sdp_parse(text, length, offer, NULL) == SDP_OK)
        prefer(call, offer);
    free(offer);
}
