#include "chain/tokens.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "chain/view.h"
#include "eth/abi.h"
#include "util/clock.h"

#define TOKENS_MAX 8 /* a contract pays in one; a receipt may name others */
#define ASK_AGAIN_MS 30000

/* TOKEN(), decimals(), symbol() */
static const uint8_t call_token[4] = { 0x82, 0xbf, 0xef, 0xc8 };
static const uint8_t call_decimals[4] = { 0x31, 0x3c, 0xe5, 0x67 };
static const uint8_t call_symbol[4] = { 0x95, 0xd8, 0x9b, 0x41 };

/* One question at a time; not before ask_ms. */
struct token {
    struct tokens *book;
    struct address address;
    struct token_info info;
    bool has_decimals, known;
    struct view *view;
    uint64_t ask_ms;
};

struct tokens {
    struct rpc *rpc;
    struct address executors;
    struct token list[TOKENS_MAX];
    size_t n;
    struct view *stake_view;
    uint64_t stake_ask_ms;
    bool stake_known;
    struct address stake;
};

struct tokens *tokens_new(struct rpc *rpc, const struct address *executors)
{
    struct tokens *t = xcalloc(1, sizeof *t);
    t->rpc = rpc;
    t->executors = *executors;
    return t;
}

static struct view *ask(struct tokens *t, const struct address *to, const uint8_t selector[4], view_done_fn *done,
                        void *arg)
{
    struct buf call = { 0 };
    buf_append(&call, selector, 4);
    return view_start(t->rpc, to, &call, done, arg);
}

/* ---- one token ---- */

/* A string, or the 32 bytes that tokens of the first years answer. Only what is printable is kept. */
static void read_symbol(char out[TOKEN_SYMBOL_MAX], const uint8_t *data, size_t len)
{
    const uint8_t *text = data;
    size_t n = len == 32 ? 32 : 0, kept = 0;
    if (len > 32 && abi_get_bytes(&text, &n, (struct abi_view){ .data = data, .len = len }, 0, NULL) < 0)
        return;
    for (size_t i = 0; i < n && kept + 1 < TOKEN_SYMBOL_MAX; i++)
        if (text[i] > 0x20 && text[i] < 0x7f)
            out[kept++] = (char)text[i];
    out[kept] = 0;
}

static void on_symbol(void *arg, const uint8_t *data, size_t len, const struct err *e)
{
    struct token *k = arg;
    k->view = NULL;
    if (e->code && e->code != -EREMOTEIO) /* nobody answered; a token that has no symbol does */
        return;
    if (!e->code)
        read_symbol(k->info.symbol, data, len);
    k->known = true;
}

static void on_decimals(void *arg, const uint8_t *data, size_t len, const struct err *e)
{
    struct token *k = arg;
    struct abi_view v = { .data = data, .len = len };
    k->view = NULL;
    if (e->code || abi_get_u8(&k->info.decimals, v, 0, NULL) < 0)
        return;
    k->has_decimals = true;
    k->view = ask(k->book, &k->address, call_symbol, on_symbol, k);
}

static struct token *find(struct tokens *t, const struct address *address)
{
    for (size_t i = 0; i < t->n; i++)
        if (address_eq(&t->list[i].address, address))
            return &t->list[i];
    if (t->n == TOKENS_MAX)
        return NULL;
    struct token *k = &t->list[t->n++];
    k->book = t;
    k->address = *address;
    return k;
}

bool tokens_get(struct tokens *t, struct token_info *out, const struct address *address)
{
    struct token *k = find(t, address);
    uint64_t now_ms = clock_mono_ms();
    if (k && !k->known && !k->view && now_ms >= k->ask_ms) {
        k->ask_ms = now_ms + ASK_AGAIN_MS;
        k->view = k->has_decimals ? ask(t, &k->address, call_symbol, on_symbol, k)
                                  : ask(t, &k->address, call_decimals, on_decimals, k);
    }
    if (!k || !k->known)
        return false;
    *out = k->info;
    return true;
}

/* ---- what stakes are in ---- */

static void on_stake_token(void *arg, const uint8_t *data, size_t len, const struct err *e)
{
    struct tokens *t = arg;
    struct abi_view v = { .data = data, .len = len };
    t->stake_view = NULL;
    t->stake_known = !e->code && abi_get_address(&t->stake, v, 0, NULL) == 0;
}

bool tokens_stake(struct tokens *t, struct address *out)
{
    uint64_t now_ms = clock_mono_ms();
    if (!t->stake_known && !t->stake_view && now_ms >= t->stake_ask_ms) {
        t->stake_ask_ms = now_ms + ASK_AGAIN_MS;
        t->stake_view = ask(t, &t->executors, call_token, on_stake_token, t);
    }
    *out = t->stake;
    return t->stake_known;
}

void tokens_free(struct tokens *t)
{
    if (!t)
        return;
    view_cancel(t->stake_view);
    for (size_t i = 0; i < t->n; i++)
        view_cancel(t->list[i].view);
    free(t);
}
