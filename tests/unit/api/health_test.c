/* Each check of the node's health, one broken at a time. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "api/health.h"

/* A node at work; endpoints as in a node with one of each kind. */
static void well(struct node_status *s, struct rpc_endpoint_status endpoints[2])
{
    endpoints[0] = (struct rpc_endpoint_status){ .url = "http://a", .up = true };
    endpoints[1] = (struct rpc_endpoint_status){ .url = "ws://a", .is_ws = true, .up = true };
    *s = (struct node_status){ .generation = GENERATION_2,
                               .has_owner = true,
                               .has_gas_key = true,
                               .following = true,
                               .registration = REG_ACTIVE,
                               .endpoints = endpoints,
                               .n_endpoints = 2 };
    s->pool.capacity = 2;
    s->pool.broken = 1;
    s->chain.live = true;
    s->tx.balance_known = s->tx.answer_cost_known = true;
    s->tx.answers_left = 1;
}

static void assert_ready(const struct node_status *s, const char *reason)
{
    struct buf why = { 0 }, list = { 0 }, line = { 0 };
    assert_int_equal(health_ready(&why, s), reason == NULL);
    assert_string_equal(buf_cstr(&why), reason ? reason : "");
    assert_int_equal(health_list(&list, s), reason == NULL);
    if (reason) {
        const char *colon = strchr(reason, ':');
        buf_printf(&line, "[-]%.*s failed%s\n", (int)(colon - reason), reason, colon);
        assert_non_null(strstr(buf_cstr(&list), buf_cstr(&line)));
    } else {
        assert_null(strstr(buf_cstr(&list), "[-]"));
        assert_non_null(strstr(buf_cstr(&list), "[+]gas ok\n"));
    }
    buf_free(&why);
    buf_free(&list);
    buf_free(&line);
}

static void break_owner(struct node_status *s)
{
    s->has_owner = false;
}
static void break_key(struct node_status *s)
{
    s->has_gas_key = false;
}
static void break_http(struct node_status *s)
{
    s->endpoints[0].up = false;
}
static void break_chain_id(struct node_status *s)
{
    s->endpoints[0].wrong_chain = true;
}
static void break_generation(struct node_status *s)
{
    s->generation = (enum generation)0;
}
static void break_following(struct node_status *s)
{
    s->following = false;
}
static void break_live(struct node_status *s)
{
    s->chain.live = false;
}
static void break_unknown(struct node_status *s)
{
    s->registration = REG_UNKNOWN;
}
static void break_absent(struct node_status *s)
{
    s->registration = REG_ABSENT;
}
static void break_drained(struct node_status *s)
{
    s->registration = REG_DRAINING;
}
static void break_foreign(struct node_status *s)
{
    s->registration = REG_FOREIGN;
}
static void break_stopping(struct node_status *s)
{
    s->draining = true;
}
static void break_workers(struct node_status *s)
{
    s->pool.broken = 2;
}
static void break_balance(struct node_status *s)
{
    s->tx.balance_known = false;
}
static void break_gas(struct node_status *s)
{
    s->tx.answers_left = 0;
}

static void each_check(void **state)
{
    (void)state;
    static const struct {
        void (*breaks)(struct node_status *s);
        const char *reason;
    } cases[] = {
        { break_owner, "configured: no owner is configured (POST /immutable-config)" },
        { break_key, "configured: no gas key is configured (POST /mutable-config)" },
        { break_http, "rpc: no endpoint of http_rpc_url answers" },
        { break_chain_id, "rpc: no endpoint of http_rpc_url answers" },
        { break_generation, "chain: no endpoint has told yet what the contracts are" },
        { break_following, "watcher: the node does not follow the chain yet" },
        { break_live, "watcher: the subscription of web_socket_url is down or not caught up" },
        { break_unknown, "registered: the contract has not answered yet" },
        { break_absent, "registered: the enclave is not registered" },
        { break_drained, "registered: the executor is draining on the contract" },
        { break_foreign, "registered: the enclave is registered to another owner than the one configured" },
        { break_stopping, "draining: the node is stopping and takes no job" },
        { break_workers, "workers: no worker can be started" },
        { break_balance, "gas: the gas account's balance is not known yet" },
        { break_gas, "gas: the gas account cannot pay for an answer" },
    };
    struct node_status s;
    struct rpc_endpoint_status endpoints[2];
    well(&s, endpoints);
    assert_ready(&s, NULL);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        well(&s, endpoints);
        cases[i].breaks(&s);
        assert_ready(&s, cases[i].reason);
    }
}

static void the_first_reason_counts(void **state)
{
    (void)state;
    struct node_status s;
    struct rpc_endpoint_status endpoints[2];
    well(&s, endpoints);
    break_gas(&s);
    break_live(&s);
    assert_ready(&s, "watcher: the subscription of web_socket_url is down or not caught up");
}

static void unknown_prices_do_not_stop_it(void **state)
{
    (void)state;
    struct node_status s;
    struct rpc_endpoint_status endpoints[2];
    well(&s, endpoints);
    break_gas(&s);
    s.tx.answer_cost_known = false;
    assert_ready(&s, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_check),
        cmocka_unit_test(the_first_reason_counts),
        cmocka_unit_test(unknown_prices_do_not_stop_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
