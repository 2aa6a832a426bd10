/* links: signaling */
/*
 * What an HTTP client may say to WHIP: the input is a path, a fragment with candidates, and an answer that these candidates are put into. Each
 * candidate that was read is one line; the answer that is written has every line of the description, and exactly the length that was promised.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "signaling/whip.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(int condition) {
    if (!condition)
        abort();
}

static size_t read_fragment(const char *bytes, size_t length, struct signaling_candidate *candidates) {
    struct signaling_sdpfrag fragment;
    struct signaling_message message;
    size_t count = 0;
    signaling_sdpfrag_begin(&fragment, bytes, length);
    while (signaling_sdpfrag_next(&fragment, &message)) {
        if (message.type != SIGNALING_CANDIDATE)
            continue;
        struct signaling_text text = message.candidate.candidate;
        require(text.bytes >= bytes && text.bytes + text.length <= bytes + length && text.length >= 10 && memcmp(text.bytes, "candidate:", 10) == 0);
        require(memchr(text.bytes, '\n', text.length) == NULL);
        if (count < SIGNALING_WHIP_CANDIDATES_MAX)
            candidates[count++] = message.candidate;
    }
    return count;
}

static void fuzz_answer(const char *bytes, size_t length, const struct signaling_candidate *candidates, size_t count) {
    size_t needed = 0, written = 0;
    struct signaling_text sdp = {bytes, length};
    require(signaling_whip_answer(sdp, candidates, count, NULL, 0, &needed) == SIGNALING_ERROR_BUFFER);
    char *text = malloc(needed + 1);
    require(text != NULL);
    require(needed == 0 || signaling_whip_answer(sdp, candidates, count, text, needed, &written) == SIGNALING_ERROR_BUFFER);
    require(signaling_whip_answer(sdp, candidates, count, text, needed + 1, &written) == SIGNALING_OK && written == needed && text[needed] == '\0');
    free(text);
}

/* A fragment is made of the input, and put back into it: the lengths are as promised, and what comes of it has the credentials of the fragment. */
static void fuzz_fragment(const char *bytes, size_t length) {
    struct signaling_text sdp = {bytes, length}, none = {NULL, 0}, ufrag, pwd;
    size_t needed = 0, written = 0;
    (void)signaling_whip_is_partial(sdp);
    (void)signaling_whip_is_description(sdp);
    require(signaling_sdpfrag_write(sdp, none, false, NULL, 0, &needed) == SIGNALING_ERROR_BUFFER);
    char *fragment = malloc(needed + 1);
    require(fragment != NULL && signaling_sdpfrag_write(sdp, none, false, fragment, needed + 1, &written) == SIGNALING_OK && written == needed);
    struct signaling_text view = {fragment, needed};
    signaling_sdpfrag_credentials(view, &ufrag, &pwd);
    enum signaling_error error = signaling_sdpfrag_apply(sdp, view, NULL, 0, &needed);
    require(error == (ufrag.bytes != NULL && pwd.bytes != NULL ? SIGNALING_ERROR_BUFFER : SIGNALING_ERROR_ARGUMENT));
    if (error == SIGNALING_ERROR_BUFFER) {
        char *text = malloc(needed + 1);
        require(text != NULL && signaling_sdpfrag_apply(sdp, view, text, needed + 1, &written) == SIGNALING_OK && written == needed);
        require(signaling_whip_patch_kind((struct signaling_text){text, needed}, view) != SIGNALING_WHIP_PATCH_RESTARTS);
        free(text);
    }
    free(fragment);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct signaling_candidate candidates[SIGNALING_WHIP_CANDIDATES_MAX];
    struct signaling_whip_target target;
    char *text = malloc(size + (size == 0)); /* a copy of its own, so that one byte too many is seen */
    require(text != NULL);
    memcpy(text, data, size);
    if (signaling_whip_target_parse(text, size, &target))
        require(strlen(target.room) >= 1 && strlen(target.room) <= SIGNALING_ROOM_NAME_MAX_BYTES);
    size_t count = read_fragment(text, size, candidates);
    fuzz_answer(text, size, candidates, count);
    fuzz_fragment(text, size);
    free(text);
    return 0;
}
