#!/usr/bin/env bash
# Fetches promtool, which checks metrics and alert rules: Debian's package of Prometheus, unpacked under FOLDER and not
# installed, so that no service is started.
#   tools/promtool.sh [FOLDER]     (.tools)
# Prints the path of promtool. Fails with one line where this machine's package lists do not have it.
set -euo pipefail
cd "$(dirname "$0")/.."
dir=${1:-.tools}
PACKAGE=prometheus

die() {
    echo "promtool: $*" >&2
    exit 1
}

if command -v promtool; then # prints where
    exit 0
fi
if [ ! -x "$dir/promtool" ]; then
    command -v apt-get >/dev/null && command -v dpkg-deb >/dev/null || die "no apt-get and dpkg here"
    mkdir -p "$dir"
    unpack=$(mktemp -d "$dir/unpack.XXXXXX")
    trap 'rm -rf "$unpack"' EXIT
    (cd "$unpack" && apt-get -qq download "$PACKAGE" 2>apt.log) ||
        die "cannot download the package $PACKAGE: $(tail -1 "$unpack/apt.log")"
    dpkg-deb --fsys-tarfile "$unpack/$PACKAGE"_*.deb | tar -x -C "$unpack" ./usr/bin/promtool
    mv "$unpack/usr/bin/promtool" "$dir/promtool"
fi
realpath "$dir/promtool"
