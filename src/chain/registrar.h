/* What the chain knows of this executor: not registered, at work, draining, gone. Follows the events of the Executors
 * contract for one enclave and asks the contract where events cannot tell (start, reorganisation). */
#ifndef OYSTER_CHAIN_REGISTRAR_H
#define OYSTER_CHAIN_REGISTRAR_H

#include <stdbool.h>
#include <uv.h>

#include "chain/contracts.h"
#include "chain/head.h"
#include "net/rpc.h"

enum registration {
    REG_INVALID,
    REG_UNKNOWN, /* the chain has not answered yet */
    REG_ABSENT,  /* not registered, or deregistered */
    REG_ACTIVE,
    REG_DRAINING, /* still answers what it holds; the contract selects it no more */
    REG_FOREIGN,  /* registered to another owner than the one configured */
    REG_COUNT,
};

struct registrar;

struct registrar_config {
    enum generation generation;
    struct address executors, enclave, owner;
};

/* "active" …, for logs. */
const char *registration_name(enum registration r);

/* Asks the contract at once and again until it answers. on_change is called from the loop at each change of state. */
struct registrar *registrar_new(uv_loop_t *loop, struct rpc *rpc, const struct registrar_config *config,
                                void (*on_change)(void *arg, enum registration state), void *arg);

/* Executor and slash events; those of other enclaves and other types are ignored. Of what was read back late nothing
 * counts that is older than what has counted already: it says where the registration stood. */
void registrar_on_event(struct registrar *r, const struct chain_event *ev, const struct event_origin *origin);

/* An executor event was taken back: asks the contract anew. */
void registrar_on_removed(struct registrar *r, const struct chain_event *ev);

/* Where the registration stands now. */
enum registration registrar_state(const struct registrar *r);

/* What the executor has at stake, as the contract told last: it is asked anew a little after each event that changes
 * it. False where it is not registered, or has not told yet. */
bool registrar_stake(const struct registrar *r, struct u256 *stake);

/* A job names this node: is it to be taken? Always but where the node is registered to another owner, since the
 * contract selects only who is registered. Where a view has said that it is not, the contract is asked again: an
 * endpoint that lagged must not keep the node from its jobs. */
bool registrar_named(struct registrar *r);

/* NULL allowed. */
void registrar_free(struct registrar *r);

#endif
