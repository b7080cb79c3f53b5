/* Drives one curl multi handle on the loop: sockets as uv_poll, its one timer as uv_timer. Part of http_client. */
#ifndef OYSTER_NET_HTTP_MULTI_H
#define OYSTER_NET_HTTP_MULTI_H

#include <curl/curl.h>
#include <uv.h>

#include "util/err.h"

struct http_multi;

/* Called from the loop for each transfer that has ended, outside of curl: the callback removes the easy handle and may
 * do anything, http_multi_free included. */
typedef void http_multi_ended_fn(void *arg, CURL *easy, CURLcode code);

/* Returns NULL with e set. */
struct http_multi *http_multi_new(uv_loop_t *loop, http_multi_ended_fn *ended, void *arg, struct err *e);

/* Adds a transfer and lets it make its first step at once, so that on a warm connection the request leaves now.
 * ended is never called from inside. Returns 0 or -EIO. */
int http_multi_add(struct http_multi *m, CURL *easy, struct err *e);

/* Takes a transfer out, whether it has ended or not. */
void http_multi_remove(struct http_multi *m, CURL *easy);

/* Closes connections and releases everything once the loop has closed the handles, then calls freed(arg). No transfer
 * may be left. */
void http_multi_free(struct http_multi *m, void (*freed)(void *arg), void *arg);

#endif
