#!/bin/bash
# Telling cells of the NAT matrix, in the kernel; make nat-matrix has all of them. In pairs: a call is mostly waiting.
set -uo pipefail
make -s lab-programs || exit 1
folder=build/check/nat-cells
passed=0 failed=0
pids=() names=()

# cell NAME SETTINGS...: one call, in the background
cell() {
    local name=$1
    shift
    mkdir -p "$folder/$name"
    env "$@" OUT="$folder/$name" test/lab/lab_call.sh >"$folder/$name/said.txt" 2>&1 &
    pids+=($!) names+=("$name")
}

# Waits for those that were begun; each must end with the path that it must have.
settle() {
    local i
    for i in "${!pids[@]}"; do
        if wait "${pids[i]}"; then
            passed=$((passed + 1))
            echo "ok   ${names[i]}"
        else
            failed=$((failed + 1))
            echo "FAIL ${names[i]}"
        fi
        sed 's/^/       /' "$folder/${names[i]}/said.txt"
    done
    pids=() names=()
}

# judged NAME PYTHON: a condition on the call's report
judged() {
    if python3 -c 'import json, sys; r = json.load(open(sys.argv[1])); sys.exit(not ('"$2"'))' "$folder/$1/call.json"; then
        passed=$((passed + 1))
        echo "ok   $1: $2"
    else
        failed=$((failed + 1))
        echo "FAIL $1: $2"
    fi
}

cell port-restricted A=port-restricted B=port-restricted
cell symmetric-udp A=symmetric B=symmetric TURN=udp
settle
judged symmetric-udp 'any("relay (udp)" in words for words in r["pairs"].values())'
cell no-udp-tcp A=no-udp B=port-restricted TURN_A=tcp TURN_B=udp
cell no-udp-tls A=port-restricted B=no-udp TURN_A=udp TURN_B=tls
settle
judged no-udp-tcp '"relay (tcp)" in r["pairs"]["caller"] or "relay (udp)" in r["pairs"]["callee"]'
judged no-udp-tls '"relay (tls)" in r["pairs"]["callee"] or "relay (udp)" in r["pairs"]["caller"]'
# From answer to ICE connected, at 0 ms.
cell lan LAN=1
settle
judged lan 'r["layers"]["ice"] < 100'
printf 'nat-cells: %d passed, %d failed, 0 skipped\n' "$passed" "$failed"
[ "$failed" = 0 ]
