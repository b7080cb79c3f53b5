/* Inside of the ledger, shared by its files: the statements and the small steps of using them. */
#ifndef OYSTER_LEDGER_LEDGER_INT_H
#define OYSTER_LEDGER_LEDGER_INT_H

#include <sqlite3.h>
#include <stddef.h>
#include <stdint.h>

#include "ledger/ledger.h"

enum statement {
    PUT_SETTING,
    DEL_SETTING,
    GET_SETTING,
    PUT_JOB,
    GET_JOB,
    EACH_JOB,
    PRUNE,
    PUT_TX,
    DROP_TX,
    DROP_TX_OF_JOB,
    DISOWN_TXS,
    EACH_TX,
    PUT_RECEIPT,
    EACH_RECEIPT,
    PRUNE_RECEIPTS,
    PUT_SLASH,
    GET_SLASH,
    DROP_SLASH,
    PRUNE_SLASHES,
    COUNT_HOUR,
    PRUNE_HOURS,
    EACH_HOUR,
    EACH_PAST,
    BEGIN,
    COMMIT,
    STATEMENT_COUNT,
};

struct ledger {
    sqlite3 *db;
    sqlite3_stmt *statements[STATEMENT_COUNT];
    uint64_t failures, changes;
};

/* The statement, prepared once; the ledger's own, and whoever steps it resets it. NULL (and a log record) where the
 * database does not take it. */
sqlite3_stmt *ledger_prepared(struct ledger *l, enum statement which);

/* Runs a write to its end and counts a failure. NULL allowed. */
void ledger_run(struct ledger *l, sqlite3_stmt *s);

/* Arguments count from 1; a blob is borrowed until the statement was run, a number of 256 bits is copied. */
void ledger_bind_blob(sqlite3_stmt *s, int at, const void *data, size_t len);
void ledger_bind_u64(sqlite3_stmt *s, int at, uint64_t v);
void ledger_bind_u256(sqlite3_stmt *s, int at, struct u256 v);

/* Columns count from 0; a blob of a fixed size is filled up with zeros where the column is shorter. */
uint64_t ledger_column_u64(sqlite3_stmt *s, int at);
struct u256 ledger_column_u256(sqlite3_stmt *s, int at);
void ledger_column_fixed(sqlite3_stmt *s, int at, uint8_t *out, size_t len);

/* history.c: drops what no job stands for any more. */
void ledger_prune_history(struct ledger *l);

#endif
