/* Contracts that emit what a test wants (Emitter.sol), at two fixed addresses of an anvil. */
#ifndef OYSTER_TESTS_CHAIN_EMITTER_H
#define OYSTER_TESTS_CHAIN_EMITTER_H

#include <stddef.h>
#include <stdint.h>

#include "chain/anvil.h"
#include "chain/contracts.h"

#define EMITTER_EXECUTORS "0x00000000000000000000000000000000000000e0"
#define EMITTER_JOBS "0x00000000000000000000000000000000000000b0"

/* The same as addresses. */
extern const struct address emitter_executors, emitter_jobs;

/* Puts the code there. */
void emitter_install(const struct anvil *a);

/* Calldata of emissions, to be collected: one log each. */
void emit_drained(struct buf *calldata, uint32_t id); /* enclave = …id, of the Executors contract */
void emit_job_created(struct buf *calldata, uint32_t id, size_t inputs_len); /* generation 2, of the Jobs contract */

/* Sends a transaction with the collected calldata to `to` and waits until it is mined (by itself, as anvil does). */
void emitter_send(const struct anvil *a, const char *to, const struct buf *calldata);

/* One transaction with one ExecutorDrained / JobCreated. */
void emitter_drain(const struct anvil *a, uint32_t id);
void emitter_job(const struct anvil *a, uint32_t id);

/* The id of an event made by these. */
uint32_t emitted_id(const struct chain_event *ev);

#endif
