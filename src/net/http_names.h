/* Addresses of the hosts that http_client talks to: looked up in the thread pool, kept, and refreshed behind the back
 * of requests, so that a slow name server delays only the first request to a host and never the loop (libcurl's own
 * resolver is waited for, in the loop, when a transfer is cancelled). Part of http_client. */
#ifndef OYSTER_NET_HTTP_NAMES_H
#define OYSTER_NET_HTTP_NAMES_H

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#include "util/buf.h"
#include "util/err.h"

struct http_names;
struct http_name_wait;

/* loop is borrowed. */
struct http_names *http_names_new(uv_loop_t *loop);

/* Ends waits without callback. NULL allowed. */
void http_names_free(struct http_names *n);

/* Is host an address already? */
bool http_name_is_numeric(const char *host);

/* Replaces *out by "host:port:address,address…" (NUL-terminated), as CURLOPT_RESOLVE takes it. Returns false while no
 * address is known. Addresses older than a minute are given all the same, and looked up again in the background. */
bool http_names_get(struct http_names *n, struct buf *out, const char *host, uint16_t port);

/* Called once when addresses are known (error NULL), the lookup failed, or timeout_ms have passed (timed_out). */
typedef void http_named_fn(void *arg, const char *error, bool timed_out);

/* Waits for host, which is looked up unless that is under way. timeout_ms 0 = none. Returns NULL with e set for what
 * cannot be a host name. */
struct http_name_wait *http_names_wait(struct http_names *n, const char *host, uint64_t timeout_ms, http_named_fn *done,
                                       void *arg, struct err *e);
void http_names_cancel(struct http_name_wait *w);

/* Connecting failed: the addresses may be out of date. */
void http_names_doubt(struct http_names *n, const char *host);

#endif
