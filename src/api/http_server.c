/* libmicrohttpd without threads: its epoll descriptor is polled by the loop, its time-outs run on one timer of ours.
 * A request that is answered later is suspended in the meantime and resumed by http_reply_send; so is one whose answer
 * is a stream that has nothing to say just now, and resumed by http_stream_write. */
#include "api/http_server.h"

#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <microhttpd.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <utlist.h>

#include "util/buf.h"
#include "util/cleanup.h"
#include "util/clock.h"
#include "util/log.h"

/* Above 32 KiB the library takes a connection's memory from mmap and gives it back by munmap: nothing of a request
 * stays in the heap. Bounds the headers too. */
#define CONNECTION_MEMORY_BYTES ((size_t)40 * 1024)
/* What is read and thrown away of a body that is too long, so that its sender gets to read the answer. */
#define DRAIN_MAX ((size_t)8 * 1024 * 1024)
#define SWEEP_MS 1000
#define STREAM_BLOCK_BYTES 8192

/* One connection. */
struct conn {
    struct conn *prev, *next;
    int fd;
    uint64_t since_ms; /* connected, or last answered; the request must be complete within the time-out */
    bool waiting;      /* for an answer of ours, or taking a stream: no time-out */
};

/* A socket to listen on beside the library's own. */
struct listener {
    struct listener *prev, *next;
    struct http_server *server;
    uv_poll_t poll;
    int fd;
};

struct http_server {
    uv_loop_t *loop;
    struct MHD_Daemon *daemon;
    uv_poll_t poll;
    uv_timer_t timer;
    int open_handles;
    uint16_t port;
    http_handler_fn *handler;
    void *arg;
    struct conn *conns;
    size_t n_conns;
    struct http_reply *replies;
    size_t streams;
    struct listener *listeners;
    bool listeners_wait; /* for a connection to end */
    bool made_room;      /* a connection has ended since MHD_run began */
    bool running;        /* inside MHD_run */
    bool free_pending;   /* http_server_free was called there */
};

struct http_reply {
    struct http_reply *prev, *next;
    struct http_server *server;
    struct MHD_Connection *mc;
    char *path;
    const char *query; /* within path's block */
    struct buf body;
    size_t received;
    bool started, too_large, handled, suspended;
    char *headers[HTTP_HEADERS_MAX][2];
    size_t n_headers;
    int status;
    struct MHD_Response *response; /* set by http_reply_send and http_reply_stream */
    struct http_stream *stream;
};

struct http_stream {
    struct http_reply *reply;
    struct buf pending;
    bool parked;  /* suspended: nothing to say */
    bool ended;   /* by its owner */
    bool dropped; /* by us */
    void (*on_closed)(void *arg);
    void *arg;
};

static void on_timer(uv_timer_t *timer);

/* ---- one request ---- */

/* Called with the request line; what it returns is the request's context from then on. */
static void *on_request_line(void *cls, const char *uri, struct MHD_Connection *mc)
{
    struct http_server *s = cls;
    struct http_reply *r = xcalloc(1, sizeof *r);
    r->server = s;
    r->mc = mc;
    r->path = xstrdup(uri);
    char *mark = strchr(r->path, '?');
    r->query = mark ? mark + 1 : "";
    if (mark)
        *mark = 0;
    DL_APPEND(s->replies, r);
    return r;
}

static struct conn *conn_of(struct MHD_Connection *mc)
{
    return MHD_get_connection_info(mc, MHD_CONNECTION_INFO_SOCKET_CONTEXT)->socket_context;
}

static void stream_closed(struct http_stream *st)
{
    struct conn *c = conn_of(st->reply->mc);
    st->reply->server->streams--;
    c->waiting = false;
    c->since_ms = clock_mono_ms();
    if (st->on_closed && !st->ended)
        st->on_closed(st->arg);
    buf_free(&st->pending);
    free(st);
}

static void on_request_end(void *cls, struct MHD_Connection *mc, void **context, enum MHD_RequestTerminationCode why)
{
    (void)mc, (void)why;
    struct http_server *s = cls;
    struct http_reply *r = *context;
    if (!r)
        return;
    *context = NULL;
    DL_DELETE(s->replies, r);
    if (r->stream)
        stream_closed(r->stream);
    if (r->response)
        MHD_destroy_response(r->response);
    for (size_t i = 0; i < r->n_headers; i++) {
        free(r->headers[i][0]);
        free(r->headers[i][1]);
    }
    buf_wipe(&r->body);
    free(r->path);
    free(r);
}

void http_reply_header(struct http_reply *r, const char *name, const char *value)
{
    assert(!r->response && r->n_headers < HTTP_HEADERS_MAX);
    r->headers[r->n_headers][0] = xstrdup(name);
    r->headers[r->n_headers][1] = xstrdup(value);
    r->n_headers++;
}

static void resume(struct http_reply *r)
{
    MHD_resume_connection(r->mc);
    /* without threads the library does not wake itself up for this */
    (void)uv_timer_start(&r->server->timer, on_timer, 0, 0);
}

/* r->response is there: its headers are added and it is on its way. */
static void answer(struct http_reply *r, int status, const char *content_type)
{
    if (!r->response)
        abort();
    r->status = status;
    if (content_type)
        (void)MHD_add_response_header(r->response, MHD_HTTP_HEADER_CONTENT_TYPE, content_type);
    for (size_t i = 0; i < r->n_headers; i++)
        (void)MHD_add_response_header(r->response, r->headers[i][0], r->headers[i][1]);
    if (r->suspended) {
        r->suspended = false;
        resume(r);
    }
}

void http_reply_send(struct http_reply *r, int status, const char *content_type, const void *body, size_t len)
{
    assert(!r->response);
    /* the library copies the bytes and takes a plain pointer */
    r->response = MHD_create_response_from_buffer(len, (void *)(uintptr_t)body, MHD_RESPMEM_MUST_COPY);
    answer(r, status, content_type);
}

/* ---- answers that go on ---- */

/* The library asks for the next bytes of a stream. */
static ssize_t on_stream_read(void *cls, uint64_t pos, char *out, size_t max)
{
    struct http_stream *st = cls;
    (void)pos;
    if (st->dropped)
        return MHD_CONTENT_READER_END_WITH_ERROR;
    if (st->pending.len > 0) {
        size_t n = st->pending.len < max ? st->pending.len : max;
        memcpy(out, st->pending.data, n);
        buf_consume(&st->pending, n);
        return (ssize_t)n;
    }
    if (st->ended)
        return MHD_CONTENT_READER_END_OF_STREAM;
    st->parked = true;
    MHD_suspend_connection(st->reply->mc);
    return 0;
}

static void unpark(struct http_stream *st)
{
    if (!st->parked)
        return;
    st->parked = false;
    resume(st->reply);
}

struct http_stream *http_reply_stream(struct http_reply *r, const char *content_type, void (*on_closed)(void *arg),
                                      void *arg)
{
    assert(!r->response);
    if (r->server->streams == HTTP_STREAMS_MAX)
        return NULL;
    struct http_stream *st = xcalloc(1, sizeof *st);
    st->reply = r;
    st->on_closed = on_closed;
    st->arg = arg;
    r->stream = st;
    r->server->streams++;
    r->response = MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, STREAM_BLOCK_BYTES, on_stream_read, st, NULL);
    answer(r, 200, content_type);
    return st;
}

void http_stream_write(struct http_stream *st, const void *data, size_t len)
{
    if (st->dropped)
        return;
    if (len > HTTP_STREAM_BUFFER_MAX - st->pending.len) {
        st->dropped = true;
        (void)shutdown(conn_of(st->reply->mc)->fd, SHUT_RDWR);
    } else {
        buf_append(&st->pending, data, len);
    }
    unpark(st);
}

void http_stream_end(struct http_stream *st)
{
    st->ended = true;
    unpark(st);
}

static void refuse_too_large(struct http_reply *r)
{
    char text[64];
    int n = snprintf(text, sizeof text, "Request body is over %zu bytes\n", HTTP_BODY_MAX);
    r->handled = true;
    http_reply_send(r, 413, "text/plain; charset=utf-8", text, (size_t)n);
}

static enum MHD_Result queue_answer(struct http_reply *r)
{
    struct conn *c = conn_of(r->mc);
    c->waiting = r->stream != NULL;
    c->since_ms = clock_mono_ms();
    return MHD_queue_response(r->mc, (unsigned)r->status, r->response);
}

/* Headers are complete. A body that declares itself far too long, or waits for our consent, is refused unread. */
static enum MHD_Result begin_body(struct http_reply *r)
{
    const char *text = MHD_lookup_connection_value(r->mc, MHD_HEADER_KIND, MHD_HTTP_HEADER_CONTENT_LENGTH);
    bool chunked = MHD_lookup_connection_value(r->mc, MHD_HEADER_KIND, MHD_HTTP_HEADER_TRANSFER_ENCODING) != NULL;
    bool asks = MHD_lookup_connection_value(r->mc, MHD_HEADER_KIND, MHD_HTTP_HEADER_EXPECT) != NULL;
    unsigned long long declared = text ? strtoull(text, NULL, 10) : 0;
    r->started = true;
    r->too_large = declared > HTTP_BODY_MAX;
    if (r->too_large && (asks || declared > DRAIN_MAX)) {
        refuse_too_large(r);
        return queue_answer(r);
    }
    /* in one piece from the start, so that no copy is left behind by growing */
    if (!r->too_large && (declared || chunked))
        buf_reserve(&r->body, chunked ? HTTP_BODY_MAX : (size_t)declared);
    return MHD_YES;
}

static enum MHD_Result take_body(struct http_reply *r, const char *data, size_t *len)
{
    r->received += *len;
    if (r->received > HTTP_BODY_MAX) {
        r->too_large = true;
        buf_wipe(&r->body);
    } else {
        buf_append(&r->body, data, *len);
    }
    explicit_bzero((void *)(uintptr_t)data, *len); /* the library's read buffer, which it is done with */
    *len = 0;
    return r->received > DRAIN_MAX ? MHD_NO : MHD_YES;
}

static struct peer_address peer_of(struct MHD_Connection *mc)
{
    struct peer_address peer = { { 0 } };
    const struct sockaddr *sa = MHD_get_connection_info(mc, MHD_CONNECTION_INFO_CLIENT_ADDRESS)->client_addr;
    if (sa && sa->sa_family == AF_INET) {
        memset(peer.b + 10, 0xff, 2);
        memcpy(peer.b + 12, &((const struct sockaddr_in *)(const void *)sa)->sin_addr, 4);
    } else if (sa && sa->sa_family == AF_INET6) {
        memcpy(peer.b, &((const struct sockaddr_in6 *)(const void *)sa)->sin6_addr, 16);
    }
    return peer;
}

static void call_handler(struct http_reply *r, const char *method)
{
    const char *host = MHD_lookup_connection_value(r->mc, MHD_HEADER_KIND, MHD_HTTP_HEADER_HOST);
    struct http_server_request req = { .method = method,
                                       .path = r->path,
                                       .query = r->query,
                                       .host = host ? host : "",
                                       .peer = peer_of(r->mc),
                                       .body = r->body.data,
                                       .body_len = r->body.len };
    r->handled = true;
    r->server->handler(r->server->arg, &req, r);
    buf_wipe(&r->body);
}

/* The library calls this with the headers, with each piece of the body, at its end, and again after a resume. */
static enum MHD_Result on_request(void *cls, struct MHD_Connection *mc, const char *url, const char *method,
                                  const char *version, const char *data, size_t *len, void **context)
{
    (void)cls, (void)url, (void)version;
    struct http_reply *r = *context;
    if (!r->started)
        return begin_body(r);
    if (*len > 0)
        return take_body(r, data, len);
    if (r->too_large && !r->handled)
        refuse_too_large(r);
    if (!r->handled)
        call_handler(r, method);
    if (r->response)
        return queue_answer(r);
    r->suspended = true;
    conn_of(mc)->waiting = true;
    MHD_suspend_connection(mc);
    return MHD_YES;
}

/* ---- connections and the loop ---- */

static void on_connection(void *cls, struct MHD_Connection *mc, void **context,
                          enum MHD_ConnectionNotificationCode what)
{
    struct http_server *s = cls;
    struct conn *c = *context;
    if (what == MHD_CONNECTION_NOTIFY_STARTED) {
        c = xcalloc(1, sizeof *c);
        c->fd = MHD_get_connection_info(mc, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd;
        c->since_ms = clock_mono_ms();
        DL_APPEND(s->conns, c);
        s->n_conns++;
        *context = c;
    } else if (c) {
        DL_DELETE(s->conns, c);
        s->n_conns--;
        s->made_room = true;
        free(c);
        *context = NULL;
    }
}

/* The library's own time-out counts silence only; one byte now and then would hold a connection for ever. Those who
 * hold all of them, and say nothing whole, have less time. */
static void end_slow_requests(struct http_server *s)
{
    uint64_t now_ms = clock_mono_ms();
    uint64_t allowed_ms = s->n_conns < HTTP_CONNECTIONS_MAX ? HTTP_REQUEST_TIMEOUT_MS : HTTP_PRESSED_TIMEOUT_MS;
    for (struct conn *c = s->conns; c; c = c->next)
        if (!c->waiting && now_ms - c->since_ms > allowed_ms)
            (void)shutdown(c->fd, SHUT_RDWR);
}

static void release(struct http_server *s);
static void wake_listeners(struct http_server *s);

static void run(struct http_server *s)
{
    MHD_UNSIGNED_LONG_LONG wait_ms = SWEEP_MS;
    end_slow_requests(s);
    s->made_room = false;
    s->running = true;
    (void)MHD_run(s->daemon);
    s->running = false;
    if (s->free_pending) {
        release(s);
        return;
    }
    wake_listeners(s);
    bool timed = MHD_get_timeout(s->daemon, &wait_ms) == MHD_YES;
    /* A library that is full stops listening, and looks whether it may again when it begins to run, ahead of letting
     * connections go: without one more run the end of all of them would be the end of its listening. */
    if (s->made_room) {
        timed = true;
        wait_ms = 0;
    }
    if (timed || s->conns)
        (void)uv_timer_start(&s->timer, on_timer, timed && wait_ms < SWEEP_MS ? wait_ms : SWEEP_MS, 0);
    else
        (void)uv_timer_stop(&s->timer);
}

static void on_timer(uv_timer_t *timer)
{
    run(timer->data);
}

static void on_poll(uv_poll_t *poll, int status, int events)
{
    (void)status, (void)events;
    run(poll->data);
}

/* ---- further listening sockets ---- */

static void on_listener(uv_poll_t *poll, int status, int events)
{
    (void)status, (void)events;
    struct listener *l = poll->data;
    struct http_server *s = l->server;
    struct sockaddr_storage sa;
    while (s->n_conns < HTTP_CONNECTIONS_MAX) {
        socklen_t len = sizeof sa;
        int fd = accept4(l->fd, (struct sockaddr *)&sa, &len, SOCK_CLOEXEC | SOCK_NONBLOCK);
        if (fd < 0)
            break;
        (void)MHD_add_connection(s->daemon, fd, (struct sockaddr *)&sa, len); /* closes it when it fails */
    }
    s->listeners_wait = s->n_conns >= HTTP_CONNECTIONS_MAX;
    for (struct listener *each = s->listeners; s->listeners_wait && each; each = each->next)
        (void)uv_poll_stop(&each->poll);
    run(s);
}

static void wake_listeners(struct http_server *s)
{
    if (!s->listeners_wait || s->n_conns >= HTTP_CONNECTIONS_MAX)
        return;
    s->listeners_wait = false;
    for (struct listener *l = s->listeners; l; l = l->next)
        (void)uv_poll_start(&l->poll, UV_READABLE, on_listener);
}

static void on_listener_closed(uv_handle_t *handle)
{
    struct listener *l = handle->data;
    (void)close(l->fd);
    free(l);
}

int http_server_listen(struct http_server *s, int fd, struct err *e)
{
    struct listener *l = xcalloc(1, sizeof *l);
    int rc = uv_poll_init(s->loop, &l->poll, fd);
    l->fd = fd;
    l->server = s;
    l->poll.data = l;
    if (rc < 0) {
        (void)close(fd);
        free(l);
        return err_set(e, rc, "http server: %s", uv_strerror(rc));
    }
    DL_APPEND(s->listeners, l);
    (void)uv_poll_start(&l->poll, UV_READABLE, on_listener);
    return 0;
}

static void close_listeners(struct http_server *s)
{
    while (s->listeners) {
        struct listener *l = s->listeners;
        DL_DELETE(s->listeners, l);
        uv_close((uv_handle_t *)&l->poll, on_listener_closed);
    }
}

static void on_log(void *cls, const char *fmt, va_list ap) __attribute__((format(printf, 2, 0)));

static void on_log(void *cls, const char *fmt, va_list ap)
{
    (void)cls;
    char text[256];
    (void)vsnprintf(text, sizeof text, fmt, ap);
    log_debug("http_server", F_STR("message", text));
}

/* ---- start and end ---- */

static int parse_address(struct sockaddr_storage *out, socklen_t *len, const char *address, uint16_t port,
                         struct err *e)
{
    if (uv_ip4_addr(address, port, (struct sockaddr_in *)(void *)out) == 0) {
        *len = sizeof(struct sockaddr_in);
        return 0;
    }
    if (uv_ip6_addr(address, port, (struct sockaddr_in6 *)(void *)out) == 0) {
        *len = sizeof(struct sockaddr_in6);
        return 0;
    }
    return err_set(e, -EINVAL, "address %.100s: expected an IPv4 or IPv6 address in numbers", address);
}

static int listen_on(int *out, uint16_t *out_port, const char *address, uint16_t port, struct err *e)
{
    struct sockaddr_storage sa = { 0 };
    socklen_t len = 0;
    int on = 1;
    if (parse_address(&sa, &len, address, port, e) < 0)
        return -EINVAL;
    CLEANUP(fd_close_p) int fd = socket(sa.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) < 0 ||
        bind(fd, (struct sockaddr *)&sa, len) < 0 || listen(fd, 128) < 0 ||
        getsockname(fd, (struct sockaddr *)&sa, &len) < 0)
        return err_sys(e, "port %u on %s", port, address);
    *out_port = ntohs(sa.ss_family == AF_INET ? ((struct sockaddr_in *)(void *)&sa)->sin_port
                                              : ((struct sockaddr_in6 *)(void *)&sa)->sin6_port);
    *out = fd_steal(&fd);
    return 0;
}

static struct MHD_Daemon *start_daemon(struct http_server *s, int listen_fd)
{
    return MHD_start_daemon(MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ERROR_LOG, 0, NULL, NULL, on_request, s,
                            MHD_OPTION_EXTERNAL_LOGGER, on_log, NULL, MHD_OPTION_LISTEN_SOCKET, listen_fd,
                            MHD_OPTION_CONNECTION_MEMORY_LIMIT, CONNECTION_MEMORY_BYTES, MHD_OPTION_CONNECTION_LIMIT,
                            (unsigned)HTTP_CONNECTIONS_MAX, MHD_OPTION_CONNECTION_TIMEOUT,
                            (unsigned)HTTP_IDLE_TIMEOUT_S, MHD_OPTION_URI_LOG_CALLBACK, on_request_line, s,
                            MHD_OPTION_NOTIFY_COMPLETED, on_request_end, s, MHD_OPTION_NOTIFY_CONNECTION, on_connection,
                            s, MHD_OPTION_END);
}

static void on_closed(uv_handle_t *handle)
{
    struct http_server *s = handle->data;
    if (--s->open_handles == 0)
        free(s);
}

static void close_handles(struct http_server *s)
{
    uv_close((uv_handle_t *)&s->poll, on_closed);
    uv_close((uv_handle_t *)&s->timer, on_closed);
}

static int attach(struct http_server *s, struct err *e)
{
    const union MHD_DaemonInfo *info = MHD_get_daemon_info(s->daemon, MHD_DAEMON_INFO_EPOLL_FD);
    int rc = info ? uv_poll_init(s->loop, &s->poll, info->epoll_fd) : UV_ENOTSUP;
    if (rc < 0)
        return err_set(e, rc, "http server: %s", uv_strerror(rc));
    (void)uv_timer_init(s->loop, &s->timer);
    s->open_handles = 2;
    s->poll.data = s;
    s->timer.data = s;
    rc = uv_poll_start(&s->poll, UV_READABLE, on_poll);
    if (rc < 0) {
        close_handles(s);
        return err_set(e, rc, "http server: %s", uv_strerror(rc));
    }
    return 0;
}

struct http_server *http_server_new(uv_loop_t *loop, const char *address, uint16_t port, http_handler_fn *handler,
                                    void *arg, struct err *e)
{
    int fd = -1;
    struct http_server *s = xcalloc(1, sizeof *s);
    s->loop = loop;
    s->handler = handler;
    s->arg = arg;
    if (listen_on(&fd, &s->port, address, port, e) < 0) {
        free(s);
        return NULL;
    }
    s->daemon = start_daemon(s, fd);
    if (!s->daemon) {
        (void)close(fd);
        free(s);
        (void)err_set(e, -EIO, "port %u on %s: the HTTP server does not start", port, address);
        return NULL;
    }
    if (attach(s, e) < 0) {
        MHD_stop_daemon(s->daemon);
        if (s->open_handles == 0)
            free(s);
        return NULL;
    }
    return s;
}

uint16_t http_server_port(const struct http_server *s)
{
    return s->port;
}

static void release(struct http_server *s)
{
    close_listeners(s);
    close_handles(s); /* before the library closes the polled descriptor */
    for (struct http_reply *r = s->replies; r; r = r->next) {
        if (r->suspended || (r->stream && r->stream->parked))
            MHD_resume_connection(r->mc); /* the library refuses to stop otherwise */
        r->suspended = false;
        if (r->stream)
            r->stream->parked = false;
    }
    MHD_stop_daemon(s->daemon);
}

void http_server_free(struct http_server *s)
{
    if (!s || s->free_pending)
        return;
    s->free_pending = true;
    if (!s->running)
        release(s);
}
