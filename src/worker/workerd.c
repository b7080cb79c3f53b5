#include "worker/workerd.h"

#include <assert.h>
#include <errno.h>
#include <linux/sockios.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "util/buf.h"
#include "util/cleanup.h"
#include "util/clock.h"
#include "worker/child.h"
#include "worker/exchange.h"
#include "worker/fallback.h"
#include "worker/io.h"

#define BOOT_TIMEOUT_S 30          /* a boot takes 20 ms; over this it hangs, also on a machine short of time */
#define UNREAD_TIMEOUT_US 2000000u /* a held worker that has not read the code by then hangs */
/* How long a closed connection waits for the exit that explains it: with the code loaded, a process that ends is gone
 * at once; one that refuses the code first takes itself apart. */
#define SETTLE_LOADED_US 300000u
#define SETTLE_UNLOADED_US 2000000u
#define BOOT_WEIGHT_PERCENT 10
#define REASON_MAX 512

enum state {
    ST_INVALID,
    ST_BOOTING,
    ST_HELD,     /* has asked for the code */
    ST_RUNNING,  /* has been sent code and inputs */
    ST_SETTLING, /* closed the connection without a response; its exit will say why */
    ST_ENDING,   /* killed, told to the owner; until the child is gone */
    N_STATES,
};

enum event { EV_ASKED, EV_RUN, EV_CLOSED, EV_END, N_EVENTS };

static const enum state next_state[N_STATES][N_EVENTS] = {
    [ST_BOOTING] = { [EV_ASKED] = ST_HELD, [EV_END] = ST_ENDING },
    [ST_HELD] = { [EV_RUN] = ST_RUNNING, [EV_END] = ST_ENDING },
    [ST_RUNNING] = { [EV_CLOSED] = ST_SETTLING, [EV_END] = ST_ENDING },
    [ST_SETTLING] = { [EV_END] = ST_ENDING },
    [ST_ENDING] = { [EV_END] = ST_ENDING },
};

/* A descriptor on the loop, closed with its handle. */
struct watch {
    uv_poll_t poll; /* its data is the worker */
    int fd;
    bool open;
};

struct workerd {
    enum state state;
    struct workerd_spec spec;
    workerd_event_fn *fn;
    void *arg;
    struct child *child;
    struct watch listener, fallback, control, client;
    uv_timer_t timer;
    unsigned open_handles;
    int slot_dirfd;
    char *slot_path;
    struct buf question;
    bool loaded;      /* the "listen" line came: the code was compiled and its top level has run */
    bool code_unread; /* it closed the fallback connection with unread code */
    bool child_exited;
    struct buf answer_head, answer, request_head;
    struct io_outflow answer_out, request_out;
    struct exchange *exchange;
    uint64_t started_us, deadline_us, unread_us, settle_us; /* monotonic; 0 = not set */
    struct worker_result result;
    char reason[REASON_MAX];
};

static void on_timer(uv_timer_t *t);

static void step(struct workerd *w, enum event ev)
{
    enum state to = next_state[w->state][ev];
    assert(to != ST_INVALID);
    w->state = to;
}

static void free_memory(struct workerd *w)
{
    buf_free(&w->question);
    buf_free(&w->answer_head);
    buf_free(&w->answer);
    buf_free(&w->request_head);
    exchange_free(w->exchange);
    free(w->slot_path);
    free(w);
}

/* ---- descriptors on the loop ---- */

static void on_handle_closed(uv_handle_t *h)
{
    struct workerd *w = h->data;
    if (--w->open_handles == 0)
        free_memory(w);
}

/* Takes fd over. */
static int watch_open(struct workerd *w, struct watch *a, int fd, struct err *e)
{
    int rc = uv_poll_init(w->spec.loop, &a->poll, fd);
    if (rc != 0) {
        (void)close(fd);
        return err_set(e, rc, "watch a descriptor: %s", uv_strerror(rc));
    }
    a->poll.data = w;
    a->fd = fd;
    a->open = true;
    w->open_handles++;
    return 0;
}

static void watch_close(struct watch *a)
{
    if (!a->open)
        return;
    a->open = false;
    uv_close((uv_handle_t *)&a->poll, on_handle_closed);
    (void)close(a->fd);
}

static void close_watches(struct workerd *w)
{
    watch_close(&w->listener);
    watch_close(&w->fallback);
    watch_close(&w->control);
    watch_close(&w->client);
}

static void arm_timer(struct workerd *w, uint64_t at_us)
{
    uint64_t now = clock_mono_us();
    uv_update_time(w->spec.loop);
    (void)uv_timer_start(&w->timer, on_timer, at_us > now ? (at_us - now + 999) / 1000 : 0, 0);
}

/* ---- endings ---- */

static void tell(struct workerd *w, enum workerd_event ev)
{
    step(w, EV_END);
    (void)uv_timer_stop(&w->timer);
    w->fn(w->arg, ev);
    close_watches(w);
    child_kill(w->child);
}

__attribute__((format(printf, 2, 3))) static void set_reason(struct workerd *w, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    (void)vsnprintf(w->reason, sizeof w->reason, fmt, ap);
    va_end(ap);
}

/* The line of the console that says why the code was refused, or its first line. */
static void reason_from_console(struct workerd *w, const char *fallback)
{
    static const char prefix[] = "service main: ";
    struct child_console con = child_console(w->child);
    const char *at = strstr(con.text, prefix);
    at = at ? at + sizeof prefix - 1 : con.text;
    int n = (int)strcspn(at, "\n");
    if (n == 0)
        set_reason(w, "%s", fallback);
    else
        set_reason(w, "%.*s", n > 400 ? 400 : n, at);
}

static void finish(struct workerd *w, enum worker_end end, const char *reason)
{
    struct cgroup_usage usage = { 0 };
    cgroup_read_usage(w->spec.cgroups, w->spec.index, &usage);
    struct child_console con = child_console(w->child);
    w->result = (struct worker_result){
        .end = end,
        .http_status = exchange_http_status(w->exchange),
        .run_us = clock_mono_us() - w->started_us,
        .cpu_us = usage.cpu_us,
        .memory_peak_bytes = usage.memory_peak_bytes,
        .oom_killed = usage.oom_kills > 0,
        .console = con.text,
        .console_len = con.len,
        .console_truncated = con.truncated,
        .reason = reason,
    };
    if (end == WORKER_ANSWERED)
        w->result.output = exchange_body(w->exchange, &w->result.output_len);
    tell(w, WORKERD_DONE);
}

static void fail(struct workerd *w)
{
    tell(w, WORKERD_FAILED);
}

/* ---- the control pipe ---- */

/* One line comes, in one piece. Nobody reads on: whatever runs in the worker by then could keep the loop busy. */
static void read_control(struct workerd *w)
{
    char bytes[512];
    ssize_t n = read(w->control.fd, bytes, sizeof bytes);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    w->loaded = n > 0 && memmem(bytes, (size_t)n, "\"listen\"", 8) != NULL;
    watch_close(&w->control);
}

static void on_control(uv_poll_t *h, int status, int events)
{
    (void)status;
    (void)events;
    struct workerd *w = h->data;
    if (w->control.open)
        read_control(w);
}

/* ---- the response ---- */

/* The connection was closed without a response: the exit will say why, where there is one. Out of its quota the process
 * would stand still instead of ending. */
static void settle(struct workerd *w)
{
    watch_close(&w->client);
    if (w->control.open)
        read_control(w);
    step(w, EV_CLOSED);
    (void)cgroup_set_cpu(w->spec.cgroups, w->spec.index, 0, w->spec.cpu_period_us, NULL);
    w->settle_us = clock_mono_us() + (w->loaded ? SETTLE_LOADED_US : SETTLE_UNLOADED_US);
    arm_timer(w, w->settle_us < w->deadline_us ? w->settle_us : w->deadline_us);
}

/* Ends the run when the response says so. closed: by the worker, its exit may tell more. */
static void conclude(struct workerd *w, enum exchange_status status, bool closed)
{
    if (status == EXCHANGE_DONE && clock_mono_us() < w->deadline_us) {
        finish(w, WORKER_ANSWERED, "answered");
    } else if (status == EXCHANGE_DONE) {
        finish(w, WORKER_DEADLINE, "answered after its deadline");
    } else if (status == EXCHANGE_TOO_LARGE) {
        finish(w, WORKER_OUTPUT_TOO_LARGE, "output longer than the limit");
    } else if (closed && exchange_http_status(w->exchange) == 0 && !w->child_exited) {
        settle(w);
    } else {
        finish(w, WORKER_DIED, exchange_error(w->exchange));
    }
}

/* Reads what is there; true when that ended the run or the connection. */
static bool read_response(struct workerd *w)
{
    uint8_t bytes[32 * 1024];
    for (;;) {
        ssize_t n = read(w->client.fd, bytes, sizeof bytes);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
            return false;
        enum exchange_status st = n > 0 ? exchange_push(w->exchange, bytes, (size_t)n) : exchange_close(w->exchange);
        if (st == EXCHANGE_MORE)
            continue;
        conclude(w, st, n <= 0);
        return true;
    }
}

static void on_client(uv_poll_t *h, int status, int events)
{
    struct workerd *w = h->data;
    if (w->state != ST_RUNNING)
        return;
    if ((status < 0 || (events & UV_READABLE) != 0) && read_response(w))
        return;
    bool more = (events & UV_WRITABLE) != 0 && io_outflow_send(&w->request_out, w->client.fd);
    if ((events & UV_WRITABLE) != 0 && !more)
        (void)uv_poll_start(h, UV_READABLE, on_client);
}

/* ---- the module fallback ---- */

/* The worker's side of the connection before a job: its question, then nothing. */
static void read_question(struct workerd *w)
{
    char bytes[1024];
    ssize_t n = read(w->fallback.fd, bytes, sizeof bytes);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (n <= 0 && w->state == ST_BOOTING) {
        watch_close(&w->fallback); /* the exit follows and says why, or the timer ends it */
        return;
    }
    enum fallback_status st = n <= 0 ? FALLBACK_BAD : fallback_take(&w->question, bytes, (size_t)n);
    if (st == FALLBACK_BAD) {
        set_reason(w, n <= 0 ? "the held worker ended" : "the worker did not ask for the job's code alone");
        fail(w);
    }
    if (st != FALLBACK_ASKED)
        return;
    (void)uv_timer_stop(&w->timer);
    cgroup_reset_usage(w->spec.cgroups, w->spec.index);
    child_console_reset(w->child);
    step(w, EV_ASKED);
    w->fn(w->arg, WORKERD_HELD);
}

/* The connection once the code was sent: nothing is expected but its end. */
static void read_fallback_end(struct workerd *w)
{
    char bytes[256];
    ssize_t n = read(w->fallback.fd, bytes, sizeof bytes);
    if (n > 0 || (n < 0 && (errno == EAGAIN || errno == EINTR)))
        return;
    w->code_unread = n < 0;
    watch_close(&w->fallback);
}

static void on_fallback(uv_poll_t *h, int status, int events)
{
    struct workerd *w = h->data;
    if (!w->fallback.open || w->state == ST_ENDING)
        return;
    if (w->state == ST_BOOTING || w->state == ST_HELD) {
        read_question(w);
        return;
    }
    if (status < 0 || (events & UV_READABLE) != 0)
        read_fallback_end(w);
    if (w->fallback.open && (events & UV_WRITABLE) != 0 && !io_outflow_send(&w->answer_out, w->fallback.fd))
        (void)uv_poll_start(h, UV_READABLE, on_fallback);
}

/* The worker has come with its question; nobody gets to ask another one. */
static void on_listener(uv_poll_t *h, int status, int events)
{
    (void)status;
    (void)events;
    struct workerd *w = h->data;
    if (!w->listener.open || w->state != ST_BOOTING)
        return;
    int fd = accept4(w->listener.fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (fd < 0)
        return;
    watch_close(&w->listener);
    (void)unlinkat(w->slot_dirfd, "fb.sock", 0);
    struct err e = { 0 };
    if (watch_open(w, &w->fallback, fd, &e) != 0) {
        set_reason(w, "%s", e.msg);
        fail(w);
        return;
    }
    (void)uv_poll_start(&w->fallback.poll, UV_READABLE, on_fallback);
}

/* ---- the process ---- */

/* True when the worker cannot have seen the whole code, so that none of it has run. */
static bool code_not_read(struct workerd *w)
{
    if (w->fallback.open && io_outflow_done(&w->answer_out)) {
        int unread = 0;
        if (w->child_exited)
            read_fallback_end(w);
        else if (ioctl(w->fallback.fd, SIOCOUTQ, &unread) == 0)
            return unread > 0;
    }
    return w->code_unread || !io_outflow_done(&w->answer_out);
}

static void lose(struct workerd *w, const char *reason)
{
    set_reason(w, "%s", reason);
    tell(w, WORKERD_LOST);
}

/* Why a worker has ended by itself, as far as its exit says. True where that says it all. */
static bool reason_from_exit(struct workerd *w)
{
    const struct child_status *st = child_status(w->child);
    struct cgroup_usage usage = { 0 };
    cgroup_read_usage(w->spec.cgroups, w->spec.index, &usage);
    if (usage.oom_kills > 0)
        set_reason(w, "killed: over its memory limit");
    else if (st->code != CLD_EXITED)
        set_reason(w, "killed by signal %d (%s)", st->value, strsignal(st->value));
    else if (strstr(child_console(w->child).text, "fatal: V8 fatal error"))
        set_reason(w, "the JavaScript engine gave up: out of memory or a fatal error");
    else
        return false;
    return true;
}

static void classify_exit(struct workerd *w)
{
    if (reason_from_exit(w)) {
        finish(w, WORKER_DIED, w->reason);
    } else if (w->loaded) {
        set_reason(w, "workerd exited with status %d", child_status(w->child)->value);
        finish(w, WORKER_DIED, w->reason);
    } else {
        reason_from_console(w, "the code cannot be loaded");
        finish(w, WORKER_BAD_CODE, w->reason);
    }
}

static void on_exit_while_running(struct workerd *w)
{
    if (code_not_read(w)) {
        lose(w, "the worker ended before it had read the code");
        return;
    }
    if (w->control.open)
        read_control(w);
    if (w->state == ST_RUNNING) {
        /* A complete response may have come just before the end; one that did not is for classify_exit. */
        uint8_t bytes[32 * 1024];
        ssize_t n;
        enum exchange_status st = EXCHANGE_MORE;
        while (st == EXCHANGE_MORE && (n = read(w->client.fd, bytes, sizeof bytes)) > 0)
            st = exchange_push(w->exchange, bytes, (size_t)n);
        if (st == EXCHANGE_DONE || st == EXCHANGE_TOO_LARGE) {
            conclude(w, st, true);
            return;
        }
    }
    classify_exit(w);
}

static void on_gone(struct workerd *w)
{
    (void)unlinkat(w->slot_dirfd, "fb.sock", 0);
    (void)unlinkat(w->slot_dirfd, "egress.sock", 0);
    (void)close(w->slot_dirfd);
    w->fn(w->arg, WORKERD_GONE);
    uv_close((uv_handle_t *)&w->timer, on_handle_closed);
}

static void on_child(void *arg, enum child_event ev)
{
    struct workerd *w = arg;
    switch (ev) {
    case CHILD_STARTED:
        break;
    case CHILD_FAILED:
        if (w->state != ST_ENDING) {
            set_reason(w, "%s", child_error(w->child)->msg);
            fail(w);
        }
        break;
    case CHILD_EXITED:
        w->child_exited = true;
        if (w->state == ST_BOOTING || w->state == ST_HELD) {
            if (!reason_from_exit(w))
                reason_from_console(w, "workerd ended before it had a job");
            fail(w);
        } else if (w->state != ST_ENDING) {
            on_exit_while_running(w);
        }
        break;
    case CHILD_GONE:
        on_gone(w);
        break;
    }
}

/* ---- time ---- */

static void on_timer_running(struct workerd *w, uint64_t now)
{
    if (now >= w->deadline_us) {
        finish(w, WORKER_DEADLINE, "deadline exceeded");
    } else if (w->state == ST_SETTLING && now >= w->settle_us) {
        finish(w, WORKER_DIED, exchange_error(w->exchange));
    } else if (w->state == ST_RUNNING && w->unread_us != 0 && now >= w->unread_us) {
        w->unread_us = 0;
        if (code_not_read(w))
            lose(w, "the held worker hung: it did not read the code");
        else
            arm_timer(w, w->deadline_us);
    } else {
        uint64_t at = w->state == ST_SETTLING ? w->settle_us : w->unread_us;
        arm_timer(w, at != 0 && at < w->deadline_us ? at : w->deadline_us);
    }
}

static void on_timer(uv_timer_t *t)
{
    struct workerd *w = t->data;
    if (w->state == ST_BOOTING) {
        set_reason(w, "the boot took over %d s", BOOT_TIMEOUT_S);
        fail(w);
    } else if (w->state == ST_RUNNING || w->state == ST_SETTLING) {
        on_timer_running(w, clock_mono_us());
    }
}

/* ---- the calls from above ---- */

/* Everything that the process inherits or finds in its folder. */
static int open_sockets(struct workerd *w, struct child_spec *cs, struct err *e)
{
    int fd = io_listen(w->slot_dirfd, "fb.sock", 1, e);
    if (fd < 0 || watch_open(w, &w->listener, fd, e) != 0)
        return -1;
    int client;
    if (io_private_listener(&cs->fds[0], &client, w->slot_dirfd, e) != 0)
        return -1;
    cs->n_fds = 1;
    if (watch_open(w, &w->client, client, e) != 0)
        return -1;
    int control;
    if (io_pipe(&control, &cs->fds[1], e) != 0)
        return -1;
    cs->n_fds = 2;
    if (watch_open(w, &w->control, control, e) != 0)
        return -1;
    return runtime_link_egress(w->spec.runtime, w->slot_dirfd, e);
}

struct workerd *workerd_boot(const struct workerd_spec *spec, workerd_event_fn *fn, void *arg, struct err *e)
{
    int dirfd = runtime_open_slot(spec->runtime, spec->index, e);
    if (dirfd < 0)
        return NULL;
    struct workerd *w = xcalloc(1, sizeof *w);
    *w = (struct workerd){ .state = ST_BOOTING, .spec = *spec, .fn = fn, .arg = arg, .slot_dirfd = dirfd };
    (void)uv_timer_init(spec->loop, &w->timer);
    w->timer.data = w;
    w->open_handles = 1;
    w->slot_path = runtime_slot_path(spec->runtime, spec->index);
    struct child_spec cs = {
        .sandbox = runtime_sandbox(spec->runtime, RUNTIME_WORKER),
        .argv = runtime_argv(spec->runtime, RUNTIME_WORKER),
        .cgroups = spec->cgroups,
        .cgroup_index = spec->index,
        .slot_dir = w->slot_path,
        .uid = runtime_slot_uid(spec->index),
    };
    if (open_sockets(w, &cs, e) == 0 && cgroup_set_cpu(spec->cgroups, spec->index, 0, spec->cpu_period_us, e) == 0) {
        w->child = child_start(spec->loop, &cs, on_child, w, e);
    } else {
        for (uint32_t i = 0; i < cs.n_fds; i++)
            (void)close(cs.fds[i]);
    }
    if (!w->child) {
        close_watches(w);
        (void)close(dirfd);
        uv_close((uv_handle_t *)&w->timer, on_handle_closed);
        return NULL;
    }
    cgroup_set_weight(spec->cgroups, spec->index, BOOT_WEIGHT_PERCENT);
    cgroup_reset_usage(spec->cgroups, spec->index);
    (void)uv_poll_start(&w->listener.poll, UV_READABLE, on_listener);
    (void)uv_poll_start(&w->control.poll, UV_READABLE, on_control);
    arm_timer(w, clock_mono_us() + BOOT_TIMEOUT_S * 1000000u);
    return w;
}

void workerd_hurry(struct workerd *w)
{
    cgroup_set_weight(w->spec.cgroups, w->spec.index, 100);
}

void workerd_run(struct workerd *w, const struct worker_job *job)
{
    w->started_us = clock_mono_us();
    step(w, EV_RUN);
    fallback_put_answer(&w->answer_head, &w->answer, job->code, job->code_len);
    w->answer_out = (struct io_outflow){
        .part = { w->answer_head.data, w->answer.data },
        .len = { w->answer_head.len, w->answer.len },
    };
    exchange_put_head(&w->request_head, job->inputs_len);
    w->request_out = (struct io_outflow){
        .part = { w->request_head.data, job->inputs },
        .len = { w->request_head.len, job->inputs_len },
    };
    bool more = io_outflow_send(&w->answer_out, w->fallback.fd);
    (void)uv_poll_start(&w->fallback.poll, UV_READABLE | (more ? UV_WRITABLE : 0), on_fallback);
    more = io_outflow_send(&w->request_out, w->client.fd);
    w->exchange = exchange_new(w->spec.max_output_bytes);
    (void)uv_poll_start(&w->client.poll, UV_READABLE | (more ? UV_WRITABLE : 0), on_client);
    cgroup_set_weight(w->spec.cgroups, w->spec.index, 100);
    (void)cgroup_set_cpu(w->spec.cgroups, w->spec.index, w->spec.cpu_quota_us, w->spec.cpu_period_us, NULL);
    w->deadline_us = job->deadline_us;
    w->unread_us = w->started_us + UNREAD_TIMEOUT_US;
    arm_timer(w, w->unread_us < w->deadline_us ? w->unread_us : w->deadline_us);
}

void workerd_kill(struct workerd *w)
{
    if (w->state == ST_ENDING)
        return;
    step(w, EV_END);
    (void)uv_timer_stop(&w->timer);
    close_watches(w);
    child_kill(w->child);
}

const struct worker_result *workerd_result(const struct workerd *w)
{
    return &w->result;
}

pid_t workerd_pid(const struct workerd *w)
{
    return child_pid(w->child);
}

const char *workerd_reason(const struct workerd *w)
{
    return w->reason;
}
