#!/bin/bash
# Is the bad cable as bad as it says, and no worse? Builds a home behind it for each case of wire_check.py. Run as root.
#
# Usage: wire_check.sh [CASE...]
set -euo pipefail
cd "$(dirname "$0")/../.."
. test/lab/net.sh
. test/lab/topology.sh

ATTEMPTS=3 # the scheduler of a busy machine adds its own to one measurement, seldom to three; a cable that is wrong is wrong each time

# measure NAME SETTINGS: one home behind that cable, judged from outside.
measure() {
    local good=0
    LAB_LOG=$(mktemp -d)
    LAB_WIRE_A=$2
    lab_build port-restricted none
    if ! test/lab/wire_check.py "$LAB_PREFIX" "$1" "$LAB_LOG/wA.control" </dev/null; then good=1; fi
    lab_down
    grep '"program"' "$LAB_LOG/wA.json"
    rm -rf "$LAB_LOG"
    return "$good"
}

passed=0 failed=0
while read -r name settings; do
    if [ $# -gt 0 ] && [[ " $* " != *" $name "* ]]; then continue; fi
    for ((attempt = 1; attempt <= ATTEMPTS; attempt++)); do
        printf '== %s: %s (measured %d of at most %d times)\n' "$name" "$settings" "$attempt" "$ATTEMPTS"
        if measure "$name" "$settings"; then
            passed=$((passed + 1))
            continue 2
        fi
    done
    failed=$((failed + 1))
done < <(test/lab/wire_check.py --cases)
printf 'wire: %d passed, %d failed, 0 skipped\n' "$passed" "$failed"
[ "$failed" = 0 ]
