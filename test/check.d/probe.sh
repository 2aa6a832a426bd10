#!/bin/bash
# probe against real NATs and a real coturn. Ends with "probe: N passed, N failed, N skipped".
make -s lab-programs
exec "$(dirname "$0")/../probe/probe_check.sh"
