/* Shared by the tests of sdp/. */
#include "test_sdp.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct parsed parse_text(const char *text, size_t length) {
    struct parsed parsed = {.text = malloc(length == 0 ? 1 : length), .session = malloc(sizeof(struct sdp_session))};
    if (length > 0)
        memcpy(parsed.text, text, length);
    parsed.error = sdp_parse(length == 0 ? NULL : parsed.text, length, parsed.session, &parsed.problem);
    if (parsed.error != SDP_OK) {
        free(parsed.session);
        parsed.session = NULL;
        assert_non_null(parsed.problem.rule);
        assert_true(strstr(parsed.problem.rule, "RFC ") != NULL || parsed.error == SDP_ERROR_LIMIT);
    }
    return parsed;
}

struct parsed parse_string(const char *string) {
    return parse_text(string, strlen(string));
}

void parsed_free(struct parsed *parsed) {
    free(parsed->text);
    free(parsed->session);
}

static void read_every_way(struct sdp_view value) {
    struct sdp_group group;
    struct sdp_fingerprint fingerprint;
    enum sdp_setup setup;
    struct sdp_rtcp rtcp;
    struct sdp_rtpmap rtpmap;
    struct sdp_fmtp fmtp;
    struct sdp_rtcp_fb feedback;
    struct sdp_extmap extmap;
    struct sdp_msid msid;
    struct sdp_ssrc ssrc;
    struct sdp_ssrc_group ssrc_group;
    struct sdp_rid rid;
    struct sdp_simulcast simulcast;
    struct sdp_bandwidth bandwidth;
    struct sdp_rid_restrictions restrictions;
    struct sdp_connection connection;
    struct sdp_remote_candidate candidate;
    struct sdp_h264_format h264;
    struct sdp_view found;
    uint16_t port;
    uint32_t number;
    uint64_t size;
    sdp_read_group(value, &group);
    sdp_read_ice_ufrag(value);
    sdp_read_ice_pwd(value);
    sdp_ice_options_have(value, "trickle");
    sdp_read_fingerprint(value, &fingerprint);
    sdp_read_setup(value, &setup);
    sdp_read_rtcp(value, &rtcp);
    sdp_read_rtpmap(value, &rtpmap);
    sdp_read_fmtp(value, &fmtp);
    sdp_parameter_find(value, "apt", &found);
    sdp_parameter_number(value, "apt", 0);
    sdp_read_rtcp_fb(value, &feedback);
    sdp_read_extmap(value, &extmap);
    sdp_read_msid(value, &msid);
    sdp_read_ssrc(value, &ssrc);
    sdp_read_ssrc_group(value, &ssrc_group);
    sdp_read_rid(value, &rid);
    sdp_read_simulcast(value, &simulcast);
    sdp_read_rid_restrictions(value, &restrictions);
    sdp_read_connection(value, &connection);
    sdp_read_tls_id(value);
    sdp_read_ice_pacing(value, &number);
    sdp_read_h264(value, &h264);
    for (struct sdp_view rest = value; sdp_remote_candidate_next(&rest, &candidate);)
        continue;
    sdp_read_packet_time(value, &number);
    sdp_read_bandwidth(value, &bandwidth);
    sdp_read_sctp_port(value, &port);
    sdp_read_max_message_size(value, &size);
    sdp_read_number(value, UINT32_MAX, &number);
}

static size_t read_lines(struct sdp_walk walk) {
    struct sdp_walk attributes = walk;
    struct sdp_line line;
    struct sdp_attribute attribute;
    size_t lines = 0;
    size_t count = 0;
    while (sdp_walk_line(&walk, &line))
        lines += line.type == 'a';
    while (sdp_walk_attribute(&attributes, &attribute)) {
        read_every_way(attribute.value);
        count++;
    }
    assert_int_equal(lines, count);
    return count;
}

int read_everything(const char *text, size_t length) {
    struct parsed parsed = parse_text(text, length);
    int error = parsed.error;
    if (error == SDP_OK) {
        assert_int_equal(read_lines(sdp_walk_header(parsed.session)), parsed.session->header_attribute_count);
        for (size_t i = 0; i < parsed.session->section_count; i++) {
            struct sdp_codec codecs[SDP_CODEC_MAX];
            const struct sdp_section *section = &parsed.session->sections[i];
            assert_int_equal(read_lines(sdp_walk_section(section)), section->attribute_count);
            assert_true(sdp_section_codecs(section, codecs) <= section->format_count);
            sdp_section_direction(parsed.session, section);
        }
        char *buffer = malloc(2 * length + 1);
        int written = sdp_write(parsed.session, buffer, 2 * length + 1);
        assert_true(written >= (int)length);
        free(buffer);
    }
    parsed_free(&parsed);
    return error;
}

static const struct sdp_local_extension extensions[] = {
    {"urn:ietf:params:rtp-hdrext:sdes:mid", 1},
    {"http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time", 2},
};

void ours_begin(struct ours *ours) {
    static const char *const streams[] = {"stream"};
    memset(ours, 0, sizeof *ours);
    ours->audio[0] = sdp_codec_make(SDP_CODEC_OPUS, 111, "minptime=10;useinbandfec=1", SDP_FEEDBACK_TRANSPORT_CC);
    ours->audio[1] = sdp_codec_make(SDP_CODEC_PCMU, 0, NULL, 0);
    ours->video[0] = sdp_codec_make(SDP_CODEC_VP8, 96, NULL, SDP_FEEDBACK_NACK | SDP_FEEDBACK_NACK_PLI | SDP_FEEDBACK_CCM_FIR);
    ours->video[1] = sdp_codec_make(SDP_CODEC_RTX, 97, "apt=96", 0);
    ours->transport = (struct sdp_local_transport){.ice_ufrag = "us+1", .ice_pwd = "abcdefghijklmnopqrstuv", .fingerprint_hash = "sha-256",
                                                   .fingerprint_value = &FINGERPRINT[8], .setup = SDP_SETUP_ACTIVE};
    ours->sections[0] = (struct sdp_local_section){.media = SDP_MEDIA_AUDIO, .mid = "0", .transport = &ours->transport,
                                                   .direction = SDP_DIRECTION_SEND_RECEIVE, .codecs = ours->audio, .codec_count = 2,
                                                   .extensions = extensions, .extension_count = 2, .stream_ids = streams, .stream_count = 1,
                                                   .track_id = "audio-track", .ssrc = 1001, .cname = "us"};
    ours->sections[1] = (struct sdp_local_section){.media = SDP_MEDIA_VIDEO, .mid = "1", .transport = &ours->transport,
                                                   .direction = SDP_DIRECTION_SEND_RECEIVE, .codecs = ours->video, .codec_count = 2,
                                                   .extensions = extensions, .extension_count = 2, .stream_ids = streams, .stream_count = 1,
                                                   .track_id = "video-track", .ssrc = 2001, .rtx_ssrc = 2002, .cname = "us"};
    ours->data = (struct sdp_local_section){.media = SDP_MEDIA_APPLICATION, .mid = "2", .transport = &ours->transport, .sctp_port = 5000,
                                            .max_message_size_bytes = 262144};
    ours->local = (struct sdp_local){.session_id = 4611731400430051336u, .session_version = 1, .sections = ours->sections, .section_count = 2};
}

void ours_with_every_codec(struct ours *ours) {
    const unsigned feedback = (1u << SDP_FEEDBACK_COUNT) - 1;
    const struct sdp_codec audio[] = {
        sdp_codec_make(SDP_CODEC_OPUS, 111, "minptime=10;useinbandfec=1", feedback), sdp_codec_make(SDP_CODEC_RED, 63, "111/111", 0),
        sdp_codec_make(SDP_CODEC_G722, 9, NULL, 0), sdp_codec_make(SDP_CODEC_PCMU, 0, NULL, 0), sdp_codec_make(SDP_CODEC_PCMA, 8, NULL, 0),
        sdp_codec_make(SDP_CODEC_COMFORT_NOISE, 13, NULL, 0), sdp_codec_make(SDP_CODEC_TELEPHONE_EVENT, 126, "0-15", 0)};
    const struct sdp_codec video[] = {
        sdp_codec_make(SDP_CODEC_VP8, 96, NULL, feedback), sdp_codec_make(SDP_CODEC_RTX, 97, "apt=96", 0),
        sdp_codec_make(SDP_CODEC_VP9, 98, "profile-id=0", feedback), sdp_codec_make(SDP_CODEC_RTX, 99, "apt=98", 0),
        sdp_codec_make(SDP_CODEC_VP9, 100, "profile-id=2", feedback), sdp_codec_make(SDP_CODEC_RTX, 101, "apt=100", 0),
        sdp_codec_make(SDP_CODEC_H264, 102, "packetization-mode=1;profile-level-id=42e028", feedback), sdp_codec_make(SDP_CODEC_RTX, 103, "apt=102", 0),
        sdp_codec_make(SDP_CODEC_H264, 104, "level-asymmetry-allowed=1;packetization-mode=0;profile-level-id=42001f", feedback),
        sdp_codec_make(SDP_CODEC_H264, 106, "packetization-mode=1;profile-level-id=640c34", feedback),
        sdp_codec_make(SDP_CODEC_H264, 108, NULL, feedback), sdp_codec_make(SDP_CODEC_AV1, 45, "level-idx=5;profile=0;tier=0", feedback),
        sdp_codec_make(SDP_CODEC_RTX, 46, "apt=45", 0), sdp_codec_make(SDP_CODEC_RED, 118, NULL, 0), sdp_codec_make(SDP_CODEC_RTX, 119, "apt=118", 0),
        sdp_codec_make(SDP_CODEC_ULPFEC, 120, NULL, 0), sdp_codec_make(SDP_CODEC_FLEXFEC, 49, "repair-window=10000000", 0)};
    memcpy(ours->audio, audio, sizeof audio);
    memcpy(ours->video, video, sizeof video);
    /* RFC 2198: what protects video runs at its clock. */
    ours->video[13].clock_hz = 90000;
    ours->video[13].channels = 1;
    ours->sections[0].codec_count = COUNT(audio);
    ours->sections[1].codec_count = COUNT(video);
}

void ours_answer(struct ours *ours, const struct sdp_session *offer) {
    ours->answer = ours->local;
    ours->answer.sections = ours->answers;
    ours->answer.section_count = offer->section_count;
    for (size_t i = 0; i < offer->section_count; i++) {
        switch (sdp_section_media(&offer->sections[i])) {
        case SDP_MEDIA_AUDIO: ours->answers[i] = ours->sections[0]; break;
        case SDP_MEDIA_VIDEO: ours->answers[i] = ours->sections[1]; break;
        case SDP_MEDIA_APPLICATION: ours->answers[i] = ours->data; break;
        case SDP_MEDIA_OTHER: ours->answers[i] = (struct sdp_local_section){.media = SDP_MEDIA_OTHER, .refused = true}; break;
        }
        ours->transports[i] = ours->transport;
        snprintf(ours->ufrags[i], sizeof ours->ufrags[i], "us+%u", (unsigned)i % 1000 + 1);
        ours->transports[i].ice_ufrag = ours->ufrags[i];
        ours->answers[i].transport = &ours->transports[i];
    }
}

static int by_name(const void *a, const void *b) {
    return strcmp(*(char *const *)a, *(char *const *)b);
}

size_t for_each_file(const char *folder, void (*visit)(const char *name, const char *text, size_t length)) {
    const char *corpora = getenv("STRATA_CORPORA");
    char path[1024];
    char *names[512];
    size_t count = 0;
    snprintf(path, sizeof path, "%s/%s", corpora == NULL ? "" : corpora, folder);
    DIR *directory = corpora == NULL ? NULL : opendir(path);
    if (directory == NULL)
        return 0;
    for (struct dirent *entry; (entry = readdir(directory)) != NULL;)
        if (entry->d_name[0] != '.') {
            assert_true(count < COUNT(names));
            names[count++] = strdup(entry->d_name);
        }
    closedir(directory);
    qsort(names, count, sizeof names[0], by_name);
    for (size_t i = 0; i < count; i++) {
        static char text[512 * 1024];
        snprintf(path, sizeof path, "%s/%s/%s", corpora, folder, names[i]);
        FILE *file = fopen(path, "rb");
        assert_non_null(file);
        size_t length = fread(text, 1, sizeof text, file);
        fclose(file);
        visit(names[i], text, length);
        free(names[i]);
    }
    return count;
}

void append_text(char *text, size_t capacity, const char *more) {
    size_t length = strlen(text), added = strlen(more);
    assert_true(added < capacity - length);
    memcpy(text + length, more, added + 1);
}
