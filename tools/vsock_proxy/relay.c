#include "relay.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "util/buf.h"
#include "util/clock.h"

/* One of the two sockets, with what is on its way to it. */
struct side {
    struct relay *relay;
    struct side *other;
    uv_poll_t poll;
    int fd;
    int events; /* polled for */
    uint8_t *held;
    size_t held_at, held_len;
    uint64_t held_since_ms; /* of what is held something was last taken */
    uint64_t read_bytes;
    bool ended; /* its peer sends no more */
    bool shut;  /* it was told that we send no more */
};

struct relay {
    struct side sides[2];
    unsigned open_handles;
    bool closing;
    uint64_t active_ms;
    relay_done_fn *done;
    void *arg;
};

static void on_poll(uv_poll_t *poll, int status, int events);

/* ---- the end ---- */

static void on_closed(uv_handle_t *handle)
{
    struct side *s = handle->data;
    struct relay *r = s->relay;
    free(s->held);
    if (--r->open_handles == 0)
        free(r);
}

static bool is_tcp(int fd)
{
    int family = 0;
    socklen_t len = sizeof family;
    return getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &family, &len) == 0 && (family == AF_INET || family == AF_INET6);
}

void relay_reset_socket(int fd)
{
    struct linger at_once = { .l_onoff = 1, .l_linger = 0 };
    if (is_tcp(fd)) /* elsewhere a lingering close would only wait */
        (void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    (void)close(fd);
}

/* A handle must be stopped before its socket is closed. */
static void close_sides(struct relay *r, bool reset)
{
    r->closing = true;
    for (size_t i = 0; i < 2; i++) {
        struct side *s = &r->sides[i];
        (void)uv_poll_stop(&s->poll);
        if (reset)
            relay_reset_socket(s->fd);
        else
            (void)close(s->fd);
        uv_close((uv_handle_t *)&s->poll, on_closed);
    }
}

static void end(struct relay *r, const struct err *why)
{
    relay_done_fn *done = r->done;
    void *arg = r->arg;
    close_sides(r, why->code != 0);
    done(arg, why);
}

void relay_free(struct relay *r)
{
    if (r && !r->closing)
        close_sides(r, true);
}

/* ---- bytes ---- */

static bool would_block(ssize_t n)
{
    return n < 0 && (errno == EAGAIN || errno == EINTR);
}

/* Tells s that no more comes, once all is sent. */
static int pass_end(struct side *s, struct err *e)
{
    if (!s->other->ended || s->held_len > 0 || s->shut)
        return 0;
    s->shut = true;
    if (shutdown(s->fd, SHUT_WR) < 0 && errno != ENOTCONN)
        return err_sys(e, "shutdown");
    return 0;
}

/* Writes data to s and holds what it does not take. Nothing is held yet. */
static int put(struct side *s, const uint8_t *data, size_t len, struct err *e)
{
    ssize_t n = send(s->fd, data, len, MSG_NOSIGNAL);
    if (n < 0 && !would_block(n))
        return err_sys(e, "write");
    size_t sent = n < 0 ? 0 : (size_t)n;
    if (sent == len)
        return 0;
    s->held = xmemdup(data + sent, len - sent);
    s->held_at = 0;
    s->held_len = len - sent;
    s->held_since_ms = clock_mono_ms();
    return 0;
}

static int flush(struct side *s, struct err *e)
{
    if (s->held_len == 0)
        return 0;
    ssize_t n = send(s->fd, s->held + s->held_at, s->held_len, MSG_NOSIGNAL);
    if (would_block(n))
        return 0;
    if (n < 0)
        return err_sys(e, "write");
    s->relay->active_ms = s->held_since_ms = clock_mono_ms();
    s->held_at += (size_t)n;
    s->held_len -= (size_t)n;
    if (s->held_len > 0)
        return 0;
    free(s->held);
    s->held = NULL;
    return pass_end(s, e);
}

/* Only TCP has a reset. Elsewhere a peer that is gone altogether before it has said anything has failed; a write of no
 * bytes tells such a one from a peer that has only finished its part. */
static bool failed_silently(const struct side *s)
{
    return s->read_bytes == 0 && !s->shut && !is_tcp(s->fd) && send(s->fd, "", 0, MSG_NOSIGNAL) < 0 && errno == EPIPE;
}

static int pump(struct side *s, struct err *e)
{
    uint8_t chunk[RELAY_HELD_MAX];
    if (s->ended || s->other->held_len > 0)
        return 0;
    ssize_t n = recv(s->fd, chunk, sizeof chunk, 0);
    if (would_block(n))
        return 0;
    if (n < 0)
        return err_sys(e, "read");
    if (n == 0) {
        if (failed_silently(s))
            return err_set(e, -ECONNRESET, "read: the peer has closed without a word");
        s->ended = true;
        return pass_end(s->other, e);
    }
    s->read_bytes += (size_t)n;
    s->relay->active_ms = clock_mono_ms();
    return put(s->other, chunk, (size_t)n, e);
}

/* Polls s for what there is to do; for nothing where it has ended and takes no more. */
static void watch(struct side *s)
{
    int events = 0;
    if (!s->ended && s->other->held_len == 0)
        events |= UV_READABLE;
    if (s->held_len > 0)
        events |= UV_WRITABLE;
    if (events == s->events)
        return;
    s->events = events;
    if (events)
        (void)uv_poll_start(&s->poll, events, on_poll);
    else
        (void)uv_poll_stop(&s->poll);
}

/* What a poll that failed has to tell. */
static int socket_error(const struct side *s, struct err *e)
{
    int error = 0;
    socklen_t len = sizeof error;
    if (getsockopt(s->fd, SOL_SOCKET, SO_ERROR, &error, &len) < 0 || error == 0)
        error = ECONNRESET;
    return err_set(e, -error, "socket: %s", strerror(error));
}

static int serve(struct side *s, int status, int events, struct err *e)
{
    if (status < 0)
        return socket_error(s, e);
    int rc = (events & UV_WRITABLE) ? flush(s, e) : 0;
    return rc == 0 && (events & UV_READABLE) ? pump(s, e) : rc;
}

static void on_poll(uv_poll_t *poll, int status, int events)
{
    struct side *s = poll->data;
    struct relay *r = s->relay;
    struct err why = { 0 };
    if (serve(s, status, events, &why) < 0 || (r->sides[0].shut && r->sides[1].shut)) {
        end(r, &why);
        return;
    }
    watch(&r->sides[0]);
    watch(&r->sides[1]);
}

/* ---- start ---- */

static int open_side(struct relay *r, uv_loop_t *loop, unsigned i, int fd, struct err *e)
{
    struct side *s = &r->sides[i];
    int rc = uv_poll_init(loop, &s->poll, fd);
    if (rc < 0)
        return err_set(e, rc, "poll: %s", uv_strerror(rc));
    r->open_handles++;
    s->relay = r;
    s->other = &r->sides[1 - i];
    s->poll.data = s;
    s->fd = fd;
    return 0;
}

struct relay *relay_new(uv_loop_t *loop, const int fds[2], const void *preface, size_t len, relay_done_fn *done,
                        void *arg, struct err *e)
{
    struct relay *r = xcalloc(1, sizeof *r);
    r->done = done;
    r->arg = arg;
    r->active_ms = clock_mono_ms();
    if (open_side(r, loop, 0, fds[0], e) < 0) {
        relay_reset_socket(fds[0]);
        relay_reset_socket(fds[1]);
        free(r);
        return NULL;
    }
    if (open_side(r, loop, 1, fds[1], e) < 0) {
        relay_reset_socket(fds[0]);
        relay_reset_socket(fds[1]);
        uv_close((uv_handle_t *)&r->sides[0].poll, on_closed);
        return NULL;
    }
    if (len > 0) { /* written as soon as it can be; reading from fds[0] waits for that */
        r->sides[1].held = xmemdup(preface, len);
        r->sides[1].held_len = len;
        r->sides[1].held_since_ms = r->active_ms;
    }
    watch(&r->sides[0]);
    watch(&r->sides[1]);
    return r;
}

uint64_t relay_active_ms(const struct relay *r)
{
    return r->active_ms;
}

uint64_t relay_waits_since_ms(const struct relay *r)
{
    uint64_t since_ms = r->sides[0].ended || r->sides[1].ended ? r->active_ms : 0;
    for (size_t i = 0; i < 2; i++) {
        const struct side *s = &r->sides[i];
        if (s->held_len > 0 && (since_ms == 0 || s->held_since_ms < since_ms))
            since_ms = s->held_since_ms;
    }
    return since_ms;
}

uint64_t relay_bytes(const struct relay *r, unsigned i)
{
    return r->sides[i].read_bytes;
}
