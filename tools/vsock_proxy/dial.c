#include "dial.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>
#include <unistd.h>

#include "net/addresses.h"
#include "util/buf.h"

#define ADDRESSES_MAX 16

/* One attempt at one address. */
struct attempt {
    uv_poll_t poll;
    struct dial *dial;
    int fd;
};

struct dial {
    uv_loop_t *loop;
    struct endpoint to;
    const struct policy *policy;
    dial_done_fn *done;
    void *arg;
    uv_timer_t begin, limit;
    uv_getaddrinfo_t lookup;
    unsigned open_handles;
    bool looking_up, closing;
    struct sockaddr_storage addresses[ADDRESSES_MAX];
    size_t n_addresses, next;
    struct attempt *attempt;
    struct err last; /* what the last address said */
    uint64_t timeout_ms;
};

/* ---- the end ---- */

static void drop(struct dial *d)
{
    if (--d->open_handles == 0)
        free(d);
}

static void on_timer_closed(uv_handle_t *handle)
{
    drop(handle->data);
}

static void on_attempt_closed(uv_handle_t *handle)
{
    free(handle->data);
}

/* Returns the socket, which the caller then owns. */
static int close_attempt(struct dial *d)
{
    struct attempt *a = d->attempt;
    int fd = a ? a->fd : -1;
    d->attempt = NULL;
    if (!a)
        return -1;
    (void)uv_poll_stop(&a->poll);
    uv_close((uv_handle_t *)&a->poll, on_attempt_closed);
    return fd;
}

static void close_all(struct dial *d)
{
    d->closing = true;
    int fd = close_attempt(d);
    if (fd >= 0)
        (void)close(fd);
    if (d->looking_up)
        (void)uv_cancel((uv_req_t *)&d->lookup); /* its callback comes in any case and counts as a handle */
    uv_close((uv_handle_t *)&d->begin, on_timer_closed);
    uv_close((uv_handle_t *)&d->limit, on_timer_closed);
}

void dial_free(struct dial *d)
{
    if (d && !d->closing)
        close_all(d);
}

static void finish(struct dial *d, int fd, const struct err *why)
{
    dial_done_fn *done = d->done;
    void *arg = d->arg;
    struct err copy = *why; /* which may be the dial's own */
    close_all(d);
    done(arg, fd, &copy);
}

/* ---- one address ---- */

static void try_next(struct dial *d);

static void on_connected(uv_poll_t *poll, int status, int events)
{
    (void)status, (void)events;
    struct attempt *a = poll->data;
    struct dial *d = a->dial;
    static const struct err none = { 0 };
    int error = 0;
    socklen_t len = sizeof error;
    if (getsockopt(a->fd, SOL_SOCKET, SO_ERROR, &error, &len) < 0)
        error = errno;
    int fd = close_attempt(d);
    if (error == 0) {
        finish(d, fd, &none);
        return;
    }
    (void)close(fd);
    d->last = (struct err){ 0 };
    (void)err_set(&d->last, -error, "connect: %s", strerror(error));
    try_next(d);
}

/* Waits for a socket whose connect has begun. */
static int await(struct dial *d, int fd, struct err *e)
{
    struct attempt *a = xcalloc(1, sizeof *a);
    int rc = uv_poll_init(d->loop, &a->poll, fd);
    if (rc < 0) {
        free(a);
        return err_set(e, rc, "poll: %s", uv_strerror(rc));
    }
    a->dial = d;
    a->fd = fd;
    a->poll.data = a;
    d->attempt = a;
    (void)uv_poll_start(&a->poll, UV_WRITABLE, on_connected);
    return 0;
}

static int attempt(struct dial *d, const struct sockaddr_storage *sa, socklen_t len, struct err *e)
{
    int on = 1;
    int fd = sa->ss_family == AF_VSOCK ? vsock_socket(e)
                                       : socket(sa->ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return e->code ? e->code : err_sys(e, "socket");
    if (sa->ss_family == AF_INET || sa->ss_family == AF_INET6) {
        (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        (void)setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
    }
    int rc = connect(fd, (const struct sockaddr *)sa, len) == 0 || errno == EINPROGRESS ? 0 : err_sys(e, "connect");
    if (rc == 0)
        rc = await(d, fd, e);
    if (rc < 0)
        (void)close(fd);
    return rc;
}

static int try_address(struct dial *d, const struct sockaddr_storage *sa, struct err *e)
{
    char text[ENDPOINT_TEXT_MAX];
    if (d->policy && !policy_allows(d->policy, sa))
        return err_set(e, -EPERM, "destination %s is not allowed", endpoint_sockaddr_text(text, sa));
    /* public to others: what listens there for the owner, such as the way to the node's API, is not for jobs */
    if (d->policy && d->policy->n_rules == 0 && addresses_has(sa))
        return err_set(e, -EPERM, "destination %s is this machine's own", endpoint_sockaddr_text(text, sa));
    return attempt(d, sa, sa->ss_family == AF_INET ? sizeof(struct sockaddr_in) : sizeof(struct sockaddr_in6), e);
}

static void try_next(struct dial *d)
{
    while (d->next < d->n_addresses) {
        d->last = (struct err){ 0 };
        if (try_address(d, &d->addresses[d->next++], &d->last) == 0)
            return;
    }
    (void)err_set(&d->last, -EHOSTUNREACH, "no address");
    finish(d, -1, &d->last);
}

/* ---- the start ---- */

static void take_addresses(struct dial *d, const struct addrinfo *list)
{
    for (const struct addrinfo *a = list; a && d->n_addresses < ADDRESSES_MAX; a = a->ai_next)
        if (a->ai_family == AF_INET || a->ai_family == AF_INET6)
            memcpy(&d->addresses[d->n_addresses++], a->ai_addr, a->ai_addrlen);
}

static void on_looked_up(uv_getaddrinfo_t *lookup, int status, struct addrinfo *list)
{
    struct dial *d = lookup->data;
    d->looking_up = false;
    take_addresses(d, list);
    uv_freeaddrinfo(list);
    if (d->closing) {
        drop(d);
        return;
    }
    d->open_handles--;
    if (status < 0)
        (void)err_set(&d->last, status, "name %s: %s", d->to.host, uv_strerror(status));
    if (status < 0)
        finish(d, -1, &d->last);
    else
        try_next(d);
}

static int look_up(struct dial *d, struct err *e)
{
    struct addrinfo hints = { .ai_socktype = SOCK_STREAM, .ai_flags = AI_ADDRCONFIG };
    char port[8];
    (void)snprintf(port, sizeof port, "%u", d->to.port);
    d->lookup.data = d;
    int rc = uv_getaddrinfo(d->loop, &d->lookup, on_looked_up, d->to.host, port, &hints);
    if (rc < 0)
        return err_set(e, rc, "name %s: %s", d->to.host, uv_strerror(rc));
    d->looking_up = true;
    d->open_handles++;
    return 0;
}

static int dial_vsock(struct dial *d, struct err *e)
{
    struct sockaddr_storage sa;
    socklen_t len = vsock_sockaddr(&sa, &d->to.vsock);
    return attempt(d, &sa, len, e);
}

static int dial_unix(struct dial *d, struct err *e)
{
    struct sockaddr_storage sa = { 0 };
    struct sockaddr_un *un = (void *)&sa;
    un->sun_family = AF_UNIX;
    memcpy(un->sun_path, d->to.path, sizeof d->to.path);
    return attempt(d, &sa, sizeof *un, e);
}

static void on_begin(uv_timer_t *timer)
{
    struct dial *d = timer->data;
    int rc;
    if (d->to.kind == ENDPOINT_VSOCK) {
        rc = dial_vsock(d, &d->last);
    } else if (d->to.kind == ENDPOINT_UNIX) {
        rc = dial_unix(d, &d->last);
    } else if (endpoint_numeric(&d->addresses[0], &d->to)) {
        d->n_addresses = 1;
        try_next(d);
        return;
    } else {
        rc = look_up(d, &d->last);
    }
    if (rc < 0)
        finish(d, -1, &d->last);
}

static void on_limit(uv_timer_t *timer)
{
    struct dial *d = timer->data;
    d->last = (struct err){ 0 };
    (void)err_set(&d->last, -ETIMEDOUT, "connect: no answer within %llu ms", (unsigned long long)d->timeout_ms);
    finish(d, -1, &d->last);
}

struct dial *dial_start(uv_loop_t *loop, const struct endpoint *to, const struct policy *policy, uint64_t timeout_ms,
                        dial_done_fn *done, void *arg)
{
    struct dial *d = xcalloc(1, sizeof *d);
    *d = (struct dial){
        .loop = loop, .to = *to, .policy = policy, .timeout_ms = timeout_ms, .done = done, .arg = arg, .open_handles = 2
    };
    (void)uv_timer_init(loop, &d->begin);
    (void)uv_timer_init(loop, &d->limit);
    d->begin.data = d->limit.data = d;
    (void)uv_timer_start(&d->begin, on_begin, 0, 0);
    (void)uv_timer_start(&d->limit, on_limit, timeout_ms, 0);
    return d;
}
