#!/bin/bash
# Proves that a lab leaves nothing behind, however its script ends, at whatever moment, and that labs do not touch each other. Run as root.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
neighbour=
. "$here/net.sh"

cleanup() {
    if [ -n "$neighbour" ] && kill -TERM "$neighbour" 2>/dev/null; then wait "$neighbour" || neighbour=; fi
    rm -rf "$work"
}
trap cleanup EXIT

cat > "$work/victim" <<'SCRIPT'
#!/bin/bash
set -euo pipefail
echo began
. "$1/net.sh"
if [ "${3:-}" = full ]; then # with programs of ours in the routers and cables
    . "$1/topology.sh"
    LAB_LOG=$4 LAB_WIRE_A=delay_ms=10
    lab_build full-cone double
else
    lab_up
fi
lab_start hA sleep 3600
lab_start hB bash -c 'trap "" TERM; while true; do sleep 1; done'
echo up
if [ "$2" = fail ]; then false; fi
lab_start pub sleep 3600
wait "$LAB_PID"
SCRIPT

remains() { # of the lab of process $1: namespaces, and processes that hold one
    ip netns list | grep -c "^strata-lab-$1-" && return 0
    return 1
}

# It takes a moment: the sweep waits for processes that ignore TERM, the guardian looks twice a second, and a busy machine does all of
# it many times slower. What is proven is that nothing remains, not how soon: a lab that leaves something leaves it for good.
gone() {
    local turn
    for turn in $(seq 600); do
        if ! remains "$1" >/dev/null; then return 0; fi
        sleep 0.1
    done
    return 1
}

verdict=0
judge() { if [ "$2" = 0 ]; then printf 'ok   %s\n' "$1"; else printf 'FAIL %s\n' "$1"; verdict=1; fi; }

# strike SIGNAL MOMENT: ends $victim so many seconds after its script began, or once its lab is up; its exit code is in $code. Not sooner
# than it began: before that it is this script's own child still, which ignores INT.
strike() {
    local sign=began moment=$2
    if [ "$2" = up ]; then sign=up moment=0; fi
    until grep -q $sign "$work/out"; do sleep 0.02; done
    sleep "$moment"
    kill "-$1" "$victim"
    if wait "$victim" 2>/dev/null; then code=0; else code=$?; fi
}

bash "$work/victim" "$here" stay >"$work/neighbour" 2>/dev/null &
neighbour=$!
until grep -q up "$work/neighbour"; do sleep 0.1; done

for signal in INT TERM HUP KILL; do
    for moment in 0.1 0.2 0.4 up; do
        : > "$work/out"
        # setsid: a signal to the script alone, not to this one. INT is ignored in background jobs of a script, hence env.
        setsid env --default-signal=INT bash "$work/victim" "$here" stay > "$work/out" 2> "$work/err" &
        victim=$!
        strike "$signal" $moment
        result=0
        gone "$victim" && [ "$code" -gt 128 ] || result=1
        judge "SIG$signal after $moment: exit code $code, nothing remains" $result
    done
done

# The laboratory in full ends the same way. Its programs are built by lab-programs; without them there is nothing to prove.
for signal in INT TERM KILL; do
    for moment in 0.3 up; do
        : > "$work/out"
        rm -rf "$work/log"
        mkdir "$work/log"
        setsid env --default-signal=INT bash "$work/victim" "$here" stay full "$work/log" > "$work/out" 2> "$work/err" &
        victim=$!
        strike "$signal" $moment
        result=0
        gone "$victim" && [ "$code" -gt 128 ] || result=1
        judge "SIG$signal after $moment, all kinds of nodes: exit code $code, nothing remains" $result
    done
done

bash "$work/victim" "$here" fail > "$work/out" 2>/dev/null &
victim=$!
if wait "$victim"; then result=1; else result=0; fi
gone "$victim" || result=1
judge "a failing command: nothing remains" $result

result=0
for node in $LAB_NODES; do
    [ -e "/run/netns/strata-lab-$neighbour-$node" ] || result=1
done
judge "the lab beside it stands" $result
kill -TERM "$neighbour"
if wait "$neighbour" 2>/dev/null; then result=1; else result=0; fi
gone "$neighbour" || result=1
judge "and goes when asked to" $result
neighbour=
exit $verdict
