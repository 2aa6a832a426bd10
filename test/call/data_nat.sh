#!/bin/bash
# --data through two NATs: 20 MB arrive byte for byte, past the public host.
#
# Usage: data_nat.sh [BUILD_DIR]      (default build/release)
set -euo pipefail
cd "$(dirname "$0")/../.."
build=${1:-build/release}
bytes=20000000
# shellcheck source=test/lab/net.sh
. test/lab/net.sh
mkdir -p build
folder=$(mktemp -d build/data-nat-XXXXXX)
lab_up preserving preserving
lab_start pub "$build/signaling-server" --listen "$LAB_PUBLIC:8080" >"$folder/server.log" 2>&1
server=$LAB_PID
for _ in $(seq 50); do
    if lab_exec pub bash -c "exec 3<>/dev/tcp/$LAB_PUBLIC/8080" 2>/dev/null; then break; fi
    sleep 0.1
done

head -c $bytes /dev/urandom >"$folder/sent"
room=ws://$LAB_PUBLIC:8080/r/files
lab_start hB timeout 60 "$build/callee" --data files "$room" </dev/null >"$folder/received" 2>"$folder/callee.err"
callee=$LAB_PID
caller_code=0 callee_code=0
lab_exec hA timeout 60 "$build/caller" --data files "$room" <"$folder/sent" >/dev/null 2>"$folder/caller.err" || caller_code=$?
wait "$callee" || callee_code=$?
kill "$server"

direct=$(lab_counter rA udp_to_peer)
relayed=$(lab_counter rA udp_to_public)
if [ "$caller_code $callee_code" = "0 0" ] && cmp "$folder/sent" "$folder/received" && [ "$direct" -ge $bytes ] && [ "$relayed" -lt 10000 ]; then
    echo "ok   $bytes bytes through two NATs are the same: $direct went direct, $relayed to the public host"
    rm -r "$folder"
else
    echo "FAIL through two NATs: exit codes $caller_code $callee_code, $direct bytes went direct, $relayed to the public host"
    cat "$folder"/*.err
    exit 1
fi
