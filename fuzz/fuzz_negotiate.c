/* links: sdp */
/*
 * Two texts, separated by a NUL: an offer, and perhaps an answer. Whatever parses as an offer gets our answer, which
 * parses, has the offer's shape, and negotiates to the same from both ends. The two texts are negotiated as they are, too,
 * and each pair of their codec lists explained. From what was offered we make an offer of our own.
 */
#include <stdlib.h>
#include <string.h>

#include "sdp/negotiate.h"

#define OURS_MAX 16 /* sections of the offer that we make from theirs */

/* Holds with -DNDEBUG too. */
#define MUST(condition)       \
    do {                      \
        if (!(condition))     \
            __builtin_trap(); \
    } while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct sdp_session offer;
static struct sdp_session answer;
static struct sdp_negotiated ours;
static struct sdp_negotiated theirs;
static char text[2 * SDP_TEXT_MAX_BYTES];

static int answer_it(enum sdp_refusal *refusals) {
    static const struct sdp_local_extension extensions[] = {{"urn:ietf:params:rtp-hdrext:sdes:mid", 1},
                                                            {"http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time", 2}};
    const struct sdp_codec audio[] = {sdp_codec_make(SDP_CODEC_OPUS, 111, "minptime=10", SDP_FEEDBACK_TRANSPORT_CC),
                                      sdp_codec_make(SDP_CODEC_RED, 63, "111/111", 0), sdp_codec_make(SDP_CODEC_PCMU, 0, NULL, 0),
                                      sdp_codec_make(SDP_CODEC_TELEPHONE_EVENT, 126, NULL, 0)};
    const struct sdp_codec video[] = {sdp_codec_make(SDP_CODEC_VP8, 96, NULL, 31), sdp_codec_make(SDP_CODEC_RTX, 97, "apt=96", 0),
                                      sdp_codec_make(SDP_CODEC_H264, 102, "packetization-mode=1;profile-level-id=42e01f", 31),
                                      sdp_codec_make(SDP_CODEC_VP9, 98, "profile-id=0", 31)};
    const struct sdp_local_transport transport = {.ice_ufrag = "abcd", .ice_pwd = "abcdefghijklmnopqrstuv", .fingerprint_hash = "sha-256",
                                                  .fingerprint_value = "AB:CD", .setup = SDP_SETUP_ACTIVE};
    const struct sdp_local_section of_kind[] = {
        [SDP_MEDIA_AUDIO] = {.media = SDP_MEDIA_AUDIO, .transport = &transport, .direction = SDP_DIRECTION_SEND_RECEIVE, .codecs = audio,
                             .codec_count = 4, .extensions = extensions, .extension_count = 2, .track_id = "a", .ssrc = 1, .cname = "c"},
        [SDP_MEDIA_VIDEO] = {.media = SDP_MEDIA_VIDEO, .transport = &transport, .direction = SDP_DIRECTION_SEND_RECEIVE, .codecs = video,
                             .codec_count = 4, .extensions = extensions, .extension_count = 2, .track_id = "v", .ssrc = 2, .rtx_ssrc = 3, .cname = "c"},
        [SDP_MEDIA_APPLICATION] = {.media = SDP_MEDIA_APPLICATION, .transport = &transport, .sctp_port = 5000},
        [SDP_MEDIA_OTHER] = {.media = SDP_MEDIA_OTHER, .refused = true},
    };
    static struct sdp_local_section sections[SDP_SECTION_MAX];
    for (size_t i = 0; i < offer.section_count; i++) {
        sections[i] = of_kind[sdp_section_media(&offer.sections[i])];
        /* The offer's own length makes some leave their BUNDLE, and some stop. */
        sections[i].unbundled = offer.text.length % 7 == i + 1;
        sections[i].refused = sections[i].refused || offer.text.length % 11 == i + 1;
    }
    const struct sdp_local local = {.session_id = 1, .session_version = 1, .sections = sections, .section_count = offer.section_count};
    return sdp_write_answer(&local, &offer, text, sizeof text, refusals);
}

static void check_transport(const struct sdp_negotiated_transport *transport, size_t section_count) {
    MUST(transport->local_setup == SDP_SETUP_ACTIVE || transport->local_setup == SDP_SETUP_PASSIVE);
    MUST(transport->remote_fingerprint_count >= 1 && transport->remote_fingerprint_count <= SDP_NEGOTIATED_FINGERPRINT_MAX);
    MUST(transport->remote_ufrag.length >= 4 && transport->remote_pwd.length >= 22 && transport->local_ufrag.length >= 4);
    MUST(transport->section < section_count);
}

static void check_codecs(const struct sdp_negotiated *negotiated, const struct sdp_negotiated_section *section) {
    bool media = false;
    MUST(section->codec_count > 0 && section->first_codec + section->codec_count <= negotiated->codec_count);
    for (size_t j = 0; j < section->codec_count; j++) {
        const struct sdp_negotiated_codec *codec = &negotiated->codecs[section->first_codec + j];
        MUST(codec->send_payload_type <= 127 && codec->receive_payload_type <= 127 && codec->clock_hz > 0 && codec->id != SDP_CODEC_UNKNOWN);
        media = media || sdp_codec_is_media(codec->id);
    }
    MUST(media);
}

static void check(const struct sdp_negotiated *negotiated) {
    size_t agreed = 0;
    bool carries[SDP_NEGOTIATED_TRANSPORT_MAX] = {false};
    MUST(negotiated->section_count <= SDP_SECTION_MAX && negotiated->codec_count <= SDP_NEGOTIATED_CODEC_MAX);
    MUST(negotiated->transport_count <= SDP_NEGOTIATED_TRANSPORT_MAX);
    for (size_t i = 0; i < negotiated->transport_count; i++)
        check_transport(&negotiated->transports[i], negotiated->section_count);
    for (size_t i = 0; i < negotiated->section_count; i++) {
        const struct sdp_negotiated_section *section = &negotiated->sections[i];
        if (section->refusal != SDP_REFUSAL_NONE)
            continue;
        agreed++;
        MUST(section->transport < negotiated->transport_count);
        carries[section->transport] = true;
        if (section->media == SDP_MEDIA_APPLICATION)
            MUST(section->remote_sctp_port != 0 && section->codec_count == 0);
        else
            check_codecs(negotiated, section);
        for (size_t j = 0; j < SDP_EXTENSION_COUNT; j++)
            MUST(section->extensions[j] <= 14);
    }
    for (size_t i = 0; i < negotiated->transport_count; i++)
        MUST(carries[i]);
    MUST(agreed == negotiated->agreed_count);
}

/* Seen from the other end, send is receive. */
static void check_mirror(void) {
    MUST(ours.agreed_count == theirs.agreed_count && ours.codec_count == theirs.codec_count && ours.transport_count == theirs.transport_count);
    for (size_t i = 0; i < ours.transport_count; i++)
        MUST(ours.transports[i].section == theirs.transports[i].section && ours.transports[i].local_setup != theirs.transports[i].local_setup);
    for (size_t i = 0; i < ours.codec_count; i++)
        MUST(ours.codecs[i].send_payload_type == theirs.codecs[i].receive_payload_type && ours.codecs[i].feedback == theirs.codecs[i].feedback);
    for (size_t i = 0; i < ours.section_count; i++)
        if (ours.sections[i].refusal == SDP_REFUSAL_NONE)
            MUST(ours.sections[i].direction == sdp_direction_reverse(theirs.sections[i].direction));
}

static void answer_the_offer(void) {
    enum sdp_refusal refusals[SDP_SECTION_MAX];
    size_t accepted = 0;
    int length = answer_it(refusals);
    if (length == SDP_ERROR_BUFFER)
        return; /* an offer near the limit of 256 KiB */
    MUST(length > 0 && sdp_parse(text, (size_t)length, &answer, NULL) == SDP_OK);
    MUST(answer.section_count == offer.section_count);
    for (size_t i = 0; i < offer.section_count; i++) {
        MUST((refusals[i] == SDP_REFUSAL_NONE) == (answer.sections[i].port != 0));
        MUST(sdp_refusal_text(refusals[i])[0] != '\0');
        MUST(sdp_view_equal(answer.sections[i].mid, offer.sections[i].mid));
        accepted += refusals[i] == SDP_REFUSAL_NONE;
    }
    int error = sdp_negotiate(&answer, &offer, false, &ours, NULL);
    if (error == SDP_ERROR_LIMIT)
        return; /* more fingerprints, or transports, than we look at */
    MUST(error == SDP_OK && ours.agreed_count == accepted);
    check(&ours);
    MUST(sdp_negotiate(&offer, &answer, true, &theirs, NULL) == SDP_OK);
    check(&theirs);
    check_mirror();
}

/* ---- an offer of ours, made of theirs ------------------------------------------------------------------------------ */

static char offer_text[2 * SDP_TEXT_MAX_BYTES];
static struct sdp_session of_ours;

/* Copies words into NUL-terminated strings; those that do not fit stay empty, and are refused. */
static void copy_word(struct sdp_view view, char *out, size_t capacity) {
    size_t length = view.length < capacity ? view.length : 0;
    if (length > 0)
        memcpy(out, view.text, length);
    out[length] = '\0';
}

static void describe(const struct sdp_section *section, size_t variant, struct sdp_local_section *out) {
    static struct sdp_codec codecs[OURS_MAX][SDP_CODEC_MAX];
    static struct sdp_local_extension extensions[OURS_MAX][16];
    static char uris[OURS_MAX][16][64];
    static char mids[OURS_MAX][32];
    static const char *const streams[] = {"s", "t"};
    struct sdp_walk walk = sdp_walk_section(section);
    struct sdp_attribute attribute;
    struct sdp_extmap extmap;
    size_t i = section->index;
    copy_word(section->mid, mids[i], sizeof mids[i]);
    *out = (struct sdp_local_section){.media = sdp_section_media(section), .mid = mids[i], .direction = SDP_DIRECTION_SEND_RECEIVE, .codecs = codecs[i],
                                      .extensions = extensions[i], .stream_ids = streams, .stream_count = variant % 3, .track_id = "t", .ssrc = 1,
                                      .rtx_ssrc = variant % 5 == 0 ? 2 : 0, .cname = "c", .sctp_port = 5000, .max_message_size_bytes = variant};
    out->codec_count = sdp_section_codecs(section, codecs[i]);
    while (sdp_walk_attribute_of(&walk, SDP_ATTRIBUTE_EXTMAP, &attribute) && out->extension_count < 16)
        if (sdp_read_extmap(attribute.value, &extmap)) {
            copy_word(extmap.uri, uris[i][out->extension_count], sizeof uris[i][0]);
            extensions[i][out->extension_count] = (struct sdp_local_extension){uris[i][out->extension_count], (uint8_t)extmap.id};
            out->extension_count++;
        }
    out->refused = section->port == 0 || out->media == SDP_MEDIA_OTHER;
    out->bundle_only = i > 0 && variant % 2 == 1;
    out->unbundled = variant % 7 == i;
}

/* What is out of range is refused, and writes nothing that could be taken for an offer. */
static void break_one(const struct sdp_local *good, size_t variant) {
    static const char *const bad_candidates[] = {"candidate:1\r\na=x"};
    static const char *const bad_streams[] = {"a b"};
    struct sdp_local_section section = good->sections[0];
    struct sdp_local_transport transport = *section.transport;
    struct sdp_local_extension extension = {"urn:x", 15};
    struct sdp_codec codec = sdp_codec_make(SDP_CODEC_VP8, 96, NULL, 0);
    struct sdp_local bad = {.session_id = 1, .sections = &section, .section_count = 1};
    section.transport = &transport;
    switch (variant % 14) {
    case 0: transport.ice_ufrag = "abc"; break;
    case 1: transport.ice_pwd = "a:b"; break;
    case 2: transport.fingerprint_value = "A B"; break;
    case 3: transport.candidates = bad_candidates; transport.candidate_count = 1; break;
    case 4: section.mid = "a b"; break;
    case 5: section.cname = "c\n"; break;
    case 6: section.track_id = ""; break;
    case 7: section.stream_ids = bad_streams; section.stream_count = 1; break;
    case 8: section.extensions = &extension; section.extension_count = 1; break;
    case 9: section.extension_count = SDP_LOCAL_EXTENSION_MAX + 1; break;
    case 10: section.codec_count = 0; break;
    case 11: codec.payload_type = 128; section.codecs = &codec; section.codec_count = 1; break;
    case 12: codec.clock_hz = 0; section.codecs = &codec; section.codec_count = 1; break;
    default: bad.session_id = UINT64_MAX; break;
    }
    if (section.media == SDP_MEDIA_AUDIO && !section.refused && !section.bundle_only)
        MUST(sdp_write_offer(&bad, offer_text, sizeof offer_text) == SDP_ERROR_ARGUMENT);
}

/* Whatever we may write is a description, and its own successor; negotiated with the answer, it is in order. */
static void offer_in_turn(void) {
    static const char *const candidates[] = {"candidate:1 1 udp 1 192.0.2.1 5000 typ host"};
    static struct sdp_local_transport transports[2];
    static struct sdp_local_section sections[OURS_MAX];
    size_t variant = offer.text.length;
    size_t tagged[SDP_SECTION_MAX];
    if (offer.section_count > OURS_MAX)
        return;
    for (size_t i = 0; i < 2; i++)
        transports[i] = (struct sdp_local_transport){.ice_ufrag = i == 0 ? "abcd" : "efgh", .ice_pwd = "abcdefghijklmnopqrstuv", .fingerprint_hash = "sha-256",
                                                     .fingerprint_value = "AB:CD", .setup = (enum sdp_setup)(variant % 4),
                                                     .candidates = candidates, .candidate_count = variant % 2, .end_of_candidates = variant % 2 == 1};
    for (size_t i = 0; i < offer.section_count; i++) {
        describe(&offer.sections[i], variant, &sections[i]);
        sections[i].transport = &transports[i % 2];
    }
    const struct sdp_local local = {.session_id = 1, .session_version = 1, .ice_lite = variant % 13 == 0, .sections = sections, .section_count = offer.section_count};
    if (offer.section_count > 0)
        break_one(&local, variant);
    int length = sdp_write_offer(&local, offer_text, sizeof offer_text);
    if (length < 0)
        return;
    MUST(sdp_parse(offer_text, (size_t)length, &of_ours, NULL) == SDP_OK && of_ours.section_count == offer.section_count);
    MUST(sdp_check_successor(&of_ours, NULL, &of_ours, NULL) == SDP_OK);
    sdp_bundle_tags(&of_ours, tagged);
    for (size_t i = 0; i < of_ours.section_count; i++)
        MUST(tagged[tagged[i]] == tagged[i]);
}

/* Why each codec is, or is not, agreed can be said of any two lists. */
static void explain(const struct sdp_section *one, const struct sdp_section *two) {
    static struct sdp_codec a[SDP_CODEC_MAX];
    static struct sdp_codec b[SDP_CODEC_MAX];
    static struct sdp_codec_verdict verdicts[SDP_CODEC_VERDICT_MAX];
    char why[SDP_CODEC_EXPLANATION_BYTES];
    size_t matched;
    size_t a_count = sdp_section_codecs(one, a);
    size_t b_count = sdp_section_codecs(two, b);
    struct sdp_h264_format format;
    for (size_t i = 0; i < a_count; i++)
        if (a[i].id == SDP_CODEC_H264 && sdp_read_h264(a[i].parameters, &format))
            MUST(sdp_h264_profile_name(format.profile)[0] != '\0');
    size_t count = sdp_codec_intersect(a, a_count, b, b_count, verdicts, &matched);
    MUST(count == a_count + b_count - matched);
    for (size_t i = 0; i < count; i++) {
        memset(why, 1, sizeof why);
        sdp_codec_explain(a, b, &verdicts[i], why, sizeof why);
        MUST(memchr(why, '\0', sizeof why) != NULL && why[0] != '\0');
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    const uint8_t *nul = size == 0 ? NULL : memchr(data, '\0', size);
    size_t first = nul == NULL ? size : (size_t)(nul - data);
    char *one = malloc(first + 1);
    MUST(one != NULL);
    memcpy(one, data, first);
    if (sdp_parse(one, first, &offer, NULL) == SDP_OK) {
        answer_the_offer();
        MUST(sdp_check_successor(&offer, NULL, &offer, NULL) == SDP_OK);
        offer_in_turn();
        if (nul != NULL && sdp_parse((const char *)nul + 1, size - first - 1, &answer, NULL) == SDP_OK) {
            sdp_check_successor(&offer, &offer, &answer, NULL);
            for (size_t i = 0; i < 8 && i < offer.section_count && i < answer.section_count; i++)
                explain(&offer.sections[i], &answer.sections[i]);
            for (int local_is_offer = 0; local_is_offer < 2; local_is_offer++)
                if (sdp_negotiate(&offer, &answer, local_is_offer == 1, &ours, NULL) == SDP_OK)
                    check(&ours);
        }
    }
    free(one);
    return 0;
}
