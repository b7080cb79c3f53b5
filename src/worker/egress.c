#include "worker/egress.h"

#include <assert.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "util/buf.h"
#include "util/clock.h"
#include "util/log.h"
#include "worker/child.h"
#include "worker/io.h"

#define BACKLOG 256
#define WAIT_FIRST_MS 50
#define WAIT_LAST_MS 10000
#define LONG_LIFE_MS 30000 /* one that lived that long is restarted at once */

#define EARLY_MS 500 /* one that ends before had something to say about its start */

/* The gateway has /etc/resolv.conf as it was when it started; whoever writes a new one puts a new file in its place. */
#define RESOLVER "/etc/resolv.conf"
#define RESOLVER_LOOK_MS 5000

#define MEMORY_BYTES ((uint64_t)256 << 20)
#define CPU_PERIOD_US 100000u
#define PIDS_MAX 64

enum state {
    ST_INVALID,
    ST_UP,      /* a process starts or runs */
    ST_WAITING, /* for the next start */
    ST_CLOSING, /* the process is being killed */
    ST_CLOSED,
    N_STATES,
};

enum event { EV_GONE, EV_START, EV_CLOSE, N_EVENTS };

static const enum state next_state[N_STATES][N_EVENTS] = {
    [ST_UP] = { [EV_GONE] = ST_WAITING, [EV_CLOSE] = ST_CLOSING },
    [ST_WAITING] = { [EV_START] = ST_UP, [EV_CLOSE] = ST_CLOSED },
    [ST_CLOSING] = { [EV_GONE] = ST_CLOSED },
};

struct egress {
    enum state state;
    struct egress_config config;
    int listener;
    struct child *child;
    uv_timer_t timer;
    uv_fs_poll_t resolver;
    unsigned open_handles;
    bool replaced; /* killed by us, for a new one */
    uint64_t started_ms, wait_ms, restarts;
    void (*done)(void *arg);
    void *arg;
};

static void step(struct egress *g, enum event ev)
{
    enum state to = next_state[g->state][ev];
    assert(to != ST_INVALID);
    g->state = to;
}

static void on_handle_closed(uv_handle_t *h)
{
    struct egress *g = h->data;
    if (--g->open_handles > 0)
        return;
    (void)close(g->listener);
    if (g->done)
        g->done(g->arg);
    free(g);
}

static void close_handles(struct egress *g)
{
    uv_close((uv_handle_t *)&g->timer, on_handle_closed);
    uv_close((uv_handle_t *)&g->resolver, on_handle_closed);
}

static void on_resolver_changed(uv_fs_poll_t *h, int status, const uv_stat_t *before, const uv_stat_t *now)
{
    struct egress *g = h->data;
    (void)before;
    (void)now;
    if (status != 0 || g->state != ST_UP)
        return;
    log_info("egress_resolver_changed", F_STR("file", RESOLVER));
    g->replaced = true;
    child_kill(g->child);
}

static void on_timer(uv_timer_t *t);

static void wait_and_start(struct egress *g)
{
    bool long_life = g->replaced || clock_mono_ms() - g->started_ms >= LONG_LIFE_MS;
    g->replaced = false;
    g->wait_ms = long_life || g->wait_ms == 0 ? WAIT_FIRST_MS : g->wait_ms * 2;
    if (g->wait_ms > WAIT_LAST_MS)
        g->wait_ms = WAIT_LAST_MS;
    (void)uv_timer_start(&g->timer, on_timer, g->wait_ms, 0);
}

static void log_end(struct egress *g, enum child_event ev)
{
    if (g->state != ST_UP || g->replaced)
        return;
    g->restarts++;
    if (ev == CHILD_FAILED) {
        log_warn("egress_start_failed", F_STR("error", child_error(g->child)->msg));
        return;
    }
    /* What it says later is about the jobs' destinations, which are nobody's business here. */
    const struct child_status *st = child_status(g->child);
    uint64_t lived_ms = clock_mono_ms() - g->started_ms;
    struct child_console con = child_console(g->child);
    size_t n = lived_ms >= EARLY_MS ? 0 : con.len > 400 ? 400 : con.len;
    log_warn("egress_ended", F_STR("how", st->code == CLD_EXITED ? "exit" : "signal"), F_I64("status", st->value),
             F_U64("lived_ms", lived_ms), F_STRN("said", con.text, n));
}

static void on_child(void *arg, enum child_event ev)
{
    struct egress *g = arg;
    switch (ev) {
    case CHILD_STARTED:
        break;
    case CHILD_FAILED:
    case CHILD_EXITED:
        log_end(g, ev);
        break;
    case CHILD_GONE:
        g->child = NULL;
        step(g, EV_GONE);
        if (g->state == ST_CLOSED)
            close_handles(g);
        else
            wait_and_start(g);
        break;
    }
}

static int start(struct egress *g, struct err *e)
{
    struct child_spec cs = {
        .sandbox = runtime_sandbox(g->config.runtime, RUNTIME_GATEWAY),
        .argv = runtime_argv(g->config.runtime, RUNTIME_GATEWAY),
        .cgroups = g->config.cgroups,
        .cgroup_index = g->config.cgroup_index,
        .uid = runtime_gateway_uid(),
    };
    cs.fds[0] = fcntl(g->listener, F_DUPFD_CLOEXEC, 3);
    if (cs.fds[0] < 0)
        return err_sys(e, "dup");
    cs.n_fds = 1;
    g->started_ms = clock_mono_ms();
    g->child = child_start(g->config.loop, &cs, on_child, g, e);
    return g->child ? 0 : e->code;
}

static void on_timer(uv_timer_t *t)
{
    struct egress *g = t->data;
    struct err e = { 0 };
    if (start(g, &e) == 0) {
        step(g, EV_START);
        return;
    }
    log_warn("egress_start_failed", F_ERR(&e));
    wait_and_start(g);
}

/* A quota of all processors, which bounds nothing. The kernel accounts quotas while there is a group that has one, and
 * turns that on and off by rewriting its own code on every processor; with this one it is on all the time, and not
 * turned on and off around each job that runs alone. Best effort: where it is refused, a group above has a quota. */
static void keep_accounting(const struct egress_config *config)
{
    long cpus = sysconf(_SC_NPROCESSORS_ONLN);
    uint32_t quota_us = (cpus > 0 ? (uint32_t)cpus : 1) * CPU_PERIOD_US;
    (void)cgroup_set_cpu(config->cgroups, config->cgroup_index, quota_us, CPU_PERIOD_US, NULL);
}

struct egress *egress_new(const struct egress_config *config, struct err *e)
{
    int listener = io_listen(runtime_state_fd(config->runtime), "egress.sock", BACKLOG, e);
    if (listener < 0)
        return NULL;
    struct egress *g = xcalloc(1, sizeof *g);
    *g = (struct egress){ .state = ST_UP, .config = *config, .listener = listener };
    struct cgroup_limits limits = { .memory_bytes = MEMORY_BYTES,
                                    .cpu_period_us = CPU_PERIOD_US,
                                    .pids_max = PIDS_MAX };
    if (cgroup_set_limits(config->cgroups, config->cgroup_index, &limits, e) != 0 || start(g, e) != 0) {
        (void)close(listener);
        free(g);
        return NULL;
    }
    keep_accounting(config);
    (void)uv_timer_init(config->loop, &g->timer);
    (void)uv_fs_poll_init(config->loop, &g->resolver);
    g->timer.data = g->resolver.data = g;
    g->open_handles = 2;
    (void)uv_fs_poll_start(&g->resolver, on_resolver_changed, RESOLVER, RESOLVER_LOOK_MS);
    return g;
}

uint64_t egress_restarts(const struct egress *g)
{
    return g->restarts;
}

void egress_free(struct egress *g, void (*done)(void *arg), void *arg)
{
    g->done = done;
    g->arg = arg;
    bool up = g->state == ST_UP;
    step(g, EV_CLOSE);
    if (up)
        child_kill(g->child);
    else
        close_handles(g);
}
