/* Starts a program shut in: born into its cgroup, in namespaces and a root file system of its own, an unprivileged uid,
 * no capabilities, no new privileges, a seccomp allowlist, rlimits, an empty environment and only the descriptors
 * named. It dies with the node (parent-death signal). */
#ifndef OYSTER_WORKER_SANDBOX_H
#define OYSTER_WORKER_SANDBOX_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "util/err.h"
#include "worker/cgroup.h"

/* The layers, as bits; names as the config's sandbox_allow_degraded has them: "userns", "mountns", "pidns", "ipcns",
 * "utsns", "netns", "root", "uid", "caps", "nnp", "seccomp", "rlimits", "cgroup". */
enum sandbox_layer {
    SANDBOX_USERNS = 1 << 0,
    SANDBOX_MOUNTNS = 1 << 1,
    SANDBOX_PIDNS = 1 << 2,
    SANDBOX_IPCNS = 1 << 3,
    SANDBOX_UTSNS = 1 << 4,
    SANDBOX_NETNS = 1 << 5,
    SANDBOX_ROOT = 1 << 6,
    SANDBOX_UID = 1 << 7,
    SANDBOX_CAPS = 1 << 8,
    SANDBOX_NNP = 1 << 9,
    SANDBOX_SECCOMP = 1 << 10,
    SANDBOX_RLIMITS = 1 << 11,
    SANDBOX_CGROUP = 1 << 12,
    SANDBOX_ALL = (1 << 13) - 1,
};

/* One file of the new root: host path → path inside. Bound read-only. */
struct sandbox_file {
    const char *host_path;
    const char *inside_path;
};

/* What every child of one kind shares: prepared once (seccomp program compiled, root laid out). */
struct sandbox;

struct sandbox_spec {
    const char *root_dir;             /* a folder of ours, made where missing, on which the root is laid */
    const struct sandbox_file *files; /* programs and libraries; folders are made as needed */
    size_t n_files;
    uint32_t layers; /* layers to use: SANDBOX_ALL less what tests or the operator leave off; root needs mountns */
    bool network;    /* true: keeps the host's network (the egress gateway), no SANDBOX_NETNS */
};

/* Which of `layers` this machine cannot give (0 = all are there), found by trying each in a child. why: one line, on
 * the first. "cgroup" is not tried: cgroup_set_open tells. */
uint32_t sandbox_probe(uint32_t layers, struct err *why);

/* "userns,seccomp" → bits. Returns 0 or -EINVAL naming the unknown word. sandbox_layer_name: of one bit. */
int sandbox_parse_layers(uint32_t *out, const char *text, struct err *e);
const char *sandbox_layer_name(uint32_t layer);

/* Prepares what every start shares; spec is not kept. Returns NULL with e set. sandbox_free: NULL allowed. */
struct sandbox *sandbox_new(const struct sandbox_spec *spec, struct err *e);
void sandbox_free(struct sandbox *s);

/* One start. fds[i] of the parent becomes descriptor 3+i of the child; stdout and stderr as given; stdin is /dev/null.
 * (-1 = /dev/null too); give pipes or sockets, since no file can be written to (RLIMIT_FSIZE 0). slot_dir: a folder of
 * the parent that appears inside as /slot, read-only (sockets there can be connected to, not made; listening sockets
 * are inherited), NULL = none; without SANDBOX_ROOT it appears nowhere: its own path is valid inside then, and argv[0]
 * is replaced by its host path. uid: the unprivileged user and group of the child (owner of slot_dir's content as the
 * caller arranged). cgroups: NULL = none. */
struct sandbox_start {
    const char *const *argv;
    const int *fds;
    uint32_t n_fds;
    int stdout_fd, stderr_fd;
    const char *slot_dir;
    uid_t uid;
    const struct cgroup_set *cgroups;
    uint32_t cgroup_index;
};

struct sandbox_child {
    pid_t pid;
    int pidfd; /* owned by the caller; CLOEXEC; readable when the child has ended */
};

/* Returns 0 with out filled once the program was executed; a failure in the child before exec is reported here with the
 * step that failed. Waits for the child to come that far: 1 to 2 ms of an idle machine. The child dies with the thread
 * that calls (parent-death signal): one that lives as long as the program. The caller reaps (waitid P_PIDFD). */
int sandbox_start(struct sandbox_child *out, const struct sandbox *s, const struct sandbox_start *start, struct err *e);

#endif
