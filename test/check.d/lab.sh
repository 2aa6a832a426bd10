#!/bin/bash
# The kernel's NATs behave as named, and the lab leaves nothing behind however it ends.
set -euo pipefail
make -s lab-programs
test/lab/nat_check.sh
test/lab/lab_check.sh
