#include "node.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "api/routes.h"
#include "chain/chain_clock.h"
#include "chain/probe.h"
#include "chain/registrar.h"
#include "chain/tx_queue.h"
#include "chain/watcher.h"
#include "eth/eip712.h"
#include "job/code_store.h"
#include "job/jobs.h"
#include "job/journal.h"
#include "job/slasher.h"
#include "ledger/gas_key.h"
#include "ledger/ledger.h"
#include "net/rpc.h"
#include "state_dir.h"
#include "util/buf.h"
#include "util/cleanup.h"
#include "util/clock.h"
#include "util/hex.h"
#include "util/log.h"
#include "util/sat.h"
#include "worker/pool.h"

/* Blocks read back when the node begins to follow: what was assigned shortly before a restart is still answerable. */
#define LOOKBACK_BLOCKS 256
/* After an outage it goes on where it was, but no further back than this: older jobs are past their time. */
#define LOOKBACK_MAX_BLOCKS 100000
#define ASK_AGAIN_MS 1000
/* A gas key that comes before the chain has told what it is waits so long. */
#define CHAIN_WAIT_MS 3000
/* The execution environment that this program is, where the config does not say (PROTOCOL.md). */
#define DEFAULT_ENV 1
/* The clocks of chain and machine: how far apart is worth a warning, and for how many heads in a row. */
#define SKEW_WARN_MS 10000
#define SKEW_WARN_HEADS 3
/* A stop waits so long for jobs under way: their silence would cost stake. */
#define DRAIN_MS 30000
#define DRAIN_LOOK_MS 20

struct node {
    uv_loop_t *loop;
    const struct config *config;
    const struct seckey *enclave_key;
    void (*stopped)(void *arg, const struct err *e);
    void *arg;
    struct err end; /* why the node stops */
    bool draining;  /* takes no job any more, finishes what it holds */
    uint64_t drain_until_ms;
    bool stopping;

    struct state_dir state_dir;
    struct ledger *ledger;
    uint64_t cursor; /* as last written */
    int64_t skew_told_ms;
    unsigned skewed_heads; /* in a row, whose skew is far from what was told */
    struct rpc *rpc;
    struct probe *probe;
    struct pool *pool;
    struct code_store *code;
    struct tx_queue *tx;
    struct chain_clock clock;
    struct api *api;

    /* there once owner, gas key and the chain's generation are known */
    struct registrar *registrar;
    struct jobs *jobs;
    struct slasher *slasher;
    struct watcher *watcher;
    struct rpc_call *head_call;
    uv_timer_t *timer, *restore_timer;

    enum generation generation; /* 0 = not known yet */
    bool has_owner, has_gas_key;
    struct address owner;
    struct seckey new_gas_key; /* while its nonce is asked for */
    struct address gas_address;
    struct rpc_call *nonce_call;
    api_gas_key_done_fn *nonce_done;
    void *nonce_done_arg;
};

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

static void on_event(void *arg, const struct chain_event *ev, const struct event_origin *origin)
{
    struct node *n = arg;
    if (ev->type == EVENT_JOB_CREATED && !n->draining && registrar_works(n->registrar) && names_us(n, ev))
        jobs_created(n->jobs, ev, origin);
    else if (ev->type == EVENT_JOB_RESPONDED && address_eq(&ev->u.job_responded.executor, &n->enclave_key->address))
        jobs_withdraw(n->jobs, ev->u.job_responded.job_id, "answered before");
    registrar_on_event(n->registrar, ev);
    slasher_on_event(n->slasher, ev, origin);
}

static void on_removed(void *arg, const struct chain_event *ev, const struct event_origin *origin)
{
    struct node *n = arg;
    if (ev->type == EVENT_JOB_CREATED)
        jobs_withdraw(n->jobs, ev->u.job_created.job_id, "its block was reorganised away");
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
}

static void on_live(void *arg, bool live)
{
    (void)arg;
    if (live)
        log_info("chain_live");
    else
        log_warn("chain_lost");
}

static void on_registration(void *arg, enum registration state)
{
    (void)arg;
    (void)state; /* asked of the registrar where it matters */
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
    struct jobs_parts parts = { n->code, n->pool, n->tx, n->enclave_key, &n->clock, n->ledger };
    struct jobs_config config = { .jobs_contract = n->config->jobs_contract_addr,
                                  .execution_buffer_ms = sat_mul(n->config->execution_buffer_time_s, 1000) };
    n->jobs = jobs_new(&parts, &config, NULL, NULL);
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

/* Begins to follow the chain as soon as everything that it takes is known; called whenever one of them comes. */
static void follow(struct node *n)
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

static void ask_nonce(struct node *n);

static void on_probed(void *arg, enum generation generation, const struct err *e)
{
    struct node *n = arg;
    if (e->code) {
        fail(n, e);
        return;
    }
    n->generation = generation;
    log_info("chain_known", F_U64("chain_id", n->config->common_chain_id), F_U64("generation", generation));
    if (n->nonce_done && !n->nonce_call) {
        uv_timer_stop(n->restore_timer);
        ask_nonce(n);
    }
    follow(n);
}

/* ---- API ---- */

static void op_identity(void *arg, struct api_identity *out)
{
    const struct node *n = arg;
    out->enclave_address = n->enclave_key->address;
    memcpy(out->enclave_pubkey, n->enclave_key->pubkey, sizeof out->enclave_pubkey);
    out->has_owner = n->has_owner;
    out->owner = n->owner;
    out->has_gas_key = n->has_gas_key;
    out->gas_address = n->gas_address;
}

static void op_set_owner(void *arg, const struct address *owner)
{
    struct node *n = arg;
    n->owner = *owner;
    n->has_owner = true;
    ledger_put_setting(n->ledger, LEDGER_OWNER, owner->b, sizeof owner->b);
    follow(n);
}

static void nonce_finish(struct node *n, const char *error)
{
    api_gas_key_done_fn *done = n->nonce_done;
    seckey_wipe(&n->new_gas_key);
    n->nonce_done = NULL;
    done(n->nonce_done_arg, error);
}

static void on_nonce(void *arg, const struct json *result, const struct rpc_error *error)
{
    struct node *n = arg;
    struct err e = { 0 };
    uint64_t nonce;
    size_t len;
    const char *text = json_str(result, &len);
    n->nonce_call = NULL;
    if (error->kind != RPC_ERR_NONE)
        (void)err_set(&e, -EIO, "%s", error->message);
    else if (!text)
        (void)err_set(&e, -EPROTO, "expected a string, found %s", json_kind_name(result));
    else
        (void)hex_decode_u64(&nonce, text, len, &e);
    if (e.code) {
        nonce_finish(n, e.msg);
        return;
    }
    tx_queue_set_key(n->tx, &n->new_gas_key, nonce);
    gas_key_save(n->ledger, n->enclave_key, n->config->persist_gas_key ? &n->new_gas_key : NULL);
    n->gas_address = n->new_gas_key.address;
    n->has_gas_key = true;
    nonce_finish(n, NULL);
    follow(n);
}

static void ask_nonce(struct node *n)
{
    char params[80], address[ADDRESS_TEXT_MAX];
    (void)snprintf(params, sizeof params, "[\"%s\",\"pending\"]", address_lower(address, &n->new_gas_key.address));
    n->nonce_call = rpc_request(n->rpc, "eth_getTransactionCount", params, 0, on_nonce, n);
}

static void on_chain_still_unknown(uv_timer_t *timer)
{
    nonce_finish(timer->data, "no endpoint has answered yet");
}

/* The answer to a gas key tells the owner that the node can be registered: not before the chain is known. */
static void op_set_gas_key(void *arg, const struct seckey *key, api_gas_key_done_fn *done, void *done_arg)
{
    struct node *n = arg;
    rpc_cancel(n->nonce_call); /* of a key being restored: this one is newer */
    n->nonce_call = NULL;
    uv_timer_stop(n->restore_timer);
    n->new_gas_key = *key;
    n->nonce_done = done;
    n->nonce_done_arg = done_arg;
    if (n->generation)
        ask_nonce(n);
    else
        uv_timer_start(n->restore_timer, on_chain_still_unknown, CHAIN_WAIT_MS, 0);
}

static void op_cancel_gas_key(void *arg)
{
    struct node *n = arg;
    rpc_cancel(n->nonce_call);
    n->nonce_call = NULL;
    uv_timer_stop(n->restore_timer);
    n->nonce_done = NULL;
    seckey_wipe(&n->new_gas_key);
}

static uint8_t environment(const struct config *c)
{
    return c->env_choice == ENV_NUMBER ? c->execution_env : DEFAULT_ENV;
}

static int op_sign_registration(void *arg, struct api_registration *out, struct err *e)
{
    struct node *n = arg;
    uint8_t digest[32];
    if (!n->generation)
        return err_set(e, -EAGAIN, "the chain has not answered yet which generation its contracts are of");
    out->job_capacity = n->config->capacity;
    out->env = n->generation == GENERATION_2 ? environment(n->config) : -1;
    out->sign_timestamp_s = chain_clock_now_ms(&n->clock, clock_mono_ms(), clock_wall_ms()) / 1000;
    eip712_register(digest, &n->owner, out->job_capacity, out->env, out->sign_timestamp_s);
    seckey_sign(&out->signature, n->enclave_key, digest);
    log_info("registration_signed", F_U64("sign_timestamp", out->sign_timestamp_s));
    return 0;
}

/* ---- start and stop ---- */

static void restore_gas_key(uv_timer_t *timer);

static void on_gas_key_restored(void *arg, const char *error)
{
    struct node *n = arg;
    if (!error)
        return;
    log_warn("gas_key_not_restored_yet", F_STR("error", error));
    uv_timer_start(n->restore_timer, restore_gas_key, ASK_AGAIN_MS, 0);
}

static void restore_gas_key(uv_timer_t *timer)
{
    struct node *n = timer->data;
    CLEANUP(seckey_wipe) struct seckey key = { 0 };
    struct err e = { 0 };
    if (!n->config->persist_gas_key)
        return;
    if (gas_key_load(&key, n->ledger, n->enclave_key, &e) == 0)
        op_set_gas_key(n, &key, on_gas_key_restored, n);
    else if (e.code != -ENOENT)
        log_error("gas_key_not_restored", F_ERR(&e));
}

/* What an earlier life was told by its owner. */
static void restore_settings(struct node *n)
{
    n->has_owner = ledger_get_setting(n->ledger, LEDGER_OWNER, n->owner.b, sizeof n->owner.b) == sizeof n->owner.b;
    if (ledger_get_setting(n->ledger, LEDGER_CURSOR, &n->cursor, sizeof n->cursor) != sizeof n->cursor)
        n->cursor = 0;
    if (n->has_owner)
        restore_gas_key(n->restore_timer);
}

static int open_ledger(struct node *n, struct err *e)
{
    char path[400];
    struct ledger_identity identity = { n->config->common_chain_id, n->config->jobs_contract_addr,
                                        n->enclave_key->address };
    if (state_ledger_path(path, sizeof path, n->config->ledger_file, &n->enclave_key->address, e) < 0)
        return e->code;
    n->ledger = ledger_open(path, &identity, n->config->ledger_flush, e);
    return n->ledger ? 0 : e->code;
}

static enum generation known_generation(const struct config *c)
{
    return c->env_choice == ENV_DETECT ? (enum generation)0 : c->env_choice == ENV_NUMBER ? GENERATION_2 : GENERATION_1;
}

static int open_api(struct node *n, const struct node_options *o, struct err *e)
{
    static const struct api_ops ops = { op_identity, op_set_owner, op_set_gas_key, op_cancel_gas_key,
                                        op_sign_registration };
    n->api = api_new(n->loop, o->api_addr, o->api_port, &ops, n, e);
    return n->api ? 0 : e->code;
}

static int open_pool(struct node *n, struct err *e)
{
    const struct config *c = n->config;
    struct pool_config config = { .workerd_dir = c->workerd_runtime_path,
                                  .state_dir = n->state_dir.path,
                                  .capacity = c->capacity,
                                  .warm_workers = c->warm_workers,
                                  .memory_bytes = c->worker_memory_bytes,
                                  .cpu_quota_us = c->worker_cpu_quota_us,
                                  .cpu_period_us = c->worker_cpu_period_us,
                                  .pids_max = c->worker_pids_max,
                                  .max_output_bytes = c->max_output_bytes,
                                  .cgroup_root = c->cgroup_root,
                                  .sandbox_allow_degraded = c->sandbox_allow_degraded,
                                  .egress_public = c->egress_public };
    n->pool = pool_new(n->loop, &config, e);
    return n->pool ? 0 : e->code;
}

static int open_rpc(struct node *n, struct err *e)
{
    const struct config *c = n->config;
    struct rpc_config config = { .http_urls = (const char *const *)c->http_rpc_urls,
                                 .n_http = c->n_http_rpc_urls,
                                 .ws_urls = (const char *const *)c->web_socket_urls,
                                 .n_ws = c->n_web_socket_urls,
                                 .chain_id = c->common_chain_id,
                                 .timeout_ms = 10000,
                                 .silence_ms = c->head_silence_s * (uint64_t)1000 };
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
                                  .env = environment(c),
                                  .known = known_generation(c) };
    n->tx = tx_queue_new(n->loop, n->rpc, &tx);
    journal_install(n->tx, n->ledger);
    n->code = code_store_new(n->loop, n->rpc, &c->code_contract_addr, c->code_cache_bytes);
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
    ledger_close(n->ledger);
    seckey_wipe(&n->new_gas_key);
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
    uv_timer_start(n->timer, on_drain_look, DRAIN_LOOK_MS, DRAIN_LOOK_MS);
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
    n->config = options->config;
    n->enclave_key = options->enclave_key;
    n->stopped = stopped;
    n->arg = arg;
    n->state_dir.lock_fd = -1;
    n->timer = new_timer(n);
    n->restore_timer = new_timer(n);
    if (state_dir_open(&n->state_dir, n->config->state_dir, &n->enclave_key->address, e) < 0 ||
        open_api(n, options, e) < 0 || open_ledger(n, e) < 0 || open_rpc(n, e) < 0 || open_pool(n, e) < 0) {
        close_parts(n);
        state_dir_close(&n->state_dir);
        free(n);
        return NULL;
    }
    open_chain(n);
    restore_settings(n);
    log_info("started", F_STR("version", OYSTER_VERSION), F_U64("port", api_port(n->api)),
             F_STR("enclave_address", address_checksum(address, &n->enclave_key->address)),
             F_U64("capacity", n->config->capacity), F_U64("warm_workers", n->config->warm_workers));
    return n;
}
