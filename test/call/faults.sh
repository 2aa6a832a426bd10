#!/bin/bash
# Every way in which a call can go wrong, each with its own exit code and its three sentences. Real programs in one network namespace.
#
# Usage: faults.sh [BUILD_DIR]      (default build/release). Takes about a minute: consent alone takes 30 s to run out.
set -uo pipefail
cd "$(dirname "$0")/../.."
build=${1:-build/release}
# shellcheck source=test/lab/net.sh
. test/lab/net.sh
folder=$(mktemp -d)
passed=0 failed=0

pass() {
    echo "ok   $1"
    passed=$((passed + 1))
}
fail() {
    echo "FAIL $1"
    failed=$((failed + 1))
    shift
    local log
    for log in "$@"; do
        [ -e "$log" ] && sed 's/^/     /' "$log"
    done
}

# start NAME PROGRAM ARGUMENTS...: in the background; its stderr is NAME.err, its JSON log NAME.json; the process id is in PID
start() {
    local name=$1 program=$2
    shift 2
    lab_start pub timeout -s KILL 100 "$build/$program" --json="$folder/$name.json" --size 320x240 --fps 15 "$@" 2>"$folder/$name.err" >"$folder/$name.out"
    PID=$LAB_PID
}

# expect NAME CODE PID [WHAT]: the exit code, the sentences and the summary agree
expect() {
    local name=$1 wanted=$2 code=0
    wait "$3" || code=$?
    local err="$folder/$name.err" json="$folder/$name.json" wrong=
    [ "$code" = "$wanted" ] || wrong="exit code $code"
    case $wanted in
    0 | 130) ;;
    *)
        grep -q '^  why: .' "$err" && grep -q '^  try: .' "$err" || wrong="$wrong, no three sentences"
        ;;
    esac
    # The command line, and a log that cannot be made, are judged before there is a log.
    if [ -e "$json" ] && ! tail -n 1 "$json" | grep -q "\"event\":\"summary\",.*\"exitCode\":$wanted\b"; then
        wrong="$wrong, the summary says otherwise"
    fi
    if [ -z "$wrong" ]; then pass "$name: exit code $wanted"; else fail "$name: $wanted wanted, but $wrong" "$err"; fi
}

# pid_of NAME-OF-PROGRAM WORD: the program itself, not the timeout around it
pid_of() { lab_exec pub pgrep -f -n "^$build/$1 .*$2\$"; }

# decoded NAME: pictures of the summary's inbound video
decoded() { tail -n 1 "$folder/$1.json" | /usr/bin/python3 -c 'import json, sys
print(sum(stream["framesDecoded"] for stream in json.load(sys.stdin)["inbound"] if stream["kind"] == "video"))'; }

lab_up preserving preserving
server=$LAB_PUBLIC:8080
url=ws://$server/r
lab_start pub "$build/signaling-server" --listen "$server" >"$folder/server.out" 2>&1
server_pid=$LAB_PID
lab_listens pub "$server"

# ---- in mid-call, begun first because it takes longest: the other side is killed ---------------------------------------------
start vanished caller --wait 20 "$url/vanish"
vanished=$PID
start killed callee --wait 20 "$url/vanish"
killed=$PID
lab_logged "$folder/vanished.json" '"firstframe"'
lab_logged "$folder/killed.json" '"firstframe"'
kill -KILL "$(pid_of callee /r/vanish)"
killed_at=$SECONDS
wait "$killed" 2>/dev/null

# ---- before anything is sent --------------------------------------------------------------------------------------------------
start usage caller --no-such-flag "$url/x"
expect usage 64 "$PID"
echo 'this is no sound and no film' >"$folder/text.wav"
cp "$folder/text.wav" "$folder/text.y4m"
start bad-sound caller --audio "$folder/text.wav" "$url/x"
expect bad-sound 65 "$PID"
start bad-film callee --video "$folder/text.y4m" "$url/x"
expect bad-film 65 "$PID"
start no-file caller --audio "$folder/nowhere.wav" "$url/x"
expect no-file 74 "$PID"
start no-log caller --keylog "$folder/nowhere/log" "$url/x"
expect no-log 74 "$PID"

# ---- signaling ----------------------------------------------------------------------------------------------------------------
start no-server caller "ws://$LAB_PUBLIC:9/r/x"
expect no-server 69 "$PID"
start nobody caller --wait 1 "$url/alone"
expect nobody 75 "$PID"

start full-a callee --duration 3 "$url/full"
first=$PID
start full-b caller --duration 3 "$url/full"
second=$PID
lab_logged "$folder/full-a.json" '"firstframe"'
start room-full caller "$url/full"
expect room-full 16 "$PID"
expect full-a 0 "$first"
expect full-b 0 "$second"

# ---- descriptions and identity ------------------------------------------------------------------------------------------------
start no-codec callee "$url/codecs"
callee=$PID
lab_logged "$folder/no-codec.err" joined
lab_start pub timeout 20 test/call/meddler.py codecs "$server" codecs >/dev/null 2>&1
expect no-codec 14 "$callee"

lab_start pub timeout 30 test/call/meddler.py fingerprint "$server" forged-a forged-b >"$folder/meddler.out" 2>&1
lab_logged "$folder/meddler.out" 'in both rooms'
start forged-caller caller "$url/forged-a"
caller=$PID
lab_logged "$folder/forged-caller.err" joined
start wrong-fingerprint callee "$url/forged-b"
expect wrong-fingerprint 12 "$PID"
expect forged-caller 11 "$caller"

# ---- garbage ------------------------------------------------------------------------------------------------------------------
start flooded caller --duration 8 "$url/flood"
caller=$PID
start flood-callee callee --duration 8 "$url/flood"
callee=$PID
lab_logged "$folder/flooded.json" '"firstframe"'
port=$(grep -o 'udp [0-9]* [0-9.]* [0-9]* typ host' "$folder/flooded.json" | head -n 1 | cut -d' ' -f4)
lab_exec pub timeout 20 test/call/meddler.py flood "$LAB_PUBLIC:$port" 50000 5
expect flooded 0 "$caller"
expect flood-callee 0 "$callee"
pictures=$(decoded flooded)
if [ "${pictures:-0}" -ge 90 ]; then pass "flooded: $pictures of 120 pictures were seen all the same"; else fail "flooded: only $pictures of 120 pictures were seen"; fi

# ---- SIGINT -------------------------------------------------------------------------------------------------------------------
start interrupted caller "$url/interrupt"
caller=$PID
start interrupt-callee callee "$url/interrupt"
callee=$PID
lab_logged "$folder/interrupted.json" '"firstframe"'
lab_logged "$folder/interrupt-callee.json" '"firstframe"'
sleep 1
kill -INT "$(pid_of caller /r/interrupt)"
expect interrupted 130 "$caller"
expect interrupt-callee 0 "$callee"
start waiting callee "$url/interrupt"
callee=$PID
lab_logged "$folder/waiting.err" joined
kill -INT "$(pid_of callee /r/interrupt)"
expect waiting 130 "$callee"

# A server that has gone deaf cannot hold us: a polite end is over in a few seconds, the second SIGINT ends at once.
for times in once twice; do
    start "deaf-$times" callee "$url/deaf-$times"
    callee=$PID
    lab_logged "$folder/deaf-$times.err" joined
    kill -STOP "$server_pid"
    program=$(pid_of callee "/r/deaf-$times")
    began=$(date +%s%3N)
    kill -INT "$program"
    if [ "$times" = twice ]; then
        sleep 0.3
        kill -INT "$program"
        wait "$callee" && code=0 || code=$?
        wanted=130 most=1000
    else
        wait "$callee" && code=0 || code=$?
        wanted=130 most=6000
    fi
    took=$(($(date +%s%3N) - began))
    kill -CONT "$server_pid"
    if [ "$code" = "$wanted" ] && [ "$took" -le "$most" ]; then
        pass "deaf-$times: exit code $code after $took ms"
    else
        fail "deaf-$times: exit code $code after $took ms ($wanted within $most wanted)" "$folder/deaf-$times.err"
    fi
done

# ---- the killed peer is noticed by consent (RFC 7675 section 5.1) within 30 s -----------------------------------------------
expect vanished 15 "$vanished"
took=$((SECONDS - killed_at))
if [ "$took" -le 60 ] && [ "$(tail -n 1 "$folder/vanished.json" | /usr/bin/python3 -c 'import json, sys; print(json.load(sys.stdin)["t"] < 36)')" = True ]; then
    pass "vanished: noticed in time"
else
    fail "vanished: noticed too late"
fi

# ---- an address goes in mid-call: the same connection finds another path, whoever else was in the room before ----------------
lab_exec pub ip link add name moving type veth peer name moving-end
for device in moving moving-end; do lab_exec pub ip link set "$device" up; done
for address in 192.0.2.1 192.0.2.2; do lab_exec pub ip address add "$address/32" dev moving; done
start moved-callee callee --interface moving --duration 9 "$url/moved"
callee=$PID
lab_logged "$folder/moved-callee.err" joined
lab_exec pub timeout 10 test/call/meddler.py visit "$server" moved
lab_logged "$folder/moved-callee.err" 'the other side left'
start moved caller --interface moving --duration 9 "$url/moved"
caller=$PID
lab_logged "$folder/moved.json" '"firstframe"'
lab_logged "$folder/moved-callee.json" '"firstframe"'
sleep 1 # better pairs have had their chance
used=$(grep -o 'path: host [0-9.]*' "$folder/moved.err" | tail -n 1 | cut -d' ' -f3)
lab_exec pub ip address del "$used/32" dev moving
expect moved 0 "$caller"
expect moved-callee 0 "$callee"
if [ "$(grep -c '"state":"have-local-offer"' "$folder/moved.json")" = 2 ]; then pass "moved: ICE was restarted"; else fail "moved: one offer only" "$folder/moved.err"; fi
for name in moved moved-callee; do
    pictures=$(decoded "$name")
    if [ "${pictures:-0}" -ge 100 ]; then
        pass "$name: $pictures of 135 pictures were seen"
    else
        fail "$name: only $pictures of 135 pictures were seen" "$folder/$name.err"
    fi
done

# ---- the other side is killed, and who comes in its place does not stay: not the old call, and no new one --------------------------
start deserted caller --wait 3 "$url/deserted"
caller=$PID
start deserter callee "$url/deserted"
callee=$PID
lab_logged "$folder/deserted.json" '"firstframe"'
kill -KILL "$(pid_of callee /r/deserted)"
wait "$callee" 2>/dev/null
lab_logged "$folder/deserted.err" 'lost signaling'
lab_exec pub timeout 10 test/call/meddler.py visit "$server" deserted ready
began=$SECONDS
expect deserted 10 "$caller"
if [ $((SECONDS - began)) -le 8 ]; then pass "deserted: did not hang"; else fail "deserted: took $((SECONDS - began)) s"; fi

# ---- a network that lets nothing, or only part, through ---------------------------------------------------------------------
lab_exec pub nft -f - <<'RULES'
table ip faults {
    chain input { type filter hook input priority filter; policy accept; udp dport != 53 @th,64,8 & 0xc0 == 0x80 drop; }
}
RULES
start no-media caller "$url/media"
caller=$PID
start no-media-callee callee "$url/media"
callee=$PID
expect no-media 13 "$caller"
wait "$callee" # it sees the other one's goodbye, or the same as the caller: both are right
lab_exec pub nft delete table ip faults

lab_exec pub nft -f - <<RULES
table ip faults {
    chain input {
        type filter hook input priority filter; policy accept;
        meta l4proto udp drop
        tcp dport != ${server##*:} tcp flags & (syn | ack) == syn drop
    }
}
RULES
start no-path caller --wait 4 "$url/path"
caller=$PID
start no-path-callee callee --wait 5 "$url/path"
callee=$PID
expect no-path 10 "$caller"
expect no-path-callee 10 "$callee" # the caller left, nobody else came: the attempt that failed is the reason

lab_down
rm -rf "$folder"
echo "faults: $passed passed, $failed failed, 0 skipped"
[ "$failed" = 0 ]
