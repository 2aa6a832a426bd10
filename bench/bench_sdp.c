/*
 * What a browser's offer costs, as a ratio to a floor measured in the same run:
 *
 *   split   memchr from line end to line end over the same bytes, and nothing else
 *
 * The offer is Chrome's own of 5.6 kB when the corpora are present, else one of its shape: two sections, many video payload types with
 * their feedback. Each figure is the best of many batches: interference by other processes only ever adds. Instructions are
 * those of the processor's counter, where it lets itself be read, else the parse and its floor are stepped through one by one (instructions.h).
 * Allocations are counted, by a malloc of our own.
 */
#include <linux/perf_event.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "bench/instructions.h"
#include "sdp/negotiate.h"

#define BATCHES 80
#define ROUNDS 400

static char offer[16 * 1024];
static size_t offer_length;
static struct sdp_session session;
static struct sdp_session answer;
static struct sdp_negotiated negotiated;
static char answer_text[16 * 1024];
static struct sdp_local_section sections[2];
static struct sdp_local_transport transport;
static struct sdp_local local;
static volatile size_t sink;

/* ---- counting ------------------------------------------------------------------------------------------------------ */

static size_t allocations;
extern void *__libc_malloc(size_t bytes);

/* In place of the C library's, so that nothing allocates unseen. */
void *malloc(size_t bytes);
void *malloc(size_t bytes) {
    allocations++;
    return __libc_malloc(bytes);
}

static int counter = -1;

static void open_counter(void) {
    struct perf_event_attr attributes;
    memset(&attributes, 0, sizeof attributes);
    attributes.type = PERF_TYPE_HARDWARE;
    attributes.size = sizeof attributes;
    attributes.config = PERF_COUNT_HW_INSTRUCTIONS;
    attributes.exclude_kernel = 1;
    attributes.exclude_hv = 1;
    counter = (int)syscall(SYS_perf_event_open, &attributes, 0, -1, -1, 0);
}

/* Since the process began; 0 when the counter cannot be read. */
static uint64_t count_instructions(void) {
    uint64_t instructions = 0;
    if (counter < 0 || read(counter, &instructions, sizeof instructions) != sizeof instructions)
        return 0;
    return instructions;
}

/* ---- the offer ----------------------------------------------------------------------------------------------------- */

static void fail(const char *what) {
    fprintf(stderr, "bench_sdp: %s\n", what);
    exit(1);
}

static void add(const char *line) {
    size_t length = strlen(line);
    if (offer_length + length + 2 > sizeof offer)
        fail("the offer does not fit");
    memcpy(offer + offer_length, line, length);
    memcpy(offer + offer_length + length, "\r\n", 2);
    offer_length += length + 2;
}

static void add_number(const char *before, int number, const char *after) {
    char line[256];
    snprintf(line, sizeof line, "%s%d%s", before, number, after);
    add(line);
}

static void add_transport(void) {
    add("c=IN IP4 0.0.0.0");
    add("a=rtcp:9 IN IP4 0.0.0.0");
    add("a=ice-ufrag:Nb4A");
    add("a=ice-pwd:GIIGoN1+NTIKjflaRX6d0ui7");
    add("a=ice-options:trickle");
    add("a=fingerprint:sha-256 16:11:62:E3:90:4C:99:40:83:4F:DD:5F:F1:64:9D:C1:19:EC:DD:1A:FE:80:4A:86:F0:C0:73:1C:FE:43:33:F2");
    add("a=setup:actpass");
}

static void build_offer(void) {
    static const char *const uris[] = {"urn:ietf:params:rtp-hdrext:sdes:mid", "http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time",
                                       "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01", "urn:3gpp:video-orientation",
                                       "urn:ietf:params:rtp-hdrext:toffset", "http://www.webrtc.org/experiments/rtp-hdrext/playout-delay"};
    char line[128];
    add("v=0");
    add("o=- 7278860710927490641 2 IN IP4 127.0.0.1");
    add("s=-");
    add("t=0 0");
    add("a=group:BUNDLE 0 1");
    add("a=extmap-allow-mixed");
    add("a=msid-semantic: WMS");
    add("m=audio 9 UDP/TLS/RTP/SAVPF 111 0 8");
    add_transport();
    add("a=mid:0");
    add("a=extmap:4 urn:ietf:params:rtp-hdrext:sdes:mid");
    add("a=sendrecv");
    add("a=rtcp-mux");
    add("a=rtcp-rsize");
    add("a=rtpmap:111 opus/48000/2");
    add("a=rtcp-fb:111 transport-cc");
    add("a=fmtp:111 minptime=10;useinbandfec=1");
    add("a=ssrc:2755265508 cname:gcSqHOuNEUZcyobh");
    add("m=video 9 UDP/TLS/RTP/SAVPF 96 97 98 99 100 101 102 103 104 105 106 107 108 109 110 112 113");
    add_transport();
    add("a=mid:1");
    for (int i = 0; i < 6; i++) {
        snprintf(line, sizeof line, "a=extmap:%d %s", i + 2, uris[(i + 1) % 6]);
        add(line);
    }
    add("a=sendrecv");
    add("a=rtcp-mux");
    add("a=rtcp-rsize");
    for (int type = 96; type < 112; type += 2) {
        add_number("a=rtpmap:", type, type == 96 ? " VP8/90000" : " H264/90000");
        add_number("a=rtcp-fb:", type, " goog-remb");
        add_number("a=rtcp-fb:", type, " transport-cc");
        add_number("a=rtcp-fb:", type, " ccm fir");
        add_number("a=rtcp-fb:", type, " nack");
        add_number("a=rtcp-fb:", type, " nack pli");
        if (type != 96)
            add_number("a=fmtp:", type, " level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f");
        if (type + 1 != 111) {
            add_number("a=rtpmap:", type + 1, " rtx/90000");
            snprintf(line, sizeof line, "a=fmtp:%d apt=%d", type + 1, type);
            add(line);
        }
    }
    add("a=rtpmap:112 red/90000");
    add("a=rtpmap:113 ulpfec/90000");
    add("a=ssrc-group:FID 3304795815 1699821955");
    for (int i = 0; i < 2; i++) {
        add("a=ssrc:3304795815 cname:gcSqHOuNEUZcyobh");
        add("a=ssrc:3304795815 msid:- eee4dfa8-6baf-406b-87a3-67ea77c39c50");
    }
    for (int i = 0; i < 16; i++)
        add("a=candidate:681662417 1 udp 2113937151 7444b065-25d5-4c79-947b-ebd34601aff9.local 33105 typ host generation 0");
}

/* False when there are no corpora. */
static bool load_offer(void) {
    const char *corpora = getenv("STRATA_CORPORA");
    char path[1024];
    snprintf(path, sizeof path, "%s/sdp-webrtc/chrome_tutorial_offer.sdp", corpora == NULL ? "" : corpora);
    FILE *file = corpora == NULL ? NULL : fopen(path, "rb");
    if (file == NULL)
        return false;
    offer_length = fread(offer, 1, sizeof offer, file);
    fclose(file);
    return true;
}

/* ---- what is measured ---------------------------------------------------------------------------------------------- */

static void run_floor(void) {
    const char *at = offer;
    const char *end = offer + offer_length;
    size_t lines = 0;
    while (at < end) {
        const char *line_feed = memchr(at, '\n', (size_t)(end - at));
        at = line_feed == NULL ? end : line_feed + 1;
        lines++;
    }
    sink += lines;
}

static void run_parse(void) {
    if (sdp_parse(offer, offer_length, &session, NULL) != SDP_OK)
        fail("the offer does not parse");
}

static void run_walk(void) {
    struct sdp_attribute attribute;
    for (size_t i = 0; i < session.section_count; i++)
        for (struct sdp_walk walk = sdp_walk_section(&session.sections[i]); sdp_walk_attribute(&walk, &attribute);)
            sink += attribute.value.length;
}

static void run_answer(void) {
    int length = sdp_write_answer(&local, &session, answer_text, sizeof answer_text, NULL);
    if (length < 0 || sdp_parse(answer_text, (size_t)length, &answer, NULL) != SDP_OK)
        fail("no answer");
}

static void run_negotiate(void) {
    if (sdp_negotiate(&answer, &session, false, &negotiated, NULL) != SDP_OK || negotiated.agreed_count != 2)
        fail("nothing agreed");
}

struct cost {
    double ns;
    double instructions; /* 0: unknown */
};

static struct cost best(void (*run)(void)) {
    struct cost cost = {1e18, 0};
    for (int batch = 0; batch < BATCHES; batch++) {
        struct timespec from;
        struct timespec to;
        uint64_t before = count_instructions();
        clock_gettime(CLOCK_MONOTONIC, &from);
        for (int round = 0; round < ROUNDS; round++)
            run();
        clock_gettime(CLOCK_MONOTONIC, &to);
        double ns = ((double)(to.tv_sec - from.tv_sec) * 1e9 + (double)(to.tv_nsec - from.tv_nsec)) / ROUNDS;
        double instructions = (double)(count_instructions() - before) / ROUNDS;
        if (ns < cost.ns)
            cost = (struct cost){ns, instructions};
    }
    return cost;
}

static void print_row(const char *name, struct cost cost, struct cost floor) {
    printf("%-34s %9.0f %9.2f", name, cost.ns, cost.ns / floor.ns);
    if (cost.instructions > 0)
        printf(" %13.0f %9.2f\n", cost.instructions, cost.instructions / floor.instructions);
    else
        printf(" %13s %9s\n", "-", "-");
}

int main(void) {
    static const struct {
        const char *name;
        void (*run)(void);
    } rows[] = {
        {"parse, every attribute judged", run_parse},
        {"walk all attributes again", run_walk},
        {"write the answer, and parse it", run_answer},
        {"negotiate offer and answer", run_negotiate},
    };
    const struct sdp_codec audio[] = {sdp_codec_make(SDP_CODEC_OPUS, 111, "minptime=10;useinbandfec=1", SDP_FEEDBACK_TRANSPORT_CC)};
    const struct sdp_codec video[] = {sdp_codec_make(SDP_CODEC_VP8, 96, NULL, 31), sdp_codec_make(SDP_CODEC_RTX, 97, "apt=96", 0)};
    sections[0] = (struct sdp_local_section){.media = SDP_MEDIA_AUDIO, .transport = &transport, .direction = SDP_DIRECTION_SEND_RECEIVE, .codecs = audio, .codec_count = 1};
    sections[1] = (struct sdp_local_section){.media = SDP_MEDIA_VIDEO, .transport = &transport, .direction = SDP_DIRECTION_SEND_RECEIVE, .codecs = video, .codec_count = 2};
    transport = (struct sdp_local_transport){.ice_ufrag = "abcd", .ice_pwd = "abcdefghijklmnopqrstuv", .fingerprint_hash = "sha-256",
                                             .fingerprint_value = "AB:CD", .setup = SDP_SETUP_ACTIVE};
    local = (struct sdp_local){.session_id = 1, .session_version = 1, .sections = sections, .section_count = 2};
    bool real = load_offer();
    if (!real)
        build_offer();
    open_counter();
    struct cost floor = best(run_floor);
    size_t before = allocations;
    struct cost costs[sizeof rows / sizeof rows[0]];
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        costs[i] = best(rows[i].run);
    before = allocations - before;
    bool stepped = floor.instructions <= 0;
    if (stepped) {
        floor.instructions = (double)instructions_of(run_floor);
        costs[0].instructions = (double)instructions_of(run_parse);
    }
    printf("an offer of %zu bytes, %s; best of %d batches of %d; %zu allocations in all of them; instructions %s\n\n", offer_length,
           real ? "Chrome's" : "of Chrome's shape", BATCHES, ROUNDS, before, stepped ? "stepped through one by one" : "by the processor's counter");
    printf("%-34s %9s %9s %13s %9s\n", "", "ns", "/ split", "instructions", "/ split");
    print_row("floor: split into lines", floor, floor);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        print_row(rows[i].name, costs[i], floor);
    return 0;
}
