/* What all workers of a node share: the state folder, the two workerd configs (compiled once at start by workerd
 * itself), the root file systems and sandboxes of workers and gateway.
 *
 *   state_dir/           0700, locked by one node
 *     worker.capnp .bin  gateway.capnp .bin     bound read-only into the roots
 *     root-worker/  root-gateway/               the roots
 *     egress.sock                               the gateway's; its socket outlives the gateway's process
 *     slot-N/            /slot of worker N: fb.sock, egress.sock (a hard link) */
#ifndef OYSTER_WORKER_RUNTIME_H
#define OYSTER_WORKER_RUNTIME_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "util/err.h"
#include "worker/sandbox.h"

struct runtime;

enum runtime_kind { RUNTIME_WORKER, RUNTIME_GATEWAY, RUNTIME_N_KINDS };

struct runtime_config {
    const char *workerd_dir;
    const char *state_dir; /* made where missing */
    uint32_t slots;
    bool egress_public;
    uint32_t layers; /* of the sandbox */
};

/* Takes about 0.2 s, nearly all of it workerd compiling the configs. Returns NULL with e set. */
struct runtime *runtime_new(const struct runtime_config *config, struct err *e);

/* Removes everything that runtime_new and the workers made. NULL allowed. */
void runtime_free(struct runtime *rt);

/* The path of workerd; borrowed. */
const char *runtime_program(const struct runtime *rt);

/* Borrowed. The gateway's are NULL where egress is not public. */
const struct sandbox *runtime_sandbox(const struct runtime *rt, enum runtime_kind kind);
const char *const *runtime_argv(const struct runtime *rt, enum runtime_kind kind);

/* Whether the gateway's config refuses every address that the machine has now. */
bool runtime_knows_addresses(const struct runtime *rt);

/* Makes the gateway's config anew, with the addresses of now; no gateway may run meanwhile. Takes about 0.1 s; may run
 * in the thread pool, while nobody asks for the gateway's config or addresses. Returns 0 or a negative errno. */
int runtime_learn_addresses(struct runtime *rt, struct err *e);

/* The descriptor of the state folder; borrowed. */
int runtime_state_fd(const struct runtime *rt);

/* Opens the folder of slot i, emptied of sockets that an earlier worker left. Returns the descriptor (the caller's)
 * or -errno. */
int runtime_open_slot(const struct runtime *rt, uint32_t i, struct err *e);

/* Its path; the caller frees it. Its worker's user and group. */
char *runtime_slot_path(const struct runtime *rt, uint32_t i);
uid_t runtime_slot_uid(uint32_t i);
uid_t runtime_gateway_uid(void);

/* Makes the gateway's socket reachable in a slot; nothing where egress is not public. */
int runtime_link_egress(const struct runtime *rt, int slot_dirfd, struct err *e);

/* The gateway has another socket by that name: slots that have the old one get it in its place, at once. */
int runtime_relink_egress(const struct runtime *rt, struct err *e);

#endif
