#include "supervisor.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "service.h"
#include "util/clock.h"
#include "util/log.h"

#define CANNOT_START 127 /* status of a child that could not become its program */
#define IDLE_MS 60000

struct supervisor {
    struct service services[TABLE_PROGRAMS_MAX];
    size_t n;
    size_t begun; /* services below were started at least once */
    bool stopping;
    struct err end; /* why, where nobody asked for it */
};

static void watched_signals(sigset_t *set)
{
    static const int numbers[] = { SIGCHLD, SIGTERM, SIGINT, SIGPWR, SIGHUP, SIGUSR1, SIGUSR2 };
    (void)sigemptyset(set);
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        (void)sigaddset(set, numbers[i]);
}

void supervisor_block_signals(void)
{
    sigset_t set;
    watched_signals(&set);
    (void)sigprocmask(SIG_SETMASK, &set, NULL);
}

/* ------------------------------------------------------------------------------------------------------- children */

/* In the child: a session of its own, no input, our output, a small environment. Does not return. */
static void become(const struct table_program *p)
{
    char *const environment[] = { "PATH=/bin", "HOME=/", NULL };
    sigset_t none;
    int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
    (void)sigemptyset(&none);
    (void)sigprocmask(SIG_SETMASK, &none, NULL);
    (void)setsid();
    if (null >= 0)
        (void)dup2(null, STDIN_FILENO);
    (void)execve(p->argv[0], (char *const *)(uintptr_t)p->argv, environment);
    log_error("program_not_started", F_STR("name", p->name), F_STR("path", p->argv[0]),
              F_STR("error", strerror(errno)));
    _exit(CANNOT_START);
}

static void give_up(struct supervisor *v, const struct service *s, int status)
{
    int number = WIFEXITED(status) ? WEXITSTATUS(status) : WTERMSIG(status);
    (void)err_set(&v->end, -EIO, "program %s (%s) ended with %s %d%s", s->program->name, s->program->argv[0],
                  WIFEXITED(status) ? "status" : "signal", number,
                  s->program->keep ? ", again and again" : ", and nothing can run without it");
    v->stopping = true;
}

static void ended(struct supervisor *v, struct service *s, int status)
{
    uint64_t now_ms = clock_mono_ms();
    uint64_t ran_ms = now_ms - s->started_ms;
    bool well = service_ended(s, status, now_ms);
    if (s->state == SERVICE_WAITING)
        log_warn("program_ended", F_STR("name", s->program->name), F_U64("ran_ms", ran_ms),
                 F_STR("how", WIFEXITED(status) ? "status" : "signal"),
                 F_I64("number", WIFEXITED(status) ? WEXITSTATUS(status) : WTERMSIG(status)),
                 F_U64("again_in_ms", s->due_ms - now_ms));
    else if (well)
        log_info("program_done", F_STR("name", s->program->name), F_U64("ran_ms", ran_ms));
    if (!well)
        give_up(v, s, status);
}

static void start(struct supervisor *v, struct service *s)
{
    pid_t pid = fork();
    if (pid == 0)
        become(s->program);
    if (pid < 0) {
        ended(v, s, CANNOT_START << 8);
        return;
    }
    service_started(s, pid, clock_mono_ms());
    log_info("program_started", F_STR("name", s->program->name), F_I64("pid", pid), F_U64("failures", s->failures));
}

/* Every process that has ended, also those whose parents did before them. */
static void reap(struct supervisor *v)
{
    int status;
    for (pid_t pid; (pid = waitpid(-1, &status, WNOHANG)) > 0;)
        for (size_t i = 0; i < v->n; i++)
            if (v->services[i].pid == pid)
                ended(v, &v->services[i], status);
}

/* ----------------------------------------------------------------------------------------------------- one step */

/* What is to start now: the next of the table once those that run once are through, and what has waited long enough. */
static void start_due(struct supervisor *v)
{
    uint64_t now_ms = clock_mono_ms();
    while (v->begun < v->n && !v->stopping) {
        const struct service *last = v->begun > 0 ? &v->services[v->begun - 1] : NULL;
        if (last && !last->program->keep && last->state != SERVICE_ENDED)
            break;
        start(v, &v->services[v->begun++]);
    }
    for (size_t i = 0; i < v->begun && !v->stopping; i++)
        if (v->services[i].state == SERVICE_WAITING && v->services[i].due_ms <= now_ms)
            start(v, &v->services[i]);
}

/* Stops one program after the other, the last of the table first: the node ends its jobs over proxies that still run.
 * Returns true when all have ended. */
static bool stop_next(struct supervisor *v)
{
    uint64_t now_ms = clock_mono_ms();
    for (size_t i = v->n; i-- > 0;) {
        struct service *s = &v->services[i];
        if (s->state == SERVICE_ENDED)
            continue;
        if (s->state == SERVICE_STOPPING) {
            if (s->due_ms > now_ms)
                return false;
            log_warn("program_killed", F_STR("name", s->program->name));
            (void)kill(s->pid, SIGKILL);
            s->due_ms = now_ms + SERVICE_STOP_MS;
            return false;
        }
        (void)service_step(s, SERVICE_STOP);
        if (s->state == SERVICE_ENDED)
            continue;
        log_info("program_stopping", F_STR("name", s->program->name));
        (void)kill(s->pid, SIGTERM);
        s->due_ms = now_ms + SERVICE_STOP_MS;
        return false;
    }
    return true;
}

/* Until when there is nothing to do unless a signal comes. */
static uint64_t next_due_ms(const struct supervisor *v)
{
    uint64_t due_ms = clock_mono_ms() + IDLE_MS;
    for (size_t i = 0; i < v->begun; i++) {
        const struct service *s = &v->services[i];
        bool timed = s->state == SERVICE_STOPPING || (s->state == SERVICE_WAITING && !v->stopping);
        if (timed && s->due_ms < due_ms)
            due_ms = s->due_ms;
    }
    return due_ms;
}

static void hand_on(const struct supervisor *v, int number)
{
    for (size_t i = 0; i < v->n; i++)
        if (v->services[i].state == SERVICE_RUNNING && v->services[i].program->keep)
            (void)kill(v->services[i].pid, number);
}

static void wait_signal(struct supervisor *v)
{
    sigset_t set;
    uint64_t now_ms = clock_mono_ms(), due_ms = next_due_ms(v);
    uint64_t ms = due_ms > now_ms ? due_ms - now_ms : 0;
    const struct timespec timeout = { (time_t)(ms / 1000), (long)(ms % 1000) * 1000000 };
    watched_signals(&set);
    int number = sigtimedwait(&set, NULL, &timeout);
    if (number < 0 || number == SIGCHLD)
        return;
    if (number == SIGHUP || number == SIGUSR1 || number == SIGUSR2) {
        hand_on(v, number);
        return;
    }
    log_info("stopping", F_STR("signal", number == SIGTERM ? "SIGTERM" : number == SIGINT ? "SIGINT" : "SIGPWR"));
    v->stopping = true;
}

int supervisor_run(const struct table *t, struct err *e)
{
    struct supervisor v = { .n = t->n_programs };
    for (size_t i = 0; i < v.n; i++)
        v.services[i].program = &t->programs[i];
    supervisor_block_signals();
    for (;;) {
        reap(&v);
        start_due(&v);
        if (v.stopping && stop_next(&v))
            break;
        wait_signal(&v);
    }
    return v.end.code ? err_set(e, v.end.code, "%s", v.end.msg) : 0;
}
