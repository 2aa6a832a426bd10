/* The browser's end of a call: the files of signaling/web/, put into the program at build time by the assembler's .incbin. */
#include <string.h>

#include "signaling/websocket/server_internal.h"

#define WEB_FILE(symbol, file)                                                                                       \
    __asm__(".section .rodata\n"                                                                                     \
            ".local signaling_web_" #symbol "\nsignaling_web_" #symbol ": .incbin \"signaling/web/" file "\"\n"      \
            ".local signaling_web_" #symbol "_end\nsignaling_web_" #symbol "_end: .byte 0\n.previous\n");            \
    extern const char signaling_web_##symbol[], signaling_web_##symbol##_end[]

WEB_FILE(index, "index.html");
WEB_FILE(style, "style.css");
WEB_FILE(main, "main.js");
WEB_FILE(own, "own.js");
WEB_FILE(room, "room.js");
WEB_FILE(signs, "signs.js");
WEB_FILE(call, "call.js");
WEB_FILE(source, "source.js");
WEB_FILE(stamp, "stamp.js");
WEB_FILE(statistics, "statistics.js");
WEB_FILE(charts, "charts.js");
WEB_FILE(chat, "chat.js");
WEB_FILE(candidates, "candidates.js");

static const struct {
    const char *name, *type, *bytes, *end;
} files[] = {
    {"index.html", "text/html; charset=utf-8", signaling_web_index, signaling_web_index_end},
    {"style.css", "text/css; charset=utf-8", signaling_web_style, signaling_web_style_end},
    {"main.js", "text/javascript; charset=utf-8", signaling_web_main, signaling_web_main_end},
    {"own.js", "text/javascript; charset=utf-8", signaling_web_own, signaling_web_own_end},
    {"signs.js", "text/javascript; charset=utf-8", signaling_web_signs, signaling_web_signs_end},
    {"room.js", "text/javascript; charset=utf-8", signaling_web_room, signaling_web_room_end},
    {"call.js", "text/javascript; charset=utf-8", signaling_web_call, signaling_web_call_end},
    {"source.js", "text/javascript; charset=utf-8", signaling_web_source, signaling_web_source_end},
    {"stamp.js", "text/javascript; charset=utf-8", signaling_web_stamp, signaling_web_stamp_end},
    {"statistics.js", "text/javascript; charset=utf-8", signaling_web_statistics, signaling_web_statistics_end},
    {"charts.js", "text/javascript; charset=utf-8", signaling_web_charts, signaling_web_charts_end},
    {"chat.js", "text/javascript; charset=utf-8", signaling_web_chat, signaling_web_chat_end},
    {"candidates.js", "text/javascript; charset=utf-8", signaling_web_candidates, signaling_web_candidates_end},
};

bool signaling_web_file(const char *name, struct signaling_web_file *out) {
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        if (strcmp(files[i].name, name) != 0)
            continue;
        *out = (struct signaling_web_file){files[i].type, files[i].bytes, (size_t)(files[i].end - files[i].bytes)};
        return true;
    }
    return false;
}
