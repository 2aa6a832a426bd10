#!/bin/bash
# The input of the demo: two films and two spoken texts of 20 s, one of each for either side. Made once, kept in FOLDER.
#
# Usage: make_input.sh FOLDER
set -euo pipefail
folder=$1
mkdir -p "$folder"
seconds=20
size=640x480

# film NAME FILTER_GRAPH: detailed and moving everywhere, 30 frames a second, 4:2:0
film() {
    if [ -s "$folder/$1.y4m" ]; then return 0; fi
    echo "making $folder/$1.y4m"
    ffmpeg -nostdin -v error -y -filter_complex "$2,format=yuv420p[out]" -map '[out]' -t "$seconds" -r 30 -f yuv4mpegpipe "$folder/$1.part"
    mv "$folder/$1.part" "$folder/$1.y4m"
}

film a "mandelbrot=size=$size:rate=30:start_scale=3:end_scale=0.3:end_pts=600[m];testsrc2=size=320x240:rate=30[t];\
[m][t]overlay=x='160+140*sin(t*0.9)':y='120+100*cos(t*1.3)'"
film b "testsrc2=size=$size:rate=30[t];\
life=size=160x120:rate=30:mold=10:ratio=0.2:random_seed=7:death_color=#306090:life_color=#f0e0a0,scale=320:240:flags=neighbor[l];\
[t][l]overlay=x='160-150*cos(t*0.7)':y='150+80*sin(t*1.1)'"

# Spoken channel names of alsa-utils, joined to 20 s of 48 kHz mono; the other side speaks in the other order.
/usr/bin/python3 - "$folder" "$seconds" <<'PYTHON'
import glob
import os
import sys
import wave

folder, seconds = sys.argv[1], int(sys.argv[2])
spoken = sorted(path for path in glob.glob("/usr/share/sounds/alsa/*.wav") if "Noise" not in path)
if not spoken:
    sys.exit("no spoken .wav in /usr/share/sounds/alsa (package alsa-utils)")
for name, order in (("a", spoken), ("b", spoken[::-1])):
    target = f"{folder}/{name}.wav"
    if os.path.exists(target):
        continue
    data = b""
    while len(data) < seconds * 48000 * 2:
        for path in order:
            with wave.open(path, "rb") as file:
                if (file.getframerate(), file.getnchannels(), file.getsampwidth()) != (48000, 1, 2):
                    sys.exit(f"{path} is not 48 kHz mono 16 bit")
                data += file.readframes(file.getnframes())
    with wave.open(target + ".part", "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(48000)
        file.writeframes(data[:seconds * 48000 * 2])
    os.rename(target + ".part", target)
PYTHON
