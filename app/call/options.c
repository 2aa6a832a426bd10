#include "app/call/options_internal.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SIZE_MAX_PIXELS 4096u
#define SECONDS_MAX 31536000.0 /* a year */

bool call_reader_refuse(struct call_reader *reader, const char *why, const char *try_this) {
    struct call_problem *problem = reader->problem;
    call_problem_set(problem, CALL_EXIT_USAGE, "usage", NULL, why, try_this);
    if (reader->value)
        call_sentence(problem->what, "The command line has %s %s, which cannot be used.", reader->flag, reader->value);
    else
        call_sentence(problem->what, "The command line has %s, which cannot be used.", reader->flag);
    return false;
}

/* ---- readers of values --------------------------------------------------------------------------------------------- */

/* Digits, at most one 'k' or 'm' (thousands, millions) where `has_suffix`. */
static bool read_number(struct call_reader *reader, const char *text, uint32_t minimum, uint32_t maximum, bool has_suffix, uint32_t *out) {
    uint64_t value = 0;
    size_t digits = strspn(text, "0123456789");
    for (size_t i = 0; i < digits && value <= UINT32_MAX; i++)
        value = value * 10 + (uint64_t)(text[i] - '0');
    const char *rest = text + digits;
    if (has_suffix && (*rest == 'k' || *rest == 'm'))
        value *= *rest++ == 'k' ? 1000u : 1000000u;
    if (digits == 0 || *rest || value < minimum || value > maximum) {
        call_sentence(reader->problem->why, "it must be a number from %u to %u", minimum, maximum);
        char why[CALL_SENTENCE_BYTES];
        memcpy(why, reader->problem->why, sizeof why);
        return call_reader_refuse(reader, why, "Give such a number.");
    }
    *out = (uint32_t)value;
    return true;
}

static bool read_seconds(struct call_reader *reader, double *out) {
    char *end;
    errno = 0;
    double value = strtod(reader->value, &end);
    /* Written so that NaN is refused too. */
    if (errno || end == reader->value || *end || !(value > 0 && value <= SECONDS_MAX))
        return call_reader_refuse(reader, "it must be a number of seconds above 0", "For example: --duration 20");
    *out = value;
    return true;
}

bool call_reader_set_text(struct call_reader *reader, char *out, size_t capacity, const char *text) {
    size_t length = strlen(text);
    if (length == 0 || length >= capacity)
        return call_reader_refuse(reader, "it is empty or too long", "Look at the value again.");
    memcpy(out, text, length + 1);
    return true;
}

/* ---- one function per flag that needs more than a store ---------------------------------------------------------------- */

static bool is_codec(const char *name) {
    static const char *const names[] = {"opus", "pcmu", "pcma", "vp8", "vp9", "h264", "av1"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (strcmp(names[i], name) == 0)
            return true;
    return false;
}

static bool on_codec(struct call_reader *reader) {
    struct call_options *options = reader->options;
    const char *at = reader->value;
    options->codec_count = 0;
    for (;;) {
        size_t length = strcspn(at, ",");
        if (length == 0 || length >= CALL_CODEC_NAME_BYTES)
            return call_reader_refuse(reader, "a codec name in it is empty or too long", "For example: --codec opus,vp8");
        if (options->codec_count == CALL_CODEC_PREFERENCE_MAX)
            return call_reader_refuse(reader, "there are more names in it than CALL_CODEC_PREFERENCE_MAX", "Name those that matter.");
        char *name = options->codecs[options->codec_count++];
        for (size_t i = 0; i < length; i++)
            name[i] = (char)tolower((unsigned char)at[i]);
        name[length] = '\0';
        if (!is_codec(name))
            return call_reader_refuse(reader, "the codecs are opus, pcmu, pcma, vp8, vp9, h264 and av1", "For example: --codec vp9,vp8,opus");
        if (!at[length])
            return true;
        at += length + 1;
    }
}

static bool on_bundle_policy(struct call_reader *reader) {
    static const char *const words[] = {[CALL_BUNDLE_MAX_BUNDLE] = "max-bundle", [CALL_BUNDLE_BALANCED] = "balanced", [CALL_BUNDLE_MAX_COMPAT] = "max-compat"};
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        if (strcmp(words[i], reader->value) == 0) {
            reader->options->bundle_policy = (enum call_bundle_policy)i;
            return true;
        }
    }
    return call_reader_refuse(reader, "the policy is balanced, max-compat or max-bundle (RTCBundlePolicy)", "Leave it out, unless the other side does not know BUNDLE.");
}

static bool on_size(struct call_reader *reader) {
    const char *cross = strchr(reader->value, 'x');
    char width[8];
    size_t length = cross ? (size_t)(cross - reader->value) : 0;
    if (length == 0 || length >= sizeof width)
        return call_reader_refuse(reader, "a size is WIDTHxHEIGHT", "For example: --size 640x480");
    memcpy(width, reader->value, length);
    width[length] = '\0';
    struct call_options *options = reader->options;
    if (!read_number(reader, width, 16, SIZE_MAX_PIXELS, false, &options->width) ||
        !read_number(reader, cross + 1, 16, SIZE_MAX_PIXELS, false, &options->height))
        return false;
    if (options->width % 2 || options->height % 2)
        return call_reader_refuse(reader, "width and height must be even: colour has half the resolution", "For example: --size 640x480");
    return true;
}

static bool on_fps(struct call_reader *reader) {
    return read_number(reader, reader->value, 1, 120, false, &reader->options->frames_per_second);
}

static bool on_bitrate(struct call_reader *reader) {
    return read_number(reader, reader->value, 10000, 50000000, true, &reader->options->bitrate_bps);
}

static bool on_play(struct call_reader *reader) {
    if (strcmp(reader->value, "none") == 0)
        return true;
    return call_reader_refuse(reader, "loudspeakers and windows are not part of this version", "Use --record PREFIX and play the files.");
}

/* W3C webrtc section 7.2: the tones of insertDTMF. */
static bool on_dtmf(struct call_reader *reader) {
    size_t length = strlen(reader->value);
    if (length == 0 || length > CALL_DTMF_DIGITS_MAX || strspn(reader->value, "0123456789ABCD*#,") != length)
        return call_reader_refuse(reader, "it must be 1 to 64 of 0-9 A-D * # and , for a pause of two seconds", "For example: --dtmf 123#");
    reader->options->dtmf = reader->value;
    return true;
}

static bool on_data(struct call_reader *reader) {
    if (strlen(reader->value) > CALL_DATA_LABEL_MAX_BYTES)
        return call_reader_refuse(reader, "a label has at most 255 bytes", "For example: --data files");
    return reader->options->data_label = reader->value, true;
}

static bool on_duration(struct call_reader *reader) { return read_seconds(reader, &reader->options->duration_seconds); }
static bool on_wait(struct call_reader *reader) { return read_seconds(reader, &reader->options->wait_seconds); }
static bool on_audio(struct call_reader *reader) { return reader->options->audio = reader->value, true; }
static bool on_video(struct call_reader *reader) { return reader->options->video = reader->value, true; }
static bool on_record(struct call_reader *reader) { return reader->options->record_prefix = reader->value, true; }
static bool on_key_log(struct call_reader *reader) { return reader->options->key_log = reader->value, true; }
static bool on_interface(struct call_reader *reader) { return reader->options->interface = reader->value, true; }
static bool on_turn_ca(struct call_reader *reader) { return reader->options->turn_ca_file = reader->value, true; }
static bool on_signaling_ca(struct call_reader *reader) { return reader->options->signaling_ca_file = reader->value, true; }
static bool on_stamp(struct call_reader *reader) { return reader->options->stamp = true; }
static bool on_ipv4(struct call_reader *reader) { return reader->options->only_ipv4 = true; }
static bool on_ipv6(struct call_reader *reader) { return reader->options->only_ipv6 = true; }
static bool on_help(struct call_reader *reader) { return reader->options->wants_help = true; }
static bool on_version(struct call_reader *reader) { return reader->options->wants_version = true; }
static bool on_quiet(struct call_reader *reader) { return reader->options->verbosity = -1, true; }
static bool on_verbose(struct call_reader *reader) { return reader->options->verbosity = 1, true; }
static bool on_very_verbose(struct call_reader *reader) { return reader->options->verbosity = 2, true; }

static bool on_json(struct call_reader *reader) {
    reader->options->json = true;
    reader->options->json_file = reader->value;
    return true;
}

static bool on_later(struct call_reader *reader) {
    return call_reader_refuse(reader, "the flag is reserved for a later version and does nothing in this one", "Leave it out.");
}

/* ---- the table ------------------------------------------------------------------------------------------------------ */

enum argument { NONE, REQUIRED, OPTIONAL };
enum programs { CALLS, BOTH }; /* who has the flag: caller and callee, or probe too */

static const struct flag {
    const char *name;
    enum argument argument;
    enum programs programs;
    bool (*read)(struct call_reader *reader);
} flags[] = {
    {"--ice-server", REQUIRED, BOTH, call_reader_on_ice_server},
    {"--ice-username", REQUIRED, BOTH, call_reader_on_ice_username},
    {"--ice-credential", REQUIRED, BOTH, call_reader_on_ice_credential},
    {"--ice-credential-file", REQUIRED, BOTH, call_reader_on_ice_credential_file},
    {"--ice-transport-policy", REQUIRED, BOTH, call_reader_on_ice_transport_policy},
    {"--whip", REQUIRED, CALLS, call_reader_on_whip},
    {"--whep", REQUIRED, CALLS, call_reader_on_whep},
    {"--token-file", REQUIRED, CALLS, call_reader_on_token_file},
    {"--signaling-ca", REQUIRED, CALLS, on_signaling_ca},
    {"--interface", REQUIRED, BOTH, on_interface},
    {"-4", NONE, BOTH, on_ipv4},
    {"-6", NONE, BOTH, on_ipv6},
    {"--turn-ca", REQUIRED, BOTH, on_turn_ca},
    {"--mdns", REQUIRED, BOTH, call_reader_on_mdns},
    {"--audio", REQUIRED, CALLS, on_audio},
    {"--video", REQUIRED, CALLS, on_video},
    {"--stamp", NONE, CALLS, on_stamp},
    {"--codec", REQUIRED, CALLS, on_codec},
    {"--bundle-policy", REQUIRED, CALLS, on_bundle_policy},
    {"--size", REQUIRED, CALLS, on_size},
    {"--fps", REQUIRED, CALLS, on_fps},
    {"--bitrate", REQUIRED, CALLS, on_bitrate},
    {"--play", REQUIRED, CALLS, on_play},
    {"--record", REQUIRED, CALLS, on_record},
    {"--dtmf", REQUIRED, CALLS, on_dtmf},
    {"--data", REQUIRED, CALLS, on_data},
    {"--duration", REQUIRED, CALLS, on_duration},
    {"--wait", REQUIRED, CALLS, on_wait},
    {"--json", OPTIONAL, BOTH, on_json},
    {"--keylog", REQUIRED, CALLS, on_key_log},
    {"-v", NONE, BOTH, on_verbose},
    {"-vv", NONE, BOTH, on_very_verbose},
    {"-q", NONE, BOTH, on_quiet},
    {"--version", NONE, BOTH, on_version},
    {"--help", NONE, BOTH, on_help},
    {"-h", NONE, BOTH, on_help},
    {"--min-bitrate", REQUIRED, CALLS, on_later},
    {"--max-bitrate", REQUIRED, CALLS, on_later},
    {"--pcap", REQUIRED, CALLS, on_later},
};

static const struct flag *find_flag(const char *argument, size_t name_length) {
    for (size_t i = 0; i < sizeof flags / sizeof flags[0]; i++)
        if (strlen(flags[i].name) == name_length && memcmp(flags[i].name, argument, name_length) == 0)
            return &flags[i];
    return NULL;
}

/* Reads the flag at *index; a value stands behind '=' or, when it is required, in the next argument. */
static bool read_flag(struct call_reader *reader, enum call_program program, int argument_count, char **arguments, int *index) {
    const char *argument = arguments[*index];
    size_t name_length = argument[1] == '-' ? strcspn(argument, "=") : strlen(argument);
    const struct flag *flag = find_flag(argument, name_length);
    reader->flag = flag ? flag->name : argument;
    reader->value = NULL;
    if (!flag)
        return call_reader_refuse(reader, "there is no such flag", "See --help.");
    if (program == CALL_PROGRAM_PROBE && flag->programs == CALLS)
        return call_reader_refuse(reader, "probe makes no call: the flag is for caller and callee", "Leave it out.");
    if (argument[name_length] == '=')
        reader->value = argument + name_length + 1;
    else if (flag->argument == REQUIRED && *index + 1 < argument_count)
        reader->value = arguments[++*index];
    if (flag->argument == NONE && reader->value)
        return call_reader_refuse(reader, "the flag takes no value", "Leave the value out.");
    if (flag->argument != NONE && reader->value ? !*reader->value : flag->argument == REQUIRED) {
        reader->value = NULL;
        return call_reader_refuse(reader, "its value is missing", "See --help.");
    }
    return flag->read(reader);
}

static bool check_room_url(struct call_reader *reader) {
    reader->flag = "no room URL";
    reader->value = NULL;
    const char *url = reader->options->room_url;
    if (reader->options->whip_url)
        return true;
    if (!url)
        return call_reader_refuse(reader, "it has to say which room to join", "For example: ws://127.0.0.1:8080/r/demo");
    reader->flag = url;
    if (strncmp(url, "ws://", 5) != 0 && strncmp(url, "wss://", 6) != 0)
        return call_reader_refuse(reader, "a room URL begins with ws:// or wss://", "For example: ws://127.0.0.1:8080/r/demo");
    const char *room = strstr(url, "/r/");
    size_t length = room ? strlen(room + 3) : 0;
    if (length == 0 || length > 64 || strspn(room + 3, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.") != length)
        return call_reader_refuse(reader, "it ends with /r/ROOM, and ROOM is 1 to 64 of A-Z a-z 0-9 - _ .", "For example: ws://127.0.0.1:8080/r/demo");
    return true;
}

/* stdout is the channel's; and who asks for a channel only gets a channel only. */
static bool check_data(struct call_reader *reader) {
    struct call_options *options = reader->options;
    reader->flag = "--data together with --json";
    reader->value = NULL;
    if (options->data_label && options->json && !options->json_file)
        return call_reader_refuse(reader, "both write to stdout", "Give --json a file: --json=FILE.");
    if (!options->audio)
        options->audio = options->data_label ? "none" : "tone";
    if (!options->video)
        options->video = options->data_label ? "none" : "pattern";
    return true;
}

static bool check_together(struct call_reader *reader, enum call_program program) {
    if (reader->options->wants_help || reader->options->wants_version)
        return true;
    return call_reader_check_whip(reader, program == CALL_PROGRAM_CALLER) && check_data(reader) && call_reader_check_network(reader) &&
           (program == CALL_PROGRAM_PROBE || check_room_url(reader));
}

bool call_options_parse(int argument_count, char **arguments, enum call_program program, struct call_options *out, struct call_problem *problem) {
    *out = (struct call_options){.wait_seconds = CALL_WAIT_DEFAULT_SECONDS};
    memset(problem, 0, sizeof *problem);
    struct call_reader reader = {.options = out, .problem = problem};
    const char *key_log = getenv("SSLKEYLOGFILE");
    out->key_log = key_log && *key_log ? key_log : NULL;
    for (int i = 1; i < argument_count; i++) {
        if (arguments[i][0] == '-' && arguments[i][1]) {
            if (!read_flag(&reader, program, argument_count, arguments, &i))
                return false;
            continue;
        }
        reader.flag = arguments[i];
        reader.value = NULL;
        if (program == CALL_PROGRAM_PROBE)
            return call_reader_refuse(&reader, "probe joins no room", "Name the servers by --ice-server.");
        if (out->room_url)
            return call_reader_refuse(&reader, "there is a room URL already", "Give one room URL; names of files belong behind --audio, --video and --record.");
        out->room_url = arguments[i];
    }
    return check_together(&reader, program);
}
