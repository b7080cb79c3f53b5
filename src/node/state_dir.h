/* Where a node keeps its files. The folder of a running node: sockets and roots of its workers. One per enclave key, so
 * that a node that was killed finds what it left behind, and a second one with the same key is refused. */
#ifndef OYSTER_NODE_STATE_DIR_H
#define OYSTER_NODE_STATE_DIR_H

#include <stddef.h>

#include "eth/address.h"
#include "util/err.h"

struct state_dir {
    char path[256];
    int lock_fd; /* -1 = not claimed */
};

/* Makes the folder (mode 0700) and claims it by flock. configured: the config's state_dir; NULL = a folder named by the
 * enclave address under /run (root), $XDG_RUNTIME_DIR or /tmp. Returns 0, -EBUSY when another node goes on
 * holding it for 3 s (one that was killed is gone with all its children by then), or the error of a system call with
 * the path. */
int state_dir_open(struct state_dir *out, const char *configured, const struct address *enclave, struct err *e);

/* Where the ledger lies: configured, or "<enclave address>.db" under /var/lib/oyster-serverless-executor (root),
 * $XDG_STATE_HOME/oyster-serverless-executor or ~/.local/state/oyster-serverless-executor, which is made where missing.
 * Returns 0, or the error of a system call with the path. */
int state_ledger_path(char *out, size_t size, const char *configured, const struct address *enclave, struct err *e);

/* Removes the folder where it is empty but for the lock, and drops the claim. */
void state_dir_close(struct state_dir *d);

#endif
