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

/* ---- what our defaults are ----------------------------------------------------------------------------------------- */

static int write_default_answer(const struct sdp_session *offer, enum sdp_refusal *refusals) {
    const unsigned feedback = SDP_FEEDBACK_NACK | SDP_FEEDBACK_NACK_PLI | SDP_FEEDBACK_CCM_FIR;
    const struct sdp_codec audio[] = {sdp_codec_make(SDP_CODEC_OPUS, 111, "minptime=10;useinbandfec=1", 0)};
    const struct sdp_codec video[] = {sdp_codec_make(SDP_CODEC_VP8, 96, NULL, feedback)};
    const struct sdp_local_extension extensions[] = {{sdp_extension_uri(SDP_EXTENSION_MID), 1}};
    /* No call is made: the credentials and the certificate are placeholders. */
    const struct sdp_local_transport transport = {
        .ice_ufrag = "explain0", .ice_pwd = "explainexplainexplain0", .fingerprint_hash = "sha-256",
        .fingerprint_value = "00:00:00:00:00:00:00:00:00:00:00:00:00:00:00:00:00:00:00:00:00:00:00:00:00:00:00:00:00:00:00:00",
        .setup = SDP_SETUP_ACTIVE};
    const struct sdp_local_section of_kind[] = {
        [SDP_MEDIA_AUDIO] = {.media = SDP_MEDIA_AUDIO, .transport = &transport, .direction = SDP_DIRECTION_SEND_RECEIVE, .codecs = audio,
                             .codec_count = 1, .extensions = extensions, .extension_count = 1},
        [SDP_MEDIA_VIDEO] = {.media = SDP_MEDIA_VIDEO, .transport = &transport, .direction = SDP_DIRECTION_SEND_RECEIVE, .codecs = video,
                             .codec_count = 1, .extensions = extensions, .extension_count = 1},
        [SDP_MEDIA_APPLICATION] = {.media = SDP_MEDIA_APPLICATION, .transport = &transport, .sctp_port = 5000, .max_message_size_bytes = 262144},
        [SDP_MEDIA_OTHER] = {.media = SDP_MEDIA_OTHER, .refused = true},
    };
    static struct sdp_local_section sections[SDP_SECTION_MAX];
    for (size_t i = 0; i < offer->section_count; i++)
        sections[i] = of_kind[sdp_section_media(&offer->sections[i])];
    const struct sdp_local local = {.session_id = 1, .session_version = 1, .sections = sections, .section_count = offer->section_count};
    int length = sdp_write_answer(&local, offer, output, sizeof output, refusals);
    if (length < 0)
        abort();
    return length;
}

/* ---- words --------------------------------------------------------------------------------------------------------- */

static void explain_codec(const struct sdp_codec *codec, const char *more) {
    printf("    %3u %.*s/%lu", codec->payload_type, SHOW(codec->name), (unsigned long)codec->clock_hz);
    if (codec->channels != 1)
        printf("/%u", codec->channels);
    if (codec->parameters.length > 0)
        printf("  %.*s", SHOW(codec->parameters));
    for (unsigned bit = 0; bit < SDP_FEEDBACK_COUNT; bit++)
        if (codec->feedback & 1u << bit)
            printf("%s%s", codec->feedback & ((1u << bit) - 1) ? ", " : "  [", sdp_feedback_name((enum sdp_feedback)(1u << bit)));
    printf("%s%s%s\n", codec->feedback != 0 ? "]" : "", more[0] == '\0' ? "" : "  - ", more);
}

static void explain_section_head(const struct sdp_session *session, const struct sdp_section *section) {
    printf("section %zu: %.*s, mid \"%.*s\", %.*s, port %u, %s%s\n", section->index, SHOW(section->media), SHOW(section->mid), SHOW(section->protocol),
           section->port, sdp_direction_name(sdp_section_direction(session, section)),
           sdp_session_bundles(session, section->mid, NULL) ? ", in the BUNDLE" : "");
}

static void explain_offer(const struct sdp_session *session) {
    for (size_t i = 0; i < session->section_count; i++) {
        struct sdp_codec codecs[SDP_CODEC_MAX];
        size_t count = sdp_section_codecs(&session->sections[i], codecs);
        explain_section_head(session, &session->sections[i]);
        for (size_t j = 0; j < count; j++)
            explain_codec(&codecs[j], "");
    }
}

static int explain_agreement(const struct sdp_session *offer, const struct sdp_session *answer) {
    struct sdp_problem problem;
    int error = sdp_negotiate(offer, answer, true, &negotiated, &problem);
    for (size_t i = 0; i < negotiated.section_count; i++) {
        struct sdp_codec theirs[SDP_CODEC_MAX];
        struct sdp_codec answered[SDP_CODEC_MAX];
        struct sdp_codec_verdict verdicts[SDP_CODEC_VERDICT_MAX];
        size_t matched;
        explain_section_head(offer, &offer->sections[i]);
        printf("  %s\n", sdp_refusal_text(negotiated.sections[i].refusal));
        if (negotiated.sections[i].refusal != SDP_REFUSAL_NONE)
            continue;
        size_t offered_count = sdp_section_codecs(&offer->sections[i], theirs);
        size_t answered_count = sdp_section_codecs(&answer->sections[i], answered);
        size_t count = sdp_codec_intersect(answered, answered_count, theirs, offered_count, verdicts, &matched);
        for (size_t j = 0; j < count; j++)
            explain_codec(verdicts[j].other == SDP_CODEC_NONE ? &answered[verdicts[j].preferred] : &theirs[verdicts[j].other],
                          sdp_codec_reason_text(verdicts[j].reason));
    }
    if (error == SDP_OK && negotiated.agreed_count > 0)
        return 0;
    fprintf(stderr, "sdp-explain: nothing is agreed: %s\n", error == SDP_OK ? "every section is refused" : problem.rule);
    return EXIT_DISAGREE;
}

int main(int argc, char **argv) {
    const char *mode = argc > 1 && strncmp(argv[1], "--", 2) == 0 ? argv[1] : "";
    int files = argc - (mode[0] == '\0' ? 1 : 2);
    const bool answer = strcmp(mode, "--answer") == 0;
    const bool rewrite = strcmp(mode, "--rewrite") == 0;
    if ((mode[0] != '\0' && !answer && !rewrite) || files < 1 || files > (mode[0] == '\0' ? 2 : 1)) {
        fprintf(stderr, "usage: sdp-explain OFFER [ANSWER] | --answer OFFER | --rewrite FILE   (- is stdin)\n");
        return EXIT_USAGE;
    }
    int result = 0;
    struct sdp_description *first = load(argv[argc - files]);
    struct sdp_description *second = files == 2 ? load(argv[argc - 1]) : NULL;
    if (rewrite) {
        int length = sdp_write(&first->session, output, sizeof output);
        fwrite(output, 1, length < 0 ? 0 : (size_t)length, stdout);
    } else if (answer) {
        enum sdp_refusal refusals[SDP_SECTION_MAX];
        int length = write_default_answer(&first->session, refusals);
        result = EXIT_DISAGREE;
        for (size_t i = 0; i < first->session.section_count; i++)
            if (refusals[i] == SDP_REFUSAL_NONE)
                result = 0;
            else
                fprintf(stderr, "section %zu is refused: %s\n", i, sdp_refusal_text(refusals[i]));
        fwrite(output, 1, (size_t)length, stdout);
    } else if (second == NULL) {
        explain_offer(&first->session);
    } else {
        result = explain_agreement(&first->session, &second->session);
    }
    sdp_description_free(second);
    sdp_description_free(first);
    return fflush(stdout) == 0 ? result : EXIT_FAILURE;
}
