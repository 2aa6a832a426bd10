#!/bin/bash
# The judge is judged, then the call across two NATs is.
set -euo pipefail
test/demo/test_verify.py
test/demo/test_two_hosts.py
test/demo/demo.sh
