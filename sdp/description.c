/* A description that outlives the call: one piece of memory, the text copied once. */
#include <stdlib.h>

#include "sdp/scan_internal.h"

static void *allocate_with_malloc(void *context, size_t bytes) {
    (void)context;
    return malloc(bytes);
}

static void release_with_free(void *context, void *memory) {
    (void)context;
    free(memory);
}

int sdp_description_new(const char *text, size_t length, const struct sdp_allocator *allocator,
                        struct sdp_description **out, struct sdp_problem *problem) {
    static const struct sdp_allocator usual = {.allocate = allocate_with_malloc, .release = release_with_free};
    struct sdp_allocator memory = allocator == NULL ? usual : *allocator;
    /* Above the limit the text is not copied, only refused. */
    size_t copied = length > SDP_TEXT_MAX_BYTES ? 0 : length;
    struct sdp_description *description = memory.allocate(memory.context, sizeof *description + copied + 1);
    if (description == NULL)
        return SDP_ERROR_MEMORY;
    description->allocator = memory;
    description->text = (char *)description + sizeof *description;
    if (copied > 0)
        memcpy(description->text, text, copied);
    description->text[copied] = '\0';
    int error = sdp_parse(copied == length ? description->text : text, length, &description->session, problem);
    if (error == SDP_OK) {
        *out = description;
        return SDP_OK;
    }
    if (problem != NULL && problem->text.text != NULL && copied == length && length > 0)
        problem->text.text = text + (problem->text.text - description->text);
    sdp_description_free(description);
    return error;
}

void sdp_description_free(struct sdp_description *description) {
    if (description == NULL)
        return;
    struct sdp_allocator memory = description->allocator;
    memory.release(memory.context, description);
}
