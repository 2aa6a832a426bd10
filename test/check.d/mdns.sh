#!/bin/bash
# Two hosts of ours and Avahi on one link find each other's names.
set -euo pipefail
make -s build/release/test/lab/mdns_peer
exec test/lab/mdns.sh
