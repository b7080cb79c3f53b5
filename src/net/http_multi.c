#include "net/http_multi.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <utlist.h>

#include "util/buf.h"

/* Idle connections kept; the oldest goes first. */
#define CONNECTIONS_MAX 64L

/* A socket of curl's that it wants watched. */
struct http_socket {
    uv_poll_t poll;
    struct http_multi *m;
    curl_socket_t fd;
    int events;
    struct http_socket *prev, *next;
};

struct http_multi {
    uv_loop_t *loop;
    CURLM *curl;
    uv_timer_t timer; /* curl's timer */
    uv_timer_t sweep; /* fires at once: transfers ended while none of our callbacks was on the stack to report them */
    struct http_socket *sockets;
    http_multi_ended_fn *ended;
    void *arg;
    bool reporting, closing;
    unsigned open_handles;
    void (*freed)(void *arg);
    void *freed_arg;
};

static void close_all(struct http_multi *m);

/* Reports what has ended. Callbacks may add and remove transfers, and free the multi: that waits for the last line. */
static void report_ended(struct http_multi *m)
{
    if (m->reporting)
        return;
    m->reporting = true;
    int left;
    for (CURLMsg *msg; !m->closing && (msg = curl_multi_info_read(m->curl, &left));)
        if (msg->msg == CURLMSG_DONE)
            m->ended(m->arg, msg->easy_handle, msg->data.result);
    m->reporting = false;
    if (m->closing)
        close_all(m);
}

static void on_timer(uv_timer_t *t)
{
    struct http_multi *m = t->data;
    int running;
    (void)curl_multi_socket_action(m->curl, CURL_SOCKET_TIMEOUT, 0, &running);
    report_ended(m);
}

static void on_sweep(uv_timer_t *t)
{
    report_ended(t->data);
}

static void on_poll(uv_poll_t *p, int status, int events)
{
    struct http_socket *s = p->data;
    struct http_multi *m = s->m;
    int mask = 0;
    int running;
    if (status < 0) {
        /* A socket error, on which libuv has stopped the watch. libcurl finds out more by reading: for instance that a
         * kept connection was closed before it was used again, where it starts afresh. */
        events = UV_READABLE | UV_WRITABLE;
        (void)uv_poll_start(p, s->events, on_poll);
    }
    if (events & UV_READABLE)
        mask |= CURL_CSELECT_IN;
    if (events & UV_WRITABLE)
        mask |= CURL_CSELECT_OUT;
    (void)curl_multi_socket_action(m->curl, s->fd, mask, &running);
    report_ended(m);
}

static void on_socket_closed(uv_handle_t *h)
{
    free(h->data);
}

static void socket_forget(struct http_socket *s)
{
    DL_DELETE(s->m->sockets, s);
    uv_close((uv_handle_t *)&s->poll, on_socket_closed);
}

static struct http_socket *socket_watch(struct http_multi *m, curl_socket_t fd)
{
    struct http_socket *s = xcalloc(1, sizeof *s);
    s->m = m;
    s->fd = fd;
    if (uv_poll_init_socket(m->loop, &s->poll, fd) < 0) {
        free(s);
        return NULL;
    }
    s->poll.data = s;
    DL_APPEND(m->sockets, s);
    (void)curl_multi_assign(m->curl, fd, s);
    return s;
}

static int socket_cb(CURL *easy, curl_socket_t fd, int what, void *arg, void *socket_arg)
{
    struct http_multi *m = arg;
    struct http_socket *s = socket_arg;
    (void)easy;
    if (what == CURL_POLL_REMOVE) {
        if (s)
            socket_forget(s);
        (void)curl_multi_assign(m->curl, fd, NULL);
        return 0;
    }
    if (!s)
        s = socket_watch(m, fd);
    if (!s)
        return -1;
    s->events = (what & CURL_POLL_IN ? UV_READABLE : 0) | (what & CURL_POLL_OUT ? UV_WRITABLE : 0);
    return uv_poll_start(&s->poll, s->events, on_poll) < 0 ? -1 : 0;
}

static int timer_cb(CURLM *curl, long timeout_ms, void *arg)
{
    struct http_multi *m = arg;
    (void)curl;
    if (timeout_ms < 0)
        (void)uv_timer_stop(&m->timer);
    else
        (void)uv_timer_start(&m->timer, on_timer, (uint64_t)timeout_ms, 0);
    return 0;
}

struct http_multi *http_multi_new(uv_loop_t *loop, http_multi_ended_fn *ended, void *arg, struct err *e)
{
    CURLcode rc = curl_global_init(CURL_GLOBAL_DEFAULT);
    CURLM *curl = rc == CURLE_OK ? curl_multi_init() : NULL;
    if (!curl) {
        (void)err_set(e, -ENOMEM, "libcurl does not start: %s", curl_easy_strerror(rc));
        return NULL;
    }
    struct http_multi *m = xcalloc(1, sizeof *m);
    m->loop = loop;
    m->curl = curl;
    m->ended = ended;
    m->arg = arg;
    m->open_handles = 2;
    (void)uv_timer_init(loop, &m->timer);
    (void)uv_timer_init(loop, &m->sweep);
    m->timer.data = m->sweep.data = m;
    (void)curl_multi_setopt(curl, CURLMOPT_SOCKETFUNCTION, socket_cb);
    (void)curl_multi_setopt(curl, CURLMOPT_SOCKETDATA, m);
    (void)curl_multi_setopt(curl, CURLMOPT_TIMERFUNCTION, timer_cb);
    (void)curl_multi_setopt(curl, CURLMOPT_TIMERDATA, m);
    (void)curl_multi_setopt(curl, CURLMOPT_MAXCONNECTS, CONNECTIONS_MAX);
    return m;
}

int http_multi_add(struct http_multi *m, CURL *easy, struct err *e)
{
    CURLMcode rc = curl_multi_add_handle(m->curl, easy);
    if (rc != CURLM_OK)
        return err_set(e, -EIO, "libcurl: %s", curl_multi_strerror(rc));
    /* Without this the request would wait for the loop's next turn of timers. */
    int running;
    (void)curl_multi_socket_action(m->curl, CURL_SOCKET_TIMEOUT, 0, &running);
    (void)uv_timer_start(&m->sweep, on_sweep, 0, 0);
    return 0;
}

void http_multi_remove(struct http_multi *m, CURL *easy)
{
    (void)curl_multi_remove_handle(m->curl, easy);
}

static void on_handle_closed(uv_handle_t *h)
{
    struct http_multi *m = h->data;
    if (--m->open_handles)
        return;
    m->freed(m->freed_arg);
    free(m);
}

static void close_all(struct http_multi *m)
{
    (void)curl_multi_cleanup(m->curl);
    struct http_socket *s, *tmp;
    DL_FOREACH_SAFE(m->sockets, s, tmp)
        socket_forget(s);
    uv_close((uv_handle_t *)&m->timer, on_handle_closed);
    uv_close((uv_handle_t *)&m->sweep, on_handle_closed);
    curl_global_cleanup();
}

void http_multi_free(struct http_multi *m, void (*freed)(void *arg), void *arg)
{
    m->freed = freed;
    m->freed_arg = arg;
    m->closing = true;
    if (!m->reporting)
        close_all(m);
}
