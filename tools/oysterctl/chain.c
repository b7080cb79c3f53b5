#include "chain.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ctl.h"
#include "eth/abi.h"
#include "io.h"
#include "net/rpc.h"
#include "util/cleanup.h"
#include "util/hex.h"

#define REQUEST_TIMEOUT_MS 20000
#define REVERT_DATA_MAX 65536

struct chain {
    struct io *io;
    struct rpc *rpc;
    uint64_t id;
    enum generation generation; /* 0 = not asked yet */
};

/* ---- opening ---- */

static int find_id(uint64_t *out, struct ctl *c, struct err *e)
{
    const struct config *config;
    if (args_u64(out, &c->args, "--chain-id"))
        return 0;
    if (ctl_config(&config, c, e) < 0)
        return e->code;
    if (!config)
        return err_set(e, -CTL_EUSAGE, "which chain? Give --chain-id N and --rpc-url URL, or --config-file FILE");
    *out = config->common_chain_id;
    return 0;
}

static int find_urls(const char *const **out, size_t *n, const char **one, struct ctl *c, struct err *e)
{
    const struct config *config;
    *one = args_get(&c->args, "--rpc-url");
    *out = one;
    *n = 1;
    if (*one)
        return 0;
    if (ctl_config(&config, c, e) < 0)
        return e->code;
    if (!config)
        return err_set(e, -CTL_EUSAGE, "which endpoint? Give --rpc-url URL, or --config-file FILE");
    *out = (const char *const *)config->http_rpc_urls;
    *n = config->n_http_rpc_urls;
    return 0;
}

struct chain *ctl_chain(struct ctl *c, struct err *e)
{
    struct rpc_config config = { .timeout_ms = REQUEST_TIMEOUT_MS, .silence_ms = 30000 };
    const char *one;
    if (c->chain)
        return c->chain;
    if (find_id(&config.chain_id, c, e) < 0 || find_urls(&config.http_urls, &config.n_http, &one, c, e) < 0)
        return NULL;
    struct io *io = ctl_io(c);
    struct rpc *rpc = rpc_new(io_loop(io), &config, e);
    if (!rpc)
        return NULL;
    c->chain = xcalloc(1, sizeof *c->chain);
    *c->chain = (struct chain){ .io = io, .rpc = rpc, .id = config.chain_id };
    return c->chain;
}

void chain_free(struct chain *ch)
{
    if (!ch)
        return;
    rpc_free(ch->rpc);
    free(ch);
}

uint64_t chain_id(const struct chain *ch)
{
    return ch->id;
}

/* ---- requests ---- */

struct reply {
    bool done;
    struct json *result;
    struct refusal *refusal;
    const char *method;
    struct err *e;
};

void refusal_free(struct refusal *r)
{
    buf_free(&r->data);
}

/* Endpoints put revert data straight into the error's data, or into an object there. */
static void take_refusal(struct refusal *out, const struct rpc_error *error)
{
    const struct json *data = error->data;
    size_t len = 0;
    if (json_kind(data) == JSON_KIND_OBJECT)
        data = json_get(data, "data");
    const char *text = json_str(data, &len);
    if (text && len <= 2 + 2 * REVERT_DATA_MAX && hex_decode_data(&out->data, text, len, NULL) < 0)
        buf_reset(&out->data);
    (void)snprintf(out->message, sizeof out->message, "%s", error->message);
    out->is_revert = out->data.len > 0 || strcasestr(error->message, "revert");
}

static void on_reply(void *arg, const struct json *result, const struct rpc_error *error)
{
    struct reply *r = arg;
    r->done = true;
    if (error->kind == RPC_ERR_NONE) {
        r->result = json_keep(result);
        return;
    }
    bool refused = error->kind == RPC_ERR_SERVER;
    if (refused && r->refusal)
        take_refusal(r->refusal, error);
    (void)err_set(r->e, refused ? -EREMOTEIO : -EIO, "%s: %s", r->method, error->message);
}

int chain_request(struct json **out, struct refusal *refusal, struct chain *ch, const char *method, const char *params,
                  struct err *e)
{
    struct err own = { 0 };
    struct reply r = { .refusal = refusal, .method = method, .e = &own };
    *out = NULL;
    (void)rpc_request(ch->rpc, method, params, 0, on_reply, &r);
    io_wait(ch->io, &r.done);
    if (own.code)
        return err_set(e, own.code, "%s", own.msg), own.code;
    *out = r.result;
    return 0;
}

int chain_u256(struct u256 *out, struct chain *ch, const char *method, const char *params, struct err *e)
{
    struct json *result;
    size_t len = 0;
    int rc = chain_request(&result, NULL, ch, method, params, e);
    if (rc < 0)
        return rc;
    const char *text = json_str(result, &len);
    if (!text || u256_parse(out, text, len, NULL) < 0)
        rc = err_set(e, -EPROTO, "%s: expected a quantity, found %s", method, json_kind_name(result));
    json_free(result);
    return rc;
}

int chain_u64(uint64_t *out, struct chain *ch, const char *method, const char *params, struct err *e)
{
    struct u256 wide;
    int rc = chain_u256(&wide, ch, method, params, e);
    if (rc < 0)
        return rc;
    return u256_to_u64(out, wide) ? 0 : err_set(e, -EPROTO, "%s: more than 64 bits", method);
}

/* ---- views ---- */

int chain_view(struct buf *out, struct chain *ch, const struct address *to, struct buf *call, const char *what,
               struct err *e)
{
    CLEANUP(buf_free) struct buf params = { 0 };
    struct json *result;
    struct err why = { 0 };
    char text[ADDRESS_TEXT_MAX];
    size_t len = 0;
    buf_printf(&params, "[{\"to\":\"%s\",\"data\":\"", address_lower(text, to));
    hex_append0x(&params, call->data, call->len);
    buf_puts(&params, "\"},\"latest\"]");
    buf_free(call);
    int rc = chain_request(&result, NULL, ch, "eth_call", buf_cstr(&params), &why);
    if (rc < 0)
        return err_set(e, rc, "%s at %s: %s", what, text, why.msg), rc;
    const char *hex = json_str(result, &len);
    if (!hex || hex_decode_data(out, hex, len, NULL) < 0)
        rc = err_set(e, -EPROTO, "%s at %s: expected hex data, found %s", what, text, json_kind_name(result));
    json_free(result);
    return rc;
}

/* A view of one word. An address without a contract answers nothing. */
static int view_word(uint8_t word[32], struct chain *ch, const struct address *to, struct buf *call, const char *what,
                     struct err *e)
{
    CLEANUP(buf_free) struct buf data = { 0 };
    char text[ADDRESS_TEXT_MAX];
    int rc = chain_view(&data, ch, to, call, what, e);
    if (rc < 0)
        return rc;
    if (data.len < 32)
        return err_set(e, -EBADMSG, "%s at %s: %zu bytes of answer: is this the right contract?", what,
                       address_checksum(text, to), data.len);
    memcpy(word, data.data, 32);
    return 0;
}

int chain_view_u256(struct u256 *out, struct chain *ch, const struct address *to, struct buf *call, const char *what,
                    struct err *e)
{
    uint8_t word[32];
    int rc = view_word(word, ch, to, call, what, e);
    if (rc == 0)
        *out = u256_from_be(word);
    return rc;
}

int chain_view_address(struct address *out, struct chain *ch, const struct address *to, struct buf *call,
                       const char *what, struct err *e)
{
    uint8_t word[32];
    int rc = view_word(word, ch, to, call, what, e);
    if (rc == 0)
        memcpy(out->b, word + 12, sizeof out->b);
    return rc;
}

/* ---- contracts ---- */

static int find_contract(struct address *out, struct ctl *c, const char *option, size_t config_at, struct err *e)
{
    const struct config *config;
    if (args_address(out, &c->args, option))
        return 0;
    if (ctl_config(&config, c, e) < 0)
        return e->code;
    if (!config)
        return err_set(e, -CTL_EUSAGE, "which contract? Give %s ADDRESS, or --config-file FILE", option);
    memcpy(out, (const uint8_t *)config + config_at, sizeof *out);
    return 0;
}

int chain_executors(struct address *out, struct ctl *c, struct err *e)
{
    return find_contract(out, c, "--executors-contract", offsetof(struct config, executors_contract_addr), e);
}

int chain_jobs(struct address *out, struct ctl *c, struct err *e)
{
    return find_contract(out, c, "--jobs-contract", offsetof(struct config, jobs_contract_addr), e);
}

int chain_code(struct address *out, struct ctl *c, struct err *e)
{
    return find_contract(out, c, "--code-contract", offsetof(struct config, code_contract_addr), e);
}

int chain_generation(enum generation *out, struct ctl *c, struct err *e)
{
    CLEANUP(buf_free) struct buf answer = { 0 };
    struct buf call = { 0 };
    struct address executors;
    struct err why = { 0 };
    struct chain *ch = ctl_chain(c, e);
    if (!ch || chain_executors(&executors, c, e) < 0)
        return e->code;
    if (ch->generation == 0) {
        call_is_tree_initialized(&call, 1);
        int rc = chain_view(&answer, ch, &executors, &call, "isTreeInitialized(uint8)", &why);
        if (rc < 0 && (rc != -EREMOTEIO || !strcasestr(why.msg, "revert"))) /* a rate limit says nothing of it */
            return err_set(e, rc, "%s", why.msg), rc;
        ch->generation = rc == 0 && answer.len >= 32 ? GENERATION_2 : GENERATION_1;
    }
    *out = ch->generation;
    return 0;
}

int chain_executor_info(struct executor_info *out, struct ctl *c, const struct address *enclave, struct err *e)
{
    CLEANUP(buf_free) struct buf answer = { 0 };
    struct buf call = { 0 };
    struct address executors;
    enum generation g;
    int rc = chain_generation(&g, c, e);
    if (rc == 0)
        rc = chain_executors(&executors, c, e);
    if (rc < 0)
        return rc;
    call_executors(&call, enclave);
    rc = chain_view(&answer, c->chain, &executors, &call, "executors(address)", e);
    return rc < 0 ? rc : decode_executor_info(out, g, answer.data, answer.len, e);
}

int chain_balance(struct u256 *out, struct chain *ch, const struct address *a, struct err *e)
{
    char params[96], text[ADDRESS_TEXT_MAX];
    (void)snprintf(params, sizeof params, "[\"%s\",\"latest\"]", address_lower(text, a));
    return chain_u256(out, ch, "eth_getBalance", params, e);
}

/* ---- tokens ---- */

/* A string, or 32 bytes as some old tokens have. What is no plain text is left out. */
static void read_symbol(char *out, size_t size, const struct buf *answer)
{
    const uint8_t *text = answer->data;
    size_t len = 0;
    struct abi_view v = { .data = answer->data, .len = answer->len };
    if (answer->len > 32 && abi_get_bytes(&text, &len, v, 0, NULL) < 0)
        return;
    if (answer->len == 32)
        len = strnlen((const char *)answer->data, 32);
    for (size_t i = 0; i < len; i++)
        if (text[i] < 0x21 || text[i] > 0x7e)
            return;
    if (len < size)
        (void)snprintf(out, size, "%.*s", (int)len, (const char *)text);
}

int chain_token(struct token *out, struct chain *ch, const struct address *address, struct err *e)
{
    CLEANUP(buf_free) struct buf symbol = { 0 };
    struct buf call = { 0 };
    struct u256 decimals;
    uint64_t n;
    *out = (struct token){ .address = *address };
    call_view(&call, VIEW_SYMBOL);
    if (chain_view(&symbol, ch, address, &call, "symbol()", NULL) == 0)
        read_symbol(out->symbol, sizeof out->symbol, &symbol);
    call_view(&call, VIEW_DECIMALS);
    int rc = chain_view_u256(&decimals, ch, address, &call, "decimals()", e);
    if (rc < 0)
        return rc;
    if (!u256_to_u64(&n, decimals) || n > 36)
        return err_set(e, -EBADMSG, "decimals() of the token: more than 36");
    out->decimals = (unsigned)n;
    return 0;
}

int chain_stake_token(struct token *out, struct ctl *c, struct err *e)
{
    struct buf call = { 0 };
    struct address executors, token;
    struct chain *ch = ctl_chain(c, e);
    if (!ch || chain_executors(&executors, c, e) < 0)
        return e->code;
    call_view(&call, VIEW_TOKEN);
    int rc = chain_view_address(&token, ch, &executors, &call, "TOKEN()", e);
    return rc < 0 ? rc : chain_token(out, ch, &token, e);
}
