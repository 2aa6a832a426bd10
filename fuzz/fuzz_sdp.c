/* links: sdp */
/*
 * Any text: parse; walk and read every line in every way; write it back, and find the same bytes; parse what was written,
 * and find the same model; edit one line, and find all others untouched. A refusal names a place inside the text.
 */
#include <stdlib.h>
#include <string.h>

#include "sdp/negotiate.h"

/* Holds with -DNDEBUG too. */
#define MUST(condition)       \
    do {                      \
        if (!(condition))     \
            __builtin_trap(); \
    } while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char written[2 * SDP_TEXT_MAX_BYTES];
static char again[2 * SDP_TEXT_MAX_BYTES];
static struct sdp_session session;
static struct sdp_session reparsed;

static void inside(struct sdp_view view, const uint8_t *data, size_t size) {
    if (view.length > 0)
        MUST(view.text >= (const char *)data && view.text + view.length <= (const char *)data + size);
}

/* Lists are walked to their end, and no further than there are characters. */
static void read_simulcast(struct sdp_view value) {
    struct sdp_simulcast simulcast;
    struct sdp_simulcast_alternative alternative;
    struct sdp_rid rid;
    struct sdp_rid_restrictions restrictions;
    struct sdp_view stream;
    uint8_t payload_type;
    size_t steps = 0;
    if (sdp_read_simulcast(value, &simulcast))
        for (struct sdp_view list = simulcast.send.length > 0 ? simulcast.send : simulcast.receive; sdp_simulcast_stream_next(&list, &stream);)
            while (sdp_simulcast_alternative_next(&stream, &alternative))
                MUST(alternative.rid.length > 0 && ++steps <= value.length);
    if (sdp_read_rid(value, &rid) && sdp_read_rid_restrictions(rid.restrictions, &restrictions))
        while (sdp_rid_payload_type_next(&restrictions.payload_types, &payload_type))
            MUST(payload_type <= SDP_PAYLOAD_TYPE_MAX && ++steps <= value.length);
}

static void read_remote_candidates(struct sdp_view value) {
    struct sdp_remote_candidate candidate;
    size_t steps = 0;
    while (sdp_remote_candidate_next(&value, &candidate))
        MUST(candidate.address.length > 0 && candidate.component <= 256 && ++steps <= SDP_TEXT_MAX_BYTES);
}

static void read_every_way(struct sdp_view value) {
    union {
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
        struct sdp_h264_format h264;
        uint16_t u16;
        uint32_t u32;
        uint64_t u64;
    } out;
    sdp_read_group(value, &out.group);
    sdp_read_ice_ufrag(value);
    sdp_read_ice_pwd(value);
    sdp_ice_options_have(value, "trickle");
    sdp_read_fingerprint(value, &out.fingerprint);
    sdp_read_setup(value, &out.setup);
    sdp_read_rtcp(value, &out.rtcp);
    if (sdp_read_rtpmap(value, &out.rtpmap))
        MUST(out.rtpmap.payload_type <= SDP_PAYLOAD_TYPE_MAX && out.rtpmap.clock_hz > 0 && out.rtpmap.channels > 0);
    if (sdp_read_fmtp(value, &out.fmtp))
        MUST(out.fmtp.payload_type <= SDP_PAYLOAD_TYPE_MAX);
    sdp_parameter_number(value, "apt", 0);
    sdp_read_rtcp_fb(value, &out.feedback);
    if (sdp_read_extmap(value, &out.extmap))
        MUST(out.extmap.id >= 1 && out.extmap.id <= 4351);
    sdp_read_msid(value, &out.msid);
    sdp_read_ssrc(value, &out.ssrc);
    sdp_read_ssrc_group(value, &out.ssrc_group);
    read_simulcast(value);
    sdp_read_connection(value, &out.connection);
    sdp_read_tls_id(value);
    sdp_read_ice_pacing(value, &out.u32);
    if (sdp_read_h264(value, &out.h264))
        MUST(out.h264.packetization_mode <= 2 && out.h264.profile <= SDP_H264_PROFILE_OTHER);
    read_remote_candidates(value);
    sdp_read_bandwidth(value, &out.bandwidth);
    sdp_read_packet_time(value, &out.u32);
    sdp_read_sctp_port(value, &out.u16);
    sdp_read_max_message_size(value, &out.u64);
}

static size_t read_level(struct sdp_walk walk) {
    struct sdp_attribute attribute;
    struct sdp_view candidate;
    for (struct sdp_walk candidates = walk; sdp_walk_candidate(&candidates, &candidate);)
        MUST(candidate.length >= strlen("candidate:") && memcmp(candidate.text, "candidate:", strlen("candidate:")) == 0);
    size_t count = 0;
    while (sdp_walk_attribute(&walk, &attribute)) {
        read_every_way(attribute.value);
        count++;
    }
    return count;
}

static void read_all(void) {
    struct sdp_codec codecs[SDP_CODEC_MAX];
    struct sdp_rid rid;
    MUST(read_level(sdp_walk_header(&session)) == session.header_attribute_count);
    for (size_t i = 0; i < session.section_count; i++) {
        const struct sdp_section *section = &session.sections[i];
        MUST(read_level(sdp_walk_section(section)) == section->attribute_count);
        size_t count = sdp_section_codecs(section, codecs);
        MUST(count <= SDP_CODEC_MAX && count <= section->format_count);
        MUST(sdp_section_direction(&session, section) <= SDP_DIRECTION_SEND_RECEIVE);
        MUST(sdp_direction_reverse(sdp_direction_reverse(sdp_section_direction(&session, section))) == sdp_section_direction(&session, section));
        sdp_section_allows_mixed(&session, section);
        sdp_section_find_rid(section, section->mid, SDP_DIRECTION_SEND, &rid);
        if (section->mid.length > 0)
            MUST(sdp_session_find_mid(&session, section->mid) == section);
    }
}

static void write_back(const uint8_t *data, size_t size) {
    int length = sdp_write(&session, written, sizeof written);
    MUST(length >= 0 && (size_t)length >= size);
    size_t at = 0;
    for (size_t i = 0; i < size; i++) {
        if (data[i] == '\n' && (i == 0 || data[i - 1] != '\r'))
            MUST(written[at++] == '\r');
        MUST(written[at++] == (char)data[i]);
    }
    MUST(at == (size_t)length);
    if ((size_t)length > SDP_TEXT_MAX_BYTES)
        return;
    MUST(sdp_parse(written, (size_t)length, &reparsed, NULL) == SDP_OK);
    MUST(reparsed.section_count == session.section_count && reparsed.header_attribute_count == session.header_attribute_count);
    MUST(sdp_write(&reparsed, again, sizeof again) == length && memcmp(again, written, (size_t)length) == 0);
}

static void edit(void) {
    size_t index = session.section_count == 0 ? SDP_SESSION_LEVEL : session.section_count - 1;
    bool there = sdp_edit_remove(&session, index, "x-fuzz", again, sizeof again) != SDP_ERROR_NOT_FOUND;
    int length = sdp_edit_add(&session, index, "x-fuzz", "1", again, sizeof again);
    MUST(length > 0);
    if ((size_t)length > SDP_TEXT_MAX_BYTES || sdp_parse(again, (size_t)length, &reparsed, NULL) != SDP_OK)
        return; /* one attribute, or some bytes, too many */
    int replaced = sdp_edit_replace(&reparsed, index, "x-fuzz", "2", written, sizeof written);
    MUST(there ? replaced > 0 : replaced == length);
    /* Taken away again, the text is what it was, but for the end of its last line. */
    length = sdp_edit_remove(&reparsed, index, "x-fuzz", written, sizeof written);
    MUST(length >= 0 && (there || (length >= (int)session.text.length && length <= 2 + 2 * (int)session.text.length)));
    MUST(sdp_edit_add(&session, SDP_SECTION_MAX, "x", NULL, again, sizeof again) == SDP_ERROR_NOT_FOUND);
    MUST(sdp_edit_replace(&session, index, "x y", "1", again, sizeof again) == SDP_ERROR_ARGUMENT);
}

/* A description of its own: the same verdict, the same place. */
static void own(const char *text, size_t size, int expected, const struct sdp_problem *problem) {
    struct sdp_description *description = NULL;
    struct sdp_problem found = {0};
    int error = sdp_description_new(text, size, NULL, &description, &found);
    MUST(error == expected);
    if (error == SDP_OK)
        MUST(description->session.section_count == session.section_count && description->session.text.length == size);
    else
        MUST(found.line == problem->line && found.column == problem->column && found.rule == problem->rule);
    sdp_description_free(description);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct sdp_problem problem = {0};
    char *exact = malloc(size == 0 ? 1 : size);
    MUST(exact != NULL);
    memcpy(exact, data, size);
    int error = sdp_parse(exact, size, &session, &problem);
    own(exact, size, error, &problem);
    if (error != SDP_OK) {
        MUST(problem.rule != NULL);
        inside(problem.text, (const uint8_t *)exact, size);
    } else {
        read_all();
        write_back((const uint8_t *)exact, size);
        edit();
    }
    free(exact);
    return 0;
}
