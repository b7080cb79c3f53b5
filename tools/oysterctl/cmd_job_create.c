/* job create: a job of one's own, and its answer. */
#include <errno.h>
#include <string.h>

#include "chain.h"
#include "code_file.h"
#include "commands.h"
#include "ctl.h"
#include "job_wait.h"
#include "send.h"
#include "signer.h"
#include "stake.h"
#include "util/cleanup.h"
#include "value.h"

#define INPUT_MAX ((size_t)128 * 1024)
#define DEFAULT_DEADLINE_MS 5000
#define DEFAULT_ENV 1
#define ROOM_PERCENT 60 /* who is drawn, and so what it costs, is only known in the block */
#define WAIT_BEYOND_MS 60000

static const struct option_def options[] = {
    { .name = "--code", .kind = OPT_BYTES32, .value = "HASH", .help = "the transaction that code deploy printed" },
    { .name = "--code-file", .kind = OPT_FILE, .value = "FILE", .help = "deploy this code first" },
    { .name = "--input", .kind = OPT_TEXT, .value = "TEXT", .help = "the body of the request [default: empty]" },
    { .name = "--input-file",
      .kind = OPT_FILE,
      .value = "FILE",
      .help = "the same from a file; \"-\": standard input" },
    { .name = "--deadline",
      .kind = OPT_SECONDS,
      .value = "TIME",
      .help = "what the job may take: 500ms, 5s [default: 5s]" },
    { .name = "--env", .kind = OPT_U64, .value = "N", .help = "execution environment, generation 2 [default: 1]" },
    { .name = "--via",
      .kind = OPT_ADDRESS,
      .value = "CONTRACT",
      .help = "call createJob of this contract, which owns and pays the job [default: the Jobs contract itself]" },
    { .name = "--fee-token", .kind = OPT_ADDRESS, .value = "ADDRESS", .help = "where the Jobs contract does not say" },
    { .name = "--fee", .kind = OPT_AMOUNT, .value = "AMOUNT", .help = "what the job costs, where it does not say" },
    { .name = "--no-wait", .kind = OPT_FLAG, .help = "end when the job is created" },
    { .name = "--timeout",
      .kind = OPT_SECONDS,
      .value = "TIME",
      .help = "how long to wait for the answer [default: deadline and 60s]" },
    { 0 },
};

struct creating {
    struct seckey key;
    uint8_t codehash[32];
    struct buf input;
    uint64_t deadline_ms;
    int env;
    struct address jobs, target;
    bool via;
};

static void creating_free(struct creating *j)
{
    seckey_wipe(&j->key);
    buf_free(&j->input);
}

/* ---- what was asked ---- */

static int read_input(struct creating *j, struct ctl *c, struct err *e)
{
    const char *text = args_get(&c->args, "--input"), *file = args_get(&c->args, "--input-file");
    if (text && file)
        return err_set(e, -CTL_EUSAGE, "--input and --input-file: found both, expected one");
    if (file)
        return ctl_read_file(&j->input, file, INPUT_MAX, e);
    buf_puts(&j->input, text ? text : "");
    return 0;
}

static int read_env(struct creating *j, struct ctl *c, struct err *e)
{
    uint64_t env = DEFAULT_ENV;
    enum generation g;
    int rc = chain_generation(&g, c, e);
    if (rc < 0)
        return rc;
    bool given = args_u64(&env, &c->args, "--env");
    if (env > UINT8_MAX)
        return err_set(e, -CTL_EUSAGE, "--env: expected a number from 0 to 255");
    if (given && g == GENERATION_1)
        return err_set(e, -CTL_EUSAGE, "--env: these contracts (generation 1) have no execution environments");
    j->env = g == GENERATION_1 ? -1 : (int)env;
    return 0;
}

static int gather(struct creating *j, struct ctl *c, struct err *e)
{
    bool has_hash = args_bytes32(j->codehash, &c->args, "--code");
    if (has_hash == args_has(&c->args, "--code-file"))
        return err_set(e, -CTL_EUSAGE, "which code? Give one of --code HASH and --code-file FILE");
    j->deadline_ms = DEFAULT_DEADLINE_MS;
    (void)args_ms(&j->deadline_ms, &c->args, "--deadline");
    int rc = signer_load(&j->key, c, e);
    if (rc == 0)
        rc = read_input(j, c, e);
    if (rc == 0)
        rc = chain_jobs(&j->jobs, c, e);
    if (rc == 0)
        rc = read_env(j, c, e);
    j->target = j->jobs;
    j->via = args_address(&j->target, &c->args, "--via");
    return rc;
}

/* ---- the fee ---- */

/* The first of these views that the Jobs contract has. */
static int find_fee_token(struct token *out, struct ctl *c, const struct creating *j, struct err *e)
{
    static const enum contract_view views[] = { VIEW_FEE_TOKEN, VIEW_USDC_TOKEN };
    struct address token;
    if (args_address(&token, &c->args, "--fee-token"))
        return chain_token(out, c->chain, &token, e);
    for (size_t i = 0; i < sizeof views / sizeof *views; i++) {
        struct buf call = { 0 };
        call_view(&call, views[i]);
        if (chain_view_address(&token, c->chain, &j->jobs, &call, contract_view_name(views[i]), NULL) == 0)
            return chain_token(out, c->chain, &token, e);
    }
    return err_set(e, -ENOENT, "the Jobs contract does not name its fee token: give --fee-token ADDRESS");
}

static int view_price(struct u256 *out, struct ctl *c, const struct creating *j, enum contract_view view)
{
    struct buf call = { 0 };
    call_view(&call, view);
    return chain_view_u256(out, c->chain, &j->jobs, &call, contract_view_name(view), NULL);
}

static int price_per_ms(struct u256 *out, struct ctl *c, const struct creating *j, struct err *e)
{
    struct buf call = { 0 };
    struct u256 reward;
    if (view_price(out, c, j, VIEW_EXECUTOR_FEE_PER_MS) == 0 &&
        view_price(&reward, c, j, VIEW_STAKING_REWARD_PER_MS) == 0)
        return u256_add(out, *out, reward) ? 0 : err_set(e, -ERANGE, "the price of a job is out of range");
    call_job_fee_per_ms(&call, (uint8_t)(j->env < 0 ? 0 : j->env));
    if (chain_view_u256(out, c->chain, &j->jobs, &call, "getJobExecutionFeePerMs(uint8)", NULL) == 0)
        return 0;
    return err_set(e, -ENOENT, "the Jobs contract does not say what a job costs: give --fee AMOUNT");
}

/* A job of the sender's own is paid from its tokens. */
static int add_fee(struct send_calls *calls, struct ctl *c, const struct creating *j, struct err *e)
{
    struct token token;
    struct u256 fee;
    const char *given = args_get(&c->args, "--fee");
    int rc = find_fee_token(&token, c, j, e);
    if (rc == 0 && given)
        rc = value_amount_of(&fee, "--fee", given, token.decimals, e);
    else if (rc == 0 && (rc = price_per_ms(&fee, c, j, e)) == 0 && !u256_mul_u64(&fee, fee, j->deadline_ms))
        rc = err_set(e, -ERANGE, "--deadline: the fee is out of range");
    if (rc < 0)
        return rc;
    out_amount_of(c->out, "fee_in_advance", fee, token.symbol, token.decimals);
    return approve_if_short(calls, c, &token, &j->key.address, &j->jobs, fee, e);
}

/* ---- sending ---- */

static int create(struct job_story *story, struct ctl *c, const struct creating *j, struct err *e)
{
    CLEANUP(send_calls_free) struct send_calls calls = { 0 };
    struct json *receipt = NULL;
    int rc = j->via ? 0 : add_fee(&calls, c, j, e);
    if (rc < 0)
        return rc;
    struct send_call *call = send_add(&calls, &j->target, j->via ? "job owner's contract" : "Jobs contract");
    call->room_percent = ROOM_PERCENT;
    call_create_job(&call->data, j->env, j->codehash, j->input.data, j->input.len, j->deadline_ms);
    rc = send_all(&receipt, c, &j->key, &calls, e);
    if (rc == 0 && receipt)
        rc = job_story_of_receipt(story, c, receipt, e);
    json_free(receipt);
    return rc;
}

static int wait_answer(struct job_story *story, struct ctl *c, const struct creating *j, struct err *e)
{
    uint64_t timeout_ms = j->deadline_ms + WAIT_BEYOND_MS;
    (void)args_ms(&timeout_ms, &c->args, "--timeout");
    return job_wait(story, c, story->id, story->created_block, 1, timeout_ms, e);
}

static int deploy_first(struct creating *j, struct ctl *c, struct err *e)
{
    const char *file = args_get(&c->args, "--code-file");
    if (!file)
        return 0;
    out_object(c->out, "deploy");
    int rc = code_deploy(j->codehash, c, &j->key, file, e);
    out_end(c->out);
    return rc;
}

static int run(struct ctl *c, struct err *e)
{
    CLEANUP(creating_free) struct creating j = { 0 };
    struct job_story story = { 0 };
    int rc = gather(&j, c, e);
    if (rc == 0)
        rc = deploy_first(&j, c, e);
    if (rc == 0)
        rc = create(&story, c, &j, e);
    if (rc == 0 && story.created && !args_has(&c->args, "--no-wait"))
        rc = wait_answer(&story, c, &j, e);
    if (story.created)
        job_story_out(c->out, &story);
    job_story_free(&story);
    return rc;
}

const struct command cmd_job_create = {
    .name = "job create",
    .group = GROUP_JOBS,
    .arguments = "",
    .summary = "create a job as its owner and wait for the answer",
    .details =
        "The signing key's account owns the job: it pays the fee in advance (an approve is sent first where the\n"
        "allowance is short) and gets back what was not used. With --via a contract owns and pays it, which has\n"
        "createJob with the same arguments as the Jobs contract.\n",
    .options = options,
    .signs = true,
    .run = run,
};
