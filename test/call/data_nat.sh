#!/bin/bash
# --data through two NATs: DATA_BYTES arrive byte for byte, past the public host, and neither end grows meanwhile.
#
# Usage: [DATA_BYTES=1000000000] data_nat.sh [BUILD_DIR]      (default 200 MB, build/release)
set -euo pipefail
cd "$(dirname "$0")/../.."
build=${1:-build/release}
bytes=${DATA_BYTES:-200000000} # so many that all buffers have been full long before the half
growth_max_kb=2000            # beyond what each end has taken by the time that a half has arrived
samples_min=3                 # in each half: with fewer, nothing has been watched
resident_max_kb=60000
patience_seconds=$((60 + bytes / 2000000)) # 2 MB/s: a machine with other things to do
# shellcheck source=test/lab/net.sh
. test/lab/net.sh
mkdir -p build
folder=$(mktemp -d build/data-nat-XXXXXX)
lab_up preserving preserving
lab_start pub "$build/signaling-server" --listen "$LAB_PUBLIC:8080" >"$folder/server.log" 2>&1
server=$LAB_PID
lab_listens pub "$LAB_PUBLIC:8080"

room=ws://$LAB_PUBLIC:8080/r/files
mkfifo "$folder/in" "$folder/out"
sha256sum <"$folder/out" >"$folder/received" &
receives=$!
lab_start hB "$build/callee" --data files "$room" </dev/null >"$folder/out" 2>"$folder/callee.err"
callee=$LAB_PID
(head -c "$bytes" /dev/urandom | tee "$folder/in" | sha256sum >"$folder/sent") &
sends=$!
ip netns exec "$(lab_ns hA)" "$build/caller" --data files "$room" <"$folder/in" >/dev/null 2>"$folder/caller.err" & # lab_start would give it no stdin
caller=$!

# What both ends hold, twenty times a second at most: "BYTES_WRITTEN CALLER_KB CALLER_DESCRIPTORS CALLEE_KB CALLEE_DESCRIPTORS"
held() { # PID
    printf ' %s %s' "$(awk '/VmRSS/ { print $2 }' "/proc/$1/status")" "$(find "/proc/$1/fd" -mindepth 1 | wc -l)"
}
watch() {
    while kill -0 "$caller" && kill -0 "$callee"; do
        echo "$(awk '/^wchar/ { print $2 }' "/proc/$callee/io")$(held "$caller")$(held "$callee")"
        sleep 0.05
    done 2>/dev/null >"$folder/samples"
}
watch &
watches=$!
(sleep "$patience_seconds" && kill "$caller" "$callee") 2>/dev/null &
patience=$!
caller_code=0 callee_code=0 wrong=
started=$SECONDS
wait "$caller" || caller_code=$?
wait "$callee" || callee_code=$?
seconds=$((SECONDS - started))
kill "$patience" "$server"
wait "$watches" "$receives" "$sends" || wrong="what feeds and reads them failed; "

# growth COLUMN MARGIN: nothing when the second half never exceeds the most of the first half by more than the margin
growth() {
    awk -v column="$1" -v margin="$2" -v half=$((bytes / 2)) -v least="$samples_min" '
        NF == 5 && $1 < half { first++; if ($column > before) before = $column }
        NF == 5 && $1 >= half { second++; if ($column > after) after = $column }
        END {
            if (first < least || second < least) printf "column %d has %d and %d samples; ", column, first, second
            if (after > before + margin) printf "column %d of the samples grew from %d to %d; ", column, before, after
        }' "$folder/samples"
}
most() { awk -v column="$1" 'NF == 5 && $column > most { most = $column } END { print most + 0 }' "$folder/samples"; }
direct=$(lab_counter rA udp_to_peer)
relayed=$(lab_counter rA udp_to_public)
[ "$caller_code $callee_code" = "0 0" ] || wrong+="exit codes $caller_code $callee_code; "
cmp "$folder/sent" "$folder/received" || wrong+="what arrived is not what was sent; "
[ "$direct" -ge "$bytes" ] && [ "$relayed" -lt 10000 ] || wrong+="$direct bytes went direct, $relayed to the public host; "
wrong+="$(growth 2 $growth_max_kb)$(growth 3 0)$(growth 4 $growth_max_kb)$(growth 5 0)"
for column in 2 4; do
    [ "$(most $column)" -le $resident_max_kb ] || wrong+="$(most $column) kB resident; "
done
if [ -z "$wrong" ]; then
    echo "ok   $bytes bytes through two NATs in $seconds s are the same: $direct went direct, $relayed to the public host;" \
        "caller $(most 2) kB and $(most 3) descriptors at most, callee $(most 4) kB and $(most 5), in $(wc -l <"$folder/samples") samples"
    rm -r "$folder"
else
    echo "FAIL through two NATs: $wrong"
    cat "$folder"/*.err
    tail -n 3 "$folder/samples"
    exit 1
fi
