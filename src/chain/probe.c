#include "chain/probe.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "chain/view.h"
#include "util/hex.h"
#include "util/log.h"

#define ASK_AGAIN_MS 1000

struct probe {
    struct rpc *rpc;
    struct probe_config config;
    void (*done)(void *arg, enum generation generation, const struct err *e);
    void *arg;
    bool chain_is_right;
    struct rpc_call *call;
    struct view *view;
    uv_timer_t *timer;
};

static void ask(uv_timer_t *timer);

static void again(struct probe *p, const char *what, const char *why)
{
    log_warn("chain_does_not_answer", F_STR("question", what), F_STR("error", why));
    uv_timer_start(p->timer, ask, ASK_AGAIN_MS, 0);
}

static void finish(struct probe *p, enum generation generation, const struct err *e)
{
    p->done(p->arg, generation, e);
}

/* Generation 1 has no isTreeInitialized: the call reverts, or falls through with no bytes. */
static void on_tree(void *arg, const uint8_t *data, size_t len, const struct err *error)
{
    struct probe *p = arg;
    (void)data;
    p->view = NULL;
    if (error->code == 0)
        finish(p, len >= 32 ? GENERATION_2 : GENERATION_1, error);
    else if (error->code == -EREMOTEIO && strcasestr(error->msg, "revert"))
        finish(p, GENERATION_1, &(struct err){ 0 });
    else
        again(p, "isTreeInitialized", error->msg);
}

static void on_code(void *arg, const struct json *result, const struct rpc_error *error)
{
    struct probe *p = arg;
    struct err e = { 0 };
    size_t len = 0;
    p->call = NULL;
    if (error->kind != RPC_ERR_NONE || !json_str(result, &len)) {
        again(p, "eth_getCode", error->message);
        return;
    }
    if (len <= 2) {
        char text[ADDRESS_TEXT_MAX];
        (void)err_set(&e, -ENOENT, "executors_contract_addr: there is no contract at %s",
                      address_checksum(text, &p->config.executors));
        finish(p, p->config.known, &e);
    } else if (p->config.known) {
        finish(p, p->config.known, &e);
    } else {
        struct buf call = { 0 };
        call_is_tree_initialized(&call, p->config.env);
        p->view = view_start(p->rpc, &p->config.executors, &call, on_tree, p);
    }
}

/* One endpoint of another chain is set aside by rpc itself; where all are, the config is wrong, and the start ends. */
static bool all_are_of_another_chain(const struct probe *p)
{
    struct rpc_endpoint_status s;
    for (size_t i = 0; i < rpc_endpoint_count(p->rpc); i++) {
        rpc_endpoint_status(p->rpc, i, &s);
        if (!s.is_ws && !s.wrong_chain)
            return false;
    }
    return true;
}

static void on_chain_id(void *arg, const struct json *result, const struct rpc_error *error)
{
    struct probe *p = arg;
    struct err e = { 0 };
    uint64_t id = 0;
    size_t len;
    const char *text = json_str(result, &len);
    p->call = NULL;
    bool known = error->kind == RPC_ERR_NONE && text && hex_decode_u64(&id, text, len, NULL) == 0;
    if (!known && all_are_of_another_chain(p)) {
        (void)err_set(&e, -EPERM, "common_chain_id: %s", error->message);
        finish(p, p->config.known, &e);
        return;
    }
    p->chain_is_right = known;
    if (known)
        ask(p->timer);
    else
        again(p, "eth_chainId", error->message);
}

static void ask(uv_timer_t *timer)
{
    struct probe *p = timer->data;
    if (!p->chain_is_right) {
        p->call = rpc_request(p->rpc, "eth_chainId", "[]", 0, on_chain_id, p);
        return;
    }
    char params[80], text[ADDRESS_TEXT_MAX];
    (void)snprintf(params, sizeof params, "[\"%s\",\"latest\"]", address_lower(text, &p->config.executors));
    p->call = rpc_request(p->rpc, "eth_getCode", params, 0, on_code, p);
}

struct probe *probe_start(uv_loop_t *loop, struct rpc *rpc, const struct probe_config *config,
                          void (*done)(void *arg, enum generation generation, const struct err *e), void *arg)
{
    struct probe *p = xcalloc(1, sizeof *p);
    p->rpc = rpc;
    p->config = *config;
    p->done = done;
    p->arg = arg;
    p->timer = xcalloc(1, sizeof *p->timer);
    uv_timer_init(loop, p->timer);
    p->timer->data = p;
    ask(p->timer);
    return p;
}

static void timer_closed(uv_handle_t *h)
{
    free(h);
}

void probe_free(struct probe *p)
{
    if (!p)
        return;
    rpc_cancel(p->call);
    view_cancel(p->view);
    uv_close((uv_handle_t *)p->timer, timer_closed);
    free(p);
}
