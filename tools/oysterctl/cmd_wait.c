/* wait: until the chain says so. */
#include <stdio.h>

#include "chain.h"
#include "commands.h"
#include "ctl.h"
#include "job_story.h"
#include "job_wait.h"
#include "node_api.h"
#include "poll.h"
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

struct executor_waiting {
    const struct goal *goal;
    struct address enclave;
};

static int ask_executor(void *arg, struct ctl *c, char *state, size_t size, struct err *e)
{
    const struct executor_waiting *w = arg;
    struct executor_info info;
    char text[ADDRESS_TEXT_MAX];
    int rc = chain_executor_info(&info, c, &w->enclave, e);
    if (rc < 0)
        return rc;
    (void)snprintf(state, size, "%s is not %s (%llu jobs under way)", address_checksum(text, &w->enclave),
                   w->goal->what, (unsigned long long)info.active_jobs);
    return w->goal->reached(&info);
}

static int wait_executor(struct ctl *c, const struct goal *goal, uint64_t timeout_ms, struct err *e)
{
    struct executor_waiting w = { .goal = goal };
    int rc = ctl_enclave(&w.enclave, c, e);
    if (rc == 0)
        rc = poll_until(c, ask_executor, &w, timeout_ms, POLL_MS, e);
    if (rc < 0)
        return rc;
    out_address(c->out, "enclave", &w.enclave);
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
