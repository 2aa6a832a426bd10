#include <stdio.h>

#include "app/call/options.h"

void call_options_help(const char *program, bool creates_offer) {
    printf("%s [options] ROOM_URL      joins a room and %s\n", program, creates_offer ? "calls the other side when it is ready" : "answers whoever calls");
    fputs("\n"
          "ROOM_URL is ws://HOST:PORT/r/ROOM, or wss:// with a certificate.\n"
          "\n"
          "media\n"
          "  --audio SRC              none | tone[:HZ] (default) | FILE.wav\n"
          "  --video SRC              none | pattern (default) | FILE.y4m\n"
          "  --stamp                  burn frame number and send time into the pictures of a file, as pattern does\n"
          "  --codec LIST             preference, e.g. opus,vp8\n"
          "  --size WxH --fps N       of pattern\n"
          "  --bitrate BPS            of video; 800k and 2m are understood\n"
          "  --play none              nothing else in this version\n"
          "  --record PREFIX          what was received: PREFIX-audio.ogg, PREFIX-video.ivf\n"
          "\n"
          "network\n"
          "  --ice-server URI         stun:HOST[:PORT], repeatable; added to what the room hands out\n"
          "  --ice-transport-policy all|relay\n"
          "  --interface NAME  -4  -6\n"
          "\n"
          "call\n"
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
          "  75 nobody came                     130 interrupted (after a polite end)\n",
          stdout);
}
