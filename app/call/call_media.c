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
        .codec = media->kind == PEER_AUDIO ? MEDIA_CODEC_OPUS : MEDIA_CODEC_VP8,
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

static bool is_agreed(const struct call *call, const struct call_media *media, enum peer_direction bit) {
    struct peer_transceiver transceiver;
    return call->connection && peer_connection_transceiver(call->connection, media->transceiver, &transceiver) &&
           transceiver.codec != PEER_CODEC_NONE && (transceiver.current_direction & bit) != 0;
}

void call_media_start(struct call *call) {
    for (size_t i = 0; i < CALL_MEDIA_COUNT; i++) {
        struct call_media *media = &call->media[i];
        struct media_error error = {0};
        if (media->sender && is_agreed(call, media, PEER_SENDONLY) && !media_sender_start(media->sender, &error)) {
            fail_of_media(call, &error);
            return;
        }
    }
}

static struct call_media *find_media(struct call *call, size_t transceiver) {
    for (size_t i = 0; i < CALL_MEDIA_COUNT; i++)
        if (call->media[i].transceiver == transceiver)
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
        .codec = media->kind == PEER_AUDIO ? MEDIA_CODEC_OPUS : MEDIA_CODEC_VP8,
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
        (void)media_receiver_push(media->receiver, frame->bytes, frame->length, frame->timestamp); /* what is refused is counted there */
}

void call_media_request_key_frame(struct call *call, size_t transceiver) {
    struct call_media *media = find_media(call, transceiver);
    if (media && media->sender)
        media_sender_request_key_frame(media->sender);
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

static void handle_receiver(struct call *call, struct call_media *media) {
    struct media_receiver_event event;
    while (media_receiver_poll_event(media->receiver, &event)) {
        if (event.kind == MEDIA_RECEIVER_FIRST_FRAME)
            note_first_frame(call, media, &event);
        if (event.kind == MEDIA_RECEIVER_KEY_FRAME_NEEDED && call->connection)
            (void)peer_connection_request_key_frame(call->connection, net_clock_now_us(), media->transceiver); /* refused: too late anyway */
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

static bool has_decoded(const struct call_media *media) {
    return media->kind == PEER_AUDIO ? media->received.total_samples_received > media->received.concealed_samples : media->received.frames_decoded > 0;
}

bool call_media_is_missing(const struct call *call, bool any, const char **kind) {
    size_t agreed = 0, missing = 0;
    *kind = "media";
    for (size_t i = 0; i < CALL_MEDIA_COUNT; i++) {
        const struct call_media *media = &call->media[i];
        if (!is_agreed(call, media, PEER_RECVONLY))
            continue;
        agreed++;
        if (!has_decoded(media)) {
            missing++;
            *kind = peer_media_kind_name(media->kind);
        }
    }
    if (missing > 1)
        *kind = "media";
    return any ? missing > 0 : agreed > 0 && missing == agreed;
}

void call_media_close_receivers(struct call *call) {
    for (size_t i = 0; i < CALL_MEDIA_COUNT; i++) {
        media_receiver_free(call->media[i].receiver);
        call->media[i].receiver = NULL;
    }
}

void call_media_close(struct call *call) {
    for (size_t i = 0; i < CALL_MEDIA_COUNT; i++) {
        media_sender_free(call->media[i].sender);
        call->media[i].sender = NULL;
    }
    call_media_close_receivers(call);
}
