#!/bin/bash
# The TURN client against coturn, over UDP and TCP.
set -euo pipefail
make -s build/release/test/lab/turn_coturn
test/lab/turn_coturn.sh build/release
