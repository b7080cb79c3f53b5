/* What a node needs of its chain. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "chain.h"
#include "chain/head.h"
#include "chain/tx_fees.h"
#include "doctor.h"
#include "endpoint.h"
#include "util/cleanup.h"
#include "util/clock.h"
#include "util/json.h"

#define AHEAD_WARN_S 10
#define AHEAD_FAIL_S 60
#define OLD_WARN_S 60
#define SIGN_MAX_AGE_GUESS_S 600
/* Gas of one answer as the node's own first guess has it. */
#define ANSWER_GAS 400000
#define ANSWERS_COUNTED_MAX 1000000
#define ANSWERS_FEW 50

/* ---- endpoints ---- */

static bool check_http(struct report *r, const struct config *config, const char *url, bool alone)
{
    CLEANUP(buf_free) struct buf origin = { 0 };
    struct err e = { 0 };
    uint64_t id = 0, began_ms = clock_mono_ms();
    endpoint_put_origin(&origin, url);
    if (endpoint_chain_id(&id, r->c, url, &e) < 0) {
        report_add(r, alone ? VERDICT_FAIL : VERDICT_WARN, "endpoint", "see that it runs and is reachable from here",
                   "%s", e.msg);
        return false;
    }
    if (id != config->common_chain_id) {
        report_add(r, VERDICT_FAIL, "endpoint", "correct common_chain_id or the URL",
                   "%s is of chain %llu, expected %llu", buf_cstr(&origin), (unsigned long long)id,
                   (unsigned long long)config->common_chain_id);
        return false;
    }
    report_add(r, VERDICT_OK, "endpoint", "", "%s: chain %llu, %llu ms", buf_cstr(&origin), (unsigned long long)id,
               (unsigned long long)(clock_mono_ms() - began_ms));
    return true;
}

static void check_ws(struct report *r, const struct config *config, const char *http_url, const char *url, bool alone)
{
    CLEANUP(buf_free) struct buf origin = { 0 };
    struct err e = { 0 };
    endpoint_put_origin(&origin, url);
    if (endpoint_subscribe(r->c, http_url, url, config->common_chain_id, &e) == 0)
        report_add(r, VERDICT_OK, "endpoint", "", "%s: takes subscriptions", buf_cstr(&origin));
    else
        report_add(r, alone ? VERDICT_FAIL : VERDICT_WARN, "endpoint",
                   "see that it runs, is of this chain and takes eth_subscribe", "%s: %s", buf_cstr(&origin), e.msg);
}

static bool check_endpoints(struct report *r, const struct config *config)
{
    const char *good = NULL;
    for (size_t i = 0; i < config->n_http_rpc_urls; i++)
        if (check_http(r, config, config->http_rpc_urls[i], config->n_http_rpc_urls == 1) && !good)
            good = config->http_rpc_urls[i];
    for (size_t i = 0; good && i < config->n_web_socket_urls; i++)
        check_ws(r, config, good, config->web_socket_urls[i], config->n_web_socket_urls == 1);
    if (!good && config->n_http_rpc_urls > 1)
        report_add(r, VERDICT_FAIL, "endpoints", "one at least must be of this chain and answer", "none can be used");
    return good != NULL;
}

/* ---- contracts ---- */

static bool view_u64(uint64_t *out, struct report *r, enum contract_view view, const char *what)
{
    struct buf call = { 0 };
    struct u256 wide;
    struct address jobs;
    struct err e = { 0 };
    call_view(&call, view);
    if (chain_jobs(&jobs, r->c, &e) == 0 && chain_view_u256(&wide, r->c->chain, &jobs, &call, what, &e) == 0 &&
        u256_to_u64(out, wide))
        return true;
    report_add(r, VERDICT_FAIL, "Jobs contract", "correct jobs_contract_addr", "%s", e.code ? e.msg : what);
    return false;
}

static enum verdict clock_verdict(uint64_t off_s, uint64_t warn_s, uint64_t fail_s)
{
    return off_s <= warn_s ? VERDICT_OK : off_s <= fail_s ? VERDICT_WARN : VERDICT_FAIL;
}

/* max_age_s: what the contracts take for a fresh signature. */
static void judge_clock(struct report *r, uint64_t now_s, uint64_t block_s, uint64_t max_age_s)
{
    static const char advice[] = "set the clock (NTP); where it is right, the endpoint lags or the chain stands";
    bool ahead = block_s > now_s;
    uint64_t off_s = ahead ? block_s - now_s : now_s - block_s;
    enum verdict v =
        ahead ? clock_verdict(off_s, AHEAD_WARN_S, AHEAD_FAIL_S) : clock_verdict(off_s, OLD_WARN_S, max_age_s);
    report_add(r, v, "clock", v == VERDICT_OK ? "" : advice, "the newest block is %llu s %s", (unsigned long long)off_s,
               ahead ? "ahead of this machine's clock" : "old");
}

static void check_clock(struct report *r, uint64_t max_age_s)
{
    struct json *block = NULL;
    struct chain_head head;
    struct err e = { 0 };
    int rc = chain_request(&block, NULL, r->c->chain, "eth_getBlockByNumber", "[\"latest\",false]", &e);
    if (rc == 0)
        rc = chain_head_parse(&head, block, &e);
    json_free(block);
    if (rc < 0)
        report_add(r, VERDICT_FAIL, "clock", "see the endpoints", "the newest block: %s", e.msg);
    else
        judge_clock(r, clock_wall_s(), head.timestamp_s, max_age_s);
}

static void check_value(struct report *r, enum contract_view view, const char *what, const char *key,
                        uint64_t configured)
{
    uint64_t value = 0;
    if (!view_u64(&value, r, view, what))
        return;
    if (value == configured)
        report_add(r, VERDICT_OK, key, "", "%llu, as the contract has it", (unsigned long long)value);
    else
        report_add(r, VERDICT_FAIL, key, "take the contract's value into the configuration", "%llu, but %s is %llu",
                   (unsigned long long)configured, what, (unsigned long long)value);
}

static void check_executors(struct report *r, const struct config *config)
{
    struct buf call = { 0 };
    struct address named;
    struct err e = { 0 };
    enum generation g;
    char text[ADDRESS_TEXT_MAX];
    call_view(&call, VIEW_EXECUTORS);
    if (chain_view_address(&named, r->c->chain, &config->jobs_contract_addr, &call, "EXECUTORS()", &e) < 0)
        report_add(r, VERDICT_FAIL, "Jobs contract", "correct jobs_contract_addr", "%s", e.msg);
    else if (!address_eq(&named, &config->executors_contract_addr))
        report_add(r, VERDICT_FAIL, "Executors contract", "correct executors_contract_addr",
                   "the Jobs contract works with %s", address_checksum(text, &named));
    else if (chain_generation(&g, r->c, &e) < 0)
        report_add(r, VERDICT_FAIL, "Executors contract", "correct executors_contract_addr", "%s", e.msg);
    else
        report_add(r, VERDICT_OK, "contracts", "", "Jobs and Executors belong together, generation %d", (int)g);
}

static void check_code(struct report *r, const struct config *config)
{
    char params[96], text[ADDRESS_TEXT_MAX];
    struct json *result = NULL;
    struct err e = { 0 };
    size_t len = 0;
    (void)snprintf(params, sizeof params, "[\"%s\",\"latest\"]", address_lower(text, &config->code_contract_addr));
    if (chain_request(&result, NULL, r->c->chain, "eth_getCode", params, &e) == 0)
        (void)json_str(result, &len);
    json_free(result);
    if (len > 2)
        report_add(r, VERDICT_OK, "UserCode contract", "", "%s", address_checksum(text, &config->code_contract_addr));
    else
        report_add(r, VERDICT_FAIL, "UserCode contract", "correct code_contract_addr", "%s",
                   e.code ? e.msg : "there is no contract at this address");
}

bool doctor_chain(struct report *r, const struct config *config)
{
    struct err e = { 0 };
    uint64_t max_age_s = SIGN_MAX_AGE_GUESS_S;
    if (!check_endpoints(r, config))
        return false;
    if (!ctl_chain(r->c, &e)) {
        report_add(r, VERDICT_FAIL, "endpoints", "correct http_rpc_url", "%s", e.msg);
        return false;
    }
    if (!view_u64(&max_age_s, r, VIEW_SIGN_MAX_AGE, "SIGN_MAX_AGE()"))
        return true;
    check_clock(r, max_age_s);
    check_executors(r, config);
    check_code(r, config);
    check_value(r, VIEW_EXECUTION_BUFFER_TIME, "EXECUTION_BUFFER_TIME()", "execution_buffer_time",
                config->execution_buffer_time_s);
    check_value(r, VIEW_NO_OF_NODES_TO_SELECT, "NO_OF_NODES_TO_SELECT()", "num_selected_executors",
                config->num_selected_executors);
    return true;
}

/* ---- gas ---- */

void doctor_gas(struct report *r, const struct config *config, const struct address *gas)
{
    static const char advice[] = "send ether to the gas address";
    struct fee_market market = { .known = true, .legacy = true }; /* what one gas costs at the moment */
    struct u256 balance;
    struct err e = { 0 };
    char text[ADDRESS_TEXT_MAX];
    address_checksum(text, gas);
    if (chain_balance(&balance, r->c->chain, gas, &e) < 0 ||
        chain_u256(&market.base_fee, r->c->chain, "eth_gasPrice", "[]", &e) < 0) {
        report_add(r, VERDICT_WARN, "gas", "see the endpoints", "%s", e.msg);
        return;
    }
    uint64_t n = fee_affords(&market, ANSWER_GAS + config->callback_gas, balance, ANSWERS_COUNTED_MAX);
    enum verdict v = n == 0 ? VERDICT_FAIL : n < ANSWERS_FEW ? VERDICT_WARN : VERDICT_OK;
    report_add(r, v, "gas", v == VERDICT_OK ? "" : advice, "%s pays for %s%llu answers at this price", text,
               n == ANSWERS_COUNTED_MAX ? "over " : "about ", (unsigned long long)n);
}
