#include "ledger/schema.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* One step a version: steps[i] leads from version i to i+1. Steps that were released are never edited. */
static const char *const steps[] = {
    /* 0 → 1 */
    "CREATE TABLE identity (chain_id INTEGER NOT NULL, jobs_contract BLOB NOT NULL, enclave BLOB NOT NULL);"
    "CREATE TABLE settings (key INTEGER PRIMARY KEY, value BLOB NOT NULL);"
    "CREATE TABLE jobs (id BLOB PRIMARY KEY, state INTEGER NOT NULL, codehash BLOB NOT NULL, inputs BLOB NOT NULL,"
    " deadline_ms INTEGER NOT NULL, chain_time_s INTEGER NOT NULL, seen_wall_ms INTEGER NOT NULL,"
    " block_number INTEGER NOT NULL, error_code INTEGER NOT NULL, total_time_ms INTEGER NOT NULL, output BLOB NOT NULL,"
    " sign_timestamp_s INTEGER NOT NULL, signature BLOB NOT NULL, tx_hash BLOB NOT NULL, event_to_tx_us INTEGER NOT "
    "NULL"
    ") WITHOUT ROWID;"
    "CREATE INDEX jobs_by_time ON jobs (seen_wall_ms);"
    "CREATE TABLE txs (sender BLOB NOT NULL, nonce INTEGER NOT NULL, hash BLOB NOT NULL, kind INTEGER NOT NULL,"
    " job_id BLOB, recipient BLOB NOT NULL, data BLOB NOT NULL, raw BLOB NOT NULL, sent_wall_ms INTEGER NOT NULL,"
    " max_fee_wei BLOB NOT NULL, tip_wei BLOB NOT NULL, gas_limit INTEGER NOT NULL, PRIMARY KEY (sender, nonce, hash)"
    ") WITHOUT ROWID;"
    "CREATE INDEX txs_by_job ON txs (job_id);",
    /* 1 → 2: the history that an operator reads (history.h) */
    "CREATE TABLE receipts (job_id BLOB NOT NULL, sender BLOB NOT NULL, nonce INTEGER NOT NULL, hash BLOB NOT NULL,"
    " ok INTEGER NOT NULL, rank INTEGER NOT NULL, gas_used INTEGER NOT NULL, gas_price_wei BLOB NOT NULL,"
    " paid_token BLOB, paid BLOB, PRIMARY KEY (job_id, sender, nonce)) WITHOUT ROWID;"
    "CREATE TABLE slashes (job_id BLOB PRIMARY KEY, wall_ms INTEGER NOT NULL) WITHOUT ROWID;"
    "CREATE INDEX slashes_by_time ON slashes (wall_ms);"
    "CREATE TABLE hours (start_s INTEGER PRIMARY KEY, answered INTEGER NOT NULL, missed INTEGER NOT NULL,"
    " slashed INTEGER NOT NULL);",
};

#define VERSION ((int)(sizeof steps / sizeof *steps))

static int fail(sqlite3 *db, const char *path, int rc, struct err *e)
{
    bool damaged = (rc & 0xff) == SQLITE_CORRUPT || (rc & 0xff) == SQLITE_NOTADB;
    return err_set(e, damaged ? -EBADMSG : -EIO, "ledger %s: %s", path, sqlite3_errmsg(db));
}

static int exec(sqlite3 *db, const char *path, const char *text, struct err *e)
{
    int rc = sqlite3_exec(db, text, NULL, NULL, NULL);
    return rc == SQLITE_OK ? 0 : fail(db, path, rc, e);
}

/* First column of the first row as a number, or as text compared with "ok" (quick_check). */
static int query_int(sqlite3 *db, const char *path, const char *text, int *out, struct err *e)
{
    sqlite3_stmt *s = NULL;
    int rc = sqlite3_prepare_v2(db, text, -1, &s, NULL);
    if (rc == SQLITE_OK)
        rc = sqlite3_step(s);
    if (rc == SQLITE_ROW) {
        const unsigned char *word = sqlite3_column_text(s, 0);
        *out = word && strcmp((const char *)word, "ok") == 0 ? 1 : sqlite3_column_int(s, 0);
    }
    (void)sqlite3_finalize(s);
    return rc == SQLITE_ROW ? 0 : fail(db, path, rc, e);
}

static int check_damage(sqlite3 *db, const char *path, struct err *e)
{
    int ok = 0;
    if (query_int(db, path, "PRAGMA quick_check(1)", &ok, e) < 0)
        return e->code;
    return ok ? 0 : err_set(e, -EBADMSG, "ledger %s: damaged", path);
}

static int migrate(sqlite3 *db, const char *path, struct err *e)
{
    int version = 0;
    if (query_int(db, path, "PRAGMA user_version", &version, e) < 0)
        return e->code;
    if (version > VERSION)
        return err_set(e, -ESTALE, "ledger %s: version %d, this program knows up to %d", path, version, VERSION);
    for (; version < VERSION; version++) {
        char mark[64];
        (void)snprintf(mark, sizeof mark, "PRAGMA user_version = %d; COMMIT", version + 1);
        if (exec(db, path, "BEGIN IMMEDIATE", e) < 0 || exec(db, path, steps[version], e) < 0 ||
            exec(db, path, mark, e) < 0)
            return e->code;
    }
    return 0;
}

static bool same_bytes(sqlite3_stmt *s, int at, const struct address *a)
{
    return sqlite3_column_bytes(s, at) == 20 && memcmp(sqlite3_column_blob(s, at), a->b, 20) == 0;
}

static int write_identity(sqlite3 *db, const char *path, const struct ledger_identity *id, struct err *e)
{
    sqlite3_stmt *s = NULL;
    int rc = sqlite3_prepare_v2(db, "INSERT INTO identity VALUES (?1, ?2, ?3)", -1, &s, NULL);
    if (rc == SQLITE_OK) {
        (void)sqlite3_bind_int64(s, 1, (sqlite3_int64)id->chain_id);
        (void)sqlite3_bind_blob(s, 2, id->jobs_contract.b, 20, SQLITE_STATIC);
        (void)sqlite3_bind_blob(s, 3, id->enclave.b, 20, SQLITE_STATIC);
        rc = sqlite3_step(s);
    }
    (void)sqlite3_finalize(s);
    return rc == SQLITE_DONE ? 0 : fail(db, path, rc, e);
}

static int check_identity(sqlite3 *db, const char *path, const struct ledger_identity *id, struct err *e)
{
    sqlite3_stmt *s = NULL;
    int rc = sqlite3_prepare_v2(db, "SELECT chain_id, jobs_contract, enclave FROM identity", -1, &s, NULL);
    if (rc == SQLITE_OK)
        rc = sqlite3_step(s);
    bool same = rc == SQLITE_ROW && sqlite3_column_int64(s, 0) == (sqlite3_int64)id->chain_id &&
                same_bytes(s, 1, &id->jobs_contract) && same_bytes(s, 2, &id->enclave);
    (void)sqlite3_finalize(s);
    if (rc == SQLITE_DONE)
        return write_identity(db, path, id, e);
    if (rc != SQLITE_ROW)
        return fail(db, path, rc, e);
    return same ? 0 : err_set(e, -ESTALE, "ledger %s: of another chain, Jobs contract or enclave key", path);
}

/* The log is moved to the database by ledger/checkpoint.c. Where that cannot keep up, a writer does it, at 80 MB. */
int schema_prepare(sqlite3 *db, const char *path, const struct ledger_identity *identity, bool flush, struct err *e)
{
    (void)sqlite3_busy_timeout(db, 200);
    if (check_damage(db, path, e) < 0 || exec(db, path, "PRAGMA journal_mode = WAL", e) < 0 ||
        exec(db, path, flush ? "PRAGMA synchronous = FULL" : "PRAGMA synchronous = NORMAL", e) < 0 ||
        exec(db, path, "PRAGMA wal_autocheckpoint = 20000; PRAGMA temp_store = MEMORY; PRAGMA cache_size = -1024", e) <
            0)
        return e->code;
    if (migrate(db, path, e) < 0)
        return e->code;
    return check_identity(db, path, identity, e);
}

int schema_check_version(sqlite3 *db, const char *path, struct err *e)
{
    int version = 0;
    if (query_int(db, path, "PRAGMA user_version", &version, e) < 0)
        return e->code;
    if (version == VERSION)
        return 0;
    return err_set(e, -ESTALE, "ledger %s: version %d, this program reads version %d: is the node of the same release?",
                   path, version, VERSION);
}
