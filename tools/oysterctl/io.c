#include "io.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "ctl.h"
#include "net/http_client.h"

#define FETCH_TIMEOUT_MS 30000
#define FETCH_MAX ((size_t)1 << 20)

struct io {
    uv_loop_t loop;
    uv_timer_t timer;
    uv_prepare_t before_poll;
    const bool *awaited;
    bool woken;
    struct http_client *http;
};

static void on_timer(uv_timer_t *t)
{
    struct io *io = t->data;
    io->woken = true;
}

/* What is waited for may have come by a timer, ahead of the poll of the same turn: that must not block then. */
static void on_before_poll(uv_prepare_t *p)
{
    const struct io *io = p->data;
    if (*io->awaited)
        uv_stop(p->loop);
}

struct io *ctl_io(struct ctl *c)
{
    if (c->io)
        return c->io;
    struct io *io = xcalloc(1, sizeof *io);
    (void)uv_loop_init(&io->loop);
    (void)uv_timer_init(&io->loop, &io->timer);
    (void)uv_prepare_init(&io->loop, &io->before_poll);
    io->timer.data = io->before_poll.data = io;
    return c->io = io;
}

void io_free(struct io *io)
{
    if (!io)
        return;
    http_client_free(io->http);
    uv_close((uv_handle_t *)&io->timer, NULL);
    uv_close((uv_handle_t *)&io->before_poll, NULL);
    (void)uv_run(&io->loop, UV_RUN_DEFAULT);
    (void)uv_loop_close(&io->loop);
    free(io);
}

uv_loop_t *io_loop(struct io *io)
{
    return &io->loop;
}

void io_wait(struct io *io, const bool *done)
{
    io->awaited = done;
    (void)uv_prepare_start(&io->before_poll, on_before_poll);
    while (!*done)
        (void)uv_run(&io->loop, UV_RUN_ONCE);
    (void)uv_prepare_stop(&io->before_poll);
}

void io_sleep(struct io *io, uint64_t ms)
{
    io->woken = false;
    (void)uv_timer_start(&io->timer, on_timer, ms, 0);
    io_wait(io, &io->woken);
}

/* ---- HTTP ---- */

struct answer {
    bool done;
    enum http_outcome outcome;
    int status;
    char error[200];
    struct buf *body;
};

static void on_response(void *arg, const struct http_response *r)
{
    struct answer *a = arg;
    a->done = true;
    a->outcome = r->outcome;
    a->status = r->status;
    (void)snprintf(a->error, sizeof a->error, "%s", r->error ? r->error : "");
    if (r->outcome == HTTP_DONE)
        buf_append(a->body, r->body, r->body_len);
}

/* scheme://host:port/path: credentials and query may be secrets. */
static void put_url(char *out, size_t size, const char *url)
{
    const char *scheme = strstr(url, "://");
    const char *host = scheme ? scheme + 3 : url;
    size_t authority = strcspn(host, "/?#");
    const char *at = memchr(host, '@', authority);
    const char *shown = at ? at + 1 : host;
    (void)snprintf(out, size, "%.*s%.*s", (int)(host - url), url, (int)strcspn(shown, "?#"), shown);
}

static int start(struct io *io, struct answer *a, const struct fetch *what, struct err *e)
{
    char type[128];
    (void)snprintf(type, sizeof type, "Content-Type: %s", what->content_type ? what->content_type : "");
    const char *const headers[] = { type, NULL };
    struct http_request req = {
        .method = what->body ? "POST" : "GET",
        .url = what->url,
        .headers = what->body ? headers : NULL,
        .body = what->body,
        .body_len = what->body_len,
        .timeout_ms = what->timeout_ms ? what->timeout_ms : FETCH_TIMEOUT_MS,
        .max_response_bytes = what->max_bytes ? what->max_bytes : FETCH_MAX,
    };
    if (!io->http && !(io->http = http_client_new(&io->loop, e)))
        return -EIO;
    return http_client_start(io->http, &req, on_response, a, e) ? 0 : -EIO;
}

int io_fetch(struct io *io, struct buf *out, int *status, const struct fetch *what, struct err *e)
{
    struct answer a = { .body = out };
    char url[256];
    if (start(io, &a, what, e) < 0)
        return -EIO;
    io_wait(io, &a.done);
    *status = a.status;
    if (a.outcome == HTTP_DONE)
        return 0;
    put_url(url, sizeof url, what->url);
    return err_set(e, a.outcome == HTTP_TIMEOUT ? -ETIMEDOUT : -EIO, "%s: %s", url, a.error);
}

int io_fetch_ok(struct io *io, struct buf *out, const struct fetch *what, struct err *e)
{
    int status = 0;
    char url[256];
    int rc = io_fetch(io, out, &status, what, e);
    if (rc < 0 || status == 200)
        return rc;
    put_url(url, sizeof url, what->url);
    const char *text = buf_cstr(out);
    return err_set(e, -EIO, "%s: HTTP status %d: %.*s", url, status, (int)strcspn(text, "\r\n"), text);
}
