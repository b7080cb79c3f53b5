#!/bin/sh
# Start of the container (deploy/Dockerfile): as root it makes the workers' control groups and goes on as the user oyster;
# as anybody else it starts the node at once. Arguments are the node's.
set -eu

key=${OYSTER_EXECUTOR_ENCLAVE_SIGNER_FILE:-/data/id.sec}
setup=/usr/share/oyster-serverless-executor/cgroupv2_setup.sh
node=oyster-serverless-executor

# Nothing but the environment may say the settings: then there need be no file.
[ -e "${OYSTER_EXECUTOR_CONFIG_FILE:-}" ] || unset OYSTER_EXECUTOR_CONFIG_FILE

if [ "$(id -u)" != 0 ]; then
    [ -e "$key" ] || oyster-keygen --secret "$key" --public "$key.pub"
    exec "$node" "$@"
fi

[ -e "$key" ] || oyster-keygen --secret "$key" --public "$key.pub"
chown oyster:oyster "$key" /data
if [ ! -w /sys/fs/cgroup/cgroup.procs ] && ! mount -o remount,rw /sys/fs/cgroup 2>/dev/null; then
    echo "entrypoint.sh: /sys/fs/cgroup cannot be written: start the container as deploy/Dockerfile says" >&2
    exit 1
fi
# A group that passes controllers on may hold no processes: what is here moves down first.
mkdir -p /sys/fs/cgroup/init
while read -r pid; do
    echo "$pid" >/sys/fs/cgroup/init/cgroup.procs 2>/dev/null || true
done </sys/fs/cgroup/cgroup.procs
exec "$setup" -n "${OYSTER_EXECUTOR_JOB_CAPACITY:-20}" oyster -- "$node" "$@"
