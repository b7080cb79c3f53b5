/* The code store against a real chain: both calls, what is refused, a hash that appears late, the cache and its bound.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "chain/anvil.h"
#include "eth/abi.h"
#include "eth/tx.h"
#include "job/code_store.h"
#include "net/loop.h"
#include "net/server.h"
#include "util/clock.h"
#include "util/hex.h"
#include "util/log.h"

#define CONTRACT "0x00000000000000000000000000000000c0de0001"
#define OTHER "0x00000000000000000000000000000000c0de0002"
#define WAIT_MS 20000
#define SECOND_US 1000000u

static const uint8_t SAVE[4] = { 0xff, 0x7c, 0xda, 0xf3 };
static const uint8_t SAVE_WITH_METADATA[4] = { 0x1a, 0xe5, 0x3f, 0xea };

struct fixture {
    uv_loop_t loop;
    struct anvil *anvil;
    struct rpc *rpc;
    struct code_store *store;
};

struct answer {
    int done;
    enum code_status status;
    struct code *code;
};

static void on_code(void *arg, enum code_status status, struct code *code, const char *reason)
{
    struct answer *a = arg;
    assert_non_null(reason);
    assert_int_equal(code != NULL, status == CODE_FOUND);
    a->done++;
    a->status = status;
    a->code = code ? code_keep(code) : NULL;
}

static void open_loop(struct fixture *f)
{
    log_init(LOG_FORMAT_LOGFMT, LOG_ERROR);
    f->anvil = anvil_start(NULL);
    assert_int_equal(uv_loop_init(&f->loop), 0);
}

/* second: an endpoint beside the chain's, or NULL. */
static void open_parts(struct fixture *f, size_t cache_bytes, const char *second)
{
    struct err e = { 0 };
    struct address contract;
    const char *http[2] = { anvil_http_url(f->anvil), second }, *ws = anvil_ws_url(f->anvil);
    struct rpc_config config = { http, second ? 2 : 1, &ws, 1, ANVIL_CHAIN_ID, 10000, 10000 };
    f->rpc = rpc_new(&f->loop, &config, &e);
    assert_non_null(f->rpc);
    assert_int_equal(address_parse(&contract, CONTRACT, 42, &e), 0);
    f->store = code_store_new(&f->loop, f->rpc, &contract, cache_bytes);
}

static void open_store(struct fixture *f, size_t cache_bytes)
{
    open_loop(f);
    open_parts(f, cache_bytes, NULL);
}

static void close_store(struct fixture *f)
{
    code_store_free(f->store);
    rpc_free(f->rpc);
    assert_true(loop_finish(&f->loop));
    anvil_stop(f->anvil);
}

static void call_data(struct buf *hex, const uint8_t selector[4], const char *code, size_t cut)
{
    struct buf call = { 0 };
    struct abi_encoder enc;
    abi_begin(&enc, &call, selector, selector == SAVE ? 1 : 2);
    abi_put_bytes(&enc, code, strlen(code));
    if (selector != SAVE)
        abi_put_bytes(&enc, "meta", 4);
    abi_end(&enc);
    hex_append0x(hex, call.data, call.len - cut);
    buf_free(&call);
}

static void send_code(const struct fixture *f, uint8_t hash[32], const char *to, const char *hex)
{
    struct json *r = anvil_rpc(f->anvil, "eth_sendTransaction", "[{\"from\":\"%s\",\"to\":\"%s\",\"data\":\"%s\"}]",
                               ANVIL_ADDRESS_0, to, hex);
    size_t len;
    const char *text = json_str(r, &len);
    assert_int_equal(hex_decode_exact(hash, 32, text, len, NULL), 0);
    json_free(r);
}

static void save(const struct fixture *f, uint8_t hash[32], const uint8_t selector[4], const char *code)
{
    struct buf hex = { 0 };
    call_data(&hex, selector, code, 0);
    send_code(f, hash, CONTRACT, buf_cstr(&hex));
    buf_free(&hex);
}

static enum code_status fetch(struct fixture *f, const uint8_t hash[32], uint64_t for_us, struct answer *a)
{
    *a = (struct answer){ 0 };
    assert_non_null(code_store_get(f->store, hash, clock_mono_us() + for_us, on_code, a));
    assert_int_equal(a->done, 0);
    assert_true(loop_until(&f->loop, &a->done, WAIT_MS));
    return a->status;
}

static void both_calls_are_decoded_and_cached(void **state)
{
    (void)state;
    struct fixture f;
    struct answer a;
    uint8_t one[32], two[32];
    open_store(&f, 1000);
    save(&f, one, SAVE, "export default 1");
    save(&f, two, SAVE_WITH_METADATA, "export default 2");
    assert_null(code_store_cached(f.store, one));
    assert_int_equal(fetch(&f, one, 5 * SECOND_US, &a), CODE_FOUND);
    assert_int_equal(a.code->len, 16);
    assert_memory_equal(a.code->bytes, "export default 1", 16);
    code_drop(a.code);
    assert_int_equal(fetch(&f, two, 5 * SECOND_US, &a), CODE_FOUND);
    assert_memory_equal(a.code->bytes, "export default 2", 16);
    code_drop(a.code);
    assert_non_null(code_store_cached(f.store, one));
    assert_int_equal(code_store_bytes(f.store), 32);
    close_store(&f);
}

static void what_is_not_code_is_told_apart(void **state)
{
    (void)state;
    struct fixture f;
    struct answer a;
    struct buf hex = { 0 };
    uint8_t hash[32];
    open_store(&f, 1000);
    call_data(&hex, SAVE, "export default 1", 0);
    send_code(&f, hash, OTHER, buf_cstr(&hex));
    assert_int_equal(fetch(&f, hash, 5 * SECOND_US, &a), CODE_NO_TRANSACTION);
    buf_reset(&hex);
    call_data(&hex, SAVE, "export default 1", 40); /* the string is cut off */
    send_code(&f, hash, CONTRACT, buf_cstr(&hex));
    assert_int_equal(fetch(&f, hash, 5 * SECOND_US, &a), CODE_BAD_CALLDATA);
    send_code(&f, hash, CONTRACT, "0x");
    assert_int_equal(fetch(&f, hash, 5 * SECOND_US, &a), CODE_BAD_CALLDATA);
    assert_int_equal(code_store_count(f.store), 0);
    buf_free(&hex);
    close_store(&f);
}

static void an_unknown_hash_is_asked_for_until_the_deadline(void **state)
{
    (void)state;
    struct fixture f;
    struct answer a;
    uint8_t hash[32] = { 1, 2, 3 };
    open_store(&f, 1000);
    uint64_t start = clock_mono_us();
    assert_int_equal(fetch(&f, hash, SECOND_US, &a), CODE_NO_TRANSACTION);
    assert_true(clock_mono_us() - start >= SECOND_US);
    close_store(&f);
}

/* Signs a transaction that saves code and is not sent yet: its hash, and the hex text to send. */
static void prepare_code(uint8_t hash[32], struct buf *raw_hex, const char *code)
{
    struct buf hex = { 0 }, raw = { 0 }, data = { 0 };
    struct seckey key;
    uint8_t secret[32];
    assert_int_equal(hex_decode_exact(secret, 32, ANVIL_KEY_0, 64, NULL), 0);
    assert_int_equal(seckey_init(&key, secret, NULL), 0);
    struct tx t = { .chain_id = ANVIL_CHAIN_ID,
                    .max_fee_wei = u256_from_u64(10000000000u),
                    .max_priority_fee_wei = u256_from_u64(1),
                    .gas_limit = 200000 };
    assert_int_equal(address_parse(&t.to, CONTRACT, 42, NULL), 0);
    call_data(&hex, SAVE, code, 0);
    assert_int_equal(hex_decode_data(&data, buf_cstr(&hex), hex.len, NULL), 0);
    t.data = data.data;
    t.data_len = data.len;
    tx_sign(&raw, hash, &t, &key);
    hex_append0x(raw_hex, raw.data, raw.len);
    buf_free(&hex);
    buf_free(&raw);
    buf_free(&data);
}

/* The code is asked for, and comes to the chain for_ms later. It must be found within_ms. */
static void come_late(struct fixture *f, uint64_t for_ms, uint64_t within_ms)
{
    struct answer a = { 0 };
    struct buf raw_hex = { 0 };
    uint8_t hash[32];
    prepare_code(hash, &raw_hex, "late");
    (void)code_store_get(f->store, hash, clock_mono_us() + within_ms * 1000, on_code, &a);
    loop_for(&f->loop, for_ms);
    assert_int_equal(a.done, 0);
    anvil_do(f->anvil, "eth_sendRawTransaction", "[\"%s\"]", buf_cstr(&raw_hex));
    assert_true(loop_until(&f->loop, &a.done, WAIT_MS));
    assert_int_equal(a.status, CODE_FOUND);
    assert_memory_equal(a.code->bytes, "late", 4);
    code_drop(a.code);
    buf_free(&raw_hex);
}

/* The endpoint lags: it says null first, and knows the transaction a moment later. */
static void a_late_transaction_is_found(void **state)
{
    (void)state;
    struct fixture f;
    open_store(&f, 1000);
    come_late(&f, 300, 20000);
    close_store(&f);
}

/* An endpoint that tells its chain and its head, and then nothing more. */
static void serve_mutely(void *arg, struct peer *p, bool eof)
{
    const char *head, *body;
    size_t len;
    (void)arg;
    (void)eof;
    while (peer_http_request(p, &head, &body, &len)) {
        struct json *call = json_parse(body, len, NULL);
        const char *method = json_str(json_get(call, "method"), NULL);
        uint64_t id = 0;
        char answer[100];
        (void)json_u64(json_get(call, "id"), &id);
        (void)snprintf(answer, sizeof answer, "{\"jsonrpc\":\"2.0\",\"id\":%llu,\"result\":\"0x%x\"}",
                       (unsigned long long)id, strcmp(method, "eth_chainId") == 0 ? ANVIL_CHAIN_ID : 1);
        if (strcmp(method, "eth_chainId") == 0 || strcmp(method, "eth_blockNumber") == 0)
            peer_http_answer(p, 200, "", answer);
        json_free(call);
    }
}

/* The first to answer says null, the other nothing: the first is asked again while there is time. */
static void a_mute_endpoint_does_not_hold_up_the_others(void **state)
{
    (void)state;
    struct fixture f;
    open_loop(&f);
    struct server *mute = server_start(&f.loop, serve_mutely, NULL);
    open_parts(&f, 1000, server_url(mute, "http"));
    loop_for(&f.loop, 200); /* both are known to be of the chain */
    come_late(&f, 300, 5000);
    server_stop(mute);
    close_store(&f);
}

static void silence_of_the_chain_is_not_an_error_of_the_job(void **state)
{
    (void)state;
    struct fixture f;
    struct answer a;
    uint8_t hash[32] = { 9 };
    open_store(&f, 1000);
    loop_for(&f.loop, 200);
    anvil_pause(f.anvil);
    assert_int_equal(fetch(&f, hash, SECOND_US, &a), CODE_UNKNOWN);
    anvil_resume(f.anvil);
    close_store(&f);
}

static void the_least_recently_used_goes_first(void **state)
{
    (void)state;
    struct fixture f;
    struct answer a;
    uint8_t hash[3][32];
    static const char *const codes[3] = { "aaaaaaaaaa", "bbbbbbbbbb", "cccccccccc" };
    open_store(&f, 25); /* two of them */
    for (int i = 0; i < 3; i++)
        save(&f, hash[i], SAVE, codes[i]);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(fetch(&f, hash[i], 5 * SECOND_US, &a), CODE_FOUND);
        code_drop(a.code);
        if (i == 1)
            assert_non_null(code_store_cached(f.store, hash[0])); /* used again: the second is older now */
    }
    assert_non_null(code_store_cached(f.store, hash[0]));
    assert_null(code_store_cached(f.store, hash[1]));
    assert_non_null(code_store_cached(f.store, hash[2]));
    assert_int_equal(code_store_bytes(f.store), 20);
    close_store(&f);
}

static void waiters_share_a_fetch_and_may_leave(void **state)
{
    (void)state;
    struct fixture f;
    struct answer a[3] = { { 0 } };
    uint8_t hash[32];
    open_store(&f, 1000);
    save(&f, hash, SAVE, "shared");
    struct code_request *r[3];
    for (int i = 0; i < 3; i++)
        r[i] = code_store_get(f.store, hash, clock_mono_us() + 5 * SECOND_US, on_code, &a[i]);
    code_request_cancel(r[1]);
    assert_true(loop_until(&f.loop, &a[0].done, WAIT_MS));
    assert_int_equal(a[2].done, 1);
    assert_int_equal(a[1].done, 0);
    assert_ptr_equal(a[0].code, a[2].code);
    code_drop(a[0].code);
    code_drop(a[2].code);
    hash[0] ^= 1;
    (void)code_store_get(f.store, hash, clock_mono_us() + 5 * SECOND_US, on_code, &a[1]); /* left open at the end */
    close_store(&f);
    assert_int_equal(a[1].done, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(both_calls_are_decoded_and_cached),
        cmocka_unit_test(what_is_not_code_is_told_apart),
        cmocka_unit_test(an_unknown_hash_is_asked_for_until_the_deadline),
        cmocka_unit_test(a_late_transaction_is_found),
        cmocka_unit_test(a_mute_endpoint_does_not_hold_up_the_others),
        cmocka_unit_test(silence_of_the_chain_is_not_an_error_of_the_job),
        cmocka_unit_test(the_least_recently_used_goes_first),
        cmocka_unit_test(waiters_share_a_fetch_and_may_leave),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
