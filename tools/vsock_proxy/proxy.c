#include "proxy.h"

#include <assert.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <utlist.h>

#include "dial.h"
#include "intercept.h"
#include "owner.h"
#include "relay.h"
#include "util/buf.h"
#include "util/cleanup.h"
#include "util/clock.h"
#include "util/log.h"

#define SWEEP_MS 500
#define ACCEPT_AT_ONCE 64

enum state {
    ST_INVALID,
    ST_HEADER,  /* reads where to */
    ST_DIALING, /* connects */
    ST_RELAYING,
    ST_CLOSED,
    N_STATES,
};

enum event { EV_HEADER, EV_CONNECTED, EV_END, N_EVENTS };

static const enum state next_state[N_STATES][N_EVENTS] = {
    [ST_HEADER] = { [EV_HEADER] = ST_DIALING, [EV_END] = ST_CLOSED },
    [ST_DIALING] = { [EV_CONNECTED] = ST_RELAYING, [EV_END] = ST_CLOSED },
    [ST_RELAYING] = { [EV_END] = ST_CLOSED },
};

struct door {
    struct proxy *proxy;
    const struct forward *forward;
    struct endpoint from; /* with the port that was taken */
    uv_poll_t poll;
    int fd;
    bool open;
};

struct stream {
    struct stream *prev, *next;
    struct door *door;
    enum state state;
    uint64_t id, since_ms;
    int fd; /* what was accepted, until it is the relay's */
    uv_poll_t *poll;
    uint8_t header[PROXY_HEADER_BYTES];
    size_t header_len;
    struct dial *dial;
    struct relay *relay;
};

struct proxy {
    uv_loop_t *loop;
    const struct options *options;
    struct intercept intercept;
    struct door *doors;
    size_t n_doors, open_handles;
    uv_timer_t sweep;
    struct stream *streams;
    size_t n_streams;
    uint64_t next_id, drain_until_ms;
    bool full, draining, closing;
    void (*stopped)(void *arg);
    void *arg;
};

static void step(struct stream *s, enum event ev)
{
    enum state to = next_state[s->state][ev];
    assert(to != ST_INVALID);
    s->state = to;
}

/* ---- the end of all ---- */

static void on_handle_closed(uv_handle_t *handle)
{
    struct proxy *p = handle->data;
    if (--p->open_handles > 0)
        return;
    void (*stopped)(void *) = p->stopped;
    void *arg = p->arg;
    intercept_close(&p->intercept); /* not before: its route carries what it has caught */
    free(p->doors);
    free(p);
    if (stopped)
        stopped(arg);
}

static void on_door_closed(uv_handle_t *handle)
{
    struct door *d = handle->data;
    struct proxy *p = d->proxy;
    handle->data = p;
    on_handle_closed(handle);
}

static void close_doors(struct proxy *p)
{
    for (size_t i = 0; i < p->n_doors; i++) {
        struct door *d = &p->doors[i];
        if (!d->open)
            continue;
        d->open = false;
        (void)uv_poll_stop(&d->poll);
        (void)close(d->fd);
        if (d->forward->kind != FORWARD_GATHER)
            endpoint_unlisten(&d->from);
        uv_close((uv_handle_t *)&d->poll, on_door_closed);
    }
}

static void close_all(struct proxy *p)
{
    p->closing = true;
    uv_close((uv_handle_t *)&p->sweep, on_handle_closed);
}

/* ---- the end of a stream ---- */

static void on_poll_closed(uv_handle_t *handle)
{
    free(handle);
}

static void stop_header(struct stream *s)
{
    if (!s->poll)
        return;
    (void)uv_poll_stop(s->poll);
    uv_close((uv_handle_t *)s->poll, on_poll_closed);
    s->poll = NULL;
}

static void open_doors_again(struct proxy *p);

/* Whatever the stream still has is reset. */
static void stream_free(struct stream *s)
{
    struct proxy *p = s->door->proxy;
    stop_header(s);
    dial_free(s->dial);
    relay_free(s->relay);
    if (s->fd >= 0)
        relay_reset_socket(s->fd);
    DL_DELETE(p->streams, s);
    p->n_streams--;
    free(s);
    if (p->draining && !p->closing && p->n_streams == 0)
        close_all(p);
    else
        open_doors_again(p);
}

static void stream_fail(struct stream *s, const struct err *why)
{
    char from[ENDPOINT_TEXT_MAX];
    step(s, EV_END);
    log_warn(why->code == -EPERM ? "stream_refused" : "stream_failed", F_U64("stream", s->id),
             F_STR("from", s->door->forward->kind == FORWARD_GATHER ? "egress" : endpoint_text(from, &s->door->from)),
             F_ERR(why));
    stream_free(s);
}

static void on_relay_done(void *arg, const struct err *why)
{
    struct stream *s = arg;
    log_debug("stream_ended", F_U64("stream", s->id), F_U64("sent_bytes", relay_bytes(s->relay, 0)),
              F_U64("received_bytes", relay_bytes(s->relay, 1)), F_STR("error", why->msg));
    s->relay = NULL; /* gone with this call */
    step(s, EV_END);
    stream_free(s);
}

/* ---- a stream's way ---- */

static void on_dialed(void *arg, int fd, const struct err *why)
{
    struct stream *s = arg;
    struct err e = { 0 };
    s->dial = NULL;
    if (why->code) {
        stream_fail(s, why);
        return;
    }
    bool header = s->door->forward->kind == FORWARD_GATHER;
    int fds[2] = { fd_steal(&s->fd), fd };
    s->relay = relay_new(s->door->proxy->loop, fds, s->header, header ? sizeof s->header : 0, on_relay_done, s, &e);
    if (s->relay)
        step(s, EV_CONNECTED);
    else
        stream_fail(s, &e);
}

/* A destination that the command line names is allowed by that, unless it limits destinations. */
static void dial(struct stream *s, const struct endpoint *to)
{
    const struct options *o = s->door->proxy->options;
    bool named = s->door->forward->kind == FORWARD_PLAIN && o->policy.n_rules == 0;
    char text[ENDPOINT_TEXT_MAX];
    log_debug("stream_begins", F_U64("stream", s->id), F_STR("to", endpoint_text(text, to)));
    s->dial =
        dial_start(s->door->proxy->loop, to, named ? NULL : &o->policy, o->connect_s * (uint64_t)1000, on_dialed, s);
}

static void on_header(uv_poll_t *poll, int status, int events)
{
    (void)status, (void)events;
    struct stream *s = poll->data;
    struct err e = { 0 };
    struct endpoint to = { .kind = ENDPOINT_TCP };
    ssize_t n = recv(s->fd, s->header + s->header_len, sizeof s->header - s->header_len, 0);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (n <= 0) {
        (void)err_set(&e, -EPROTO, "ended after %zu of %d bytes of its destination", s->header_len, PROXY_HEADER_BYTES);
        stream_fail(s, &e);
        return;
    }
    s->header_len += (size_t)n;
    if (s->header_len < sizeof s->header)
        return;
    stop_header(s);
    step(s, EV_HEADER);
    const uint8_t *h = s->header;
    (void)snprintf(to.host, sizeof to.host, "%u.%u.%u.%u", h[3], h[2], h[1], h[0]);
    to.port = (uint16_t)(h[4] | h[5] << 8);
    dial(s, &to);
}

static void read_header(struct stream *s)
{
    uv_poll_t *poll = xcalloc(1, sizeof *poll);
    int rc = uv_poll_init(s->door->proxy->loop, poll, s->fd);
    if (rc < 0) {
        struct err e = { 0 };
        free(poll);
        (void)err_set(&e, rc, "poll: %s", uv_strerror(rc));
        stream_fail(s, &e);
        return;
    }
    poll->data = s;
    s->poll = poll;
    (void)uv_poll_start(poll, UV_READABLE, on_header);
}

/* The destination of a connection that was caught is its own address. */
static int put_header(struct stream *s, struct err *e)
{
    struct sockaddr_in sa = { 0 };
    socklen_t len = sizeof sa;
    if (getsockname(s->fd, (struct sockaddr *)&sa, &len) < 0)
        return err_sys(e, "getsockname");
    uint32_t address = ntohl(sa.sin_addr.s_addr);
    uint16_t port = ntohs(sa.sin_port);
    if (address >> 24 == IN_LOOPBACKNET)
        return err_set(e, -EPERM, "destination is this proxy's own socket");
    for (unsigned i = 0; i < 4; i++)
        s->header[i] = (uint8_t)(address >> (8 * i));
    s->header[4] = (uint8_t)port;
    s->header[5] = (uint8_t)(port >> 8);
    return 0;
}

/* Half of all streams are for programs of this proxy's own user, as the node is: whatever jobs open by the egress
 * gateway, which has another one, there is a way to the chain. */
static int check_share(const struct stream *s, struct err *e)
{
    const struct proxy *p = s->door->proxy;
    uid_t uid;
    if (p->n_streams <= p->options->max_streams / 2 || (owner_of(&uid, s->fd) == 0 && uid == geteuid()))
        return 0;
    return err_set(e, -EDQUOT, "more than half of %u streams, and of another user", p->options->max_streams);
}

static void stream_begin(struct door *d, int fd)
{
    struct proxy *p = d->proxy;
    struct stream *s = xcalloc(1, sizeof *s);
    struct err e = { 0 };
    int on = 1;
    bool spread = d->forward->kind == FORWARD_SPREAD;
    *s = (struct stream){ .door = d, .state = spread ? ST_HEADER : ST_DIALING, .fd = fd };
    s->id = ++p->next_id;
    s->since_ms = clock_mono_ms();
    DL_APPEND(p->streams, s);
    p->n_streams++;
    if (d->forward->kind == FORWARD_GATHER || d->from.kind == ENDPOINT_TCP) {
        (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        (void)setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
    }
    if (spread)
        read_header(s);
    else if (d->forward->kind == FORWARD_GATHER && (put_header(s, &e) < 0 || check_share(s, &e) < 0))
        stream_fail(s, &e);
    else
        dial(s, &d->forward->to);
}

/* ---- doors ---- */

static void pause_doors(struct proxy *p)
{
    p->full = true;
    for (size_t i = 0; i < p->n_doors; i++)
        (void)uv_poll_stop(&p->doors[i].poll);
}

static void on_door(uv_poll_t *poll, int status, int events)
{
    (void)status, (void)events;
    struct door *d = poll->data;
    struct proxy *p = d->proxy;
    for (size_t i = 0; i < ACCEPT_AT_ONCE && p->n_streams < p->options->max_streams; i++) {
        int fd = accept4(d->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
        if (fd < 0 && (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM)) {
            log_warn("accept_failed", F_STR("error", strerror(errno)), F_U64("streams", p->n_streams));
            pause_doors(p); /* until the next sweep */
            return;
        }
        if (fd < 0)
            return;
        stream_begin(d, fd);
    }
    if (p->n_streams >= p->options->max_streams)
        pause_doors(p);
}

static void open_doors_again(struct proxy *p)
{
    if (!p->full || p->draining || p->n_streams >= p->options->max_streams)
        return;
    p->full = false;
    for (size_t i = 0; i < p->n_doors; i++)
        (void)uv_poll_start(&p->doors[i].poll, UV_READABLE, on_door);
}

/* why: NULL for a stream that may go on. */
static void reset_streams(struct proxy *p, const char *(*why)(const struct stream *s, uint64_t now_ms))
{
    struct stream *s, *next;
    uint64_t now_ms = clock_mono_ms();
    DL_FOREACH_SAFE(p->streams, s, next) {
        struct err e = { 0 };
        const char *text = why(s, now_ms);
        if (!text)
            continue;
        (void)err_set(&e, -ETIMEDOUT, "%s", text);
        stream_fail(s, &e);
    }
}

static const char *any_stream(const struct stream *s, uint64_t now_ms)
{
    (void)s, (void)now_ms;
    return "the proxy stops";
}

static bool is_over(uint64_t since_ms, uint64_t now_ms, uint32_t limit_s)
{
    return limit_s > 0 && now_ms - since_ms > limit_s * (uint64_t)1000;
}

/* A dial has its own limit. */
static const char *silent_stream(const struct stream *s, uint64_t now_ms)
{
    const struct options *o = s->door->proxy->options;
    if (s->state == ST_HEADER)
        return is_over(s->since_ms, now_ms, o->connect_s) ? "no destination for too long" : NULL;
    if (s->state != ST_RELAYING)
        return NULL;
    uint64_t waits_since_ms = relay_waits_since_ms(s->relay);
    if (waits_since_ms != 0 && is_over(waits_since_ms, now_ms, o->stall_s))
        return "one side takes nothing, or is silent and alone, for too long";
    return is_over(relay_active_ms(s->relay), now_ms, o->idle_s) ? "no byte for too long" : NULL;
}

static void on_sweep(uv_timer_t *timer)
{
    struct proxy *p = timer->data;
    bool late = p->draining && clock_mono_ms() >= p->drain_until_ms;
    open_doors_again(p);
    reset_streams(p, late ? any_stream : silent_stream);
}

static int open_door(struct proxy *p, const struct forward *f, struct err *e)
{
    struct door *d = &p->doors[p->n_doors];
    char from[ENDPOINT_TEXT_MAX] = "egress", to[ENDPOINT_TEXT_MAX] = "egress";
    *d = (struct door){ .proxy = p, .forward = f, .from = f->from };
    if (f->kind == FORWARD_GATHER && intercept_open(&p->intercept, e) < 0)
        return e->code;
    d->fd = f->kind == FORWARD_GATHER ? fd_steal(&p->intercept.listener) : endpoint_listen(&d->from, e);
    if (d->fd < 0)
        return d->fd;
    int rc = uv_poll_init(p->loop, &d->poll, d->fd);
    if (rc < 0) {
        (void)close(d->fd);
        return err_set(e, rc, "poll: %s", uv_strerror(rc));
    }
    d->open = true;
    d->poll.data = d;
    p->n_doors++;
    p->open_handles++;
    (void)uv_poll_start(&d->poll, UV_READABLE, on_door);
    log_info("listening", F_STR("from", f->kind == FORWARD_GATHER ? from : endpoint_text(from, &d->from)),
             F_STR("to", f->kind == FORWARD_SPREAD ? to : endpoint_text(to, &f->to)));
    return 0;
}

struct proxy *proxy_new(uv_loop_t *loop, const struct options *o, void (*stopped)(void *arg), void *arg, struct err *e)
{
    struct proxy *p = xcalloc(1, sizeof *p);
    *p = (struct proxy){ .loop = loop, .options = o, .intercept = { -1, -1, -1, false }, .open_handles = 1 };
    p->doors = xcalloc(o->n_forwards, sizeof *p->doors);
    (void)uv_timer_init(loop, &p->sweep);
    p->sweep.data = p;
    for (size_t i = 0; i < o->n_forwards; i++) {
        if (open_door(p, &o->forwards[i], e) < 0) {
            close_doors(p);
            close_all(p);
            return NULL;
        }
    }
    p->stopped = stopped;
    p->arg = arg;
    (void)uv_timer_start(&p->sweep, on_sweep, SWEEP_MS, SWEEP_MS);
    return p;
}

void proxy_stop(struct proxy *p)
{
    if (p->closing)
        return;
    bool again = p->draining;
    close_doors(p);
    p->draining = true;
    p->drain_until_ms = clock_mono_ms() + (again ? 0 : p->options->drain_s * (uint64_t)1000);
    log_info("draining", F_U64("streams", p->n_streams), F_U64("seconds", again ? 0 : p->options->drain_s));
    if (p->n_streams == 0)
        close_all(p);
    else if (again)
        reset_streams(p, any_stream);
}
