#!/usr/bin/env bash
# Makes a Debian package of a build: deploy/debian/build.sh BUILD. Nothing is compiled; the package lands in BUILD.
set -euo pipefail
cd "$(dirname "$0")/../.."
build=$1
here=deploy/debian
name=oyster-serverless-executor
version=$(meson introspect --projectinfo "$build" | sed -E 's/.*"version": "([^"]+)".*/\1/')
architecture=$(dpkg --print-architecture)
prefix=$(meson introspect --buildoptions "$build" | python3 -c \
    'import json, sys; print(next(o["value"] for o in json.load(sys.stdin) if o["name"] == "prefix"))')

# Times of the last commit, so that the same tree makes the same package.
SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct 2>/dev/null || date +%s)}
export SOURCE_DATE_EPOCH

work=$(mktemp -d)
trap 'rm -rf "$work"; [ ! -f "$build/meson-logs/install-log.kept" ] ||
    mv "$build/meson-logs/install-log.kept" "$build/meson-logs/install-log.txt"' EXIT
root=$work/root
mkdir -m 755 "$root"
umask 022

# `make uninstall` goes by the log of the last installation: it stays that of `make install`.
log=$build/meson-logs/install-log.txt
[ ! -f "$log" ] || cp "$log" "$build/meson-logs/install-log.kept"
DESTDIR=$(realpath "$root") meson install -C "$build" --no-rebuild --strip --quiet
rm -f "$log"

# Installed for whatever prefix, packaged for /usr.
if [ "$prefix" != /usr ]; then
    mkdir -p "$root/usr"
    cp -a "$root$prefix/." "$root/usr/"
    rm -r "${root:?}/$(cut -d/ -f2 <<<"$prefix" | sed 's/^usr$/usr\/local/')"
fi

doc=$root/usr/share/doc/$name
install -d "$root/etc/$name" "$root/lib"
mv "$doc/examples/config.json" "$root/etc/$name/config.json"
rmdir "$doc/examples"
mv "$root/usr/lib/systemd" "$root/lib/systemd"
rm "$doc/LICENSE" # the copyright file says it
install -m 644 "$here/copyright" "$doc/copyright"
gzip -9n -c CHANGELOG.md >"$doc/changelog.gz"
rm "$doc/CHANGELOG.md"
sed "s/@VERSION@/$version/; s/@DATE@/$(LC_ALL=C date -u -R -d "@$SOURCE_DATE_EPOCH")/" "$here/changelog" |
    gzip -9n >"$doc/changelog.Debian.gz"
install -m 644 "$here/README.Debian" "$doc/README.Debian"
find "$root/usr/share/man" -type f -name '*.[1-9]' -exec gzip -9n {} +
find "$root" -type d -exec chmod 755 {} +

# Libraries → packages: dpkg-shlibdeps wants a source tree around it.
mkdir -p "$work/source/debian"
printf 'Source: %s\n\nPackage: %s\nArchitecture: any\n' "$name" "$name" >"$work/source/debian/control"
mapfile -t programs < <(find "$root/usr/bin" "$root/usr/sbin" -type f 2>/dev/null | sort)
depends=$(cd "$work/source" && dpkg-shlibdeps -O "${programs[@]}" 2>/dev/null | sed -n 's/^shlibs:Depends=//p')
[ -n "$depends" ] || { echo "deb: dpkg-shlibdeps found no libraries" >&2; exit 1; }

mkdir "$root/DEBIAN"
sed "s/@VERSION@/$version/; s/@ARCHITECTURE@/$architecture/; s/@DEPENDS@/$depends/
    s/@SIZE@/$(du -sk --apparent-size --exclude=DEBIAN "$root" | cut -f1)/" "$here/control" >"$root/DEBIAN/control"
printf '/etc/%s/config.json\n' "$name" >"$root/DEBIAN/conffiles"
for script in postinst prerm postrm; do
    install -m 755 "$here/$script" "$root/DEBIAN/$script"
done
(cd "$root" && find usr lib -type f -print0 | sort -z | xargs -0 md5sum) >"$root/DEBIAN/md5sums"

package=$build/${name}_${version}_$architecture.deb
dpkg-deb --root-owner-group -Zxz -z1 --build "$root" "$package" >/dev/null
echo "$package"
