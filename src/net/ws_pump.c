#include "net/ws_pump.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#include "util/buf.h"
#include "util/log.h"

#define RECEIVE_CHUNK (64u * 1024)
#define CONNECTIONS_MAX 64

/* How often libwebsockets is asked in a row: serving one thing (TLS done) often makes it want another (a write). */
#define TURNS 3

/* Its own timers, and whatever it waits for during a handshake that is not known here. */
#define TICK_UNSETTLED_MS 20u
#define TICK_MS 1000u

/* Connections end one by one before the context goes: destroyed with one in the middle of connecting, it leaks its
 * virtual host. How many ticks that may take. */
#define FREE_TURNS 10

/* The loop's watch on one descriptor; outlives the connection until the loop has closed it. */
struct ws_poll {
    uv_poll_t poll;
    struct ws_pump *pump;
    struct ws_watch *watch;
    int fd, events;
};

struct ws_pump {
    uv_loop_t *loop;
    struct lws_context *lws;
    const struct lws_protocols *protocols;
    struct lws_vhost *vhosts[2]; /* plain, TLS; made when first asked for */
    struct ws_watch *watches;
    uv_timer_t tick;
    bool freeing;
    unsigned free_turns;
};

static void serve(struct ws_pump *p);

static void on_poll_closed(uv_handle_t *h)
{
    free(h->data);
}

static void poll_drop(struct ws_watch *w)
{
    if (w->poll)
        uv_close((uv_handle_t *)&w->poll->poll, on_poll_closed);
    w->poll = NULL;
}

static void on_poll(uv_poll_t *handle, int status, int events)
{
    struct ws_poll *poll = handle->data;
    if (status < 0 || events & UV_WRITABLE)
        poll->watch->connected = true;
    if (status < 0)
        poll->events = 0; /* a socket error, on which libuv has stopped the watch */
    serve(poll->pump);
}

static void poll_make(struct ws_watch *w, int fd)
{
    struct ws_poll *poll = xcalloc(1, sizeof *poll);
    if (uv_poll_init(w->pump->loop, &poll->poll, fd) < 0) {
        free(poll); /* the tick serves it */
        return;
    }
    poll->poll.data = poll;
    poll->pump = w->pump;
    poll->watch = w;
    poll->fd = fd;
    w->poll = poll;
}

/* Brings the loop's watch up to date with descriptor and interest. */
static void watch_update(struct ws_watch *w)
{
    int fd = w->wsi ? lws_get_socket_fd(w->wsi) : -1;
    if (w->poll && w->poll->fd != fd)
        poll_drop(w);
    if (fd < 0)
        return;
    if (!w->poll)
        poll_make(w, fd);
    bool write = !w->connected || w->wants_write || (w->settled && lws_partial_buffered(w->wsi));
    int events = UV_READABLE | (write ? UV_WRITABLE : 0);
    if (w->poll && w->poll->events != events) {
        w->poll->events = events;
        (void)uv_poll_start(&w->poll->poll, events, on_poll);
    }
}

static void on_tick(uv_timer_t *t)
{
    serve(t->data);
}

static void update_all(struct ws_pump *p)
{
    struct ws_watch *w;
    bool unsettled = false;
    DL_FOREACH(p->watches, w) {
        watch_update(w);
        unsettled |= !w->settled;
    }
    if (!p->watches)
        (void)uv_timer_stop(&p->tick);
    else
        (void)uv_timer_start(&p->tick, on_tick, unsettled ? TICK_UNSETTLED_MS : TICK_MS, 0);
}

static void on_tick_closed(uv_handle_t *h)
{
    free(h->data);
}

static void destroy(struct ws_pump *p)
{
    lws_context_destroy(p->lws);
    uv_close((uv_handle_t *)&p->tick, on_tick_closed);
}

static void serve(struct ws_pump *p)
{
    for (int i = 0; i < TURNS; i++)
        (void)lws_service(p->lws, -1); /* -1: without waiting */
    if (p->freeing && (!p->watches || p->free_turns++ == FREE_TURNS)) {
        destroy(p);
        return;
    }
    update_all(p);
    if (p->watches && lws_service_adjust_timeout(p->lws, 1, 0) == 0)
        (void)uv_timer_start(&p->tick, on_tick, 0, 0); /* data that it has read and not yet delivered */
}

static void log_library(int level, const char *line)
{
    log_write(level == LLL_ERR ? LOG_WARN : LOG_DEBUG, "libwebsockets", &F_STRN("message", line, strcspn(line, "\n")),
              1);
}

struct ws_pump *ws_pump_new(uv_loop_t *loop, const struct lws_protocols *protocols, struct err *e)
{
    struct lws_context_creation_info info = {
        .port = CONTEXT_PORT_NO_LISTEN,
        .options = LWS_SERVER_OPTION_DO_SSL_GLOBAL_INIT | LWS_SERVER_OPTION_EXPLICIT_VHOSTS,
        .gid = -1,
        .uid = -1,
        .pt_serv_buf_size = RECEIVE_CHUNK,
        .fd_limit_per_thread = CONNECTIONS_MAX, /* else tables for every descriptor that the process may have */
    };
    lws_set_log_level(LLL_ERR | LLL_WARN, log_library);
    struct lws_context *lws = lws_create_context(&info);
    if (!lws) {
        (void)err_set(e, -ENOMEM, "libwebsockets does not start");
        return NULL;
    }
    struct ws_pump *p = xcalloc(1, sizeof *p);
    p->loop = loop;
    p->lws = lws;
    p->protocols = protocols;
    (void)uv_timer_init(loop, &p->tick);
    p->tick.data = p;
    return p;
}

struct lws_vhost *ws_pump_vhost(struct ws_pump *p, bool tls)
{
    struct lws_context_creation_info info = {
        .port = CONTEXT_PORT_NO_LISTEN,
        .vhost_name = tls ? "tls" : "plain",
        .protocols = p->protocols,
        .options = tls ? LWS_SERVER_OPTION_DO_SSL_GLOBAL_INIT : 0,
        .http_proxy_address = ":0", /* none; NULL would be the environment's */
        .ka_time = 20,
        .ka_interval = 10,
        .ka_probes = 3,
    };
    if (!p->vhosts[tls])
        p->vhosts[tls] = lws_create_vhost(p->lws, &info);
    return p->vhosts[tls];
}

struct lws_context *ws_pump_lws(struct ws_pump *p)
{
    return p->lws;
}

uv_loop_t *ws_pump_loop(const struct ws_pump *p)
{
    return p->loop;
}

void ws_pump_add(struct ws_pump *p, struct ws_watch *w, struct lws *wsi)
{
    *w = (struct ws_watch){ .pump = p, .wsi = wsi };
    DL_APPEND(p->watches, w);
    ws_pump_kick(p);
}

void ws_pump_remove(struct ws_watch *w)
{
    if (!w->wsi)
        return;
    DL_DELETE(w->pump->watches, w);
    poll_drop(w);
    w->wsi = NULL;
}

void ws_pump_kick(struct ws_pump *p)
{
    (void)uv_timer_start(&p->tick, on_tick, 0, 0);
}

void ws_pump_free(struct ws_pump *p)
{
    p->freeing = true;
    ws_pump_kick(p);
}
