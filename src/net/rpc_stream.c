#include "net/rpc_stream.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#include "net/rpc_message.h"
#include "util/buf.h"
#include "util/clock.h"
#include "util/hex.h"
#include "util/log.h"

#define PING_MS 10000u
#define BACKOFF_FIRST_MS 250u
#define BACKOFF_MOST_MS 30000u
#define NEXT_ENDPOINT_MS 100u
#define WRONG_CHAIN_ASIDE_MS 60000u
#define HELD_MAX 10000u

enum stream_state {
    STREAM_WAITING,     /* for the moment to connect */
    STREAM_CONNECTING,  /* WebSocket handshake */
    STREAM_CHECKING,    /* eth_chainId asked */
    STREAM_SUBSCRIBING, /* eth_subscribe asked, twice */
    STREAM_UP,
    STREAM_STOPPED,
};

/* Our request ids on a connection. */
enum { ID_CHAIN = 1, ID_LOGS = 2, ID_HEADS = 3 };

/* A notification that came before both subscriptions were confirmed. */
struct held {
    struct rpc_message message;
    struct held *prev, *next;
};

struct rpc_stream {
    struct rpc_stream_config config;
    struct rpc_stream_events events;
    void *arg;
    char *log_filter;
    enum stream_state state;
    struct ws_client *ws; /* NULL while waiting */
    size_t current;       /* endpoint */
    unsigned failures;    /* connections lost since a head last came */
    uv_timer_t timer;     /* waiting: connect; checking, subscribing: no answer; up: no head */
    uint64_t asked_us;
    char logs_id[128], heads_id[128]; /* "" until confirmed */
    struct held *held;
    size_t n_held;
};

static struct rpc_endpoint *endpoint(struct rpc_stream *s)
{
    return &s->config.eps[s->current];
}

static void drop_held(struct rpc_stream *s)
{
    struct held *h, *tmp;
    DL_FOREACH_SAFE(s->held, h, tmp) {
        rpc_message_free(&h->message);
        free(h);
    }
    s->held = NULL;
    s->n_held = 0;
}

/* ---- losing the connection, and the wait for the next ---- */

static uint64_t random_below(uint64_t bound)
{
    uint64_t r = 0;
    (void)uv_random(NULL, NULL, &r, sizeof r, 0, NULL);
    return bound ? r % bound : 0;
}

/* Each endpoint is tried once without much ado; then exponential back-off. Jitter always, so that the nodes of a
 * provider that comes back do not come all at once. */
static uint64_t backoff_ms(const struct rpc_stream *s)
{
    uint64_t rounds = s->failures ? (s->failures - 1) / s->config.n : 0;
    if (rounds == 0)
        return random_below(NEXT_ENDPOINT_MS);
    uint64_t ms = rounds > 8 ? BACKOFF_MOST_MS : (uint64_t)BACKOFF_FIRST_MS << (rounds - 1);
    if (ms > BACKOFF_MOST_MS)
        ms = BACKOFF_MOST_MS;
    return ms / 2 + random_below(ms / 2);
}

/* The next endpoint in turn, those that were of another chain a moment ago left out where others are. */
static size_t next_endpoint(const struct rpc_stream *s)
{
    uint64_t now_ms = clock_mono_ms();
    for (size_t k = 1; k <= s->config.n; k++) {
        size_t i = (s->current + k) % s->config.n;
        if (s->config.eps[i].chain != RPC_CHAIN_WRONG || s->config.eps[i].aside_until_ms <= now_ms)
            return i;
    }
    return (s->current + 1) % s->config.n;
}

static void on_timer(uv_timer_t *t);

static void schedule(struct rpc_stream *s, uint64_t ms)
{
    (void)uv_timer_start(&s->timer, on_timer, ms, 0);
}

/* The connection is gone or of no use. on_down is the last thing that happens here: it may stop the stream. */
static void stream_lost(struct rpc_stream *s, const char *reason)
{
    bool was_up = s->state == STREAM_UP;
    ws_client_close(s->ws);
    s->ws = NULL;
    s->state = STREAM_WAITING;
    s->failures++;
    drop_held(s);
    rpc_endpoint_failed(endpoint(s), 0, clock_mono_ms());
    uint64_t retry_ms = backoff_ms(s);
    log_warn("rpc_stream_lost", F_STR("endpoint", endpoint(s)->origin), F_STR("reason", reason),
             F_BOOL("was_up", was_up), F_U64("retry_ms", retry_ms));
    s->current = next_endpoint(s);
    schedule(s, retry_ms);
    if (was_up)
        s->events.on_down(s->arg, reason);
}

static void on_ws_close(void *arg, const char *reason)
{
    struct rpc_stream *s = arg;
    s->ws = NULL;
    stream_lost(s, reason);
}

/* ---- asking ---- */

static void ask(struct rpc_stream *s, uint64_t id, const char *method, const char *params)
{
    struct buf b = { 0 };
    rpc_message_request(&b, id, method, params);
    ws_client_send(s->ws, (const char *)b.data, b.len);
    buf_free(&b);
    endpoint(s)->requests++;
    s->asked_us = clock_mono_us();
}

/* What became of a request of ours, for metrics. */
static void tally(struct rpc_stream *s, bool chain_asked, enum rpc_error_kind kind)
{
    size_t method = rpc_tally_method(chain_asked ? "eth_chainId" : "eth_subscribe");
    rpc_tally_add(&endpoint(s)->tally, method, kind, clock_mono_us() - s->asked_us);
}

static void on_ws_open(void *arg)
{
    struct rpc_stream *s = arg;
    s->state = STREAM_CHECKING;
    ask(s, ID_CHAIN, "eth_chainId", "[]");
    schedule(s, s->config.timeout_ms);
}

static void subscribe(struct rpc_stream *s)
{
    struct buf params = { 0 };
    buf_printf(&params, "[\"logs\",%s]", s->log_filter);
    s->state = STREAM_SUBSCRIBING;
    ask(s, ID_LOGS, "eth_subscribe", buf_cstr(&params));
    ask(s, ID_HEADS, "eth_subscribe", "[\"newHeads\"]");
    schedule(s, s->config.timeout_ms);
    buf_free(&params);
}

/* ---- hearing ---- */

static void on_head(struct rpc_stream *s, const struct json *head)
{
    s->failures = 0;
    (void)json_req_quantity(&endpoint(s)->head, head, "number", NULL);
    schedule(s, s->config.silence_ms);
    s->events.on_head(s->arg, head);
}

static void deliver(struct rpc_stream *s, const struct rpc_message *m)
{
    if (strcmp(m->subscription, s->logs_id) == 0)
        s->events.on_log(s->arg, m->result);
    else if (strcmp(m->subscription, s->heads_id) == 0)
        on_head(s, m->result);
}

/* Both subscriptions stand. What came between the first and the second is handed on behind on_up. */
static void stream_up(struct rpc_stream *s)
{
    struct held *h;
    s->state = STREAM_UP;
    rpc_endpoint_succeeded(endpoint(s));
    log_info("rpc_stream_up", F_STR("endpoint", endpoint(s)->origin));
    schedule(s, s->config.silence_ms);
    s->events.on_up(s->arg);
    while (s->state == STREAM_UP && (h = s->held)) {
        DL_DELETE(s->held, h);
        deliver(s, &h->message);
        rpc_message_free(&h->message);
        free(h);
    }
}

static void on_notification(struct rpc_stream *s, struct rpc_message *m)
{
    if (s->state == STREAM_UP) {
        deliver(s, m);
    } else if (s->state == STREAM_SUBSCRIBING && s->n_held++ < HELD_MAX) {
        struct held *h = xcalloc(1, sizeof *h);
        h->message = *m;
        m->root = NULL;
        DL_APPEND(s->held, h);
    } else {
        stream_lost(s, "notifications before the subscriptions");
    }
}

static void on_chain_id(struct rpc_stream *s, const struct rpc_message *m)
{
    struct rpc_endpoint *ep = endpoint(s);
    uint64_t chain_id;
    size_t len;
    const char *text = json_str(m->result, &len);
    if (!text || hex_decode_u64(&chain_id, text, len, NULL) < 0) {
        stream_lost(s, "eth_chainId: the result is no quantity");
    } else if (chain_id != s->config.chain_id) {
        ep->chain = RPC_CHAIN_WRONG;
        ep->wrong_chain_id = chain_id;
        log_error("rpc_wrong_chain", F_STR("endpoint", ep->origin), F_U64("chain_id", chain_id),
                  F_U64("expected", s->config.chain_id));
        ep->aside_until_ms = clock_mono_ms() + WRONG_CHAIN_ASIDE_MS;
        stream_lost(s, "endpoint of another chain");
    } else {
        ep->chain = RPC_CHAIN_RIGHT;
        rpc_endpoint_measured(ep, clock_mono_us() - s->asked_us);
        subscribe(s);
    }
}

static void on_subscribed(struct rpc_stream *s, const struct rpc_message *m)
{
    char *id = m->id == ID_LOGS ? s->logs_id : s->heads_id;
    size_t len;
    const char *text = json_str(m->result, &len);
    if (!text || len == 0 || len >= sizeof s->logs_id || strlen(text) != len) {
        stream_lost(s, "eth_subscribe: the result is no subscription id");
        return;
    }
    memcpy(id, text, len + 1);
    if (s->logs_id[0] && s->heads_id[0])
        stream_up(s);
}

static void on_response(struct rpc_stream *s, const struct rpc_message *m)
{
    char reason[RPC_ERROR_TEXT_BYTES + 32];
    tally(s, s->state == STREAM_CHECKING, m->kind == RPC_MESSAGE_ERROR ? RPC_ERR_SERVER : RPC_ERR_NONE);
    if (m->kind == RPC_MESSAGE_ERROR) {
        (void)snprintf(reason, sizeof reason, "refused: %s", m->text);
        stream_lost(s, reason);
    } else if (s->state == STREAM_CHECKING && m->has_id && m->id == ID_CHAIN) {
        on_chain_id(s, m);
    } else if (s->state == STREAM_SUBSCRIBING && m->has_id && (m->id == ID_LOGS || m->id == ID_HEADS)) {
        on_subscribed(s, m);
    } else {
        stream_lost(s, "response with a wrong id");
    }
}

static void on_ws_message(void *arg, const char *text, size_t len)
{
    struct rpc_stream *s = arg;
    struct rpc_message m;
    struct err e = { 0 };
    if (rpc_message_parse(&m, text, len, &e) < 0) {
        stream_lost(s, e.msg);
        return;
    }
    if (m.kind == RPC_MESSAGE_NOTIFICATION)
        on_notification(s, &m);
    else
        on_response(s, &m);
    rpc_message_free(&m);
}

static void stream_connect(struct rpc_stream *s)
{
    static const struct ws_events events = { on_ws_open, on_ws_message, on_ws_close };
    struct ws_options opt = {
        .url = endpoint(s)->url,
        .connect_timeout_ms = s->config.timeout_ms,
        .ping_interval_ms = PING_MS,
        .max_message_bytes = RPC_MESSAGE_MAX,
    };
    struct err e = { 0 };
    s->state = STREAM_CONNECTING;
    s->logs_id[0] = s->heads_id[0] = '\0';
    s->ws = ws_client_connect(s->config.ws, &opt, &events, s, &e);
    if (!s->ws)
        stream_lost(s, e.msg);
}

static void on_timer(uv_timer_t *t)
{
    struct rpc_stream *s = t->data;
    char reason[64];
    if (s->state == STREAM_WAITING) {
        stream_connect(s);
    } else if (s->state == STREAM_UP) {
        (void)snprintf(reason, sizeof reason, "no new head for %llu ms", (unsigned long long)s->config.silence_ms);
        stream_lost(s, reason);
    } else {
        if (s->state != STREAM_CONNECTING)
            tally(s, s->state == STREAM_CHECKING, RPC_ERR_TIMEOUT);
        stream_lost(s, "no answer while subscribing");
    }
}

struct rpc_stream *rpc_stream_new(const struct rpc_stream_config *config, const char *log_filter,
                                  const struct rpc_stream_events *events, void *arg)
{
    struct rpc_stream *s = xcalloc(1, sizeof *s);
    s->config = *config;
    s->events = *events;
    s->arg = arg;
    s->log_filter = xstrdup(log_filter);
    (void)uv_timer_init(config->loop, &s->timer);
    s->timer.data = s;
    if (config->n)
        schedule(s, 0);
    return s;
}

void rpc_stream_set_silence(struct rpc_stream *s, uint64_t silence_ms)
{
    s->config.silence_ms = silence_ms;
}

static void on_stream_closed(uv_handle_t *h)
{
    struct rpc_stream *s = h->data;
    free(s->log_filter);
    free(s);
}

void rpc_stream_free(struct rpc_stream *s)
{
    if (!s)
        return;
    s->state = STREAM_STOPPED;
    ws_client_close(s->ws);
    s->ws = NULL;
    drop_held(s);
    uv_close((uv_handle_t *)&s->timer, on_stream_closed);
}
