#!/bin/bash
# make interop-smoke: our programs against a browser, over loopback, a LAN and two kernel NATs. Installs what is missing (packages by
# test/setup/install.sh, the browser's driver by npm ci), builds, and ends with "interop: N passed, N failed, N skipped".
#
# Usage: smoke.sh [WORD]...    only the cases whose name has every WORD in it (docs/interop.md)
set -euo pipefail
cd "$(dirname "$0")/../.."
folder=test/interop
export INTEROP_BUILD=build/${MODE:-release} INTEROP_OUTPUT=build/interop INTEROP_LAB=
mkdir -p "$INTEROP_OUTPUT"

test/setup/install.sh build check demo browsers
if [ "$folder/node_modules/.package-lock.json" -ot "$folder/package-lock.json" ]; then
    npm ci --prefix "$folder" >"$INTEROP_OUTPUT/npm.log" 2>&1 || { cat "$INTEROP_OUTPUT/npm.log" >&2; exit 69; }
fi
make -s -j"$(nproc)" MODE="${MODE:-release}" all

# The judge is judged first: good measurements pass, each broken one fails.
node --test "$folder/stamp_test.js" "$folder/judge_test.js" >"$INTEROP_OUTPUT/own-tests.log" 2>&1 || { cat "$INTEROP_OUTPUT/own-tests.log"; exit 1; }

if [ "$(id -u)" = 0 ] && command -v ip nft >/dev/null; then
    # shellcheck source=test/lab/net.sh
    . test/lab/net.sh
    lab_up preserving preserving
    INTEROP_LAB=$LAB_PREFIX
    code=0
    lab_exec hA node "$folder/run.js" "$@" || code=$?
    lab_down
    exit "$code"
fi
exec node "$folder/run.js" "$@"
