/* One WebSocket connection on the loop (the only user of libwebsockets): text messages, pings, hang-up detection.
 * No reconnecting here: whoever owns the connection decides when to try again. */
#ifndef OYSTER_NET_WS_CLIENT_H
#define OYSTER_NET_WS_CLIENT_H

#include <stddef.h>
#include <stdint.h>
#include <uv.h>

#include "util/err.h"

struct ws_context; /* one per loop */
struct ws_client;

/* on_close is called exactly once, also when connecting fails (reason: one line); the client is gone afterwards.
 * Messages are whole (fragments joined), at most max_message_bytes; a longer one closes the connection. */
struct ws_events {
    void (*on_open)(void *arg);
    void (*on_message)(void *arg, const char *text, size_t len);
    void (*on_close)(void *arg, const char *reason);
};

struct ws_options {
    const char *url;             /* ws:// or wss:// */
    uint64_t connect_timeout_ms; /* name lookup; then handshake, shared by the host's addresses */
    uint64_t ping_interval_ms;   /* a ping after this silence; no answer in the same time again = closed */
    size_t max_message_bytes;
};

/* The state that clients share; outlives them. Returns NULL with e set. */
struct ws_context *ws_context_new(uv_loop_t *loop, struct err *e);

/* Closes what is open (no callbacks) and releases the context on the loop's next turns. NULL allowed. */
void ws_context_free(struct ws_context *ctx);

/* Returns NULL with e set for a bad URL. No callback is called from inside. */
struct ws_client *ws_client_connect(struct ws_context *ctx, const struct ws_options *opt,
                                    const struct ws_events *events, void *arg, struct err *e);

/* Queues one text message (copied). */
void ws_client_send(struct ws_client *c, const char *text, size_t len);

/* Closes without any further callback; the client is gone. NULL allowed. */
void ws_client_close(struct ws_client *c);

#endif
