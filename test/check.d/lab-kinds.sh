#!/bin/bash
# Every kind of home behaves as named; the lifetime of mappings is measured by make nat-matrix only (half a minute a kind).
set -euo pipefail
make -s lab-programs
test/lab/expected.py --check docs/nat-matrix-expected.md
test/lab/kind_check.sh
