#!/bin/bash
# Two transports, two homes, two kernel NATs: SRTP both ways.
set -euo pipefail
make -s build/release/test/lab/transport_pair
test/lab/transport_pair.sh build/release
