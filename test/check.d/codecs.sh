#!/bin/bash
# Every codec through a call of real programs; what was sent as it is comes out as it was, which ffmpeg judges frame by frame.
set -euo pipefail
make -s build/release/caller build/release/callee build/release/signaling-server
test/call/test_codecs_judge.py
test/call/test_statistics_judge.py
test/call/codecs.sh build/release
