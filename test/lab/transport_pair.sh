#!/bin/bash
# Proof of the bones in the kernel: two transports in two homes, each behind its own NAT, exchange descriptions by file and carry SRTP
# both ways for some seconds. The STUN server is coturn. The routers' counters must agree that the media went direct.
#
# Usage: transport_pair.sh [BUILD_DIR [SECONDS]]
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
build=${1:-build/release}
seconds=${2:-10}
# shellcheck source=test/lab/net.sh
. "$here/net.sh"

folder=$(mktemp -d)
lab_up preserving preserving
lab_start pub turnserver -n --stun-only --no-cli --no-tls --no-dtls --listening-ip "$LAB_PUBLIC" --listening-port 3478 \
    --log-file "$folder/coturn.log" --simple-log --pidfile "$folder/coturn.pid"
coturn=$LAB_PID
# Its own question answered is the proof that it listens.
lab_answers pub timeout 1 turnutils_stunclient -p 3478 "$LAB_PUBLIC"

lab_start hA "$build/test/lab/transport_pair" offer "$folder" "$LAB_PUBLIC:3478" "$seconds"
offer=$LAB_PID
lab_start hB "$build/test/lab/transport_pair" answer "$folder" "$LAB_PUBLIC:3478" "$seconds"
answer=$LAB_PID
code=0
wait "$offer" || code=1
wait "$answer" || code=1

direct=$(lab_counter rA udp_to_peer)
relayed=$(lab_counter rA udp_to_public)
echo "rA forwarded $direct bytes to the other router and $relayed bytes to the public host"
# Half the seconds, 100 frames of 640 bytes each: what went direct must be at least that, and STUN is a few hundred bytes.
if [ "$direct" -lt $((seconds * 50 * 640)) ] || [ "$relayed" -gt 4000 ]; then
    echo "the counters disagree: media did not go direct"
    code=1
fi
kill "$coturn"
rm -rf "$folder"
lab_down
[ "$code" = 0 ] && echo "transport-pair: 1 passed, 0 failed, 0 skipped" || echo "transport-pair: 0 passed, 1 failed, 0 skipped"
exit "$code"
