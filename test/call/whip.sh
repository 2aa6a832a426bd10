#!/bin/bash
# caller --whip and --whep: against our own server over HTTP and HTTPS, with an ICE restart in mid-call; and against an endpoint that misbehaves
# (whip_endpoint.py), each way with its own exit code and its sentences. Real programs in one network namespace.
#
# Usage: whip.sh [BUILD_DIR]      (default build/release)
set -uo pipefail
cd "$(dirname "$0")/../.."
build=${1:-build/release}
# shellcheck source=test/lab/net.sh
. test/lab/net.sh
folder=$(mktemp -d)
passed=0 failed=0
http=127.0.0.1:8080 https=127.0.0.1:8443 odd=127.0.0.1:8081

# judge NAME LOG... : the last command's status
judge() {
    local ok=$? name=$1
    shift
    if [ $ok = 0 ]; then
        echo "ok   $name"
        passed=$((passed + 1))
    else
        echo "FAIL $name"
        failed=$((failed + 1))
        cat "$@" | sed 's/^/     /'
    fi
}

# start NAME PROGRAM ARGUMENTS...: in the background; its stderr is NAME.err, its JSON log NAME.json; the process id is in PID
start() {
    local name=$1 program=$2
    shift 2
    lab_start pub timeout -s KILL 60 "$build/$program" --json="$folder/$name.json" -v "$@" 2>"$folder/$name.err" >"$folder/$name.out"
    PID=$LAB_PID
}

# inbound NAME: packets of the summary's inbound media
inbound() { tail -n 1 "$folder/$1.json" | /usr/bin/python3 -c 'import json, sys
print(sum(stream["packetsReceived"] for stream in json.load(sys.stdin)["inbound"]))'; }

# both CALLER CALLEE SENDER: both end with 0, and what the one sends the other receives
both() {
    local code=0 other=0
    wait "$1" || code=$?
    wait "$2" || other=$?
    [ "$code" = 0 ] && [ "$other" = 0 ] && [ "$(inbound "$3")" -gt 50 ]
}

# refused NAME CODE WORDS ARGUMENTS...: caller says these words (a pattern) and ends with that code
refused() {
    local name=$1 wanted=$2 words=$3 code=0
    shift 3
    lab_exec pub unshare -m bash -c 'mount --bind "$0" /etc/hosts && exec "$@"' "$folder/hosts" timeout -s KILL 30 "$build/caller" --interface lo --wait 4 "$@" >"$folder/refused.out" 2>"$folder/refused.err" || code=$?
    [ "$code" = "$wanted" ] && grep -q "^  why: .*$words" "$folder/refused.err" && grep -q '^  try: .' "$folder/refused.err"
    judge "$name: exit code $wanted" "$folder/refused.err"
}

lab_up preserving preserving
printf 'a.token\n' >"$folder/token"
printf '127.0.0.1 localhost\n::1 localhost\n' >"$folder/hosts" # where nobody answers at the second
lab_exec pub openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj "/CN=whip" -addext "subjectAltName=IP:127.0.0.1" \
    -keyout "$folder/key.pem" -out "$folder/certificate.pem" 2>/dev/null
lab_start pub "$build/signaling-server" --listen "$http" --token-file "$folder/token" >"$folder/server.out" 2>&1
lab_start pub "$build/signaling-server" --listen "$https" --tls-cert "$folder/certificate.pem" --tls-key "$folder/key.pem" >"$folder/tls.out" 2>&1
lab_start pub /usr/bin/python3 test/call/whip_endpoint.py "${odd#*:}" "http://$http/whip/demo" >"$folder/odd.out" 2>&1
for address in "$http" "$https" "$odd"; do
    lab_listens pub "$address"
done

# ---- calls ------------------------------------------------------------------------------------------------------------------------

# call NAME ROOM_URL FLAGS...: callee waits in the room, caller comes by HTTP
call() {
    local name=$1 room=$2
    shift 2
    start "$name-callee" callee --interface lo --signaling-ca "$folder/certificate.pem" --wait 20 "$room"
    local callee=$PID
    lab_logged "$folder/$name-callee.err" 'waiting for the other side'
    start "$name" caller --interface lo --signaling-ca "$folder/certificate.pem" --wait 15 --duration 2 "$@"
    both "$PID" "$callee" "$([[ " $* " = *" --whip "* ]] && echo "$name-callee" || echo "$name")"
    judge "$name" "$folder/$name.err" "$folder/$name-callee.err"
}
call publish "ws://$http/r/demo" --whip "http://$http/whip/demo" --token-file "$folder/token"
call play "ws://$http/r/demo" --whep "http://$http/whep/demo" --token-file "$folder/token"
call publish-tls "wss://$https/r/demo" --whip "https://$https/whip/demo"
call play-tls "wss://$https/r/demo" --whep "https://$https/whep/demo"
call gathered-first "ws://$http/r/demo" --whip "http://$http/whip/demo" --token-file "$folder/token" --ice-server stun:127.0.0.1:8080
grep -q 'POST' "$folder/gathered-first.err" && ! grep -q 'PATCH' "$folder/gathered-first.err"
judge "gathered-first: nothing is left to be trickled" "$folder/gathered-first.err"
call redirected "ws://$http/r/demo" --whip "http://$odd/redirect" --token-file "$folder/token"
grep -q "the token goes to another server, http://$http\$" "$folder/redirected.err"
judge "redirected: it says that the token goes there, too" "$folder/redirected.err"
call busy "ws://$http/r/demo" --whip "http://$odd/busy" --token-file "$folder/token"
grep -q '503 Busy. Trying again in 1 s' "$folder/busy.err"
judge "busy: it says that it tries again" "$folder/busy.err"
call slowly "ws://$http/r/demo" --whip "http://$odd/slowly" --token-file "$folder/token"

# ---- an ICE restart: the address that the path leads from goes ----------------------------------------------------------------------

for device in da db; do
    lab_exec pub ip link add "$device" type veth peer name "$device-end"
    lab_exec pub ip link set "$device" up
    lab_exec pub ip link set "$device-end" up
done
for address in 10.77.0.1 10.77.0.2; do lab_exec pub ip address add "$address/32" dev da; done
lab_exec pub ip address add 10.77.1.1/32 dev db
start restart-callee callee -4 --interface db --wait 20 "ws://$http/r/demo"
callee=$PID
lab_logged "$folder/restart-callee.err" 'waiting for the other side'
start restart caller -4 --interface da --wait 15 --duration 8 --whip "http://$http/whip/demo" --token-file "$folder/token"
lab_logged "$folder/restart.err" ' connected$'
address=$(sed -n 's/.*path: host \(10[.0-9]*\):.*/\1/p' "$folder/restart.err" | tail -n 1)
lab_exec pub ip address del "$address/32" dev da
both "$PID" "$callee" restart-callee
judge "restart: the call goes on" "$folder/restart.err" "$folder/restart-callee.err"
sed -n '/restarting ICE/,/DELETE/p' "$folder/restart.err" | grep -q 'the endpoint answers 200' && [ "$(grep -c 'path: host' "$folder/restart.err")" -ge 2 ] &&
    ! grep 'path: host' "$folder/restart.err" | tail -n 1 | grep -q "host $address:"
judge "restart: PATCH was answered 200, and there is another path" "$folder/restart.err"

# ---- Ctrl-C: the session is deleted (404: its other side has left first, for it has heard our close_notify) ----------------------------

start interrupted-callee callee --interface lo --wait 20 "ws://$http/r/demo"
callee=$PID
lab_logged "$folder/interrupted-callee.err" 'waiting for the other side'
start interrupted caller --interface lo --wait 15 --whip "http://$http/whip/demo" --token-file "$folder/token"
caller=$PID
lab_logged "$folder/interrupted-callee.err" 'first picture'
lab_logged "$folder/interrupted-callee.err" 'first sound'
kill -INT "$caller"
code=0
wait "$caller" || code=$?
[ "$code" = 130 ] && wait "$callee" && sed -n '/DELETE/,$p' "$folder/interrupted.err" | grep -q 'the endpoint answers \(200\|404\)'
judge "interrupted: exit code 130, DELETE is answered" "$folder/interrupted.err" "$folder/interrupted-callee.err"

# Nothing was said to the server yet: there is nothing to wait for.
lab_exec pub ip route add 10.77.2.1/32 dev db
lab_exec pub ip neigh add 10.77.2.1 lladdr 02:00:00:00:00:01 dev db
start unsaid caller --interface lo --wait 15 --whip "http://10.77.2.1/whip/demo"
caller=$PID
lab_logged "$folder/unsaid.err" 'POST http://10.77.2.1/whip/demo'
began=$(date +%s%N)
kill -INT "$caller"
code=0
wait "$caller" || code=$?
[ "$code" = 130 ] && [ $((($(date +%s%N) - began) / 1000000)) -lt 2000 ]
judge "interrupted before the server has answered a SYN: ends at once" "$folder/unsaid.err"

# ---- what goes wrong --------------------------------------------------------------------------------------------------------------------

refused nobody 75 '503 .*Nobody is in the room' --whip "http://$http/whip/empty" --token-file "$folder/token"
refused token 76 '401 Unauthorized' --whip "http://$http/whip/demo"
refused not-found 76 '404 Not Found: no such thing' --whip "http://$odd/other"
refused untrusted 69 'nobody that this host trusts (--signaling-ca' --whip "https://$https/whip/demo"
refused other-name 69 'for another name' --whip "https://localhost:8443/whip/demo" --signaling-ca "$folder/certificate.pem"
refused no-tls 69 'TLS handshake failed\|reset by peer' --whip "https://$odd/other"
refused no-name 69 'cannot be resolved\|before --wait was over' --whip http://nowhere.invalid/whip
refused nobody-listens 69 'Connection refused' --whip http://127.0.0.1:1/whip
refused loop 76 'SIGNALING_WHIP_REDIRECTIONS_MAX' --whip "http://$odd/loop"
refused moved 76 'wants 307 or 308' --whip "http://$odd/moved"
refused lost 76 'it has no Location' --whip "http://$odd/lost"
refused odd 76 'not application/sdp' --whip "http://$odd/odd"
refused bad-answer 14 'RFC 8866' --whip "http://$odd/bad-answer"
refused teapot 76 "418 I'm a teapot: short and stout" --whip "http://$odd/teapot"
refused broken 69 '500 Internal Server Error: it fell over' --whip "http://$odd/broken"
refused counter-whip 76 '406 Not Acceptable' --whip "http://$odd/counter"
refused counter-whep 14 . --whep "http://$odd/counter"
refused garbage 69 'does not begin as HTTP' --whip "http://$odd/garbage"
refused half 69 'in the middle of it' --whip "http://$odd/half"
refused flood 69 'header is too long' --whip "http://$odd/flood"
refused nothing 69 'without a word' --whip "http://$odd/nothing"
[ "$(grep -c 'DELETE /session/1' "$folder/odd.out")" = 3 ]
judge "sessions that are of no use are deleted" "$folder/odd.out"

! grep -lF "$(cat "$folder/token")" "$folder"/*.err "$folder"/*.out "$folder"/*.json
judge "the token stands in no log"

rm -rf "$folder"
echo "whip: $passed passed, $failed failed, 0 skipped"
[ "$failed" = 0 ]
