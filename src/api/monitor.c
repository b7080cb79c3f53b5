#include "api/monitor.h"

#include <stdlib.h>
#include <string.h>

#include "api/dashboard.h"
#include "api/exposition.h"
#include "api/health.h"
#include "api/http_server.h"
#include "api/metrics.h"
#include "api/refusals.h"
#include "util/buf.h"
#include "util/cleanup.h"

#define TEXT "text/plain; charset=utf-8"

struct monitor {
    struct http_server *server;
    struct monitor_ops ops;
    void *arg;
    struct dashboard *dashboard; /* NULL = not served */
};

/* ---- pages ---- */

/* Answers from the status at the time of the request. */
typedef void page_fn(const struct node_status *s, const struct http_server_request *req, struct http_reply *reply);

static void send_buf(struct http_reply *reply, int status, const char *content_type, const struct buf *b)
{
    http_reply_send(reply, status, content_type, b->data, b->len);
}

static void get_livez(const struct node_status *s, const struct http_server_request *req, struct http_reply *reply)
{
    (void)s, (void)req;
    http_reply_send(reply, 200, TEXT, "ok\n", 3);
}

static void get_readyz(const struct node_status *s, const struct http_server_request *req, struct http_reply *reply)
{
    (void)req;
    CLEANUP(buf_free) struct buf why = { 0 };
    bool ready = health_ready(&why, s);
    if (ready)
        buf_puts(&why, "ok");
    buf_puts(&why, "\n");
    send_buf(reply, ready ? 200 : 503, TEXT, &why);
}

/* "verbose" among the query's parameters, with or without a value. */
static bool is_verbose(const char *query)
{
    for (const char *p = query; *p; p += strcspn(p, "&"), p += *p == '&')
        if (strncmp(p, "verbose", 7) == 0 && (p[7] == 0 || p[7] == '&' || p[7] == '='))
            return true;
    return false;
}

static void get_healthz(const struct node_status *s, const struct http_server_request *req, struct http_reply *reply)
{
    CLEANUP(buf_free) struct buf list = { 0 };
    bool well = health_list(&list, s);
    if (well && !is_verbose(req->query))
        buf_reset(&list);
    buf_puts(&list, well ? "ok\n" : "healthz check failed\n");
    send_buf(reply, well ? 200 : 503, TEXT, &list);
}

static void get_metrics(const struct node_status *s, const struct http_server_request *req, struct http_reply *reply)
{
    (void)req;
    CLEANUP(buf_free) struct buf text = { 0 };
    metrics_put(&text, s);
    send_buf(reply, 200, EXPOSITION_CONTENT_TYPE, &text);
}

static const struct page {
    const char *path;
    page_fn *fn;
} pages[] = {
    { "/metrics", get_metrics },
    { "/livez", get_livez },
    { "/readyz", get_readyz },
    { "/healthz", get_healthz },
};
#define N_PAGES (sizeof pages / sizeof *pages)

/* ---- which is which ---- */

static const char *path_at(size_t i)
{
    if (i < N_PAGES)
        return pages[i].path;
    return i == N_PAGES ? "/dashboard" : NULL;
}

/* A GET answers HEAD too; the server leaves the body out. */
static void on_request(void *arg, const struct http_server_request *req, struct http_reply *reply)
{
    struct monitor *m = arg;
    CLEANUP(node_status_free) struct node_status status = { 0 };
    for (size_t i = 0; i < N_PAGES; i++) {
        if (strcmp(pages[i].path, req->path) != 0)
            continue;
        if (strcmp(req->method, "GET") != 0 && strcmp(req->method, "HEAD") != 0) {
            refuse_method(reply, pages[i].path, "GET, HEAD");
            return;
        }
        m->ops.status(m->arg, &status);
        pages[i].fn(&status, req, reply);
        return;
    }
    if (m->dashboard && dashboard_serves(req->path))
        dashboard_answer(m->dashboard, req, reply);
    else
        refuse_path(reply, path_at);
}

struct monitor *monitor_new(uv_loop_t *loop, const char *address, uint16_t port, const struct monitor_ops *ops,
                            void *arg, struct err *e)
{
    struct monitor *m = xcalloc(1, sizeof *m);
    m->ops = *ops;
    m->arg = arg;
    m->server = http_server_new(loop, address, port, on_request, m, e);
    if (!m->server) {
        free(m);
        return NULL;
    }
    return m;
}

void monitor_add_dashboard(struct monitor *m, uv_loop_t *loop, struct ledger *ledger, struct tokens *tokens)
{
    struct dashboard_parts parts = { ledger, tokens, m->ops.status, m->arg };
    m->dashboard = dashboard_new(loop, &parts);
}

void monitor_touch(struct monitor *m)
{
    if (m)
        dashboard_touch(m->dashboard);
}

uint16_t monitor_port(const struct monitor *m)
{
    return http_server_port(m->server);
}

void monitor_free(struct monitor *m)
{
    if (!m)
        return;
    http_server_free(m->server);
    dashboard_free(m->dashboard);
    free(m);
}
