#include "net/http_names.h"

#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#include "net/resolver.h"
#include "util/clock.h"

#define FRESH_MS 60000u
#define TICK_MS 50u

struct host {
    struct http_names *n;
    char *name;
    struct buf addresses; /* text of CURLOPT_RESOLVE behind host and port; empty = not known */
    uint64_t looked_up_ms;
    struct resolve_call *call; /* NULL = none under way */
    struct http_name_wait *waits;
    struct host *next;
};

struct http_name_wait {
    struct host *host;
    uint64_t deadline_ms; /* 0 = none */
    http_named_fn *done;
    void *arg;
    struct http_name_wait *prev, *next;
};

struct http_names {
    uv_loop_t *loop;
    struct host *hosts;
    uv_timer_t tick; /* runs while somebody waits */
    bool freed;
};

static void on_resolved(void *arg, const char *const *addresses, size_t n, const char *error);

static int look_up(struct host *h, struct err *e)
{
    if (!h->call)
        h->call = resolve_start(h->n->loop, h->name, on_resolved, h, e);
    return h->call ? 0 : e->code;
}

/* Ends a wait with its callback, which may free everything. */
static void wait_end(struct http_name_wait *w, const char *error, bool timed_out)
{
    http_named_fn *done = w->done;
    void *arg = w->arg;
    DL_DELETE(w->host->waits, w);
    free(w);
    done(arg, error, timed_out);
}

static void on_resolved(void *arg, const char *const *addresses, size_t n, const char *error)
{
    struct host *h = arg;
    struct http_names *names = h->n;
    h->call = NULL;
    if (n) {
        buf_reset(&h->addresses);
        for (size_t i = 0; i < n; i++)
            buf_printf(&h->addresses, strchr(addresses[i], ':') ? "%s[%s]" : "%s%s", i ? "," : "", addresses[i]);
    }
    /* after a failure what was known goes on being used; the next request asks again */
    h->looked_up_ms = n ? clock_mono_ms() : 0;
    while (!names->freed && h->waits)
        wait_end(h->waits, n || h->addresses.len ? NULL : error, false);
}

static void on_tick(uv_timer_t *t)
{
    struct http_names *n = t->data;
    struct host *h;
    struct http_name_wait *w, *tmp;
    uint64_t now_ms = clock_mono_ms();
    bool waiting = false;
    LL_FOREACH(n->hosts, h) {
        DL_FOREACH_SAFE(h->waits, w, tmp) {
            if (w->deadline_ms && w->deadline_ms <= now_ms) {
                wait_end(w, "no answer of the name server in time", true);
                (void)uv_timer_start(t, on_tick, 0, 0); /* the lists may have changed: from the start, next turn */
                return;
            }
            waiting = true;
        }
    }
    if (waiting)
        (void)uv_timer_start(t, on_tick, TICK_MS, 0);
}

static struct host *find(struct http_names *n, const char *name)
{
    struct host *h;
    LL_FOREACH(n->hosts, h)
        if (strcmp(h->name, name) == 0)
            return h;
    return NULL;
}

static struct host *find_or_make(struct http_names *n, const char *name)
{
    struct host *h = find(n, name);
    if (h)
        return h;
    h = xcalloc(1, sizeof *h);
    h->n = n;
    h->name = xstrdup(name);
    LL_PREPEND(n->hosts, h);
    return h;
}

struct http_names *http_names_new(uv_loop_t *loop)
{
    struct http_names *n = xcalloc(1, sizeof *n);
    n->loop = loop;
    (void)uv_timer_init(loop, &n->tick);
    n->tick.data = n;
    return n;
}

static void on_tick_closed(uv_handle_t *handle)
{
    struct http_names *n = handle->data;
    struct host *h, *tmp;
    LL_FOREACH_SAFE(n->hosts, h, tmp) {
        free(h->name);
        buf_free(&h->addresses);
        free(h);
    }
    free(n);
}

void http_names_free(struct http_names *n)
{
    struct host *h;
    struct http_name_wait *w, *tmp;
    if (!n)
        return;
    n->freed = true;
    LL_FOREACH(n->hosts, h) {
        resolve_cancel(h->call);
        DL_FOREACH_SAFE(h->waits, w, tmp)
            free(w);
        h->waits = NULL;
    }
    uv_close((uv_handle_t *)&n->tick, on_tick_closed);
}

bool http_name_is_numeric(const char *host)
{
    uint8_t address[16];
    return uv_inet_pton(AF_INET, host, address) == 0 || uv_inet_pton(AF_INET6, host, address) == 0;
}

bool http_names_get(struct http_names *n, struct buf *out, const char *host, uint16_t port)
{
    struct host *h = find(n, host);
    struct err e = { 0 };
    if (!h || h->addresses.len == 0)
        return false;
    if (h->looked_up_ms == 0 || clock_mono_ms() - h->looked_up_ms > FRESH_MS)
        (void)look_up(h, &e);
    buf_reset(out);
    buf_printf(out, "%s:%u:%s", host, port, buf_cstr(&h->addresses));
    (void)buf_cstr(out);
    return true;
}

struct http_name_wait *http_names_wait(struct http_names *n, const char *host, uint64_t timeout_ms, http_named_fn *done,
                                       void *arg, struct err *e)
{
    struct host *h = find_or_make(n, host);
    if (look_up(h, e) < 0)
        return NULL;
    struct http_name_wait *w = xcalloc(1, sizeof *w);
    w->host = h;
    w->deadline_ms = timeout_ms ? clock_mono_ms() + timeout_ms : 0;
    w->done = done;
    w->arg = arg;
    DL_APPEND(h->waits, w);
    if (!uv_is_active((uv_handle_t *)&n->tick))
        (void)uv_timer_start(&n->tick, on_tick, TICK_MS, 0);
    return w;
}

void http_names_cancel(struct http_name_wait *w)
{
    DL_DELETE(w->host->waits, w);
    free(w);
}

void http_names_doubt(struct http_names *n, const char *host)
{
    struct host *h = find(n, host);
    if (h)
        h->looked_up_ms = 0;
}
