/* Host names to addresses in the thread pool: neither libcurl's nor libwebsockets' own way may hold up the loop (the
 * one waits for its thread when a transfer is cancelled, the other asks in the loop's thread). */
#ifndef OYSTER_NET_RESOLVER_H
#define OYSTER_NET_RESOLVER_H

#include <stddef.h>
#include <uv.h>

#include "util/err.h"

#define RESOLVER_ADDRESSES_MAX 8

struct resolve_call;

/* addresses: numeric text, the system's order, borrowed for the callback; n 0 with error (one line) on failure. */
typedef void resolve_done_fn(void *arg, const char *const *addresses, size_t n, const char *error);

/* Looks host up (a numeric address is its own answer). done is called once, from the loop. Returns NULL with e set for
 * what cannot be a host name. */
struct resolve_call *resolve_start(uv_loop_t *loop, const char *host, resolve_done_fn *done, void *arg, struct err *e);

/* Ends the call without its callback. NULL allowed. */
void resolve_cancel(struct resolve_call *call);

#endif
