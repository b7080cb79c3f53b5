/* The test chain itself: it starts, answers, mines, pauses and goes away. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "chain/anvil.h"

static void starts_and_mines(void **state)
{
    (void)state;
    struct anvil *a = anvil_start(NULL);
    assert_int_equal(anvil_quantity(a, "eth_chainId", "[]"), ANVIL_CHAIN_ID);
    assert_int_equal(anvil_quantity(a, "eth_blockNumber", "[]"), 0);
    anvil_mine(a, 3);
    assert_int_equal(anvil_quantity(a, "eth_blockNumber", "[]"), 3);
    assert_null(anvil_try_rpc(a, "no_such_method", "[]"));
    anvil_pause(a);
    anvil_resume(a);
    assert_int_equal(anvil_quantity(a, "eth_blockNumber", "[]"), 3);
    anvil_stop(a);
}

static void two_at_once_and_back_on_the_same_port(void **state)
{
    (void)state;
    struct anvil *a = anvil_start(NULL);
    const char *args[] = { "--chain-id", "7", NULL };
    struct anvil *b = anvil_start(args);
    assert_int_not_equal(anvil_port(a), anvil_port(b));
    assert_int_equal(anvil_quantity(b, "eth_chainId", "[]"), 7);
    char port[8];
    (void)snprintf(port, sizeof port, "%u", anvil_port(a));
    anvil_stop(a);
    const char *again[] = { "--port", port, NULL };
    a = anvil_start(again);
    assert_string_equal(strrchr(anvil_http_url(a), ':') + 1, port);
    assert_string_equal(strrchr(anvil_ws_url(a), ':') + 1, port);
    anvil_stop(a);
    anvil_stop(b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(starts_and_mines),
        cmocka_unit_test(two_at_once_and_back_on_the_same_port),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
