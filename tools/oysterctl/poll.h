/* Asking the chain again and again until something is so. */
#ifndef OYSTERCTL_POLL_H
#define OYSTERCTL_POLL_H

#include <stddef.h>
#include <stdint.h>

#include "util/err.h"

struct ctl;

/* Asks once. state: a text of at most size bytes of how far it is ("job 7 has 0 of 1 answers"). Returns 1 = it is so,
 * 0 = not yet, or a negative errno. */
typedef int poll_fn(void *arg, struct ctl *c, char *state, size_t size, struct err *e);

/* Asks every pause_ms. A request that no endpoint answers, or that one refuses, is made again; a warning says so once
 * in a row. Returns 0; -ETIMEDOUT after timeout_ms, with the state and the failure that stands; or what else asking
 * ended with. */
int poll_until(struct ctl *c, poll_fn *ask, void *arg, uint64_t timeout_ms, uint64_t pause_ms, struct err *e);

#endif
