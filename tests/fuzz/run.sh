#!/usr/bin/env bash
# Runs the fuzz targets of a build (all, or those named) for some seconds each, from their kept corpora and with
# tests/fuzz/NAME.dict where there is one; what a run finds beyond that is thrown away, an input that breaks a target is
# kept in the build folder and named:
#   tests/fuzz/run.sh BUILD_DIR SECONDS [NAME...]
set -uo pipefail
cd "$(dirname "$0")/../.."
build=${1:?build folder} seconds=${2:?seconds for each target}
shift 2
passed=0 failed=0

export ASAN_OPTIONS=${ASAN_OPTIONS:-detect_stack_use_after_return=1}
export UBSAN_OPTIONS=${UBSAN_OPTIONS:-halt_on_error=1:print_stacktrace=1}
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

for target in "$build"/tests/fuzz/*_fuzz; do
    [ -x "$target" ] && [ -f "$target" ] || continue
    name=$(basename "$target" _fuzz)
    [ $# = 0 ] || [[ " $* " == *" $name "* ]] || continue
    mkdir -p "$scratch/$name"
    dictionary=() corpora=("$scratch/$name")
    [ -f "tests/fuzz/$name.dict" ] && dictionary=("-dict=tests/fuzz/$name.dict")
    [ -d "tests/fuzz/corpus/$name" ] && corpora+=("tests/fuzz/corpus/$name")
    if "$target" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=1024 -print_final_stats=1 -verbosity=0 \
        -artifact_prefix="$build/fuzz-$name-" "${dictionary[@]}" "${corpora[@]}" >"$scratch/$name.log" 2>&1; then
        passed=$((passed + 1))
        echo "fuzz $name: $(sed -n 's/^stat::number_of_executed_units: *//p' "$scratch/$name.log") runs"
    else
        failed=$((failed + 1))
        cat "$scratch/$name.log"
        echo "fuzz $name: FAILED, the input is kept as $build/fuzz-$name-*"
    fi
done
[ $((passed + failed)) -gt 0 ] || { echo "fuzz: no targets in $build/tests/fuzz"; failed=1; }
echo "$passed passed, $failed failed"
[ $failed = 0 ]
