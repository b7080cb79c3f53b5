#include "worker/child.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "util/buf.h"
#include "util/cleanup.h"
#include "util/log.h"
#include "worker/io.h"

#ifndef P_PIDFD
#define P_PIDFD 3 /* the kernel's number, where the C library's header is older */
#endif

/* A wait for the cgroup to run empty looks again after 1, 2, 4 … ms, and says once that it takes long. */
#define SWEEP_FIRST_MS 1
#define SWEEP_LAST_MS 250
#define SWEEP_WARN_LOOKS 20

enum state {
    ST_INVALID,
    ST_STARTING, /* in the thread pool */
    ST_DOOMED,   /* in the thread pool, to be killed when it comes back */
    ST_RUNNING,
    ST_DYING,    /* killed, not yet reaped */
    ST_SWEEPING, /* reaped or never started; its cgroup is not known to be empty */
    ST_GONE,
    N_STATES,
};

enum event { EV_START_OK, EV_START_BAD, EV_KILL, EV_EXIT, EV_EMPTY, N_EVENTS };

static const enum state next_state[N_STATES][N_EVENTS] = {
    [ST_STARTING] = { [EV_START_OK] = ST_RUNNING, [EV_START_BAD] = ST_SWEEPING, [EV_KILL] = ST_DOOMED },
    [ST_DOOMED] = { [EV_START_OK] = ST_DYING, [EV_START_BAD] = ST_SWEEPING, [EV_KILL] = ST_DOOMED },
    [ST_RUNNING] = { [EV_KILL] = ST_DYING, [EV_EXIT] = ST_SWEEPING },
    [ST_DYING] = { [EV_KILL] = ST_DYING, [EV_EXIT] = ST_SWEEPING },
    [ST_SWEEPING] = { [EV_KILL] = ST_SWEEPING, [EV_EMPTY] = ST_GONE },
};

struct child {
    enum state state;
    struct child_spec spec;
    child_event_fn *fn;
    void *arg;
    uv_work_t work;
    uv_poll_t exit_poll, console_poll;
    uv_timer_t sweep;
    bool exit_polled; /* its handle exists, as the process does */
    unsigned open_handles, looks;
    int console_read, console_write;
    struct sandbox_child proc;
    int start_rc;
    struct err error;
    struct child_status status;
    struct buf console;
    bool console_truncated;
};

static void step(struct child *c, enum event ev)
{
    enum state to = next_state[c->state][ev];
    assert(to != ST_INVALID);
    c->state = to;
}

static void close_fd(int *fd)
{
    if (*fd >= 0)
        (void)close(*fd);
    *fd = -1;
}

static void close_spec_fds(struct child_spec *s)
{
    for (uint32_t i = 0; i < s->n_fds; i++)
        close_fd(&s->fds[i]);
    s->n_fds = 0;
}

/* Reads up to max bytes of what is in the pipe; keeps what there is room for. False at its end. */
static bool drain(struct child *c, size_t max)
{
    char bytes[16 * 1024];
    for (size_t done = 0; done < max;) {
        ssize_t n = read(c->console_read, bytes, sizeof bytes);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK);
        size_t room = CHILD_CONSOLE_MAX - c->console.len;
        size_t kept = (size_t)n < room ? (size_t)n : room;
        buf_append(&c->console, bytes, kept);
        c->console_truncated |= kept < (size_t)n;
        done += (size_t)n;
    }
    return true;
}

static void on_console(uv_poll_t *h, int status, int events)
{
    (void)events;
    struct child *c = h->data;
    if (status < 0 || !drain(c, 64 * 1024))
        (void)uv_poll_stop(h);
}

static void release(struct child *c)
{
    close_fd(&c->console_read);
    close_fd(&c->proc.pidfd);
    buf_free(&c->console);
    free(c);
}

static void on_handle_closed(uv_handle_t *h)
{
    struct child *c = h->data;
    if (--c->open_handles == 0)
        release(c);
}

static void close_handles(struct child *c)
{
    uv_close((uv_handle_t *)&c->sweep, on_handle_closed);
    uv_close((uv_handle_t *)&c->console_poll, on_handle_closed);
    if (c->exit_polled)
        uv_close((uv_handle_t *)&c->exit_poll, on_handle_closed);
}

static void on_sweep(uv_timer_t *t)
{
    struct child *c = t->data;
    if (c->spec.cgroups && !c->spec.alone && !cgroup_is_empty(c->spec.cgroups, c->spec.cgroup_index)) {
        cgroup_kill(c->spec.cgroups, c->spec.cgroup_index);
        uint64_t wait = c->looks < 8 ? (uint64_t)SWEEP_FIRST_MS << c->looks : SWEEP_LAST_MS;
        if (++c->looks == SWEEP_WARN_LOOKS)
            log_warn("cgroup_does_not_empty", F_U64("group", c->spec.cgroup_index));
        (void)uv_timer_start(t, on_sweep, wait, 0);
        return;
    }
    step(c, EV_EMPTY);
    c->fn(c->arg, CHILD_GONE);
    close_handles(c);
}

static void sweep(struct child *c)
{
    (void)uv_timer_start(&c->sweep, on_sweep, 0, 0);
}

static void kill_all(struct child *c)
{
    if (c->spec.cgroups && !c->spec.alone) {
        (void)cgroup_set_cpu(c->spec.cgroups, c->spec.cgroup_index, 0, 100000, NULL);
        cgroup_kill(c->spec.cgroups, c->spec.cgroup_index);
    }
    if (c->proc.pidfd >= 0)
        (void)syscall(SYS_pidfd_send_signal, c->proc.pidfd, SIGKILL, NULL, 0);
}

static void on_exit_ready(uv_poll_t *h, int status, int events)
{
    (void)status;
    (void)events;
    struct child *c = h->data;
    siginfo_t si = { 0 };
    if (waitid((idtype_t)P_PIDFD, (id_t)c->proc.pidfd, &si, WEXITED | WNOHANG) != 0 || si.si_pid == 0)
        return;
    (void)uv_poll_stop(h);
    c->status = (struct child_status){ .code = si.si_code, .value = si.si_status };
    step(c, EV_EXIT);
    (void)uv_poll_stop(&c->console_poll);
    (void)drain(c, 64 * 1024);
    c->fn(c->arg, CHILD_EXITED);
    sweep(c);
}

static void start_work(uv_work_t *w)
{
    struct child *c = w->data;
    const struct child_spec *s = &c->spec;
    struct sandbox_start start = {
        .argv = s->argv,
        .fds = s->fds,
        .n_fds = s->n_fds,
        .stdout_fd = c->console_write,
        .stderr_fd = c->console_write,
        .slot_dir = s->slot_dir,
        .uid = s->uid,
        .cgroups = s->cgroups,
        .cgroup_index = s->cgroup_index,
    };
    c->start_rc = sandbox_start(&c->proc, s->sandbox, &start, &c->error);
}

static void start_bad(struct child *c)
{
    bool tell = c->state == ST_STARTING;
    step(c, EV_START_BAD);
    if (tell)
        c->fn(c->arg, CHILD_FAILED);
    sweep(c);
}

/* A process whose end cannot be seen is not kept. */
static bool watch_exit(struct child *c)
{
    int rc = uv_poll_init(c->work.loop, &c->exit_poll, c->proc.pidfd);
    if (rc != 0) {
        (void)err_set(&c->error, rc, "watch a process: %s", uv_strerror(rc));
        kill_all(c);
        siginfo_t si;
        while (waitid((idtype_t)P_PIDFD, (id_t)c->proc.pidfd, &si, WEXITED) != 0 && errno == EINTR)
            ;
        return false;
    }
    c->exit_poll.data = c;
    c->exit_polled = true;
    c->open_handles++;
    (void)uv_poll_start(&c->exit_poll, UV_READABLE, on_exit_ready);
    return true;
}

static void start_done(uv_work_t *w, int status)
{
    (void)status;
    struct child *c = w->data;
    close_fd(&c->console_write);
    close_spec_fds(&c->spec);
    if (c->start_rc != 0)
        c->proc.pidfd = -1;
    if (c->start_rc != 0 || !watch_exit(c)) {
        start_bad(c);
        return;
    }
    bool doomed = c->state == ST_DOOMED;
    step(c, EV_START_OK);
    if (doomed)
        kill_all(c);
    else
        c->fn(c->arg, CHILD_STARTED);
}

struct child *child_start(uv_loop_t *loop, const struct child_spec *spec, child_event_fn *fn, void *arg, struct err *e)
{
    struct child *c = xcalloc(1, sizeof *c);
    *c = (struct child){ .state = ST_STARTING, .spec = *spec, .fn = fn, .arg = arg };
    c->proc.pidfd = c->console_read = c->console_write = -1;
    int rc = io_pipe(&c->console_read, &c->console_write, e);
    if (rc == 0 && (rc = uv_poll_init(loop, &c->console_poll, c->console_read)) != 0)
        (void)err_set(e, rc, "watch a pipe: %s", uv_strerror(rc));
    if (rc != 0) {
        close_spec_fds(&c->spec);
        close_fd(&c->console_write);
        release(c);
        return NULL;
    }
    (void)uv_timer_init(loop, &c->sweep);
    c->work.data = c->console_poll.data = c->sweep.data = c;
    c->open_handles = 2;
    (void)uv_poll_start(&c->console_poll, UV_READABLE, on_console);
    rc = uv_queue_work(loop, &c->work, start_work, start_done);
    assert(rc == 0);
    return c;
}

void child_kill(struct child *c)
{
    if (c->state == ST_RUNNING)
        kill_all(c);
    step(c, EV_KILL);
}

pid_t child_pid(const struct child *c)
{
    return c->state == ST_RUNNING || c->state == ST_DYING ? c->proc.pid : 0;
}

const struct err *child_error(const struct child *c)
{
    return &c->error;
}

const struct child_status *child_status(const struct child *c)
{
    return &c->status;
}

struct child_console child_console(struct child *c)
{
    (void)drain(c, 64 * 1024);
    return (struct child_console){
        .text = buf_cstr(&c->console),
        .len = c->console.len,
        .truncated = c->console_truncated,
    };
}

void child_console_reset(struct child *c)
{
    (void)drain(c, 64 * 1024);
    buf_reset(&c->console);
    c->console_truncated = false;
}
