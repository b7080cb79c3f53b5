#include "node/node.h"

#include <stdlib.h>
#include <string.h>

#include "job/journal.h"
#include "ledger/history.h"
#include "node/config_pool.h"
#include "node/internal.h"
#include "util/buf.h"
#include "util/clock.h"
#include "util/log.h"
#include "util/sat.h"

/* Blocks read back when the node begins to follow: what was assigned shortly before a restart is still answerable. */
#define LOOKBACK_BLOCKS 256
/* After an outage it goes on where it was, but no further back than this: older jobs are past their time. */
#define LOOKBACK_MAX_BLOCKS 100000
#define ASK_AGAIN_MS 1000
/* The execution environment that this program is, where the config does not say. */
#define DEFAULT_ENV 1
/* The clocks of chain and machine: how far apart is worth a warning, and for how many heads in a row. */
#define SKEW_WARN_MS 10000
#define SKEW_WARN_HEADS 3
/* A stop waits so long for jobs under way: their silence would cost stake. */
#define DRAIN_MS 30000
#define DRAIN_LOOK_MS 20
#define CHECKPOINT_MS 5000

/* ---- ledger ---- */

/* What was processed need not be read again after a restart. */
static void save_cursor(struct node *n)
{
    struct watcher_stats s;
    if (n->draining) /* jobs are let pass: the next life may still have the time for them */
        return;
    watcher_stats(n->watcher, &s);
    if (s.last_processed_block <= n->cursor)
        return;
    n->cursor = s.last_processed_block;
    ledger_put_setting(n->ledger, LEDGER_CURSOR, &n->cursor, sizeof n->cursor);
}

/* ---- chain → job ---- */

static bool names_us(const struct node *n, const struct chain_event *ev)
{
    for (size_t i = 0; i < ev->u.job_created.n_selected; i++)
        if (address_eq(&ev->u.job_created.selected[i], &n->enclave_key->address))
            return true;
    return false;
}

/* While the node drains, what ends before the jobs that it waits for anyway: it may come too late for the next life. */
static bool has_time_for(const struct node *n, const struct chain_event *ev, const struct event_origin *origin)
{
    uint64_t end_us = sat_add(origin->received_us, sat_mul(ev->u.job_created.deadline_ms, 1000));
    return !n->draining || end_us <= n->take_until_us;
}

static void note_slash(struct node *n, const struct chain_event *ev, const struct event_origin *origin)
{
    char id[U256_DEC_MAX];
    uint64_t at_ms = origin->block_timestamp_s ? sat_mul(origin->block_timestamp_s, 1000) : clock_wall_ms();
    log_warn("slashed", F_STR("job", u256_to_dec(id, ev->u.slashed.job_id)), F_U64("block", origin->block_number));
    ledger_put_slash(n->ledger, ev->u.slashed.job_id, at_ms);
}

static void on_event(void *arg, const struct chain_event *ev, const struct event_origin *origin)
{
    struct node *n = arg;
    if (ev->type == EVENT_JOB_CREATED && names_us(n, ev) && has_time_for(n, ev, origin) &&
        registrar_named(n->registrar))
        jobs_created(n->jobs, ev, origin);
    else if (ev->type == EVENT_JOB_RESPONDED && address_eq(&ev->u.job_responded.executor, &n->enclave_key->address))
        jobs_answered(n->jobs, ev->u.job_responded.job_id);
    if (ev->type == EVENT_SLASHED && address_eq(&ev->u.slashed.enclave, &n->enclave_key->address))
        note_slash(n, ev, origin);
    registrar_on_event(n->registrar, ev, origin);
    slasher_on_event(n->slasher, ev, origin);
    monitor_touch(n->monitor);
}

static void on_removed(void *arg, const struct chain_event *ev, const struct event_origin *origin)
{
    struct node *n = arg;
    if (ev->type == EVENT_JOB_CREATED)
        jobs_taken_back(n->jobs, ev->u.job_created.job_id);
    else if (ev->type == EVENT_SLASHED && address_eq(&ev->u.slashed.enclave, &n->enclave_key->address))
        ledger_drop_slash(n->ledger, ev->u.slashed.job_id);
    registrar_on_removed(n->registrar, ev);
    slasher_on_removed(n->slasher, ev, origin);
}

/* Says it once per change, and not for a single odd head. */
static void watch_skew(struct node *n)
{
    int64_t skew = n->clock.skew_ms;
    if (llabs(skew - n->skew_told_ms) < SKEW_WARN_MS) {
        n->skewed_heads = 0;
        return;
    }
    if (++n->skewed_heads < SKEW_WARN_HEADS)
        return;
    n->skewed_heads = 0;
    n->skew_told_ms = llabs(skew) < SKEW_WARN_MS ? 0 : skew;
    if (n->skew_told_ms)
        log_warn("clock_skew", F_I64("chain_less_wall_ms", skew),
                 F_STR("effect", "deadlines and signatures follow the chain's time"));
    else
        log_info("clock_in_step", F_I64("chain_less_wall_ms", skew));
}

static void take_head(struct node *n, const struct chain_head *head)
{
    chain_clock_on_head(&n->clock, head->timestamp_s, clock_mono_ms(), clock_wall_ms());
    tx_queue_on_head(n->tx, head);
}

static void on_head(void *arg, const struct chain_head *head)
{
    struct node *n = arg;
    take_head(n, head);
    watch_skew(n);
    save_cursor(n);
    monitor_touch(n->monitor);
}

static void on_live(void *arg, bool live)
{
    struct node *n = arg;
    monitor_touch(n->monitor);
    if (live)
        log_info("chain_live");
    else
        log_warn("chain_lost");
}

static void on_registration(void *arg, enum registration state)
{
    struct node *n = arg;
    (void)state; /* asked of the registrar where it matters */
    monitor_touch(n->monitor);
}

static void stop_now(struct node *n);

static void on_fail(uv_timer_t *timer)
{
    stop_now(timer->data);
}

/* The node cannot go on. It stops on the loop's next turn: the caller stands inside a part. */
static void fail(struct node *n, const struct err *e)
{
    n->end = *e;
    uv_timer_start(n->timer, on_fail, 0, 0);
}

static void start_slasher(struct node *n)
{
    const struct config *c = n->config;
    struct slasher_config config = { .generation = n->generation,
                                     .jobs_contract = c->jobs_contract_addr,
                                     .enclave = n->enclave_key->address,
                                     .execution_buffer_ms = sat_mul(c->execution_buffer_time_s, 1000),
                                     .num_selected_executors = c->num_selected_executors };
    n->slasher = slasher_new(n->loop, n->rpc, n->tx, &n->clock, &config);
}

static void start_jobs(struct node *n)
{
    struct jobs_parts parts = { n->loop, n->code, n->pool, n->tx, n->enclave_key, &n->clock, n->ledger };
    struct jobs_config config = { .jobs_contract = n->config->jobs_contract_addr,
                                  .execution_buffer_ms = sat_mul(n->config->execution_buffer_time_s, 1000) };
    n->jobs = jobs_new(&parts, &config);
}

static void start_watcher(struct node *n, uint64_t from)
{
    static const struct watcher_events events = { on_event, on_removed, on_head, on_live };
    struct watcher_config config = { .executors = n->config->executors_contract_addr,
                                     .jobs = n->config->jobs_contract_addr,
                                     .overlap_blocks = 16,
                                     .max_range_blocks = 2000 };
    struct err e = { 0 };
    n->watcher = watcher_new(n->loop, n->rpc, &config, from, &events, n, &e);
    if (!n->watcher)
        fail(n, &e);
}

static void ask_head(uv_timer_t *timer);

/* The first head: from here on fees and the chain's time are known, and an earlier life's jobs can go on. */
static void on_first_head(void *arg, const struct json *result, const struct rpc_error *error)
{
    struct node *n = arg;
    struct chain_head head;
    struct err e = { 0 };
    n->head_call = NULL;
    if (error->kind != RPC_ERR_NONE)
        (void)err_set(&e, -EIO, "%s", error->message);
    if (e.code || chain_head_parse(&head, result, &e) < 0) {
        log_warn("chain_does_not_answer", F_STR("question", "eth_getBlockByNumber"), F_ERR(&e));
        uv_timer_start(n->timer, ask_head, ASK_AGAIN_MS, 0);
        return;
    }
    uint64_t from = sat_sub(head.number, LOOKBACK_BLOCKS);
    if (n->cursor && n->cursor < head.number)
        from = n->cursor < sat_sub(head.number, LOOKBACK_MAX_BLOCKS) ? sat_sub(head.number, LOOKBACK_MAX_BLOCKS)
                                                                     : n->cursor;
    log_info("following", F_U64("head", head.number), F_U64("from", from), F_U64("generation", n->generation));
    take_head(n, &head);
    jobs_restore(n->jobs, &n->gas_address);
    start_watcher(n, from);
}

static void ask_head(uv_timer_t *timer)
{
    struct node *n = timer->data;
    n->head_call = rpc_request(n->rpc, "eth_getBlockByNumber", "[\"latest\",false]", 0, on_first_head, n);
}

void node_follow(struct node *n)
{
    if (n->registrar || !n->generation || !n->has_owner || !n->has_gas_key || n->stopping)
        return;
    struct registrar_config config = { .generation = n->generation,
                                       .executors = n->config->executors_contract_addr,
                                       .enclave = n->enclave_key->address,
                                       .owner = n->owner };
    n->registrar = registrar_new(n->loop, n->rpc, &config, on_registration, n);
    start_jobs(n);
    start_slasher(n);
    ask_head(n->timer);
}

static void on_probed(void *arg, enum generation generation, const struct err *e)
{
    struct node *n = arg;
    if (e->code) {
        fail(n, e);
        return;
    }
    n->generation = generation;
    log_info("chain_known", F_U64("chain_id", n->config->common_chain_id), F_U64("generation", generation));
    node_api_chain_known(n);
    node_follow(n);
}

/* ---- start and stop ---- */

uint8_t node_environment(const struct config *c)
{
    return c->env_choice == ENV_NUMBER ? c->execution_env : DEFAULT_ENV;
}

static int open_ledger(struct node *n, struct err *e)
{
    char path[400];
    struct ledger_identity identity = { n->config->common_chain_id, n->config->jobs_contract_addr,
                                        n->enclave_key->address };
    if (state_ledger_path(path, sizeof path, n->config->ledger_file, &n->enclave_key->address, e) < 0)
        return e->code;
    n->ledger = ledger_open(path, &identity, n->config->ledger_flush, e);
    if (!n->ledger)
        return e->code;
    n->checkpoints = ledger_checkpoints_start(n->loop, path, CHECKPOINT_MS);
    return 0;
}

static enum generation known_generation(const struct config *c)
{
    return c->env_choice == ENV_DETECT ? (enum generation)0 : c->env_choice == ENV_NUMBER ? GENERATION_2 : GENERATION_1;
}

static int open_pool(struct node *n, struct err *e)
{
    struct pool_config config;
    config_pool(&config, n->config, n->state_dir.path);
    n->pool = pool_new(n->loop, &config, e);
    return n->pool ? 0 : e->code;
}

static struct rpc_config rpc_config_of(const struct config *c)
{
    return (struct rpc_config){ .http_urls = (const char *const *)c->http_rpc_urls,
                                .n_http = c->n_http_rpc_urls,
                                .ws_urls = (const char *const *)c->web_socket_urls,
                                .n_ws = c->n_web_socket_urls,
                                .chain_id = c->common_chain_id,
                                .timeout_ms = 10000,
                                .silence_ms = c->head_silence_s * (uint64_t)1000 };
}

static int open_rpc(struct node *n, struct err *e)
{
    struct rpc_config config = rpc_config_of(n->config);
    n->rpc = rpc_new(n->loop, &config, e);
    return n->rpc ? 0 : e->code;
}

static void open_chain(struct node *n)
{
    const struct config *c = n->config;
    struct tx_queue_config tx = { .chain_id = c->common_chain_id,
                                  .max_in_flight = 16,
                                  .stuck_after_ms = 15000,
                                  .max_fee_cap_wei = c->max_fee_cap_wei,
                                  .submit_callback_gas = c->callback_gas };
    struct probe_config probe = { .chain_id = c->common_chain_id,
                                  .executors = c->executors_contract_addr,
                                  .env = node_environment(c),
                                  .known = known_generation(c) };
    n->tx = tx_queue_new(n->loop, n->rpc, &tx);
    journal_install(n->tx, n->ledger);
    n->code = code_store_new(n->loop, n->rpc, &c->code_contract_addr, c->code_cache_bytes);
    n->tokens = tokens_new(n->rpc, &c->executors_contract_addr);
    n->probe = probe_start(n->loop, n->rpc, &probe, on_probed, n);
}

static void on_pool_gone(void *arg)
{
    struct node *n = arg;
    struct err end = n->end;
    state_dir_close(&n->state_dir);
    log_info("stopped");
    void (*stopped)(void *, const struct err *) = n->stopped;
    void *stopped_arg = n->arg;
    free(n);
    stopped(stopped_arg, &end);
}

static void timer_closed(uv_handle_t *h)
{
    free(h);
}

/* Everything but the pool and the folder, in the order in which the parts hang on each other. */
static void close_parts(struct node *n)
{
    monitor_free(n->monitor);
    tokens_free(n->tokens);
    api_free(n->api);
    probe_free(n->probe);
    rpc_cancel(n->head_call);
    watcher_free(n->watcher);
    registrar_free(n->registrar);
    jobs_stop(n->jobs);
    tx_queue_free(n->tx);
    slasher_free(n->slasher);
    jobs_free(n->jobs);
    code_store_free(n->code);
    rpc_free(n->rpc);
    ledger_checkpoints_stop(n->checkpoints);
    ledger_close(n->ledger);
    seckey_wipe(&n->new_gas_key);
    buf_free(&n->user_data);
    uv_close((uv_handle_t *)n->timer, timer_closed);
    uv_close((uv_handle_t *)n->restore_timer, timer_closed);
}

static void stop_now(struct node *n)
{
    if (n->stopping)
        return;
    n->stopping = true;
    close_parts(n);
    pool_free(n->pool, on_pool_gone, n);
}

static void on_drain_look(uv_timer_t *timer)
{
    struct node *n = timer->data;
    struct jobs_stats s;
    jobs_stats(n->jobs, &s);
    if (s.open == 0 || clock_mono_ms() >= n->drain_until_ms)
        stop_now(n);
}

void node_stop(struct node *n)
{
    if (!n || n->stopping)
        return;
    struct jobs_stats s = { 0 };
    if (n->jobs)
        jobs_stats(n->jobs, &s);
    if (n->draining || s.open == 0) {
        stop_now(n);
        return;
    }
    log_info("draining", F_U64("jobs", s.open));
    n->draining = true;
    n->drain_until_ms = clock_mono_ms() + DRAIN_MS;
    n->take_until_us = jobs_run_until(n->jobs);
    if (n->take_until_us > n->drain_until_ms * 1000)
        n->take_until_us = n->drain_until_ms * 1000;
    uv_timer_start(n->timer, on_drain_look, DRAIN_LOOK_MS, DRAIN_LOOK_MS);
}

void node_reload(struct node *n)
{
    const struct config *c = n->config;
    if (n->stopping)
        return;
    tx_queue_set_limits(n->tx, c->max_fee_cap_wei, c->callback_gas);
    rpc_set_silence(n->rpc, c->head_silence_s * (uint64_t)1000);
    struct rpc_config endpoints = rpc_config_of(c);
    struct err e = { 0 };
    if (rpc_set_endpoints(n->rpc, &endpoints, &e) < 0)
        log_error("endpoints_not_changed", F_ERR(&e));
    api_set_rate_limit(n->api, c->api_rate_limit, c->api_rate_limit_total);
}

static uv_timer_t *new_timer(struct node *n)
{
    uv_timer_t *t = xcalloc(1, sizeof *t);
    uv_timer_init(n->loop, t);
    t->data = n;
    return t;
}

struct node *node_new(uv_loop_t *loop, const struct node_options *options,
                      void (*stopped)(void *arg, const struct err *e), void *arg, struct err *e)
{
    struct node *n = xcalloc(1, sizeof *n);
    char address[ADDRESS_TEXT_MAX];
    n->loop = loop;
    n->started_ms = clock_mono_ms();
    n->config = options->config;
    n->enclave_key = options->enclave_key;
    n->stopped = stopped;
    n->arg = arg;
    n->state_dir.lock_fd = -1;
    n->timer = new_timer(n);
    n->restore_timer = new_timer(n);
    if (state_dir_open(&n->state_dir, n->config->state_dir, &n->enclave_key->address, e) < 0 ||
        node_load_user_data(n, e) < 0 || node_open_api(n, e) < 0 || node_open_monitor(n, e) < 0 ||
        open_ledger(n, e) < 0 || open_rpc(n, e) < 0 || open_pool(n, e) < 0 || node_restore_settings(n, e) < 0) {
        close_parts(n);
        state_dir_close(&n->state_dir);
        free(n);
        return NULL;
    }
    open_chain(n);
    if (n->monitor)
        monitor_add_dashboard(n->monitor, n->loop, n->ledger, n->tokens);
    log_info("started", F_STR("version", OYSTER_VERSION), F_U64("port", api_port(n->api)),
             F_STR("enclave_address", address_checksum(address, &n->enclave_key->address)),
             F_U64("capacity", n->config->capacity), F_U64("warm_workers", n->config->warm_workers));
    return n;
}
