#!/bin/bash
# sdp-explain as a person calls it: exit codes, what it says of a codec that is dropped, and --rewrite over the corpora.
# Ends with "sdp-explain: N passed, N failed, N skipped".
set -uo pipefail
make -s build/release/sdp-explain || exit 1
program=build/release/sdp-explain
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
passed=0 failed=0 skipped=0

check() { # name, expected exit code, part of the output, arguments...
    local name=$1 code=$2 wanted=$3 found
    shift 3
    "$program" "$@" > "$folder/out" 2>&1
    found=$?
    if [ "$found" = "$code" ] && grep -qF -- "$wanted" "$folder/out"; then
        passed=$((passed + 1))
    else
        failed=$((failed + 1))
        printf 'FAIL: %s: exit %s, expected %s, with: %s\n' "$name" "$found" "$code" "$wanted"
        cat "$folder/out"
    fi
}

# setup, formats, further lines: one section of video.
describe() {
    printf '%s\r\n' 'v=0' 'o=- 1 1 IN IP4 0.0.0.0' 's=-' 't=0 0' "m=video 9 UDP/TLS/RTP/SAVPF $2" 'a=ice-ufrag:abcd' 'a=ice-pwd:abcdefghijklmnopqrstuv' \
        'a=fingerprint:sha-256 AB:CD' "a=setup:$1" 'a=rtcp-mux' "${@:3}"
}

# One side has VP8 and H264, the other VP9 and H264: they agree on H264, and it is said why on no other.
describe actpass '96 98' 'a=rtpmap:96 VP8/90000' 'a=rtpmap:98 H264/90000' 'a=fmtp:98 packetization-mode=1' > "$folder/offer"
describe active '100 98' 'a=rtpmap:100 VP9/90000' 'a=rtpmap:98 H264/90000' 'a=fmtp:98 packetization-mode=1' > "$folder/answer"
check 'they agree on H264' 0 '98 H264/90000  packetization-mode=1  (Baseline, level 1.0)  <- what will be sent' "$folder/offer" "$folder/answer"
check 'VP8 is dropped' 0 'offered only: the other side does not list it' "$folder/offer" "$folder/answer"
check 'VP9 is dropped' 0 'answered only: the other side does not list it' "$folder/offer" "$folder/answer"

describe actpass '98' 'a=rtpmap:98 VP9/90000' > "$folder/offer"
describe active '98' 'a=rtpmap:98 VP9/90000' 'a=fmtp:98 profile-id=2' > "$folder/answer"
check 'what differs is said with both values' 14 'profile-id 2 here, 0 (when absent) there' "$folder/offer" "$folder/answer"
check 'nothing is agreed' 14 'nothing is agreed' "$folder/offer" "$folder/answer"
check 'one description' 0 'codecs, the most wanted first' "$folder/offer"
check 'the answer of our defaults' 0 'a=rtpmap:98 VP9/90000' --answer "$folder/offer"
check 'a default answer that refuses' 14 'no codec in common' --answer <(describe actpass '98' 'a=rtpmap:98 X/90000')
describe active '98' 'a=rtpmap:98 VP9/90000' 'm=audio 9 RTP/AVP 0' > "$folder/longer"
check 'they do not belong together' 14 'the same number of m= sections' "$folder/offer" "$folder/longer"

printf 'v=0\no=- 1 1 IN IP4 0.0.0.0\ns=-\nt=0 0\nm=audio 9 RTP/AVP 300\n' > "$folder/broken"
check 'line, text and rule' 65 'broken:5:19: formats of an RTP profile are payload types of 0 to 127 (RFC 8866 section 5.14)' "$folder/broken"
check 'usage' 64 'usage:' --unknown
check 'no such file' 66 'cannot open' "$folder/none"

if [ -d "${STRATA_CORPORA:-}/sdp-webrtc" ]; then
    for file in "$STRATA_CORPORA"/sdp-webrtc/* "$STRATA_CORPORA"/sdp-synthetic/*; do
        sed 's/\r$//; s/$/\r/' "$file" > "$folder/expected"
        # A last line without an end keeps none.
        [ -n "$(tail -c 1 "$file")" ] && truncate -s -1 "$folder/expected"
        if "$program" --rewrite "$file" | cmp -s - "$folder/expected"; then
            passed=$((passed + 1))
        else
            failed=$((failed + 1))
            echo "FAIL: --rewrite $file"
        fi
    done
else
    skipped=1
    echo 'SKIP: sdp-explain: corpora not present (set STRATA_CORPORA)'
fi
echo "sdp-explain: $passed passed, $failed failed, $skipped skipped"
[ "$failed" = 0 ]
