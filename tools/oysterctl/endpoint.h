/* One endpoint of the chain, asked directly: before it is known which chain it should be of. */
#ifndef OYSTERCTL_ENDPOINT_H
#define OYSTERCTL_ENDPOINT_H

#include <stdint.h>

#include "util/buf.h"
#include "util/err.h"

struct ctl;

/* eth_chainId of an HTTP endpoint. Returns 0, or -EIO, -EPROTO with its origin in e. */
int endpoint_chain_id(uint64_t *out, struct ctl *c, const char *url, struct err *e);

/* Whether a WebSocket endpoint of that chain takes subscriptions. http_url: an HTTP endpoint, which the client wants
 * too. Returns 0, -EIO, or -ETIMEDOUT after 10 s, with why in e. */
int endpoint_subscribe(struct ctl *c, const char *http_url, const char *ws_url, uint64_t chain_id, struct err *e);

/* Appends scheme://host:port, all of a URL that may be shown. */
void endpoint_put_origin(struct buf *out, const char *url);

#endif
