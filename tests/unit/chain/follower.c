#include "chain/follower.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "chain/emitter.h"
#include "net/loop.h"
#include "util/cleanup.h"
#include "util/clock.h"
#include "util/hex.h"
#include "util/log.h"

#define WAIT_MS 20000
#define SEEN_MAX 20000

/* ---- the middleman: passes calls on to the chain, and spoils some ---- */

static uint64_t quantity(const struct json *v)
{
    size_t len;
    const char *text = json_str(v, &len);
    uint64_t n = 0;
    assert_non_null(text);
    assert_int_equal(hex_decode_u64(&n, text, len, NULL), 0);
    return n;
}

static void answer_error(struct buf *out, struct follower *f, uint64_t from, uint64_t to)
{
    char text[256];
    if (f->suggest)
        (void)snprintf(text, sizeof text, "%s [0x%llx, 0x%llx]", f->refuse_with, (unsigned long long)from,
                       (unsigned long long)(from + f->refuse_over - 1 < to ? from + f->refuse_over - 1 : to));
    else
        (void)snprintf(text, sizeof text, "%s", f->refuse_with);
    buf_puts(out, "\"error\":{\"code\":-32000,\"message\":");
    json_put_str(out, text, strlen(text));
    buf_puts(out, "}}");
}

/* The same value without a member, wherever it occurs: as an endpoint that never heard of it. */
static void put_without(struct buf *out, const struct json *v, const char *member)
{
    struct buf text = { 0 };
    json_dump(&text, v);
    const char *at = buf_cstr(&text), *hit;
    char mark[64];
    (void)snprintf(mark, sizeof mark, "\"%s\":", member);
    while ((hit = strstr(at, mark)) != NULL) {
        buf_append(out, at, (size_t)(hit - at));
        buf_puts(out, "\"x\":");
        at = hit + strlen(mark);
    }
    buf_puts(out, at);
    buf_free(&text);
}

static bool answer_logs(struct buf *out, struct follower *f, const struct json *params)
{
    const struct json *filter = json_at(params, 0);
    uint64_t from = quantity(json_get(filter, "fromBlock")), to = quantity(json_get(filter, "toBlock"));
    uint64_t head = anvil_quantity(f->a, "eth_blockNumber", "[]");
    f->getlogs_asked++;
    if (f->getlogs_to_fail > 0) {
        f->getlogs_to_fail--;
        buf_puts(out, "\"error\":{\"code\":-32603,\"message\":\"internal error\"}}");
        return true;
    }
    (void)usleep((useconds_t)f->delay_ms * 1000);
    if (f->refuse_over && to - from + 1 > f->refuse_over) {
        f->refused++;
        f->asked--;
        answer_error(out, f, from, to);
        return true;
    }
    if (f->lag_blocks == 0)
        return false;
    uint64_t view = head > f->lag_blocks ? head - f->lag_blocks : 0;
    if (from > view) {
        buf_puts(out, "\"result\":[]}");
        return true;
    }
    CLEANUP(buf_free) struct buf ours = { 0 };
    contracts_log_filter(&ours, &emitter_executors, &emitter_jobs, from, to < view ? to : view);
    struct json *logs = anvil_rpc(f->a, "eth_getLogs", "[%s]", buf_cstr(&ours));
    buf_puts(out, "\"result\":");
    json_dump(out, logs);
    buf_puts(out, "}");
    json_free(logs);
    return true;
}

static void answer(struct buf *out, struct follower *f, const struct json *request)
{
    const char *method = json_str(json_get(request, "method"), NULL);
    const struct json *params = json_get(request, "params");
    buf_puts(out, "{\"jsonrpc\":\"2.0\",\"id\":");
    json_dump(out, json_get(request, "id"));
    buf_puts(out, ",");
    f->asked++;
    f->blocks_asked += strcmp(method, "eth_getBlockByHash") == 0;
    if (strcmp(method, "eth_getLogs") == 0 && answer_logs(out, f, params))
        return;
    CLEANUP(buf_free) struct buf text = { 0 };
    json_dump(&text, params);
    struct json *result = anvil_rpc(f->a, method, "%s", buf_cstr(&text));
    buf_puts(out, "\"result\":");
    if (f->no_timestamps)
        put_without(out, result, "blockTimestamp");
    else
        json_dump(out, result);
    buf_puts(out, "}");
    json_free(result);
}

static void middleman(void *arg, struct peer *p, bool eof)
{
    struct follower *f = arg;
    const char *head, *body;
    size_t len;
    if (eof) {
        peer_close(p);
        return;
    }
    while (peer_http_request(p, &head, &body, &len)) {
        CLEANUP(buf_free) struct buf out = { 0 };
        struct json *request = json_parse(body, len, NULL);
        assert_non_null(request);
        answer(&out, f, request);
        json_free(request);
        peer_http_answer(p, 200, "Content-Type: application/json\r\n", buf_cstr(&out));
    }
}

/* ---- the follower ---- */

static void note(struct follower *f, bool removed, const struct chain_event *ev, const struct event_origin *origin)
{
    assert_true(f->n < SEEN_MAX);
    f->seen[f->n++] = (struct seen){ removed, ev->type, emitted_id(ev), f->asked, *origin };
    if (f->n == f->free_at) {
        watcher_free(f->w);
        f->w = NULL;
    }
}

static void on_event(void *arg, const struct chain_event *ev, const struct event_origin *origin)
{
    if (ev->type == EVENT_JOB_CREATED) {
        assert_int_equal(ev->u.job_created.n_selected, 1);
        assert_true(ev->u.job_created.inputs_len == 0 || ev->u.job_created.inputs[0] == 'i');
    }
    note(arg, false, ev, origin);
}

static void on_removed(void *arg, const struct chain_event *ev, const struct event_origin *origin)
{
    note(arg, true, ev, origin);
}

static void on_head(void *arg, const struct chain_head *head)
{
    struct follower *f = arg;
    f->head = head->number;
    f->heads++;
    if (f->free_on_head) {
        watcher_free(f->w);
        f->w = NULL;
    }
    assert_true(head->has_base_fee && head->gas_limit == 30000000 && head->timestamp_s > 0);
}

static void on_live(void *arg, bool live)
{
    struct follower *f = arg;
    assert_true(f->live != live);
    f->live = live;
    f->live_changes++;
    if (f->free_on_live) {
        watcher_free(f->w);
        f->w = NULL;
    }
}

static const struct watcher_events events = { on_event, on_removed, on_head, on_live };

void follower_start(struct follower *f)
{
    log_init(LOG_FORMAT_LOGFMT, getenv("TEST_LOG") ? LOG_DEBUG : LOG_ERROR);
    *f = (struct follower){ .refuse_with = "query returned more than 10000 results. Try with this block range" };
    f->seen = xcalloc(SEEN_MAX, sizeof *f->seen);
    assert_int_equal(uv_loop_init(&f->loop), 0);
    f->a = anvil_start(NULL);
    emitter_install(f->a);
    f->relay = relay_start(&f->loop, anvil_port(f->a));
    f->middleman = server_start(&f->loop, middleman, f);
}

void follower_follow(struct follower *f, uint64_t from)
{
    struct err e = { 0 };
    const char *http = server_url(f->middleman, "http");
    const char *ws[] = { relay_ws_url(f->relay), f->second ? relay_ws_url(f->second) : NULL };
    struct rpc_config config = { &http, 1, ws, f->second ? 2 : 1, ANVIL_CHAIN_ID, 10000, 3600000 };
    struct watcher_config watched = { emitter_executors, emitter_jobs, 16, 2000 };
    f->rpc = rpc_new(&f->loop, &config, &e);
    assert_non_null(f->rpc);
    f->w = watcher_new(&f->loop, f->rpc, &watched, from, &events, f, &e);
    assert_non_null(f->w);
}

void follower_stop(struct follower *f)
{
    watcher_free(f->w);
    rpc_free(f->rpc);
    relay_stop(f->relay);
    if (f->second)
        relay_stop(f->second);
    server_stop(f->middleman);
    assert_true(loop_finish(&f->loop));
    anvil_stop(f->a);
    free(f->seen);
}

void follower_wait_seen(struct follower *f, size_t n)
{
    uint64_t give_up_ms = clock_mono_ms() + WAIT_MS;
    while (f->n < n && clock_mono_ms() < give_up_ms)
        loop_for(&f->loop, 2);
    if (f->n < n)
        fail_msg("%zu of %zu events came", f->n, n);
}

void follower_wait_live(struct follower *f, bool live)
{
    uint64_t give_up_ms = clock_mono_ms() + WAIT_MS;
    while (f->live != live && clock_mono_ms() < give_up_ms)
        loop_for(&f->loop, 2);
    assert_int_equal(f->live, live);
}

void follower_wait_head(struct follower *f, uint64_t number)
{
    uint64_t give_up_ms = clock_mono_ms() + WAIT_MS;
    while (f->head < number && clock_mono_ms() < give_up_ms)
        loop_for(&f->loop, 2);
    assert_true(f->head >= number);
}

uint64_t follower_block_time(const struct follower *f, uint64_t number)
{
    struct json *block = anvil_rpc(f->a, "eth_getBlockByNumber", "[\"0x%llx\",false]", (unsigned long long)number);
    uint64_t seconds = quantity(json_get(block, "timestamp"));
    json_free(block);
    return seconds;
}

uint64_t follower_standing(const struct follower *f)
{
    uint64_t bits = 0;
    for (size_t i = 0; i < f->n; i++) {
        uint64_t bit = 1ull << f->seen[i].id;
        assert_int_equal((bits & bit) != 0, f->seen[i].removed); /* never twice, never taken back untold */
        bits ^= bit;
    }
    return bits;
}

void follower_assert_ids(const struct follower *f, size_t at, size_t n, uint32_t first)
{
    for (size_t i = 0; i < n; i++) {
        assert_int_equal(f->seen[at + i].id, first + i);
        assert_false(f->seen[at + i].removed);
    }
}
