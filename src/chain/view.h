/* A read of a contract: eth_call at the latest block, with bytes in and bytes out. */
#ifndef OYSTER_CHAIN_VIEW_H
#define OYSTER_CHAIN_VIEW_H

#include <stddef.h>
#include <stdint.h>

#include "eth/address.h"
#include "net/rpc.h"
#include "util/buf.h"
#include "util/err.h"

struct view;

/* Called exactly once unless cancelled. data: what the call returned, borrowed, NULL when e->code is set:
 * -EREMOTEIO the endpoint answered with an error object (a revert among them), -EIO no endpoint answered, -EPROTO the
 * answer is not hex data. */
typedef void view_done_fn(void *arg, const uint8_t *data, size_t len, const struct err *e);

/* Asks. call: selector and arguments, taken over and freed. */
struct view *view_start(struct rpc *rpc, const struct address *to, struct buf *call, view_done_fn *done, void *arg);

/* Ends a read without its callback. NULL allowed. */
void view_cancel(struct view *v);

#endif
