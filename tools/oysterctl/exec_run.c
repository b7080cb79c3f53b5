#include "exec_run.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>
#include <uv.h>

#include "node/config_pool.h"
#include "node/state_dir.h"
#include "util/cleanup.h"
#include "util/clock.h"
#include "util/random.h"
#include "worker/pool.h"

#define LOOK_MS 2
#define READY_MAX_US 60000000u /* a boot takes 20 ms; over this there is something that no waiting mends */

enum phase {
    PHASE_WAITING, /* for a worker that is ready */
    PHASE_RUNNING,
    PHASE_OVER, /* all runs are done, or e says why not */
    PHASE_CLOSING,
};

struct bench {
    uv_loop_t loop;
    uv_timer_t look;
    uv_signal_t interrupt, term;
    struct pool *pool;
    const struct exec_job *job;
    struct exec_run *runs;
    size_t n_done;
    void (*progress)(void *arg, size_t n_done);
    void *progress_arg;
    enum phase phase;
    uint64_t since_us; /* of the phase */
    struct err *e;
};

static void enter(struct bench *b, enum phase phase)
{
    b->phase = phase;
    b->since_us = clock_mono_us();
}

static void on_done(void *arg, const struct worker_result *r)
{
    struct bench *b = arg;
    struct exec_run *run = &b->runs[b->n_done++];
    *run = (struct exec_run){ .end = r->end,
                              .http_status = r->http_status,
                              .time_us = r->run_us,
                              .cpu_us = r->cpu_us,
                              .memory_peak_bytes = r->memory_peak_bytes,
                              .oom_killed = r->oom_killed,
                              .console_truncated = r->console_truncated };
    buf_append(&run->output, r->output, r->output_len);
    buf_append(&run->console, r->console, r->console_len);
    (void)snprintf(run->reason, sizeof run->reason, "%s", r->reason);
    b->progress(b->progress_arg, b->n_done);
    enter(b, b->n_done < b->job->n_codes * b->job->count ? PHASE_WAITING : PHASE_OVER);
}

static void start_run(struct bench *b)
{
    const struct exec_job *job = b->job;
    const struct buf *code = &job->codes[b->n_done % job->n_codes];
    const struct worker_job spec = { .id = "exec",
                                     .code = code->data,
                                     .code_len = code->len,
                                     .inputs = job->inputs.data,
                                     .inputs_len = job->inputs.len,
                                     .deadline_us = clock_mono_us() + job->deadline_ms * 1000 };
    enter(b, PHASE_RUNNING);
    (void)pool_run(b->pool, &spec, on_done, b);
}

static void look_for_worker(struct bench *b)
{
    struct pool_stats stats;
    pool_stats(b->pool, &stats);
    if (stats.held > 0) {
        start_run(b);
    } else if (stats.broken > 0 || clock_mono_us() - b->since_us > READY_MAX_US) {
        (void)err_set(b->e, -EIO, "no worker comes up here: --log-level warn shows why, oysterctl doctor what to do");
        enter(b, PHASE_OVER);
    }
}

static void close_handles(struct bench *b)
{
    uv_close((uv_handle_t *)&b->look, NULL);
    uv_close((uv_handle_t *)&b->interrupt, NULL);
    uv_close((uv_handle_t *)&b->term, NULL);
    pool_free(b->pool, NULL, NULL);
}

static void on_look(uv_timer_t *t)
{
    struct bench *b = t->data;
    if (b->phase == PHASE_WAITING)
        look_for_worker(b);
    if (b->phase == PHASE_OVER) {
        enter(b, PHASE_CLOSING);
        close_handles(b);
    }
}

static void on_signal(uv_signal_t *s, int number)
{
    struct bench *b = s->data;
    (void)err_set(b->e, -EINTR, "stopped by %s", number == SIGINT ? "SIGINT" : "SIGTERM");
    if (b->phase != PHASE_CLOSING)
        enter(b, PHASE_OVER);
}

static void open_handles(struct bench *b)
{
    (void)uv_timer_init(&b->loop, &b->look);
    (void)uv_signal_init(&b->loop, &b->interrupt);
    (void)uv_signal_init(&b->loop, &b->term);
    b->look.data = b->interrupt.data = b->term.data = b;
    (void)uv_timer_start(&b->look, on_look, 0, LOOK_MS);
    (void)uv_signal_start(&b->interrupt, on_signal, SIGINT);
    (void)uv_signal_start(&b->term, on_signal, SIGTERM);
}

static int run_in(struct bench *b, const char *state_dir, struct err *e)
{
    struct pool_config config;
    config_pool(&config, b->job->config, state_dir);
    config.capacity = config.warm_workers = 1;
    (void)uv_loop_init(&b->loop);
    b->pool = pool_new(&b->loop, &config, e);
    if (b->pool) {
        open_handles(b);
        enter(b, PHASE_WAITING);
    } else if (geteuid() != 0) {
        (void)err_wrap(e, "exec takes what a node takes, as a rule root (sudo oysterctl exec ...)");
    }
    (void)uv_run(&b->loop, UV_RUN_DEFAULT);
    (void)uv_loop_close(&b->loop);
    return e->code;
}

int exec_run(struct exec_run *runs, const struct exec_job *job, void (*progress)(void *arg, size_t n_done), void *arg,
             struct err *e)
{
    struct bench b = { .job = job, .runs = runs, .progress = progress, .progress_arg = arg, .e = e };
    struct state_dir dir;
    struct address name; /* a folder that no node has: it may run beside one */
    int rc = random_fill(name.b, sizeof name.b, e);
    if (rc == 0)
        rc = state_dir_open(&dir, NULL, &name, e);
    if (rc < 0)
        return rc;
    rc = run_in(&b, dir.path, e);
    state_dir_close(&dir);
    return rc;
}

void exec_runs_free(struct exec_run *runs, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        buf_free(&runs[i].output);
        buf_free(&runs[i].console);
    }
}
