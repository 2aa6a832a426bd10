#!/bin/bash
# --data between two programs: a tree of files goes through tar byte for byte, both ways at once, against a slow reader in bounded memory, and
# every end has its exit code.
#
# Usage: data.sh [BUILD_DIR]      (default build/release)
set -uo pipefail
cd "$(dirname "$0")/../.." || exit
build=$PWD/${1:-build/release}
folder=$(mktemp -d)
server=
port=$((20000 + $$ % 20000))
trap '[ -z "$server" ] || kill "$server"; rm -rf "$folder"' EXIT
cd "$folder" || exit
megabyte=1048576
resident_max_kb=60000
stall_seconds=20
growth_max_kb=500 # while nobody reads, once all buffers are full
passed=0 failed=0

# judge WHAT WRONG: nothing is wrong when the text is empty
judge() {
    if [ -z "$2" ]; then
        echo "ok   $1"
        passed=$((passed + 1))
    else
        echo "FAIL $1: $2"
        sed 's/^/     /' ./*.err
        failed=$((failed + 1))
    fi
}

"$build/signaling-server" --listen "127.0.0.1:$port" >server.err 2>&1 &
server=$!
for _ in $(seq 50); do
    if (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; then break; fi
    sleep 0.1
done

# end PROGRAM LABEL ROOM [FLAGS]: one side; its stdin and stdout are the caller's of this function
end() {
    local program=$1 label=$2 room=$3
    shift 3
    timeout -s KILL 120 "$build/$program" --data "$label" "$@" "ws://127.0.0.1:$port/r/$room" 2>"$program.err"
}

# ---- a tree of files, 50 MB, through tar ----------------------------------------------------------------------------------------

mkdir -p tree/deep/er there
head -c $((40 * megabyte)) /dev/urandom >tree/large
head -c $((10 * megabyte)) /dev/zero >tree/deep/zeros
printf 'x' >tree/deep/er/one
: >tree/deep/empty
(end callee files tar | tar x -C there; echo "${PIPESTATUS[*]}" >callee.code) &
callee=$!
tar c -C tree . | end caller files tar >caller.out
code=${PIPESTATUS[1]}
wait "$callee"
wrong=
[ "$code" = 0 ] && [ "$(cat callee.code)" = "0 0" ] || wrong="exit codes $code, $(cat callee.code)"
for file in large deep/zeros deep/er/one deep/empty; do cmp "tree/$file" "there/$file" >cmp.err 2>&1 || wrong="$wrong, $file differs"; done
[ ! -s caller.out ] || wrong="$wrong, stdout of who only sends has $(wc -c <caller.out) bytes"
judge "50 MB of files through tar are the same" "$wrong"

# ---- both ways, callee's file being the longer: callee's end of stdin closes, caller holds its own open until then --------------

head -c $((5 * megabyte)) tree/large >down
head -c $((2 * megabyte)) tree/large | tail -c $megabyte >up
mkfifo hold
(end callee both ways <down >up.got; echo $? >callee.code) &
callee=$!
end caller both ways <hold >down.got &
caller=$!
exec 5>hold
cat up >&5
wait "$callee"
wait "$caller"
code=$?
exec 5>&-
wrong=
[ "$code $(cat callee.code)" = "0 0" ] || wrong="exit codes $code, $(cat callee.code)"
cmp down down.got >cmp.err 2>&1 || wrong="$wrong, what callee sent differs"
judge "both ways at once, callee being the one that ends it" "$wrong"

# ---- a reader that is slow -------------------------------------------------------------------------------------------------------

# peak PID: the most memory that the process had, in kB
peak() { awk '/VmHWM/ { print $2 }' "/proc/$1/status"; }
# is_over PID: it has ended, and is not waited for yet
is_over() { ! kill -0 "$1" 2>/dev/null || grep -q '^State:.*Z' "/proc/$1/status"; }
mkfifo slow
"$build/callee" --data late "ws://127.0.0.1:$port/r/late" </dev/null >slow 2>callee.err &
callee=$!
exec 4<slow
"$build/caller" --data late "ws://127.0.0.1:$port/r/late" <tree/large 2>caller.err >caller.out &
caller=$!
sleep 5
caller_kb=$(peak "$caller") callee_kb=$(peak "$callee")
sleep $((stall_seconds - 5))
wrong=
for one in "$caller" "$callee"; do
    if is_over "$one"; then wrong="$wrong, one has ended"; fi
    [ "$(peak "$one")" -le $resident_max_kb ] || wrong="$wrong, $(peak "$one") kB"
done
[ "$(peak "$caller")" -le $((caller_kb + growth_max_kb)) ] || wrong="$wrong, caller has grown from $caller_kb to $(peak "$caller") kB"
[ "$(peak "$callee")" -le $((callee_kb + growth_max_kb)) ] || wrong="$wrong, callee has grown from $callee_kb to $(peak "$callee") kB"
cat <&4 >slow.got &
reader=$!
exec 4<&-
wait "$caller" || wrong="$wrong, caller $?"
wait "$callee" || wrong="$wrong, callee $?"
wait "$reader"
cmp tree/large slow.got >cmp.err 2>&1 || wrong="$wrong, it differs"
judge "a reader that stands still for $stall_seconds s costs $caller_kb and $callee_kb kB, no more then than after 5, and misses nothing" "$wrong"

# ---- ends ------------------------------------------------------------------------------------------------------------------------

# ends WHAT CALLER_CODE CALLEE_CODE: of the two that run as $caller and $callee
ends() {
    local codes
    wait "$caller"
    codes=$?
    wait "$callee"
    codes="$codes $?"
    if [ "$codes" = "$2 $3" ]; then judge "$1: $codes" ""; else judge "$1" "exit codes $codes, not $2 $3"; fi
}

(end callee nobody reads </dev/null | head -c 1 >/dev/null; exit "${PIPESTATUS[0]}") &
callee=$!
(end caller nobody reads <tree/large >/dev/null) &
caller=$!
ends "nobody reads stdout any more" 15 74

(end callee one labels </dev/null >/dev/null) &
callee=$!
(end caller other labels <tree/deep/er/one >/dev/null) &
caller=$!
ends "two labels" 15 13

end callee full full </dev/null >/dev/full &
callee=$!
end caller full full <up >/dev/null &
caller=$!
ends "the disk is full" 15 74

"$build/caller" --data x --json "ws://127.0.0.1:$port/r/x" 2>caller.err
code=$?
judge "--json on the same stdout: $code" "$([ $code = 64 ] || echo "exit code $code")"

echo "data: $passed passed, $failed failed"
[ "$failed" = 0 ]
