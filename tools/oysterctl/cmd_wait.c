/* wait: until the chain says so. */
#include <errno.h>
#include <stdio.h>

#include "chain.h"
#include "commands.h"
#include "ctl.h"
#include "io.h"
#include "job_story.h"
#include "job_wait.h"
#include "node_api.h"
#include "util/clock.h"
#include "value.h"

#define DEFAULT_TIMEOUT_MS (10 * 60 * 1000)
#define POLL_MS 1000

static const struct option_def options[] = {
    { .name = "--registered", .kind = OPT_FLAG, .help = "until the executor is registered" },
    { .name = "--deregistered", .kind = OPT_FLAG, .help = "until it is not" },
    { .name = "--drained", .kind = OPT_FLAG, .help = "until it drains and has no job left" },
    { .name = "--job", .kind = OPT_TEXT, .value = "JOB-ID", .help = "until the job is answered, or slashed" },
    { .name = "--answered", .kind = OPT_U64, .value = "N", .help = "with --job: until it has N answers [default: 1]" },
    { .name = "--from-block", .kind = OPT_U64, .value = "N", .help = "with --job: where to look [default: 0]" },
    { .name = "--timeout", .kind = OPT_SECONDS, .value = "TIME", .help = "give up after it [default: 10m]" },
    { .name = "--enclave", .kind = OPT_ADDRESS, .value = "ADDRESS", .help = "the executor [default: the node's]" },
    { 0 },
};

typedef bool reached_fn(const struct executor_info *info);

static bool is_registered(const struct executor_info *info)
{
    return !address_is_zero(&info->owner);
}

static bool is_deregistered(const struct executor_info *info)
{
    return address_is_zero(&info->owner);
}

static bool is_drained(const struct executor_info *info)
{
    return info->draining && info->active_jobs == 0;
}

static const struct goal {
    const char *option;
    const char *what;
    reached_fn *reached;
} goals[] = {
    { "--registered", "registered", is_registered },
    { "--deregistered", "deregistered", is_deregistered },
    { "--drained", "drained", is_drained },
};
#define N_GOALS (sizeof goals / sizeof *goals)

static int wait_executor(struct ctl *c, const struct goal *goal, uint64_t timeout_ms, struct err *e)
{
    struct address enclave;
    struct executor_info info;
    char text[ADDRESS_TEXT_MAX];
    uint64_t begin_ms = clock_mono_ms();
    int rc = ctl_enclave(&enclave, c, e);
    while (rc == 0 && (rc = chain_executor_info(&info, c, &enclave, e)) == 0 && !goal->reached(&info)) {
        uint64_t waited_ms = clock_mono_ms() - begin_ms;
        if (waited_ms >= timeout_ms)
            return err_set(e, -ETIMEDOUT, "%s is not %s after %llu s (%llu jobs under way)",
                           address_checksum(text, &enclave), goal->what, (unsigned long long)waited_ms / 1000,
                           (unsigned long long)info.active_jobs);
        ctl_progress(c, "waiting until it is %s: %llu s, %llu jobs under way", goal->what,
                     (unsigned long long)waited_ms / 1000, (unsigned long long)info.active_jobs);
        io_sleep(c->io, POLL_MS);
    }
    if (rc < 0)
        return rc;
    out_address(c->out, "enclave", &enclave);
    out_bool(c->out, goal->what, true);
    return CTL_OK;
}

static int wait_job(struct ctl *c, uint64_t timeout_ms, struct err *e)
{
    struct job_story story = { 0 };
    struct u256 id;
    uint64_t from = 0, answers = 1;
    (void)args_u64(&from, &c->args, "--from-block");
    (void)args_u64(&answers, &c->args, "--answered");
    if (value_u256(&id, "--job", args_get(&c->args, "--job"), e) < 0)
        return -CTL_EUSAGE;
    int rc = job_wait(&story, c, id, from, answers, timeout_ms, e);
    if (story.created)
        job_story_out(c->out, &story);
    job_story_free(&story);
    return rc;
}

static int run(struct ctl *c, struct err *e)
{
    const struct goal *goal = NULL;
    uint64_t timeout_ms = DEFAULT_TIMEOUT_MS;
    size_t given = args_has(&c->args, "--job");
    for (size_t i = 0; i < N_GOALS; i++)
        if (args_has(&c->args, goals[i].option)) {
            goal = &goals[i];
            given++;
        }
    (void)args_ms(&timeout_ms, &c->args, "--timeout");
    if (given != 1)
        return err_set(e, -CTL_EUSAGE, "wait for what? Give one of --registered, --deregistered, --drained, --job ID");
    if (args_has(&c->args, "--answered") && goal)
        return err_set(e, -CTL_EUSAGE, "--answered: found it without --job ID");
    return goal ? wait_executor(c, goal, timeout_ms, e) : wait_job(c, timeout_ms, e);
}

const struct command cmd_wait = {
    .name = "wait",
    .group = GROUP_EXECUTOR,
    .arguments = "",
    .summary = "wait until an executor or a job has come so far",
    .details =
        "A job that was slashed gets no more answers: the wait ends there, as failed where answers are missing.\n",
    .options = options,
    .run = run,
};
