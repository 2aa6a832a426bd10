#!/bin/bash
# The README's example: two peers with their own poll loop really connect.
set -euo pipefail
make -s build/release/docs/example/embed
timeout 20 build/release/docs/example/embed
