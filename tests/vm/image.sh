#!/usr/bin/env bash
# Packs what the virtual machine of the tests holds into an initramfs: busybox, the kernel modules for a network card,
# workerd, the programs given, every library that any of them is linked to, the CA bundle, and files of this tree.
#   tests/vm/image.sh IMAGE BUILD PROGRAM… [-- FILE…]
# VM_HOST_PROGRAMS names programs of this machine that are packed where they are.
# PROGRAMs (host paths) land in /app/<path below BUILD>, FILEs (paths in this tree) in /app/<path>. Not compressed: to
# unpack it under software emulation would take longer than to load it.
set -euo pipefail
cd "$(dirname "$0")/../.."
image=$1 build=$2
shift 2
workerd=node_modules/@cloudflare/workerd-linux-64/bin/workerd
modules=.vm/kernel/modules
# In this order each finds what it needs.
MODULES=(drivers/virtio/virtio_ring drivers/virtio/virtio net/core/failover drivers/net/net_failover
    drivers/virtio/virtio_pci_modern_dev drivers/virtio/virtio_pci_legacy_dev drivers/virtio/virtio_pci
    drivers/net/virtio_net)

tree=$(mktemp -d)
trap 'rm -rf "$tree"' EXIT
chmod 755 "$tree"
mkdir -p "$tree"/{bin,sbin,dev,proc,sys,run,tmp,newroot,etc,lib/modules,app}

# Links, which cpio follows.
put() {
    mkdir -p "$tree/$(dirname "$2")"
    ln -sf "$(realpath "$1")" "$tree/$2"
}

# The libraries of a program, and its loader, at the paths where they are here.
put_libraries() {
    local path
    for path in $(ldd "$1" | sed -n 's/.*=> \(\/[^ ]*\) .*/\1/p; s/^\t\(\/[^ ]*\) .*/\1/p'); do
        put "$path" "$path"
    done
}

for busybox in $(command -v busybox) /usr/bin/busybox /bin/busybox; do
    ldd "$busybox" >/dev/null 2>&1 || break # the static one
done
put "$busybox" bin/busybox
put tests/vm/init init
order=()
for name in "${MODULES[@]}"; do
    put "$modules/$name.ko" "lib/modules/$(basename "$name").ko"
    order+=("$(basename "$name")")
done
echo "${order[@]}" >"$tree/lib/modules/order"
put "$workerd" "app/$workerd"
put_libraries "$workerd"
put /etc/ssl/certs/ca-certificates.crt etc/ssl/certs/ca-certificates.crt
printf 'root:x:0:0::/:/bin/sh\n' >"$tree/etc/passwd"
printf '127.0.0.1 localhost\n' >"$tree/etc/hosts"
printf 'hosts: files dns\n' >"$tree/etc/nsswitch.conf"
: >"$tree/etc/resolv.conf"

for program in ${VM_HOST_PROGRAMS:-}; do # of this machine, where they are here
    put "$program" "$program"
    put_libraries "$program"
done
while [ $# -gt 0 ] && [ "$1" != -- ]; do
    put "$1" "app/$(realpath --relative-to="$build" "$1")"
    put_libraries "$1"
    shift
done
[ $# -gt 0 ] && shift
for file in "$@"; do
    put "$file" "app/$file"
done

(cd "$tree" && find . | cpio --quiet -o -L -H newc -R 0:0) >"$image.new"
mv "$image.new" "$image"
