#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "test/sim/w3c_model.h"

/* Says why, and is false: a refusal is one statement. */
__attribute__((format(printf, 2, 3))) static bool wrong(char *why, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(why, W3C_WHY_BYTES, format, arguments);
    va_end(arguments);
    return false;
}

static const char *kind_name(const struct w3c_transceiver *transceiver) {
    return transceiver->is_video ? "video" : "audio";
}

/* ---- offers: RFC 9429 sections 5.2.1 and 5.2.2 ---------------------------------------------------------------------------------------- */

static bool is_refused_in(const struct w3c_description *description, size_t section) {
    return description->lines && section < description->lines->count && sdp_lines_is_refused(&description->lines->sections[section]);
}

static size_t count_of(const struct w3c_description *description) {
    return description->lines ? description->lines->count : 0;
}

/* The next in order of creation that has no section yet and wants one; -1: none. */
static int next_without_section(const struct w3c_model *model, uint64_t *order) {
    int found = -1;
    for (int i = 0; i < W3C_TRANSCEIVER_MAX; i++) {
        const struct w3c_transceiver *transceiver = &model->transceivers[i];
        bool wants = transceiver->exists && !transceiver->is_removed && !transceiver->is_stopping && transceiver->section < 0;
        if (wants && transceiver->order >= *order && (found < 0 || transceiver->order < model->transceivers[found].order))
            found = i;
    }
    if (found >= 0)
        *order = model->transceivers[found].order + 1;
    return found;
}

/* May the place of a section be used anew? It is refused, and whoever had it is stopped. */
static bool is_free(const struct w3c_model *model, const struct w3c_sections *sections, size_t place) {
    int holder = sections->transceivers[place];
    if (holder == W3C_DATA)
        return false;
    bool was_refused = is_refused_in(&model->current_local, place) || is_refused_in(&model->current_remote, place);
    return was_refused && (holder < 0 || model->transceivers[holder].is_stopped);
}

static void place_sections(const struct w3c_model *model, struct w3c_sections *sections) {
    sections->count = count_of(&model->current_local);
    if (count_of(&model->pending_local) > sections->count)
        sections->count = count_of(&model->pending_local);
    for (size_t i = 0; i < sections->count; i++)
        sections->transceivers[i] = w3c_of_section(model, (int)i);
    int data = w3c_data_section(model);
    if (data >= 0)
        sections->transceivers[data] = W3C_DATA;
    uint64_t order = 0;
    for (int number; (number = next_without_section(model, &order)) >= 0;) {
        size_t place = 0;
        while (place < sections->count && !is_free(model, sections, place))
            place++;
        if (place == sections->count && sections->count++ == SDP_LINES_SECTION_MAX)
            return;
        sections->transceivers[place] = number;
    }
    /* RFC 9429 section 5.2.1: the section of data channels behind them all, when it is new. */
    size_t place = 0;
    while (place < sections->count && !is_free(model, sections, place))
        place++;
    if (data < 0 && model->has_channel && (place < sections->count || sections->count++ < SDP_LINES_SECTION_MAX))
        sections->transceivers[place] = W3C_DATA;
}

static bool is_mid_new(const struct w3c_model *model, const char *mid) {
    const struct w3c_description *all[] = {&model->current_local, &model->current_remote, &model->pending_local};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
        if (all[i]->lines && sdp_lines_find(all[i]->lines, mid) >= 0)
            return false;
    return mid[0] != '\0';
}

static bool judge_codecs(const struct w3c_transceiver *transceiver, const struct sdp_lines_section *section, size_t place, char *why) {
    unsigned wanted = transceiver->codecs ? transceiver->codecs : w3c_codec_defaults(transceiver->is_video);
    for (unsigned bit = 0; w3c_codec_name(transceiver->is_video, bit); bit++) {
        const char *name = w3c_codec_name(transceiver->is_video, bit);
        int payload_type = sdp_lines_payload_type(section, name);
        bool is_wanted = (wanted & 1u << bit) != 0;
        if (is_wanted && payload_type < 0)
            return wrong(why, "section %zu: codec %s is wanted and not offered", place, name);
        if (!is_wanted && payload_type >= 0)
            return wrong(why, "section %zu: codec %s is offered and not wanted", place, name);
    }
    return true;
}

/* RFC 9429 section 5.2.1: a=msid for what the transceiver would send, whether or not the peer lets it; and section 5.2.2: once said, it stays. */
static bool judge_streams(const struct w3c_model *model, const struct w3c_transceiver *transceiver, const struct sdp_lines_section *section, size_t place, char *why) {
    unsigned expected = transceiver->direction & SDP_LINES_SENDONLY ? transceiver->stream_count ? transceiver->stream_count : 1 : 0;
    const struct w3c_description *said[] = {&model->current_local, &model->pending_local};
    for (size_t i = 0; i < 2; i++) {
        bool is_same = place < count_of(said[i]) && !is_refused_in(said[i], place) && strcmp(said[i]->lines->sections[place].mid, section->mid) == 0;
        if (is_same && said[i]->lines->sections[place].msid_count > 0 && said[i]->lines->sections[place].msid_count == section->msid_count)
            return true;
    }
    return section->msid_count == expected ? true : wrong(why, "section %zu: %u a=msid, not %u", place, section->msid_count, expected);
}

static bool judge_credentials(const struct w3c_model *model, const struct sdp_lines_section *section, size_t place, char *why) {
    if (section->ufrag[0] == '\0')
        return true; /* of its BUNDLE's tagged section */
    uint64_t hash = sdp_lines_hash(section->ufrag, strlen(section->ufrag));
    for (size_t i = 0; i < model->to_replace_count; i++)
        if (model->to_replace[i] == hash)
            return wrong(why, "section %zu: ufrag %s was to be replaced", place, section->ufrag);
    /* Sections of a BUNDLE may have had credentials each before it was answered: it goes on with one of those. */
    const struct w3c_description *local = w3c_local(model);
    if (model->to_replace_count > 0 || place >= count_of(local) || is_refused_in(local, place) || !section->is_bundled ||
        strcmp(local->lines->sections[place].mid, section->mid) != 0)
        return true;
    bool is_known = local->lines->sections[place].ufrag[0] == '\0';
    for (size_t i = 0; i < local->lines->count; i++)
        is_known |= strcmp(local->lines->sections[i].ufrag, section->ufrag) == 0;
    return is_known ? true : wrong(why, "section %zu: ufrag %s is new, and nobody asked for a restart", place, section->ufrag);
}

static bool is_actpass(const struct sdp_lines *offer, const struct sdp_lines_section *section) {
    for (size_t i = 0; i < offer->count && section->setup[0] == '\0' && section->is_bundled; i++)
        if (offer->sections[i].is_bundled && strcmp(offer->sections[i].setup, "actpass") == 0)
            return true;
    return strcmp(section->setup, "actpass") == 0;
}

static bool judge_offered(const struct w3c_model *model, const struct w3c_transceiver *transceiver, const struct sdp_lines *offer, size_t place, char *why) {
    const struct sdp_lines_section *section = &offer->sections[place];
    if (strcmp(section->kind, kind_name(transceiver)) != 0)
        return wrong(why, "section %zu: %s, not %s", place, section->kind, kind_name(transceiver));
    if (transceiver->mid[0] != '\0' ? strcmp(section->mid, transceiver->mid) != 0 : !is_mid_new(model, section->mid))
        return wrong(why, "section %zu: mid \"%s\", the transceiver's is \"%s\"", place, section->mid, transceiver->mid);
    if (transceiver->is_stopping)
        return sdp_lines_is_refused(section) ? true : wrong(why, "section %zu: its transceiver is stopping, and it is not refused", place);
    if (sdp_lines_is_refused(section))
        return wrong(why, "section %zu: refused", place);
    if ((unsigned)section->direction != transceiver->direction)
        return wrong(why, "section %zu: direction %d, not %u", place, section->direction, transceiver->direction);
    if (!section->is_bundled)
        return wrong(why, "section %zu: not in the BUNDLE", place);
    if (!is_actpass(offer, section))
        return wrong(why, "section %zu: a=setup:%s", place, section->setup);
    return judge_codecs(transceiver, section, place, why) && judge_streams(model, transceiver, section, place, why) && judge_credentials(model, section, place, why);
}

static bool judge_offered_data(const struct w3c_model *model, const struct sdp_lines *offer, size_t place, char *why) {
    const struct sdp_lines_section *section = &offer->sections[place];
    int before = w3c_data_section(model);
    const char *mid = before < 0 ? "" : w3c_local(model)->lines->sections[before].mid;
    if (!w3c_is_data(section) || sdp_lines_is_refused(section) || !section->is_bundled)
        return wrong(why, "section %zu: %s, refused or not in the BUNDLE, and data channels want it", place, section->kind);
    if (before >= 0 ? strcmp(section->mid, mid) != 0 : !is_mid_new(model, section->mid))
        return wrong(why, "section %zu: mid \"%s\", that of data channels is \"%s\"", place, section->mid, mid);
    if (!is_actpass(offer, section))
        return wrong(why, "section %zu: a=setup:%s", place, section->setup);
    return judge_credentials(model, section, place, why);
}

bool w3c_judge_offer(const struct w3c_model *model, const struct sdp_lines *offer, struct w3c_sections *sections, char why[W3C_WHY_BYTES]) {
    place_sections(model, sections);
    if (offer->is_overfull || offer->count != sections->count)
        return wrong(why, "%zu sections, not %zu", offer->count, sections->count);
    for (size_t i = 0; i < offer->count; i++) {
        int number = sections->transceivers[i];
        if (number == W3C_DATA && !judge_offered_data(model, offer, i, why))
            return false;
        if (number == -1 && !sdp_lines_is_refused(&offer->sections[i]))
            return wrong(why, "section %zu: nobody's, and not refused", i);
        if (number >= 0 && !judge_offered(model, &model->transceivers[number], offer, i, why))
            return false;
        if (offer->sections[i].mid[0] == '\0' || sdp_lines_find(offer, offer->sections[i].mid) != (int)i)
            return wrong(why, "section %zu: mid \"%s\" is not its own", i, offer->sections[i].mid);
    }
    return true;
}

/* ---- answers: RFC 9429 sections 5.3.1 and 5.3.2 ------------------------------------------------------------------------------------------ */

static bool has_common_codec(const struct w3c_transceiver *transceiver, const struct sdp_lines_section *offered) {
    unsigned wanted = transceiver->codecs ? transceiver->codecs : w3c_codec_defaults(transceiver->is_video);
    for (unsigned bit = 0; w3c_codec_name(transceiver->is_video, bit); bit++)
        if ((wanted >> bit & 1) && sdp_lines_payload_type(offered, w3c_codec_name(transceiver->is_video, bit)) >= 0)
            return true;
    return false;
}

static bool judge_answered_formats(const struct sdp_lines_section *offered, const struct sdp_lines_section *section, size_t place, char *why) {
    for (size_t i = 0; i < section->format_count; i++) {
        const char *name = section->formats[i].name;
        bool is_offered = false;
        for (size_t k = 0; k < offered->format_count; k++)
            is_offered |= offered->formats[k].payload_type == section->formats[i].payload_type && strcmp(offered->formats[k].name, name) == 0;
        if (!is_offered)
            return wrong(why, "section %zu: payload type %u (%s) is not the offer's", place, section->formats[i].payload_type, name);
    }
    return section->format_count > 0 ? true : wrong(why, "section %zu: no payload type", place);
}

/* RFC 9143 section 7.3.1: what carries a BUNDLE is a section with a port of its own that is accepted; what is bundle-only goes with it or not at all. */
static bool is_carried(const struct sdp_lines *offer, const struct sdp_lines *answer) {
    for (size_t i = 0; i < offer->count; i++)
        if (offer->sections[i].is_bundled && offer->sections[i].port != 0 && !sdp_lines_is_refused(&answer->sections[i]))
            return true;
    return false;
}

static bool judge_answered(const struct w3c_model *model, const struct sdp_lines *answer, size_t place, char *why) {
    const struct sdp_lines_section *offered = &model->pending_remote.lines->sections[place], *section = &answer->sections[place];
    int number = w3c_of_section(model, (int)place);
    if (strcmp(section->kind, offered->kind) != 0 || strcmp(section->mid, offered->mid) != 0)
        return wrong(why, "section %zu: %s \"%s\" answers %s \"%s\"", place, section->kind, section->mid, offered->kind, offered->mid);
    bool is_refused = sdp_lines_is_refused(section);
    const struct w3c_transceiver *transceiver = number >= 0 ? &model->transceivers[number] : NULL;
    bool has_taker = w3c_is_data(offered) || (transceiver && !transceiver->is_stopped && has_common_codec(transceiver, offered));
    bool must_refuse = !has_taker || sdp_lines_is_refused(offered) || (offered->is_bundle_only && !is_carried(model->pending_remote.lines, answer));
    if (is_refused != must_refuse)
        return wrong(why, "section %zu: %s", place, is_refused ? "refused" : "not refused");
    if (is_refused)
        return true;
    unsigned agreed = transceiver ? transceiver->direction & sdp_lines_reverse(offered->direction) : section->direction;
    if ((unsigned)section->direction != agreed)
        return wrong(why, "section %zu: direction %d, not %u", place, section->direction, agreed);
    if (section->setup[0] != '\0' && strcmp(section->setup, "active") != 0 && strcmp(section->setup, "passive") != 0)
        return wrong(why, "section %zu: a=setup:%s", place, section->setup);
    return !transceiver || judge_answered_formats(offered, section, place, why);
}

bool w3c_judge_answer(const struct w3c_model *model, const struct sdp_lines *answer, char why[W3C_WHY_BYTES]) {
    const struct sdp_lines *offer = model->pending_remote.lines;
    if (answer->is_overfull || answer->count != offer->count)
        return wrong(why, "%zu sections answer %zu", answer->count, offer->count);
    for (size_t i = 0; i < answer->count; i++)
        if (!judge_answered(model, answer, i, why))
            return false;
    return true;
}

/* ---- what may follow what --------------------------------------------------------------------------------------------------------------------- */

bool w3c_answers(const struct sdp_lines *offer, const struct sdp_lines *answer) {
    if (!offer || offer->count != answer->count)
        return false;
    for (size_t i = 0; i < offer->count; i++) {
        const struct sdp_lines_section *asked = &offer->sections[i], *said = &answer->sections[i];
        if (strcmp(asked->kind, said->kind) != 0 || strcmp(asked->mid, said->mid) != 0 || (sdp_lines_is_refused(asked) && !sdp_lines_is_refused(said)))
            return false;
    }
    return true;
}

bool w3c_follows(const struct sdp_lines *earlier, const struct sdp_lines *offer) {
    return !earlier || offer->count >= earlier->count;
}
