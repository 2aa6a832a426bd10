#!/bin/bash
# WHIP and WHEP: what caller says to endpoints, and what it makes of their answers.
set -euo pipefail
make -s build/release/caller build/release/callee build/release/signaling-server
test/call/whip.sh build/release
