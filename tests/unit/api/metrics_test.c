/* What the page says of a status made up here: what is unknown has no sample, and no series is there twice. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "api/metrics.h"
#include "net/rpc_tally.h"

static bool has_line(struct buf *text, const char *line)
{
    struct buf with = { 0 };
    buf_printf(&with, "\n%s\n", line);
    bool found = strstr(buf_cstr(text), buf_cstr(&with)) != NULL;
    buf_free(&with);
    return found;
}

static void unknown_numbers_have_no_sample(void **state)
{
    (void)state;
    struct buf text = { 0 };
    struct node_status s = { .version = "1", .registration = REG_UNKNOWN };
    metrics_put(&text, &s);
    assert_true(has_line(&text, "# TYPE oyster_executor_gas_balance_ether gauge"));
    assert_null(strstr(buf_cstr(&text), "\noyster_executor_gas_balance_ether "));
    assert_null(strstr(buf_cstr(&text), "\noyster_executor_attestation_age_seconds "));
    assert_null(strstr(buf_cstr(&text), "\noyster_executor_chain_head_block "));
    assert_true(has_line(&text, "oyster_executor_registered 0"));
    assert_true(has_line(&text, "oyster_executor_jobs_received_total 0"));
    buf_reset(&text);
    s.tx.balance_known = s.attestation_known = s.clock_known = true;
    s.tx.balance_wei = u256_from_u64(UINT64_C(1500000000000000000));
    s.attestation_age_ms = 1500;
    s.clock_skew_ms = -2500;
    s.registration = REG_DRAINING;
    metrics_put(&text, &s);
    assert_true(has_line(&text, "oyster_executor_gas_balance_ether 1.5"));
    assert_true(has_line(&text, "oyster_executor_attestation_age_seconds 1.5"));
    assert_true(has_line(&text, "oyster_executor_clock_skew_seconds -2.5"));
    assert_true(has_line(&text, "oyster_executor_registered 1"));
    assert_true(has_line(&text, "oyster_executor_draining 1"));
    buf_free(&text);
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Name and labels of each sample, one by one; fails where two are the same. */
static void assert_no_series_twice(char *text)
{
    char *series[1000];
    size_t n = 0;
    for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n")) {
        if (line[0] == '#')
            continue;
        assert_true(n < 1000);
        *strrchr(line, ' ') = 0;
        series[n++] = line;
    }
    qsort(series, n, sizeof *series, by_text);
    for (size_t i = 1; i < n; i++)
        assert_string_not_equal(series[i - 1], series[i]);
}

/* Two endpoints of one provider differ in the path alone, which is not shown. */
static void endpoints_of_one_name(void **state)
{
    (void)state;
    static struct rpc_tally tally;
    struct buf text = { 0 };
    struct rpc_endpoint_status endpoints[3];
    for (size_t i = 0; i < 3; i++)
        endpoints[i] =
            (struct rpc_endpoint_status){ .url = i == 1 ? "http://b" : "http://a", .up = true, .tally = &tally };
    struct node_status s = { .version = "1", .endpoints = endpoints, .n_endpoints = 3 };
    endpoints[2].head = 7;
    rpc_tally_add(&tally, rpc_tally_method("eth_call"), RPC_ERR_TIMEOUT, 1000);
    rpc_tally_add(&tally, rpc_tally_method("eth_unheardOf"), RPC_ERR_SERVER, 1000);
    metrics_put(&text, &s);
    assert_true(has_line(&text, "oyster_executor_rpc_endpoint_up{endpoint=\"http://a#2\"} 1"));
    assert_true(has_line(&text, "oyster_executor_rpc_endpoint_head_block{endpoint=\"http://a#2\"} 7"));
    assert_null(strstr(buf_cstr(&text), "head_block{endpoint=\"http://b\"}"));
    assert_true(has_line(&text, "oyster_executor_rpc_requests_total{endpoint=\"http://a#2\",method=\"eth_call\","
                                "outcome=\"timeout\"} 1"));
    assert_true(has_line(&text, "oyster_executor_rpc_requests_total{endpoint=\"http://b\",method=\"other\","
                                "outcome=\"error\"} 1"));
    assert_true(has_line(&text, "oyster_executor_rpc_request_duration_seconds_count{method=\"eth_call\"} 3"));
    char *copy = strdup(buf_cstr(&text));
    assert_no_series_twice(copy);
    free(copy);
    buf_free(&text);
}

static void methods_have_their_own_place(void **state)
{
    (void)state;
    for (size_t i = 0; i < RPC_TALLY_METHODS; i++)
        assert_int_equal(rpc_tally_method(rpc_tally_method_name(i)), i);
    assert_int_equal(rpc_tally_method("eth_"), RPC_TALLY_METHODS - 1);
}

static void results_tell_crashes_apart(void **state)
{
    (void)state;
    static const struct {
        uint8_t code;
        bool oom, no_slot;
        const char *name;
    } cases[] = {
        { 0, false, false, "ok" },     { 1, false, false, "bad_tx" },  { 2, false, false, "bad_calldata" },
        { 3, false, false, "syntax" }, { 4, false, false, "timeout" }, { 5, false, false, "output_too_large" },
        { 6, false, false, "crash" },  { 6, true, false, "oom" },      { 4, false, true, "no_slot" },
        { 4, true, false, "timeout" }, { 0, true, true, "ok" },        { 6, false, true, "crash" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_string_equal(job_result_name(job_result_of(cases[i].code, cases[i].oom, cases[i].no_slot)),
                            cases[i].name);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(unknown_numbers_have_no_sample),
        cmocka_unit_test(endpoints_of_one_name),
        cmocka_unit_test(methods_have_their_own_place),
        cmocka_unit_test(results_tell_crashes_apart),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
