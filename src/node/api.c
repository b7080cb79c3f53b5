/* What the owner asks of the node over HTTP, and what an earlier life was told. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "api/owner_auth.h"
#include "enclave/vsock.h"
#include "eth/ecies.h"
#include "eth/eip712.h"
#include "ledger/gas_key.h"
#include "node/internal.h"
#include "util/cleanup.h"
#include "util/clock.h"
#include "util/hex.h"
#include "util/log.h"

#define VSOCK_BACKLOG 128
#define RESTORE_AGAIN_MS 1000
/* A gas key that comes before the chain has told what it is waits so long. */
#define CHAIN_WAIT_MS 3000

static void op_identity(void *arg, struct api_identity *out)
{
    const struct node *n = arg;
    out->enclave_address = n->enclave_key->address;
    memcpy(out->enclave_pubkey, n->enclave_key->pubkey, sizeof out->enclave_pubkey);
    out->has_owner = n->has_owner;
    out->owner = n->owner;
    out->has_gas_key = n->has_gas_key;
    out->gas_address = n->gas_address;
    out->owner_signs = n->config->owner_configures;
}

static int op_open_gas_key(void *arg, struct seckey *out, const uint8_t *sealed, size_t len, struct err *e)
{
    const struct node *n = arg;
    uint8_t secret[32] = { 0 };
    if (len != sizeof secret + ECIES_OVERHEAD_BYTES)
        return err_set(e, -EINVAL, "expected %zu bytes, found %zu", sizeof secret + ECIES_OVERHEAD_BYTES, len);
    int rc = ecies_open(secret, n->enclave_key, ECIES_GAS_KEY, sealed, len, e);
    if (rc == 0)
        rc = seckey_init(out, secret, e);
    explicit_bzero(secret, sizeof secret);
    return rc;
}

static int op_accept_word(void *arg, const struct api_gas_key_word *word, struct err *e)
{
    struct node *n = arg;
    struct owner_auth auth = { .owner = n->owner,
                               .enclave = n->enclave_key->address,
                               .gas_address = word->gas_address,
                               .sign_timestamp_s = word->sign_timestamp_s,
                               .signature = word->signature,
                               .now_s = chain_clock_now_ms(&n->clock, clock_mono_ms(), clock_wall_ms()) / 1000,
                               .last_s = n->word_s };
    int rc = owner_auth_check(&auth, e);
    if (rc < 0) {
        log_warn("gas_key_without_owner", F_ERR(e));
        return rc;
    }
    n->word_s = word->sign_timestamp_s;
    ledger_put_setting(n->ledger, LEDGER_CONFIG_SIGNED, &n->word_s, sizeof n->word_s);
    return 0;
}

static void op_set_owner(void *arg, const struct address *owner)
{
    struct node *n = arg;
    n->owner = *owner;
    n->has_owner = true;
    ledger_put_setting(n->ledger, LEDGER_OWNER, owner->b, sizeof owner->b);
    node_follow(n);
}

static void restore_gas_key(uv_timer_t *timer);

/* The attempt may have cut short the restoring of the key that is kept: without any, that goes on. */
static void nonce_finish(struct node *n, const char *error)
{
    api_gas_key_done_fn *done = n->nonce_done;
    seckey_wipe(&n->new_gas_key);
    n->nonce_done = NULL;
    done(n->nonce_done_arg, error);
    if (!n->has_gas_key && !n->nonce_done && !n->stopping)
        uv_timer_start(n->restore_timer, restore_gas_key, RESTORE_AGAIN_MS, 0);
}

static void on_nonce(void *arg, const struct json *result, const struct rpc_error *error)
{
    struct node *n = arg;
    struct err e = { 0 };
    uint64_t nonce;
    size_t len;
    const char *text = json_str(result, &len);
    n->nonce_call = NULL;
    if (error->kind != RPC_ERR_NONE)
        (void)err_set(&e, -EIO, "%s", error->message);
    else if (!text)
        (void)err_set(&e, -EPROTO, "expected a string, found %s", json_kind_name(result));
    else
        (void)hex_decode_u64(&nonce, text, len, &e);
    if (e.code) {
        nonce_finish(n, e.msg);
        return;
    }
    tx_queue_set_key(n->tx, &n->new_gas_key, nonce);
    gas_key_save(n->ledger, n->enclave_key, n->config->persist_gas_key ? &n->new_gas_key : NULL);
    n->gas_address = n->new_gas_key.address;
    n->has_gas_key = true;
    nonce_finish(n, NULL);
    node_follow(n);
}

static void ask_nonce(struct node *n)
{
    char params[80], address[ADDRESS_TEXT_MAX];
    (void)snprintf(params, sizeof params, "[\"%s\",\"pending\"]", address_lower(address, &n->new_gas_key.address));
    n->nonce_call = rpc_request(n->rpc, "eth_getTransactionCount", params, 0, on_nonce, n);
}

static void on_chain_still_unknown(uv_timer_t *timer)
{
    nonce_finish(timer->data, "no endpoint has answered yet");
}

/* The answer to a gas key tells the owner that the node can be registered: not before the chain is known. */
static void op_set_gas_key(void *arg, const struct seckey *key, api_gas_key_done_fn *done, void *done_arg)
{
    struct node *n = arg;
    rpc_cancel(n->nonce_call); /* of a key being restored: this one is newer */
    n->nonce_call = NULL;
    uv_timer_stop(n->restore_timer);
    n->new_gas_key = *key;
    n->nonce_done = done;
    n->nonce_done_arg = done_arg;
    if (n->generation)
        ask_nonce(n);
    else
        uv_timer_start(n->restore_timer, on_chain_still_unknown, CHAIN_WAIT_MS, 0);
}

static void op_cancel_gas_key(void *arg)
{
    struct node *n = arg;
    rpc_cancel(n->nonce_call);
    n->nonce_call = NULL;
    uv_timer_stop(n->restore_timer);
    n->nonce_done = NULL;
    seckey_wipe(&n->new_gas_key);
}

static int op_sign_registration(void *arg, struct api_registration *out, struct err *e)
{
    struct node *n = arg;
    uint8_t digest[32];
    if (!n->generation)
        return err_set(e, -EAGAIN, "the chain has not answered yet which generation its contracts are of");
    out->job_capacity = n->config->capacity;
    out->env = n->generation == GENERATION_2 ? node_environment(n->config) : -1;
    out->sign_timestamp_s = chain_clock_now_ms(&n->clock, clock_mono_ms(), clock_wall_ms()) / 1000;
    eip712_register(digest, &n->owner, out->job_capacity, out->env, out->sign_timestamp_s);
    seckey_sign(&out->signature, n->enclave_key, digest);
    log_info("registration_signed", F_U64("sign_timestamp", out->sign_timestamp_s));
    return 0;
}

static int listen_on_vsock(struct node *n, struct err *e)
{
    struct vsock_addr addr;
    if (!n->config->vsock_addr)
        return 0;
    if (vsock_parse(&addr, n->config->vsock_addr, e) < 0)
        return e->code;
    int fd = vsock_listen(&addr, VSOCK_BACKLOG, e);
    if (fd < 0 || api_listen(n->api, fd, e) < 0)
        return err_wrap(e, "vsock_addr");
    log_info("api_on_vsock", F_STR("address", n->config->vsock_addr));
    return 0;
}

int node_open_api(struct node *n, struct err *e)
{
    static const struct api_ops ops = { .identity = op_identity,
                                        .set_owner = op_set_owner,
                                        .open_gas_key = op_open_gas_key,
                                        .accept_word = op_accept_word,
                                        .set_gas_key = op_set_gas_key,
                                        .cancel_gas_key = op_cancel_gas_key,
                                        .sign_registration = op_sign_registration,
                                        .attest = node_attest,
                                        .cancel_attest = node_cancel_attest };
    n->api = api_new(n->loop, n->config->api_addr, (uint16_t)n->config->port, &ops, n, e);
    if (!n->api)
        return e->code;
    api_set_rate_limit(n->api, n->config->api_rate_limit, n->config->api_rate_limit_total);
    return listen_on_vsock(n, e);
}

void node_api_chain_known(struct node *n)
{
    if (!n->nonce_done || n->nonce_call)
        return;
    uv_timer_stop(n->restore_timer);
    ask_nonce(n);
}

/* ---- what an earlier life was told ---- */

/* nonce_finish tries again. */
static void on_gas_key_restored(void *arg, const char *error)
{
    (void)arg;
    if (error)
        log_warn("gas_key_not_restored_yet", F_STR("error", error));
}

static void restore_gas_key(uv_timer_t *timer)
{
    struct node *n = timer->data;
    CLEANUP(seckey_wipe) struct seckey key = { 0 };
    struct err e = { 0 };
    if (!n->config->persist_gas_key)
        return;
    if (gas_key_load(&key, n->ledger, n->enclave_key, &e) == 0)
        op_set_gas_key(n, &key, on_gas_key_restored, n);
    else if (e.code != -ENOENT)
        log_error("gas_key_not_restored", F_ERR(&e));
}

/* The owner that the configuration names. One that was set before stays: it is set once. */
static int take_configured_owner(struct node *n, struct err *e)
{
    const struct address *owner = &n->config->owner;
    char found[ADDRESS_TEXT_MAX], expected[ADDRESS_TEXT_MAX];
    if (address_is_zero(owner))
        return 0;
    if (n->has_owner && !address_eq(&n->owner, owner))
        return err_set(e, -EINVAL, "key owner: found %s, but this node was configured before by its owner %s",
                       address_checksum(found, owner), address_checksum(expected, &n->owner));
    if (!n->has_owner)
        ledger_put_setting(n->ledger, LEDGER_OWNER, owner->b, sizeof owner->b);
    n->owner = *owner;
    n->has_owner = true;
    return 0;
}

int node_restore_settings(struct node *n, struct err *e)
{
    n->has_owner = ledger_get_setting(n->ledger, LEDGER_OWNER, n->owner.b, sizeof n->owner.b) == sizeof n->owner.b;
    if (ledger_get_setting(n->ledger, LEDGER_CURSOR, &n->cursor, sizeof n->cursor) != sizeof n->cursor)
        n->cursor = 0;
    if (ledger_get_setting(n->ledger, LEDGER_CONFIG_SIGNED, &n->word_s, sizeof n->word_s) != sizeof n->word_s)
        n->word_s = 0;
    if (take_configured_owner(n, e) < 0)
        return -EINVAL;
    if (n->has_owner)
        restore_gas_key(n->restore_timer);
    return 0;
}
