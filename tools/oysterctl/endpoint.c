#include "endpoint.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "ctl.h"
#include "eth/u256.h"
#include "io.h"
#include "net/rpc.h"
#include "net/url.h"
#include "util/cleanup.h"
#include "util/clock.h"
#include "util/json.h"

#define ANSWER_MS 10000
#define LOOK_MS 20

void endpoint_put_origin(struct buf *out, const char *url)
{
    struct url u;
    bool ws = strncmp(url, "ws", 2) == 0;
    if (url_parse(&u, url, ws ? "ws" : "http", ws ? "wss" : "https", NULL) < 0) {
        buf_puts(out, "a URL");
        return;
    }
    url_origin(out, &u);
    url_free(&u);
}

/* The quantity of {"result":"0x…"}. */
static int read_result(uint64_t *out, struct buf *body, struct err *e)
{
    struct u256 wide;
    size_t len = 0;
    struct json *root = json_parse(buf_cstr(body), body->len, NULL);
    const char *text = json_str(json_get(root, "result"), &len);
    bool ok = text && u256_parse(&wide, text, len, NULL) == 0 && u256_to_u64(out, wide);
    json_free(root);
    return ok ? 0 : err_set(e, -EPROTO, "its answer to eth_chainId is none");
}

int endpoint_chain_id(uint64_t *out, struct ctl *c, const char *url, struct err *e)
{
    static const char question[] = "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"eth_chainId\",\"params\":[]}";
    CLEANUP(buf_free) struct buf body = { 0 };
    CLEANUP(buf_free) struct buf origin = { 0 };
    struct fetch what = { .url = url,
                          .content_type = "application/json",
                          .body = question,
                          .body_len = sizeof question - 1,
                          .timeout_ms = ANSWER_MS };
    if (io_fetch_ok(ctl_io(c), &body, &what, e) < 0)
        return e ? e->code : -EIO;
    endpoint_put_origin(&origin, url);
    return read_result(out, &body, e) < 0 ? err_wrap(e, "%s", buf_cstr(&origin)) : 0;
}

/* ---- the subscription ---- */

struct listening {
    bool up;
    char reason[200];
};

static void on_up(void *arg)
{
    struct listening *l = arg;
    l->up = true;
}

static void on_down(void *arg, const char *reason)
{
    struct listening *l = arg;
    (void)snprintf(l->reason, sizeof l->reason, "%s", reason);
}

static void ignore_head(void *arg, const struct json *head)
{
    (void)arg;
    (void)head;
}

static void ignore_log(void *arg, const struct json *log, bool leading)
{
    (void)arg;
    (void)log;
    (void)leading;
}

/* A connection that never stood is no on_down: its failure is counted. */
static bool failed(const struct rpc *rpc)
{
    struct rpc_endpoint_status ws;
    rpc_endpoint_status(rpc, 1, &ws); /* behind the one HTTP endpoint */
    return ws.wrong_chain || ws.failures > 0;
}

int endpoint_subscribe(struct ctl *c, const char *http_url, const char *ws_url, uint64_t chain_id, struct err *e)
{
    static const struct rpc_stream_events events = { on_up, on_down, on_down, ignore_head, ignore_log };
    const struct rpc_config config = { .http_urls = &http_url,
                                       .n_http = 1,
                                       .ws_urls = &ws_url,
                                       .n_ws = 1,
                                       .chain_id = chain_id,
                                       .timeout_ms = ANSWER_MS,
                                       .silence_ms = 30000 };
    struct listening l = { 0 };
    struct io *io = ctl_io(c);
    struct rpc *rpc = rpc_new(io_loop(io), &config, e);
    if (!rpc)
        return -EIO;
    rpc_stream_start(rpc, "{}", &events, &l);
    uint64_t until_ms = clock_mono_ms() + ANSWER_MS;
    while (!l.up && !l.reason[0] && !failed(rpc) && clock_mono_ms() < until_ms)
        io_sleep(io, LOOK_MS);
    bool refused = failed(rpc);
    rpc_stream_stop(rpc);
    rpc_free(rpc);
    if (l.up)
        return 0;
    if (l.reason[0] || refused)
        return err_set(e, -EIO, "%s", l.reason[0] ? l.reason : "no connection, or one of another chain");
    return err_set(e, -ETIMEDOUT, "no subscription came about in %d s", ANSWER_MS / 1000);
}
