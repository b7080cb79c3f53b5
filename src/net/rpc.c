#include "net/rpc.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <utlist.h>

#include "net/http_client.h"
#include "net/rpc_endpoints.h"
#include "net/rpc_exchange.h"
#include "net/rpc_health.h"
#include "net/rpc_message.h"
#include "net/rpc_stream.h"
#include "net/rpc_tally.h"
#include "util/buf.h"
#include "util/clock.h"

#define DEFAULT_TIMEOUT_MS 10000u
#define DEFAULT_SILENCE_MS 30000u

/* A read is sent to a second endpoint when the first has not answered after eight times its usual latency, within
 * these bounds. */
#define HEDGE_LEAST_MS 1000u
#define HEDGE_LATENCIES 8u

/* Single requests under way at a time; what comes beyond waits its turn, so that a burst does not open hundreds of
 * connections. Broadcasts and races never wait. */
#define SINGLE_MAX 64u

struct retired {
    struct rpc_endpoints set;
    struct retired *next;
};

struct rpc {
    uv_loop_t *loop;
    struct http_client *http;
    struct ws_context *ws; /* NULL without WebSocket endpoints */
    struct rpc_endpoints set;
    struct retired *retired; /* earlier ones, as long as calls use them */
    unsigned age;            /* of the set: counts changes */
    size_t current;          /* HTTP endpoint that reads go to */
    uint64_t timeout_ms, next_id, chain_id;
    struct rpc_health *health;
    struct rpc_stream *stream;
    struct rpc_stream_config stream_config;
    struct rpc_stream_events stream_events;
    void *stream_arg;
    char *log_filter;
    struct rpc_call *calls;
    struct rpc_call *queue; /* single requests that wait for others to end */
    unsigned n_single;      /* attempts of single requests under way */
    bool freeing;
};

enum call_mode {
    CALL_ONE,       /* one endpoint; a second one where the first is in trouble or slow */
    CALL_BROADCAST, /* all; the first success wins */
    CALL_RACE,      /* all; the first result that is not null wins */
};

struct attempt {
    struct rpc_call *call;
    struct rpc_exchange *exchange;
};

struct rpc_call {
    struct rpc *r;
    enum call_mode mode;
    struct buf body;
    size_t method; /* as rpc_tally_method names it */
    uint64_t id, deadline_ms;
    rpc_done_fn *done; /* NULL once settled: what is still under way is let finish */
    void *arg;
    uv_timer_t timer;
    bool waiting; /* for an endpoint whose chain is known to be right */
    bool queued;
    bool own_check; /* a check has begun since it waits */
    bool released;
    unsigned age;   /* of the endpoints that it goes to */
    uint64_t tried; /* set of endpoints */
    unsigned n_tried, n_under_way;
    struct rpc_error error; /* the most telling so far */
    char error_text[RPC_ERROR_TEXT_BYTES];
    struct json *error_data, *null_result;
    struct rpc_call *prev, *next;
    struct rpc_call *queue_prev, *queue_next;
    struct attempt attempts[RPC_ENDPOINTS_MAX]; /* by HTTP endpoint */
};

static void on_call_closed(uv_handle_t *h)
{
    struct rpc_call *call = h->data;
    buf_free(&call->body);
    json_free(call->error_data);
    json_free(call->null_result);
    free(call);
}

static void call_send(struct rpc_call *call);

static void dequeue(struct rpc_call *call)
{
    if (call->queued)
        DL_DELETE2(call->r->queue, call, queue_prev, queue_next);
    call->queued = false;
}

/* An attempt is over: the next in the queue may start. */
static void attempt_over(struct rpc_call *call)
{
    struct rpc *r = call->r;
    call->n_under_way--;
    if (call->mode != CALL_ONE)
        return;
    r->n_single--;
    if (r->queue && !r->freeing) {
        struct rpc_call *next = r->queue;
        dequeue(next);
        call_send(next);
    }
}

static void retired_free(struct retired *old)
{
    struct retired *each, *tmp;
    LL_FOREACH_SAFE(old, each, tmp) {
        rpc_endpoints_clear(&each->set);
        free(each);
    }
}

/* Lets go of earlier endpoints with the last call that went to them, and when the stream has moved. */
static void forget_retired(struct rpc *r)
{
    const struct rpc_call *call;
    if (!r->retired || (r->stream && rpc_stream_is_moving(r->stream)))
        return;
    DL_FOREACH(r->calls, call)
        if (call->age != r->age)
            return;
    retired_free(r->retired);
    r->retired = NULL;
}

static void call_release(struct rpc_call *call)
{
    call->released = true;
    dequeue(call);
    for (size_t i = 0; i < RPC_ENDPOINTS_MAX; i++) {
        if (!call->attempts[i].exchange)
            continue;
        rpc_exchange_cancel(call->attempts[i].exchange);
        attempt_over(call);
    }
    DL_DELETE(call->r->calls, call);
    forget_retired(call->r);
    uv_close((uv_handle_t *)&call->timer, on_call_closed);
}

/* Calls back; attempts that are under way run to their end for the endpoints' records (and so that every endpoint gets
 * a broadcast). The callback may free the call and r. */
static void call_settle(struct rpc_call *call, const struct json *result)
{
    static const struct rpc_error none = { .kind = RPC_ERR_NONE, .message = "" };
    rpc_done_fn *done = call->done;
    call->done = NULL;
    call->waiting = false;
    dequeue(call);
    (void)uv_timer_stop(&call->timer);
    if (!result)
        result = call->null_result;
    done(call->arg, result, result ? &none : &call->error);
    if (!call->released && call->n_under_way == 0)
        call_release(call);
}

static int telling(enum rpc_error_kind kind)
{
    static const int order[] = {
        [RPC_ERR_NONE] = 0, [RPC_ERR_TRANSPORT] = 1, [RPC_ERR_TIMEOUT] = 2, [RPC_ERR_PROTOCOL] = 3, [RPC_ERR_SERVER] = 4
    };
    return order[kind];
}

static void keep_error(struct rpc_call *call, const struct rpc_error *error)
{
    if (telling(error->kind) <= telling(call->error.kind))
        return;
    (void)snprintf(call->error_text, sizeof call->error_text, "%s", error->message);
    json_free(call->error_data);
    call->error_data = error->data ? json_keep(error->data) : NULL;
    call->error = *error;
    call->error.message = call->error_text;
    call->error.data = call->error_data;
}

static void on_reply(void *arg, const struct rpc_reply *reply);

static bool attempt_start(struct rpc_call *call, size_t i)
{
    struct rpc *r = call->r;
    struct err e = { 0 };
    uint64_t now_ms = clock_mono_ms();
    uint64_t left_ms = call->deadline_ms > now_ms ? call->deadline_ms - now_ms : 1;
    struct attempt *a = &call->attempts[i];
    a->call = call;
    struct rpc_question question = { (const char *)call->body.data, call->body.len, call->id, call->method, left_ms };
    a->exchange = rpc_exchange_start(r->http, &r->set.all[i], &question, on_reply, a, &e);
    call->tried |= UINT64_C(1) << i;
    call->n_tried++;
    if (!a->exchange) {
        keep_error(call, &(struct rpc_error){ .kind = RPC_ERR_TRANSPORT, .message = e.msg });
        return false;
    }
    call->n_under_way++;
    r->n_single += call->mode == CALL_ONE ? 1 : 0;
    return true;
}

/* Endpoints that this call may not use: tried ones, and those of an unproven chain. */
static uint64_t excluded(const struct rpc_call *call)
{
    uint64_t except = call->tried;
    for (size_t i = 0; i < call->r->set.n_http; i++)
        if (call->r->set.all[i].chain != RPC_CHAIN_RIGHT)
            except |= UINT64_C(1) << i;
    return except;
}

static uint64_t hedge_ms(const struct rpc *r, size_t i, uint64_t timeout_ms)
{
    uint64_t ms = r->set.all[i].latency_us / 1000 * HEDGE_LATENCIES;
    if (ms < HEDGE_LEAST_MS)
        ms = HEDGE_LEAST_MS;
    return ms < timeout_ms / 4 ? ms : timeout_ms / 4;
}

static void on_call_timer(uv_timer_t *t);

/* Sends to the best endpoint that has not been tried. Returns false where there is none. */
static bool send_to_next(struct rpc_call *call)
{
    struct rpc *r = call->r;
    uint64_t now_ms = clock_mono_ms();
    if (call->age != r->age) /* what is under way is let finish */
        return false;
    size_t i = rpc_endpoint_best(r->set.all, r->set.n_http, r->current, excluded(call), now_ms);
    if (i == r->set.n_http || !attempt_start(call, i))
        return false;
    r->current = i;
    if (call->n_tried == 1 && call->deadline_ms > now_ms)
        (void)uv_timer_start(&call->timer, on_call_timer, hedge_ms(r, i, call->deadline_ms - now_ms), 0);
    return true;
}

/* Sends to every healthy endpoint, or to all of this chain where none is healthy. Returns false where there is none. */
static bool send_to_all(struct rpc_call *call)
{
    struct rpc *r = call->r;
    uint64_t except = excluded(call), now_ms = clock_mono_ms();
    for (int healthy = 1; healthy >= 0 && call->n_under_way == 0; healthy--)
        for (size_t i = 0; i < r->set.n_http; i++)
            if (!(except >> i & 1) && (!healthy || rpc_endpoint_healthy(&r->set.all[i], now_ms)))
                (void)attempt_start(call, i);
    return call->n_under_way > 0;
}

/* Waits until the deadline at most. */
static void wait_for_turn(struct rpc_call *call)
{
    uint64_t now_ms = clock_mono_ms();
    call->queued = true;
    DL_APPEND2(call->r->queue, call, queue_prev, queue_next);
    (void)uv_timer_start(&call->timer, on_call_timer, call->deadline_ms > now_ms ? call->deadline_ms - now_ms : 0, 0);
}

static void call_send(struct rpc_call *call)
{
    call->waiting = false;
    (void)uv_timer_stop(&call->timer);
    if (call->mode == CALL_ONE && call->r->n_single >= SINGLE_MAX) {
        wait_for_turn(call);
        return;
    }
    if (call->mode == CALL_ONE ? send_to_next(call) : send_to_all(call))
        return;
    keep_error(call, &(struct rpc_error){ .kind = RPC_ERR_TRANSPORT, .message = "no endpoint is of this chain" });
    (void)uv_timer_start(&call->timer, on_call_timer, 0, 0);
}

/* Three reasons: what the call waits for (a chain check, its turn) takes too long, there is nothing to send it to, or
 * the endpoint is slow. */
static void on_call_timer(uv_timer_t *t)
{
    struct rpc_call *call = t->data;
    if (call->waiting || call->queued)
        keep_error(call, &(struct rpc_error){ .kind = RPC_ERR_TIMEOUT, .message = "no endpoint answered in time" });
    if (call->n_under_way == 0)
        call_settle(call, NULL);
    else
        (void)send_to_next(call);
}

static void on_success(struct rpc_call *call, const struct json *result)
{
    if (call->mode != CALL_RACE || json_kind(result) != JSON_KIND_NULL) {
        call_settle(call, result);
        return;
    }
    if (!call->null_result)
        call->null_result = json_keep(result);
    if (call->n_under_way == 0)
        call_settle(call, NULL);
}

static void on_failure(struct rpc_call *call, const struct rpc_reply *reply)
{
    keep_error(call, &reply->error);
    if (call->mode == CALL_ONE && reply->endpoint_trouble && call->n_tried == 1 && send_to_next(call))
        return;
    if (call->n_under_way == 0)
        call_settle(call, NULL);
}

static void on_reply(void *arg, const struct rpc_reply *reply)
{
    struct attempt *a = arg;
    struct rpc_call *call = a->call;
    a->exchange = NULL;
    attempt_over(call);
    if (!call->done) {
        if (call->n_under_way == 0)
            call_release(call);
    } else if (reply->error.kind == RPC_ERR_NONE) {
        on_success(call, reply->result);
    } else {
        on_failure(call, reply);
    }
}

static bool has_verified(const struct rpc *r)
{
    for (size_t i = 0; i < r->set.n_http; i++)
        if (r->set.all[i].chain == RPC_CHAIN_RIGHT)
            return true;
    return false;
}

/* The calls that wait, one by one from the start: what is done with one may end others, and r. */
static struct rpc_call *first_waiting(struct rpc *r)
{
    struct rpc_call *call;
    DL_FOREACH(r->calls, call)
        if (call->waiting)
            return call;
    return NULL;
}

/* No endpoint has passed the check. A call that came when the check was under way gets one of its own. */
static void fail_waiting(struct rpc *r, const struct rpc_error *error)
{
    struct rpc_call *call;
    bool again = false;
    DL_FOREACH(r->calls, call) {
        if (!call->waiting)
            continue;
        keep_error(call, error);
        if (call->own_check) {
            call->waiting = false;
            (void)uv_timer_start(&call->timer, on_call_timer, 0, 0);
        }
        call->own_check = true;
        again |= call->waiting;
    }
    if (again && rpc_health_check(r->health) == 0)
        fail_waiting(r, error); /* all are known to be of another chain: there is nothing left to check */
}

static void on_checked(void *arg, const struct rpc_error *error)
{
    struct rpc *r = arg;
    struct rpc_call *call;
    if (has_verified(r))
        while ((call = first_waiting(r)))
            call_send(call);
    else if (rpc_health_checks(r->health) == 0)
        fail_waiting(r, error);
}

static struct rpc_call *call_new(struct rpc *r, enum call_mode mode, const char *method, const char *params,
                                 uint64_t timeout_ms, rpc_done_fn *done, void *arg)
{
    struct rpc_call *call = xcalloc(1, sizeof *call);
    call->r = r;
    call->mode = mode;
    call->age = r->age;
    call->id = r->next_id++;
    call->deadline_ms = clock_mono_ms() + (timeout_ms ? timeout_ms : r->timeout_ms);
    call->done = done;
    call->arg = arg;
    call->error.message = "";
    call->method = rpc_tally_method(method);
    rpc_message_request(&call->body, call->id, method, params);
    (void)uv_timer_init(r->loop, &call->timer);
    call->timer.data = call;
    DL_APPEND(r->calls, call);
    return call;
}

static struct rpc_call *call_start(struct rpc *r, enum call_mode mode, const char *method, const char *params,
                                   uint64_t timeout_ms, rpc_done_fn *done, void *arg)
{
    struct rpc_call *call = call_new(r, mode, method, params, timeout_ms, done, arg);
    call->own_check = rpc_health_checks(r->health) == 0;
    if (has_verified(r) || rpc_health_check(r->health) == 0) {
        call_send(call);
        return call;
    }
    call->waiting = true;
    (void)uv_timer_start(&call->timer, on_call_timer, timeout_ms ? timeout_ms : r->timeout_ms, 0);
    return call;
}

struct rpc_call *rpc_request(struct rpc *r, const char *method, const char *params, uint64_t timeout_ms,
                             rpc_done_fn *done, void *arg)
{
    return call_start(r, CALL_ONE, method, params, timeout_ms, done, arg);
}

struct rpc_call *rpc_broadcast(struct rpc *r, const char *method, const char *params, uint64_t timeout_ms,
                               rpc_done_fn *done, void *arg)
{
    return call_start(r, CALL_BROADCAST, method, params, timeout_ms, done, arg);
}

struct rpc_call *rpc_race(struct rpc *r, const char *method, const char *params, uint64_t timeout_ms, rpc_done_fn *done,
                          void *arg)
{
    return call_start(r, CALL_RACE, method, params, timeout_ms, done, arg);
}

void rpc_cancel(struct rpc_call *call)
{
    if (!call)
        return;
    call->done = NULL;
    call->waiting = false;
    (void)uv_timer_stop(&call->timer);
    if (call->mode != CALL_BROADCAST || call->n_under_way == 0)
        call_release(call);
}

/* ---- the object ---- */

static void watch_endpoints(struct rpc *r)
{
    struct rpc_health_config health = { r->loop, r->http, r->set.all, r->set.n_http, r->chain_id, r->timeout_ms };
    r->current = r->set.n_http;
    r->health = rpc_health_new(&health, on_checked, r);
    r->stream_config.ws = r->ws;
    r->stream_config.eps = r->set.all + r->set.n_http;
    r->stream_config.n = r->set.n_ws;
}

struct rpc *rpc_new(uv_loop_t *loop, const struct rpc_config *config, struct err *e)
{
    struct rpc *r = xcalloc(1, sizeof *r);
    r->loop = loop;
    r->chain_id = config->chain_id;
    r->timeout_ms = config->timeout_ms ? config->timeout_ms : DEFAULT_TIMEOUT_MS;
    r->next_id = 1;
    if (rpc_endpoints_init(&r->set, config, e) == 0 && (r->set.n_ws == 0 || (r->ws = ws_context_new(loop, e))))
        r->http = http_client_new(loop, e);
    if (!r->http) {
        ws_context_free(r->ws);
        rpc_endpoints_clear(&r->set);
        free(r);
        return NULL;
    }
    r->stream_config = (struct rpc_stream_config){
        .loop = loop,
        .chain_id = config->chain_id,
        .silence_ms = config->silence_ms ? config->silence_ms : DEFAULT_SILENCE_MS,
        .timeout_ms = r->timeout_ms,
    };
    watch_endpoints(r);
    return r;
}

/* Calls that have not gone out yet go to the new endpoints. */
static void move_calls(struct rpc *r)
{
    struct rpc_call *call;
    DL_FOREACH(r->calls, call) {
        if (call->n_tried > 0)
            continue;
        call->age = r->age;
        call->own_check = true; /* the one that has just begun */
    }
    forget_retired(r);
    while (has_verified(r) && (call = first_waiting(r)))
        call_send(call);
}

int rpc_set_endpoints(struct rpc *r, const struct rpc_config *config, struct err *e)
{
    struct rpc_endpoints fresh;
    int rc = rpc_endpoints_init(&fresh, config, e);
    if (rc < 0)
        return rc;
    if (rpc_endpoints_same(&fresh, &r->set) || (fresh.n_ws && !r->ws && !(r->ws = ws_context_new(r->loop, e)))) {
        rpc_endpoints_clear(&fresh);
        return e->code;
    }
    struct retired *old = xcalloc(1, sizeof *old);
    old->set = r->set;
    LL_PREPEND(r->retired, old);
    rpc_endpoints_inherit(&fresh, &r->set);
    r->set = fresh;
    r->age++;
    rpc_health_free(r->health);
    watch_endpoints(r);
    if (r->stream)
        rpc_stream_replace(r->stream, &r->stream_config, r->log_filter);
    move_calls(r);
    return 1;
}

void rpc_free(struct rpc *r)
{
    if (!r)
        return;
    r->freeing = true;
    rpc_stream_stop(r);
    rpc_health_free(r->health);
    struct rpc_call *call, *tmp;
    DL_FOREACH_SAFE(r->calls, call, tmp)
        call_release(call);
    http_client_free(r->http);
    ws_context_free(r->ws);
    rpc_endpoints_clear(&r->set);
    retired_free(r->retired);
    free(r);
}

void rpc_stream_start(struct rpc *r, const char *log_filter, const struct rpc_stream_events *events, void *arg)
{
    rpc_stream_stop(r);
    r->stream_events = *events;
    r->stream_arg = arg;
    r->log_filter = xstrdup(log_filter);
    r->stream = rpc_stream_new(&r->stream_config, log_filter, events, arg);
}

void rpc_stream_stop(struct rpc *r)
{
    rpc_stream_free(r->stream);
    r->stream = NULL;
    free(r->log_filter);
    r->log_filter = NULL;
}

void rpc_stream_move(struct rpc *r, const char *reason)
{
    if (r->stream)
        rpc_stream_pass_lead(r->stream, reason);
}

void rpc_stream_renew(struct rpc *r, const char *reason)
{
    if (r->stream)
        rpc_stream_renew_lead(r->stream, reason);
}

void rpc_set_silence(struct rpc *r, uint64_t silence_ms)
{
    r->stream_config.silence_ms = silence_ms;
    if (r->stream)
        rpc_stream_set_silence(r->stream, silence_ms);
}

size_t rpc_endpoint_count(const struct rpc *r)
{
    return r->set.n_http + r->set.n_ws;
}

void rpc_endpoint_status(const struct rpc *r, size_t i, struct rpc_endpoint_status *out)
{
    rpc_endpoints_status(&r->set, i, out);
}
