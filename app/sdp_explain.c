/*
 * sdp-explain: what an offer says, what an answer agreed to and why; sdp/ as a program.
 *
 *   sdp-explain OFFER [ANSWER]     sdp-explain --answer OFFER     sdp-explain --rewrite FILE      (- is stdin)
 *
 * Exit: 0; 14 nothing can be agreed; 64 usage; 65 not a description (line, text, rule); 66 no such file.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sdp/negotiate.h"

enum { EXIT_DISAGREE = 14, EXIT_USAGE = 64, EXIT_DATA = 65, EXIT_NO_INPUT = 66 };

#define SHOW(view) (int)(view).length, (view).length == 0 ? "" : (view).text

static char output[2 * SDP_TEXT_MAX_BYTES];
static struct sdp_negotiated negotiated;

static struct sdp_description *load(const char *path) {
    static char text[SDP_TEXT_MAX_BYTES + 1];
    struct sdp_description *description;
    struct sdp_problem problem;
    FILE *file = strcmp(path, "-") == 0 ? stdin : fopen(path, "rb");
    if (file == NULL) {
        fprintf(stderr, "sdp-explain: cannot open %s\n", path);
        exit(EXIT_NO_INPUT);
    }
    size_t length = fread(text, 1, sizeof text, file);
    if (file != stdin)
        fclose(file);
    int error = sdp_description_new(text, length, NULL, &description, &problem);
    if (error == SDP_ERROR_MEMORY)
        abort();
    if (error != SDP_OK) {
        fprintf(stderr, "%s:%zu:%zu: %s\n    %.*s\n", path, problem.line, problem.column, problem.rule, SHOW(problem.text));
        exit(EXIT_DATA);
    }
    return description;
}

/* ---- words --------------------------------------------------------------------------------------------------------- */

static void print_codec(const struct sdp_codec *codec) {
    printf("    %3u %.*s/%lu", codec->payload_type, SHOW(codec->name), (unsigned long)codec->clock_hz);
    if (codec->channels != 1)
        printf("/%u", codec->channels);
    if (codec->parameters.length > 0)
        printf("  %.*s", SHOW(codec->parameters));
    for (unsigned bit = 0; bit < SDP_FEEDBACK_COUNT; bit++)
        if (codec->feedback & 1u << bit)
            printf("%s%s", codec->feedback & ((1u << bit) - 1) ? ", " : "  [", sdp_feedback_name((enum sdp_feedback)(1u << bit)));
    printf("%s", codec->feedback != 0 ? "]" : "");
}

/* What the parameters of H264 stand for: they are the least readable of all. */
static void print_h264(const struct sdp_codec *codec) {
    struct sdp_h264_format format;
    if (codec->id != SDP_CODEC_H264 || !sdp_read_h264(codec->parameters, &format))
        return;
    if (format.level == SDP_H264_LEVEL_1B)
        printf("  (%s, level 1b)", sdp_h264_profile_name(format.profile));
    else
        printf("  (%s, level %u.%u)", sdp_h264_profile_name(format.profile), format.level / 10, format.level % 10);
}

static void print_codecs(const struct sdp_section *section) {
    struct sdp_codec codecs[SDP_CODEC_MAX];
    size_t count = sdp_section_codecs(section, codecs);
    printf("  codecs, the most wanted first:\n");
    for (size_t i = 0; i < count; i++) {
        print_codec(&codecs[i]);
        print_h264(&codecs[i]);
        printf("\n");
    }
    if (count < section->format_count)
        printf("    and %zu payload types without a name\n", section->format_count - count);
}

static void print_head(const struct sdp_session *session, const struct sdp_section *section) {
    printf("section %zu: %.*s, mid \"%.*s\", %.*s, port %u", section->index, SHOW(section->media), SHOW(section->mid), SHOW(section->protocol), section->port);
    if (sdp_section_media(section) != SDP_MEDIA_APPLICATION)
        printf(", %s", sdp_direction_name(sdp_section_direction(session, section)));
    printf("\n");
}

/* ---- one description ----------------------------------------------------------------------------------------------- */

static void print_found(const struct sdp_session *session, const struct sdp_section *section, enum sdp_attribute_kind kind, const char *label) {
    struct sdp_attribute attribute;
    if (sdp_find(session, section, kind, &attribute))
        printf("%s%.*s", label, SHOW(attribute.value));
}

static void print_transport(const struct sdp_session *session, const struct sdp_section *section) {
    struct sdp_walk walk = sdp_walk_section(section);
    struct sdp_view candidate;
    size_t candidates = 0;
    while (sdp_walk_candidate(&walk, &candidate))
        candidates++;
    printf("  transport:");
    print_found(session, section, SDP_ATTRIBUTE_ICE_UFRAG, " ICE user fragment ");
    print_found(session, section, SDP_ATTRIBUTE_ICE_OPTIONS, ", options ");
    printf(", %zu candidate%s", candidates, candidates == 1 ? "" : "s");
    print_found(session, section, SDP_ATTRIBUTE_SETUP, "; DTLS ");
    print_found(session, section, SDP_ATTRIBUTE_FINGERPRINT, ", certificate ");
    printf("\n");
}

static void print_extensions(const struct sdp_section *section) {
    struct sdp_walk walk = sdp_walk_section(section);
    struct sdp_attribute attribute;
    struct sdp_extmap extmap;
    while (sdp_walk_attribute_of(&walk, SDP_ATTRIBUTE_EXTMAP, &attribute))
        if (sdp_read_extmap(attribute.value, &extmap))
            printf("  header extension %u: %.*s%s%s\n", extmap.id, SHOW(extmap.uri), extmap.id > SDP_EXTMAP_ONE_BYTE_MAX ? ", two-byte form" : "",
                   extmap.direction == SDP_DIRECTION_SEND_RECEIVE ? "" : ", one way");
}

static void print_streams(const char *label, struct sdp_view list) {
    struct sdp_view stream;
    if (list.length == 0)
        return;
    printf("  simulcast, to %s:", label);
    while (sdp_simulcast_stream_next(&list, &stream))
        printf(" %.*s", SHOW(stream));
    printf("  (',' parts alternatives, '~' is paused)\n");
}

static void print_rest(const struct sdp_section *section) {
    struct sdp_attribute attribute;
    struct sdp_msid msid;
    struct sdp_simulcast simulcast;
    struct sdp_walk walk = sdp_walk_section(section);
    while (sdp_walk_attribute_of(&walk, SDP_ATTRIBUTE_MSID, &attribute))
        if (sdp_read_msid(attribute.value, &msid))
            printf("  track \"%.*s\" of stream \"%.*s\"\n", SHOW(msid.track), SHOW(msid.stream));
    if (sdp_section_find(section, SDP_ATTRIBUTE_SIMULCAST, &attribute) && sdp_read_simulcast(attribute.value, &simulcast)) {
        print_streams("send", simulcast.send);
        print_streams("receive", simulcast.receive);
    }
    if (sdp_section_find(section, SDP_ATTRIBUTE_SCTP_PORT, &attribute))
        printf("  SCTP port %.*s\n", SHOW(attribute.value));
    if (sdp_section_find(section, SDP_ATTRIBUTE_MAX_MESSAGE_SIZE, &attribute))
        printf("  messages of up to %.*s bytes\n", SHOW(attribute.value));
}

static void explain_offer(const struct sdp_session *session) {
    size_t tagged[SDP_SECTION_MAX];
    sdp_bundle_tags(session, tagged);
    for (size_t i = 0; i < session->section_count; i++) {
        const struct sdp_section *section = &session->sections[i];
        struct sdp_attribute attribute;
        print_head(session, section);
        if (section->port == 0 && !sdp_section_find(section, SDP_ATTRIBUTE_BUNDLE_ONLY, &attribute)) {
            printf("  refused: port 0 (RFC 3264 section 6)\n");
            continue;
        }
        if (tagged[i] == i)
            print_transport(session, section);
        else
            printf("  in the BUNDLE of section %zu%s\n", tagged[i], section->port == 0 ? ", or not at all (bundle-only)" : "");
        print_rest(section);
        print_extensions(section);
        if (sdp_section_media(section) != SDP_MEDIA_APPLICATION)
            print_codecs(section);
    }
}

/* ---- offer and answer ---------------------------------------------------------------------------------------------- */

static void explain_codecs(const struct sdp_section *offered, const struct sdp_section *answered) {
    struct sdp_codec of_offer[SDP_CODEC_MAX];
    struct sdp_codec of_answer[SDP_CODEC_MAX];
    struct sdp_codec_verdict verdicts[SDP_CODEC_VERDICT_MAX];
    char why[SDP_CODEC_EXPLANATION_BYTES];
    size_t matched;
    bool media = false;
    size_t answer_count = sdp_section_codecs(answered, of_answer);
    size_t count = sdp_codec_intersect(of_answer, answer_count, of_offer, sdp_section_codecs(offered, of_offer), verdicts, &matched);
    for (size_t i = 0; i < count; i++) {
        bool of_other = verdicts[i].preferred == SDP_CODEC_NONE;
        const struct sdp_codec *codec = of_other ? &of_offer[verdicts[i].other] : &of_answer[verdicts[i].preferred];
        if (i == 0 && matched > 0)
            printf("  agreed, in the answerer's order:\n");
        if (i == matched)
            printf("  dropped, and why (here is the answer, there the offer):\n");
        print_codec(codec);
        if (i < matched) {
            print_h264(codec);
            printf("%s\n", !media && sdp_codec_is_media(codec->id) ? "  <- what will be sent" : "");
            media = media || sdp_codec_is_media(codec->id);
            continue;
        }
        sdp_codec_explain(of_answer, of_offer, &verdicts[i], why, sizeof why);
        printf("\n        %s: %s\n", of_other ? "offered only" : "answered only", why);
    }
}

static void explain_section(const struct sdp_session *offer, const struct sdp_session *answer, const struct sdp_negotiated_section *section) {
    const struct sdp_section *offered = &offer->sections[section->index];
    print_head(offer, offered);
    if (section->refusal != SDP_REFUSAL_NONE)
        printf("  not agreed: %s\n", sdp_refusal_text(section->refusal));
    else if (section->media == SDP_MEDIA_APPLICATION)
        printf("  agreed: data channels over transport %zu, SCTP to port %u, messages of up to %llu bytes (0: any)\n", section->transport,
               section->remote_sctp_port, (unsigned long long)section->remote_max_message_size_bytes);
    else
        printf("  agreed: over transport %zu; the offerer is %s\n", section->transport, sdp_direction_name(section->direction));
    if (section->refusal != SDP_REFUSAL_NONE && section->refusal != SDP_REFUSAL_CODEC)
        return;
    if (section->media == SDP_MEDIA_AUDIO || section->media == SDP_MEDIA_VIDEO)
        explain_codecs(offered, &answer->sections[section->index]);
    for (unsigned i = 0; i < SDP_EXTENSION_COUNT; i++)
        if (section->extensions[i] != 0)
            printf("  header extension %u: %s\n", section->extensions[i], sdp_extension_uri((enum sdp_extension)i));
}

static int explain_agreement(const struct sdp_session *offer, const struct sdp_session *answer) {
    struct sdp_problem problem;
    int error = sdp_negotiate(offer, answer, true, &negotiated, &problem);
    if (error != SDP_OK) {
        fprintf(stderr, "sdp-explain: these two do not belong together: line %zu of the answer: %s\n", problem.line, problem.rule);
        return EXIT_DISAGREE;
    }
    for (size_t i = 0; i < negotiated.transport_count; i++) {
        const struct sdp_negotiated_transport *transport = &negotiated.transports[i];
        printf("transport %zu, carried by section %zu: the %s begins DTLS; %s\n", i, transport->section,
               transport->local_setup == SDP_SETUP_ACTIVE ? "offerer" : "answerer",
               transport->remote_trickle ? "candidates may follow (trickle)" : "the answer has all its candidates");
    }
    for (size_t i = 0; i < negotiated.section_count; i++)
        explain_section(offer, answer, &negotiated.sections[i]);
    if (negotiated.agreed_count > 0)
        return 0;
    fprintf(stderr, "sdp-explain: nothing is agreed: every section is refused\n");
    return EXIT_DISAGREE;
}

/* ---- what our defaults answer --------------------------------------------------------------------------------------- */

#define VIDEO_FEEDBACK (SDP_FEEDBACK_NACK_PLI | SDP_FEEDBACK_CCM_FIR)

/* The defaults of caller and callee. Data channels are refused, as they have none. */
static int write_default_answer(const struct sdp_session *offer, enum sdp_refusal *refusals) {
    static struct sdp_local_section sections[SDP_SECTION_MAX];
    struct sdp_codec audio[] = {sdp_codec_make(SDP_CODEC_OPUS, 111, "minptime=10;useinbandfec=1", 0), sdp_codec_make(SDP_CODEC_PCMU, 0, NULL, 0),
                                sdp_codec_make(SDP_CODEC_PCMA, 8, NULL, 0), sdp_codec_make(SDP_CODEC_TELEPHONE_EVENT, 110, NULL, 0),
                                sdp_codec_make(SDP_CODEC_TELEPHONE_EVENT, 126, NULL, 0)};
    const struct sdp_codec video[] = {sdp_codec_make(SDP_CODEC_VP8, 96, NULL, VIDEO_FEEDBACK), sdp_codec_make(SDP_CODEC_VP9, 98, "profile-id=0", VIDEO_FEEDBACK)};
    const struct sdp_local_extension extensions[] = {{sdp_extension_uri(SDP_EXTENSION_MID), 1}};
    /* No call is made: the credentials and the certificate are placeholders. */
    const struct sdp_local_transport transport = {
        .ice_ufrag = "explain0", .ice_pwd = "explainexplainexplain0", .fingerprint_hash = "sha-256",
        .fingerprint_value = "00:00:00:00:00:00:00:00:00:00:00:00:00:00:00:00:00:00:00:00:00:00:00:00:00:00:00:00:00:00:00:00",
        .setup = SDP_SETUP_ACTIVE};
    const struct sdp_local_section of_kind[] = {
        [SDP_MEDIA_AUDIO] = {.media = SDP_MEDIA_AUDIO, .transport = &transport, .direction = SDP_DIRECTION_SEND_RECEIVE, .codecs = audio,
                             .codec_count = sizeof audio / sizeof audio[0], .extensions = extensions, .extension_count = 1},
        [SDP_MEDIA_VIDEO] = {.media = SDP_MEDIA_VIDEO, .transport = &transport, .direction = SDP_DIRECTION_SEND_RECEIVE, .codecs = video,
                             .codec_count = sizeof video / sizeof video[0], .extensions = extensions, .extension_count = 1},
        [SDP_MEDIA_APPLICATION] = {.media = SDP_MEDIA_APPLICATION, .refused = true},
        [SDP_MEDIA_OTHER] = {.media = SDP_MEDIA_OTHER, .refused = true},
    };
    audio[3].clock_hz = 48000; /* RFC 4733 section 2.1: at the clock of the codec beside which it stands */
    for (size_t i = 0; i < offer->section_count; i++)
        sections[i] = of_kind[sdp_section_media(&offer->sections[i])];
    const struct sdp_local local = {.session_id = 1, .session_version = 1, .sections = sections, .section_count = offer->section_count};
    int length = sdp_write_answer(&local, offer, output, sizeof output, refusals);
    if (length < 0)
        abort();
    return length;
}

static int answer_by_default(const struct sdp_session *offer) {
    enum sdp_refusal refusals[SDP_SECTION_MAX];
    int length = write_default_answer(offer, refusals);
    int result = EXIT_DISAGREE;
    for (size_t i = 0; i < offer->section_count; i++)
        if (refusals[i] == SDP_REFUSAL_NONE)
            result = 0;
        else
            fprintf(stderr, "section %zu is refused: %s\n", i, sdp_refusal_text(refusals[i]));
    fwrite(output, 1, (size_t)length, stdout);
    return result;
}

static int rewrite(const struct sdp_session *session) {
    int length = sdp_write(session, output, sizeof output);
    if (length < 0)
        abort(); /* twice the longest text always suffices */
    fwrite(output, 1, (size_t)length, stdout);
    return 0;
}

int main(int argc, char **argv) {
    const char *mode = argc > 1 && strncmp(argv[1], "--", 2) == 0 ? argv[1] : "";
    int files = argc - (mode[0] == '\0' ? 1 : 2);
    const bool is_answer = strcmp(mode, "--answer") == 0;
    const bool is_rewrite = strcmp(mode, "--rewrite") == 0;
    if ((mode[0] != '\0' && !is_answer && !is_rewrite) || files < 1 || files > (mode[0] == '\0' ? 2 : 1)) {
        fprintf(stderr, "usage: sdp-explain OFFER [ANSWER] | --answer OFFER | --rewrite FILE   (- is stdin)\n");
        return EXIT_USAGE;
    }
    int result = 0;
    struct sdp_description *first = load(argv[argc - files]);
    struct sdp_description *second = files == 2 ? load(argv[argc - 1]) : NULL;
    if (is_rewrite)
        result = rewrite(&first->session);
    else if (is_answer)
        result = answer_by_default(&first->session);
    else if (second == NULL)
        explain_offer(&first->session);
    else
        result = explain_agreement(&first->session, &second->session);
    sdp_description_free(second);
    sdp_description_free(first);
    return fflush(stdout) == 0 ? result : EXIT_FAILURE;
}
