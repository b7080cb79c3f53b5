/* Carries bytes both ways between two stream sockets. A direction holds at most RELAY_HELD_MAX bytes that its receiver
 * does not take yet, and nothing more is read until it has; a stream at rest holds none. The end of one direction is
 * passed on (shutdown) and leaves the other one open. A failure of one side resets the other. */
#ifndef TOOLS_VSOCK_PROXY_RELAY_H
#define TOOLS_VSOCK_PROXY_RELAY_H

#include <stddef.h>
#include <stdint.h>
#include <uv.h>

#include "util/err.h"

#define RELAY_HELD_MAX ((size_t)64 * 1024)

struct relay;

/* How it ended: why->code is 0 when both directions came to their ends. Called once, from the loop; the relay is gone
 * then and its sockets are closed. */
typedef void relay_done_fn(void *arg, const struct err *why);

/* Begins. fds: connected, not blocking, taken over in any case. preface: sent to fds[1] in front of all else, copied.
 * Returns NULL with e set. */
struct relay *relay_new(uv_loop_t *loop, const int fds[2], const void *preface, size_t len, relay_done_fn *done,
                        void *arg, struct err *e);

/* Monotonic time at which a byte last went through. */
uint64_t relay_active_ms(const struct relay *r);

/* Since when it waits for a peer that may be gone: one that takes nothing of what is held for it, or one that is silent
 * while the other has ended its direction. Monotonic; 0 = it does not. */
uint64_t relay_waits_since_ms(const struct relay *r);

/* Bytes read from fds[i]. */
uint64_t relay_bytes(const struct relay *r, unsigned i);

/* Resets both sides; done is not called. NULL allowed. */
void relay_free(struct relay *r);

/* Closes a socket in a way that its peer sees as a failure, as far as the family has one: TCP sends a reset. */
void relay_reset_socket(int fd);

#endif
