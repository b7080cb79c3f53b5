/* Inside of the books, shared by their files: tx_calls.c (intents), tx_core.c (nonces), tx_lanes.c (accounts). */
#ifndef OYSTER_CHAIN_TX_CORE_INT_H
#define OYSTER_CHAIN_TX_CORE_INT_H

#include "chain/tx_core.h"

/* tx_calls.c */

/* Appends to the list of things to do. */
void txc_todo(struct tx_core *core, enum tx_todo_type type, struct tx_slot *slot, struct tx_call *call);

/* Decides a call's end, once. */
void txc_tell(struct tx_core *core, struct tx_call *call, enum tx_outcome outcome);

/* Asks for the release of a call that is told, delivered and nowhere. */
void txc_drop_if_loose(struct tx_core *core, struct tx_call *call);

void txc_leave_queue(struct tx_core *core, struct tx_call *call); /* A call that waits does so no more. */
struct tx_call *txc_unbind(struct tx_slot *slot);                 /* Takes the call off its slot; may be NULL. */
void txc_requeue(struct tx_core *core, struct tx_slot *slot);     /* Sends the slot's call back to the queue. */
void txc_more_gas(struct tx_core *core, struct tx_slot *slot);    /* The same, held until an estimate is there. */

/* Ends the slot's call, if it has one, and takes it off. */
void txc_end_call(struct tx_core *core, struct tx_slot *slot, enum tx_outcome outcome);

/* The next call that may go out now, taken out of the queue, or NULL. */
struct tx_call *txc_next_call(struct tx_core *core, uint32_t in_flight, uint64_t now_ms);

/* Ends those that wait and whose time is over. */
void txc_expire_waiting(struct tx_core *core, uint64_t now_ms);

/* tx_core.c */

/* Inclusion is open: the chain's next nonce cannot pass it by. / The lowest such slot, or NULL. */
bool txc_is_open(const struct tx_slot *slot);
struct tx_slot *txc_lowest_open(const struct tx_lane *lane);

/* An empty slot in its place; the nonce has none yet. */
struct tx_slot *txc_new_slot(struct tx_lane *lane, uint64_t nonce);

/* Takes a slot whose state is an end out of its lane. */
void txc_end_slot(struct tx_core *core, struct tx_slot *slot);

/* The time of the slot's call is over. */
void txc_abandon(struct tx_core *core, struct tx_slot *slot, uint64_t now_ms);

#endif
