/* probe: which candidates this host can gather, what its NAT does, and whether its TURN servers relay. docs/programs.md */
#include "app/probe/probe.h"

int main(int argument_count, char **arguments) {
    return probe_main(argument_count, arguments);
}
