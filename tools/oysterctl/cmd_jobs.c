/* jobs list, from the node's ledger; jobs show, from the ledger and the chain. */
#include <errno.h>
#include <stdio.h>
#include <time.h>

#include "commands.h"
#include "ctl.h"
#include "job/job_state.h"
#include "job_story.h"
#include "ledger/history.h"
#include "ledger/reader.h"
#include "node/state_dir.h"
#include "node_api.h"
#include "util/cleanup.h"
#include "value.h"

#define DEFAULT_LIMIT 20

static const struct option_def list_options[] = {
    { .name = "--ledger",
      .kind = OPT_FILE,
      .value = "FILE",
      .help = "the node's ledger [default: as --config-file has it]" },
    { .name = "--limit", .kind = OPT_U64, .value = "N", .help = "at most so many that are over [default: 20]" },
    { 0 },
};

static const struct option_def show_options[] = {
    { .name = "--ledger",
      .kind = OPT_FILE,
      .value = "FILE",
      .help = "the node's ledger too [default: as --config-file has it, if it is there]" },
    { .name = "--from-block", .kind = OPT_U64, .value = "N", .help = "where to begin to look [default: 0]" },
    { 0 },
};

static void ledger_close_p(struct ledger **l)
{
    ledger_close(*l);
}

/* The path that the node itself would take. */
static int ledger_path(char *out, size_t size, struct ctl *c, struct err *e)
{
    const char *given = args_get(&c->args, "--ledger");
    const struct config *config;
    CLEANUP(seckey_wipe) struct seckey key = { 0 };
    if (given) {
        (void)snprintf(out, size, "%s", given);
        return 0;
    }
    if (ctl_config(&config, c, e) < 0)
        return e->code;
    if (!config)
        return err_set(e, -CTL_EUSAGE, "which ledger? Give --ledger FILE or --config-file FILE");
    if (config->ledger_file) {
        (void)snprintf(out, size, "%s", config->ledger_file);
        return 0;
    }
    int rc = seckey_load(&key, config->enclave_signer_file, e);
    return rc < 0 ? rc : state_ledger_path(out, size, NULL, &key.address, e);
}

static struct ledger *open_ledger(struct ctl *c, struct err *e)
{
    char path[512];
    return ledger_path(path, sizeof path, c, e) < 0 ? NULL : ledger_open_read_only(path, e);
}

static unsigned final_states(void)
{
    unsigned mask = 0;
    for (int s = 0; s < JOB_STATE_COUNT; s++)
        if (job_state_is_final((enum job_state)s))
            mask |= 1u << s;
    return mask;
}

static void out_time(struct out *o, const char *key, uint64_t wall_ms)
{
    char text[32];
    struct tm tm;
    time_t s = (time_t)(wall_ms / 1000);
    (void)strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&s, &tm));
    out_str(o, key, wall_ms ? text : NULL);
}

static const char *state_name(int state)
{
    return state > JOB_INVALID && state < JOB_STATE_COUNT ? job_state_name((enum job_state)state) : "slashed";
}

static void out_number(struct out *o, const char *key, uint64_t value, bool known)
{
    if (known)
        out_u64(o, key, value);
    else
        out_null(o, key);
}

static void out_open_job(void *arg, const struct ledger_job *job)
{
    struct out *o = arg;
    out_object(o, NULL);
    out_u256(o, "job", job->id);
    out_str(o, "state", state_name(job->state));
    out_time(o, "seen", job->seen_wall_ms);
    out_number(o, "error_code", (uint64_t)job->error_code, job->error_code >= 0);
    out_number(o, "total_time_ms", job->total_time_ms, job->error_code >= 0);
    out_null(o, "rank");
    out_null(o, "gas_cost");
    out_u64(o, "deadline_ms", job->deadline_ms);
    out_hide(o);
    out_end(o);
}

static void out_past_job(void *arg, const struct ledger_past_job *job)
{
    struct out *o = arg;
    out_object(o, NULL);
    out_u256(o, "job", job->id);
    out_str(o, "state", job->slashed_wall_ms ? "slashed" : state_name(job->state));
    out_time(o, "seen", job->seen_wall_ms);
    out_number(o, "error_code", (uint64_t)job->error_code, job->error_code >= 0);
    out_number(o, "total_time_ms", job->total_time_ms, job->error_code >= 0);
    out_number(o, "rank", job->rank, job->rank > 0);
    if (job->cost_known)
        out_amount(o, "gas_cost", job->cost_wei, "ETH");
    else
        out_null(o, "gas_cost");
    out_u64(o, "deadline_ms", job->deadline_ms);
    out_hide(o);
    out_hex(o, "transaction", job->tx_hash, 32);
    out_hide(o);
    if (job->paid_known) {
        out_u256(o, "paid", job->paid);
        out_hide(o);
        out_address(o, "paid_token", &job->paid_token);
        out_hide(o);
    }
    out_end(o);
}

static int run_list(struct ctl *c, struct err *e)
{
    CLEANUP(ledger_close_p) struct ledger *l = open_ledger(c, e);
    uint64_t limit = DEFAULT_LIMIT;
    if (!l)
        return e->code;
    (void)args_u64(&limit, &c->args, "--limit");
    out_array(c->out, "open");
    ledger_each_job_not_in(l, final_states(), out_open_job, c->out);
    out_end(c->out);
    out_array(c->out, "past");
    ledger_each_past(l, final_states(), limit > UINT32_MAX ? UINT32_MAX : (uint32_t)limit, out_past_job, c->out);
    out_end(c->out);
    return CTL_OK;
}

/* ---- show ---- */

static void out_ledger_job(void *arg, const struct ledger_job *job)
{
    struct out *o = arg;
    out_object(o, "node");
    out_str(o, "state", state_name(job->state));
    out_time(o, "seen", job->seen_wall_ms);
    out_number(o, "error_code", (uint64_t)job->error_code, job->error_code >= 0);
    out_number(o, "total_time_ms", job->total_time_ms, job->error_code >= 0);
    out_number(o, "event_to_transaction_ms", job->event_to_tx_us / 1000, job->event_to_tx_us > 0);
    out_end(o);
}

/* What the node itself knows: where there is a ledger to ask. */
static int show_ledger(struct ctl *c, struct u256 id, struct err *e)
{
    struct err why = { 0 };
    CLEANUP(ledger_close_p) struct ledger *l = open_ledger(c, &why);
    if (l)
        (void)ledger_get_job(l, id, out_ledger_job, c->out);
    else if (args_has(&c->args, "--ledger"))
        return err_set(e, why.code, "%s", why.msg), why.code;
    return 0;
}

static void job_story_free_p(struct job_story *s)
{
    job_story_free(s);
}

static int run_show(struct ctl *c, struct err *e)
{
    CLEANUP(job_story_free_p) struct job_story story = { 0 };
    struct u256 id;
    uint64_t from = 0;
    if (value_u256(&id, "JOB-ID", args_at(&c->args, 0), e) < 0)
        return -CTL_EUSAGE;
    (void)args_u64(&from, &c->args, "--from-block");
    int rc = job_story_read(&story, c, id, from, e);
    if (rc < 0)
        return rc;
    if (!story.created)
        return err_set(e, -ENOENT, "no job %s was created since block %llu", args_at(&c->args, 0),
                       (unsigned long long)from);
    job_story_out(c->out, &story);
    return show_ledger(c, id, e);
}

const struct command cmd_jobs_list = {
    .name = "jobs list",
    .group = GROUP_JOBS,
    .arguments = "",
    .summary = "the node's jobs, from its ledger: those under way, then the newest that are over",
    .options = list_options,
    .run = run_list,
};

const struct command cmd_jobs_show = {
    .name = "jobs show",
    .group = GROUP_JOBS,
    .arguments = "JOB-ID",
    .min_args = 1,
    .max_args = 1,
    .summary = "what the chain and the node's ledger say about a job",
    .options = show_options,
    .run = run_show,
};
