#!/bin/bash
# An attacker who sees every packet and can forge any address, but has no password, does not disturb a call.
set -euo pipefail
make -s lab-programs
# shellcheck disable=SC2016 # for lab_call.sh
A=none B=full-cone TURN=none DELAY=5 DURATION=16 VIDEO=pattern OUT=build/check/attack \
    BESIDE='bad test/lab/attack.py "$LAB_PREFIX" "$LAB_LOG"' test/lab/lab_call.sh || { cat build/check/attack/beside.log; exit 1; }
cat build/check/attack/beside.log
