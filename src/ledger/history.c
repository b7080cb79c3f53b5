#include "ledger/history.h"

#include <string.h>

#include "ledger/ledger_int.h"

#define HOUR_S 3600u

/* ---- receipts ---- */

void ledger_put_receipt(struct ledger *l, const struct ledger_receipt *r)
{
    sqlite3_stmt *s = ledger_prepared(l, PUT_RECEIPT);
    l->changes++;
    ledger_bind_u256(s, 1, r->job_id);
    ledger_bind_blob(s, 2, r->from.b, sizeof r->from.b);
    ledger_bind_u64(s, 3, r->nonce);
    ledger_bind_blob(s, 4, r->hash, sizeof r->hash);
    (void)sqlite3_bind_int(s, 5, r->ok);
    (void)sqlite3_bind_int(s, 6, r->rank);
    ledger_bind_u64(s, 7, r->gas_used);
    ledger_bind_u256(s, 8, r->gas_price_wei);
    if (r->paid_known) {
        ledger_bind_blob(s, 9, r->paid_token.b, sizeof r->paid_token.b);
        ledger_bind_u256(s, 10, r->paid);
    }
    ledger_run(l, s);
}

/* Adds what one transaction has cost. */
static void add_cost(struct ledger_past_job *j, uint64_t gas_used, struct u256 price)
{
    struct u256 cost;
    j->gas_used += gas_used;
    j->cost_known = j->cost_known && !u256_is_zero(price) && u256_mul_u64(&cost, price, gas_used) &&
                    u256_add(&j->cost_wei, j->cost_wei, cost);
}

/* The one that succeeded comes last and tells rank and payment. */
static void read_receipts(struct ledger *l, struct ledger_past_job *j)
{
    sqlite3_stmt *s = ledger_prepared(l, EACH_RECEIPT);
    ledger_bind_u256(s, 1, j->id);
    for (bool first = true; sqlite3_step(s) == SQLITE_ROW; first = false) {
        j->cost_known = j->cost_known || first;
        j->rank = (uint8_t)sqlite3_column_int(s, 5);
        add_cost(j, ledger_column_u64(s, 6), ledger_column_u256(s, 7));
        j->paid_known = sqlite3_column_type(s, 9) != SQLITE_NULL;
        ledger_column_fixed(s, 8, j->paid_token.b, sizeof j->paid_token.b);
        j->paid = ledger_column_u256(s, 9);
    }
    (void)sqlite3_reset(s);
}

/* ---- slashes ---- */

void ledger_put_slash(struct ledger *l, struct u256 job_id, uint64_t wall_ms)
{
    sqlite3_stmt *s = ledger_prepared(l, PUT_SLASH);
    uint64_t before = l->failures;
    l->changes++;
    ledger_bind_u256(s, 1, job_id);
    ledger_bind_u64(s, 2, wall_ms);
    ledger_run(l, s);
    if (l->failures == before && sqlite3_changes(l->db) == 1)
        ledger_count(l, LEDGER_SLASHED, wall_ms);
}

static void count(struct ledger *l, enum ledger_tally what, uint64_t wall_ms, int by)
{
    sqlite3_stmt *s = ledger_prepared(l, COUNT_HOUR);
    l->changes++;
    uint64_t hour_s = wall_ms / 1000 / HOUR_S * HOUR_S;
    ledger_bind_u64(s, 1, hour_s);
    for (int i = 0; i < LEDGER_TALLY_COUNT; i++)
        (void)sqlite3_bind_int(s, 2 + i, i == (int)what ? by : 0);
    ledger_run(l, s);
    s = ledger_prepared(l, PRUNE_HOURS);
    ledger_bind_u64(s, 1, hour_s > LEDGER_HOURS_KEPT_S ? hour_s - LEDGER_HOURS_KEPT_S : 0);
    ledger_run(l, s);
}

void ledger_drop_slash(struct ledger *l, struct u256 job_id)
{
    sqlite3_stmt *s = ledger_prepared(l, GET_SLASH);
    ledger_bind_u256(s, 1, job_id);
    bool there = sqlite3_step(s) == SQLITE_ROW;
    uint64_t wall_ms = there ? ledger_column_u64(s, 0) : 0;
    (void)sqlite3_reset(s);
    if (!there)
        return;
    s = ledger_prepared(l, DROP_SLASH);
    ledger_bind_u256(s, 1, job_id);
    ledger_run(l, s);
    count(l, LEDGER_SLASHED, wall_ms, -1);
}

/* ---- hours ---- */

void ledger_count(struct ledger *l, enum ledger_tally what, uint64_t wall_ms)
{
    count(l, what, wall_ms, 1);
}

void ledger_each_hour(struct ledger *l, uint64_t since_s, void (*fn)(void *arg, const struct ledger_hour *hour),
                      void *arg)
{
    sqlite3_stmt *s = ledger_prepared(l, EACH_HOUR);
    ledger_bind_u64(s, 1, since_s);
    while (sqlite3_step(s) == SQLITE_ROW) {
        struct ledger_hour h = { .start_s = ledger_column_u64(s, 0) };
        for (int i = 0; i < LEDGER_TALLY_COUNT; i++)
            h.count[i] = ledger_column_u64(s, 1 + i);
        fn(arg, &h);
    }
    (void)sqlite3_reset(s);
}

/* ---- the list ---- */

static void read_past(sqlite3_stmt *s, struct ledger_past_job *j)
{
    j->id = ledger_column_u256(s, 0);
    j->state = sqlite3_column_int(s, 1);
    j->seen_wall_ms = ledger_column_u64(s, 2);
    j->deadline_ms = ledger_column_u64(s, 3);
    j->error_code = sqlite3_column_int(s, 4);
    j->total_time_ms = ledger_column_u64(s, 5);
    j->event_to_tx_us = ledger_column_u64(s, 6);
    ledger_column_fixed(s, 7, j->tx_hash, sizeof j->tx_hash);
    j->block_number = ledger_column_u64(s, 8);
    j->slashed_wall_ms = ledger_column_u64(s, 9);
}

void ledger_each_past(struct ledger *l, unsigned final_states, uint32_t max,
                      void (*fn)(void *arg, const struct ledger_past_job *job), void *arg)
{
    sqlite3_stmt *s = ledger_prepared(l, EACH_PAST);
    (void)sqlite3_bind_int64(s, 1, final_states);
    (void)sqlite3_bind_int64(s, 2, max);
    while (sqlite3_step(s) == SQLITE_ROW) {
        struct ledger_past_job j = { 0 };
        read_past(s, &j);
        read_receipts(l, &j);
        fn(arg, &j);
    }
    (void)sqlite3_reset(s);
}

void ledger_prune_history(struct ledger *l)
{
    l->changes++;
    ledger_run(l, ledger_prepared(l, PRUNE_RECEIPTS));
    sqlite3_stmt *s = ledger_prepared(l, PRUNE_SLASHES);
    (void)sqlite3_bind_int64(s, 1, LEDGER_SLASHES_KEPT);
    ledger_run(l, s);
}
