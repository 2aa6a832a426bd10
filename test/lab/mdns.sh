#!/bin/bash
# Names under .local on one link, with an independent judge: three hosts on a bridge; hA and hB are ours, hC is Avahi. Run as root, after make.
#
# Prints one line a test, and "mdns: N passed, N failed, N skipped".
set -euo pipefail
cd "$(dirname "$0")/../.."
source test/lab/net.sh
peer=$PWD/build/release/test/lab/mdns_peer
folder=$(mktemp -d)
LAB_NODES="pub hA hB hC"
passed=0 failed=0 skipped=0

verdict() { # NAME CODE
    if [ "$2" = 0 ]; then
        passed=$((passed + 1))
        echo "ok   $1"
    else
        failed=$((failed + 1))
        echo "FAIL $1"
        tail -n 5 "$folder"/*.log
    fi
}

finish() {
    lab_down
    rm -rf "$folder"
}

# host NODE BRIDGE_PORT NUMBER: on the bridge of pub, with both families
host() {
    lab_node "$1"
    lab_exec "$1" sysctl -q -w net.ipv6.conf.all.disable_ipv6=0 net.ipv6.conf.default.disable_ipv6=0
    lab_cable "$1" eth0 pub "$2"
    ip -n "$(lab_ns pub)" link set "$2" master br0
    lab_address "$1" eth0 "192.0.2.$3/24"
    ip -n "$(lab_ns "$1")" address add "2001:db8::$3/64" dev eth0 nodad
}

lab_check_host
trap finish EXIT
trap 'exit 130' INT TERM HUP
lab_guard
lab_node pub
ip -n "$(lab_ns pub)" link add br0 type bridge mcast_snooping 0
ip -n "$(lab_ns pub)" link set br0 up
host hA toA 1
host hB toB 2
host hC toC 3

# ---- Avahi on hC, with a bus and a runtime folder of its own ------------------------------------------------------------------

export DBUS_SYSTEM_BUS_ADDRESS="unix:path=$folder/bus"
chmod 755 "$folder"
cat >"$folder/avahi.conf" <<CONF
[server]
host-name=judge
use-ipv4=yes
use-ipv6=yes
allow-interfaces=eth0
[wide-area]
enable-wide-area=no
[publish]
publish-workstation=no
CONF
lab_start hC dbus-daemon --config-file=/usr/share/dbus-1/system.conf --address="$DBUS_SYSTEM_BUS_ADDRESS" --nofork --nopidfile >"$folder/dbus.log" 2>&1
# shellcheck disable=SC2016
lab_start hC unshare -m bash -c 'mkdir -p /run/avahi-daemon && mount -t tmpfs none /run/avahi-daemon && chown avahi:avahi /run/avahi-daemon &&
    until [ -S "$1/bus" ]; do sleep 0.02; done; exec avahi-daemon -f "$1/avahi.conf" --no-rlimits --no-chroot' judge "$folder" >"$folder/avahi.log" 2>&1

# ---- hA offers ------------------------------------------------------------------------------------------------------------------

lab_start hA "$peer" offer >"$folder/offer" 2>"$folder/offer.log"
offerer=$LAB_PID
for _ in $(seq 100); do
    [ "$(wc -l <"$folder/offer")" -ge 2 ] && break
    sleep 0.02
done
name_v4=$(awk '$2 ~ /^192/ { print $1 }' "$folder/offer")
name_v6=$(awk '$2 ~ /^2001/ { print $1 }' "$folder/offer")

resolves() { # NODE NAME ADDRESS
    [ "$(lab_exec "$1" timeout 10 "$peer" resolve "$2" 2>>"$folder/resolve.log")" = "$3" ]
}

code=0; resolves hB "$name_v4" 192.0.2.1 || code=$?
verdict "hB finds hA's IPv4 address by its name" "$code"
code=0; resolves hB "$name_v6" 2001:db8::1 || code=$?
verdict "hB finds hA's IPv6 address by its name" "$code"
code=0; resolves hB "${name_v4^^}" 192.0.2.1 || code=$?
verdict "in capitals, too" "$code"
code=0; awk '/answered after/ && $3 > 1000 { late = 1 } END { exit late }' "$folder/resolve.log" || code=$?
verdict "within a second: no answer took longer" "$code"

# ---- the judge ---------------------------------------------------------------------------------------------------------------------

code=1
for _ in $(seq 100); do # Avahi probes for its name before it has it
    if grep -q 'startup complete' "$folder/avahi.log"; then code=0; break; fi
    sleep 0.1
done
verdict "Avahi is there" "$code"

judged() { # NAME ADDRESS
    local answer
    answer=$(lab_exec hC timeout 10 avahi-resolve-host-name "$3" "$1" 2>>"$folder/judge.log") && [ "$(cut -f 2 <<<"$answer")" = "$2" ]
}
code=0; judged "$name_v4" 192.0.2.1 -4 || code=$?
verdict "Avahi finds hA's IPv4 address" "$code"
code=0; judged "$name_v6" 2001:db8::1 -6 || code=$?
verdict "Avahi finds hA's IPv6 address" "$code"
found=$(lab_exec hB timeout 10 "$peer" resolve judge.local 2>>"$folder/resolve.log" | sort | tr '\n' ' ') || found=nothing
code=0; [[ $found == *192.0.2.3* || $found == *2001:db8::3* || $found == *fe80::* ]] || code=$?
verdict "hB finds Avahi's own name ($found)" "$code"

# ---- goodbye -----------------------------------------------------------------------------------------------------------------------

kill "$offerer"
code=0; wait "$offerer" || code=$?
verdict "hA leaves in order" "$code"
sleep 1.2 # RFC 6762 section 10.1: a record that was taken back lives for one more second
code=0; lab_exec hC timeout 2 avahi-resolve-host-name -4 "$name_v4" >>"$folder/judge.log" 2>&1 && code=1
verdict "Avahi has forgotten its name, long before its lifetime of 120 s is over" "$code"
code=0; lab_exec hB timeout 10 "$peer" resolve "$name_v4" >>"$folder/resolve.log" 2>&1 && code=1
verdict "hB finds nobody" "$code"

printf 'mdns: %d passed, %d failed, %d skipped\n' "$passed" "$failed" "$skipped"
[ "$failed" = 0 ]
