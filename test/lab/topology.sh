# The laboratory in full: two homes whose routers are of any kind, to be sourced by bash scripts after net.sh. Run as root.
#
#     hA --- rA [--- cA] [--- wA] ---+
#                                    +--- br0 in pub (.10 .11: TURN, STUN, probers)
#     hB --- rB [--- cB] [--- wB] ---+    sig (.12: signaling)  bad (.66: an attacker)
#
# r is the home's router, c a carrier's NAT (kind double), w a bad cable (lab_link). With LAB_CARRIER both routers stand behind one
# carrier's NAT, cA; with LAB_LAN=1 hB is a second host in home A.
#
#   lab_build KIND_A KIND_B   builds it. A KIND is a name and perhaps modifiers, as in port-restricted+hairpin:
#       none                  public addresses, IPv4 and IPv6, no filter
#       full-cone  address-restricted  port-restricted  symmetric  sequential-symmetric
#       no-udp                TCP to port 443 goes out, nothing else does
#       ipv6-only             a stateful IPv6 firewall, no IPv4
#       double                a port-restricted home behind a carrier's full cone with hairpinning (RFC 6888)
#       +hairpin              RFC 4787 section 6, external source          +short    mappings live for 20 s since the last outbound packet
#       +ours                 made by lab_nat although nftables could
#   lab_capability KIND       prints "MAPPING FILTERING", EI, AD, APD, what the kind is meant to be (nat_check.py judges whether it is)
#
# Before lab_build: LAB_LOG, a folder for reports (needed); LAB_BUILD, where the programs are; LAB_WIRE_A, LAB_WIRE_B: settings of the
# cables, words of test/wire/settings.h, no cable when empty; LAB_CARRIER, a KIND for both; LAB_LAN=1.
# lab_wire SIDE WORDS... changes a cable's settings later. Reports of the programs are in LAB_LOG/NODE.json once lab_down is through.

LAB_NODES="pub sig bad rA rB hA hB cA cB wA wB"
LAB_SIGNALING=203.0.113.12
LAB_ATTACKER=203.0.113.66
LAB_PUBLIC_V6=2001:db8::10
LAB_PUBLIC_SECOND_V6=2001:db8::11
LAB_SIGNALING_V6=2001:db8::12
LAB_ATTACKER_V6=2001:db8::66
LAB_BUILD=${LAB_BUILD:-build/release}
LAB_PUBLIC_NODES="pub sig bad"
LAB_SHORT_TIMEOUT_SECONDS=20

declare -A LAB_OUTER=([A]=203.0.113.101 [B]=203.0.113.102)
declare -A LAB_OUTER_V6=([A]=2001:db8::101 [B]=2001:db8::102)
declare -A LAB_HOME=()    # where the host's own addresses end up: IPv4, or nothing
declare -A LAB_HOME_V6=()

# ---- kinds ---------------------------------------------------------------------------------------------------------------

# lab_kind KIND: sets kind_name, kind_engine (kernel, ours, none), and the flags of lab_nat in kind_flags
lab_kind() {
    local word=$1 modifiers
    kind_name=${word%%+*} kind_flags= kind_engine=kernel kind_hairpin=off
    modifiers=${word#"$kind_name"}
    case $kind_name in
    none | ipv6-only) kind_engine=none ;;
    full-cone) kind_engine=ours kind_flags="--mapping endpoint-independent --filtering endpoint-independent --ports preserving" ;;
    address-restricted) kind_engine=ours kind_flags="--mapping endpoint-independent --filtering address-dependent --ports preserving" ;;
    port-restricted) kind_flags="--mapping endpoint-independent --filtering address-and-port-dependent --ports preserving" ;;
    symmetric) kind_flags="--mapping address-and-port-dependent --filtering address-and-port-dependent --ports random" ;;
    sequential-symmetric) kind_engine=ours kind_flags="--mapping address-and-port-dependent --filtering address-and-port-dependent --ports sequential" ;;
    no-udp | double) ;;
    *)
        lab_say "no NAT kind is named $kind_name (none full-cone address-restricted port-restricted symmetric sequential-symmetric no-udp ipv6-only double)"
        return 1
        ;;
    esac
    for word in ${modifiers//+/ }; do
        if [ -z "$kind_flags" ]; then
            lab_say "$kind_name takes no modifiers"
            return 1
        fi
        kind_engine=ours
        case $word in
        hairpin) kind_hairpin=external kind_flags+=" --hairpin external" ;;
        short) kind_flags+=" --timeout $LAB_SHORT_TIMEOUT_SECONDS" ;;
        ours) ;;
        *)
            lab_say "no modifier is named $word (hairpin short ours)"
            return 1
            ;;
        esac
    done
}

# ---- routers -------------------------------------------------------------------------------------------------------------

# lab_rules NODE: the router's rules; kind_... say which. Counters: what crossed towards the public servers, and what towards the
# rest of the world (the other home): the call's own word for its path can be checked against them.
lab_rules() {
    local node=$1 masquerade= ours= refuse= only_443=
    local public4="$LAB_PUBLIC, $LAB_PUBLIC_SECOND" public6="$LAB_PUBLIC_V6, $LAB_PUBLIC_SECOND_V6"
    case $kind_engine in
    kernel)
        masquerade='oifname "wan" meta nfproto ipv4 masquerade'
        if [ "$kind_name" = symmetric ]; then masquerade+=' fully-random'; fi
        ;;
    ours)
        masquerade='oifname "wan" meta nfproto ipv4 meta l4proto != udp masquerade'
        ours='iifname { "lan", "wan" } meta nfproto ipv4 meta l4proto udp drop'
        ;;
    esac
    if [ "$kind_name" != none ]; then refuse='iifname "wan" ct state new counter name refused drop'; fi
    if [ "$kind_name" = no-udp ]; then
        only_443='oifname "wan" ct state new meta l4proto != tcp counter name refused drop
                  oifname "wan" ct state new tcp dport != 443 counter name refused drop'
    fi
    lab_exec "$node" nft -f - <<RULES
table inet lab {
    counter refused {}
    counter udp_servers {}
    counter udp_others {}
    counter tcp_servers {}
    counter tcp_others {}
    set servers4 { type ipv4_addr; elements = { $public4 } }
    set servers6 { type ipv6_addr; elements = { $public6 } }
    chain counted {
        oifname "wan" ip daddr @servers4 meta l4proto udp counter name udp_servers return
        oifname "wan" ip6 daddr @servers6 meta l4proto udp counter name udp_servers return
        oifname "lan" ip saddr @servers4 meta l4proto udp counter name udp_servers return
        oifname "lan" ip6 saddr @servers6 meta l4proto udp counter name udp_servers return
        oifname { "wan", "lan" } meta l4proto udp counter name udp_others return
        oifname "wan" ip daddr @servers4 meta l4proto tcp counter name tcp_servers return
        oifname "wan" ip6 daddr @servers6 meta l4proto tcp counter name tcp_servers return
        oifname "lan" ip saddr @servers4 meta l4proto tcp counter name tcp_servers return
        oifname "lan" ip6 saddr @servers6 meta l4proto tcp counter name tcp_servers return
        oifname { "wan", "lan" } meta l4proto tcp counter name tcp_others return
    }
    chain before_tracking {
        type filter hook prerouting priority raw; policy accept;
        $ours
    }
    chain sent_by_ours {
        type filter hook output priority raw; policy accept;
        meta nfproto ipv4 meta l4proto udp notrack jump counted
    }
    chain postrouting {
        type nat hook postrouting priority srcnat; policy accept;
        $masquerade
    }
    chain input {
        type filter hook input priority filter; policy accept;
        meta nfproto ipv4 $refuse
    }
    chain forward {
        type filter hook forward priority filter; policy accept;
        $refuse
        $only_443
        jump counted
    }
}
RULES
    lab_exec "$node" sysctl -q -w net.ipv4.ip_forward=1
}

# lab_wait_ready FILE: until the program that writes it says so
lab_wait_ready() {
    local turn
    for turn in $(seq 100); do
        if grep -qs '^ready' "$1"; then return 0; fi
        sleep 0.05
    done
    lab_say "no program is ready behind $1"
    return 1
}

# lab_make_router NODE KIND EXTERNAL_IP
lab_make_router() {
    lab_kind "$2"
    lab_rules "$1"
    if [ "$kind_engine" = ours ]; then
        # shellcheck disable=SC2086 # flags are words
        lab_start "$1" "$LAB_BUILD/test/lab/lab_nat" --inside lan --outside wan --external "$3" --seed "$$" $kind_flags >"$LAB_LOG/$1.json" 2>"$LAB_LOG/$1.err"
        lab_wait_ready "$LAB_LOG/$1.json"
    fi
}

# ---- the public segment --------------------------------------------------------------------------------------------------

# Without duplicate address detection: an address that is tentative for a second would be a second's delay in every call.
lab_ipv6_on() {
    lab_exec "$1" sh -c 'for f in /proc/sys/net/ipv6/conf/*/accept_dad /proc/sys/net/ipv6/conf/*/accept_ra; do echo 0 >"$f"; done'
    lab_exec "$1" sysctl -q -w net.ipv6.conf.all.disable_ipv6=0 net.ipv6.conf.default.disable_ipv6=0
}

lab_address_v6() { ip -n "$(lab_ns "$1")" address add "$3" dev "$2" nodad; }

lab_public_segment() {
    local node
    for node in $LAB_PUBLIC_NODES; do
        lab_node "$node"
        lab_ipv6_on "$node"
    done
    ip -n "$(lab_ns pub)" link add br0 type bridge
    ip -n "$(lab_ns pub)" link set br0 up
    lab_address pub br0 "$LAB_PUBLIC/24"
    lab_address pub br0 "$LAB_PUBLIC_SECOND/24"
    lab_address_v6 pub br0 "$LAB_PUBLIC_V6/64"
    lab_address_v6 pub br0 "$LAB_PUBLIC_SECOND_V6/64"
    lab_void pub
    ip -n "$(lab_ns pub)" -6 route add default dev void
    lab_plug sig eth0 toSig
    lab_address sig eth0 "$LAB_SIGNALING/24"
    lab_address_v6 sig eth0 "$LAB_SIGNALING_V6/64"
    lab_plug bad eth0 toBad
    lab_address bad eth0 "$LAB_ATTACKER/24"
    lab_address_v6 bad eth0 "$LAB_ATTACKER_V6/64"
}

# lab_plug NODE DEVICE PORT: a cable into the public bridge
lab_plug() {
    lab_cable "$1" "$2" pub "$3"
    ip -n "$(lab_ns pub)" link set "$3" master br0
}

# lab_uplink SIDE NODE: the outermost router's wan, through the bad cable if there is one
lab_uplink() {
    local side=$1 wire="w$1" settings=LAB_WIRE_$1
    settings=${!settings:-}
    if [ -z "$settings" ]; then
        lab_plug "$2" wan "to$side"
    else
        lab_node "$wire"
        lab_cable "$2" wan "$wire" near
        lab_plug "$wire" far "to$side"
        mkfifo "$LAB_LOG/$wire.control"
        # shellcheck disable=SC2086 # settings are words
        lab_start "$wire" "$LAB_BUILD/test/lab/lab_link" near far --control "$LAB_LOG/$wire.control" --seed "${LAB_SEED:-1}" $settings \
            >"$LAB_LOG/$wire.json" 2>"$LAB_LOG/$wire.err"
        lab_wait_ready "$LAB_LOG/$wire.json"
    fi
    lab_address "$2" wan "${LAB_OUTER[$side]}/24"
}

# lab_wire SIDE WORDS...: other settings for the bad cable, from now on
lab_wire() {
    local wire="w$1"
    shift
    printf '%s\n' "$*" >"$LAB_LOG/$wire.control"
}

# Everybody on the public segment learns that a prefix is behind that router.
lab_announce() { # PREFIX VIA
    local node own
    for node in $LAB_PUBLIC_NODES $lab_outermost; do
        own=$(ip -n "$(lab_ns "$node")" -o address show)
        if [[ $own == *" $2/"* ]]; then continue; fi # the router itself
        if [[ $1 == *:* ]] && [ "$(lab_exec "$node" cat /proc/sys/net/ipv6/conf/all/disable_ipv6)" = 1 ]; then continue; fi
        ip -n "$(lab_ns "$node")" route add "$1" via "$2"
    done
}

# ---- homes ---------------------------------------------------------------------------------------------------------------

# The addresses of a home: number is 1 for A, 2 for B.
lab_home_v4() { # SIDE NUMBER PREFIX HOST ROUTER LENGTH
    lab_address "r$1" lan "$3.$5/$6"
    lab_address "h$1" eth0 "$3.$4/$6"
    ip -n "$(lab_ns "h$1")" route add default via "$3.$5"
    LAB_HOME[$1]=$3.$4
}

lab_home_v6() { # SIDE NUMBER
    local prefix="2001:db8:$2"
    lab_ipv6_on "r$1"
    lab_ipv6_on "h$1"
    lab_exec "r$1" sysctl -q -w net.ipv6.conf.all.forwarding=1
    lab_address_v6 "r$1" wan "${LAB_OUTER_V6[$1]}/64"
    lab_address_v6 "r$1" lan "$prefix::1/64"
    lab_address_v6 "h$1" eth0 "$prefix::2/64"
    ip -n "$(lab_ns "h$1")" -6 route add default via "$prefix::1"
    LAB_HOME_V6[$1]=$prefix::2
}

# A carrier's NAT with a LAN of its own, 100.64.NUMBER.0/24 (RFC 6598).
lab_carrier() { # SIDE NUMBER KIND
    lab_node "c$1"
    lab_outermost+=" c$1"
    lab_uplink "$1" "c$1"
    ip -n "$(lab_ns "c$1")" link add lan type bridge
    ip -n "$(lab_ns "c$1")" link set lan up
    lab_address "c$1" lan "100.64.$2.1/24"
    lab_make_router "c$1" "$3" "${LAB_OUTER[$1]}"
}

lab_behind_carrier() { # SIDE CARRIER_SIDE CARRIER_NUMBER HOST_PART: prints nothing; the router's wan gets an address there
    lab_cable "r$1" wan "c$2" "to$1"
    ip -n "$(lab_ns "c$2")" link set "to$1" master lan
    lab_address "r$1" wan "100.64.$3.$4/24"
    ip -n "$(lab_ns "r$1")" route add default via "100.64.$3.1"
}

lab_home_of_kind() { # SIDE NUMBER KIND
    local side=$1 number=$2 kind=$3 outer=${LAB_OUTER[$1]}
    lab_node "r$side"
    lab_node "h$side"
    if [ -n "${LAB_CARRIER:-}" ]; then
        lab_behind_carrier "$side" A 1 "$((number + 1))"
        outer=100.64.1.$((number + 1))
    elif [ "${kind%%+*}" = double ]; then
        lab_carrier "$side" "$number" full-cone+hairpin
        lab_behind_carrier "$side" "$side" "$number" 2
        outer=100.64.$number.2
        kind=port-restricted
    else
        lab_outermost+=" r$side"
        lab_uplink "$side" "r$side"
    fi
    lab_cable "h$side" eth0 "r$side" lan
    case ${kind%%+*} in
    none)
        lab_home_v4 "$side" "$number" 198.51.100 $((8 * number + 2)) $((8 * number + 1)) 29
        lab_home_v6 "$side" "$number"
        ;;
    ipv6-only) lab_home_v6 "$side" "$number" ;;
    *) lab_home_v4 "$side" "$number" "10.$number.0" 2 1 24 ;;
    esac
    lab_make_router "r$side" "$kind" "$outer"
}

# hB as a second host in home A: a bridge takes the place of the router's one port.
lab_home_shared() { # KIND
    lab_node rA
    lab_node hA
    lab_node hB
    lab_outermost=" rA"
    lab_uplink A rA
    ip -n "$(lab_ns rA)" link add lan type bridge
    ip -n "$(lab_ns rA)" link set lan up
    lab_cable hA eth0 rA toA
    lab_cable hB eth0 rA toB
    ip -n "$(lab_ns rA)" link set toA master lan
    ip -n "$(lab_ns rA)" link set toB master lan
    lab_home_v4 A 1 10.1.0 2 1 24
    lab_address hB eth0 10.1.0.3/24
    ip -n "$(lab_ns hB)" route add default via 10.1.0.1
    LAB_HOME[B]=10.1.0.3
    lab_make_router rA "$1" "${LAB_OUTER[A]}"
}

lab_routes_home() { # SIDE NUMBER KIND
    case ${3%%+*} in
    none)
        lab_announce "198.51.100.$((8 * $2))/29" "${LAB_OUTER[$1]}"
        lab_announce "2001:db8:$2::/64" "${LAB_OUTER_V6[$1]}"
        ;;
    ipv6-only) lab_announce "2001:db8:$2::/64" "${LAB_OUTER_V6[$1]}" ;;
    esac
}

lab_build() {
    lab_check_host
    if ! command -v ethtool >/dev/null; then
        lab_say "ethtool is missing (apt-get install ethtool): checksums would not be there when our NAT reads a packet"
        return 1
    fi
    if [ ! -d "${LAB_LOG:-}" ]; then
        lab_say "LAB_LOG must name a folder"
        return 1
    fi
    lab_kind "$1"
    lab_kind "$2"
    lab_traps
    lab_outermost=
    lab_public_segment
    if [ "${LAB_LAN:-0}" = 1 ]; then
        lab_home_shared "$1"
        return 0
    fi
    if [ -n "${LAB_CARRIER:-}" ]; then
        lab_carrier A 1 "$LAB_CARRIER"
    fi
    lab_home_of_kind A 1 "$1"
    lab_home_of_kind B 2 "$2"
    lab_routes_home A 1 "$1"
    lab_routes_home B 2 "$2"
}
