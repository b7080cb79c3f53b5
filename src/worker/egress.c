#include "worker/egress.h"

#include <assert.h>
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "net/addresses.h"
#include "util/buf.h"
#include "util/cleanup.h"
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

/* One is retired over so many descriptors, of which it has 16 at rest and four for a connection; with no job running,
 * whatever it holds nobody waits for. */
#define LOOK_MS 500
#define FILES_MAX_IDLE 64
#define FILES_MAX_BUSY 256
#define RETIRE_AFTER_MS 3000 /* not before it has lived so long */
#define RETIRED_MAX 3
#define RETIRED_MAX_MS 60000 /* a stream that outlives its gateway's time by more is cut */

#define MEMORY_BYTES ((uint64_t)256 << 20)
#define MEMORY_SLOT_BYTES ((uint64_t)10 << 20) /* 40 KB for each connection that a worker has descriptors for */
#define CPU_PERIOD_US 100000u
#define PIDS_MAX ((1 + RETIRED_MAX) * 600u) /* workerd looks up to 512 names at once, each in a thread that waits */

enum state {
    ST_INVALID,
    ST_UP,        /* a process starts or runs */
    ST_WAITING,   /* for the next start */
    ST_PREPARING, /* its config is made anew, in the thread pool */
    ST_CLOSING,   /* the processes are being killed */
    ST_CLOSED,
    N_STATES,
};

enum event { EV_GONE, EV_START, EV_PREPARE, EV_PREPARED, EV_CLOSE, EV_CLOSED, N_EVENTS };

static const enum state next_state[N_STATES][N_EVENTS] = {
    [ST_UP] = { [EV_GONE] = ST_WAITING, [EV_CLOSE] = ST_CLOSING },
    [ST_WAITING] = { [EV_START] = ST_UP, [EV_PREPARE] = ST_PREPARING, [EV_CLOSE] = ST_CLOSING },
    [ST_PREPARING] = { [EV_PREPARED] = ST_WAITING, [EV_CLOSE] = ST_CLOSING },
    [ST_CLOSING] = { [EV_GONE] = ST_CLOSING, [EV_PREPARED] = ST_CLOSING, [EV_CLOSED] = ST_CLOSED },
};

/* A socket and the process that accepts from it. */
struct gateway {
    struct egress *egress;
    uint64_t generation;
    int listener;
    struct child *child; /* NULL = none now */
    bool killed;         /* by us */
    uint64_t started_ms, retired_ms;
};

struct egress {
    enum state state; /* of the gateway that takes connections */
    struct egress_config config;
    struct gateway *now;
    struct gateway *retired[RETIRED_MAX]; /* NULL = free */
    uv_timer_t start_timer, look_timer;
    uv_fs_poll_t resolver;
    uv_poll_t addresses;
    int addresses_fd;
    uv_work_t prepare;
    bool preparing;
    int prepare_rc;
    struct err prepare_err;
    unsigned open_handles;
    uint64_t wait_ms, restarts;
    void (*done)(void *arg);
    void *arg;
};

static void step(struct egress *g, enum event ev)
{
    enum state to = next_state[g->state][ev];
    assert(to != ST_INVALID);
    g->state = to;
}

/* ---- a gateway ---- */

/* Its socket takes the name that slots are given; another one has it until then. */
static struct gateway *gateway_new(struct egress *g, uint64_t generation, struct err *e)
{
    int dirfd = runtime_state_fd(g->config.runtime);
    CLEANUP(fd_close_p) int listener = io_listen(dirfd, "egress.new", BACKLOG, e);
    if (listener < 0)
        return NULL;
    if (renameat(dirfd, "egress.new", dirfd, "egress.sock") != 0) {
        (void)err_sys(e, "name the gateway's socket");
        return NULL;
    }
    struct gateway *w = xcalloc(1, sizeof *w);
    *w = (struct gateway){ .egress = g, .generation = generation, .listener = fd_steal(&listener) };
    return w;
}

static void gateway_free(struct gateway *w)
{
    (void)close(w->listener);
    free(w);
}

static void gateway_kill(struct gateway *w)
{
    w->killed = true;
    if (w->child)
        child_kill(w->child);
}

/* Its open descriptors; 0 where they cannot be seen. */
static uint32_t gateway_files(const struct gateway *w)
{
    char path[64];
    uint32_t n = 0;
    pid_t pid = w->child ? child_pid(w->child) : 0;
    (void)snprintf(path, sizeof path, "/proc/%d/fd", (int)pid);
    DIR *d = pid > 0 ? opendir(path) : NULL;
    while (d && readdir(d))
        n++;
    if (d)
        (void)closedir(d);
    return n;
}

static void on_child(void *arg, enum child_event ev);

static int gateway_start(struct gateway *w, struct err *e)
{
    const struct egress_config *config = &w->egress->config;
    struct child_spec cs = {
        .sandbox = runtime_sandbox(config->runtime, RUNTIME_GATEWAY),
        .argv = runtime_argv(config->runtime, RUNTIME_GATEWAY),
        .cgroups = config->cgroups,
        .cgroup_index = config->cgroup_index,
        .alone = true,
        .uid = runtime_gateway_uid(),
    };
    cs.fds[0] = fcntl(w->listener, F_DUPFD_CLOEXEC, 3);
    if (cs.fds[0] < 0)
        return err_sys(e, "dup");
    cs.n_fds = 1;
    w->killed = false;
    w->started_ms = clock_mono_ms();
    w->child = child_start(config->loop, &cs, on_child, w, e);
    return w->child ? 0 : e->code;
}

static void log_end(struct gateway *w, enum child_event ev)
{
    if (w->killed)
        return;
    if (w->retired_ms == 0)
        w->egress->restarts++;
    if (ev == CHILD_FAILED) {
        log_warn("egress_start_failed", F_STR("error", child_error(w->child)->msg));
        return;
    }
    /* What it says later is about the jobs' destinations, which are nobody's business here. */
    const struct child_status *st = child_status(w->child);
    uint64_t lived_ms = clock_mono_ms() - w->started_ms;
    struct child_console con = child_console(w->child);
    size_t n = lived_ms >= EARLY_MS ? 0 : con.len > 400 ? 400 : con.len;
    log_warn("egress_ended", F_STR("how", st->code == CLD_EXITED ? "exit" : "signal"), F_I64("status", st->value),
             F_U64("lived_ms", lived_ms), F_STRN("said", con.text, n));
}

/* ---- the end of all ---- */

static void on_handle_closed(uv_handle_t *h)
{
    struct egress *g = h->data;
    if (--g->open_handles > 0)
        return;
    (void)close(g->addresses_fd);
    gateway_free(g->now);
    if (g->done)
        g->done(g->arg);
    free(g);
}

static void close_when_empty(struct egress *g)
{
    bool empty = !g->now->child && !g->preparing;
    for (size_t i = 0; i < RETIRED_MAX; i++)
        empty = empty && !g->retired[i];
    if (!empty)
        return;
    step(g, EV_CLOSED);
    uv_close((uv_handle_t *)&g->start_timer, on_handle_closed);
    uv_close((uv_handle_t *)&g->look_timer, on_handle_closed);
    uv_close((uv_handle_t *)&g->resolver, on_handle_closed);
    uv_close((uv_handle_t *)&g->addresses, on_handle_closed);
}

/* ---- starts ---- */

static void on_start_timer(uv_timer_t *t);

static void wait_and_start(struct egress *g)
{
    const struct gateway *w = g->now;
    bool long_life = w->killed || clock_mono_ms() - w->started_ms >= LONG_LIFE_MS;
    g->wait_ms = long_life || g->wait_ms == 0 ? WAIT_FIRST_MS : g->wait_ms * 2;
    if (g->wait_ms > WAIT_LAST_MS)
        g->wait_ms = WAIT_LAST_MS;
    (void)uv_timer_start(&g->start_timer, on_start_timer, g->wait_ms, 0);
}

static void start_failed(struct egress *g, const struct err *e)
{
    log_warn("egress_start_failed", F_ERR(e));
    g->now->killed = false;
    wait_and_start(g);
}

static void prepare_work(uv_work_t *work)
{
    struct egress *g = work->data;
    g->prepare_err = (struct err){ 0 };
    g->prepare_rc = runtime_learn_addresses(g->config.runtime, &g->prepare_err);
}

static void prepare_done(uv_work_t *work, int status)
{
    (void)status;
    struct egress *g = work->data;
    g->preparing = false;
    step(g, EV_PREPARED);
    if (g->state == ST_CLOSING)
        close_when_empty(g);
    else if (g->prepare_rc != 0)
        start_failed(g, &g->prepare_err);
    else
        wait_and_start(g); /* and look once more */
}

/* Makes the config first where the machine has an address that it does not refuse. */
static void start_now(struct egress *g)
{
    struct err e = { 0 };
    if (!runtime_knows_addresses(g->config.runtime)) {
        step(g, EV_PREPARE);
        g->preparing = true;
        int rc = uv_queue_work(g->config.loop, &g->prepare, prepare_work, prepare_done);
        assert(rc == 0);
    } else if (gateway_start(g->now, &e) == 0) {
        step(g, EV_START);
    } else {
        start_failed(g, &e);
    }
}

static void on_start_timer(uv_timer_t *t)
{
    start_now(t->data);
}

/* ---- the process of the one that takes connections, or of a retired one ---- */

static void retired_gone(struct gateway *w)
{
    struct egress *g = w->egress;
    for (size_t i = 0; i < RETIRED_MAX; i++)
        if (g->retired[i] == w)
            g->retired[i] = NULL;
    gateway_free(w);
    if (g->state == ST_CLOSING)
        close_when_empty(g);
}

static void on_child(void *arg, enum child_event ev)
{
    struct gateway *w = arg;
    struct egress *g = w->egress;
    switch (ev) {
    case CHILD_STARTED:
        break;
    case CHILD_FAILED:
    case CHILD_EXITED:
        log_end(w, ev);
        break;
    case CHILD_GONE:
        w->child = NULL;
        if (w->retired_ms != 0) {
            retired_gone(w);
            break;
        }
        step(g, EV_GONE);
        if (g->state == ST_CLOSING)
            close_when_empty(g);
        else
            wait_and_start(g);
        break;
    }
}

/* ---- replacing ---- */

static void on_resolver_changed(uv_fs_poll_t *h, int status, const uv_stat_t *before, const uv_stat_t *now)
{
    struct egress *g = h->data;
    (void)before;
    (void)now;
    if (status != 0 || g->state != ST_UP)
        return;
    log_info("egress_resolver_changed", F_STR("file", RESOLVER));
    gateway_kill(g->now);
}

static void kill_retired(struct egress *g)
{
    for (size_t i = 0; i < RETIRED_MAX; i++)
        if (g->retired[i])
            gateway_kill(g->retired[i]);
}

/* No stream may go on, for it may lead to the new address. A start looks for itself. */
static void on_addresses(uv_poll_t *h, int status, int events)
{
    (void)status;
    (void)events;
    struct egress *g = h->data;
    addresses_drain(g->addresses_fd);
    if (g->state != ST_UP || runtime_knows_addresses(g->config.runtime))
        return;
    log_info("egress_addresses_changed");
    gateway_kill(g->now);
    kill_retired(g);
}

/* A place for one more; with none, the one that was retired first gives its up. */
static struct gateway **free_place(struct egress *g)
{
    struct gateway *first = NULL;
    for (size_t i = 0; i < RETIRED_MAX; i++) {
        if (!g->retired[i])
            return &g->retired[i];
        if (!first || g->retired[i]->generation < first->generation)
            first = g->retired[i];
    }
    gateway_kill(first);
    return NULL;
}

static void retire(struct egress *g, uint32_t files)
{
    struct err e = { 0 };
    struct gateway **place = free_place(g);
    if (!place)
        return; /* at the next look */
    struct gateway *next = gateway_new(g, g->now->generation + 1, &e);
    if (!next || runtime_relink_egress(g->config.runtime, &e) != 0)
        log_warn("egress_not_replaced", F_ERR(&e));
    if (!next)
        return;
    log_info("egress_replaced", F_U64("files", files), F_U64("generation", next->generation));
    g->now->retired_ms = clock_mono_ms();
    *place = g->now;
    g->now = next;
    if (gateway_start(next, &e) != 0) {
        step(g, EV_GONE);
        start_failed(g, &e);
    }
}

static void on_look(uv_timer_t *t)
{
    struct egress *g = t->data;
    uint64_t oldest = g->config.oldest_job(g->config.arg), now_ms = clock_mono_ms();
    for (size_t i = 0; i < RETIRED_MAX; i++) {
        struct gateway *w = g->retired[i];
        if (w && (w->generation < oldest || now_ms - w->retired_ms >= RETIRED_MAX_MS))
            gateway_kill(w);
    }
    if (g->state != ST_UP || g->now->killed || now_ms - g->now->started_ms < RETIRE_AFTER_MS)
        return;
    uint32_t files = gateway_files(g->now);
    if (files > (oldest == UINT64_MAX ? FILES_MAX_IDLE : FILES_MAX_BUSY))
        retire(g, files);
}

/* ---- birth and end ---- */

/* A quota of all processors, which bounds nothing. The kernel accounts quotas while there is a group that has one, and
 * turns that on and off by rewriting its own code on every processor; with this one it is on all the time, and not
 * turned on and off around each job that runs alone. Best effort: where it is refused, a group above has a quota. */
static void keep_accounting(const struct egress_config *config)
{
    long cpus = sysconf(_SC_NPROCESSORS_ONLN);
    uint32_t quota_us = (cpus > 0 ? (uint32_t)cpus : 1) * CPU_PERIOD_US;
    (void)cgroup_set_cpu(config->cgroups, config->cgroup_index, quota_us, CPU_PERIOD_US, NULL);
}

static int open_handles(struct egress *g, struct err *e)
{
    uv_loop_t *loop = g->config.loop;
    g->addresses_fd = addresses_watch(e);
    if (g->addresses_fd < 0)
        return g->addresses_fd;
    int rc = uv_poll_init(loop, &g->addresses, g->addresses_fd);
    if (rc != 0) {
        (void)close(g->addresses_fd);
        return err_set(e, rc, "watch the machine's addresses: %s", uv_strerror(rc));
    }
    (void)uv_timer_init(loop, &g->start_timer);
    (void)uv_timer_init(loop, &g->look_timer);
    (void)uv_fs_poll_init(loop, &g->resolver);
    g->start_timer.data = g->look_timer.data = g->resolver.data = g->addresses.data = g->prepare.data = g;
    g->open_handles = 4;
    (void)uv_poll_start(&g->addresses, UV_READABLE, on_addresses);
    (void)uv_timer_start(&g->look_timer, on_look, LOOK_MS, LOOK_MS);
    (void)uv_fs_poll_start(&g->resolver, on_resolver_changed, RESOLVER, RESOLVER_LOOK_MS);
    return 0;
}

struct egress *egress_new(const struct egress_config *config, struct err *e)
{
    struct cgroup_limits limits = { .memory_bytes = MEMORY_BYTES + config->slots * MEMORY_SLOT_BYTES,
                                    .cpu_period_us = CPU_PERIOD_US,
                                    .pids_max = PIDS_MAX };
    if (cgroup_set_limits(config->cgroups, config->cgroup_index, &limits, e) != 0)
        return NULL;
    struct egress *g = xcalloc(1, sizeof *g);
    *g = (struct egress){ .state = ST_WAITING, .config = *config };
    g->now = gateway_new(g, 1, e);
    if (!g->now || open_handles(g, e) != 0) {
        if (g->now)
            gateway_free(g->now);
        free(g);
        return NULL;
    }
    keep_accounting(config);
    start_now(g);
    return g;
}

uint64_t egress_generation(const struct egress *g)
{
    return g->now->generation;
}

uint64_t egress_restarts(const struct egress *g)
{
    return g->restarts;
}

void egress_free(struct egress *g, void (*done)(void *arg), void *arg)
{
    g->done = done;
    g->arg = arg;
    step(g, EV_CLOSE);
    (void)uv_timer_stop(&g->start_timer);
    (void)uv_timer_stop(&g->look_timer);
    gateway_kill(g->now);
    kill_retired(g);
    close_when_empty(g);
}
