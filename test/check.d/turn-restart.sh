#!/bin/bash
# coturn dies in mid-call and comes back knowing nobody: media flows again, both ways, within 10 s of its listening again.
set -euo pipefail
make -s lab-programs
A=symmetric B=symmetric TURN=udp DURATION=25 OUT=build/check/turn-restart DURING='. test/lab/turn_restart.sh' test/lab/lab_call.sh || {
    cat build/check/turn-restart/during.log
    exit 1
}
cat build/check/turn-restart/during.log
