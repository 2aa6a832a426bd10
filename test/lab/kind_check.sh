#!/bin/bash
# Builds the laboratory with each kind of home and lets prober.py judge it from outside. Run as root.
#
# Usage: kind_check.sh [--slow] [KIND...]      --slow: the lifetime of mappings too, half a minute a kind; without KINDs all of them,
#                                              and those that nftables makes once more by lab_nat
set -euo pipefail
cd "$(dirname "$0")/../.."
. test/lab/net.sh
. test/lab/topology.sh

slow=
if [ "${1:-}" = --slow ]; then
    slow=--slow
    shift
fi
kinds=("$@")
if [ ${#kinds[@]} = 0 ]; then
    kinds=(none full-cone address-restricted port-restricted symmetric sequential-symmetric no-udp ipv6-only double
        port-restricted+short port-restricted+hairpin port-restricted+ours symmetric+ours)
fi

LAB_LOG=$(mktemp -d)
passed=0 failed=0
one() { # KIND: home B keeps another kind, so that the two homes cannot be taken for each other
    printf '== %s\n' "$1"
    mkdir -p "$LAB_LOG"
    lab_build "$1" none
    if test/lab/prober.py "$LAB_PREFIX" A "$1" $slow; then passed=$((passed + 1)); else failed=$((failed + 1)); fi
    lab_down
    for report in "$LAB_LOG"/*.json; do
        if [ -e "$report" ]; then grep -H '"program"' "$report" | sed "s|^$LAB_LOG/||"; fi
    done
    rm -rf "$LAB_LOG"
}
for kind in "${kinds[@]}"; do
    one "$kind"
done

# The judge is judged: what is not as it is called must be refused.
canary() { # IS CALLED
    mkdir -p "$LAB_LOG"
    lab_build "$1" none
    if test/lab/prober.py "$LAB_PREFIX" A "$2" >"$LAB_LOG/canary"; then
        printf 'FAIL canary: the prober takes %s for %s\n' "$1" "$2"
        failed=$((failed + 1))
    else
        printf 'ok   canary: %s is not taken for %s: %s findings\n' "$1" "$2" "$(grep -c FAIL "$LAB_LOG/canary")"
        passed=$((passed + 1))
    fi
    lab_down
    rm -rf "$LAB_LOG"
}
if [ $# = 0 ] && [ -z "$slow" ]; then
    canary full-cone address-restricted
    canary port-restricted symmetric
    canary none no-udp
fi
printf 'kinds: %d passed, %d failed, 0 skipped\n' "$passed" "$failed"
[ "$failed" = 0 ]
