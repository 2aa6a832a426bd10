#!/bin/bash
# Data channels beside the kernel's TCP: two homes without NATs, a cable for each case of congestion.py. Run as root; `make lab-tcp` is this.
#
# Usage: congestion.sh [CASE...]      without one: link and lossy, which have aims; short has one too, shared and deep report
#
# SECONDS_EACH=15 ROUNDS=3: how long one flow runs, and how often each does.
set -euo pipefail
cd "$(dirname "$0")/../.."
. test/lab/net.sh
. test/lab/topology.sh
. test/lab/servers.sh

ATTEMPTS=3 # of those cases in which TCP did not get its share of an idle link either: the machine was busy
MACHINE_BUSY=75

# measure NAME SETTINGS: one home behind that cable, flows of both kinds through it.
measure() {
    local code=0
    LAB_LOG=$(mktemp -d)
    LAB_WIRE_A=$2
    lab_build none none
    lab_signaling
    test/lab/congestion.py "$LAB_PREFIX" "$1" "$LAB_BUILD" "${LAB_HOME[B]}" "ws://$LAB_SIGNALING:443/r/" </dev/null || code=$?
    lab_down
    grep '"program"' "$LAB_LOG/wA.json"
    rm -rf "$LAB_LOG"
    return "$code"
}

passed=0 failed=0
while read -r name settings; do
    if [[ " ${*:-link lossy} " != *" $name "* ]]; then continue; fi
    for ((attempt = 1; attempt <= ATTEMPTS; attempt++)); do
        printf '== %s: %s (measured %d of at most %d times)\n' "$name" "$settings" "$attempt" "$ATTEMPTS"
        code=0
        measure "$name" "$settings" || code=$?
        if [ "$code" != "$MACHINE_BUSY" ]; then break; fi
    done
    if [ "$code" = 0 ]; then passed=$((passed + 1)); else failed=$((failed + 1)); fi
done < <(test/lab/congestion.py --cases)
printf 'congestion: %d passed, %d failed, 0 skipped\n' "$passed" "$failed"
[ "$failed" = 0 ]
