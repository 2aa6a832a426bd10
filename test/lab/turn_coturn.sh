#!/bin/bash
# The TURN client against coturn, in a network namespace of its own with nothing but a loopback interface.
# Every case is one run of turn_coturn; the last lines count them.
#
# Usage: turn_coturn.sh [BUILD_DIR]
set -uo pipefail
cd "$(dirname "$0")/../.."
build=${1:-build/release}

if ! command -v turnserver >/dev/null; then
    echo "SKIP: turn: turnserver (coturn) is not installed"
    echo "turn: 0 passed, 0 failed, 1 skipped"
    exit 0
fi
if [ "${TURN_COTURN_NAMESPACE:-}" = "" ]; then
    export TURN_COTURN_NAMESPACE=inside
    if [ "$(id -u)" = 0 ]; then exec unshare -n "$0" "$build"; fi
    exec unshare -Urn "$0" "$build"
fi

server4=198.51.100.1 other4=198.51.100.77 server6=2001:db8:100::1 forbidden=198.51.100.66
ip link set lo up
for address in "$server4/24" "$other4/24" "$forbidden/24"; do ip addr add "$address" dev lo; done
ip addr add "$server6/64" dev lo nodad

folder=$(mktemp -d)
coturn=
passed=0 failed=0

# start_coturn_at IP RELAY_IP OPTION...: and waits until it has answered a Binding request.
start_coturn_at() {
    local ip=$1 relay=$2
    shift 2
    turnserver -n --no-cli --no-tls --no-dtls --listening-ip "$ip" --listening-port 3478 --relay-ip "$relay" --lt-cred-mech \
        --realm example.org --user user:pass --denied-peer-ip "$forbidden" --log-file "$folder/coturn.log" --simple-log \
        --pidfile "$folder/coturn-$ip.pid" "$@" >"$folder/coturn.out" 2>&1 &
    coturn=$!
    for _ in $(seq 50); do
        if timeout 1 turnutils_stunclient -p 3478 "$ip" >/dev/null 2>&1; then return; fi
        sleep 0.1
    done
    echo "coturn does not answer"
    cat "$folder/coturn.out" "$folder/coturn.log"
}

# start_coturn OPTION...: on both families, relaying on both.
start_coturn() {
    start_coturn_at "$server4" "$server4" --listening-ip "$server6" --relay-ip "$server6" "$@"
}

stop_coturn() {
    kill -9 "$coturn"
    wait "$coturn" 2>/dev/null
}

# run NAME ARGUMENT...: one case.
run() {
    local name=$1
    shift
    if timeout 30 "$build/test/lab/turn_coturn" "$@" >"$folder/case.log" 2>&1; then
        passed=$((passed + 1))
        echo "ok   $name: $(tail -n 1 "$folder/case.log")"
    else
        failed=$((failed + 1))
        echo "FAIL $name: $(cat "$folder/case.log")"
    fi
}

# forgets TRANSPORT lost|unused: the server is killed and started again while an allocation is held; the client must notice.
forgets() {
    timeout 30 "$build/test/lab/turn_coturn" "$1" "$server4" 3478 user pass "$2" 10 >"$folder/lost.log" 2>&1 &
    local client=$!
    for _ in $(seq 50); do
        if grep -q holding "$folder/lost.log"; then break; fi
        sleep 0.1
    done
    stop_coturn
    start_coturn
    if wait "$client"; then
        passed=$((passed + 1))
        echo "ok   $1: a server that was restarted, $2: $(tail -n 1 "$folder/lost.log")"
    else
        failed=$((failed + 1))
        echo "FAIL $1: a server that was restarted, $2: $(cat "$folder/lost.log")"
    fi
}

start_coturn
for transport in udp tcp; do
    run "$transport: an IPv4 relay" "$transport" "$server4" 3478 user pass echo 4
    run "$transport: an IPv6 relay" "$transport" "$server4" 3478 user pass echo 6
    run "$transport: both at once" "$transport" "$server4" 3478 user pass echo 46
    run "$transport: by way of IPv6" "$transport" "$server6" 3478 user pass echo 4
    run "$transport: wrong password" "$transport" "$server4" 3478 user wrong failure "wrong credentials" 401
    run "$transport: unknown user" "$transport" "$server4" 3478 nobody pass failure "wrong credentials" 401
    run "$transport: a forbidden peer" "$transport" "$server4" 3478 user pass forbidden "$forbidden"
    forgets "$transport" lost
done
forgets udp unused
run "udp: nobody there" udp "$server4" 3999 user pass failure "unreachable" 0
stop_coturn
# One that redirects, and one to be redirected to.
start_coturn --alternate-server "$other4:3478"
redirecting=$coturn
start_coturn_at "$other4" "$other4"
for transport in udp tcp; do
    run "$transport: redirected" "$transport" "$server4" 3478 user pass redirected "$other4"
done
stop_coturn
coturn=$redirecting
stop_coturn
# Without IPv6, coturn says 440 and writes 0.0.0.0:0 for what it has not.
start_coturn_at "$server4" "$server4"
run "udp: both asked for, IPv4 there" udp "$server4" 3478 user pass either 46
stop_coturn
start_coturn --total-quota 1 --user-quota 1
run "tcp: over quota" tcp "$server4" 3478 user pass quota 486
stop_coturn
# Expiring credentials: the user name begins with the second at which they end, the password is its HMAC.
start_coturn --use-auth-secret --static-auth-secret=secret
now=$(date +%s)
for end in $((now + 60)) $((now - 60)); do
    password=$(printf '%s' "$end:user" | openssl dgst -sha1 -hmac secret -binary | base64)
    if [ "$end" -gt "$now" ]; then
        run "udp: expiring credentials" udp "$server4" 3478 "$end:user" "$password" echo 4
    else
        run "udp: expired credentials" udp "$server4" 3478 "$end:user" "$password" failure "wrong credentials" 401
    fi
done
stop_coturn
rm -rf "$folder"
echo "turn: $passed passed, $failed failed, 0 skipped"
[ "$failed" = 0 ]
