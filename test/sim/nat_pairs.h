/* Which pairs of NAT kinds can be crossed without a relay: the table of docs/nat-pairs.md, for tests to go by. */
#ifndef TEST_SIM_NAT_PAIRS_H
#define TEST_SIM_NAT_PAIRS_H

#include <stdbool.h>

#include "test/sim/nat.h"

#define NAT_KINDS (NAT_DEPENDENCES * NAT_DEPENDENCES)

/* Kind 0..NAT_KINDS-1, in the order of the table: mapping varies slowly, filtering fast. */
struct nat_config nat_kind(int kind);

/* "AD/APD": mapping/filtering, as in the table. */
const char *nat_kind_name(int kind);

/* With ports that are not guessed, and the filter scope of RFC 4787 (NAT_FILTER_OF_ENDPOINT) or that of each mapping. */
bool nat_pair_is_crossable(int kind_a, int kind_b, enum nat_filter_scope scope);

/* What the rule "all but address-and-port-dependent mapping against the like mapping or filtering" would say. */
bool nat_pair_is_crossable_by_simple_rule(int kind_a, int kind_b);

#endif
