/* Requests over several endpoints that fail in every way we know of. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "net/loop.h"
#include "net/rpc.h"
#include "net/server.h"
#include "util/clock.h"

#define WAIT_MS 10000
#define CHAIN 7u
#define N 3

/* What one endpoint does with a request that is not the question for its chain. */
enum manner {
    ANSWER,       /* a result */
    ANSWER_NULL,  /* a JSON null */
    ERROR_OBJECT, /* with data */
    ERROR_400,    /* the same with HTTP status 400 */
    THROTTLE,     /* 429, Retry-After, no JSON */
    THROTTLE_200, /* 200 with an error object that says so */
    STATUS_500,
    HTML, /* 200 */
    HTML_503,
    HALF_JSON,
    WRONG_ID,
    NO_MEMBERS,
    BATCH,
    EMPTY,
    CUT,   /* half a body, then closed */
    RESET, /* no answer */
    SILENT,
};

struct endpoint {
    struct server *server;
    enum manner manner;
    uint64_t chain;
    bool silent_from_start;
    bool hides_head; /* its latency stays unknown: the endpoint before it in the config comes first */
    const char *head, *result;
    int requests;
    char url[64];
};

struct fixture {
    uv_loop_t loop;
    struct endpoint eps[N];
    struct rpc *rpc;
    uint64_t timeout_ms;
};

struct result {
    int done;
    enum rpc_error_kind kind;
    int64_t code;
    bool is_null;
    char text[128], message[256], data[128];
    struct fixture *f;
    struct rpc_call *victim;
    struct result *other;
};

static void send_result(struct peer *p, unsigned long long id, const char *result)
{
    char body[300];
    (void)snprintf(body, sizeof body, "{\"jsonrpc\":\"2.0\",\"id\":%llu,\"result\":%s}", id, result);
    peer_http_answer(p, 200, "", body);
}

static void send_error(struct peer *p, int status, unsigned long long id, int code, const char *message)
{
    char body[300];
    (void)snprintf(body, sizeof body,
                   "{\"jsonrpc\":\"2.0\",\"id\":%llu,\"error\":{\"code\":%d,\"message\":\"%s\",\"data\":\"0x08c3\"}}",
                   id, code, message);
    peer_http_answer(p, status, "", body);
}

static void misbehave(struct endpoint *ep, struct peer *p, unsigned long long id)
{
    switch (ep->manner) {
    case ANSWER:
        send_result(p, id, ep->result ? ep->result : "\"0x2a\"");
        break;
    case ANSWER_NULL:
        send_result(p, id, "null");
        break;
    case ERROR_OBJECT:
        send_error(p, 200, id, 3, "execution reverted");
        break;
    case ERROR_400:
        send_error(p, 400, id, -32602, "invalid params");
        break;
    case THROTTLE:
        peer_http_answer(p, 429, "Retry-After: 30\r\n", "slow down");
        break;
    case THROTTLE_200:
        send_error(p, 200, id, -32005, "daily request count exceeded, request rate limited");
        break;
    case STATUS_500:
        peer_http_answer(p, 500, "", "");
        break;
    case HTML:
        peer_http_answer(p, 200, "Content-Type: text/html\r\n", "<html><body>Just a moment...</body></html>");
        break;
    case HTML_503:
        peer_http_answer(p, 503, "Content-Type: text/html\r\n", "<html>503</html>");
        break;
    case HALF_JSON:
        peer_http_answer(p, 200, "", "{\"jsonrpc\":\"2.0\",\"id\":1,\"resu");
        break;
    case WRONG_ID:
        send_result(p, id + 1, "\"0x2a\"");
        break;
    case NO_MEMBERS:
        peer_http_answer(p, 200, "", "{\"jsonrpc\":\"2.0\",\"id\":1}");
        break;
    case BATCH:
        peer_http_answer(p, 200, "", "[{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":\"0x1\"}]");
        break;
    case EMPTY:
        peer_http_answer(p, 200, "", "");
        break;
    case CUT:
        peer_puts(p, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{\"jsonrpc\":");
        peer_close(p);
        break;
    case RESET:
        peer_reset(p);
        break;
    case SILENT:
        break;
    }
}

static void serve(void *arg, struct peer *p, bool eof)
{
    struct endpoint *ep = arg;
    const char *head, *body;
    size_t len;
    char quantity[32];
    while (!eof && !ep->silent_from_start && peer_http_request(p, &head, &body, &len)) {
        const char *id_text = strstr(body, "\"id\":");
        unsigned long long id = id_text ? strtoull(id_text + 5, NULL, 10) : 0;
        if (strstr(body, "eth_chainId")) {
            (void)snprintf(quantity, sizeof quantity, "\"0x%llx\"", (unsigned long long)ep->chain);
            send_result(p, id, quantity);
        } else if (strstr(body, "eth_blockNumber")) {
            if (!ep->hides_head)
                send_result(p, id, ep->head);
        } else {
            ep->requests++;
            misbehave(ep, p, id);
        }
    }
}

static int setup(void **state)
{
    struct fixture *f = xcalloc(1, sizeof *f);
    (void)uv_loop_init(&f->loop);
    for (int i = 0; i < N; i++) {
        f->eps[i].server = server_start(&f->loop, serve, &f->eps[i]);
        f->eps[i].chain = CHAIN;
        f->eps[i].head = "\"0x64\"";
        (void)snprintf(f->eps[i].url, sizeof f->eps[i].url, "%s", server_url(f->eps[i].server, "http"));
    }
    f->timeout_ms = 2000;
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    rpc_free(f->rpc);
    for (int i = 0; i < N; i++)
        server_stop(f->eps[i].server);
    bool empty = loop_finish(&f->loop);
    free(f);
    return empty ? 0 : -1;
}

/* Until every endpoint's chain is known. */
static void settle(struct fixture *f)
{
    struct rpc_endpoint_status status;
    for (size_t i = 0; i < rpc_endpoint_count(f->rpc); i++)
        for (int turns = 0; turns < 1000; turns++) {
            rpc_endpoint_status(f->rpc, i, &status);
            if (status.up || status.wrong_chain)
                break;
            loop_for(&f->loop, 5);
        }
}

/* The first n endpoints, their chains checked unless `at_once`. */
static void make(struct fixture *f, size_t n, bool at_once)
{
    const char *urls[N];
    struct err e = { 0 };
    for (size_t i = 0; i < N; i++)
        urls[i] = f->eps[i].url;
    struct rpc_config config = { .http_urls = urls, .n_http = n, .chain_id = CHAIN, .timeout_ms = f->timeout_ms };
    f->rpc = rpc_new(&f->loop, &config, &e);
    if (!f->rpc)
        fail_msg("%s", e.msg);
    if (!at_once)
        settle(f);
}

static void on_done(void *arg, const struct json *result, const struct rpc_error *error)
{
    struct result *r = arg;
    r->done++;
    r->kind = error->kind;
    r->code = error->code;
    r->is_null = result && json_kind(result) == JSON_KIND_NULL;
    assert_non_null(error->message);
    assert_null(strchr(error->message, '\n'));
    assert_true((result == NULL) == (error->kind != RPC_ERR_NONE));
    (void)snprintf(r->message, sizeof r->message, "%s", error->message);
    (void)snprintf(r->text, sizeof r->text, "%s", json_str(result, NULL) ? json_str(result, NULL) : "");
    (void)snprintf(r->data, sizeof r->data, "%s", json_str(error->data, NULL) ? json_str(error->data, NULL) : "");
}

static void ask(struct fixture *f, struct result *r)
{
    (void)rpc_request(f->rpc, "eth_call", "[]", 0, on_done, r);
    assert_int_equal(r->done, 0);
    assert_true(loop_until(&f->loop, &r->done, WAIT_MS));
    assert_int_equal(r->done, 1);
}

/* ---- one endpoint: what each trouble is called ---- */

struct naming {
    enum manner manner;
    enum rpc_error_kind kind;
    int64_t code;
    const char *message; /* part of it */
};

static const struct naming namings[] = {
    { ANSWER, RPC_ERR_NONE, 0, "" },
    { ANSWER_NULL, RPC_ERR_NONE, 0, "" },
    { ERROR_OBJECT, RPC_ERR_SERVER, 3, "execution reverted" },
    { ERROR_400, RPC_ERR_SERVER, -32602, "invalid params" },
    { THROTTLE, RPC_ERR_TRANSPORT, 429, "HTTP status 429" },
    { THROTTLE_200, RPC_ERR_SERVER, -32005, "rate limit" },
    { STATUS_500, RPC_ERR_TRANSPORT, 500, "HTTP status 500" },
    { HTML, RPC_ERR_PROTOCOL, 0, "not JSON" },
    { HTML_503, RPC_ERR_TRANSPORT, 503, "HTTP status 503" },
    { HALF_JSON, RPC_ERR_PROTOCOL, 0, "not JSON" },
    { WRONG_ID, RPC_ERR_PROTOCOL, 0, "wrong id" },
    { NO_MEMBERS, RPC_ERR_PROTOCOL, 0, "neither result nor error" },
    { BATCH, RPC_ERR_PROTOCOL, 0, "found array" },
    { EMPTY, RPC_ERR_PROTOCOL, 0, "not JSON: line 1 column 0" },
    { CUT, RPC_ERR_TRANSPORT, 200, "" },
    { RESET, RPC_ERR_TRANSPORT, 0, "" },
    { SILENT, RPC_ERR_TIMEOUT, 0, "" },
};

static void troubles_have_names(void **state)
{
    struct fixture *f = *state;
    f->timeout_ms = 300;
    for (size_t i = 0; i < sizeof namings / sizeof *namings; i++) {
        struct result r = { 0 };
        f->eps[0].manner = namings[i].manner;
        make(f, 1, false);
        ask(f, &r);
        if (r.kind != namings[i].kind || r.code != namings[i].code || !strstr(r.message, namings[i].message))
            fail_msg("%zu: kind %d, code %lld, %s", i, (int)r.kind, (long long)r.code, r.message);
        assert_string_equal(r.data, r.kind == RPC_ERR_SERVER ? "0x08c3" : "");
        assert_int_equal(r.is_null, namings[i].manner == ANSWER_NULL);
        rpc_free(f->rpc);
        f->rpc = NULL;
    }
}

/* ---- several endpoints ---- */

static void trouble_goes_to_the_next(void **state)
{
    struct fixture *f = *state;
    static const enum manner manners[] = { THROTTLE,   THROTTLE_200, STATUS_500, HTML, HTML_503, HALF_JSON, WRONG_ID,
                                           NO_MEMBERS, BATCH,        EMPTY,      CUT,  RESET,    SILENT };
    for (size_t i = 0; i < sizeof manners / sizeof *manners; i++) {
        struct result r = { 0 }, again = { 0 };
        struct rpc_endpoint_status status;
        f->eps[0].manner = manners[i];
        f->eps[1].hides_head = true;
        f->eps[0].requests = f->eps[1].requests = 0;
        make(f, 2, false);
        uint64_t before_ms = clock_mono_ms();
        ask(f, &r);
        if (r.kind != RPC_ERR_NONE)
            fail_msg("manner %d: %s", (int)manners[i], r.message);
        /* a kept connection that is reset may just have been closed: libcurl asks once more on a fresh one */
        int asked = manners[i] == RESET ? 2 : 1;
        assert_in_range(f->eps[0].requests, 1, asked);
        assert_int_equal(f->eps[1].requests, 1);
        assert_true(clock_mono_ms() - before_ms < (manners[i] == SILENT ? 1800u : 450u));
        ask(f, &again);
        assert_int_equal(again.kind, RPC_ERR_NONE);
        assert_in_range(f->eps[0].requests, 1, asked); /* set aside, or given up for the other */
        assert_int_equal(f->eps[1].requests, 2);
        rpc_endpoint_status(f->rpc, 0, &status);
        assert_true(manners[i] == SILENT || (!status.up && status.failures == 1));
        rpc_free(f->rpc);
        f->rpc = NULL;
    }
}

/* An answer is an answer: no second endpoint is asked. */
static void error_objects_are_not_retried(void **state)
{
    struct fixture *f = *state;
    struct result r = { 0 };
    f->eps[0].manner = f->eps[1].manner = ERROR_OBJECT;
    make(f, 2, false);
    ask(f, &r);
    assert_int_equal(r.kind, RPC_ERR_SERVER);
    assert_int_equal(f->eps[0].requests + f->eps[1].requests, 1);
}

static void one_retry_only(void **state)
{
    struct fixture *f = *state;
    struct result r = { 0 };
    f->eps[0].manner = f->eps[1].manner = f->eps[2].manner = STATUS_500;
    make(f, 3, false);
    ask(f, &r);
    assert_int_equal(r.kind, RPC_ERR_TRANSPORT);
    assert_int_equal(f->eps[0].requests + f->eps[1].requests + f->eps[2].requests, 2);
}

static void wrong_chain_is_never_asked(void **state)
{
    struct fixture *f = *state;
    struct result r = { 0 };
    struct rpc_endpoint_status status;
    f->eps[0].chain = 1;
    make(f, 2, true);
    (void)rpc_request(f->rpc, "eth_chainId", "[]", 0, on_done, &r);
    assert_true(loop_until(&f->loop, &r.done, WAIT_MS));
    assert_string_equal(r.text, "0x7"); /* the answer comes from the right one */
    for (int i = 0; i < 20; i++) {
        r.done = 0;
        ask(f, &r);
        assert_int_equal(r.kind, RPC_ERR_NONE);
    }
    assert_int_equal(f->eps[0].requests, 0);
    assert_int_equal(f->eps[1].requests, 20);
    rpc_endpoint_status(f->rpc, 0, &status);
    assert_true(status.wrong_chain);
}

/* The first request waits for a chain check; a silent endpoint does not hold it up for ever. */
static void silent_from_the_start(void **state)
{
    struct fixture *f = *state;
    struct result r = { 0 }, alone = { 0 };
    f->eps[0].silent_from_start = true;
    make(f, 2, true);
    ask(f, &r);
    assert_int_equal(r.kind, RPC_ERR_NONE);
    rpc_free(f->rpc);
    f->timeout_ms = 200;
    make(f, 1, true);
    ask(f, &alone);
    assert_int_equal(alone.kind, RPC_ERR_TIMEOUT);
}

static void nobody_listens(void **state)
{
    struct fixture *f = *state;
    struct result r = { 0 };
    server_stop(f->eps[0].server);
    loop_for(&f->loop, 10);
    make(f, 1, true);
    ask(f, &r);
    assert_int_equal(r.kind, RPC_ERR_TRANSPORT);
    f->eps[0].server = server_start(&f->loop, serve, &f->eps[0]); /* for the teardown */
}

/* An endpoint that was down when the node started is used once it is there, by the next request. */
static void comes_up_later(void **state)
{
    struct fixture *f = *state;
    struct result r = { 0 }, later = { 0 };
    f->eps[0].manner = ANSWER;
    f->eps[0].silent_from_start = true;
    f->timeout_ms = 200;
    make(f, 1, true);
    ask(f, &r);
    assert_int_equal(r.kind, RPC_ERR_TIMEOUT);
    f->eps[0].silent_from_start = false;
    ask(f, &later);
    assert_int_equal(later.kind, RPC_ERR_NONE);
}

static void burst(void **state)
{
    struct fixture *f = *state;
    static struct result r[500];
    memset(r, 0, sizeof r);
    make(f, 1, false);
    for (size_t i = 0; i < 500; i++) {
        struct rpc_call *call = rpc_request(f->rpc, "eth_call", "[]", 0, on_done, &r[i]);
        if (i % 5 == 0)
            rpc_cancel(call);
    }
    for (size_t i = 0; i < 500; i++) {
        if (i % 5 == 0)
            continue;
        assert_true(loop_until(&f->loop, &r[i].done, WAIT_MS));
        assert_int_equal(r[i].kind, RPC_ERR_NONE);
    }
    assert_in_range(server_accepted(f->eps[0].server), 2, 130); /* cancelled ones cost a connection each */
    assert_in_range(f->eps[0].requests, 400, 465);
    for (size_t i = 0; i < 500; i += 5)
        assert_int_equal(r[i].done, 0);
}

static void burst_at_a_silent_endpoint(void **state)
{
    struct fixture *f = *state;
    static struct result r[200];
    memset(r, 0, sizeof r);
    f->timeout_ms = 300;
    f->eps[0].manner = SILENT;
    make(f, 1, false);
    for (size_t i = 0; i < 200; i++)
        (void)rpc_request(f->rpc, "eth_call", "[]", 0, on_done, &r[i]);
    for (size_t i = 0; i < 200; i++) {
        assert_true(loop_until(&f->loop, &r[i].done, WAIT_MS));
        assert_int_equal(r[i].kind, RPC_ERR_TIMEOUT);
        assert_int_equal(r[i].done, 1);
    }
    f->eps[0].manner = ANSWER;
    struct result after = { 0 };
    ask(f, &after);
    assert_int_equal(after.kind, RPC_ERR_NONE);
}

/* ---- broadcast and race ---- */

static void broadcast_one_success(void **state)
{
    struct fixture *f = *state;
    struct result r = { 0 };
    f->eps[0].manner = ERROR_OBJECT;
    f->eps[1].manner = SILENT;
    f->eps[2].manner = ANSWER;
    make(f, 3, false);
    (void)rpc_broadcast(f->rpc, "eth_sendRawTransaction", "[\"0x\"]", 0, on_done, &r);
    assert_true(loop_until(&f->loop, &r.done, WAIT_MS));
    assert_int_equal(r.kind, RPC_ERR_NONE);
    assert_string_equal(r.text, "0x2a");
    for (int i = 0; i < 3; i++)
        assert_int_equal(f->eps[i].requests, 1);
    loop_for(&f->loop, 100);
    assert_int_equal(r.done, 1);
}

static void broadcast_most_telling_error(void **state)
{
    struct fixture *f = *state;
    struct result r = { 0 };
    f->eps[0].manner = RESET;
    f->eps[1].manner = ERROR_OBJECT;
    f->eps[2].manner = HTML;
    make(f, 3, false);
    (void)rpc_broadcast(f->rpc, "eth_sendRawTransaction", "[\"0x\"]", 0, on_done, &r);
    assert_true(loop_until(&f->loop, &r.done, WAIT_MS));
    assert_int_equal(r.kind, RPC_ERR_SERVER);
    assert_int_equal(r.code, 3);
    assert_string_equal(r.data, "0x08c3");
}

/* Everyone gets it, also when the first has answered long before the others read it, and when it is cancelled. */
static void broadcast_reaches_all(void **state)
{
    struct fixture *f = *state;
    struct result r = { 0 };
    make(f, 3, false);
    rpc_cancel(rpc_broadcast(f->rpc, "eth_sendRawTransaction", "[\"0x\"]", 0, on_done, &r));
    loop_for(&f->loop, 200);
    assert_int_equal(r.done, 0);
    for (int i = 0; i < 3; i++)
        assert_int_equal(f->eps[i].requests, 1);
}

static void race_for_what_is_not_null(void **state)
{
    struct fixture *f = *state;
    struct result r = { 0 }, nobody = { 0 }, mixed = { 0 };
    f->eps[0].manner = f->eps[1].manner = ANSWER_NULL;
    make(f, 3, false);
    (void)rpc_race(f->rpc, "eth_getTransactionByHash", "[]", 0, on_done, &r);
    assert_true(loop_until(&f->loop, &r.done, WAIT_MS));
    assert_string_equal(r.text, "0x2a");
    f->eps[2].manner = ANSWER_NULL;
    (void)rpc_race(f->rpc, "eth_getTransactionByHash", "[]", 0, on_done, &nobody);
    assert_true(loop_until(&f->loop, &nobody.done, WAIT_MS));
    assert_true(nobody.is_null);
    f->eps[1].manner = RESET;
    (void)rpc_race(f->rpc, "eth_getTransactionByHash", "[]", 0, on_done, &mixed);
    assert_true(loop_until(&f->loop, &mixed.done, WAIT_MS));
    assert_true(mixed.is_null);
}

/* ---- ending ---- */

static void cancelling(void **state)
{
    struct fixture *f = *state;
    struct result waiting = { 0 }, sent = { 0 };
    make(f, 2, true);
    rpc_cancel(rpc_request(f->rpc, "eth_call", "[]", 0, on_done, &waiting));
    loop_for(&f->loop, 100);
    struct rpc_call *call = rpc_request(f->rpc, "eth_call", "[]", 0, on_done, &sent);
    rpc_cancel(call);
    rpc_cancel(NULL);
    loop_for(&f->loop, 100);
    assert_int_equal(waiting.done + sent.done, 0);
}

static void on_done_frees(void *arg, const struct json *result, const struct rpc_error *error)
{
    struct result *r = arg;
    on_done(arg, result, error);
    if (!r->other->done)
        rpc_cancel(r->victim);
    rpc_free(r->f->rpc);
    r->f->rpc = NULL;
    assert_true(strlen(error->message) < 1000); /* still there */
}

static void freeing_inside_a_callback(void **state)
{
    struct fixture *f = *state;
    static const enum manner manners[] = { ANSWER, ERROR_OBJECT, RESET, SILENT };
    f->timeout_ms = 300;
    for (size_t i = 0; i < 4; i++) {
        struct result other = { 0 }, r = { .f = f, .other = &other };
        f->eps[0].manner = f->eps[1].manner = manners[i];
        make(f, 2, i & 1);
        (void)rpc_request(f->rpc, "eth_call", "[]", 0, on_done_frees, &r);
        r.victim = rpc_request(f->rpc, "eth_call", "[]", 0, on_done, &other);
        (void)rpc_broadcast(f->rpc, "eth_sendRawTransaction", "[]", 0, on_done, &other);
        while (!r.done)
            (void)uv_run(&f->loop, UV_RUN_ONCE);
        loop_for(&f->loop, 50);
        assert_null(f->rpc);
    }
}

static void freeing_with_calls_under_way(void **state)
{
    struct fixture *f = *state;
    struct result r = { 0 };
    for (uint64_t ms = 0; ms < 5; ms++) {
        make(f, 3, true);
        for (int i = 0; i < 10; i++)
            (void)rpc_request(f->rpc, "eth_call", "[]", 0, on_done, &r);
        (void)rpc_broadcast(f->rpc, "eth_call", "[]", 0, on_done, &r);
        loop_for(&f->loop, ms);
        rpc_free(f->rpc);
        r.done = 0;
    }
    f->rpc = NULL;
    loop_for(&f->loop, 50);
    assert_int_equal(r.done, 0);
}

/* ---- other endpoints while it runs ---- */

static int change(struct fixture *f, const char *const *urls, size_t n, struct err *e)
{
    return rpc_set_endpoints(f->rpc, &(struct rpc_config){ .http_urls = urls, .n_http = n }, e);
}

static void changed(struct fixture *f, size_t i)
{
    const char *urls[] = { f->eps[i].url };
    struct err e = { 0 };
    assert_int_equal(change(f, urls, 1, &e), 1);
}

/* What is under way ends where it is, by an answer or not; what comes goes to the new one. */
static void calls_under_way_end(void **state)
{
    struct fixture *f = *state;
    struct result answered = { 0 }, silent = { 0 }, settled = { 0 }, all = { 0 }, next = { 0 };
    f->timeout_ms = 1500;
    f->eps[1].result = "\"0x1\"";
    make(f, 1, false);
    (void)rpc_request(f->rpc, "eth_call", "[]", 0, on_done, &answered);
    (void)rpc_broadcast(f->rpc, "eth_call", "[]", 0, on_done, &all);
    changed(f, 1);
    ask(f, &next);
    assert_string_equal(next.text, "0x1");
    assert_true(loop_until(&f->loop, &answered.done, WAIT_MS) && loop_until(&f->loop, &all.done, WAIT_MS));
    assert_string_equal(answered.text, "0x2a");
    assert_string_equal(all.text, "0x2a");
    f->eps[1].manner = SILENT;
    (void)rpc_request(f->rpc, "eth_call", "[]", 0, on_done, &silent);
    rpc_cancel(rpc_request(f->rpc, "eth_call", "[]", 0, on_done, &settled));
    loop_for(&f->loop, 20);
    changed(f, 2);
    changed(f, 0);
    assert_true(loop_until(&f->loop, &silent.done, WAIT_MS));
    assert_int_equal(silent.kind, RPC_ERR_TIMEOUT);
    assert_int_equal(settled.done, 0);
    assert_int_equal(f->eps[0].requests + f->eps[2].requests, 2);
}

/* A call that waits for an endpoint of the right chain waits for the new ones. */
static void waiting_calls_move(void **state)
{
    struct fixture *f = *state;
    struct result one = { 0 }, all = { 0 }, queued[80] = { 0 };
    f->eps[0].silent_from_start = true;
    make(f, 1, true);
    (void)rpc_request(f->rpc, "eth_call", "[]", 0, on_done, &one);
    (void)rpc_broadcast(f->rpc, "eth_call", "[]", 0, on_done, &all);
    loop_for(&f->loop, 20);
    uint64_t from_ms = clock_mono_ms();
    changed(f, 1);
    assert_true(loop_until(&f->loop, &one.done, WAIT_MS) && loop_until(&f->loop, &all.done, WAIT_MS));
    assert_int_equal(one.kind, RPC_ERR_NONE);
    assert_int_equal(all.kind, RPC_ERR_NONE);
    assert_true(clock_mono_ms() - from_ms < f->timeout_ms);
    f->eps[1].manner = SILENT;
    for (size_t i = 0; i < 80; i++)
        (void)rpc_request(f->rpc, "eth_call", "[]", 0, on_done, &queued[i]);
    loop_for(&f->loop, 20);
    changed(f, 2);
    assert_true(loop_until(&f->loop, &queued[79].done, WAIT_MS));
    assert_true(f->eps[2].requests <= 80 - 64);
}

/* The same ones, an endpoint that stays, and none that is one. */
static void what_stays_is_known(void **state)
{
    struct fixture *f = *state;
    struct result r = { 0 };
    struct err e = { 0 };
    struct rpc_endpoint_status status;
    const char *same[] = { f->eps[0].url }, *more[] = { f->eps[1].url, f->eps[0].url }, *bad[] = { "ftp://x/" };
    make(f, 1, false);
    ask(f, &r);
    assert_int_equal(change(f, same, 1, &e), 0);
    assert_true(change(f, bad, 1, &e) < 0);
    e = (struct err){ 0 };
    assert_true(change(f, same, 0, &e) < 0);
    e = (struct err){ 0 };
    assert_int_equal(rpc_endpoint_count(f->rpc), 1);
    assert_int_equal(change(f, more, 2, &e), 1);
    assert_int_equal(rpc_endpoint_count(f->rpc), 2);
    rpc_endpoint_status(f->rpc, 1, &status);
    assert_true(status.up && status.requests >= 2);
    rpc_endpoint_status(f->rpc, 0, &status);
    assert_false(status.up);
    f->eps[1].silent_from_start = true;
    uint64_t from_ms = clock_mono_ms();
    r = (struct result){ 0 };
    ask(f, &r); /* by the one that is known, at once */
    assert_int_equal(r.kind, RPC_ERR_NONE);
    assert_true(clock_mono_ms() - from_ms < 500);
}

static void freed_between_changes(void **state)
{
    struct fixture *f = *state;
    struct result r = { 0 };
    f->eps[0].manner = f->eps[1].manner = SILENT;
    make(f, 1, false);
    for (int i = 0; i < 4; i++) {
        (void)rpc_request(f->rpc, "eth_call", "[]", 0, on_done, &r);
        (void)rpc_broadcast(f->rpc, "eth_call", "[]", 0, on_done, &r);
        loop_for(&f->loop, 10);
        changed(f, i % 2 ? 0 : 1);
    }
    rpc_free(f->rpc);
    f->rpc = NULL;
    loop_for(&f->loop, 20);
    assert_int_equal(r.done, 0);
}

/* ---- speed ---- */

static void warm_requests(void **state)
{
    struct fixture *f = *state;
    make(f, 1, false);
    uint64_t before_us = clock_mono_us(), calls_us = 0;
    for (int i = 0; i < 200; i++) {
        struct result r = { 0 };
        uint64_t call_us = clock_mono_us();
        (void)rpc_request(f->rpc, "eth_call", "[]", 0, on_done, &r);
        calls_us += clock_mono_us() - call_us;
        while (!r.done)
            (void)uv_run(&f->loop, UV_RUN_ONCE);
    }
    print_message(
        "round trip on a warm connection: %llu us, of which in rpc_request until the bytes are out: %llu us\n",
        (unsigned long long)(clock_mono_us() - before_us) / 200, (unsigned long long)calls_us / 200);
    assert_int_equal(server_accepted(f->eps[0].server), 1);
}

static void bad_configs(void **state)
{
    struct fixture *f = *state;
    const char *bad[] = { "ftp://x/", "http://u:secret@:1" };
    struct err none = { 0 }, url = { 0 };
    assert_null(rpc_new(&f->loop, &(struct rpc_config){ .n_http = 0 }, &none));
    assert_true(none.code < 0);
    assert_null(rpc_new(&f->loop, &(struct rpc_config){ .http_urls = bad, .n_http = 2 }, &url));
    assert_true(url.code < 0);
    assert_null(strstr(url.msg, "secret"));
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(troubles_have_names),
        TEST(trouble_goes_to_the_next),
        TEST(error_objects_are_not_retried),
        TEST(one_retry_only),
        TEST(wrong_chain_is_never_asked),
        TEST(silent_from_the_start),
        TEST(nobody_listens),
        TEST(comes_up_later),
        TEST(burst),
        TEST(burst_at_a_silent_endpoint),
        TEST(broadcast_one_success),
        TEST(broadcast_most_telling_error),
        TEST(broadcast_reaches_all),
        TEST(race_for_what_is_not_null),
        TEST(cancelling),
        TEST(freeing_inside_a_callback),
        TEST(freeing_with_calls_under_way),
        TEST(calls_under_way_end),
        TEST(waiting_calls_move),
        TEST(what_stays_is_known),
        TEST(freed_between_changes),
        TEST(warm_requests),
        TEST(bad_configs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
