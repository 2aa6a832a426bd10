#!/bin/bash
# Files through a data channel, byte for byte: on one host, and through two NATs.
set -euo pipefail
make -s build/release/caller build/release/callee build/release/signaling-server
test/call/data.sh build/release
test/call/data_nat.sh build/release
