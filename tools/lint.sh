#!/usr/bin/env bash
# Looks at every tracked file without running the program: format, layers and other rules of this tree, static
# analysis, syntax of scripts. Prints a line `file:line: what` for each problem; ends with status 1 when there is one.
#   tools/lint.sh
set -uo pipefail
cd "$(dirname "$0")/.."

CLANG_FORMAT_MAJOR=14 # each release lays some code out differently; Debian 12 and Ubuntu 22.04 have this one
problems=$(mktemp) found=$(mktemp)
trap 'rm -f "$problems" "$found"' EXIT
mapfile -t files < <(git ls-files --cached --others --exclude-standard)
of_kind() { printf '%s\n' "${files[@]}" | grep -E "$1"; }

clang_format() {
    local tool
    for tool in clang-format-$CLANG_FORMAT_MAJOR clang-format; do
        "$tool" --version 2>/dev/null | grep -q "version $CLANG_FORMAT_MAJOR\." || continue
        # one line for a file: where its layout first differs
        of_kind '^(src|tools|tests|bench|devnet)/.*\.[ch]$' | xargs -P "$(nproc)" -n 8 "$tool" --dry-run 2>&1 |
            sed -nE 's/^([^:]+:[0-9]+):[0-9]+: (warning|error): .*/\1: layout: run clang-format -i/p' | sort -t: -k1,1 -u
        return
    done
    echo "lint: no clang-format $CLANG_FORMAT_MAJOR here: the layout was not looked at" >&2
}

own_rules() { printf '%s\n' "${files[@]}" | xargs python3 -B tools/lint/rules.py; }

# The list macros of uthash are expanded for cppcheck, which does not look into /usr/include otherwise.
analysis() {
    local headers
    headers=$(mktemp -d)
    ln -s /usr/include/uthash.h /usr/include/utlist.h "$headers"
    cppcheck -q -j "$(nproc)" --std=c11 --enable=warning,performance,portability --inline-suppr --max-configs=4 \
        --suppressions-list=tools/lint/cppcheck.suppressions --suppress="*:$headers/*" --error-exitcode=1 \
        -Isrc -I"$headers" -D_GNU_SOURCE -D__GNUC__=12 '-DOYSTER_VERSION=""' \
        --template='{file}:{line}: {severity}: {message} [{id}]' src tools 2>&1
    local status=$?
    rm -r "$headers"
    return $status
}

syntax() {
    local file said
    for file in $(of_kind '\.sh$|^\.ci/run$'); do
        said=$(bash -n "$file" 2>&1) || sed -E 's/: line ([0-9]+):/:\1:/' <<<"$said"
    done
    for file in $(of_kind '\.mjs$'); do
        said=$(node --check "$file" 2>&1) || sed -nE "1s|^file://||; 1s|^$PWD/||; 1s/\$/: syntax error/p" <<<"$said"
    done
}

for check in clang_format own_rules analysis syntax; do
    "$check" >"$found" || [ -s "$found" ] || echo "tools/lint.sh:1: $check failed without naming a problem" >>"$found"
    cat "$found" >>"$problems"
done
sort -t: -k1,1 -k2,2n "$problems"
count=$(wc -l <"$problems")
echo "lint: ${#files[@]} files, $count problems"
[ "$count" = 0 ]
