#include "chain/view.h"

#include <errno.h>
#include <stdlib.h>

#include "util/hex.h"

struct view {
    struct rpc_call *call;
    view_done_fn *done;
    void *arg;
};

static void on_result(void *arg, const struct json *result, const struct rpc_error *error)
{
    struct view *v = arg;
    struct err e = { 0 };
    struct buf data = { 0 };
    size_t len = 0;
    const char *text = json_str(result, &len);
    if (error->kind != RPC_ERR_NONE)
        (void)err_set(&e, error->kind == RPC_ERR_SERVER ? -EREMOTEIO : -EIO, "%s", error->message);
    else if (!text)
        (void)err_set(&e, -EPROTO, "eth_call: expected a string, found %s", json_kind_name(result));
    else if (hex_decode_data(&data, text, len, NULL) < 0)
        (void)err_set(&e, -EPROTO, "eth_call: the result is not hex data");
    v->done(v->arg, e.code ? NULL : data.data, data.len, &e);
    buf_free(&data);
    free(v);
}

struct view *view_start(struct rpc *rpc, const struct address *to, struct buf *call, view_done_fn *done, void *arg)
{
    struct view *v = xcalloc(1, sizeof *v);
    struct buf params = { 0 };
    char text[ADDRESS_TEXT_MAX];
    v->done = done;
    v->arg = arg;
    buf_printf(&params, "[{\"to\":\"%s\",\"data\":\"", address_lower(text, to));
    hex_append0x(&params, call->data, call->len);
    buf_puts(&params, "\"},\"latest\"]");
    v->call = rpc_request(rpc, "eth_call", buf_cstr(&params), 0, on_result, v);
    buf_free(call);
    buf_free(&params);
    return v;
}

void view_cancel(struct view *v)
{
    if (!v)
        return;
    rpc_cancel(v->call);
    free(v);
}
