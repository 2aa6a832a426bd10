#!/bin/bash
# Files through a data channel, byte for byte.
set -euo pipefail
make -s build/release/caller build/release/callee build/release/signaling-server
test/call/data.sh build/release
