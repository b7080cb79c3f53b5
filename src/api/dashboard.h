/* The operator's page: its files, and the stream of server-sent events that it is drawn from. Who connects is told
 * everything once, then what changes: at once after dashboard_touch, and by a look every second. It changes nothing in
 * the node.
 *
 * Events: "hello" {version, now, started}, "state" {section: …} (dashboard_text.h), "jobs" [job over, …] (newest first,
 * merged by id), "hours" [[start_s, answered, missed, slashed], …] (merged by start), "tick" {now} each second. */
#ifndef OYSTER_API_DASHBOARD_H
#define OYSTER_API_DASHBOARD_H

#include <stdbool.h>
#include <uv.h>

#include "api/http_server.h"
#include "api/status.h"
#include "chain/tokens.h"
#include "ledger/ledger.h"

#define DASHBOARD_JOBS 100 /* that are over, at most, on the page */

struct dashboard;

/* What it reads from; borrowed until dashboard_free. */
struct dashboard_parts {
    struct ledger *ledger;
    struct tokens *tokens;
    node_status_fn *status;
    void *arg; /* of status */
};

/* Reads nothing before somebody looks. Never fails. */
struct dashboard *dashboard_new(uv_loop_t *loop, const struct dashboard_parts *parts);

/* Is this path the dashboard's? */
bool dashboard_serves(const char *path);

/* Answers a request for such a path. A Host header that is a name other than localhost is refused: a stranger's web
 * page could otherwise have the browser of an operator read this one under a name of its own (DNS rebinding). */
void dashboard_answer(struct dashboard *d, const struct http_server_request *req, struct http_reply *reply);

/* Something may have changed: whoever looks is told soon. NULL allowed. */
void dashboard_touch(struct dashboard *d);

/* After its HTTP server was freed. NULL allowed. */
void dashboard_free(struct dashboard *d);

#endif
