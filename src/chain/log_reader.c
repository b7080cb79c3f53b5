#include "chain/log_reader.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "chain/log_range.h"
#include "util/buf.h"
#include "util/clock.h"
#include "util/hex.h"

#define READ_TIMEOUT_MS 20000
#define STAMPS_AT_ONCE 8
#define STAMP_TRIES 2
#define STAMPLESS_READS 3 /* then the logs go without what nobody tells */

/* A block whose timestamp is asked for. */
struct stamp {
    struct log_reader *reader;
    struct rpc_call *call;
    uint64_t number;
    uint8_t hash[32];
    uint64_t timestamp_s;
    unsigned tries;
};

struct log_reader {
    struct rpc *rpc;
    const struct event_tracker *tracker;
    struct address executors, jobs;
    log_read_fn *done;
    void *arg;
    bool busy;
    struct rpc_call *call;
    struct log_read read;
    struct stamp *stamps; /* by number */
    size_t n_stamps, next_stamp, stamps_open;
    unsigned stampless; /* reads in a row that failed for want of a timestamp */
};

struct log_reader *log_reader_new(struct rpc *rpc, const struct event_tracker *tracker, const struct address *executors,
                                  const struct address *jobs, log_read_fn *done, void *arg)
{
    struct log_reader *r = xcalloc(1, sizeof *r);
    *r = (struct log_reader){
        .rpc = rpc, .tracker = tracker, .executors = *executors, .jobs = *jobs, .done = done, .arg = arg
    };
    return r;
}

bool log_reader_busy(const struct log_reader *r)
{
    return r->busy;
}

static void drop_stamps(struct log_reader *r)
{
    for (size_t i = 0; i < r->n_stamps; i++)
        rpc_cancel(r->stamps[i].call);
    free(r->stamps);
    r->stamps = NULL;
    r->n_stamps = r->next_stamp = r->stamps_open = 0;
}

static void drop_logs(struct log_reader *r)
{
    for (size_t i = 0; i < r->read.n; i++)
        log_entry_free(&r->read.logs[i]);
    free(r->read.logs);
    r->read.logs = NULL;
    r->read.n = 0;
}

void log_reader_free(struct log_reader *r)
{
    if (!r)
        return;
    rpc_cancel(r->call);
    drop_stamps(r);
    drop_logs(r);
    free(r);
}

static void finish(struct log_reader *r)
{
    struct log_read read = r->read;
    drop_stamps(r);
    r->read = (struct log_read){ 0 };
    r->busy = false;
    r->done(r->arg, &read);
}

static void fail(struct log_reader *r, enum log_read_outcome outcome, const char *why)
{
    drop_logs(r);
    r->read.outcome = outcome;
    r->read.why = why;
    finish(r);
}

/* ---- timestamps ---- */

static struct stamp *stamp_find(const struct log_reader *r, const struct log_entry *log)
{
    size_t low = 0, high = r->n_stamps;
    while (low < high) {
        size_t mid = low + (high - low) / 2;
        int order = r->stamps[mid].number < log->block_number   ? -1
                    : r->stamps[mid].number > log->block_number ? 1
                                                                : memcmp(r->stamps[mid].hash, log->block_hash, 32);
        if (order == 0)
            return &r->stamps[mid];
        if (order < 0)
            low = mid + 1;
        else
            high = mid;
    }
    return NULL;
}

static int compare_stamps(const void *a, const void *b)
{
    const struct stamp *x = a, *y = b;
    if (x->number != y->number)
        return x->number < y->number ? -1 : 1;
    return memcmp(x->hash, y->hash, 32);
}

/* The blocks of logs that lack a timestamp, each once. */
static void collect_stamps(struct log_reader *r)
{
    size_t n = 0, kept = 0;
    r->stamps = r->read.n ? xcalloc(r->read.n, sizeof *r->stamps) : NULL;
    for (size_t i = 0; i < r->read.n; i++) {
        const struct log_entry *log = &r->read.logs[i];
        if (!tracker_lacks_timestamp(r->tracker, log))
            continue;
        struct stamp *s = &r->stamps[n++];
        s->reader = r;
        s->number = log->block_number;
        memcpy(s->hash, log->block_hash, 32);
    }
    if (n > 1)
        qsort(r->stamps, n, sizeof *r->stamps, compare_stamps);
    for (size_t i = 0; i < n; i++)
        if (kept == 0 || compare_stamps(&r->stamps[kept - 1], &r->stamps[i]) != 0)
            r->stamps[kept++] = r->stamps[i];
    r->n_stamps = kept;
}

static void stamp_done(void *arg, const struct json *result, const struct rpc_error *error);

static void stamp_ask(struct stamp *s)
{
    struct buf params = { 0 };
    buf_puts(&params, "[\"");
    hex_append0x(&params, s->hash, 32);
    buf_puts(&params, "\",false]");
    s->tries++;
    s->call = rpc_race(s->reader->rpc, "eth_getBlockByHash", buf_cstr(&params), 0, stamp_done, s);
    buf_free(&params);
}

/* False when a timestamp is missing. */
static bool apply_stamps(struct log_reader *r)
{
    bool complete = true;
    for (size_t i = 0; i < r->read.n && r->n_stamps > 0; i++) {
        struct log_entry *log = &r->read.logs[i];
        const struct stamp *s = log->block_timestamp_s ? NULL : stamp_find(r, log);
        if (s)
            log->block_timestamp_s = s->timestamp_s;
        if (s && s->timestamp_s == 0)
            complete = false;
    }
    return complete;
}

/* Asks for more timestamps, up to so many at once; ends the read when none is open. */
static void stamps_go_on(struct log_reader *r)
{
    for (; r->stamps_open < STAMPS_AT_ONCE && r->next_stamp < r->n_stamps; r->next_stamp++, r->stamps_open++)
        stamp_ask(&r->stamps[r->next_stamp]);
    if (r->stamps_open > 0)
        return;
    if (!apply_stamps(r) && ++r->stampless < STAMPLESS_READS) {
        fail(r, LOG_READ_FAILED, "no endpoint tells the timestamp of a block");
        return;
    }
    r->stampless = 0;
    finish(r);
}

static void stamp_done(void *arg, const struct json *result, const struct rpc_error *error)
{
    struct stamp *s = arg;
    struct chain_head head;
    s->call = NULL;
    if (error->kind == RPC_ERR_NONE && chain_head_parse(&head, result, NULL) == 0 &&
        memcmp(head.hash, s->hash, 32) == 0)
        s->timestamp_s = head.timestamp_s;
    if (s->timestamp_s == 0 && s->tries < STAMP_TRIES) {
        stamp_ask(s);
        return;
    }
    s->reader->stamps_open--;
    stamps_go_on(s->reader);
}

/* ---- logs ---- */

static void parse_logs(struct log_reader *r, const struct json *result)
{
    size_t n = json_len(result);
    r->read.logs = n ? xcalloc(n, sizeof *r->read.logs) : NULL;
    for (size_t i = 0; i < n; i++) {
        if (log_entry_parse(&r->read.logs[r->read.n], json_at(result, i), NULL) == 0)
            r->read.n++;
        else
            r->read.malformed++;
    }
}

/* Answers that a smaller range may mend: an error that speaks of limits, one that took too long or was cut off. */
static bool is_refusal(const struct rpc_error *error)
{
    switch (error->kind) {
    case RPC_ERR_SERVER:
        return log_range_is_refusal(error->code, error->message);
    case RPC_ERR_TIMEOUT:
    case RPC_ERR_PROTOCOL:
        return true;
    case RPC_ERR_TRANSPORT: /* a gateway that gave up on the answer, or finds the request too much */
        return error->code == 413 || error->code == 502 || error->code == 504;
    case RPC_ERR_NONE:
        break;
    }
    return false;
}

static void logs_done(void *arg, const struct json *result, const struct rpc_error *error)
{
    struct log_reader *r = arg;
    r->call = NULL;
    r->read.received_us = clock_mono_us();
    if (error->kind != RPC_ERR_NONE) {
        fail(r, is_refusal(error) ? LOG_READ_REFUSED : LOG_READ_FAILED, error->message);
    } else if (json_kind(result) != JSON_KIND_ARRAY) {
        fail(r, LOG_READ_FAILED, "eth_getLogs: not an array");
    } else {
        parse_logs(r, result);
        collect_stamps(r);
        stamps_go_on(r);
    }
}

void log_reader_start(struct log_reader *r, uint64_t from, uint64_t to)
{
    assert(!r->busy);
    struct buf params = { 0 };
    buf_push(&params, '[');
    contracts_log_filter(&params, &r->executors, &r->jobs, from, to);
    buf_push(&params, ']');
    r->busy = true;
    r->read = (struct log_read){ .from = from, .to = to };
    r->call = rpc_request(r->rpc, "eth_getLogs", buf_cstr(&params), READ_TIMEOUT_MS, logs_done, r);
    buf_free(&params);
}
