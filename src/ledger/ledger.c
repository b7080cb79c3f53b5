#include "ledger/ledger.h"

#include <errno.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ledger/history.h"
#include "ledger/ledger_int.h"
#include "ledger/schema.h"
#include "util/buf.h"
#include "util/clock.h"
#include "util/log.h"

#define JOB_COLUMNS                                                                                                    \
    "id, state, codehash, inputs, deadline_ms, chain_time_s, seen_wall_ms, block_number, error_code, total_time_ms, "  \
    "output, sign_timestamp_s, signature, tx_hash, event_to_tx_us"
#define RECEIPT_COLUMNS "job_id, sender, nonce, hash, ok, rank, gas_used, gas_price_wei, paid_token, paid"
#define TX_COLUMNS                                                                                                     \
    "sender, nonce, hash, kind, job_id, recipient, data, raw, sent_wall_ms, max_fee_wei, tip_wei, gas_limit"

static const char *const sql[STATEMENT_COUNT] = {
    [PUT_SETTING] = "INSERT OR REPLACE INTO settings (key, value) VALUES (?1, ?2)",
    [DEL_SETTING] = "DELETE FROM settings WHERE key = ?1",
    [GET_SETTING] = "SELECT value FROM settings WHERE key = ?1",
    [PUT_JOB] =
        "INSERT OR REPLACE INTO jobs (" JOB_COLUMNS ") VALUES (?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,?11,?12,?13,?14,?15)",
    [GET_JOB] = "SELECT " JOB_COLUMNS " FROM jobs WHERE id = ?1",
    [EACH_JOB] = "SELECT " JOB_COLUMNS " FROM jobs WHERE (1 << state) & ?1 = 0 ORDER BY seen_wall_ms",
    [PRUNE] = "DELETE FROM jobs WHERE (1 << state) & ?1 != 0 AND seen_wall_ms <= "
              "(SELECT seen_wall_ms FROM jobs ORDER BY seen_wall_ms DESC LIMIT 1 OFFSET ?2)",
    [PUT_TX] = "INSERT OR REPLACE INTO txs (" TX_COLUMNS ") VALUES (?1,?2,?3,?4,?5,?6,?7,?8, "
               "MAX(?9, 1 + (SELECT COALESCE(MAX(sent_wall_ms), 0) FROM txs WHERE sender = ?1 AND nonce = ?2)), "
               "?10,?11,?12)",
    [DROP_TX_OF_JOB] = "DELETE FROM txs WHERE job_id = ?1 AND NOT (sender = ?2 AND nonce = ?3)",
    [DISOWN_TXS] = "UPDATE txs SET job_id = NULL WHERE job_id = ?1",
    [DROP_TX] = "DELETE FROM txs WHERE sender = ?1 AND nonce = ?2",
    [EACH_TX] = "SELECT " TX_COLUMNS " FROM txs ORDER BY sender, nonce, sent_wall_ms",
    [PUT_RECEIPT] = "INSERT OR REPLACE INTO receipts (" RECEIPT_COLUMNS ") VALUES (?1,?2,?3,?4,?5,?6,?7,?8,?9,?10)",
    [EACH_RECEIPT] = "SELECT " RECEIPT_COLUMNS " FROM receipts WHERE job_id = ?1 ORDER BY ok, nonce",
    [PRUNE_RECEIPTS] = "DELETE FROM receipts WHERE NOT EXISTS (SELECT 1 FROM jobs WHERE id = job_id)",
    [PUT_SLASH] = "INSERT OR IGNORE INTO slashes (job_id, wall_ms) VALUES (?1, ?2)",
    [GET_SLASH] = "SELECT wall_ms FROM slashes WHERE job_id = ?1",
    [DROP_SLASH] = "DELETE FROM slashes WHERE job_id = ?1",
    [PRUNE_SLASHES] = "DELETE FROM slashes WHERE wall_ms <= "
                      "(SELECT wall_ms FROM slashes ORDER BY wall_ms DESC LIMIT 1 OFFSET ?1)",
    [COUNT_HOUR] =
        "INSERT INTO hours (start_s, answered, missed, slashed) VALUES (?1, MAX(0, ?2), MAX(0, ?3), MAX(0, ?4)) "
        "ON CONFLICT (start_s) DO UPDATE SET answered = MAX(0, answered + ?2), missed = MAX(0, missed + ?3), "
        "slashed = MAX(0, slashed + ?4)",
    [PRUNE_HOURS] = "DELETE FROM hours WHERE start_s < ?1",
    [EACH_HOUR] = "SELECT start_s, answered, missed, slashed FROM hours WHERE start_s >= ?1 ORDER BY start_s",
    [EACH_PAST] = /* final jobs, and those that only the slash tells of */
    "SELECT * FROM (SELECT id, state, seen_wall_ms, deadline_ms, error_code, total_time_ms, event_to_tx_us, tx_hash, "
    "block_number, COALESCE((SELECT wall_ms FROM slashes WHERE job_id = id), 0) FROM jobs WHERE (1 << state) & ?1 != 0 "
    "ORDER BY seen_wall_ms DESC LIMIT ?2) UNION ALL "
    "SELECT * FROM (SELECT job_id, 0, wall_ms, 0, -1, 0, 0, x'', 0, wall_ms FROM slashes "
    "WHERE NOT EXISTS (SELECT 1 FROM jobs WHERE id = job_id) ORDER BY wall_ms DESC LIMIT ?2) ORDER BY 3 DESC LIMIT ?2",
    [BEGIN] = "BEGIN IMMEDIATE",
    [COMMIT] = "COMMIT",
};

/* ---- small steps ---- */

sqlite3_stmt *ledger_prepared(struct ledger *l, enum statement which)
{
    if (!l->statements[which] &&
        sqlite3_prepare_v3(l->db, sql[which], -1, SQLITE_PREPARE_PERSISTENT, &l->statements[which], NULL) != SQLITE_OK)
        log_error("ledger_statement", F_STR("error", sqlite3_errmsg(l->db)));
    return l->statements[which];
}

void ledger_bind_blob(sqlite3_stmt *s, int at, const void *data, size_t len)
{
    (void)sqlite3_bind_blob64(s, at, data ? data : "", len, SQLITE_STATIC);
}

void ledger_bind_u64(sqlite3_stmt *s, int at, uint64_t v)
{
    (void)sqlite3_bind_int64(s, at, (sqlite3_int64)v);
}

uint64_t ledger_column_u64(sqlite3_stmt *s, int at)
{
    return (uint64_t)sqlite3_column_int64(s, at);
}

/* Copies a blob of a fixed size; zeros where the column is shorter. */
void ledger_column_fixed(sqlite3_stmt *s, int at, uint8_t *out, size_t len)
{
    size_t n = (size_t)sqlite3_column_bytes(s, at);
    memset(out, 0, len);
    if (n > 0)
        memcpy(out, sqlite3_column_blob(s, at), n < len ? n : len);
}

static void column_bytes(sqlite3_stmt *s, int at, const uint8_t **data, size_t *len)
{
    *data = sqlite3_column_blob(s, at);
    *len = (size_t)sqlite3_column_bytes(s, at);
}

void ledger_bind_u256(sqlite3_stmt *s, int at, struct u256 v)
{
    uint8_t be[32];
    u256_to_be(be, v);
    (void)sqlite3_bind_blob(s, at, be, sizeof be, SQLITE_TRANSIENT);
}

struct u256 ledger_column_u256(sqlite3_stmt *s, int at)
{
    uint8_t be[32];
    ledger_column_fixed(s, at, be, sizeof be);
    return u256_from_be(be);
}

/* Runs a write to its end. */
void ledger_run(struct ledger *l, sqlite3_stmt *s)
{
    if (!s)
        return;
    if (sqlite3_step(s) != SQLITE_DONE) {
        if (l->failures++ == 0)
            log_error("ledger_write_failed", F_STR("error", sqlite3_errmsg(l->db)));
    }
    (void)sqlite3_reset(s);
    (void)sqlite3_clear_bindings(s);
}

/* ---- settings ---- */

void ledger_put_setting(struct ledger *l, enum ledger_setting key, const void *value, size_t len)
{
    sqlite3_stmt *s = ledger_prepared(l, len ? PUT_SETTING : DEL_SETTING);
    (void)sqlite3_bind_int(s, 1, (int)key);
    if (len)
        ledger_bind_blob(s, 2, value, len);
    ledger_run(l, s);
}

size_t ledger_get_setting(struct ledger *l, enum ledger_setting key, void *value, size_t max)
{
    sqlite3_stmt *s = ledger_prepared(l, GET_SETTING);
    size_t len = 0;
    (void)sqlite3_bind_int(s, 1, (int)key);
    if (sqlite3_step(s) == SQLITE_ROW) {
        len = (size_t)sqlite3_column_bytes(s, 0);
        if (len > 0)
            memcpy(value, sqlite3_column_blob(s, 0), len < max ? len : max);
    }
    (void)sqlite3_reset(s);
    return len;
}

/* ---- jobs ---- */

void ledger_put_job(struct ledger *l, const struct ledger_job *j)
{
    sqlite3_stmt *s = ledger_prepared(l, PUT_JOB);
    l->changes++;
    ledger_bind_u256(s, 1, j->id);
    (void)sqlite3_bind_int(s, 2, j->state);
    ledger_bind_blob(s, 3, j->codehash, sizeof j->codehash);
    ledger_bind_blob(s, 4, j->inputs, j->inputs_len);
    ledger_bind_u64(s, 5, j->deadline_ms);
    ledger_bind_u64(s, 6, j->chain_time_s);
    ledger_bind_u64(s, 7, j->seen_wall_ms);
    ledger_bind_u64(s, 8, j->block_number);
    (void)sqlite3_bind_int(s, 9, j->error_code);
    ledger_bind_u64(s, 10, j->total_time_ms);
    ledger_bind_blob(s, 11, j->output, j->output_len);
    ledger_bind_u64(s, 12, j->sign_timestamp_s);
    ledger_bind_blob(s, 13, j->signature, sizeof j->signature);
    ledger_bind_blob(s, 14, j->tx_hash, sizeof j->tx_hash);
    ledger_bind_u64(s, 15, j->event_to_tx_us);
    ledger_run(l, s);
}

static void read_job(sqlite3_stmt *s, struct ledger_job *j)
{
    j->id = ledger_column_u256(s, 0);
    j->state = sqlite3_column_int(s, 1);
    ledger_column_fixed(s, 2, j->codehash, sizeof j->codehash);
    column_bytes(s, 3, &j->inputs, &j->inputs_len);
    j->deadline_ms = ledger_column_u64(s, 4);
    j->chain_time_s = ledger_column_u64(s, 5);
    j->seen_wall_ms = ledger_column_u64(s, 6);
    j->block_number = ledger_column_u64(s, 7);
    j->error_code = sqlite3_column_int(s, 8);
    j->total_time_ms = ledger_column_u64(s, 9);
    column_bytes(s, 10, &j->output, &j->output_len);
    j->sign_timestamp_s = ledger_column_u64(s, 11);
    ledger_column_fixed(s, 12, j->signature, sizeof j->signature);
    ledger_column_fixed(s, 13, j->tx_hash, sizeof j->tx_hash);
    j->event_to_tx_us = ledger_column_u64(s, 14);
}

bool ledger_get_job(struct ledger *l, struct u256 job_id, void (*fn)(void *arg, const struct ledger_job *job),
                    void *arg)
{
    sqlite3_stmt *s = ledger_prepared(l, GET_JOB);
    ledger_bind_u256(s, 1, job_id);
    bool there = sqlite3_step(s) == SQLITE_ROW;
    if (there) {
        struct ledger_job job;
        read_job(s, &job);
        fn(arg, &job);
    }
    (void)sqlite3_reset(s);
    return there;
}

void ledger_each_job_not_in(struct ledger *l, unsigned final_states,
                            void (*fn)(void *arg, const struct ledger_job *job), void *arg)
{
    sqlite3_stmt *s = ledger_prepared(l, EACH_JOB);
    (void)sqlite3_bind_int64(s, 1, final_states);
    while (sqlite3_step(s) == SQLITE_ROW) {
        struct ledger_job job;
        read_job(s, &job);
        fn(arg, &job);
    }
    (void)sqlite3_reset(s);
}

void ledger_prune(struct ledger *l, unsigned final_states, uint32_t keep)
{
    sqlite3_stmt *s = ledger_prepared(l, PRUNE);
    (void)sqlite3_bind_int64(s, 1, final_states);
    (void)sqlite3_bind_int64(s, 2, keep);
    ledger_run(l, s);
    ledger_prune_history(l);
}

/* ---- transactions ---- */

void ledger_put_tx(struct ledger *l, const struct ledger_tx *t)
{
    sqlite3_stmt *s;
    if (t->has_job) {
        s = ledger_prepared(l, DROP_TX_OF_JOB);
        ledger_bind_u256(s, 1, t->job_id);
        ledger_bind_blob(s, 2, t->from.b, sizeof t->from.b);
        ledger_bind_u64(s, 3, t->nonce);
        ledger_run(l, s);
    }
    s = ledger_prepared(l, PUT_TX);
    ledger_bind_blob(s, 1, t->from.b, sizeof t->from.b);
    ledger_bind_u64(s, 2, t->nonce);
    ledger_bind_blob(s, 3, t->hash, sizeof t->hash);
    (void)sqlite3_bind_int(s, 4, t->kind);
    if (t->has_job)
        ledger_bind_u256(s, 5, t->job_id);
    ledger_bind_blob(s, 6, t->to.b, sizeof t->to.b);
    ledger_bind_blob(s, 7, t->data, t->data_len);
    ledger_bind_blob(s, 8, t->raw, t->raw_len);
    ledger_bind_u64(s, 9, t->sent_wall_ms);
    ledger_bind_u256(s, 10, t->max_fee_wei);
    ledger_bind_u256(s, 11, t->tip_wei);
    ledger_bind_u64(s, 12, t->gas_limit);
    ledger_run(l, s);
}

void ledger_drop_tx(struct ledger *l, const struct address *from, uint64_t nonce)
{
    sqlite3_stmt *s = ledger_prepared(l, DROP_TX);
    ledger_bind_blob(s, 1, from->b, sizeof from->b);
    ledger_bind_u64(s, 2, nonce);
    ledger_run(l, s);
}

void ledger_disown_txs(struct ledger *l, struct u256 job_id)
{
    sqlite3_stmt *s = ledger_prepared(l, DISOWN_TXS);
    ledger_bind_u256(s, 1, job_id);
    ledger_run(l, s);
}

static void read_tx(sqlite3_stmt *s, struct ledger_tx *t)
{
    ledger_column_fixed(s, 0, t->from.b, sizeof t->from.b);
    t->nonce = ledger_column_u64(s, 1);
    ledger_column_fixed(s, 2, t->hash, sizeof t->hash);
    t->kind = sqlite3_column_int(s, 3);
    t->has_job = sqlite3_column_type(s, 4) != SQLITE_NULL;
    t->job_id = ledger_column_u256(s, 4);
    ledger_column_fixed(s, 5, t->to.b, sizeof t->to.b);
    column_bytes(s, 6, &t->data, &t->data_len);
    column_bytes(s, 7, &t->raw, &t->raw_len);
    t->sent_wall_ms = ledger_column_u64(s, 8);
    t->max_fee_wei = ledger_column_u256(s, 9);
    t->tip_wei = ledger_column_u256(s, 10);
    t->gas_limit = ledger_column_u64(s, 11);
}

void ledger_each_tx(struct ledger *l, void (*fn)(void *arg, const struct ledger_tx *tx), void *arg)
{
    sqlite3_stmt *s = ledger_prepared(l, EACH_TX);
    while (sqlite3_step(s) == SQLITE_ROW) {
        struct ledger_tx tx;
        read_tx(s, &tx);
        fn(arg, &tx);
    }
    (void)sqlite3_reset(s);
}

/* ---- together ---- */

void ledger_begin(struct ledger *l)
{
    ledger_run(l, ledger_prepared(l, BEGIN));
}

void ledger_commit(struct ledger *l)
{
    ledger_run(l, ledger_prepared(l, COMMIT));
}

uint64_t ledger_changes(const struct ledger *l)
{
    return l->changes;
}

uint64_t ledger_failures(const struct ledger *l)
{
    return l->failures;
}

/* ---- opening ---- */

void ledger_close(struct ledger *l)
{
    if (!l)
        return;
    for (int i = 0; i < STATEMENT_COUNT; i++)
        (void)sqlite3_finalize(l->statements[i]);
    (void)sqlite3_close(l->db);
    free(l);
}

/* Moves the database and its companions out of the way. */
static int set_aside(const char *path, const char *why, struct err *e)
{
    static const char *const suffixes[] = { "", "-wal", "-shm" };
    char from[512], to[600];
    unsigned long long now = clock_wall_s();
    for (size_t i = 0; i < sizeof suffixes / sizeof *suffixes; i++) {
        (void)snprintf(from, sizeof from, "%s%s", path, suffixes[i]);
        (void)snprintf(to, sizeof to, "%s.set-aside-%llu%s", path, now, suffixes[i]);
        if (rename(from, to) < 0 && errno != ENOENT)
            return err_sys(e, "ledger %s: rename to %s", from, to);
    }
    (void)snprintf(to, sizeof to, "%s.set-aside-%llu", path, now);
    log_warn("ledger_set_aside", F_STR("path", path), F_STR("kept_as", to), F_STR("reason", why));
    return 0;
}

static struct ledger *open_once(const char *path, const struct ledger_identity *identity, bool flush, struct err *e)
{
    struct ledger *l = xcalloc(1, sizeof *l);
    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX;
    int rc = sqlite3_open_v2(path, &l->db, flags, NULL);
    if (rc != SQLITE_OK)
        (void)err_set(e, rc == SQLITE_NOTADB || rc == SQLITE_CORRUPT ? -EBADMSG : -EIO, "ledger %s: %s", path,
                      sqlite3_errmsg(l->db));
    else
        (void)schema_prepare(l->db, path, identity, flush, e);
    if (!e->code)
        return l;
    ledger_close(l);
    return NULL;
}

struct ledger *ledger_open(const char *path, const struct ledger_identity *identity, bool flush, struct err *e)
{
    struct err first = { 0 };
    mode_t old = umask(0077);
    struct ledger *l = open_once(path, identity, flush, &first);
    if (!l && (first.code == -EBADMSG || first.code == -ESTALE)) {
        if (set_aside(path, first.msg, e) == 0)
            l = open_once(path, identity, flush, e);
    } else if (!l) {
        (void)err_set(e, first.code, "%s", first.msg);
    }
    (void)umask(old);
    return l;
}
