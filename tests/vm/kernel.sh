#!/usr/bin/env bash
# Fetches the kernel that the virtual machine of the tests boots: Debian's for clouds, which has cgroup version 2 and
# virtio, unpacked under FOLDER and not installed.
#   tests/vm/kernel.sh [FOLDER]     (.vm)
# Prints nothing when it is there already. Fails with one line where this machine's package lists have none.
set -euo pipefail
cd "$(dirname "$0")/../.."
dir=${1:-.vm}
META=linux-image-cloud-amd64 # depends on the newest of its kind

die() {
    echo "vm kernel: $*" >&2
    exit 1
}

[ "$(uname -m)" = x86_64 ] || die "x86_64 only, this is $(uname -m)"
if [ -e "$dir/kernel/vmlinuz" ]; then
    exit 0
fi
command -v apt-get >/dev/null && command -v dpkg-deb >/dev/null || die "no apt-get and dpkg here"
package=$(apt-cache depends "$META" 2>/dev/null | sed -n 's/^ *Depends: \(linux-image-[0-9].*\)$/\1/p' | head -1)
[ -n "$package" ] || die "the package $META is not in this machine's package lists"

rm -rf "$dir/unpack" "$dir/kernel"
mkdir -p "$dir/unpack"
(cd "$dir/unpack" && apt-get -qq download "$package" 2>apt.log) ||
    die "cannot download $package: $(tail -1 "$dir/unpack/apt.log")"
dpkg-deb -x "$dir/unpack/$package"_*.deb "$dir/unpack"
mv "$dir/unpack"/boot/vmlinuz-* "$dir/unpack/vmlinuz"
mv "$dir/unpack"/lib/modules/*/kernel "$dir/unpack/modules"
rm -rf "$dir/unpack"/{*.deb,apt.log,boot,lib,usr}
mv "$dir/unpack" "$dir/kernel"
echo "vm kernel: $package"
