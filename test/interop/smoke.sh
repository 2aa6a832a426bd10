#!/bin/bash
# make interop and make interop-smoke: our programs against browsers and other stacks, over loopback, a LAN, NATs and relays. Installs what is missing
# (packages by test/setup/install.sh, the browsers' drivers by npm ci), builds, and ends with "interop: N passed, N failed, N skipped".
#
# Usage: smoke.sh [--smoke] [WORD]...    only what CI plays; only the cases whose name has every WORD in it. All: docs/interop.md is written too
set -euo pipefail
cd "$(dirname "$0")/../.."
folder=test/interop
export INTEROP_BUILD=build/${MODE:-release} INTEROP_OUTPUT=build/interop INTEROP_LAB='' INTEROP_LAB_KIND='' INTEROP_LAB_LOG=''
mkdir -p "$INTEROP_OUTPUT"

test/setup/install.sh build check demo browsers peers
if [ "$folder/node_modules/.package-lock.json" -ot "$folder/package-lock.json" ]; then
    npm ci --prefix "$folder" >"$INTEROP_OUTPUT/npm.log" 2>&1 || { cat "$INTEROP_OUTPUT/npm.log" >&2; exit 69; }
fi
"$folder"/whip/fetch.sh "$INTEROP_OUTPUT/simple-whip-server"
make -s -j"$(nproc)" MODE="${MODE:-release}" interop-programs

# The judge is judged first: good measurements pass, each broken one fails.
node --test "$folder/stamp_test.js" "$folder/judge_test.js" "$folder/report_test.js" "$folder/negotiation/judge_test.js" >"$INTEROP_OUTPUT/own-tests.log" 2>&1 || { grep -A4 "^not ok" "$INTEROP_OUTPUT/own-tests.log" >&2; exit 1; }

# in_lab KIND WORD...: builds that laboratory, plays the cases that want it with the runner in the home hA, takes it down.
in_lab() (
    . test/lab/net.sh
    . test/lab/topology.sh
    . test/lab/servers.sh
    LAB_PREFIX=strata-lab-$BASHPID
    LAB_LOG=$PWD/$INTEROP_OUTPUT/lab-$1
    LAB_BUILD=$INTEROP_BUILD
    rm -rf "$LAB_LOG"
    mkdir -p "$LAB_LOG"
    case $1 in
    lan) LAB_LAN=1 lab_build port-restricted port-restricted ;;
    *) lab_build "$1" "$1" ;;
    esac
    lab_certificates
    lab_coturn_configuration >"$LAB_LOG/turnserver.conf"
    export INTEROP_LAB=$LAB_PREFIX INTEROP_LAB_KIND=$1 INTEROP_LAB_LOG=$LAB_LOG
    shift
    lab_exec hA node "$folder/run.js" "$@"
    lab_down
)

: >"$INTEROP_OUTPUT/counts"
if [ "$(id -u)" = 0 ] && command -v ip nft ethtool >/dev/null; then
    for kind in $(node "$folder/run.js" --labs "$@"); do
        in_lab "$kind" "$@"
    done
else
    node "$folder/run.js" "$@"
fi
[ $# -gt 0 ] || node "$folder/report.js" docs/interop.md "$INTEROP_OUTPUT/results.json"
awk '{ passed += $1; failed += $2; skipped += $3 }
     END { printf "interop: %d passed, %d failed, %d skipped\n", passed, failed, skipped; exit !(failed == 0 && passed > 0) }' "$INTEROP_OUTPUT/counts"
