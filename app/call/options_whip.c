/* The flags of WHIP and WHEP, and what cannot stand beside them. */
#include <errno.h>
#include <string.h>

#include "app/call/options_internal.h"
#include "app/call/token.h"

_Static_assert(CALL_TOKEN_BYTES == SIGNALING_WHIP_TOKEN_MAX_BYTES + 1, "a token of the server's fits the caller");

#define EXAMPLE "For example: caller --whip https://example.org/whip/endpoint --token-file FILE"

static bool set_url(struct call_reader *reader, bool is_whep) {
    struct call_options *options = reader->options;
    if (options->whip_url)
        return call_reader_refuse(reader, "there is an endpoint already", "Give one of --whip and --whep, once.");
    options->whip_url = reader->value;
    options->is_whep = is_whep;
    return true;
}

bool call_reader_on_whip(struct call_reader *reader) { return set_url(reader, false); }
bool call_reader_on_whep(struct call_reader *reader) { return set_url(reader, true); }

bool call_reader_on_token_file(struct call_reader *reader) {
    int error = call_token_read(reader->value, reader->options->token);
    if (error == 0)
        return true;
    call_problem_set(reader->problem, error == -EBADMSG ? CALL_EXIT_INPUT : CALL_EXIT_FILE, "usage", NULL,
                     error == -EBADMSG ? "It has no line that is a bearer token (RFC 6750 section 2.1), or more than one." : strerror(-error),
                     "Give a file that holds the token and nothing else.");
    call_sentence(reader->problem->what, "The file %s of --token-file could not be read.", reader->value);
    return false;
}

static bool is_none(const char *source) {
    return !source || strcmp(source, "none") == 0;
}

/* What WHIP and WHEP have no word for. */
static const char *find_conflict(const struct call_options *options, const char **flag) {
    bool is_whip = !options->is_whep;
    *flag = "--bundle-policy";
    if (options->bundle_policy != CALL_BUNDLE_MAX_BUNDLE)
        return "with --whip and --whep it is max-bundle (RFC 9725 section 4.4.1)";
    *flag = "--data";
    if (options->data_label)
        return "WHIP and WHEP carry audio and video only";
    *flag = options->is_whep ? "--audio or --video" : "--audio none --video none";
    if (options->is_whep ? !is_none(options->audio) || !is_none(options->video) : options->audio && options->video && is_none(options->audio) && is_none(options->video))
        return options->is_whep ? "with --whep nothing is sent" : "with --whip there is nothing else to do than sending";
    *flag = "--record";
    if (is_whip && options->record_prefix)
        return "with --whip nothing is received";
    *flag = "--dtmf";
    return options->is_whep && options->dtmf ? "with --whep nothing is sent" : NULL;
}

bool call_reader_check_whip(struct call_reader *reader, bool is_caller) {
    struct call_options *options = reader->options;
    reader->value = NULL;
    reader->flag = "--token-file";
    if (!options->whip_url)
        return !options->token[0] || call_reader_refuse(reader, "it belongs to --whip and --whep: rooms ask for no token", EXAMPLE);
    reader->flag = options->is_whep ? "--whep" : "--whip";
    reader->value = options->whip_url;
    if (!is_caller)
        return call_reader_refuse(reader, "callee makes no offer, and WHIP and WHEP begin with one", EXAMPLE);
    if (options->room_url)
        return call_reader_refuse(reader, "there is a room URL, too", "Give the one or the other.");
    if (strncmp(options->whip_url, "http://", 7) != 0 && strncmp(options->whip_url, "https://", 8) != 0)
        return call_reader_refuse(reader, "an endpoint's URL begins with http:// or https://", EXAMPLE);
    reader->value = NULL;
    const char *conflict = find_conflict(options, &reader->flag);
    if (conflict)
        return call_reader_refuse(reader, conflict, "Leave it out.");
    if (options->is_whep)
        options->audio = options->video = "none";
    return true;
}
