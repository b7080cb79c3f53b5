/* What an operator asks of a node, on an address of its own: metrics, health and the dashboard. It changes nothing and
 * tells no secret; everything is read from one struct node_status a request. */
#ifndef OYSTER_API_MONITOR_H
#define OYSTER_API_MONITOR_H

#include <stdint.h>
#include <uv.h>

#include "api/status.h"
#include "chain/tokens.h"
#include "ledger/ledger.h"
#include "util/err.h"

struct monitor;

/* What the monitor asks of the node; called on the loop, with the arg of monitor_new. None is optional. */
struct monitor_ops {
    node_status_fn *status;
};

/* Begins to serve on address and port (0 = any free one). ops is copied. Returns NULL with e as http_server_new. */
struct monitor *monitor_new(uv_loop_t *loop, const char *address, uint16_t port, const struct monitor_ops *ops,
                            void *arg, struct err *e);

/* Serves the dashboard too, read from these (borrowed until monitor_free). Once, right after monitor_new. */
void monitor_add_dashboard(struct monitor *m, uv_loop_t *loop, struct ledger *ledger, struct tokens *tokens);

/* Something that the dashboard shows may have changed: who looks at it is told soon. NULL allowed. */
void monitor_touch(struct monitor *m);

/* The port listened on. */
uint16_t monitor_port(const struct monitor *m);

/* Stops serving. NULL allowed. Not from inside an op. */
void monitor_free(struct monitor *m);

#endif
