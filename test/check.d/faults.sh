#!/bin/bash
# What goes wrong has an exit code and three sentences of its own.
set -euo pipefail
make -s build/release/caller build/release/callee build/release/signaling-server
test/call/faults.sh build/release
