/* The forwards of a command line on a loop: accepts, connects, relays; bounded in number and time. */
#ifndef TOOLS_VSOCK_PROXY_PROXY_H
#define TOOLS_VSOCK_PROXY_PROXY_H

#include <uv.h>

#include "options.h"
#include "util/err.h"

/* In front of a stream from --egress-to: the IPv4 address, then the port, each with its least byte first. */
#define PROXY_HEADER_BYTES 6

struct proxy;

/* Listens for every forward of o (borrowed). stopped is called once, from the loop, after proxy_stop, when all is gone.
 * Returns NULL with e set; nothing is left then but handles that close as the loop runs. */
struct proxy *proxy_new(uv_loop_t *loop, const struct options *o, void (*stopped)(void *arg), void *arg, struct err *e);

/* Takes no more streams, gives those under way o->drain_s to end, then resets them. Called again: at once. */
void proxy_stop(struct proxy *p);

#endif
