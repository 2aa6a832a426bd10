#include "app/call/options.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SIZE_MAX_PIXELS 4096u
#define SECONDS_MAX 31536000.0 /* a year */

struct reader {
    struct call_options *options;
    struct call_problem *problem;
    const char *flag;  /* as it was written, for sentences */
    const char *value; /* of the flag, NULL when it takes none */
};

static bool refuse(struct reader *reader, const char *why, const char *try_this) {
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
static bool read_number(struct reader *reader, const char *text, uint32_t minimum, uint32_t maximum, bool has_suffix, uint32_t *out) {
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
        return refuse(reader, why, "Give such a number.");
    }
    *out = (uint32_t)value;
    return true;
}

static bool read_seconds(struct reader *reader, double *out) {
    char *end;
    errno = 0;
    double value = strtod(reader->value, &end);
    /* Written so that NaN is refused too. */
    if (errno || end == reader->value || *end || !(value > 0 && value <= SECONDS_MAX))
        return refuse(reader, "it must be a number of seconds above 0", "For example: --duration 20");
    *out = value;
    return true;
}

static bool set_text(char *out, size_t capacity, struct reader *reader, const char *text) {
    size_t length = strlen(text);
    if (length == 0 || length >= capacity)
        return refuse(reader, "it is empty or too long", "Look at the value again.");
    memcpy(out, text, length + 1);
    return true;
}

/* ---- one function per flag that needs more than a store ---------------------------------------------------------------- */

static bool on_ice_server(struct reader *reader) {
    struct call_options *options = reader->options;
    if (options->ice_server_count == CALL_ICE_SERVER_MAX)
        return refuse(reader, "there are more ICE servers than CALL_ICE_SERVER_MAX", "Leave some out: two are enough for nearly every network.");
    struct call_ice_server *server = &options->ice_servers[options->ice_server_count];
    const char *wrong = call_ice_uri_parse(reader->value, server);
    if (wrong)
        return refuse(reader, wrong, "For example: --ice-server stun:stun.example.org:3478");
    if (server->scheme != CALL_ICE_STUN)
        return refuse(reader, "relaying (turn:, turns:) and STUN over TLS are not part of this version", "Name a stun: server.");
    options->ice_server_count++;
    return true;
}

static struct call_ice_server *last_turn_server(struct reader *reader) {
    struct call_options *options = reader->options;
    struct call_ice_server *last = options->ice_server_count ? &options->ice_servers[options->ice_server_count - 1] : NULL;
    if (last && (last->scheme == CALL_ICE_TURN || last->scheme == CALL_ICE_TURNS))
        return last;
    reader->value = NULL; /* it may be a secret */
    (void)refuse(reader, "it belongs to a turn: server, and none stands before it", "Put it behind --ice-server turn:HOST");
    return NULL;
}

static bool on_ice_username(struct reader *reader) {
    struct call_ice_server *server = last_turn_server(reader);
    return server && set_text(server->username, sizeof server->username, reader, reader->value);
}

static bool on_ice_credential(struct reader *reader) {
    struct call_ice_server *server = last_turn_server(reader);
    return server && set_text(server->credential, sizeof server->credential, reader, reader->value);
}

static bool on_ice_credential_file(struct reader *reader) {
    struct call_ice_server *server = last_turn_server(reader);
    if (!server)
        return false;
    FILE *file = fopen(reader->value, "r");
    bool is_read = file && fgets(server->credential, sizeof server->credential, file);
    if (file)
        (void)fclose(file);
    if (!is_read) {
        call_problem_set(reader->problem, CALL_EXIT_FILE, "usage", NULL, strerror(errno), "Give a file whose first line is the credential.");
        call_sentence(reader->problem->what, "The file %s could not be read.", reader->value);
        return false;
    }
    server->credential[strcspn(server->credential, "\r\n")] = '\0';
    return true;
}

static bool on_ice_transport_policy(struct reader *reader) {
    reader->options->relay_only = strcmp(reader->value, "relay") == 0;
    if (reader->options->relay_only || strcmp(reader->value, "all") == 0)
        return true;
    return refuse(reader, "the policy is all or relay (RTCIceTransportPolicy)", "Write --ice-transport-policy all");
}

static bool on_codec(struct reader *reader) {
    struct call_options *options = reader->options;
    const char *at = reader->value;
    options->codec_count = 0;
    for (;;) {
        size_t length = strcspn(at, ",");
        if (length == 0 || length >= CALL_CODEC_NAME_BYTES)
            return refuse(reader, "a codec name in it is empty or too long", "For example: --codec opus,vp8");
        if (options->codec_count == CALL_CODEC_PREFERENCE_MAX)
            return refuse(reader, "there are more names in it than CALL_CODEC_PREFERENCE_MAX", "Name those that matter.");
        char *name = options->codecs[options->codec_count++];
        for (size_t i = 0; i < length; i++)
            name[i] = (char)tolower((unsigned char)at[i]);
        name[length] = '\0';
        if (strcmp(name, "opus") != 0 && strcmp(name, "vp8") != 0)
            return refuse(reader, "this version has opus for audio and vp8 for video", "For example: --codec opus,vp8");
        if (!at[length])
            return true;
        at += length + 1;
    }
}

static bool on_size(struct reader *reader) {
    const char *cross = strchr(reader->value, 'x');
    char width[8];
    size_t length = cross ? (size_t)(cross - reader->value) : 0;
    if (length == 0 || length >= sizeof width)
        return refuse(reader, "a size is WIDTHxHEIGHT", "For example: --size 640x480");
    memcpy(width, reader->value, length);
    width[length] = '\0';
    struct call_options *options = reader->options;
    if (!read_number(reader, width, 16, SIZE_MAX_PIXELS, false, &options->width) ||
        !read_number(reader, cross + 1, 16, SIZE_MAX_PIXELS, false, &options->height))
        return false;
    if (options->width % 2 || options->height % 2)
        return refuse(reader, "width and height must be even: colour has half the resolution", "For example: --size 640x480");
    return true;
}

static bool on_fps(struct reader *reader) {
    return read_number(reader, reader->value, 1, 120, false, &reader->options->frames_per_second);
}

static bool on_bitrate(struct reader *reader) {
    return read_number(reader, reader->value, 10000, 50000000, true, &reader->options->bitrate_bps);
}

static bool on_play(struct reader *reader) {
    if (strcmp(reader->value, "none") == 0)
        return true;
    return refuse(reader, "loudspeakers and windows are not part of this version", "Use --record PREFIX and play the files.");
}

static bool on_mdns(struct reader *reader) {
    if (strcmp(reader->value, "off") == 0)
        return true;
    return refuse(reader, "mDNS names are not part of this version: .local candidates are left aside", "Leave the flag out, or write --mdns off");
}

static bool on_duration(struct reader *reader) { return read_seconds(reader, &reader->options->duration_seconds); }
static bool on_wait(struct reader *reader) { return read_seconds(reader, &reader->options->wait_seconds); }
static bool on_audio(struct reader *reader) { return reader->options->audio = reader->value, true; }
static bool on_video(struct reader *reader) { return reader->options->video = reader->value, true; }
static bool on_record(struct reader *reader) { return reader->options->record_prefix = reader->value, true; }
static bool on_key_log(struct reader *reader) { return reader->options->key_log = reader->value, true; }
static bool on_interface(struct reader *reader) { return reader->options->interface = reader->value, true; }
static bool on_stamp(struct reader *reader) { return reader->options->stamp = true; }
static bool on_ipv4(struct reader *reader) { return reader->options->only_ipv4 = true; }
static bool on_ipv6(struct reader *reader) { return reader->options->only_ipv6 = true; }
static bool on_help(struct reader *reader) { return reader->options->wants_help = true; }
static bool on_version(struct reader *reader) { return reader->options->wants_version = true; }
static bool on_quiet(struct reader *reader) { return reader->options->verbosity = -1, true; }
static bool on_verbose(struct reader *reader) { return reader->options->verbosity = 1, true; }
static bool on_very_verbose(struct reader *reader) { return reader->options->verbosity = 2, true; }

static bool on_json(struct reader *reader) {
    reader->options->json = true;
    reader->options->json_file = reader->value;
    return true;
}

static bool on_later(struct reader *reader) {
    return refuse(reader, "the flag is reserved for a later version and does nothing in this one", "Leave it out.");
}

/* ---- the table ------------------------------------------------------------------------------------------------------ */

enum argument { NONE, REQUIRED, OPTIONAL };

static const struct flag {
    const char *name;
    enum argument argument;
    bool (*read)(struct reader *reader);
} flags[] = {
    {"--ice-server", REQUIRED, on_ice_server},
    {"--ice-username", REQUIRED, on_ice_username},
    {"--ice-credential", REQUIRED, on_ice_credential},
    {"--ice-credential-file", REQUIRED, on_ice_credential_file},
    {"--ice-transport-policy", REQUIRED, on_ice_transport_policy},
    {"--interface", REQUIRED, on_interface},
    {"-4", NONE, on_ipv4},
    {"-6", NONE, on_ipv6},
    {"--mdns", REQUIRED, on_mdns},
    {"--audio", REQUIRED, on_audio},
    {"--video", REQUIRED, on_video},
    {"--stamp", NONE, on_stamp},
    {"--codec", REQUIRED, on_codec},
    {"--size", REQUIRED, on_size},
    {"--fps", REQUIRED, on_fps},
    {"--bitrate", REQUIRED, on_bitrate},
    {"--play", REQUIRED, on_play},
    {"--record", REQUIRED, on_record},
    {"--duration", REQUIRED, on_duration},
    {"--wait", REQUIRED, on_wait},
    {"--json", OPTIONAL, on_json},
    {"--keylog", REQUIRED, on_key_log},
    {"-v", NONE, on_verbose},
    {"-vv", NONE, on_very_verbose},
    {"-q", NONE, on_quiet},
    {"--version", NONE, on_version},
    {"--help", NONE, on_help},
    {"-h", NONE, on_help},
    {"--turn-ca", REQUIRED, on_later},
    {"--min-bitrate", REQUIRED, on_later},
    {"--max-bitrate", REQUIRED, on_later},
    {"--whip", REQUIRED, on_later},
    {"--whep", REQUIRED, on_later},
    {"--token-file", REQUIRED, on_later},
    {"--data", REQUIRED, on_later},
    {"--pcap", REQUIRED, on_later},
};

static const struct flag *find_flag(const char *argument, size_t name_length) {
    for (size_t i = 0; i < sizeof flags / sizeof flags[0]; i++)
        if (strlen(flags[i].name) == name_length && memcmp(flags[i].name, argument, name_length) == 0)
            return &flags[i];
    return NULL;
}

/* Reads the flag at *index; a value stands behind '=' or, when it is required, in the next argument. */
static bool read_flag(struct reader *reader, int argument_count, char **arguments, int *index) {
    const char *argument = arguments[*index];
    size_t name_length = argument[1] == '-' ? strcspn(argument, "=") : strlen(argument);
    const struct flag *flag = find_flag(argument, name_length);
    reader->flag = flag ? flag->name : argument;
    reader->value = NULL;
    if (!flag)
        return refuse(reader, "there is no such flag", "See --help.");
    if (argument[name_length] == '=')
        reader->value = argument + name_length + 1;
    else if (flag->argument == REQUIRED && *index + 1 < argument_count)
        reader->value = arguments[++*index];
    if (flag->argument == NONE && reader->value)
        return refuse(reader, "the flag takes no value", "Leave the value out.");
    if (flag->argument != NONE && reader->value ? !*reader->value : flag->argument == REQUIRED) {
        reader->value = NULL;
        return refuse(reader, "its value is missing", "See --help.");
    }
    return flag->read(reader);
}

static bool check_together(struct call_options *options, struct reader *reader) {
    reader->flag = "-4 -6";
    reader->value = NULL;
    if (options->only_ipv4 && options->only_ipv6)
        return refuse(reader, "nothing is left of the two together", "Give one of them, or neither for both families.");
    if (options->wants_help || options->wants_version)
        return true;
    reader->flag = "no room URL";
    if (!options->room_url)
        return refuse(reader, "it has to say which room to join", "For example: ws://127.0.0.1:8080/r/demo");
    const char *url = options->room_url;
    reader->flag = url;
    if (strncmp(url, "ws://", 5) != 0 && strncmp(url, "wss://", 6) != 0)
        return refuse(reader, "a room URL begins with ws:// or wss://", "For example: ws://127.0.0.1:8080/r/demo");
    const char *room = strstr(url, "/r/");
    size_t length = room ? strlen(room + 3) : 0;
    if (length == 0 || length > 64 || strspn(room + 3, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.") != length)
        return refuse(reader, "it ends with /r/ROOM, and ROOM is 1 to 64 of A-Z a-z 0-9 - _ .", "For example: ws://127.0.0.1:8080/r/demo");
    return true;
}

bool call_options_parse(int argument_count, char **arguments, struct call_options *out, struct call_problem *problem) {
    *out = (struct call_options){.audio = "tone", .video = "pattern", .wait_seconds = CALL_WAIT_DEFAULT_SECONDS};
    memset(problem, 0, sizeof *problem);
    struct reader reader = {.options = out, .problem = problem};
    const char *key_log = getenv("SSLKEYLOGFILE");
    out->key_log = key_log && *key_log ? key_log : NULL;
    for (int i = 1; i < argument_count; i++) {
        if (arguments[i][0] == '-' && arguments[i][1]) {
            if (!read_flag(&reader, argument_count, arguments, &i))
                return false;
            continue;
        }
        reader.flag = arguments[i];
        reader.value = NULL;
        if (out->room_url)
            return refuse(&reader, "there is a room URL already", "Give one room URL; names of files belong behind --audio, --video and --record.");
        out->room_url = arguments[i];
    }
    return check_together(out, &reader);
}
