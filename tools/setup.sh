#!/usr/bin/env bash
# Installs what is missing to build, test and run the executor from its sources on Debian 12+ and Ubuntu 22.04+:
#   tools/setup.sh [test] [lint] [fuzz] [vm] [enclave]
# Each adds the tools of its target, test promtool under .tools/ as well, vm and enclave a kernel under .vm/. Does
# nothing, quickly, when nothing is missing.
set -euo pipefail
cd "$(dirname "$0")/.."

NODE_MAJOR_MIN=18
NODE_NPM_VERSION=20.19.5 # from npm, where the distribution's Node.js is too old (Ubuntu 22.04 has 12)
ANVIL=1.7.1              # as in package.json
PACKAGES=(build-essential meson ninja-build openssl pkg-config libuv1-dev libcurl4-openssl-dev libwebsockets-dev
    libmicrohttpd-dev libsecp256k1-dev libtomcrypt-dev libjansson-dev libseccomp-dev libsqlite3-dev
    libsodium-dev libfuse3-dev uthash-dev libcmocka-dev libssl-dev libcbor-dev)
PACKAGES_IF_KNOWN=(libwebsockets-evlib-uv) # a package of its own only in some releases
PACKAGES_TEST=(curl iproute2 jq lintian sqlite3 systemd)
PACKAGES_TEST_IF_KNOWN=(chromium fonts-inter) # Ubuntu's Chromium is a snap
PACKAGES_LINT=(clang clang-format clang-tidy cppcheck universal-ctags valgrind)
PACKAGES_FUZZ=(clang)
PACKAGES_VM=(qemu-system-x86 busybox-static)
PACKAGES_ENCLAVE=(ca-certificates zstd gzip binutils)

say() { echo "setup: $*"; }
die() {
    echo "setup: $*" >&2
    exit 1
}

as_root() {
    if [ "$(id -u)" = 0 ]; then
        "$@"
    elif command -v sudo >/dev/null; then
        sudo "$@"
    else
        die "needs root for: $* (neither root nor sudo here)"
    fi
}

# Names of those given that are not installed, one a line.
missing_packages() {
    dpkg-query -W -f '${db:Status-Abbrev} ${Package}\n' "$@" 2>/dev/null | awk '$1 == "ii" { print $2 }' | sort -u |
        comm -13 - <(printf '%s\n' "$@" | sort -u)
}

apt_lists_filled() { compgen -G '/var/lib/apt/lists/*_Packages*' >/dev/null; }
known_to_apt() { apt-cache policy "$1" 2>/dev/null | grep '^  Candidate: [^(]' >/dev/null; }

# clang's sanitizer and fuzzer run-time comes by itself with recommended packages only; its name carries a version.
clang_runtime() {
    local version
    version=$(apt-cache depends clang 2>/dev/null | sed -n 's/.*Depends: clang-\([0-9]*\)$/\1/p' | head -1)
    [ -n "$version" ] && known_to_apt "libclang-rt-$version-dev" && echo "libclang-rt-$version-dev"
    return 0
}

install_packages() {
    local wanted=("$@") missing extra
    if ! command -v apt-get >/dev/null; then
        say "no apt-get here: please see to these packages yourself: ${wanted[*]}"
        return
    fi
    for extra in "${PACKAGES_IF_KNOWN[@]}"; do
        known_to_apt "$extra" && wanted+=("$extra")
    done
    mapfile -t missing < <(missing_packages "${wanted[@]}")
    if [ ${#missing[@]} = 0 ]; then
        say "packages: all ${#wanted[@]} installed"
        return
    fi
    say "packages: installing ${missing[*]}"
    apt_lists_filled && known_to_apt "${missing[0]}" || as_root apt-get -qq update
    for extra in "${PACKAGES_IF_KNOWN[@]}"; do # the lists may have been empty above
        known_to_apt "$extra" && [[ " ${wanted[*]} " != *" $extra "* ]] && missing+=("$extra")
    done
    as_root env DEBIAN_FRONTEND=noninteractive apt-get -qq -y --no-install-recommends install "${missing[@]}" >/dev/null
    say "packages: done"
}

node_major() { "$1" --version 2>/dev/null | sed -n 's/^v\([0-9]*\)\..*/\1/p'; }

# Node.js: what is here if new enough, else the distribution's, else a pinned build from npm under .node/.
install_node() {
    export PATH="$PWD/.node/bin:$PATH"
    local major candidate cpu
    major=$(node_major node || true)
    if [ "${major:-0}" -lt $NODE_MAJOR_MIN ] || ! command -v npm >/dev/null; then
        candidate=$(apt-cache policy nodejs 2>/dev/null | sed -n 's/^  Candidate: \([0-9]*\).*/\1/p')
        say "Node.js: ${major:+version $major is too old, }installing the distribution's (${candidate:-unknown})"
        install_packages nodejs npm
        major=$(node_major node || true)
    fi
    if [ "${major:-0}" -lt $NODE_MAJOR_MIN ]; then
        case $(uname -m) in
            x86_64) cpu=x64 ;;
            aarch64) cpu=arm64 ;;
            *) die "Node.js $NODE_MAJOR_MIN or newer is needed and there is no build for $(uname -m)" ;;
        esac
        say "Node.js: version ${major:-none} is too old, installing $NODE_NPM_VERSION under .node/"
        npm install --silent --no-save --prefix .node "node-linux-$cpu@$NODE_NPM_VERSION" >/dev/null
        mkdir -p .node/bin
        ln -sf "../node_modules/node-linux-$cpu/bin/node" .node/bin/node
        hash -r
    fi
    say "Node.js: $(node --version)"
}

# Packages from the lock file, when what is there was not made from this very file.
install_modules() {
    local want
    want=$(sha256sum package-lock.json | cut -d' ' -f1)
    if [ "$(cat node_modules/.oyster-lock-sha256 2>/dev/null)" = "$want" ]; then
        say "node modules: in step with package-lock.json"
    elif [ -L node_modules ]; then
        say "node modules: node_modules is a link to $(readlink node_modules), left alone"
    else
        say "node modules: installing from package-lock.json"
        npm ci --no-audit --no-fund --loglevel=error
        # not in the lock file, whose other packages were all to be had when it was made
        [ "$(uname -m)" != aarch64 ] || npm install --no-save --loglevel=error "@foundry-rs/anvil-linux-arm64@$ANVIL"
        echo "$want" >node_modules/.oyster-lock-sha256
    fi
}

wanted=("${PACKAGES[@]}")
for extra in "$@"; do
    case $extra in
        lint) wanted+=("${PACKAGES_LINT[@]}") ;;
        fuzz)
            wanted+=("${PACKAGES_FUZZ[@]}")
            command -v apt-cache >/dev/null && mapfile -t -O ${#wanted[@]} wanted < <(clang_runtime)
            ;;
        vm) wanted+=("${PACKAGES_VM[@]}" "${PACKAGES_ENCLAVE[@]}") ;;
        enclave) wanted+=("${PACKAGES_ENCLAVE[@]}") ;;
        test)
            wanted+=("${PACKAGES_TEST[@]}")
            ! command -v apt-get >/dev/null || apt_lists_filled || as_root apt-get -qq update
            for package in "${PACKAGES_TEST_IF_KNOWN[@]}"; do
                if known_to_apt "$package"; then wanted+=("$package"); else say "no package $package here"; fi
            done
            ;;
        *) die "unknown extra: $extra (test, lint, fuzz, vm, enclave)" ;;
    esac
done
install_packages "${wanted[@]}"
install_node
install_modules
if [[ " $* " == *" test "* ]]; then
    apt_lists_filled || as_root apt-get -qq update
    tools/promtool.sh >/dev/null || say "promtool is missing: the test of the metrics will fail"
fi
if [[ " $* " == *" vm "* || " $* " == *" enclave "* ]]; then
    apt_lists_filled || as_root apt-get -qq update
    tests/vm/kernel.sh
fi
