/* links: ice stun */
/*
 * One candidate line: any bytes. What parses is written and parsed again, and is the same; what does not says where and why.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "ice/agent.h"
#include "ice/candidate.h"

#define REQUIRE(condition) \
    do {                   \
        if (!(condition))  \
            abort();       \
    } while (0)

static void require_same(const struct ice_candidate *a, const struct ice_candidate *b) {
    REQUIRE(strcmp(a->foundation, b->foundation) == 0 && strcmp(a->hostname, b->hostname) == 0 && strcmp(a->ufrag, b->ufrag) == 0);
    REQUIRE(a->component == b->component && a->protocol == b->protocol && a->priority == b->priority);
    REQUIRE(a->type == b->type && a->tcp_type == b->tcp_type);
    REQUIRE(stun_address_equal(&a->address, &b->address) && stun_address_equal(&a->related, &b->related));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct ice_candidate candidate, again;
    struct ice_candidate_problem problem;
    char *text = malloc(size > 0 ? size : 1); /* exactly as long as it is */
    REQUIRE(text != NULL);
    if (size > 0)
        memcpy(text, data, size);
    if (ice_candidate_parse(text, size, &candidate, &problem) != ICE_OK) {
        REQUIRE(problem.offset <= size && strstr(problem.rule, "RFC ") != NULL);
    } else {
        char written[ICE_CANDIDATE_TEXT_BYTES];
        REQUIRE(candidate.component >= 1 && candidate.component <= 256 && candidate.priority >= 1 && candidate.priority <= INT32_MAX);
        REQUIRE((candidate.hostname[0] != '\0') == (candidate.address.family == STUN_ADDRESS_NONE));
        size_t length = ice_candidate_write(&candidate, written, sizeof written);
        REQUIRE(length > 0 && length == strlen(written));
        REQUIRE(ice_candidate_parse(written, length, &again, &problem) == ICE_OK);
        require_same(&candidate, &again);
        REQUIRE(ice_candidate_write(&candidate, written, length) == 0); /* no room for the NUL */
    }
    free(text);
    return 0;
}
