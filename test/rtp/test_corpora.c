/* Foreign bytes: every file of the corpora, and a VP8 capture that must become whole frames. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "rtp/packet.h"
#include "rtp/rtcp.h"
#include "rtp/session.h"

static uint8_t *load(const char *folder, const char *name, size_t *length) {
    const char *root = getenv("STRATA_CORPORA");
    char path[1024];
    snprintf(path, sizeof path, "%s/%s/%s", root == NULL ? "" : root, folder, name);
    FILE *file = root == NULL ? NULL : fopen(path, "rb");
    if (file == NULL) {
        return NULL;
    }
    static uint8_t all[1 << 20];
    *length = fread(all, 1, sizeof all, file);
    fclose(file);
    uint8_t *exact = malloc(*length + (*length == 0));
    assert_non_null(exact);
    memcpy(exact, all, *length);
    return exact;
}

static DIR *open_folder(const char *folder) {
    const char *root = getenv("STRATA_CORPORA");
    char path[1024];
    snprintf(path, sizeof path, "%s/%s", root == NULL ? "/nonexistent" : root, folder);
    return opendir(path);
}

static void fixed_random(void *context, uint8_t *out, size_t length) {
    (void)context;
    memset(out, 1, length);
}

static int judge_vp8(const uint8_t *bytes, size_t length);

/* Parses or rejects, at every truncation of the first 64 bytes. */
static void every_file(const char *test, const char *folder, int (*judge)(const uint8_t *, size_t)) {
    DIR *directory = open_folder(folder);
    if (directory == NULL) {
        printf("SKIP: %s: corpora not present (set STRATA_CORPORA)\n", test);
        skip();
    }
    unsigned accepted = 0, files = 0;
    for (struct dirent *entry; (entry = readdir(directory)) != NULL;) {
        size_t length;
        uint8_t *bytes = entry->d_name[0] == '.' ? NULL : load(folder, entry->d_name, &length);
        if (bytes == NULL) {
            continue;
        }
        files++;
        accepted += judge(bytes, length) == RTP_OK;
        for (size_t cut = 0; cut < length && cut < 64; cut++) {
            uint8_t *copy = malloc(cut + 1);
            memcpy(copy + 1, bytes, cut);
            (void)judge(copy + 1, cut);
            free(copy);
        }
        free(bytes);
    }
    closedir(directory);
    /* Nearly any two bytes are a VP8 descriptor; RTP and RTCP have versions and lengths to be wrong. */
    assert_true(accepted > 0 && (judge == judge_vp8 || accepted < files));
}

static int judge_rtp(const uint8_t *bytes, size_t length) {
    struct rtp_packet packet;
    int error = rtp_packet_parse(bytes, length, &packet);
    struct rtp_extension extension = {0};
    while (error == RTP_OK && rtp_packet_next_extension(&packet, &extension)) {
        assert_true(extension.value + extension.length <= bytes + length);
    }
    return error;
}

static void rtp_files(void **state) {
    (void)state;
    every_file("rtp_files", "rtp", judge_rtp);
}

static void rtcp_files(void **state) {
    (void)state;
    every_file("rtcp_files", "rtcp", rtcp_compound_check);
}

static int judge_vp8(const uint8_t *bytes, size_t length) {
    struct rtp_payload payload;
    int error = rtp_payload_format(RTP_CODEC_VP8)->parse(bytes, length, &payload);
    assert_true(error != RTP_OK || (payload.length > 0 && payload.bytes + payload.length == bytes + length));
    return error;
}

static void depacket_files(void **state) {
    (void)state;
    every_file("depacket_files", "depacket", judge_vp8);
}

static uint32_t little(const uint8_t *at) {
    return (uint32_t)at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24;
}

/* The frames of a capture, counted two ways: by markers, with a parser of twenty lines of its own, and by the session. */
static void vp8_capture(void **state) {
    (void)state;
    size_t length;
    uint8_t *pcap = load("pcap", "str0m_vp8.pcap", &length);
    if (pcap == NULL) {
        printf("SKIP: vp8_capture: corpora not present (set STRATA_CORPORA)\n");
        skip();
    }
    struct rtp_session_config config = {.random = fixed_random};
    uint64_t now_us = 1000000;
    struct rtp_session *session = rtp_session_new(&config, now_us);
    struct rtp_payload_mapping mappings[RTP_RECEIVER_PAYLOAD_TYPES_MAX];
    for (uint8_t i = 0; i < 16; i++) {
        mappings[i] = (struct rtp_payload_mapping){(uint8_t)(96 + i), RTP_CODEC_VP8, 0};
    }
    struct rtp_receiver_config video = {.payload_types = mappings, .payload_type_count = 16};
    struct rtp_receiver *receiver;
    assert_int_equal(rtp_session_add_receiver(session, now_us, &video, &receiver), RTP_OK);
    unsigned markers = 0, frames = 0, packets = 0;
    size_t payload_bytes = 0, frame_bytes = 0;
    size_t link_bytes = little(pcap + 20) == 1 ? 14 : little(pcap + 20) == 113 ? 16 : little(pcap + 20) == 0 ? 4 : 0;
    for (size_t at = 24; length - at >= 16;) {
        size_t captured = little(pcap + at + 8);
        at += 16;
        const uint8_t *ip = pcap + at + link_bytes;
        size_t header = (size_t)(ip[0] & 15) * 4 + 8;
        size_t left = captured - link_bytes - header;
        at += captured;
        if (ip[0] >> 4 != 4 || ip[9] != 17) {
            continue;
        }
        const uint8_t *rtp = ip + header;
        markers += rtp[1] >> 7;
        packets++;
        struct rtp_packet packet;
        struct rtp_payload payload;
        assert_int_equal(rtp_packet_parse(rtp, left, &packet), RTP_OK);
        assert_int_equal(rtp_payload_format(RTP_CODEC_VP8)->parse(packet.payload, packet.payload_bytes, &payload), RTP_OK);
        payload_bytes += payload.length;
        (void)rtp_session_handle_rtp(session, now_us, rtp, left);
        struct rtp_event event;
        while (rtp_session_poll_event(session, now_us, &event)) {
            frames += event.type == RTP_EVENT_FRAME;
            frame_bytes += event.frame.length;
        }
        now_us += 1000;
    }
    printf("%u packets, %u markers, %u frames, %zu of %zu bytes\n", packets, markers, frames, frame_bytes, payload_bytes);
    assert_true(frames > 0);
    assert_int_equal(frames, markers);
    assert_int_equal(frame_bytes, payload_bytes);
    rtp_session_free(session);
    free(pcap);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rtp_files), cmocka_unit_test(rtcp_files), cmocka_unit_test(depacket_files), cmocka_unit_test(vp8_capture),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
