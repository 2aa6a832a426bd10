/* Which codecs a call names, in which order: --codec, and what the sources and the recording ask for. */
#include <string.h>

#include "app/call/call_internal.h"

static const struct {
    const char *name; /* of --codec */
    enum peer_media_kind kind;
    enum peer_codec peer;
    enum media_codec media;
} codecs[] = {
    {"opus", PEER_AUDIO, PEER_CODEC_OPUS, MEDIA_CODEC_OPUS}, {"pcmu", PEER_AUDIO, PEER_CODEC_PCMU, MEDIA_CODEC_PCMU},
    {"pcma", PEER_AUDIO, PEER_CODEC_PCMA, MEDIA_CODEC_PCMA}, {"vp8", PEER_VIDEO, PEER_CODEC_VP8, MEDIA_CODEC_VP8},
    {"vp9", PEER_VIDEO, PEER_CODEC_VP9, MEDIA_CODEC_VP9},    {"h264", PEER_VIDEO, PEER_CODEC_H264, MEDIA_CODEC_H264},
    {"av1", PEER_VIDEO, PEER_CODEC_AV1, MEDIA_CODEC_AV1},
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

size_t call_codec_preference(const struct call *call, enum peer_media_kind kind, struct peer_codec_capability out[CALL_CODEC_PREFERENCE_MAX]) {
    const struct call_options *options = call->options;
    const struct media_sender *sender = call->media[kind == PEER_VIDEO].sender;
    enum media_codec of_file = sender ? media_sender_source_codec(sender) : MEDIA_CODEC_NONE;
    size_t count = 0;
    for (size_t named = 0; named < options->codec_count; named++)
        for (size_t i = 0; i < CODECS; i++)
            if (codecs[i].kind == kind && strcmp(codecs[i].name, options->codecs[named]) == 0)
                add(i, out, &count);
    if (count)
        return count;
    for (size_t i = 0; i < CODECS; i++)
        if (of_file != MEDIA_CODEC_NONE && codecs[i].media == of_file)
            add(i, out, &count);
    for (size_t i = 0; i < CODECS; i++)
        if (codecs[i].kind == kind && (media_codec_is_coded(codecs[i].media) || (!sender && options->record_prefix)))
            add(i, out, &count);
    return count;
}
