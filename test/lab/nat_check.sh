#!/bin/bash
# Builds the laboratory with each kind of NAT and lets nat_check.py judge it from outside. Run as root.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
. "$here/net.sh"

verdict=0
for nats in "preserving preserving" "random preserving" "random random" "unfiltered unfiltered"; do
    printf '== %s\n' "$nats"
    # shellcheck disable=SC2086 # two words on purpose
    lab_up $nats
    # shellcheck disable=SC2086
    if ! "$here/nat_check.py" "$LAB_PREFIX" $nats; then
        verdict=1
    fi
    lab_counters
    lab_down
done
exit $verdict
