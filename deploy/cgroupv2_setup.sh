#!/bin/sh
# Makes the cgroups of the executor's workers, for a node that does not run as root (cgroup version 2).
#
#   sudo deploy/cgroupv2_setup.sh USER                     make the groups and give them to USER
#   sudo deploy/cgroupv2_setup.sh USER --pid $$            and move this shell in: the node is then started from it
#   sudo deploy/cgroupv2_setup.sh USER -- COMMAND...       and run COMMAND inside as USER
#   sudo deploy/cgroupv2_setup.sh --remove                 take them away again
#
# Options before USER: -n COUNT (20), -m MEMORY_BYTES (104857600), -c "QUOTA_US PERIOD_US" (50000 1000000), -p PIDS (32).
# The limits are what the groups have until the node sets those of its config. Groups do not outlive a reboot.
#
# Why the node itself has to be inside: the kernel lets an ordinary user move processes only between groups below one
# that the user owns. A node under systemd needs none of this: its unit says Delegate=cpu memory pids.
set -eu

top=${CGROUP_TOP:-/sys/fs/cgroup}
base=$top/oyster
count=20 memory=104857600 cpu="50000 1000000" pids=32

fail() {
    echo "cgroupv2_setup.sh: $*" >&2
    exit 1
}

usage() {
    sed -n '2,/^set -eu/{/^set -eu/d;s/^# \{0,1\}//;p;}' "$0"
    exit "$1"
}

number() {
    case $2 in
    '' | *[!0-9]* | 0*) fail "$1: expected a number above 0, found \"$2\"" ;;
    esac
}

remove() {
    for group in "$base"/workerd_* "$base/node"; do
        [ ! -d "$group" ] || rmdir "$group" || fail "$group is in use: stop the node first"
    done
    [ ! -d "$base" ] || rmdir "$base"
    exit 0
}

# Children get memory, cpu and pids only when their parent passes them on.
pass_on() {
    for controller in memory cpu pids; do
        grep -qw "$controller" "$1/cgroup.controllers" ||
            fail "$1/cgroup.controllers lacks $controller (kernel command line: cgroup_enable=memory, or version 1 in use)"
    done
    echo "+memory +cpu +pids" >"$1/cgroup.subtree_control" || fail "cannot pass controllers on in $1"
}

make_group() {
    [ -d "$base/workerd_$1" ] || mkdir "$base/workerd_$1"
    echo "$memory" >"$base/workerd_$1/memory.max"
    [ ! -e "$base/workerd_$1/memory.swap.max" ] || echo 0 >"$base/workerd_$1/memory.swap.max"
    echo 1 >"$base/workerd_$1/memory.oom.group"
    echo "$cpu" >"$base/workerd_$1/cpu.max"
    echo "$pids" >"$base/workerd_$1/pids.max"
    chown -R "$user:" "$base/workerd_$1"
}

while [ $# -gt 0 ]; do
    case $1 in
    -n) number -n "${2-}"; count=$2; shift 2 ;;
    -m) number -m "${2-}"; memory=$2; shift 2 ;;
    -c) cpu=${2-}; shift 2 ;;
    -p) number -p "${2-}"; pids=$2; shift 2 ;;
    --remove) remove ;;
    -h | --help) usage 0 ;;
    -*) fail "unknown option $1 (see --help)" ;;
    *) break ;;
    esac
done
[ $# -gt 0 ] || usage 2
user=$1
shift
id -u "$user" >/dev/null 2>&1 || fail "there is no user \"$user\""
[ "$(id -u)" = 0 ] || fail "run as root: sudo $0 $user"
[ -e "$top/cgroup.controllers" ] ||
    fail "$top is not cgroup version 2 (on version 1 start the node as root, or boot with systemd.unified_cgroup_hierarchy=1)"

pass_on "$top"
[ -d "$base" ] || mkdir "$base"
pass_on "$base"
[ -d "$base/node" ] || mkdir "$base/node"
# Delegation: the folder, to make groups in; these files, to move processes and pass controllers on. The limits of the
# whole stay root's.
for file in "$base" "$base/cgroup.procs" "$base/cgroup.threads" "$base/cgroup.subtree_control"; do
    [ ! -e "$file" ] || chown "$user:" "$file"
done
chown -R "$user:" "$base/node"
i=1
while [ "$i" -le "$count" ]; do
    make_group "$i"
    i=$((i + 1))
done
echo "$base: workerd_1 to workerd_$count belong to $user" >&2

case ${1-} in
'') ;;
--pid) number --pid "${2-}"; echo "$2" >"$base/node/cgroup.procs" ;;
--)
    shift
    echo $$ >"$base/node/cgroup.procs"
    exec setpriv --reuid "$user" --regid "$(id -g "$user")" --init-groups -- "$@"
    ;;
*) fail "unexpected \"$1\" (see --help)" ;;
esac
