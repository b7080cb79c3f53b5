#include "api/dashboard_text.h"

#include <string.h>

#include "util/hex.h"

/* Ages are measured anew each time; a begin that wavers by some milliseconds is no change. */
#define SINCE_STEP_MS 50

/* ---- words ---- */

static void put_str(struct buf *out, const char *key, const char *value)
{
    buf_printf(out, ",\"%s\":", key);
    if (value)
        json_put_str(out, value, strlen(value));
    else
        buf_puts(out, "null");
}

static void put_u64(struct buf *out, const char *key, uint64_t value)
{
    buf_printf(out, ",\"%s\":%llu", key, (unsigned long long)value);
}

static void put_bool(struct buf *out, const char *key, bool value)
{
    buf_printf(out, ",\"%s\":%s", key, value ? "true" : "false");
}

static void put_null(struct buf *out, const char *key)
{
    buf_printf(out, ",\"%s\":null", key);
}

static void put_u64_if(struct buf *out, const char *key, bool known, uint64_t value)
{
    if (known)
        put_u64(out, key, value);
    else
        put_null(out, key);
}

static void put_amount(struct buf *out, const char *key, bool known, struct u256 value)
{
    char text[U256_DEC_MAX];
    put_str(out, key, known ? u256_to_dec(text, value) : NULL);
}

static void put_address(struct buf *out, const char *key, bool known, const struct address *a)
{
    char text[ADDRESS_TEXT_MAX];
    put_str(out, key, known ? address_checksum(text, a) : NULL);
}

/* ---- sections; each begins with a comma that the caller turns into a brace ---- */

static void put_node(struct buf *out, const struct node_status *s)
{
    put_str(out, "version", s->version);
    put_u64(out, "chain_id", s->chain_id);
    put_u64_if(out, "generation", s->generation != 0, (uint64_t)s->generation);
    put_u64_if(out, "env", s->env >= 0, (uint64_t)(s->env >= 0 ? s->env : 0));
    put_address(out, "enclave", true, &s->enclave);
    put_address(out, "owner", s->has_owner, &s->owner);
    put_address(out, "gas_address", s->has_gas_key, &s->gas_address);
    put_bool(out, "following", s->following);
    put_bool(out, "stopping", s->draining);
    put_str(out, "registration", registration_name(s->registration));
    put_amount(out, "stake", s->stake_known, s->stake);
}

static void put_gas(struct buf *out, const struct node_status *s)
{
    const struct tx_queue_stats *t = &s->tx;
    put_amount(out, "balance", t->balance_known, t->balance_wei);
    put_amount(out, "answer_cost", t->answer_cost_known, t->answer_cost_wei);
    put_u64_if(out, "answers_left", t->answer_cost_known && t->balance_known, t->answers_left);
    put_u64(out, "pending", t->pending);
    put_u64(out, "in_flight", t->in_flight);
    put_u64(out, "nonce_local", t->nonce_local);
    put_u64(out, "nonce_chain", t->nonce_chain);
    put_u64(out, "replaced", t->replaced);
    put_u64(out, "reverted", t->reverted);
}

static void put_slots(struct buf *out, const struct node_status *s)
{
    const struct pool_stats *p = &s->pool;
    put_u64(out, "capacity", p->capacity);
    put_u64(out, "running", p->running);
    put_u64(out, "held", p->held);
    put_u64(out, "booting", p->booting);
    put_u64(out, "clearing", p->clearing);
    put_u64(out, "resting", p->resting);
    put_u64(out, "empty", p->empty);
    put_u64(out, "broken", p->broken);
    put_u64(out, "waiting", p->waiting);
}

static void put_counts(struct buf *out, const struct node_status *s)
{
    put_u64(out, "open", s->jobs.open);
    put_u64(out, "received", s->jobs.received);
    put_u64(out, "confirmed", s->jobs.confirmed);
    put_u64(out, "expired", s->jobs.expired);
    put_u64(out, "dropped", s->jobs.dropped);
    put_u64(out, "reported", s->slasher.slashed);
    put_u64(out, "followed", s->slasher.open_jobs);
}

static void put_chain(struct buf *out, const struct node_status *s)
{
    put_bool(out, "live", s->chain.live);
    put_u64(out, "head", s->chain.head_block);
    put_u64(out, "processed", s->chain.last_processed_block);
    put_u64(out, "reorgs", s->chain.reorgs);
    put_u64(out, "reconnects", s->chain.reconnects);
    if (s->clock_known)
        buf_printf(out, ",\"skew_ms\":%lld", (long long)s->clock_skew_ms);
    else
        put_null(out, "skew_ms");
}

/* ---- lists ---- */

static void put_live_job(struct buf *out, const struct job_view *j, uint64_t now_ms)
{
    uint64_t since = now_ms > j->age_ms ? now_ms - j->age_ms : 0;
    buf_puts(out, "{\"id\":");
    json_put_str(out, j->id, strlen(j->id));
    put_str(out, "phase", job_state_name(j->state));
    put_u64(out, "since", since / SINCE_STEP_MS * SINCE_STEP_MS);
    put_u64(out, "deadline_ms", j->deadline_ms);
    put_u64(out, "block", j->block_number);
    put_u64_if(out, "error", j->error_code >= 0, (uint64_t)(j->error_code >= 0 ? j->error_code : 0));
    buf_push(out, '}');
}

static void put_live(struct buf *out, const struct node_status *s, uint64_t now_ms)
{
    buf_push(out, '[');
    for (size_t i = 0; i < s->n_open_jobs; i++) {
        if (i > 0)
            buf_push(out, ',');
        put_live_job(out, &s->open_jobs[i], now_ms);
    }
    buf_push(out, ']');
}

static void put_endpoint(struct buf *out, const struct rpc_endpoint_status *p)
{
    buf_puts(out, "{\"url\":");
    json_put_str(out, p->url, strlen(p->url));
    put_bool(out, "ws", p->is_ws);
    put_bool(out, "up", p->up);
    put_bool(out, "wrong_chain", p->wrong_chain);
    put_u64_if(out, "head", p->head != 0, p->head);
    put_u64_if(out, "latency_us", p->latency_us != 0, p->latency_us);
    put_u64(out, "requests", p->requests);
    put_u64(out, "failures", p->failures);
    buf_push(out, '}');
}

static void put_rpc(struct buf *out, const struct node_status *s)
{
    buf_push(out, '[');
    for (size_t i = 0; i < s->n_endpoints; i++) {
        if (i > 0)
            buf_push(out, ',');
        put_endpoint(out, &s->endpoints[i]);
    }
    buf_push(out, ']');
}

/* ---- outside ---- */

static const char *const section_names[SECTION_COUNT] = {
    [SECTION_NODE] = "node", [SECTION_GAS] = "gas",     [SECTION_SLOTS] = "slots", [SECTION_COUNTS] = "counts",
    [SECTION_LIVE] = "live", [SECTION_CHAIN] = "chain", [SECTION_RPC] = "rpc",     [SECTION_TOKENS] = "tokens",
};

const char *dashboard_section_name(enum dashboard_section section)
{
    return section_names[section];
}

void dashboard_put_section(struct buf *out, enum dashboard_section section, const struct node_status *s,
                           const struct address *stake_token, uint64_t now_wall_ms)
{
    static void (*const objects[SECTION_COUNT])(struct buf *, const struct node_status *) = {
        [SECTION_NODE] = put_node,     [SECTION_GAS] = put_gas,     [SECTION_SLOTS] = put_slots,
        [SECTION_COUNTS] = put_counts, [SECTION_CHAIN] = put_chain,
    };
    size_t begin = out->len;
    if (section == SECTION_LIVE) {
        put_live(out, s, now_wall_ms);
    } else if (section == SECTION_RPC) {
        put_rpc(out, s);
    } else if (objects[section]) {
        objects[section](out, s);
        if (section == SECTION_NODE)
            put_address(out, "stake_token", stake_token != NULL, stake_token);
        out->data[begin] = '{';
        buf_push(out, '}');
    }
}

void dashboard_put_token(struct buf *out, const struct address *token, const struct token_info *info)
{
    char text[ADDRESS_TEXT_MAX];
    buf_printf(out, "\"%s\":{\"decimals\":%u", address_checksum(text, token), info->decimals);
    put_str(out, "symbol", info->symbol);
    buf_push(out, '}');
}

static const char *outcome(const struct ledger_past_job *j)
{
    if (j->slashed_wall_ms)
        return "slashed";
    return job_state_name((enum job_state)j->state);
}

static void put_tx_hash(struct buf *out, const uint8_t hash[32])
{
    static const uint8_t none[32];
    if (memcmp(hash, none, sizeof none) == 0) {
        put_null(out, "tx");
        return;
    }
    buf_puts(out, ",\"tx\":\"");
    hex_append0x(out, hash, 32);
    buf_push(out, '"');
}

void dashboard_put_past(struct buf *out, const struct ledger_past_job *j)
{
    char id[U256_DEC_MAX];
    buf_printf(out, "{\"id\":\"%s\"", u256_to_dec(id, j->id));
    put_str(out, "outcome", outcome(j));
    put_u64_if(out, "error", j->error_code >= 0, (uint64_t)(j->error_code >= 0 ? j->error_code : 0));
    put_u64(out, "seen", j->seen_wall_ms);
    put_u64_if(out, "total_ms", j->error_code >= 0, j->total_time_ms);
    put_u64_if(out, "latency_us", j->event_to_tx_us != 0, j->event_to_tx_us);
    put_u64_if(out, "rank", j->rank != 0, j->rank);
    put_amount(out, "earned", j->paid_known, j->paid);
    put_address(out, "token", j->paid_known, &j->paid_token);
    put_u64_if(out, "gas", j->gas_used != 0, j->gas_used);
    put_amount(out, "cost", j->cost_known, j->cost_wei);
    put_u64_if(out, "block", j->block_number != 0, j->block_number);
    put_tx_hash(out, j->tx_hash);
    buf_push(out, '}');
}

void dashboard_put_hour(struct buf *out, const struct ledger_hour *h)
{
    buf_printf(out, "[%llu,%llu,%llu,%llu]", (unsigned long long)h->start_s,
               (unsigned long long)h->count[LEDGER_ANSWERED], (unsigned long long)h->count[LEDGER_MISSED],
               (unsigned long long)h->count[LEDGER_SLASHED]);
}
