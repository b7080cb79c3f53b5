/* libmicrohttpd without threads and without a socket of its own to listen on: its epoll descriptor is polled by the
 * loop, its time-outs run on one timer of ours, and it is handed the connections that we accept. Left to itself it
 * would ask again at once, and for ever, for a connection that there is no descriptor for. Here is listening and
 * running; who is connected is in http_conns.c, what they ask and get in http_request.c. */
#include "api/http_server.h"

#include <arpa/inet.h>
#include <errno.h>
#include <microhttpd.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <utlist.h>

#include "api/http_conns.h"
#include "api/http_request.h"
#include "util/buf.h"
#include "util/cleanup.h"
#include "util/clock.h"
#include "util/log.h"

/* Above 32 KiB the library takes a connection's memory from mmap and gives it back by munmap: nothing of a request
 * stays in the heap. Bounds the headers too. */
#define CONNECTION_MEMORY_BYTES ((size_t)40 * 1024)
#define SWEEP_MS 1000
#define STARVED_MS 500 /* no descriptor or memory for one more connection: until it is tried again */

/* A socket to listen on. */
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
    struct http_conns conns;
    struct http_requests requests;
    struct listener *listeners;
    bool listeners_wait; /* all connections are taken, or there is nothing to make one of */
    uint64_t starved_until_ms;
    unsigned starved;  /* times in a row */
    bool running;      /* inside MHD_run */
    bool free_pending; /* http_server_free was called there */
};

/* ---- the loop ---- */

static void on_timer(uv_timer_t *timer);
static void release(struct http_server *s);
static void wake_listeners(struct http_server *s);

static void run(struct http_server *s)
{
    MHD_UNSIGNED_LONG_LONG wait_ms = SWEEP_MS;
    http_conns_end_slow(&s->conns);
    s->running = true;
    (void)MHD_run(s->daemon);
    s->running = false;
    if (s->free_pending) {
        release(s);
        return;
    }
    wake_listeners(s);
    bool timed = MHD_get_timeout(s->daemon, &wait_ms) == MHD_YES;
    if (s->listeners_wait && wait_ms > STARVED_MS)
        wait_ms = STARVED_MS;
    if (timed || s->listeners_wait || s->conns.n > 0)
        (void)uv_timer_start(&s->timer, on_timer, wait_ms < SWEEP_MS ? wait_ms : SWEEP_MS, 0);
    else
        (void)uv_timer_stop(&s->timer);
}

static void on_timer(uv_timer_t *timer)
{
    run(timer->data);
}

static void run_soon(void *arg)
{
    struct http_server *s = arg;
    (void)uv_timer_start(&s->timer, on_timer, 0, 0);
}

static void on_poll(uv_poll_t *poll, int status, int events)
{
    (void)status, (void)events;
    run(poll->data);
}

/* ---- listening ---- */

/* A connection that cannot be taken stays where it is, and its socket readable: looking away spares the CPU. */
static void starve(struct http_server *s, int error)
{
    s->starved_until_ms = clock_mono_ms() + STARVED_MS;
    if (log_is_worth(++s->starved))
        log_warn("http_accept_failed", F_STR("error", strerror(error)), F_U64("times", s->starved));
}

static bool may_accept(const struct http_server *s)
{
    return !http_conns_full(&s->conns) && clock_mono_ms() >= s->starved_until_ms;
}

static void on_listener(uv_poll_t *poll, int status, int events)
{
    (void)status, (void)events;
    struct listener *l = poll->data;
    struct http_server *s = l->server;
    struct sockaddr_storage sa;
    while (!http_conns_full(&s->conns)) {
        socklen_t len = sizeof sa;
        int fd = accept4(l->fd, (struct sockaddr *)&sa, &len, SOCK_CLOEXEC | SOCK_NONBLOCK);
        if (fd < 0) {
            if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM)
                starve(s, errno);
            break;
        }
        s->starved = 0;
        (void)MHD_add_connection(s->daemon, fd, (struct sockaddr *)&sa, len); /* closes it when it fails */
    }
    s->listeners_wait = !may_accept(s);
    for (struct listener *each = s->listeners; s->listeners_wait && each; each = each->next)
        (void)uv_poll_stop(&each->poll);
    run(s);
}

static void wake_listeners(struct http_server *s)
{
    if (!s->listeners_wait || !may_accept(s))
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

static struct MHD_Daemon *start_daemon(struct http_server *s)
{
    return MHD_start_daemon(MHD_USE_EPOLL | MHD_USE_NO_LISTEN_SOCKET | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ERROR_LOG, 0,
                            NULL, NULL, http_request_part, &s->requests, MHD_OPTION_EXTERNAL_LOGGER, on_log, NULL,
                            MHD_OPTION_CONNECTION_MEMORY_LIMIT, CONNECTION_MEMORY_BYTES, MHD_OPTION_CONNECTION_LIMIT,
                            (unsigned)HTTP_CONNECTIONS_MAX, MHD_OPTION_CONNECTION_TIMEOUT,
                            (unsigned)HTTP_IDLE_TIMEOUT_S, MHD_OPTION_URI_LOG_CALLBACK, http_request_line, &s->requests,
                            MHD_OPTION_NOTIFY_COMPLETED, http_request_end, &s->requests, MHD_OPTION_NOTIFY_CONNECTION,
                            http_conns_notify, &s->conns, MHD_OPTION_END);
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
    s->requests = (struct http_requests){ .handler = handler, .handler_arg = arg, .wake = run_soon, .wake_arg = s };
    if (listen_on(&fd, &s->port, address, port, e) < 0) {
        free(s);
        return NULL;
    }
    s->daemon = start_daemon(s);
    if (!s->daemon) {
        (void)close(fd);
        free(s);
        (void)err_set(e, -EIO, "port %u on %s: the HTTP server does not start", port, address);
        return NULL;
    }
    if (attach(s, e) < 0) {
        (void)close(fd);
        MHD_stop_daemon(s->daemon);
        if (s->open_handles == 0)
            free(s);
        return NULL;
    }
    if (http_server_listen(s, fd, e) < 0) {
        http_server_free(s);
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
    http_requests_abandon(&s->requests);
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
