/* Where the registration stands, by events alone: the endpoint never answers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "chain/registrar.h"
#include "net/loop.h"

static const struct address enclave = { { 0xe1 } }, owner = { { 0x01 } }, stranger = { { 0x02 } };

static void on_change(void *arg, enum registration state)
{
    (void)state;
    ++*(int *)arg;
}

static struct chain_event event(enum event_type type, const struct address *by)
{
    struct chain_event ev = { .type = type };
    ev.u.executor.enclave = enclave;
    ev.u.executor.owner = *by;
    return ev;
}

static void tell(struct registrar *r, enum event_type type, const struct address *by, uint64_t block, uint64_t index)
{
    struct chain_event ev = event(type, by);
    struct event_origin origin = { .block_number = block, .log_index = index, .backfilled = true };
    registrar_on_event(r, &ev, &origin);
}

/* The newest blocks are read first after an outage. What comes from the older ones then is history: that the enclave
 * was another owner's once must not keep the node from its jobs. */
static void older_events_do_not_count_behind_newer_ones(void **state)
{
    (void)state;
    uv_loop_t loop;
    struct err e = { 0 };
    int changes = 0;
    const char *http = "http://127.0.0.1:1";
    struct rpc_config config = { &http, 1, NULL, 0, 31337, 10000, 3600000 };
    struct registrar_config registered = { GENERATION_2, { { 0xee } }, enclave, owner };
    assert_int_equal(uv_loop_init(&loop), 0);
    struct rpc *rpc = rpc_new(&loop, &config, &e);
    assert_non_null(rpc);
    struct registrar *r = registrar_new(&loop, rpc, &registered, on_change, &changes);
    tell(r, EVENT_EXECUTOR_REGISTERED, &owner, 100, 3);
    tell(r, EVENT_EXECUTOR_DRAINED, &owner, 100, 4);
    assert_int_equal(registrar_state(r), REG_DRAINING);
    tell(r, EVENT_EXECUTOR_REGISTERED, &stranger, 40, 0);
    tell(r, EVENT_EXECUTOR_DEREGISTERED, &stranger, 50, 0);
    tell(r, EVENT_EXECUTOR_REVIVED, &owner, 100, 2);
    assert_int_equal(registrar_state(r), REG_DRAINING);
    assert_int_equal(changes, 2);
    assert_true(registrar_named(r));
    tell(r, EVENT_EXECUTOR_REVIVED, &owner, 101, 0);
    assert_int_equal(registrar_state(r), REG_ACTIVE);
    struct chain_event gone = event(EVENT_EXECUTOR_REVIVED, &owner);
    registrar_on_removed(r, &gone);
    tell(r, EVENT_EXECUTOR_DRAINED, &owner, 99, 0); /* of the fork */
    assert_int_equal(registrar_state(r), REG_DRAINING);
    registrar_free(r);
    rpc_free(rpc);
    assert_true(loop_finish(&loop));
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(older_events_do_not_count_behind_newer_ones) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
