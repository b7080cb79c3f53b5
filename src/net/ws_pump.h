/* Runs libwebsockets on the loop. Part of ws_client.
 *
 * Its own libuv support is not used: what Debian 12 ships (4.1, as a plugin) cannot be taken down while the loop goes
 * on — it unloads the plugin and frees handles that the loop has not closed yet, or leaks the context — and its
 * external-poll callbacks are compiled out there. So libwebsockets keeps its own poll set, the loop watches the same
 * descriptors, and whenever one is ready libwebsockets is asked to serve what is ready, without waiting. That works
 * with every build of it and needs no plugin. */
#ifndef OYSTER_NET_WS_PUMP_H
#define OYSTER_NET_WS_PUMP_H

#include <libwebsockets.h>
#include <stdbool.h>
#include <uv.h>

#include "util/err.h"

struct ws_pump;

/* One connection that is watched. Embedded in the owner. */
struct ws_watch {
    struct ws_pump *pump;
    struct lws *wsi; /* NULL: none */
    bool settled;    /* handshake done: no polling by time any more */
    bool wants_write;
    bool connected; /* TCP stands */
    struct ws_poll *poll;
    struct ws_watch *prev, *next;
};

/* protocols: as libwebsockets has them, static. Returns NULL with e set. */
struct ws_pump *ws_pump_new(uv_loop_t *loop, const struct lws_protocols *protocols, struct err *e);

/* The context that was made for the pump; borrowed. */
struct lws_context *ws_pump_lws(struct ws_pump *p);

/* What connections of a kind have in common. Made on demand: the one for TLS loads the system's CA store (a megabyte or
 * two). NULL where that fails. */
struct lws_vhost *ws_pump_vhost(struct ws_pump *p, bool tls);

/* The loop it runs on; borrowed. */
uv_loop_t *ws_pump_loop(const struct ws_pump *p);

/* Starts watching a connection of libwebsockets'. */
void ws_pump_add(struct ws_pump *p, struct ws_watch *w, struct lws *wsi);

/* The connection is gone, or going to be: to be called when libwebsockets destroys it. */
void ws_pump_remove(struct ws_watch *w);

/* What the connection waits for has changed (settled, wants_write, or it shall be closed): looks again, from the loop.
 * Never calls back. */
void ws_pump_kick(struct ws_pump *p);

/* Destroys the context (connections that are left are closed, with their callbacks) from the loop, then releases the
 * pump. */
void ws_pump_free(struct ws_pump *p);

#endif
