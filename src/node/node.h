/* The node: owns every part and wires chain → job → worker → job → chain. The only room that knows them all. */
#ifndef OYSTER_NODE_NODE_H
#define OYSTER_NODE_NODE_H

#include <stdint.h>
#include <uv.h>

#include "config/config.h"
#include "eth/key.h"
#include "util/buf.h"
#include "util/err.h"

struct node;

/* Borrowed until the node has stopped. */
struct node_options {
    const struct config *config;
    const struct seckey *enclave_key;
};

/* Starts: claims the state folder, listens for the API, opens the pool, asks the chain what it is. stopped is called
 * once, from the loop, when everything is gone: with e->code 0 after node_stop, or with the reason for which the node
 * cannot go on (another chain than configured). Returns NULL with e set when it cannot start; nothing is left then but
 * handles that close as the loop runs. */
struct node *node_new(uv_loop_t *loop, const struct node_options *options,
                      void (*stopped)(void *arg, const struct err *e), void *arg, struct err *e);

/* Puts to work what has changed of the configuration's live keys (config_reload). */
void node_reload(struct node *n);

/* Appends in one line how it does: "registered, 2 jobs open, block 123". */
void node_describe(const struct node *n, struct buf *out);

/* Ends it: takes no new job, waits up to 30 s until those under way are answered (called again: no longer), then kills
 * and reaps the workers, removes cgroups and files. NULL allowed. */
void node_stop(struct node *n);

#endif
