#!/bin/bash
# Calls within one host, one for each pair of codecs: files that are sent as they are, VP9 and G.711 made here, keys pressed, a film that ends, and the
# codec of which one side, or nobody, has a source. The recordings are judged by ffmpeg (codecs_judge.py), which shares no code with us; what the
# two ends of a call say of it in getStats(), by the W3C's table and against each other (statistics_judge.py).
#
# Usage: codecs.sh [BUILD_DIR]      (default build/release)
set -uo pipefail
cd "$(dirname "$0")/../.."
build=${1:-build/release}
folder=$(mktemp -d)
passed=0 failed=0
server_pid=
trap '[ -n "$server_pid" ] && kill "$server_pid" 2>/dev/null; rm -rf "$folder"' EXIT

judge() { # judge WHAT COMMAND...: one test
    local what=$1
    shift
    if "$@" >"$folder/judge.log" 2>&1; then
        echo "ok   $what"
        passed=$((passed + 1))
    else
        echo "FAIL $what"
        failed=$((failed + 1))
        sed 's/^/     /' "$folder/judge.log" "$folder/$name.caller.err" "$folder/$name.callee.err" 2>/dev/null | head -n 60
    fi
}

make_films() {
    local source=(-v error -y -f lavfi -i "testsrc2=size=320x240:rate=30:duration=2")
    ffmpeg "${source[@]}" -c:v libx264 -profile:v baseline -pix_fmt yuv420p -bf 0 -g 15 -b:v 400k -f h264 "$folder/film.h264" &&
        ffmpeg "${source[@]}" -c:v libvpx -deadline realtime -cpu-used 8 -g 15 -b:v 400k "$folder/vp8.ivf" &&
        ffmpeg "${source[@]}" -c:v libvpx-vp9 -deadline realtime -cpu-used 8 -lag-in-frames 0 -g 15 -b:v 400k "$folder/vp9.ivf" &&
        ffmpeg "${source[@]}" -c:v libaom-av1 -usage realtime -cpu-used 8 -g 15 -b:v 400k "$folder/av1.ivf" &&
        ffmpeg -v error -y -f lavfi -i "testsrc2=size=320x240:rate=30:duration=1" -pix_fmt yuv420p "$folder/short.y4m" &&
        ffmpeg -v error -y -f lavfi -i "aevalsrc=0.2*sin(2*PI*(300+200*t)*t):duration=2:sample_rate=48000" -c:a libopus -b:a 48k "$folder/sound.opus"
}

# call NAME CALLER-FLAGS -- CALLEE-FLAGS: both record; exit codes in caller_code and callee_code
call() {
    name=$1
    shift
    local of_caller=() url="ws://$server/r/$name"
    while [ "$1" != -- ]; do of_caller+=("$1") && shift; done
    shift
    timeout -s KILL 60 "$build/callee" --interface lo --wait 20 --json="$folder/$name.callee.json" \
        --record "$folder/$name.callee" "$@" "$url" 2>"$folder/$name.callee.err" &
    local callee=$!
    timeout -s KILL 60 "$build/caller" --interface lo --wait 20 --duration 6 --json="$folder/$name.caller.json" --record "$folder/$name.caller" "${of_caller[@]}" "$url" \
        2>"$folder/$name.caller.err"
    caller_code=$?
    wait "$callee"
    callee_code=$?
}

ended() { # ended CALLER CALLEE: the exit codes
    echo "exit codes $caller_code and $callee_code, wanted $1 and $2"
    [ "$caller_code" = "$1" ] && [ "$callee_code" = "$2" ]
}

statistics() { test/call/statistics_judge.py "$folder/$name.caller.json" "$folder/$name.callee.json"; }
same_film() { test/call/codecs_judge.py film "$folder/$1" "$folder/$2" 120; }
has_codec() { # has_codec FILE CODEC: what ffprobe says of it
    local said
    said=$(ffprobe -v error -show_entries stream=codec_name -of csv=p=0 "$folder/$1" 2>&1)
    echo "ffprobe: $said, wanted $2"
    [ "$said" = "$2" ]
}

make_films || exit 1
"$build/signaling-server" --listen 127.0.0.1:0 >"$folder/server.out" 2>&1 &
server_pid=$!
for _ in $(seq 50); do
    server=$(grep -oE '127\.0\.0\.1:[1-9][0-9]*' "$folder/server.out" | head -n 1)
    [ -n "$server" ] && break
    sleep 0.1
done

call h264 --video "$folder/film.h264" --audio "$folder/sound.opus" -- --video "$folder/film.h264" --audio tone --dtmf 0A*
judge "FILE.h264 and FILE.opus: the call" ended 0 0
judge "FILE.h264: the frames that were sent" same_film film.h264 h264.callee-video.h264
judge "FILE.h264: and back" same_film film.h264 h264.caller-video.h264
judge "FILE.opus: the packets that were sent" test/call/codecs_judge.py sound "$folder/sound.opus" "$folder/h264.callee-audio.ogg" 200
judge "telephone-event beside Opus: the keys that were pressed" test/call/codecs_judge.py keys "$folder/h264.caller.json" '0A*'
judge "H264 is received without a decoder, and said" grep -q '"event":"nodecoder","kind":"video","codec":"H264"' "$folder/h264.callee.json"
judge "H264 and Opus: getStats" statistics

call av1 --video "$folder/av1.ivf" --codec pcmu,av1 --dtmf 159#D -- --video "$folder/av1.ivf" --audio none --codec av1,pcmu
judge "FILE.ivf of AV1 and PCMU: the call" ended 0 0
judge "AV1: the frames that were sent" same_film av1.ivf av1.callee-video.ivf
judge "AV1: and back" same_film av1.ivf av1.caller-video.ivf
judge "PCMU: the recording" has_codec av1.callee-audio.wav pcm_mulaw
judge "PCMU: the tone" test/call/codecs_judge.py tone "$folder/av1.callee-audio.wav" 440
judge "telephone-event beside PCMU: the keys that were pressed" test/call/codecs_judge.py keys "$folder/av1.callee.json" 159#D
judge "AV1 and PCMU: getStats" statistics

call vp9 --video "$folder/vp9.ivf" --codec vp9,pcma -- --video pattern --size 320x240 --codec pcma,vp9
judge "FILE.ivf of VP9, VP9 made here, PCMA: the call" ended 0 0
judge "VP9: the frames that were sent" same_film vp9.ivf vp9.callee-video.ivf
judge "VP9 made here: ffmpeg decodes every frame" test/call/codecs_judge.py decodes "$folder/vp9.caller-video.ivf" vp9 320x240 120
judge "VP9 made here: our decoder shows every frame" test/call/codecs_judge.py decoded "$folder/vp9.caller.json" VP9 120
judge "PCMA: the recording" has_codec vp9.caller-audio.wav pcm_alaw
judge "PCMA: the tone" test/call/codecs_judge.py tone "$folder/vp9.caller-audio.wav" 440
judge "VP9 and PCMA: getStats" statistics

# A film that ends is no failure: the sound goes on, and so does the call.
call vp8 --video "$folder/vp8.ivf" -- --video "$folder/short.y4m"
judge "FILE.ivf of VP8, and a film of one second: the call" ended 0 0
judge "VP8: the frames that were sent" same_film vp8.ivf vp8.callee-video.ivf
judge "VP8 made here: every frame until the film ended" test/call/codecs_judge.py decodes "$folder/vp8.caller-video.ivf" vp8 320x240 30
judge "VP8 and Opus: getStats" statistics

# One side has VP8 and H264, the other VP9 and H264: they agree on H264, of which one of them has a source...
call onesource --video "$folder/film.h264" --codec vp8,h264,opus -- --codec vp9,h264,opus
judge "H264 from one side: the other got it, and the one that got nothing says so" ended 13 0
judge "H264 from one side: the frames that were sent" same_film film.h264 onesource.callee-video.h264
judge "H264 from one side: the other says what it does not send" grep -q '"event":"notsent","kind":"video","codec":"H264"' "$folder/onesource.callee.json"
judge "H264 from one side: getStats" statistics

# ... or neither has.
call nosource --codec vp8,h264,opus -- --codec vp9,h264,opus
judge "H264 without a source: no picture, and the exit code says so" ended 13 13
judge "H264 without a source: said on stderr" grep -q 'No video is sent: H264 was agreed' "$folder/nosource.caller.err" "$folder/nosource.callee.err"
judge "H264 without a source: the reason of the exit code" grep -q 'why: H264 was agreed, of which there is no source here' "$folder/nosource.callee.err"
judge "H264 without a source: said in the json" grep -q '"event":"notsent","kind":"video","codec":"H264"' "$folder/nosource.callee.json"

echo "codecs: $passed passed, $failed failed, 0 skipped"
[ "$failed" = 0 ]
