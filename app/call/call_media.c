#include <inttypes.h>
#include <string.h>

#include "app/call/call_internal.h"
#include "app/net/clock.h"

static void on_media(void *user) {
    uv_async_send(user); /* on a media thread: the one call of libuv that is allowed there */
}

static void fail_of_media(struct call *call, const struct media_error *error) {
    call_fail(call, (enum call_exit)error->exit_code, error->exit_code == MEDIA_EXIT_USAGE ? "usage" : "media", error->what, error->why, error->next_step);
}

static bool open_sender(struct call *call, struct call_media *media, const char *source, uint32_t bitrate_bps) {
    if (media_source_is_none(source))
        return true;
    const struct call_options *options = call->options;
    struct media_sender_config config = {
        .kind = media->kind == PEER_AUDIO ? MEDIA_AUDIO : MEDIA_VIDEO,
        .source = source,
        .video = {.width = options->width, .height = options->height, .fps = options->frames_per_second, .stamp = options->stamp},
        .bitrate_bps = bitrate_bps,
        .wake = on_media,
        .user = &call->media_wake,
    };
    struct media_error error = {0};
    media->sender = media_sender_new(&config, &error);
    if (!media->sender)
        fail_of_media(call, &error);
    return media->sender != NULL;
}

bool call_media_open(struct call *call) {
    call->media[0].kind = PEER_AUDIO;
    call->media[1].kind = PEER_VIDEO;
    return open_sender(call, &call->media[0], call->options->audio, 0) &&
           open_sender(call, &call->media[1], call->options->video, call->options->bitrate_bps);
}

/* ---- what is sent ------------------------------------------------------------------------------------------------------- */

static bool get_transceiver(const struct call *call, size_t transceiver, struct peer_transceiver *out) {
    return call->connection && transceiver != CALL_NO_TRANSCEIVER && peer_connection_transceiver(call->connection, transceiver, out);
}

/* `bit` of the direction was agreed, with a codec. */
static bool is_agreed(const struct call *call, const struct call_media *media, enum peer_direction bit, struct peer_transceiver *out) {
    return get_transceiver(call, bit == PEER_RECVONLY ? media->inbound : media->transceiver, out) && out->codec != PEER_CODEC_NONE &&
           !out->stopping && !out->stopped && (out->current_direction & bit) != 0;
}

static const char *source_of(const struct call *call, const struct call_media *media) {
    return media->kind == PEER_AUDIO ? call->options->audio : call->options->video;
}

/* Said rather than staying black: once for each codec that is agreed on. */
static void tell_not_sent(struct call *call, struct call_media *media, enum media_codec codec) {
    char why[CALL_SENTENCE_BYTES];
    const char *kind = peer_media_kind_name(media->kind), *name = media_codec_name(codec);
    enum media_codec of_file = media_sender_source_codec(media->sender);
    if (media->not_sent == codec)
        return;
    media->not_sent = codec;
    if (of_file != MEDIA_CODEC_NONE)
        call_sentence(why, "%s holds %s, which is sent as it is.", source_of(call, media), media_codec_name(of_file));
    else
        call_sentence(why, "There is no encoder of %s here: it can be sent from a file, as it is.", name);
    call_say(call, 0, "No %s is sent: %s was agreed. %s Name a codec that both sides have with --codec, or give a source of %s.", kind, name, why, name);
    call_json_log_event(call->log, net_clock_now_us(), "notsent",
                        json_pack("{s:s,s:s,s:s,s:s}", "kind", kind, "codec", name, "source", source_of(call, media), "why", why));
}

static void tell_refused(struct call *call, struct call_media *media) {
    struct peer_transceiver transceiver;
    if (media->is_refusal_told || !get_transceiver(call, media->transceiver, &transceiver) || transceiver.codec != PEER_CODEC_NONE || !transceiver.refused)
        return;
    media->is_refusal_told = true;
    call_say(call, 0, "No %s is sent: %s", peer_media_kind_name(media->kind), transceiver.refused);
    call_json_log_event(call->log, net_clock_now_us(), "notsent", json_pack("{s:s,s:n,s:s,s:s}", "kind", peer_media_kind_name(media->kind), "codec", "source",
                                                                            source_of(call, media), "why", transceiver.refused));
}

/* Connected: it is sent. Before: its encoder is opened meanwhile. */
static void send_as_agreed(struct call *call, struct call_media *media) {
    struct peer_transceiver transceiver;
    struct media_error error = {0};
    bool (*begin)(struct media_sender *, enum media_codec, struct media_error *) = call->is_connected ? media_sender_start : media_sender_prepare;
    bool sends = is_agreed(call, media, PEER_SENDONLY, &transceiver);
    enum media_codec codec = sends ? call_codec_of_peer(transceiver.codec) : MEDIA_CODEC_NONE;
    if (sends && media_sender_can_send(media->sender, codec)) {
        media->not_sent = MEDIA_CODEC_NONE;
        if (!begin(media->sender, codec, &error))
            fail_of_media(call, &error);
        return;
    }
    media_sender_stop(media->sender);
    if (!call->is_connected)
        return; /* said once it is */
    if (sends)
        tell_not_sent(call, media, codec);
    else
        tell_refused(call, media);
}

/* RFC 4733: --dtmf, once, when it can be. */
static void press_keys(struct call *call, struct call_media *media) {
    struct peer_transceiver transceiver;
    if (!call->options->dtmf || media->is_dtmf_done)
        return;
    media->is_dtmf_done = true;
    int error = PEER_ERROR_STATE;
    if (is_agreed(call, media, PEER_SENDONLY, &transceiver) && transceiver.dtmf)
        error = peer_connection_insert_dtmf(call->connection, net_clock_now_us(), media->transceiver, call->options->dtmf, CALL_DTMF_TONE_MS, CALL_DTMF_GAP_MS);
    if (error != PEER_OK)
        call_say(call, 0, "The digits of --dtmf are not sent: %s",
                 error == PEER_ERROR_STATE ? "no sound is sent, or the other side did not agree to telephone-event (RFC 4733)."
                                           : peer_error_name(error));
}

void call_media_start(struct call *call) {
    for (size_t i = 0; i < CALL_MEDIA_COUNT && !call->is_ending; i++)
        if (call->media[i].sender)
            send_as_agreed(call, &call->media[i]);
}

void call_media_second(struct call *call) {
    if (call->is_connected && !call->is_ending && net_clock_now_us() - call->timings.connected >= CALL_DTMF_DELAY_US)
        press_keys(call, &call->media[0]);
}

void call_media_dtmf(struct call *call, char digit, uint32_t duration_ms) {
    const char text[2] = {digit, '\0'};
    call_say(call, 0, "the other side pressed %s", text);
    call_json_log_event(call->log, net_clock_now_us(), "dtmf", json_pack("{s:s,s:i}", "digit", text, "durationMs", (int)duration_ms));
}

/* ---- what is received ------------------------------------------------------------------------------------------------------ */

static struct call_media *find_media(struct call *call, size_t transceiver) {
    for (size_t i = 0; i < CALL_MEDIA_COUNT; i++)
        if (call->media[i].inbound == transceiver)
            return &call->media[i];
    return NULL;
}

void call_media_track(struct call *call, size_t transceiver, enum peer_codec codec) {
    struct call_media *media = find_media(call, transceiver);
    call_json_log_event(call->log, net_clock_now_us(), "track",
                        media ? json_pack("{s:s,s:s}", "kind", peer_media_kind_name(media->kind), "codec", peer_codec_name(codec)) : NULL);
    if (!media || media->receiver)
        return;
    struct media_receiver_config config = {
        .kind = media->kind == PEER_AUDIO ? MEDIA_AUDIO : MEDIA_VIDEO,
        .codec = call_codec_of_peer(codec),
        .record_prefix = call->options->record_prefix,
        .wake = on_media,
        .user = &call->media_wake,
    };
    struct media_error error = {0};
    media->receiver = media_receiver_new(&config, &error);
    if (!media->receiver)
        fail_of_media(call, &error);
}

void call_media_frame(struct call *call, const struct peer_received_frame *frame) {
    struct call_media *media = find_media(call, frame->transceiver);
    if (media && media->receiver)
        /* what is refused is counted there */
        (void)media_receiver_push(media->receiver, call_codec_of_peer(frame->codec), frame->bytes, frame->length, frame->timestamp,
                                  frame->has_capture_time ? frame->capture_unix_us : 0);
}

/* The other side wants one of what we send. */
void call_media_request_key_frame(struct call *call, size_t transceiver) {
    for (size_t i = 0; i < CALL_MEDIA_COUNT; i++)
        if (call->media[i].transceiver == transceiver && call->media[i].sender)
            media_sender_request_key_frame(call->media[i].sender);
}

/* ---- from the media threads to the connection and back -------------------------------------------------------------------- */

static void send_frames(struct call *call, struct call_media *media) {
    struct media_frame frame;
    while (media_sender_poll_frame(media->sender, &frame)) {
        if (!call->connection || call->is_ending)
            continue;
        struct peer_frame out = {.bytes = frame.bytes, .length = frame.length_bytes, .timestamp = frame.timestamp,
                                 .capture_us = frame.capture_time_us, .is_key_frame = frame.key_frame};
        if (media->kind == PEER_VIDEO && media->wants_key_frame && !frame.key_frame)
            continue; /* it builds on a picture that was never sent */
        media->wants_key_frame = false;
        if (peer_connection_send_frame(call->connection, net_clock_now_us(), media->transceiver, &out) == PEER_ERROR_CAPACITY && media->kind == PEER_VIDEO) {
            media->wants_key_frame = true;
            media_sender_request_key_frame(media->sender);
        }
    }
    struct media_error error;
    if (!media->is_failure_told && media_sender_failed(media->sender, &error)) {
        media->is_failure_told = true;
        fail_of_media(call, &error);
    }
}

static void note_first_frame(struct call *call, const struct call_media *media, const struct media_receiver_event *event) {
    uint64_t *first = media->kind == PEER_AUDIO ? &call->timings.first_audio : &call->timings.first_video;
    if (*first)
        return;
    *first = event->at_us;
    const char *kind = peer_media_kind_name(media->kind);
    call_json_log_event(call->log, event->at_us, "firstframe", json_pack("{s:s}", "kind", kind));
    if (media->kind == PEER_VIDEO)
        call_say(call, 0, "first picture, %" PRIu32 "x%" PRIu32, event->width, event->height);
    else
        call_say(call, 0, "first sound");
}

static void tell_no_decoder(struct call *call, const struct call_media *media, const struct media_receiver_event *event) {
    const char *name = media_codec_name(event->codec);
    call_say(call, 0, "%s comes: there is no decoder of it here, so it is %s and not shown", name, call->options->record_prefix ? "recorded" : "counted");
    call_json_log_event(call->log, event->at_us, "nodecoder", json_pack("{s:s,s:s}", "kind", peer_media_kind_name(media->kind), "codec", name));
}

static void handle_receiver(struct call *call, struct call_media *media) {
    struct media_receiver_event event;
    while (media_receiver_poll_event(media->receiver, &event)) {
        if (event.kind == MEDIA_RECEIVER_FIRST_FRAME)
            note_first_frame(call, media, &event);
        if (event.kind == MEDIA_RECEIVER_NO_DECODER)
            tell_no_decoder(call, media, &event);
        if (event.kind == MEDIA_RECEIVER_KEY_FRAME_NEEDED && call->connection)
            (void)peer_connection_request_key_frame(call->connection, net_clock_now_us(), media->inbound); /* refused: too late anyway */
        if (event.kind == MEDIA_RECEIVER_FAILED)
            fail_of_media(call, &event.error);
    }
}

void call_media_pump(struct call *call) {
    for (size_t i = 0; i < CALL_MEDIA_COUNT; i++) {
        if (call->media[i].sender)
            send_frames(call, &call->media[i]);
        if (call->media[i].receiver)
            handle_receiver(call, &call->media[i]);
    }
}

/* ---- numbers and the end ------------------------------------------------------------------------------------------------- */

void call_media_measure(struct call *call) {
    for (size_t i = 0; i < CALL_MEDIA_COUNT; i++) {
        struct call_media *media = &call->media[i];
        if (media->sender)
            media_sender_statistics(media->sender, &media->sent);
        if (media->receiver)
            media_receiver_statistics(media->receiver, &media->received);
    }
}

/* Decoded, or come and not to be decoded here. */
static bool has_come(const struct call_media *media) {
    if (media->received.frames_without_decoder > 0)
        return true;
    return media->kind == PEER_AUDIO ? media->received.total_samples_received > media->received.concealed_samples : media->received.frames_decoded > 0;
}

bool call_media_is_missing(const struct call *call, bool any, const char **kind) {
    size_t agreed = 0, missing = 0;
    *kind = "media";
    for (size_t i = 0; i < CALL_MEDIA_COUNT; i++) {
        const struct call_media *media = &call->media[i];
        struct peer_transceiver transceiver;
        if (!is_agreed(call, media, PEER_RECVONLY, &transceiver))
            continue;
        agreed++;
        if (!has_come(media)) {
            missing++;
            *kind = peer_media_kind_name(media->kind);
        }
    }
    if (missing > 1)
        *kind = "media";
    return any ? missing > 0 : agreed > 0 && missing == agreed;
}

bool call_media_is_agreed(const struct call *call) {
    struct peer_transceiver transceiver;
    for (size_t i = 0; i < CALL_MEDIA_COUNT; i++)
        if (is_agreed(call, &call->media[i], PEER_SENDONLY, &transceiver) || is_agreed(call, &call->media[i], PEER_RECVONLY, &transceiver))
            return true;
    return false;
}

void call_media_let_go(struct call *call) {
    for (size_t i = 0; i < CALL_MEDIA_COUNT; i++) {
        if (call->media[i].sender)
            media_sender_stop(call->media[i].sender);
        call->media[i].not_sent = MEDIA_CODEC_NONE;
        call->media[i].is_dtmf_done = call->media[i].is_refusal_told = false;
        media_receiver_free(call->media[i].receiver);
        call->media[i].receiver = NULL;
    }
}

void call_media_close(struct call *call) {
    call_media_let_go(call);
    for (size_t i = 0; i < CALL_MEDIA_COUNT; i++) {
        media_sender_free(call->media[i].sender);
        call->media[i].sender = NULL;
    }
}
