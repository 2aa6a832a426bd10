#!/bin/bash
# The bad cable is as bad as it says, and no worse.
set -euo pipefail
make -s lab-programs
test/lab/wire_check.sh
