#!/bin/bash
# One call between two homes of the laboratory; `make lab` is this. Run as root, from anywhere; settings are environment variables:
#
#   A=KIND B=KIND        what stands before caller and callee (topology.sh says which kinds there are); default port-restricted
#   CARRIER=KIND LAN=1   both behind one carrier's NAT; both in one home
#   TURN="udp tcp tls"   which of coturn's transports both sides are told of, by default all; none: only STUN
#   TURN_A= TURN_B=      the same for one side
#   DELAY=MS JITTER=MS LOSS=PERCENT BURST=DATAGRAMS (mean length of the gaps that make up LOSS) REORDER=PERCENT DUPLICATE=PERCENT
#   RATE=KBPS QUEUE=BYTES   of each home's cable, each way: a round trip between the homes is 4 times DELAY
#   WIRE_A= WIRE_B=      the same in words of test/wire/settings.h, instead
#   THEN="SETTINGS" AT=SEC  other settings for both cables, that many seconds after the caller was started
#   DURATION=SEC WAIT=SEC VIDEO=none|pattern SIZE=320x240 POLICY=all|relay SEED=N
#   OUT=FOLDER           where logs and reports go; a folder of its own under build/lab without it
#   DURING=COMMAND       a bash command that is run in the middle of the call, with the lab's functions (a restart of coturn)
#   BESIDE="NODE COMMAND"  a program that runs there beside the whole call: it says "ready", and its exit code counts (attack.py)
#
# Prints who won and when, exits 0 if the call did what expected.py says it must (a call that fails as it must is as good as
# one that connects), 1 if not. OUT/call.json is the same for programs.
set -euo pipefail
cd "$(dirname "$0")/../.."
. test/lab/net.sh
. test/lab/topology.sh
. test/lab/servers.sh

A=${A:-port-restricted}
B=${B:-port-restricted}
TURN=${TURN-udp tcp tls}
DELAY=${DELAY:-0}
DURATION=${DURATION:-3}
WAIT=${WAIT:-25}
LAB_SEED=${SEED:-1}
LAB_CARRIER=${CARRIER:-}
LAB_LAN=${LAN:-0}
LAB_LOG=${OUT:-build/lab/$$}
mkdir -p "$LAB_LOG"
LAB_LOG=$(cd "$LAB_LOG" && pwd)
rm -f "$LAB_LOG"/*.json "$LAB_LOG"/*.log "$LAB_LOG"/*.err "$LAB_LOG"/*.control

# The settings of a cable, from the short variables. No words: no cable.
cable() {
    local words=
    if [ "$DELAY" != 0 ]; then words+=" delay_ms=$DELAY"; fi
    if [ -n "${JITTER:-}" ]; then words+=" jitter_ms=$JITTER jitter_keeps_order=1"; fi
    if [ -n "${BURST:-}" ]; then
        # Gilbert and Elliott with all lost in the bad state: leaving it takes BURST datagrams on average, and LOSS of them are there.
        words+=" $(awk -v loss="${LOSS:?BURST wants LOSS}" -v burst="$BURST" 'BEGIN {
            leave = 100 / burst; printf "burst_loss=100 burst_leave=%g burst_enter=%g", leave, leave * loss / (100 - loss) }')"
    elif [ -n "${LOSS:-}" ]; then
        words+=" loss=$LOSS"
    fi
    if [ -n "${REORDER:-}" ]; then words+=" reorder=$REORDER reorder_delay_ms=20"; fi
    if [ -n "${DUPLICATE:-}" ]; then words+=" duplicate=$DUPLICATE"; fi
    if [ -n "${RATE:-}" ]; then words+=" rate_kbps=$RATE"; fi
    if [ -n "${QUEUE:-}" ]; then words+=" queue_bytes=$QUEUE"; fi
    printf '%s\n' "${words# }"
}
LAB_WIRE_A=${WIRE_A-$(cable)}
LAB_WIRE_B=${WIRE_B-$(cable)}

# ice_servers KIND TRANSPORTS: the --ice-server flags of one side, a word a line
ice_servers() {
    local host=$LAB_PUBLIC transport
    if [ "${1%%+*}" = ipv6-only ]; then host="[$LAB_PUBLIC_V6]"; fi
    printf '%s\n' --ice-server "stun:$host:3478"
    for transport in $2; do
        case $transport in
        none) continue ;;
        udp) printf '%s\n' --ice-server "turn:$host:3478?transport=udp" ;;
        tcp) printf '%s\n' --ice-server "turn:$host:443?transport=tcp" ;;
        tls) printf '%s\n' --turn-ca "$LAB_LOG/ca.pem" --ice-server "turns:$host:443?transport=tcp" ;;
        *) lab_say "TURN is udp, tcp, tls or none, not $transport" && return 1 ;;
        esac
        printf '%s\n' --ice-username "$LAB_TURN_USER" --ice-credential "$LAB_TURN_PASSWORD"
    done
}

# side NODE PROGRAM KIND TRANSPORTS
side() {
    local flags host=$LAB_SIGNALING
    if [ "${3%%+*}" = ipv6-only ]; then host="[$LAB_SIGNALING_V6]"; fi
    mapfile -t flags < <(ice_servers "$3" "$4")
    lab_start "$1" timeout -k 5 "$((WAIT + DURATION + 20))" "$LAB_BUILD/$2" "${flags[@]}" --ice-transport-policy "${POLICY:-all}" --audio tone \
        --video "${VIDEO:-none}" --size "${SIZE:-320x240}" --duration "$DURATION" --wait "$WAIT" -v --json="$LAB_LOG/$2.json" "ws://$host:443/r/lab" 2>"$LAB_LOG/$2.log"
}

lab_build "$A" "$B"
lab_coturn
lab_signaling
beside=
if [ -n "${BESIDE:-}" ]; then
    eval "lab_start $BESIDE" >"$LAB_LOG/beside.log" 2>&1
    beside=$LAB_PID
    lab_wait_ready "$LAB_LOG/beside.log"
fi
side hB callee "$B" "${TURN_B-$TURN}"
callee=$LAB_PID
lab_answers sig bash -c "ss -Htn state established '( sport = :443 )' | grep -q ." # the callee is in the room
side hA caller "$A" "${TURN_A-$TURN}"
caller=$LAB_PID
if [ -n "${THEN:-}" ]; then
    sleep "${AT:-5}"
    for home in A B; do
        if [ -p "$LAB_LOG/w$home.control" ]; then lab_wire "$home" "$THEN"; fi
    done
fi
during=0
if [ -n "${DURING:-}" ]; then
    eval "$DURING" >"$LAB_LOG/during.log" 2>&1 || during=$?
fi
if [ -n "$beside" ]; then wait "$beside" || during=$?; fi
wait "$caller" && caller_exit=0 || caller_exit=$?
wait "$callee" && callee_exit=0 || callee_exit=$?
for router in rA rB; do
    if lab_exists "$router"; then lab_exec "$router" nft -j list counters >"$LAB_LOG/$router-counters.json"; fi
done
lab_down

case $LAB_CARRIER in
'') cell=("$A" "$B") ;;
*hairpin*) cell=(carrier-hairpin carrier-hairpin) ;;
*) cell=(carrier-no-hairpin carrier-no-hairpin) ;;
esac
if [ "$LAB_LAN" = 1 ]; then cell=(lan lan); fi
test/lab/lab_report.py "$LAB_LOG" "${cell[@]}" --turn "A:${TURN_A-$TURN} B:${TURN_B-$TURN}" --delay "$DELAY" --policy "${POLICY:-all}" \
    --exits "$caller_exit" "$callee_exit" --during "$during"
