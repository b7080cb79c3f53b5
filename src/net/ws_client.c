#include "net/ws_client.h"

#include <errno.h>
#include <libwebsockets.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#include "net/resolver.h"
#include "net/url.h"
#include "net/ws_pump.h"
#include "util/buf.h"
#include "util/clock.h"

#define REASON_BYTES 256
#define RECEIVE_CHUNK (64u * 1024)

struct ws_context {
    struct ws_pump *pump;
    struct ws_client *clients;
};

enum ws_state {
    WS_RESOLVING,
    WS_CONNECTING,
    WS_OPEN,
    WS_ENDED, /* no further callback; waits for libwebsockets, the timer and the resolver to let go */
};

struct ws_message {
    struct buf data; /* LWS_PRE bytes of room, then the text */
    struct ws_message *next;
};

struct ws_client {
    struct ws_context *ctx;
    struct ws_pump *pump; /* lives as long as a connection does, also without ctx */
    struct ws_watch watch;
    struct ws_events events;
    void *arg;
    struct url url;
    uint64_t connect_timeout_ms, ping_interval_ms;
    size_t max_message_bytes;
    enum ws_state state;
    unsigned refs; /* wsi, timer, owner's list */
    uv_timer_t timer;
    struct resolve_call *resolving;
    char addresses[RESOLVER_ADDRESSES_MAX][46];
    size_t n_addresses, next_address;
    bool in_connect, failed_in_connect;
    uint64_t last_heard_ms;
    bool ping_due, ping_unanswered;
    struct buf rx;
    struct ws_message *tx;
    char reason[REASON_BYTES];
    struct ws_client *prev, *next;
};

static void client_unref(struct ws_client *c)
{
    if (--c->refs)
        return;
    struct ws_message *m, *tmp;
    LL_FOREACH_SAFE(c->tx, m, tmp) {
        buf_free(&m->data);
        free(m);
    }
    buf_free(&c->rx);
    url_free(&c->url);
    free(c);
}

static void on_timer_closed(uv_handle_t *h)
{
    client_unref(h->data);
}

/* From here on nothing is called back. The connection, where there is one, is closed by libwebsockets soon. */
static void client_end(struct ws_client *c)
{
    if (c->state == WS_ENDED)
        return;
    c->state = WS_ENDED;
    DL_DELETE(c->ctx->clients, c);
    resolve_cancel(c->resolving);
    c->resolving = NULL;
    if (c->watch.wsi) {
        lws_set_timeout(c->watch.wsi, PENDING_TIMEOUT_USER_OK, LWS_TO_KILL_ASYNC);
        c->watch.settled = false;
        ws_pump_kick(c->pump);
    }
    uv_close((uv_handle_t *)&c->timer, on_timer_closed);
    client_unref(c);
}

/* Ends with on_close, which may free the whole context. */
static void client_fail(struct ws_client *c, const char *reason)
{
    if (c->state == WS_ENDED)
        return;
    char line[REASON_BYTES];
    (void)snprintf(line, sizeof line, "%.*s", (int)strcspn(reason, "\r\n"), reason);
    client_end(c);
    c->events.on_close(c->arg, line);
}

static void set_reason(struct ws_client *c, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static void set_reason(struct ws_client *c, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    (void)vsnprintf(c->reason, sizeof c->reason, fmt, ap);
    va_end(ap);
}

/* ---- the timer: connect timeout, then pings ---- */

static void want_write(struct ws_client *c)
{
    c->watch.wants_write = true;
    (void)lws_callback_on_writable(c->watch.wsi);
    ws_pump_kick(c->pump);
}

static void on_open_timer(uv_timer_t *t)
{
    struct ws_client *c = t->data;
    uint64_t idle_ms = clock_mono_ms() - c->last_heard_ms;
    if (idle_ms < c->ping_interval_ms) {
        (void)uv_timer_start(t, on_open_timer, c->ping_interval_ms - idle_ms, 0);
        return;
    }
    if (c->ping_unanswered) {
        client_fail(c, "ping was not answered");
        return;
    }
    c->ping_unanswered = c->ping_due = true;
    want_write(c);
    (void)uv_timer_start(t, on_open_timer, c->ping_interval_ms, 0);
}

/* The address does not answer: the next, or the end. */
static void on_connect_timer(uv_timer_t *t)
{
    struct ws_client *c = t->data;
    if (c->state == WS_CONNECTING && c->next_address < c->n_addresses && c->watch.wsi) {
        lws_set_timeout(c->watch.wsi, PENDING_TIMEOUT_USER_OK, LWS_TO_KILL_ASYNC);
        ws_pump_kick(c->pump);
        return;
    }
    client_fail(c, "timeout while connecting");
}

static void on_failed_timer(uv_timer_t *t)
{
    struct ws_client *c = t->data;
    client_fail(c, c->reason);
}

static void heard(struct ws_client *c)
{
    c->last_heard_ms = clock_mono_ms();
    c->ping_unanswered = false;
}

/* ---- connecting ---- */

static void connect_next(struct ws_client *c)
{
    struct buf authority = { 0 };
    url_authority(&authority, &c->url);
    bool tls = strcmp(c->url.scheme, "wss") == 0;
    struct lws_client_connect_info info = {
        .context = ws_pump_lws(c->pump),
        .vhost = ws_pump_vhost(c->pump, tls),
        .address = c->addresses[c->next_address++],
        .port = c->url.port,
        .path = c->url.target,
        .host = buf_cstr(&authority),
        .ssl_connection = tls ? LCCSCF_USE_SSL : 0,
        .local_protocol_name = "oyster",
        .userdata = c,
    };
    c->state = WS_CONNECTING;
    (void)uv_timer_start(&c->timer, on_connect_timer, c->connect_timeout_ms / c->n_addresses, 0);
    c->in_connect = true;
    c->failed_in_connect = false;
    c->refs++;
    struct lws *wsi = info.vhost ? lws_client_connect_via_info(&info) : NULL;
    c->in_connect = false;
    buf_free(&authority);
    if (wsi && !c->failed_in_connect) {
        ws_pump_add(c->pump, &c->watch, wsi);
    } else {
        /* Libwebsockets may have said so already; what is called back comes from the loop. */
        client_unref(c);
        (void)uv_timer_start(&c->timer, on_failed_timer, 0, 0);
    }
}

static void on_resolved(void *arg, const char *const *addresses, size_t n, const char *error)
{
    struct ws_client *c = arg;
    c->resolving = NULL;
    if (n == 0) {
        client_fail(c, error);
        return;
    }
    for (size_t i = 0; i < n; i++)
        (void)snprintf(c->addresses[i], sizeof c->addresses[i], "%s", addresses[i]);
    c->n_addresses = n;
    connect_next(c);
}

/* ---- what libwebsockets tells ---- */

static int on_established(struct ws_client *c)
{
    c->state = WS_OPEN;
    c->watch.settled = true;
    heard(c);
    if (c->ping_interval_ms)
        (void)uv_timer_start(&c->timer, on_open_timer, c->ping_interval_ms, 0);
    else
        (void)uv_timer_stop(&c->timer);
    if (c->tx)
        want_write(c);
    c->events.on_open(c->arg);
    return 0;
}

static int on_receive(struct ws_client *c, struct lws *wsi, const char *data, size_t len)
{
    heard(c);
    if (len > c->max_message_bytes - c->rx.len) {
        set_reason(c, "message over %zu bytes", c->max_message_bytes);
        client_fail(c, c->reason);
        return -1;
    }
    bool whole = lws_is_final_fragment(wsi) && lws_remaining_packet_payload(wsi) == 0;
    if (whole && c->rx.len == 0) {
        c->events.on_message(c->arg, data, len);
        return 0;
    }
    buf_append(&c->rx, data, len);
    if (whole) {
        struct buf message = c->rx; /* ours for the callback, which may close */
        c->rx = (struct buf){ 0 };
        c->events.on_message(c->arg, (const char *)message.data, message.len);
        buf_free(&message);
    }
    return 0;
}

static int write_message(struct ws_client *c, struct lws *wsi)
{
    struct ws_message *m = c->tx;
    size_t len = m->data.len - LWS_PRE;
    if (lws_write(wsi, m->data.data + LWS_PRE, len, LWS_WRITE_TEXT) < (int)len)
        return -1;
    LL_DELETE(c->tx, m);
    buf_free(&m->data);
    free(m);
    return 0;
}

static int on_writable(struct ws_client *c, struct lws *wsi)
{
    if (c->ping_due) {
        unsigned char room[LWS_PRE + 1] = { 0 };
        c->ping_due = false;
        if (lws_write(wsi, room + LWS_PRE, 0, LWS_WRITE_PING) < 0)
            return -1;
    } else if (c->tx && write_message(c, wsi) < 0) {
        return -1;
    }
    c->watch.wants_write = c->tx;
    if (c->tx)
        (void)lws_callback_on_writable(wsi);
    return 0;
}

static void on_peer_close(struct ws_client *c, const uint8_t *payload, size_t len)
{
    if (len < 2)
        set_reason(c, "closed by the peer");
    else
        set_reason(c, "closed by the peer: %u %.*s", (unsigned)payload[0] << 8 | payload[1], (int)(len - 2),
                   (const char *)payload + 2);
}

static void on_connect_error(struct ws_client *c, struct lws *wsi, const char *text, size_t len)
{
    unsigned status = lws_http_client_http_response(wsi);
    if (status && status != 101)
        set_reason(c, "HTTP status %u instead of a WebSocket", status);
    else
        set_reason(c, "%.*s", text && len ? (int)len : 17, text && len ? text : "connection failed");
    if (c->in_connect)
        c->failed_in_connect = true;
}

/* The connection is gone for libwebsockets. Before it ever stood, the host's next address is tried. */
static void on_destroyed(struct ws_client *c)
{
    if (c->in_connect)
        return;
    ws_pump_remove(&c->watch);
    if (c->state == WS_CONNECTING && c->next_address < c->n_addresses)
        connect_next(c);
    else if (c->state != WS_ENDED)
        client_fail(c, c->reason[0] ? c->reason : "connection lost");
    client_unref(c);
}

static int append_authorization(struct ws_client *c, struct lws *wsi, unsigned char **p, unsigned char *end)
{
    if (!c->url.user)
        return 0;
    struct buf plain = { 0 };
    char text[1024] = "Basic ";
    buf_printf(&plain, "%s:%s", c->url.user, c->url.password ? c->url.password : "");
    int n = lws_b64_encode_string((const char *)plain.data, (int)plain.len, text + 6, (int)sizeof text - 6);
    buf_wipe(&plain);
    if (n < 0)
        return -1;
    return lws_add_http_header_by_name(wsi, (const unsigned char *)"authorization:", (const unsigned char *)text, n + 6,
                                       p, end);
}

static int protocol_cb(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in, size_t len)
{
    struct ws_client *c = user;
    if (!c)
        return 0;
    if (reason == LWS_CALLBACK_WSI_DESTROY) {
        on_destroyed(c);
        return 0;
    }
    if (c->state == WS_ENDED)
        return reason == LWS_CALLBACK_CLIENT_RECEIVE || reason == LWS_CALLBACK_CLIENT_WRITEABLE ? -1 : 0;
    switch (reason) {
    case LWS_CALLBACK_CLIENT_APPEND_HANDSHAKE_HEADER:
        return append_authorization(c, wsi, in, *(unsigned char **)in + len);
    case LWS_CALLBACK_CLIENT_CONNECTION_ERROR:
        on_connect_error(c, wsi, in, len);
        return 0;
    case LWS_CALLBACK_CLIENT_ESTABLISHED:
        return on_established(c);
    case LWS_CALLBACK_CLIENT_RECEIVE:
        return on_receive(c, wsi, in, len);
    case LWS_CALLBACK_CLIENT_RECEIVE_PONG:
        heard(c);
        return 0;
    case LWS_CALLBACK_CLIENT_WRITEABLE:
        return on_writable(c, wsi);
    case LWS_CALLBACK_WS_PEER_INITIATED_CLOSE:
        on_peer_close(c, in, len);
        return 0;
    default:
        return 0;
    }
}

/* ---- the interface ---- */

struct ws_client *ws_client_connect(struct ws_context *ctx, const struct ws_options *opt,
                                    const struct ws_events *events, void *arg, struct err *e)
{
    struct url url;
    if (url_parse(&url, opt->url, "ws", "wss", e) < 0)
        return NULL;
    struct ws_client *c = xcalloc(1, sizeof *c);
    c->resolving = resolve_start(ws_pump_loop(ctx->pump), url.host, on_resolved, c, e);
    if (!c->resolving) {
        url_free(&url);
        free(c);
        return NULL;
    }
    c->ctx = ctx;
    c->pump = ctx->pump;
    c->events = *events;
    c->arg = arg;
    c->url = url;
    c->connect_timeout_ms = opt->connect_timeout_ms;
    c->ping_interval_ms = opt->ping_interval_ms;
    c->max_message_bytes = opt->max_message_bytes;
    c->refs = 2;
    (void)uv_timer_init(ws_pump_loop(ctx->pump), &c->timer);
    c->timer.data = c;
    (void)uv_timer_start(&c->timer, on_connect_timer, c->connect_timeout_ms, 0);
    DL_APPEND(ctx->clients, c);
    return c;
}

void ws_client_send(struct ws_client *c, const char *text, size_t len)
{
    struct ws_message *m = xcalloc(1, sizeof *m);
    (void)buf_extend(&m->data, LWS_PRE);
    buf_append(&m->data, text, len);
    LL_APPEND(c->tx, m);
    if (c->state == WS_OPEN)
        want_write(c);
}

void ws_client_close(struct ws_client *c)
{
    if (c)
        client_end(c);
}

struct ws_context *ws_context_new(uv_loop_t *loop, struct err *e)
{
    static const struct lws_protocols protocols[] = {
        { .name = "oyster", .callback = protocol_cb, .rx_buffer_size = RECEIVE_CHUNK }, { .name = NULL }
    };
    struct ws_context *ctx = xcalloc(1, sizeof *ctx);
    ctx->pump = ws_pump_new(loop, protocols, e);
    if (!ctx->pump) {
        free(ctx);
        return NULL;
    }
    return ctx;
}

void ws_context_free(struct ws_context *ctx)
{
    if (!ctx)
        return;
    struct ws_client *c, *tmp;
    DL_FOREACH_SAFE(ctx->clients, c, tmp)
        client_end(c);
    ws_pump_free(ctx->pump);
    free(ctx);
}
