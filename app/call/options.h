/*
 * The command line of caller, callee and probe (docs/programs.md). Flags that belong to later parts of strata are known by name and refused with a
 * sentence of their own: a flag is never ignored.
 */
#ifndef CALL_OPTIONS_H
#define CALL_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "app/call/ice_uri.h"
#include "app/call/problem.h"

#define CALL_ICE_SERVER_MAX 8         /* given by flags; the room may add as many */
#define CALL_CODEC_PREFERENCE_MAX 8
#define CALL_CODEC_NAME_BYTES 16
#define CALL_WAIT_DEFAULT_SECONDS 60
#define CALL_DTMF_DIGITS_MAX 64       /* in one call of --dtmf */
#define CALL_DTMF_TONE_MS 100         /* W3C webrtc section 7.2: the defaults of insertDTMF */
#define CALL_DTMF_GAP_MS 70
#define CALL_DTMF_DELAY_US 1000000u   /* after connected: the other side may be so a little later, and keys that it misses are not sent again */
#define CALL_DATA_LABEL_MAX_BYTES 255
#define CALL_TOKEN_BYTES 513           /* SIGNALING_WHIP_TOKEN_MAX_BYTES, and the NUL */
#define CALL_VERSION "0.1.0"

enum call_program { CALL_PROGRAM_CALLER, CALL_PROGRAM_CALLEE, CALL_PROGRAM_PROBE };

/* What is done about .local names (RFC 8828 section 3.1.1 and the mDNS draft of RTCWEB): */
enum call_mdns {
    CALL_MDNS_RESOLVE, /* theirs are resolved, ours are addresses */
    CALL_MDNS_OFFER,   /* and our host addresses hide behind one */
    CALL_MDNS_OFF      /* neither */
};

/* RTCBundlePolicy: how many transports an offer has, in case that the other side does not know BUNDLE (RFC 9429 section 4.1.1). */
enum call_bundle_policy { CALL_BUNDLE_MAX_BUNDLE, CALL_BUNDLE_BALANCED, CALL_BUNDLE_MAX_COMPAT };

/* Strings point into argv. A turn: or turns: server has a username and a credential. */
struct call_options {
    const char *room_url;  /* NULL with whip_url */
    const char *whip_url;  /* NULL: a room. An endpoint of WHIP, or of WHEP when is_whep */
    bool is_whep;
    char token[CALL_TOKEN_BYTES]; /* "": none */
    const char *signaling_ca_file; /* of https: and wss:; NULL: the system's certificates only */
    struct call_ice_server ice_servers[CALL_ICE_SERVER_MAX];
    size_t ice_server_count;
    bool relay_only;
    const char *turn_ca_file; /* NULL: the system's certificates only */
    enum call_mdns mdns;
    enum call_bundle_policy bundle_policy;
    const char *interface;
    bool only_ipv4, only_ipv6;
    const char *audio, *video; /* defaults: tone, pattern; with --data: none, none */
    bool stamp;
    char codecs[CALL_CODEC_PREFERENCE_MAX][CALL_CODEC_NAME_BYTES]; /* lower case */
    size_t codec_count;
    uint32_t width, height, frames_per_second; /* 0: the source decides */
    uint32_t bitrate_bps;                      /* 0: the default of the codec */
    const char *data_label;    /* NULL: no data channel */
    const char *record_prefix; /* NULL: nothing is recorded */
    const char *dtmf;          /* NULL: no keys are pressed */
    double duration_seconds;   /* 0: until somebody ends it */
    double wait_seconds;
    bool json;
    const char *json_file; /* NULL: stdout */
    const char *key_log;   /* NULL: none */
    int verbosity;         /* -1 quiet, 0, 1, 2 */
    bool wants_help, wants_version;
};

/*
 * Reads the command line, $SSLKEYLOGFILE, and $STRATA_ICE_CREDENTIAL for the TURN servers that got no credential otherwise.
 * program  probe has no room and only the flags about the network, the log and how much is said
 * out      written always; strings point into `arguments` and the environment
 * problem  written when false is returned; its exit code is CALL_EXIT_USAGE, or CALL_EXIT_FILE for a credential file that cannot be read. No sentence
 *          holds a credential
 */
bool call_options_parse(int argument_count, char **arguments, enum call_program program, struct call_options *out, struct call_problem *problem);

/* Prints the help to stdout. */
void call_options_help(const char *name, enum call_program program);

/* The beginning of a program: parses, and answers what is wrong, --help and --version by itself. False: the program ends with *exit_code. */
bool call_options_read(int argument_count, char **arguments, const char *name, enum call_program program, struct call_options *out, int *exit_code);

#endif
