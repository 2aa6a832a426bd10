#include <stdio.h>

#include "app/call/options.h"

static const char room_url[] =
    "\n"
    "ROOM_URL is ws://HOST:PORT/r/ROOM, or wss:// with a certificate.\n";

static const char endpoint[] =
    "\n"
    "instead of ROOM_URL\n"
    "  --whip URL               publish to a WHIP endpoint (RFC 9725), http: or https:\n"
    "  --whep URL               play from a WHEP endpoint (draft-ietf-wish-whep-03)\n"
    "    --token-file FILE        the bearer token for it\n";

static const char media[] =
    "\n"
    "media\n"
    "  --audio SRC              none | tone[:HZ] (default) | FILE.wav | FILE.opus (as it is)\n"
    "  --video SRC              none | pattern (default) | FILE.y4m | FILE.ivf, FILE.h264 (as they are)\n"
    "  --stamp                  burn frame number and send time into the pictures of a file, as pattern does\n"
    "  --codec LIST             preference: opus pcmu pcma, vp8 vp9 h264 av1; e.g. vp9,vp8,opus\n"
    "  --size WxH --fps N       of pattern; --fps also of FILE.h264\n"
    "  --bitrate BPS            of video; 800k and 2m are understood\n"
    "  --play none              nothing else in this version\n"
    "  --record PREFIX          what was received: PREFIX-audio.ogg (Opus) or .wav (G.711), PREFIX-video.ivf or .h264\n"
    "  --dtmf DIGITS            press these keys once connected: 0-9 A-D * # and , for a pause\n";

static const char data[] =
    "\n"
    "data\n"
    "  --data LABEL             a data channel: stdin goes out, what arrives comes out on stdout; at the end of stdin it closes, which ends a call\n"
    "                           without media. --audio and --video are none then, if not given. LABEL chat: lines of text, as a page's chat\n";

static const char network[] =
    "\n"
    "network\n"
    "  --ice-server URI         stun:HOST[:PORT]  turn:HOST[:PORT][?transport=udp|tcp]  turns:HOST[:PORT]; repeatable\n"
    "    --ice-username U         of the turn: or turns: before it\n"
    "    --ice-credential C       better --ice-credential-file FILE or $STRATA_ICE_CREDENTIAL: others can see a command line\n"
    "  --turn-ca FILE           certificates that a turns: server may show, besides the system's\n"
    "  --ice-transport-policy all|relay\n"
    "  --mdns resolve|offer|off resolve the other side's .local names (default); also hide our addresses behind one; neither\n"
    "  --interface NAME  -4  -6 only this interface, this family\n";

static const char call[] =
    "\n"
    "call\n"
    "  --signaling-ca FILE      certificates that a wss: or https: server may show, besides the system's\n"
    "  --bundle-policy POLICY   max-bundle (default), balanced, max-compat: transports for a peer that does not know BUNDLE\n"
    "  --duration SEC           length of the call once connected (default: until somebody ends it)\n"
    "  --wait SEC               patience before it (default 60)\n"
    "  --json[=FILE]            one JSON object a line on stdout or FILE\n"
    "  --keylog FILE            DTLS secrets (also $SSLKEYLOGFILE)\n"
    "  -v -vv -q --version --help\n"
    "\n"
    "exit codes\n"
    "   0 the call did what was asked      10 ICE failed           11 DTLS failed         12 fingerprint mismatch\n"
    "  13 connected but no media           14 SDP not agreed       15 the peer vanished   16 the room is full\n"
    "  64 usage   65 bad input file        69 signaling server unreachable                74 a file failed\n"
    "  70 71 our own failure              75 nobody came          76 signaling refuses   130 interrupted (after a polite end)\n";

static const char probe[] =
    "\n"
    "  --json[=FILE]            one JSON object a line on stdout or FILE\n"
    "  -v -vv -q --version --help\n"
    "\n"
    "exit codes\n"
    "   0 all that was asked for came   10 some did not   69 nothing answered   64 usage\n"
    "  65, 74 a file is bad or cannot be read   71 no socket   130 interrupted\n";

void call_options_help(const char *name, enum call_program program) {
    if (program == CALL_PROGRAM_PROBE) {
        printf("%s [options]      which candidates this host has, what its NAT does, and whether its TURN servers relay\n%s%s", name, network, probe);
        return;
    }
    printf("%s [options] ROOM_URL      joins a room and %s\n", name, program == CALL_PROGRAM_CALLER ? "calls the other side when it is ready" : "answers whoever calls");
    printf("%s%s", room_url, program == CALL_PROGRAM_CALLER ? endpoint : "");
    printf("%s%s%s  The servers of --ice-server are added to those that the room hands out; those of an endpoint they replace.\n%s", media, data, network, call);
}

bool call_options_read(int argument_count, char **arguments, const char *name, enum call_program program, struct call_options *out, int *exit_code) {
    struct call_problem problem;
    *exit_code = CALL_EXIT_OK;
    if (!call_options_parse(argument_count, arguments, program, out, &problem)) {
        call_problem_print(&problem, name);
        *exit_code = (int)problem.exit_code;
        return false;
    }
    if (out->wants_help)
        call_options_help(name, program);
    else if (out->wants_version)
        printf("%s (strata) %s\n", name, CALL_VERSION);
    return !out->wants_help && !out->wants_version;
}
