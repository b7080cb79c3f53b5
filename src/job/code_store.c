#include "job/code_store.h"

#include <stdlib.h>
#include <string.h>
#include <uthash.h>
#include <utlist.h>

#include "chain/contracts.h"
#include "util/buf.h"
#include "util/clock.h"
#include "util/hex.h"
#include "util/json.h"

#define CALLDATA_MAX (4u << 20)
#define RETRY_FIRST_MS 50
#define RETRY_MAX_MS 1000
/* How long an asking waits for its answers: one endpoint that is mute must not keep the others from being asked again.
 * Twice as long each time, for those that are merely slow. */
#define ASK_FIRST_MS 1000
#define ASK_MAX_MS 8000

struct cached {
    uint8_t hash[32];
    struct code *code;
    UT_hash_handle hh;
};

struct code_request {
    struct fetch *fetch;
    uint64_t deadline_us;
    code_done_fn *done;
    void *arg;
    struct code_request *prev, *next;
};

/* One hash under way, with all that wait for it. */
struct fetch {
    struct code_store *store;
    uint8_t hash[32];
    struct code_request *waiters; /* in order of deadline */
    struct rpc_call *call;
    uv_timer_t timer; /* the next try, or the nearest deadline */
    uint64_t retry_ms, ask_ms;
    bool chain_said_null; /* at least one endpoint answered that it knows no such transaction */
    bool done;            /* handed out; only the timer's close is awaited */
    char last_error[160];
    UT_hash_handle hh;
};

struct code_store {
    uv_loop_t *loop;
    struct rpc *rpc;
    struct address contract;
    size_t max_bytes, bytes;
    struct cached *cache; /* uthash keeps insertion order: the first is the least recently used */
    struct fetch *fetches;
};

/* What a transaction object turned out to be. */
struct verdict {
    enum code_status status;
    struct code *code;
    const char *reason;
};

struct code *code_keep(struct code *c)
{
    c->refs++;
    return c;
}

void code_drop(struct code *c)
{
    if (c && --c->refs == 0)
        free(c);
}

static struct code *code_new(const uint8_t *bytes, size_t len)
{
    struct code *c = xcalloc(1, sizeof *c + len);
    c->refs = 1;
    c->len = len;
    if (len)
        memcpy(c->bytes, bytes, len);
    return c;
}

struct code_store *code_store_new(uv_loop_t *loop, struct rpc *rpc, const struct address *contract, size_t cache_bytes)
{
    struct code_store *s = xcalloc(1, sizeof *s);
    s->loop = loop;
    s->rpc = rpc;
    s->contract = *contract;
    s->max_bytes = cache_bytes;
    return s;
}

static void cache_evict(struct code_store *s, struct cached *c)
{
    HASH_DEL(s->cache, c);
    s->bytes -= c->code->len;
    code_drop(c->code);
    free(c);
}

static void cache_add(struct code_store *s, const uint8_t hash[32], struct code *code)
{
    if (code->len > s->max_bytes)
        return;
    while (s->bytes + code->len > s->max_bytes)
        cache_evict(s, s->cache);
    struct cached *c = xcalloc(1, sizeof *c);
    memcpy(c->hash, hash, 32);
    c->code = code_keep(code);
    s->bytes += code->len;
    HASH_ADD(hh, s->cache, hash, 32, c);
}

struct code *code_store_cached(struct code_store *s, const uint8_t hash[32])
{
    struct cached *c;
    HASH_FIND(hh, s->cache, hash, 32, c);
    if (!c)
        return NULL;
    HASH_DEL(s->cache, c); /* to the end of the order */
    HASH_ADD(hh, s->cache, hash, 32, c);
    return c->code;
}

static void fetch_closed(uv_handle_t *h)
{
    free(h->data);
}

/* Takes the fetch out of the store; its memory goes when the timer is closed. */
static void fetch_end(struct fetch *f)
{
    if (f->done)
        return;
    f->done = true;
    rpc_cancel(f->call);
    f->call = NULL;
    HASH_DEL(f->store->fetches, f);
    uv_close((uv_handle_t *)&f->timer, fetch_closed);
}

static void request_finish(struct code_request *r, const struct verdict *v)
{
    code_done_fn *done = r->done;
    void *arg = r->arg;
    DL_DELETE(r->fetch->waiters, r);
    free(r);
    done(arg, v->status, v->code, v->reason);
}

/* Hands the verdict to every waiter. A callback may cancel other waiters or start new requests. */
static void fetch_finish(struct fetch *f, const struct verdict *v)
{
    fetch_end(f);
    while (f->waiters)
        request_finish(f->waiters, v);
}

static struct verdict judge(const struct code_store *s, const struct json *tx, struct buf *input)
{
    struct err e = { 0 };
    struct address to;
    size_t len;
    const char *text = json_str(json_get(tx, "to"), &len);
    if (!text || hex_decode_exact(to.b, sizeof to.b, text, len, NULL) < 0 || !address_eq(&to, &s->contract))
        return (struct verdict){ CODE_NO_TRANSACTION, NULL, "the transaction was not sent to the code contract" };
    const uint8_t *code;
    size_t code_len;
    if (json_req_data(input, CALLDATA_MAX, tx, "input", &e) < 0 ||
        decode_save_code(&code, &code_len, input->data, input->len, &e) < 0)
        return (struct verdict){ CODE_BAD_CALLDATA, NULL, "the transaction's calldata is not a save-code call" };
    return (struct verdict){ CODE_FOUND, code_new(code, code_len), "found" };
}

static void fetch_arm(struct fetch *f);

/* An answer that settles nothing: ask again later, as long as somebody has time. */
static void fetch_again(struct fetch *f)
{
    f->retry_ms = f->retry_ms ? (f->retry_ms * 2 < RETRY_MAX_MS ? f->retry_ms * 2 : RETRY_MAX_MS) : RETRY_FIRST_MS;
    fetch_arm(f);
}

static void on_transaction(void *arg, const struct json *result, const struct rpc_error *error)
{
    struct fetch *f = arg;
    f->call = NULL;
    if (error->kind != RPC_ERR_NONE) {
        (void)snprintf(f->last_error, sizeof f->last_error, "%s", error->message);
        fetch_again(f);
        return;
    }
    if (json_kind(result) != JSON_KIND_OBJECT) {
        f->chain_said_null = true;
        fetch_again(f);
        return;
    }
    struct buf input = { 0 };
    struct verdict v = judge(f->store, result, &input);
    buf_free(&input);
    if (v.code)
        cache_add(f->store, f->hash, v.code);
    fetch_finish(f, &v);
    code_drop(v.code);
}

static void fetch_ask(struct fetch *f)
{
    char hex[65];
    char params[80];
    (void)snprintf(params, sizeof params, "[\"0x%s\"]", hex_encode(hex, f->hash, 32));
    f->ask_ms = f->ask_ms ? (f->ask_ms * 2 < ASK_MAX_MS ? f->ask_ms * 2 : ASK_MAX_MS) : ASK_FIRST_MS;
    /* A job waits for it: whichever endpoint is first, and one that lags knows less. */
    f->call = rpc_race(f->store->rpc, "eth_getTransactionByHash", params, f->ask_ms, on_transaction, f);
}

/* Ends the requests whose time is over. Returns false when the fetch is over with them. */
static bool fetch_expire(struct fetch *f, uint64_t now_us)
{
    struct verdict v = { CODE_UNKNOWN, NULL, f->last_error[0] ? f->last_error : "no endpoint answered in time" };
    if (f->chain_said_null)
        v = (struct verdict){ CODE_NO_TRANSACTION, NULL, "no such transaction" };
    while (f->waiters && f->waiters->deadline_us <= now_us) {
        if (!f->waiters->next) { /* the last one: leave first, a callback may ask for this hash anew */
            fetch_end(f);
            request_finish(f->waiters, &v);
            return false;
        }
        request_finish(f->waiters, &v);
    }
    return true;
}

static void on_timer(uv_timer_t *t)
{
    struct fetch *f = t->data;
    if (!fetch_expire(f, clock_mono_us()))
        return;
    if (!f->call)
        fetch_ask(f);
    fetch_arm(f);
}

/* Sets the timer to the next try (when no request is under way) or the nearest deadline, whichever is first. */
static void fetch_arm(struct fetch *f)
{
    uint64_t now_us = clock_mono_us();
    uint64_t until = f->waiters->deadline_us > now_us ? (f->waiters->deadline_us - now_us + 999) / 1000 : 0;
    if (!f->call && f->retry_ms < until)
        until = f->retry_ms;
    uv_timer_start(&f->timer, on_timer, until, 0);
}

static int by_deadline(const struct code_request *a, const struct code_request *b)
{
    return a->deadline_us < b->deadline_us ? -1 : a->deadline_us > b->deadline_us;
}

struct code_request *code_store_get(struct code_store *s, const uint8_t hash[32], uint64_t deadline_us,
                                    code_done_fn *done, void *arg)
{
    struct fetch *f;
    HASH_FIND(hh, s->fetches, hash, 32, f);
    bool is_new = !f;
    if (is_new) {
        f = xcalloc(1, sizeof *f);
        f->store = s;
        memcpy(f->hash, hash, 32);
        uv_timer_init(s->loop, &f->timer);
        f->timer.data = f;
        HASH_ADD(hh, s->fetches, hash, 32, f);
    }
    struct code_request *r = xcalloc(1, sizeof *r);
    *r = (struct code_request){ .fetch = f, .deadline_us = deadline_us, .done = done, .arg = arg };
    DL_INSERT_INORDER(f->waiters, r, by_deadline);
    if (is_new)
        fetch_ask(f);
    fetch_arm(f);
    return r;
}

void code_request_cancel(struct code_request *r)
{
    struct fetch *f = r->fetch;
    DL_DELETE(f->waiters, r);
    free(r);
    if (!f->waiters)
        fetch_end(f);
}

size_t code_store_count(const struct code_store *s)
{
    return HASH_COUNT(s->cache);
}

size_t code_store_bytes(const struct code_store *s)
{
    return s->bytes;
}

void code_store_free(struct code_store *s)
{
    if (!s)
        return;
    struct fetch *f, *ftmp;
    HASH_ITER(hh, s->fetches, f, ftmp) {
        struct code_request *r, *rtmp;
        DL_FOREACH_SAFE(f->waiters, r, rtmp) {
            DL_DELETE(f->waiters, r);
            free(r);
        }
        fetch_end(f);
    }
    while (s->cache)
        cache_evict(s, s->cache);
    free(s);
}
