/* JSON-RPC against a real chain: requests, errors, broadcast, and the subscription through a restart of the chain. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "chain/anvil.h"
#include "net/loop.h"
#include "net/rpc.h"
#include "util/log.h"

#define WAIT_MS 15000

struct result {
    int done;
    enum rpc_error_kind kind;
    int64_t code;
    char text[256], message[256];
};

static void on_done(void *arg, const struct json *result, const struct rpc_error *error)
{
    struct result *r = arg;
    r->done++;
    r->kind = error->kind;
    r->code = error->code;
    (void)snprintf(r->message, sizeof r->message, "%s", error->message);
    (void)snprintf(r->text, sizeof r->text, "%s", json_str(result, NULL) ? json_str(result, NULL) : "");
    assert_true((result == NULL) == (error->kind != RPC_ERR_NONE));
}

static struct rpc *start(uv_loop_t *loop, const char *http, const char *ws, uint64_t chain_id)
{
    struct err e = { 0 };
    assert_int_equal(uv_loop_init(loop), 0);
    struct rpc_config config = { &http, 1, &ws, 1, chain_id, 5000, 10000 };
    struct rpc *r = rpc_new(loop, &config, &e);
    if (!r)
        fail_msg("%s", e.msg);
    return r;
}

static void requests(void **state)
{
    (void)state;
    uv_loop_t loop;
    struct anvil *a = anvil_start(NULL);
    struct rpc *r = start(&loop, anvil_http_url(a), anvil_ws_url(a), ANVIL_CHAIN_ID);
    struct result number = { 0 }, unknown = { 0 }, sent = { 0 };
    (void)rpc_request(r, "eth_blockNumber", "[]", 0, on_done, &number);
    (void)rpc_request(r, "no_such_method", "[]", 0, on_done, &unknown);
    (void)rpc_broadcast(r, "eth_sendRawTransaction", "[\"0x1234\"]", 0, on_done, &sent);
    assert_int_equal(number.done, 0);
    assert_true(loop_until(&loop, &number.done, WAIT_MS) && loop_until(&loop, &unknown.done, WAIT_MS) &&
                loop_until(&loop, &sent.done, WAIT_MS));
    assert_string_equal(number.text, "0x0");
    assert_int_equal(unknown.kind, RPC_ERR_SERVER);
    assert_int_equal(unknown.code, -32601);
    assert_int_equal(sent.kind, RPC_ERR_SERVER);
    rpc_free(r);
    assert_true(loop_finish(&loop));
    anvil_stop(a);
}

static void wrong_chain(void **state)
{
    (void)state;
    uv_loop_t loop;
    struct anvil *a = anvil_start(NULL);
    struct rpc *r = start(&loop, anvil_http_url(a), anvil_ws_url(a), 42161);
    struct result number = { 0 };
    struct rpc_endpoint_status status;
    (void)rpc_request(r, "eth_blockNumber", "[]", 0, on_done, &number);
    assert_true(loop_until(&loop, &number.done, WAIT_MS));
    assert_int_equal(number.kind, RPC_ERR_PROTOCOL);
    assert_non_null(strstr(number.message, "chain 31337, not 42161"));
    rpc_endpoint_status(r, 0, &status);
    assert_true(status.wrong_chain);
    rpc_free(r);
    assert_true(loop_finish(&loop));
    anvil_stop(a);
}

struct stream {
    struct anvil *anvil;
    int up, down, heads, logs;
};

static void on_up(void *arg)
{
    ((struct stream *)arg)->up++;
}

static void on_down(void *arg, const char *reason)
{
    assert_non_null(reason);
    ((struct stream *)arg)->down++;
}

static void on_head(void *arg, const struct json *head)
{
    assert_non_null(json_get(head, "parentHash"));
    ((struct stream *)arg)->heads++;
}

static void on_switch(void *arg, const char *reason)
{
    (void)arg;
    fail_msg("one endpoint cannot be switched from: %s", reason);
}

static void on_log(void *arg, const struct json *log, bool leading)
{
    assert_true(leading);
    assert_non_null(json_get(log, "topics"));
    ((struct stream *)arg)->logs++;
}

/* A contract whose constructor writes one log without topics. */
static void emit_log(const struct anvil *a)
{
    anvil_do(a, "eth_sendTransaction", "[{\"from\":\"%s\",\"data\":\"0x60006000a000\",\"gas\":\"0x186a0\"}]",
             ANVIL_ADDRESS_0);
}

static void stream_through_a_restart(void **state)
{
    (void)state;
    uv_loop_t loop;
    static const struct rpc_stream_events events = { on_up, on_down, on_switch, on_head, on_log };
    struct anvil *a = anvil_start(NULL);
    struct rpc *r = start(&loop, anvil_http_url(a), anvil_ws_url(a), ANVIL_CHAIN_ID);
    struct stream s = { .anvil = a };
    rpc_stream_start(r, "{}", &events, &s);
    assert_true(loop_until(&loop, &s.up, WAIT_MS));
    emit_log(a);
    assert_true(loop_until(&loop, &s.logs, WAIT_MS) && loop_until(&loop, &s.heads, WAIT_MS));
    char port[8];
    (void)snprintf(port, sizeof port, "%u", anvil_port(a));
    anvil_stop(a);
    assert_true(loop_until(&loop, &s.down, WAIT_MS));
    s.up = s.logs = 0;
    const char *again[] = { "--port", port, NULL };
    a = anvil_start(again);
    assert_true(loop_until(&loop, &s.up, WAIT_MS));
    assert_int_equal(s.down, 1);
    emit_log(a);
    assert_true(loop_until(&loop, &s.logs, WAIT_MS));
    rpc_free(r);
    assert_true(loop_finish(&loop));
    anvil_stop(a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(requests),
        cmocka_unit_test(wrong_chain),
        cmocka_unit_test(stream_through_a_restart),
    };
    log_init(LOG_FORMAT_LOGFMT, LOG_INFO);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
