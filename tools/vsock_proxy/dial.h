/* Connects to an endpoint: resolves a name, asks the policy about each address before it connects to it, tries the
 * addresses in turn. */
#ifndef TOOLS_VSOCK_PROXY_DIAL_H
#define TOOLS_VSOCK_PROXY_DIAL_H

#include <stdint.h>
#include <uv.h>

#include "endpoint.h"
#include "policy.h"
#include "util/err.h"

struct dial;

/* fd: connected, not blocking, the caller's now; or -1 with why set (-EPERM: the policy refused every address). Called
 * once, from the loop; the dial is gone then. */
typedef void dial_done_fn(void *arg, int fd, const struct err *why);

/* Begins. policy: borrowed, for TCP only, NULL = none. Never calls done from inside. */
struct dial *dial_start(uv_loop_t *loop, const struct endpoint *to, const struct policy *policy, uint64_t timeout_ms,
                        dial_done_fn *done, void *arg);

/* Ends it without done. NULL allowed. */
void dial_free(struct dial *d);

#endif
