#include "net/rpc_exchange.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "net/rpc_message.h"
#include "util/buf.h"
#include "util/clock.h"
#include "util/log.h"

struct rpc_exchange {
    struct rpc_endpoint *ep;
    struct http_call *call;
    uint64_t id, started_us;
    size_t method;
    rpc_reply_fn *done;
    void *arg;
};

/* The verdict on a response. text: room for the message. */
struct verdict {
    struct rpc_reply reply;
    struct rpc_message message;
    uint32_t retry_after_s;
    char text[ERR_MSG_BYTES];
};

static void set_error(struct verdict *v, enum rpc_error_kind kind, int64_t code)
{
    v->reply.error = (struct rpc_error){ .kind = kind, .code = code, .message = v->text };
    v->reply.endpoint_trouble = true;
}

/* A complete HTTP response: a JSON-RPC body counts whatever the status is, since some servers send error objects with
 * 4xx and 5xx. Only where the status says "not now" is the endpoint in trouble all the same. */
static void judge_complete(struct verdict *v, const struct http_response *response, uint64_t id)
{
    struct err why = { 0 };
    int status = response->status;
    bool not_now = status == 429 || status == 502 || status == 503 || status == 504;
    if (rpc_message_response(&v->message, (const char *)response->body, response->body_len, id, &why) < 0) {
        if (status == 200)
            (void)snprintf(v->text, sizeof v->text, "%.300s", why.msg);
        else
            (void)snprintf(v->text, sizeof v->text, "HTTP status %d", status);
        set_error(v, status == 200 ? RPC_ERR_PROTOCOL : RPC_ERR_TRANSPORT, status == 200 ? 0 : status);
        return;
    }
    if (v->message.kind == RPC_MESSAGE_ERROR) {
        (void)snprintf(v->text, sizeof v->text, "%s", v->message.text);
        set_error(v, RPC_ERR_SERVER, v->message.code);
        v->reply.error.data = v->message.data;
        v->reply.endpoint_trouble = not_now || rpc_message_is_throttle(&v->message);
    } else {
        v->reply.result = v->message.result;
    }
}

static void judge(struct verdict *v, const struct http_response *response, uint64_t id)
{
    v->reply.error.message = "";
    v->retry_after_s = response->retry_after_s;
    switch (response->outcome) {
    case HTTP_DONE:
        judge_complete(v, response, id);
        return;
    case HTTP_TOO_LARGE:
        (void)snprintf(v->text, sizeof v->text, "response over %u bytes", RPC_MESSAGE_MAX);
        set_error(v, RPC_ERR_PROTOCOL, RPC_CODE_TOO_LARGE);
        v->reply.endpoint_trouble = false; /* the question was too big, for any of them */
        return;
    case HTTP_TIMEOUT:
        (void)snprintf(v->text, sizeof v->text, "no answer in time");
        set_error(v, RPC_ERR_TIMEOUT, 0);
        return;
    default:
        (void)snprintf(v->text, sizeof v->text, "%.300s", response->error);
        set_error(v, RPC_ERR_TRANSPORT, response->status);
        return;
    }
}

static void keep_record(struct rpc_endpoint *ep, const struct verdict *v)
{
    if (!v->reply.endpoint_trouble) {
        if (!ep->up)
            log_info("rpc_endpoint_up", F_STR("endpoint", ep->origin));
        rpc_endpoint_succeeded(ep);
        return;
    }
    if (ep->up || ep->failures == 0)
        log_warn("rpc_endpoint_trouble", F_STR("endpoint", ep->origin), F_STR("error", v->text));
    rpc_endpoint_failed(ep, v->retry_after_s, clock_mono_ms());
}

static void on_http_done(void *arg, const struct http_response *response)
{
    struct rpc_exchange *x = arg;
    struct verdict v = { 0 };
    judge(&v, response, x->id);
    v.reply.elapsed_us = clock_mono_us() - x->started_us;
    rpc_tally_add(&x->ep->tally, x->method, v.reply.error.kind, v.reply.elapsed_us);
    keep_record(x->ep, &v);
    rpc_reply_fn *done = x->done;
    void *done_arg = x->arg;
    free(x);
    done(done_arg, &v.reply);
    rpc_message_free(&v.message);
}

struct rpc_exchange *rpc_exchange_start(struct http_client *http, struct rpc_endpoint *ep,
                                        const struct rpc_question *question, rpc_reply_fn *done, void *arg,
                                        struct err *e)
{
    static const char *const headers[] = { "Content-Type: application/json", "Accept: application/json", NULL };
    struct http_request request = {
        .method = "POST",
        .url = ep->url,
        .headers = headers,
        .body = question->body,
        .body_len = question->body_len,
        .timeout_ms = question->timeout_ms,
        .max_response_bytes = RPC_MESSAGE_MAX,
    };
    struct rpc_exchange *x = xcalloc(1, sizeof *x);
    x->ep = ep;
    x->id = question->id;
    x->method = question->method;
    x->done = done;
    x->arg = arg;
    x->started_us = clock_mono_us();
    x->call = http_client_start(http, &request, on_http_done, x, e);
    if (!x->call) {
        free(x);
        return NULL;
    }
    ep->requests++;
    return x;
}

void rpc_exchange_cancel(struct rpc_exchange *x)
{
    if (!x)
        return;
    http_call_cancel(x->call);
    free(x);
}
