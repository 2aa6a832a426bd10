#!/bin/bash
# make interop and make interop-smoke: our programs against browsers and other stacks, over loopback, a LAN, NATs and relays. Installs what is missing
# (packages by test/setup/install.sh, drivers and peers by npm ci, of which nothing is compiled), builds, and ends with "interop: N passed, N failed, N skipped".
#
# Usage: smoke.sh [--times N] [--smoke] [WORD]...    docs/interop.md
#   --times N   so many runs one after another, up to the first that fails; a table of them at the end
#   --smoke     only what CI plays
#   WORD        only the cases whose name has every WORD in it; all cases, once: docs/interop.md is written too
set -euo pipefail
cd "$(dirname "$0")/../.."
folder=test/interop
export INTEROP_BUILD=build/${MODE:-release} INTEROP_OUTPUT=build/interop
mkdir -p "$INTEROP_OUTPUT"

# Several runs: each one is this script again.
if [ "${1:-}" = --times ]; then
    [[ ${2:-} =~ ^[1-9][0-9]*$ ]] || { echo "smoke.sh: --times wants a number of runs" >&2; exit 64; }
    times=$2 runs=() verdict=0
    shift 2
    for ((run = 1; run <= times && verdict == 0; run++)); do
        echo "--- run $run of $times"
        began=$SECONDS
        "$folder/smoke.sh" "$@" || verdict=$?
        runs+=("$(printf '| %3d | %s | %4d s | %s |' "$run" "$(date -u +%H:%M:%S)" $((SECONDS - began)) "$(awk '{ p += $1; f += $2; s += $3 } END { print p " passed, " f " failed, " s " skipped" }' "$INTEROP_OUTPUT/counts")")")
    done
    printf '%s\n' '| run | ended | took | cases |' '|---|---|---|---|' "${runs[@]}"
    exit "$verdict"
fi

test/setup/install.sh build check demo browsers peers
if [ "$folder/node_modules/.package-lock.json" -ot "$folder/package-lock.json" ]; then
    npm ci --ignore-scripts --prefix "$folder" >"$INTEROP_OUTPUT/npm.log" 2>&1 || { cat "$INTEROP_OUTPUT/npm.log" >&2; exit 69; }
fi
"$folder"/whip/fetch.sh "$INTEROP_OUTPUT/simple-whip-server"
make -s -j"$(nproc)" MODE="${MODE:-release}" interop-programs

# The judge is judged first: good measurements pass, each broken one fails.
node --test "$folder"/*_test.js "$folder"/negotiation/*_test.js >"$INTEROP_OUTPUT/own-tests.log" 2>&1 || { grep -A4 "^not ok" "$INTEROP_OUTPUT/own-tests.log" >&2; exit 1; }

: >"$INTEROP_OUTPUT/counts"
if [ "$(id -u)" = 0 ] && command -v ip nft ethtool >/dev/null; then
    for kind in $(node "$folder/run.js" --labs "$@"); do
        "$folder/lab.sh" "$kind" node "$folder/run.js" "$@"
    done
else
    node "$folder/run.js" "$@"
fi
[ $# -gt 0 ] || node "$folder/report.js" docs/interop.md "$INTEROP_OUTPUT/results.json"
awk '{ passed += $1; failed += $2; skipped += $3 }
     END { printf "interop: %d passed, %d failed, %d skipped\n", passed, failed, skipped; exit !(failed == 0 && passed > 0) }' "$INTEROP_OUTPUT/counts"
