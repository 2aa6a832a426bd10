#!/bin/bash
# make demo: a real call between two homes, each behind its own NAT, judged from its recordings.
#
# Installs what is missing, builds, makes a small internet of network namespaces (test/lab/net.sh), and lets caller and callee talk for 20
# seconds in both directions: real speech, 640x480 pictures at 30 a second. Exits 0 only if test/demo/verify.py, which shares no code with
# the programs, finds in the recordings what was sent, and the routers' counters say that no media went through the TURN server.
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

say() { printf '\n== %s\n' "$*"; }

say "installing what is missing"
test/setup/install.sh build demo
say "building"
mode=${build##*/}
make -s -j"$(nproc)" MODE="$mode" "$build/caller" "$build/callee" "$build/signaling-server"

say "the input: two films, two spoken texts"
mkdir -p "$out"
test/demo/make_input.sh "$out/input"
rm -f "$out"/*.ivf "$out"/*.ogg "$out"/*.json "$out"/*.log

say "a small internet: two homes behind NATs, a public host"
# shellcheck source=test/lab/net.sh
. test/lab/net.sh
lab_up preserving preserving
lab_start pub turnserver -n --no-cli --no-tls --no-dtls --listening-ip "$LAB_PUBLIC" --relay-ip "$LAB_PUBLIC" --listening-port 3478 \
    --lt-cred-mech --user demo:demo --realm demo --log-file "$out/coturn.log" --simple-log --pidfile "$out/coturn.pid" >/dev/null 2>&1
lab_start pub "$build/signaling-server" --listen "$LAB_PUBLIC:8080" --ice-server "stun:$LAB_PUBLIC:3478" >"$out/signaling-server.log" 2>&1

# answers HOW...: waits until the command says that a server is there
answers() {
    local turn
    for turn in $(seq 50); do
        if lab_exec pub "$@" >/dev/null 2>&1; then return 0; fi
        sleep 0.1
    done
    echo "demo: no answer: $*" >&2
    return 1
}
answers timeout 1 turnutils_stunclient -p 3478 "$LAB_PUBLIC"
answers timeout 1 bash -c "exec 3<>/dev/tcp/$LAB_PUBLIC/8080"
echo "hA $LAB_HOME_A behind $LAB_ROUTER_A, hB $LAB_HOME_B behind $LAB_ROUTER_B, signaling and STUN/TURN at $LAB_PUBLIC"

say "the call: $seconds seconds, both ways"
room="ws://$LAB_PUBLIC:8080/r/demo"
# end NODE PROGRAM INPUT: one side of the call, in the background
end() {
    lab_start "$1" timeout -k 5 90 "$build/$2" --audio "$out/input/$3.wav" --video "$out/input/$3.y4m" --stamp --record "$out/$2" \
        --duration "$seconds" --wait 30 --json="$out/$2.json" "$room" 2> >(tee "$out/$2.log" >&2)
}
end hB callee b
callee=$LAB_PID
end hA caller a
caller=$LAB_PID
failed=0
wait "$caller" || { echo "demo: caller ended with exit code $?"; failed=1; }
wait "$callee" || { echo "demo: callee ended with exit code $?"; failed=1; }

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
