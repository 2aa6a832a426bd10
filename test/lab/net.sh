# A small internet of network namespaces, to be sourced by bash scripts. Run as root.
#
#        hA 10.1.0.2 --- 10.1.0.1 rA 203.0.113.101 ---+
#                                                      +--- br0: pub 203.0.113.10 and .11 (signaling, STUN, TURN)
#        hB 10.2.0.2 --- 10.2.0.1 rB 203.0.113.102 ---+
#
# rA and rB are kernel NATs. Nothing is left on the host: every device lives inside the namespaces, whose names carry the
# process id of the script (labs may run side by side), and they go when the script ends, however it ends: a guardian
# process sweeps even after SIGKILL.
#
#   lab_up [NAT_A [NAT_B]]    builds it. A NAT is one of
#                               preserving  masquerade keeps the port: endpoint-independent mapping while ports do not clash,
#                                           address-and-port-dependent filtering (RFC 4787 section 4.1, 5)
#                               random      a port of its own for each destination: address-and-port-dependent mapping
#                               unfiltered  preserving, but without the inbound filter: it shows the trap, see lab_router
#   lab_exec NODE COMMAND...  runs in the foreground; NODE is pub, rA, rB, hA or hB
#   lab_start NODE COMMAND... runs in the background; its process id is in LAB_PID
#   lab_answers NODE COMMAND...  waits until the command succeeds there, ten seconds at most
#   lab_listens NODE HOST:PORT   the same: until somebody takes connections there
#   lab_logged FILE PATTERN   waits until a line of the file has it, fifteen seconds at most
#   lab_ns NODE               prints the namespace's name
#   lab_counters              prints what the routers forwarded (UDP): to and from the public host, and to and from the other router
#   lab_counter ROUTER NAME   prints the bytes of one of them
#   lab_down                  removes it; runs by itself at the end
#
# Exit traps: lab_up takes EXIT, INT, TERM and HUP. A script with a trap of its own calls lab_down there.

LAB_PREFIX="strata-lab-$$"
LAB_NODES="pub rA rB hA hB"
LAB_PUBLIC=203.0.113.10
LAB_PUBLIC_SECOND=203.0.113.11
LAB_ROUTER_A=203.0.113.101
LAB_ROUTER_B=203.0.113.102
LAB_HOME_A=10.1.0.2
LAB_HOME_B=10.2.0.2
LAB_GUARDIAN=
LAB_PID=

lab_say() { printf 'lab: %s\n' "$*" >&2; }

lab_ns() { printf '%s-%s\n' "$LAB_PREFIX" "$1"; }

lab_exec() {
    local node=$1
    shift
    ip netns exec "$(lab_ns "$node")" "$@"
}

lab_start() {
    local name
    name=$(lab_ns "$1")
    shift
    ip netns exec "$name" "$@" &
    LAB_PID=$!
}

lab_answers() {
    local turn
    for turn in $(seq 100); do
        if lab_exec "$@" >/dev/null 2>&1; then return 0; fi
        sleep 0.1
    done
    lab_say "no answer: $*"
    return 1
}

lab_listens() { lab_answers "$1" timeout 1 bash -c "exec 3<>/dev/tcp/${2%:*}/${2##*:}"; }

lab_logged() {
    local turn
    for turn in $(seq 150); do
        if grep -q "$2" "$1" 2>/dev/null; then return 0; fi
        sleep 0.1
    done
    lab_say "$1 never said '$2'"
    return 1
}

# ---- what must be there ------------------------------------------------------------------------------------------------

lab_check_host() {
    local tool
    if [ "$(id -u)" != 0 ]; then
        lab_say "network namespaces need root"
        return 1
    fi
    for tool in ip nft awk; do
        if ! command -v "$tool" >/dev/null; then
            lab_say "$tool is missing (apt-get install iproute2 nftables gawk)"
            return 1
        fi
    done
}

# ---- building ----------------------------------------------------------------------------------------------------------

# Settings that not every kernel has; the lab works without them.
lab_sysctl_optional() {
    local node=$1 file
    shift
    for setting in "$@"; do
        file=/proc/sys/$(printf '%s' "${setting%%=*}" | tr . /)
        if lab_exec "$node" test -w "$file"; then
            lab_exec "$node" sysctl -q -w "$setting"
        fi
    done
}

# Offloads hide what is on the wire from counters and captures.
lab_offloads_off() {
    if command -v ethtool >/dev/null; then
        if ! lab_exec "$1" ethtool -K "$2" tx off rx off gso off gro off tso off 2>/dev/null >/dev/null; then
            lab_say "offloads of $2 in $1 stay on"
        fi
    fi
}

lab_node() {
    ip netns add "$(lab_ns "$1")"
    # NAT inside of bridges would rewrite what only passes by.
    lab_sysctl_optional "$1" net.ipv6.conf.all.disable_ipv6=1 net.ipv6.conf.default.disable_ipv6=1 \
        net.bridge.bridge-nf-call-iptables=0 net.bridge.bridge-nf-call-ip6tables=0 net.bridge.bridge-nf-call-arptables=0
    ip -n "$(lab_ns "$1")" link set lo up
}

# lab_cable NODE DEVICE NODE DEVICE: a veth pair, born inside the two namespaces
lab_cable() {
    ip -n "$(lab_ns "$1")" link add "$2" type veth peer name "$4" netns "$(lab_ns "$3")"
    ip -n "$(lab_ns "$1")" link set "$2" up
    ip -n "$(lab_ns "$3")" link set "$4" up
    lab_offloads_off "$1" "$2"
    lab_offloads_off "$3" "$4"
}

lab_address() { ip -n "$(lab_ns "$1")" address add "$3" dev "$2"; }

# lab_void NODE: whatever nobody knows a way to goes out and is never heard of again, as on the internet. Without a way at all the
# sender would be told at once; coturn then gives up the relay that it was sending from (ENETUNREACH for a peer's private address).
lab_void() {
    ip -n "$(lab_ns "$1")" link add void arp off type veth peer name nowhere arp off
    ip -n "$(lab_ns "$1")" link set void up
    ip -n "$(lab_ns "$1")" link set nowhere up
    ip -n "$(lab_ns "$1")" route add default dev void
}

# lab_router NODE NAT OTHER_ROUTER
# The inbound filter is vital in both chains. Without it a peer's early packet makes a conntrack entry on the router itself; it
# then holds the port, and the mapping of the later outbound packet is moved to another one, which no peer was told.
# (Not "ct state != established,related drop": nft reads that as an exact compare and drops everything.)
lab_router() {
    local node=$1 masquerade=masquerade filter='iifname "wan" ct state new counter name refused drop'
    case $2 in
    preserving) ;;
    random) masquerade='masquerade fully-random' ;;
    unfiltered) filter= ;;
    *)
        lab_say "unknown NAT: $2"
        return 1
        ;;
    esac
    lab_exec "$node" nft -f - <<RULES
table ip lab {
    counter refused {}
    counter udp_to_public {}
    counter udp_from_public {}
    counter udp_to_peer {}
    counter udp_from_peer {}
    chain postrouting {
        type nat hook postrouting priority srcnat; policy accept;
        oifname "wan" $masquerade
    }
    chain input {
        type filter hook input priority filter; policy accept;
        $filter
    }
    chain forward {
        type filter hook forward priority filter; policy accept;
        $filter
        meta l4proto udp oifname "wan" ip daddr { $LAB_PUBLIC, $LAB_PUBLIC_SECOND } counter name udp_to_public
        meta l4proto udp iifname "wan" ip saddr { $LAB_PUBLIC, $LAB_PUBLIC_SECOND } counter name udp_from_public
        meta l4proto udp oifname "wan" ip daddr $3 counter name udp_to_peer
        meta l4proto udp iifname "wan" ip saddr $3 counter name udp_from_peer
    }
}
RULES
    lab_exec "$node" sysctl -q -w net.ipv4.ip_forward=1
}

# lab_home HOME ROUTER LAN PUBLIC_ADDRESS BRIDGE_PORT
lab_home() {
    lab_cable "$2" wan pub "$5"
    ip -n "$(lab_ns pub)" link set "$5" master br0
    lab_address "$2" wan "$4/24"
    lab_cable "$1" eth0 "$2" lan
    lab_address "$1" eth0 "$3.2/24"
    lab_address "$2" lan "$3.1/24"
    ip -n "$(lab_ns "$1")" route add default via "$3.1"
}

lab_up() {
    local nat_a=${1:-preserving} nat_b=${2:-${1:-preserving}} node
    lab_check_host
    lab_traps
    for node in $LAB_NODES; do
        lab_node "$node"
    done
    ip -n "$(lab_ns pub)" link add br0 type bridge
    ip -n "$(lab_ns pub)" link set br0 up
    lab_address pub br0 "$LAB_PUBLIC/24"
    lab_address pub br0 "$LAB_PUBLIC_SECOND/24"
    lab_void pub
    lab_home hA rA 10.1.0 "$LAB_ROUTER_A" toA
    lab_home hB rB 10.2.0 "$LAB_ROUTER_B" toB
    lab_router rA "$nat_a" "$LAB_ROUTER_B"
    lab_router rB "$nat_b" "$LAB_ROUTER_A"
}

# ---- taking down -------------------------------------------------------------------------------------------------------

lab_exists() { [ -e "/run/netns/$LAB_PREFIX-$1" ]; }

# Everything that runs in one of our namespaces was started there; each is ended by its process id.
lab_signal() {
    local node pid
    for node in $LAB_NODES; do
        if lab_exists "$node"; then
            for pid in $(ip netns pids "$LAB_PREFIX-$node"); do
                kill "-$1" "$pid" 2>/dev/null || continue # it has just ended by itself
            done
        fi
    done
}

lab_running() {
    local node
    for node in $LAB_NODES; do
        if lab_exists "$node" && [ -n "$(ip netns pids "$LAB_PREFIX-$node")" ]; then
            return 0
        fi
    done
    return 1
}

lab_sweep() {
    local node turn
    lab_signal TERM
    for turn in 1 2 3 4 5 6 7 8 9 10; do
        if ! lab_running; then break; fi
        sleep 0.1
    done
    lab_signal KILL
    for node in $LAB_NODES; do
        if lab_exists "$node"; then
            ip netns delete "$LAB_PREFIX-$node"
        fi
    done
}

lab_remains() {
    local node
    for node in $LAB_NODES; do
        if lab_exists "$node"; then return 0; fi
    done
    return 1
}

# Sweeps until nothing has come for a second: a command of the script may outlive it, and may be just about to make a namespace.
lab_sweep_after() {
    local turn
    for turn in 1 2 3 4 5 6 7 8 9 10; do
        lab_sweep
        sleep 1
        if ! lab_remains; then break; fi
    done
}

# A process in a session of its own waits for the script to end. Ctrl-C does not reach it, nor does SIGKILL of the script.
lab_guard() {
    export LAB_PREFIX LAB_NODES
    export -f lab_sweep_after lab_sweep lab_remains lab_signal lab_running lab_exists
    setsid bash -c 'trap "" INT HUP; while kill -0 "$1" 2>/dev/null; do sleep 0.5; done; lab_sweep_after' guardian "$$" \
        </dev/null >/dev/null 2>&1 &
    LAB_GUARDIAN=$!
    disown "$LAB_GUARDIAN"
}

# From here on the lab goes when the script does, however that comes about.
lab_traps() {
    trap lab_down EXIT
    trap 'lab_interrupted INT' INT
    trap 'lab_interrupted TERM' TERM
    trap 'lab_interrupted HUP' HUP
    lab_guard
}

lab_down() {
    trap '' INT TERM HUP # once begun, it is finished
    lab_sweep
    if [ -n "$LAB_GUARDIAN" ]; then
        if kill "$LAB_GUARDIAN" 2>/dev/null; then LAB_GUARDIAN=; fi
    fi
    trap - EXIT INT TERM HUP
}

# Ends as the signal would have ended it, so that the caller's caller sees why.
lab_interrupted() {
    lab_down
    kill "-$1" "$$"
}

# ---- counters ----------------------------------------------------------------------------------------------------------

lab_counter() {
    lab_exec "$1" nft list counter ip lab "$2" | awk '/bytes/ { for (i = 1; i < NF; i++) if ($i == "bytes") print $(i + 1) }'
}

lab_counters() {
    local router name
    for router in rA rB; do
        for name in udp_to_public udp_from_public udp_to_peer udp_from_peer refused; do
            printf '%s %s %s bytes\n' "$router" "$name" "$(lab_counter "$router" "$name")"
        done
    done
}
