#!/bin/bash
# Calls within one host, one for each pair of codecs: files that are sent as they are, VP9 and G.711 made here, keys pressed, and the
# call of which nobody has a source. The recordings are judged by ffmpeg (codecs_judge.py), which shares no code with us.
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
        ffmpeg -v error -y -f lavfi -i "aevalsrc=0.2*sin(2*PI*(300+200*t)*t):duration=2:sample_rate=48000" -c:a libopus -b:a 48k "$folder/sound.opus"
}

# call NAME CALLER-FLAGS -- CALLEE-FLAGS: both record; exit codes in caller_code and callee_code
call() {
    name=$1
    shift
    local of_caller=() url="ws://$server/r/$name"
    while [ "$1" != -- ]; do of_caller+=("$1") && shift; done
    shift
    timeout -s KILL 60 "$build/callee" --interface lo --wait 20 --json="$folder/$name.callee.json" --record "$folder/$name.callee" "$@" "$url" 2>"$folder/$name.callee.err" &
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

call h264 --video "$folder/film.h264" --audio "$folder/sound.opus" -- --video none --audio none
judge "FILE.h264 and FILE.opus: the call" ended 0 0
judge "FILE.h264: the frames that were sent" same_film film.h264 h264.callee-video.h264
judge "FILE.opus: the packets that were sent" test/call/codecs_judge.py sound "$folder/sound.opus" "$folder/h264.callee-audio.ogg" 200
judge "H264 is received without a decoder, and said" grep -q '"event":"nodecoder","kind":"video","codec":"H264"' "$folder/h264.callee.json"

call av1 --video "$folder/av1.ivf" --codec pcmu,av1 --dtmf 159#D -- --video none --audio none
judge "FILE.ivf of AV1 and PCMU: the call" ended 0 0
judge "AV1: the frames that were sent" same_film av1.ivf av1.callee-video.ivf
judge "PCMU: the recording" has_codec av1.callee-audio.wav pcm_mulaw
judge "PCMU: the tone" test/call/codecs_judge.py tone "$folder/av1.callee-audio.wav" 440
judge "telephone-event: the keys that were pressed" test/call/codecs_judge.py keys "$folder/av1.callee.json" 159#D

call vp9 --video "$folder/vp9.ivf" --codec vp9,pcma -- --video pattern --size 320x240 --codec pcma,vp9
judge "FILE.ivf of VP9, VP9 made here, PCMA: the call" ended 0 0
judge "VP9: the frames that were sent" same_film vp9.ivf vp9.callee-video.ivf
judge "VP9 made here: ffmpeg decodes every frame" test/call/codecs_judge.py decodes "$folder/vp9.caller-video.ivf" vp9 320x240 120
judge "VP9 made here: our decoder shows every frame" test/call/codecs_judge.py decoded "$folder/vp9.caller.json" VP9 120
judge "PCMA: the recording" has_codec vp9.caller-audio.wav pcm_alaw
judge "PCMA: the tone" test/call/codecs_judge.py tone "$folder/vp9.caller-audio.wav" 440

call vp8 --video "$folder/vp8.ivf" --audio none -- --video none
judge "FILE.ivf of VP8: the call" ended 0 0
judge "VP8: the frames that were sent" same_film vp8.ivf vp8.callee-video.ivf

# One side has VP8 and H264, the other VP9 and H264: they agree on H264, of which neither has a source.
call nosource --codec vp8,h264,opus -- --codec vp9,h264,opus
judge "H264 without a source: no picture, and the exit code says so" ended 13 13
judge "H264 without a source: said on stderr" grep -q 'No video is sent: H264 was agreed' "$folder/nosource.caller.err" "$folder/nosource.callee.err"
judge "H264 without a source: the reason of the exit code" grep -q 'why: H264 was agreed, of which there is no source here' "$folder/nosource.callee.err"
judge "H264 without a source: said in the json" grep -q '"event":"notsent","kind":"video","codec":"H264"' "$folder/nosource.callee.json"

echo "codecs: $passed passed, $failed failed, 0 skipped"
[ "$failed" = 0 ]
