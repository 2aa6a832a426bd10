#!/bin/bash
# probe against real NATs and a real coturn: does it say of each kind what the laboratory built, does a relay that works work, and does
# each thing that is wrong with a server get its own sentence? Run as root. Ends with "probe: N passed, N failed, 0 skipped".
set -euo pipefail
cd "$(dirname "$0")/../.."
. test/lab/net.sh
. test/lab/topology.sh
. test/lab/servers.sh
passed=0 failed=0
folder=build/probe-check
rm -rf "$folder"
mkdir -p "$folder"
LAB_BUILD=${LAB_BUILD:-build/release}

# says WHAT PATTERN FILE
says() {
    if grep -qE -- "$2" "$3"; then
        passed=$((passed + 1))
        printf '  ok   %s\n' "$1"
    else
        failed=$((failed + 1))
        printf '  FAIL %s: no line matches %s in\n' "$1" "$2"
        sed 's/^/       /' "$3"
    fi
}

# ends WHAT CODE WANTED
ends() {
    if [ "$2" = "$3" ]; then
        passed=$((passed + 1))
    else
        failed=$((failed + 1))
        printf '  FAIL %s: exit code %s, not %s\n' "$1" "$2" "$3"
    fi
}

# run NAME FLAGS...: probe in home A; its output is in $out, its exit code in $code
run() {
    out=$LAB_LOG/$1.txt code=0
    shift
    lab_exec hA timeout 60 "$LAB_BUILD/probe" "$@" >"$out" 2>&1 || code=$?
}

begin() {
    LAB_LOG=$folder/$1
    mkdir -p "$LAB_LOG"
    LAB_LOG=$(realpath "$LAB_LOG")
    lab_build "$1" none
    lab_coturn
}

stun=(--ice-server "stun:$LAB_PUBLIC:3478")
turn=(--ice-server "turn:$LAB_PUBLIC:3478" --ice-username "$LAB_TURN_USER" --ice-credential "$LAB_TURN_PASSWORD")
turn_tcp=(--ice-server "turn:$LAB_PUBLIC:3478?transport=tcp" --ice-username "$LAB_TURN_USER" --ice-credential "$LAB_TURN_PASSWORD")
turns=(--ice-server "turns:$LAB_PUBLIC:443" --ice-username "$LAB_TURN_USER" --ice-credential "$LAB_TURN_PASSWORD")

begin port-restricted
run nat "${stun[@]}"
ends "port-restricted" "$code" 0
says "port-restricted: the NAT in words" '^NAT: endpoint-independent mapping, address-and-port-dependent filtering$' "$out"
says "port-restricted: the table" '^[0-9.]+ +srflx +[0-9a-zA-Z+/]+ +udp +203\.0\.113\.101 ' "$out"
run all "${turn[@]}" "${turn_tcp[@]}" "${turns[@]}" --turn-ca "$LAB_LOG/ca.pem"
ends "three ways to relay" "$code" 0
says "UDP relays" '^TURN turn:203\.0\.113\.10:3478\?transport=udp: relays: allocated 203\.0\.113\.10:[0-9]+ and \[2001:db8::10\]:[0-9]+ for [0-9]+ s in .* came back after ' "$out"
says "TCP relays" '^TURN turn:203\.0\.113\.10:3478\?transport=tcp: relays: ' "$out"
says "TLS relays" '^TURN turns:203\.0\.113\.10:443\?transport=tcp: relays: ' "$out"
says "relayProtocol and URL" '^[0-9.]+ +relay .* turns:203\.0\.113\.10:443\?transport=tcp +tls$' "$out"
run password --ice-server "turn:$LAB_PUBLIC:3478" --ice-username alice --ice-credential wrong
ends "a wrong password" "$code" 10
says "a wrong password" '^TURN .*: 401 .*realm "lab" does not know user "alice"' "$out"
run untrusted "${turns[@]}"
says "an authority that nobody knows" '^TURN turns:.*signed by nobody that this host trusts' "$out"
run name --turn-ca "$LAB_LOG/ca.pem" --ice-server "turns:$LAB_SIGNALING:443" --ice-username lab --ice-credential lab
ends "nobody listens" "$code" 69
says "nobody listens" '^TURN turns:.*[Cc]onnection refused' "$out"
run dead --ice-server "stun:$LAB_ATTACKER:3478" "${turn[@]}"
ends "one dead server" "$code" 10
says "one dead server" '^stun:203\.0\.113\.66:3478: ' "$out"
says "does not disturb the other" '^TURN turn:.*relays: ' "$out"
run json "${turn[@]}" --json -q
says "JSON: candidates" '"event": ?"icecandidate".*"relayProtocol": ?"udp"' "$out"
says "JSON: the last line" '"event": ?"summary", ?"exitCode": ?0' <(tail -n 1 "$out")
lab_down

# A certificate for another name: in /etc/hosts of the namespace other.lab is the server.
begin none
mkdir -p "/etc/netns/$(lab_ns hA)"
trap 'rm -rf "/etc/netns/$LAB_PREFIX-hA"; lab_down' EXIT
printf '%s other.lab\n%s turn.lab\n' "$LAB_PUBLIC" "$LAB_PUBLIC" >"/etc/netns/$(lab_ns hA)/hosts"
run names --turn-ca "$LAB_LOG/ca.pem" --ice-server "turns:other.lab:443" --ice-username lab --ice-credential lab \
    --ice-server "turns:turn.lab:443" --ice-username lab --ice-credential lab -4
says "a certificate for another name" '^TURN turns:other\.lab:443.*certificate is for another name' "$out"
says "and the right one" '^TURN turns:turn\.lab:443.*relays: ' "$out"
run none "${stun[@]}"
says "no NAT" '^NAT: no NAT, endpoint-independent filtering$' "$out"
rm -rf "/etc/netns/$(lab_ns hA)"
lab_down

for kind in full-cone address-restricted symmetric; do
    begin "$kind"
    run nat "${stun[@]}"
    case $kind in
    full-cone) text='endpoint-independent mapping, endpoint-independent filtering' ;;
    address-restricted) text='endpoint-independent mapping, address-dependent filtering' ;;
    symmetric) text='address-and-port-dependent mapping, address-and-port-dependent filtering' ;;
    esac
    says "$kind: the NAT in words" "^NAT: $text\$" "$out"
    lab_down
done

begin no-udp
run blocked "${turn[@]}" "${turns[@]}" --turn-ca "$LAB_LOG/ca.pem"
ends "no UDP" "$code" 10
says "no UDP: said so" '^NAT: no answer over UDP$' "$out"
says "no UDP: TLS relays" '^TURN turns:.*relays: ' "$out"
lab_down

printf 'probe: %d passed, %d failed, 0 skipped\n' "$passed" "$failed"
[ "$failed" = 0 ]
