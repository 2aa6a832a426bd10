#!/bin/bash
# make check: installs what is missing, runs every kind of test, and ends with one line that adds them up.
#
# Each step prints its own "NAME: N passed, N failed, N skipped" line, or is one test by its exit code. Logs: build/check/NAME.log
set -uo pipefail
cd "$(dirname "$0")/.."
log_folder=build/check
mkdir -p "$log_folder"
passed=0 failed=0 skipped=0
jobs=$(nproc)

# step NAME COMMAND...: a step whose log holds a closing line is counted by it; another is one test, judged by its exit code.
step() {
    local name=$1 log="$log_folder/$1.log" started=$SECONDS code
    shift
    printf '== %s\n' "$name"
    "$@" >"$log" 2>&1 </dev/null
    code=$?
    local closing
    closing=$(grep -aE '^([a-z-]+( [a-z-]+)*: )?[0-9]+ passed, [0-9]+ failed, [0-9]+ skipped$' "$log" | tail -n 1)
    if [ -n "$closing" ]; then
        local p f s
        p=$(grep -oE '[0-9]+ passed' <<<"$closing" | cut -d' ' -f1)
        f=$(grep -oE '[0-9]+ failed' <<<"$closing" | cut -d' ' -f1)
        s=$(grep -oE '[0-9]+ skipped' <<<"$closing" | cut -d' ' -f1)
        if [ "$code" != 0 ] && [ "$f" = 0 ]; then f=1; fi
        passed=$((passed + p)) failed=$((failed + f)) skipped=$((skipped + s))
        printf '   %s (%d s)\n' "$closing" $((SECONDS - started))
    elif [ "$code" = 0 ]; then
        passed=$((passed + 1))
        printf '   passed (%d s)\n' $((SECONDS - started))
    else
        failed=$((failed + 1))
        printf '   FAILED with exit code %d (%d s)\n' "$code" $((SECONDS - started))
    fi
    grep -aE '^ *SKIP: ' "$log"
    if [ "$code" != 0 ]; then # what failed first, however far above the end it stands
        grep -aE '^ *(FAIL|not ok|\[  FAILED  \])' "$log" | head -n 20
        tail -n 60 "$log"
    fi
    return 0
}

# Short runs of every fuzz target: first the kept seeds, then a few seconds of new inputs.
fuzz_short() {
    make -s -j"$jobs" fuzz-all || return 1
    local target
    for target in fuzz/fuzz_*.c; do
        target=${target#fuzz/fuzz_}
        make -s fuzz TARGET="${target%.c}" TIME="${FUZZ_SECONDS:-6}" || return 1
    done
}

test/setup/install.sh build check demo || exit 1

step build-release make -s -j"$jobs" all
step layers-canaries test/layers/test_check_layers.py
step layers make -s check-layers
step build-tests make -s -j"$jobs" MODE=asan build-tests
step unit make -s MODE=asan check-unit
step fuzz fuzz_short
for extra in test/check.d/*.sh; do
    [ -e "$extra" ] && step "$(basename "$extra" .sh)" "$extra"
done

printf '%d passed, %d failed, %d skipped\n' "$passed" "$failed" "$skipped"
[ "$failed" = 0 ]
