/* The gateway: a workerd without any JavaScript that reaches public addresses and nothing else, for all workers.
 * Its listening socket is the node's and is handed to each new process, so that a gateway that died is followed by one
 * behind the same socket: what workers send meanwhile waits in its queue; only streams in flight are cut. It is also
 * replaced when the machine's name servers change, and at once when the machine has an address that it does not refuse.
 *
 * A worker's end does not end its connections in the gateway: while a destination takes nothing, nobody there looks at
 * the worker's side, and what the worker had sent stays charged to its slot. So a gateway that holds many descriptors
 * is retired: a new one, behind a new socket, takes what comes from then on, and the old one is killed when the jobs
 * that ran at that time have ended.
 *
 * What a job sees: a destination that is refused or fails is an HTTP 500 with the body "Internal Server Error".
 * Bytes and requests are not counted per job: the gateway has no such setting. */
#ifndef OYSTER_WORKER_EGRESS_H
#define OYSTER_WORKER_EGRESS_H

#include <stdint.h>
#include <uv.h>

#include "util/err.h"
#include "worker/cgroup.h"
#include "worker/runtime.h"

struct egress;

struct egress_config {
    uv_loop_t *loop;
    struct runtime *runtime;
    struct cgroup_set *cgroups;
    uint32_t cgroup_index;
    uint32_t slots;
    /* The least of what egress_generation was when each of the jobs began that run now; UINT64_MAX = none runs. */
    uint64_t (*oldest_job)(void *arg);
    void *arg;
};

/* Opens the socket and starts the gateway in the background; it is restarted whenever it ends, with a growing wait when
 * it does not live long. Returns NULL with e set. */
struct egress *egress_new(const struct egress_config *config, struct err *e);

/* Number of the gateway that takes connections now; grows as one takes over from another. */
uint64_t egress_generation(const struct egress *g);

/* How often it was restarted because it had ended. */
uint64_t egress_restarts(const struct egress *g);

/* Kills the gateway; done is called from the loop when it is gone, g is invalid then. */
void egress_free(struct egress *g, void (*done)(void *arg), void *arg);

#endif
