#!/bin/bash
# make demo: real calls between two homes, each behind its own NAT, judged from their recordings, by the commands of docs/two-hosts.md.
#
# Installs what is missing, builds, and makes a small internet of network namespaces (test/lab/net.sh). Then
#   1. one program on the public host: caller and callee talk for 20 seconds in both directions, real speech, 640x480 pictures at 30 a second.
#      test/demo/verify.py, which shares no code with the programs, must find in the recordings what was sent, and the routers' counters
#      must say that no media went through the public host;
#   2. a certificate, signaling over TLS and coturn with passwords that expire: a short call by the relay alone, which the counters must say too,
#      and probe must find the relay good.
# Exits 0 only if all of that is so.
#
# Every command of a call or a server is a block of docs/two-hosts.md, run as it stands there: the page cannot be wrong about them.
#
# Leaves in build/demo: recordings, JSON logs, what the programs said. Leaves nothing else: the lab goes however this script ends.
#
# Usage: demo.sh [BUILD_DIR]      (default build/release)
set -euo pipefail
cd "$(dirname "$0")/../.."
build=${1:-build/release}
out=build/demo
seconds=20
# A second of 640x480 video is some 200,000 bytes; STUN is less than this in a whole call.
relayed_max=10000
direct_min=2000000
relay_seconds=6
page=docs/two-hosts.md

say() { printf '\n== %s\n' "$*"; }

say "installing what is missing"
test/setup/install.sh build demo
say "building"
mode=${build##*/}
make -s -j"$(nproc)" MODE="$mode" "$build/caller" "$build/callee" "$build/signaling-server" "$build/probe"

say "the input: two films, two spoken texts"
mkdir -p "$out"
test/demo/make_input.sh "$out/input"
rm -f "$out"/*.ivf "$out"/*.ogg "$out"/*.json "$out"/*.log

say "a small internet: two homes behind NATs, a public host"
# shellcheck source=test/lab/net.sh
. test/lab/net.sh
lab_up preserving preserving
echo "hA $LAB_HOME_A behind $LAB_ROUTER_A, hB $LAB_HOME_B behind $LAB_ROUTER_B, the public host $LAB_PUBLIC"

# ---- the page's commands, with the page's names ---------------------------------------------------------------------------

BIN=$build HOST=$LAB_PUBLIC ROOM=demo TRUST=
CERT=$PWD/$out/cert.pem KEY=$PWD/$out/key.pem CA=$PWD/$out/ca.pem SAN=IP:$LAB_PUBLIC CONF=$PWD/$out/turnserver.conf
export BIN HOST ROOM TRUST CERT KEY CA SAN CONF
blocks_run=()

# serve BLOCK NAME: runs a server's block on the public host, in the background; its process id is in LAB_PID
serve() {
    local commands
    commands=$(test/demo/two_hosts.py block "$page" "$1")
    blocks_run+=("$1")
    lab_start pub bash -c "$commands" >"$out/$2.log" 2>&1
}

# end NODE BLOCK NAME MEDIA: one side of a call, in the background
end() {
    local commands
    commands=$(test/demo/two_hosts.py block "$page" "$2")
    blocks_run+=("$2")
    MEDIA=$4 lab_start "$1" timeout -k 5 90 bash -c "$commands" 2> >(tee "$out/$3.log" >&2)
}

# here BLOCK: runs a block in this shell
here() {
    local commands
    commands=$(test/demo/two_hosts.py block "$page" "$1")
    blocks_run+=("$1")
    eval "$commands"
}

# both CALLER CALLEE: waits for the two ends
both() {
    wait "$1" || { echo "demo: caller ended with exit code $?"; failed=1; }
    wait "$2" || { echo "demo: callee ended with exit code $?"; failed=1; }
}
failed=0

# ---- 1. one program -----------------------------------------------------------------------------------------------------------

say "one program on the public host: signaling and STUN"
serve one-program signaling-server
signaling=$LAB_PID
lab_listens pub "$LAB_PUBLIC:8080"

say "the call: $seconds seconds, both ways"
# media INPUT NAME: what one side sends and keeps
media() {
    echo "--audio $out/input/$1.wav --video $out/input/$1.y4m --stamp --record $out/$2 --duration $seconds --wait 30 --json=$out/$2.json"
}
end hB callee callee "$(media b callee)"
callee=$LAB_PID
end hA caller caller "$(media a caller)"
both "$LAB_PID" "$callee"
kill "$signaling"

say "what the routers forwarded"
lab_counters | tee "$out/counters.txt"
for router in rA rB; do
    direct=$(lab_counter "$router" udp_to_peer)
    relayed=$(($(lab_counter "$router" udp_to_public) + $(lab_counter "$router" udp_from_public)))
    if [ "$direct" -ge "$direct_min" ] && [ "$relayed" -le "$relayed_max" ]; then
        echo "  ok   $router: media went direct: $direct bytes, $relayed to and from the public host"
    else
        echo "  FAIL $router: $direct bytes went direct ($direct_min needed), $relayed to and from the public host ($relayed_max allowed)"
        failed=1
    fi
done

# ---- 2. a certificate and a relay ----------------------------------------------------------------------------------------------

say "a certificate, signaling over TLS, and coturn with passwords that expire"
here own-authority 2>"$out/openssl.log"
here relay-configuration
serve relay coturn
serve signaling signaling-server-tls
lab_answers pub timeout 1 turnutils_stunclient -p 3478 "$LAB_PUBLIC"
lab_listens pub "$LAB_PUBLIC:443"

say "a call by the relay alone: $relay_seconds seconds"
here believe
media="--size 320x240 --duration $relay_seconds --wait 30 --ice-transport-policy relay"
before_a=$(lab_counter rA udp_to_peer) before_b=$(lab_counter rB udp_to_peer)
end hB secure-callee relay-callee "$media --json=$out/relay-callee.json"
callee=$LAB_PID
end hA secure-caller relay-caller "$media --json=$out/relay-caller.json"
both "$LAB_PID" "$callee"
test/demo/relay_verdict.py "$out/relay-caller.json" "$out/relay-callee.json" || failed=1
past=$(($(lab_counter rA udp_to_peer) - before_a + $(lab_counter rB udp_to_peer) - before_b))
if [ "$past" = 0 ]; then echo "  ok   nothing went past the relay"; else echo "  FAIL $past bytes went past the relay"; failed=1; fi

say "what probe says at home"
# probe BLOCK: in hA, to its end; it must find everything
probe() {
    local commands code=0
    commands=$(test/demo/two_hosts.py block "$page" "$1")
    blocks_run+=("$1")
    lab_exec hA timeout 60 bash -c "$commands" | tee "$out/$1.txt" || code=$?
    if [ "$code" = 0 ]; then echo "  ok   $1: exit code 0"; else echo "  FAIL $1: exit code $code"; failed=1; fi
}
probe probe
here credential
probe probe-relay

say "the page"
test/demo/two_hosts.py check "$page" docs/two-hosts/strata-signaling.service "${blocks_run[@]}" || failed=1
lab_down

say "the judge: recordings against what was sent"
judge() {
    test/demo/verify.py --name "$1" --source-video "$out/input/$2.y4m" --source-audio "$out/input/$2.wav" \
        --video "$out/$1-video.ivf" --audio "$out/$1-audio.ogg" --log "$out/$1.json" || failed=1
}
judge caller b
judge callee a

printf '\n'
if [ "$failed" = 0 ]; then
    echo "demo: passed. Recordings and logs: $out (ffplay $out/caller-video.ivf)"
else
    echo "demo: FAILED. Recordings and logs: $out"
fi
exit "$failed"
