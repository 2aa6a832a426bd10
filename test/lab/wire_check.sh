#!/bin/bash
# Is the bad cable as bad as it says, and no worse? Builds a home behind it for each case of wire_check.py. Run as root.
#
# Usage: wire_check.sh [CASE...]
set -euo pipefail
cd "$(dirname "$0")/../.."
. test/lab/net.sh
. test/lab/topology.sh

passed=0 failed=0
while read -r name settings; do
    if [ $# -gt 0 ] && [[ " $* " != *" $name "* ]]; then continue; fi
    printf '== %s: %s\n' "$name" "$settings"
    LAB_LOG=$(mktemp -d)
    LAB_WIRE_A=$settings
    lab_build port-restricted none
    if test/lab/wire_check.py "$LAB_PREFIX" "$name" "$LAB_LOG/wA.control" </dev/null; then passed=$((passed + 1)); else failed=$((failed + 1)); fi
    lab_down
    grep '"program"' "$LAB_LOG/wA.json"
    rm -rf "$LAB_LOG"
done < <(test/lab/wire_check.py --cases)
printf 'wire: %d passed, %d failed, 0 skipped\n' "$passed" "$failed"
[ "$failed" = 0 ]
