#include "test/sim/nat_pairs.h"

#include <assert.h>

static enum nat_dependence mapping_of(int kind) {
    return (enum nat_dependence)(kind / NAT_DEPENDENCES);
}

static enum nat_dependence filtering_of(int kind) {
    return (enum nat_dependence)(kind % NAT_DEPENDENCES);
}

struct nat_config nat_kind(int kind) {
    assert(kind >= 0 && kind < NAT_KINDS);
    return (struct nat_config){.mapping = mapping_of(kind), .filtering = filtering_of(kind)};
}

const char *nat_kind_name(int kind) {
    static const char *const names[NAT_KINDS] = {"EI/EI", "EI/AD", "EI/APD", "AD/EI", "AD/AD", "AD/APD", "APD/EI", "APD/AD", "APD/APD"};
    assert(kind >= 0 && kind < NAT_KINDS);
    return names[kind];
}

/* docs/nat-pairs.md, literally: rows and columns are kinds, 'y' where a pair can be crossed. */
static const char of_endpoint[NAT_KINDS][NAT_KINDS + 1] = {
    /*            EI/EI EI/AD EI/APD AD/EI AD/AD AD/APD APD/EI APD/AD APD/APD */
    /* EI/EI   */ "yyyyyyyyy",
    /* EI/AD   */ "yyyyyyyyy",
    /* EI/APD  */ "yyynnnnnn",
    /* AD/EI   */ "yynyynyyn",
    /* AD/AD   */ "yynyynyyn",
    /* AD/APD  */ "yynnnnnnn",
    /* APD/EI  */ "yynyynnnn",
    /* APD/AD  */ "yynyynnnn",
    /* APD/APD */ "yynnnnnnn"};

static const char of_mapping[NAT_KINDS][NAT_KINDS + 1] = {
    /* EI/EI   */ "yyyyyyyyy",
    /* EI/AD   */ "yyyyyyyyy",
    /* EI/APD  */ "yyynnnnnn",
    /* AD/EI   */ "yynyynyyn",
    /* AD/AD   */ "yynynnynn",
    /* AD/APD  */ "yynnnnnnn",
    /* APD/EI  */ "yynyynnnn",
    /* APD/AD  */ "yynynnnnn",
    /* APD/APD */ "yynnnnnnn"};

bool nat_pair_is_crossable(int kind_a, int kind_b, enum nat_filter_scope scope) {
    assert(kind_a >= 0 && kind_a < NAT_KINDS && kind_b >= 0 && kind_b < NAT_KINDS);
    return (scope == NAT_FILTER_OF_ENDPOINT ? of_endpoint : of_mapping)[kind_a][kind_b] == 'y';
}

static bool is_trouble(int kind, int other) {
    return mapping_of(kind) == NAT_ADDRESS_AND_PORT_DEPENDENT &&
           (mapping_of(other) == NAT_ADDRESS_AND_PORT_DEPENDENT || filtering_of(other) == NAT_ADDRESS_AND_PORT_DEPENDENT);
}

bool nat_pair_is_crossable_by_simple_rule(int kind_a, int kind_b) {
    return !is_trouble(kind_a, kind_b) && !is_trouble(kind_b, kind_a);
}
