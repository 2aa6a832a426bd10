#!/bin/bash
# The examples of the documents: they run, and the document that shows perfect negotiation shows what is compiled.
set -euo pipefail
make -s build/release/docs/example/embed build/release/docs/example/perfect
timeout 20 build/release/docs/example/embed
timeout 20 build/release/docs/example/perfect
awk '/^```c$/{shows=1; next} /^```$/{shows=0} shows' docs/peer.md > build/release/docs/example/shown
awk '/---- the pattern ----/{is=1; next} /---- around it ----/{is=0} is && NF' docs/example/perfect.c > build/release/docs/example/compiled
if ! diff <(awk NF build/release/docs/example/shown) build/release/docs/example/compiled; then
    echo "docs/peer.md shows something else than docs/example/perfect.c" >&2
    exit 1
fi
