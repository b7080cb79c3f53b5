#include "send.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "chain.h"
#include "chain/rpc_errors.h"
#include "chain/tx_fees.h"
#include "ctl.h"
#include "eth/tx.h"
#include "io.h"
#include "signature.h"
#include "util/cleanup.h"
#include "util/clock.h"
#include "util/hex.h"
#include "value.h"

#define DEFAULT_ROOM_PERCENT 25
#define DEFAULT_TIMEOUT_MS (5 * 60 * 1000)
#define POLL_MS 500
#define POLL_FIRST_MS 100
#define CALLDATA_SHOWN 64
#define DEFAULT_REPLACE_MS (45 * 1000)
#define ATTEMPTS_MAX 8
#define FEE_TIMES_MAX 2 /* a replacement's fee, at most, in first attempt's */
#define SEEN_TRIES 6

/* What is known of a call on its way. */
struct plan {
    const struct send_call *call;
    bool gas_known;
    uint64_t gas_limit;
    uint64_t nonce;
    bool sent, included, ok;
    struct fee_offer offer;             /* of the newest attempt */
    uint8_t attempts[ATTEMPTS_MAX][32]; /* hashes of what was sent with this nonce */
    size_t n_attempts;
    uint8_t hash[32]; /* of the one that was included, or the newest */
    uint64_t block, gas_used;
    struct u256 paid;
};

struct sending {
    struct ctl *c;
    struct chain *ch;
    const struct seckey *key;
    struct plan plans[SEND_CALLS_MAX];
    size_t n;
    struct fee_market market;
    struct fee_offer offer;
    struct u256 balance;
};

struct send_call *send_add(struct send_calls *calls, const struct address *to, const char *to_name)
{
    assert(calls->n < SEND_CALLS_MAX);
    struct send_call *call = &calls->at[calls->n++];
    *call = (struct send_call){ .to = *to };
    (void)snprintf(call->to_name, sizeof call->to_name, "%s", to_name);
    return call;
}

void send_calls_free(struct send_calls *calls)
{
    for (size_t i = 0; i < calls->n; i++)
        buf_free(&calls->at[i].data);
    calls->n = 0;
}

/* ---- what it will cost ---- */

/* {"from":…,"to":…,"data":…} */
static void put_call_object(struct buf *to, const struct sending *s, const struct send_call *call)
{
    char from[ADDRESS_TEXT_MAX], target[ADDRESS_TEXT_MAX];
    buf_printf(to, "{\"from\":\"%s\",\"to\":\"%s\",\"data\":\"", address_lower(from, &s->key->address),
               address_lower(target, &call->to));
    hex_append0x(to, call->data.data, call->data.len);
    buf_puts(to, "\"}");
}

static void name_of(char out[64], const struct send_call *call)
{
    CLEANUP(buf_free) struct buf text = { 0 };
    signature_text_call(&text, call->data.data, call->data.len);
    (void)snprintf(out, 64, "%.*s", (int)strcspn(buf_cstr(&text), "\n"), buf_cstr(&text));
}

/* Why a call is refused, by name where the error is known; for machines "revert_reason" too. */
static int fail_reverted(struct sending *s, const struct plan *p, const struct refusal *r, const char *how,
                         struct err *e)
{
    CLEANUP(buf_free) struct buf reason = { 0 };
    char name[64];
    name_of(name, p->call);
    if (r->data.len || !*r->message)
        (void)signature_text_error(&reason, r->data.data, r->data.len);
    else
        buf_puts(&reason, r->message);
    out_str(s->c->out, "revert_reason", buf_cstr(&reason));
    out_hide(s->c->out);
    (void)err_set(e, -EREMOTEIO, "%s %s: %s", name, how, buf_cstr(&reason));
    return CTL_REVERTED;
}

static void set_gas(struct plan *p, uint64_t estimate)
{
    unsigned room = p->call->room_percent ? p->call->room_percent : DEFAULT_ROOM_PERCENT;
    p->gas_limit = estimate + estimate / 100 * room + 1000;
    p->gas_known = true;
}

static int estimate(struct sending *s, struct plan *p, struct err *e)
{
    CLEANUP(buf_free) struct buf params = { 0 };
    CLEANUP(refusal_free) struct refusal refusal = { 0 };
    struct json *result;
    struct err why = { 0 };
    uint64_t gas;
    size_t len = 0;
    buf_push(&params, '[');
    put_call_object(&params, s, p->call);
    buf_push(&params, ']');
    int rc = chain_request(&result, &refusal, s->ch, "eth_estimateGas", buf_cstr(&params), &why);
    if (rc == -EREMOTEIO && refusal.is_revert)
        return fail_reverted(s, p, &refusal, "would revert, nothing was sent", e);
    if (rc < 0)
        return err_set(e, rc, "%s", why.msg), rc;
    const char *text = json_str(result, &len);
    rc = text ? hex_decode_u64(&gas, text, len, NULL) : -EPROTO;
    json_free(result);
    if (rc < 0)
        return err_set(e, -EPROTO, "eth_estimateGas: the answer is not a quantity");
    set_gas(p, gas);
    return 0;
}

/* One call's part of eth_simulateV1's answer. */
static int take_simulated(struct sending *s, struct plan *p, const struct json *call, struct err *e)
{
    CLEANUP(refusal_free) struct refusal refusal = { 0 };
    uint64_t gas, status;
    size_t len = 0;
    if (json_req_quantity(&status, call, "status", NULL) < 0 || json_req_quantity(&gas, call, "gasUsed", NULL) < 0)
        return 0;
    if (status == 1) {
        set_gas(p, gas);
        return 0;
    }
    const char *data = json_str(json_get(json_get(call, "error"), "data"), &len);
    if (!data)
        data = json_str(json_get(call, "returnData"), &len);
    if (data)
        (void)hex_decode_data(&refusal.data, data, len, NULL);
    return fail_reverted(s, p, &refusal, "would revert, nothing was sent", e);
}

/* Several calls that build upon each other, tried together where the endpoint can; else only the first's gas is known
 * before it is included. */
static int simulate(struct sending *s, struct err *e)
{
    CLEANUP(buf_free) struct buf params = { 0 };
    struct json *result;
    buf_puts(&params, "[{\"blockStateCalls\":[{\"calls\":[");
    for (size_t i = 0; i < s->n; i++) {
        buf_puts(&params, i ? "," : "");
        put_call_object(&params, s, s->plans[i].call);
    }
    buf_puts(&params, "]}]},\"latest\"]");
    if (chain_request(&result, NULL, s->ch, "eth_simulateV1", buf_cstr(&params), NULL) < 0)
        return estimate(s, &s->plans[0], e);
    const struct json *calls = json_get(json_at(result, 0), "calls");
    int rc = 0;
    for (size_t i = 0; i < s->n && rc == 0; i++)
        rc = take_simulated(s, &s->plans[i], json_at(calls, i), e);
    json_free(result);
    return rc || s->plans[0].gas_known ? rc : estimate(s, &s->plans[0], e);
}

static int read_u256(struct u256 *out, const struct json *object, const char *key)
{
    size_t len = 0;
    const char *text = json_str(json_get(object, key), &len);
    return text ? u256_parse(out, text, len, NULL) : -EPROTO;
}

static int read_market(struct sending *s, struct err *e)
{
    struct json *head;
    int rc = chain_request(&head, NULL, s->ch, "eth_getBlockByNumber", "[\"latest\",false]", e);
    if (rc < 0)
        return rc;
    s->market = (struct fee_market){ .known = true };
    s->market.legacy = read_u256(&s->market.base_fee, head, "baseFeePerGas") < 0;
    json_free(head);
    if (s->market.legacy)
        return chain_u256(&s->market.base_fee, s->ch, "eth_gasPrice", "[]", e);
    s->market.tip_known = chain_u256(&s->market.tip, s->ch, "eth_maxPriorityFeePerGas", "[]", NULL) == 0;
    return 0;
}

static struct u256 gas_cost(uint64_t gas, struct u256 price)
{
    struct u256 cost;
    (void)u256_mul_u64(&cost, price, gas);
    return cost;
}

/* What the calls may cost at most, as far as their gas is known. */
static struct u256 total_max(const struct sending *s)
{
    struct u256 sum = { 0 };
    for (size_t i = 0; i < s->n; i++)
        (void)u256_add(&sum, sum, gas_cost(s->plans[i].gas_limit, s->offer.max_fee));
    return sum;
}

static int check_balance(struct sending *s, struct err *e)
{
    char have[AMOUNT_TEXT_MAX], need[AMOUNT_TEXT_MAX], who[ADDRESS_TEXT_MAX];
    int rc = chain_balance(&s->balance, s->ch, &s->key->address, e);
    if (rc < 0 || u256_cmp(s->balance, total_max(s)) >= 0 || s->c->dry_run)
        return rc;
    return err_set(e, -ENOSPC, "%s has %s ETH, this may cost up to %s ETH: nothing was sent",
                   address_checksum(who, &s->key->address), amount_text(have, s->balance, 18),
                   amount_text(need, total_max(s), 18));
}

static int prepare(struct sending *s, struct err *e)
{
    char params[96], who[ADDRESS_TEXT_MAX];
    uint64_t nonce;
    (void)snprintf(params, sizeof params, "[\"%s\",\"pending\"]", address_lower(who, &s->key->address));
    int rc = chain_u64(&nonce, s->ch, "eth_getTransactionCount", params, e);
    if (rc == 0)
        rc = read_market(s, e);
    if (rc == 0 && fee_first(&s->offer, &s->market) != FEE_OK)
        rc = err_set(e, -EIO, "the chain does not say what gas costs");
    if (rc == 0)
        rc = s->n > 1 ? simulate(s, e) : estimate(s, &s->plans[0], e);
    for (size_t i = 0; i < s->n; i++)
        s->plans[i].nonce = nonce + i;
    return rc ? rc : check_balance(s, e);
}

/* ---- what is shown ---- */

static void out_result(struct out *o, const struct plan *p)
{
    out_hex(o, "hash", p->hash, 32);
    out_str(o, "status", !p->included ? "pending" : p->ok ? "included" : "reverted");
    out_u64(o, "replaced", p->n_attempts - 1);
    if (!p->included)
        return;
    out_u64(o, "block", p->block);
    out_u64(o, "gas_used", p->gas_used);
    out_amount(o, "paid", p->paid, "ETH");
}

/* full: calldata as it is, else its beginning. */
static void out_plan(struct out *o, const struct sending *s, const struct plan *p, bool full)
{
    const struct buf *data = &p->call->data;
    signature_out_call(o, data->data, data->len);
    out_address(o, "from", &s->key->address);
    out_address(o, "to", &p->call->to);
    out_str(o, "to_name", p->call->to_name);
    out_u64(o, "nonce", p->nonce);
    if (full || data->len <= CALLDATA_SHOWN)
        out_hex(o, "data", data->data, data->len);
    else
        out_u64(o, "calldata_bytes", data->len);
    if (!p->gas_known) {
        out_both(o, "gas_limit", "null", "estimated when the one before is included");
        return;
    }
    struct u256 max_fee = p->sent ? p->offer.max_fee : s->offer.max_fee;
    out_u64(o, "gas_limit", p->gas_limit);
    out_amount_of(o, "max_fee_per_gas", max_fee, "gwei", 9);
    out_amount(o, "max_cost", gas_cost(p->gas_limit, max_fee), "ETH");
}

static void put_preview(struct buf *to, const struct sending *s)
{
    for (size_t i = 0; i < s->n; i++) {
        struct out *o = out_new();
        out_plan(o, s, &s->plans[i], s->c->dry_run);
        if (i)
            buf_puts(to, "\n");
        out_write_text(to, o);
        out_free(o);
    }
}

/* The document's part: everything for machines; for people what was not shown before. */
static void out_sending(const struct sending *s)
{
    CLEANUP(buf_free) struct buf preview = { 0 };
    struct out *o = s->c->out;
    out_bool(o, "dry_run", s->c->dry_run);
    out_hide(o);
    out_array(o, "transactions");
    for (size_t i = 0; i < s->n; i++) {
        out_object(o, NULL);
        out_plan(o, s, &s->plans[i], true);
        if (s->plans[i].sent)
            out_result(o, &s->plans[i]);
        out_end(o);
    }
    out_end(o);
    out_hide(o);
    if (!s->c->dry_run)
        return;
    put_preview(&preview, s);
    buf_puts(&preview, "\nDry run: nothing was sent.");
    out_text(o, buf_cstr(&preview));
}

/* After how long a transaction is replaced; 0 = never. */
static uint64_t replace_ms(const struct sending *s)
{
    uint64_t ms = DEFAULT_REPLACE_MS;
    (void)args_ms(&ms, &s->c->args, "--replace-after");
    return ms;
}

static int confirm(struct sending *s, struct err *e)
{
    CLEANUP(buf_free) struct buf preview = { 0 };
    char question[320], cost[AMOUNT_TEXT_MAX], most[AMOUNT_TEXT_MAX];
    struct u256 replaced;
    if (!s->c->quiet && !(s->c->json && s->c->yes)) {
        put_preview(&preview, s);
        (void)fprintf(stderr, "%s\n", buf_cstr(&preview));
    }
    (void)u256_mul_u64(&replaced, total_max(s), replace_ms(s) ? FEE_TIMES_MAX : 1);
    (void)snprintf(question, sizeof question, "Send %s on chain %llu for at most %s ETH%s%s%s",
                   s->n > 1 ? "these transactions" : "this transaction", (unsigned long long)chain_id(s->ch),
                   amount_text(cost, total_max(s), 18), replace_ms(s) ? ", or " : "",
                   replace_ms(s) ? amount_text(most, replaced, 18) : "",
                   replace_ms(s) ? " ETH where a higher fee has to replace it" : "");
    return ctl_confirm(s->c, question, e);
}

/* ---- sending ---- */

static void sign(struct buf *raw, const struct sending *s, struct plan *p)
{
    struct tx t = {
        .chain_id = chain_id(s->ch),
        .nonce = p->nonce,
        .max_priority_fee_wei = p->offer.tip,
        .max_fee_wei = p->offer.max_fee,
        .gas_limit = p->gas_limit,
        .to = p->call->to,
        .data = p->call->data.data,
        .data_len = p->call->data.len,
        .legacy = s->market.legacy,
    };
    tx_sign(raw, p->hash, &t, s->key);
}

/* Signs p as it is offered now and hands it to the endpoint. Returns 0 where it may be on its way, which it may also be
 * when the endpoint is gone: the receipt tells. */
static int post(struct sending *s, struct plan *p, struct refusal *refusal, struct err *e)
{
    CLEANUP(buf_free) struct buf raw = { 0 };
    CLEANUP(buf_free) struct buf params = { 0 };
    struct json *result;
    sign(&raw, s, p);
    buf_puts(&params, "[\"");
    hex_append0x(&params, raw.data, raw.len);
    buf_puts(&params, "\"]");
    int rc = chain_request(&result, refusal, s->ch, "eth_sendRawTransaction", buf_cstr(&params), e);
    json_free(result);
    bool known = rc == -EREMOTEIO && tx_error_classify(refusal->message) == TX_ERR_ALREADY_KNOWN;
    if (rc < 0 && rc != -EIO && !known)
        return rc;
    memcpy(p->attempts[p->n_attempts++], p->hash, 32);
    p->sent = true;
    return 0;
}

/* The receipt of whichever attempt was included. */
static bool find_receipt(struct json **receipt, struct sending *s, struct plan *p)
{
    char params[80], hash[65];
    for (size_t i = p->n_attempts; i-- > 0;) {
        (void)snprintf(params, sizeof params, "[\"0x%s\"]", hex_encode(hash, p->attempts[i], 32));
        int rc = chain_request(receipt, NULL, s->ch, "eth_getTransactionReceipt", params, NULL);
        if (rc == 0 && json_kind(*receipt) == JSON_KIND_OBJECT) {
            memcpy(p->hash, p->attempts[i], 32);
            return true;
        }
        json_free(*receipt);
        *receipt = NULL;
    }
    return false;
}

/* The nonce is used up: by this very transaction, where an endpoint took it without saying so and another was asked? */
static bool was_included(struct sending *s, struct plan *p)
{
    struct json *receipt = NULL;
    memcpy(p->attempts[p->n_attempts++], p->hash, 32);
    for (int i = 0; i < SEEN_TRIES && !p->sent; i++) {
        if (i > 0)
            io_sleep(s->c->io, POLL_MS);
        p->sent = find_receipt(&receipt, s, p);
        json_free(receipt);
    }
    p->n_attempts = p->sent ? 1 : 0;
    return p->sent;
}

static int send_raw(struct sending *s, struct plan *p, struct err *e)
{
    CLEANUP(refusal_free) struct refusal refusal = { 0 };
    struct err why = { 0 };
    p->offer = s->offer;
    int rc = post(s, p, &refusal, &why);
    enum tx_error error = tx_error_classify(refusal.message);
    if (rc == 0 || (error == TX_ERR_NONCE_LOW && was_included(s, p)))
        return 0;
    if (rc == -EREMOTEIO && error == TX_ERR_REVERTED)
        return fail_reverted(s, p, &refusal, "was refused by the endpoint", e);
    if (error == TX_ERR_NONCE_LOW || error == TX_ERR_REPLACE_UNDERPRICED)
        return err_set(e, rc, "the account sent another transaction meanwhile, run this again (%s)", why.msg), rc;
    return err_set(e, rc, "%s", why.msg), rc;
}

/* Sends p again with a higher fee, as far as was agreed to. What the endpoint does not take changes nothing. */
static void replace(struct sending *s, struct plan *p)
{
    CLEANUP(refusal_free) struct refusal refusal = { 0 };
    struct plan higher = *p;
    struct fee_market now = s->market;
    if (p->n_attempts == ATTEMPTS_MAX || read_market(s, NULL) < 0 || s->market.legacy != now.legacy) {
        s->market = now;
        return;
    }
    (void)u256_mul_u64(&s->market.cap, s->offer.max_fee, FEE_TIMES_MAX);
    if (fee_replacement(&higher.offer, &p->offer, &s->market) == FEE_OK && post(s, &higher, &refusal, NULL) == 0) {
        *p = higher;
        ctl_progress(s->c, NULL);
        out_note(s->c->out, "not included so far: sent again with a higher fee");
    }
}

static int take_receipt(struct plan *p, const struct json *receipt, struct err *e)
{
    uint64_t status;
    struct u256 price = p->offer.max_fee;
    int rc = json_req_quantity(&p->block, receipt, "blockNumber", e);
    if (rc == 0)
        rc = json_req_quantity(&p->gas_used, receipt, "gasUsed", e);
    if (rc == 0)
        rc = json_req_quantity(&status, receipt, "status", e);
    if (rc < 0)
        return err_wrap(e, "eth_getTransactionReceipt");
    (void)read_u256(&price, receipt, "effectiveGasPrice");
    p->paid = gas_cost(p->gas_used, price);
    p->included = true;
    p->ok = status == 1;
    return 0;
}

static int wait_receipt(struct json **receipt, struct sending *s, struct plan *p, struct err *e)
{
    char hash[65];
    uint64_t timeout_ms = DEFAULT_TIMEOUT_MS, pause_ms = POLL_FIRST_MS, after_ms = replace_ms(s);
    (void)args_ms(&timeout_ms, &s->c->args, "--send-timeout");
    uint64_t sent_ms = clock_mono_ms(), until_ms = sent_ms + timeout_ms;
    for (;;) {
        if (find_receipt(receipt, s, p))
            return take_receipt(p, *receipt, e);
        (void)hex_encode(hash, p->hash, 32);
        if (clock_mono_ms() >= until_ms)
            return err_set(e, -ETIMEDOUT, "transaction 0x%s is not included after %llu s: it may still be", hash,
                           (unsigned long long)timeout_ms / 1000);
        if (after_ms && clock_mono_ms() - sent_ms >= after_ms) {
            replace(s, p);
            sent_ms = clock_mono_ms();
        }
        ctl_progress(s->c, "transaction 0x%s: waiting to be included", hash);
        io_sleep(s->c->io, pause_ms);
        pause_ms = pause_ms < POLL_MS ? pause_ms * 2 : POLL_MS;
    }
}

/* The same call again, in the state of its block: it tells why. */
static int fail_included(struct sending *s, const struct plan *p, struct err *e)
{
    CLEANUP(buf_free) struct buf params = { 0 };
    CLEANUP(refusal_free) struct refusal refusal = { 0 };
    struct json *result;
    buf_push(&params, '[');
    put_call_object(&params, s, p->call);
    buf_printf(&params, ",\"0x%llx\"]", (unsigned long long)p->block);
    (void)chain_request(&result, &refusal, s->ch, "eth_call", buf_cstr(&params), NULL);
    json_free(result);
    if (gas_was_short(p->gas_used, p->gas_limit) && refusal.data.len == 0)
        (void)snprintf(refusal.message, sizeof refusal.message, "out of gas");
    return fail_reverted(s, p, &refusal, "was included and reverted", e);
}

static int send_one(struct json **receipt, struct sending *s, struct plan *p, struct err *e)
{
    int rc = p->gas_known ? 0 : estimate(s, p, e);
    if (rc == 0)
        rc = send_raw(s, p, e);
    if (rc == 0)
        rc = wait_receipt(receipt, s, p, e);
    if (rc == 0 && !p->ok)
        rc = fail_included(s, p, e);
    if (rc == 0) {
        char name[64], hash[65], cost[AMOUNT_TEXT_MAX];
        name_of(name, p->call);
        out_note(s->c->out, "%s: included in block %llu, %s ETH, transaction 0x%s", name, (unsigned long long)p->block,
                 amount_text(cost, p->paid, 18), hex_encode(hash, p->hash, 32));
    }
    return rc;
}

static int send_in_order(struct json **receipt, struct sending *s, struct err *e)
{
    int rc = 0;
    for (size_t i = 0; i < s->n && rc == 0; i++) {
        json_free(*receipt);
        *receipt = NULL;
        rc = send_one(receipt, s, &s->plans[i], e);
    }
    return rc;
}

int send_all(struct json **receipt, struct ctl *c, const struct seckey *key, const struct send_calls *calls,
             struct err *e)
{
    struct sending s = { .c = c, .key = key, .n = calls->n };
    struct json *last = NULL;
    if (receipt)
        *receipt = NULL;
    if (!(s.ch = ctl_chain(c, e)))
        return e->code;
    for (size_t i = 0; i < s.n; i++)
        s.plans[i].call = &calls->at[i];
    int rc = prepare(&s, e);
    if (rc)
        return rc;
    rc = c->dry_run ? 0 : confirm(&s, e);
    if (rc == 0 && !c->dry_run)
        rc = send_in_order(&last, &s, e);
    out_sending(&s);
    if (receipt && rc == 0)
        *receipt = last;
    else
        json_free(last);
    return rc;
}
