/* Reads one range of logs from the endpoints at a time: eth_getLogs, then the timestamps of blocks that nobody has told
 * yet. What the ranges are is the event tracker's to say. */
#ifndef OYSTER_CHAIN_LOG_READER_H
#define OYSTER_CHAIN_LOG_READER_H

#include "chain/event_tracker.h"
#include "net/rpc.h"

struct log_reader;

enum log_read_outcome {
    LOG_READ_OK,
    LOG_READ_REFUSED, /* the range was too much for the endpoint */
    LOG_READ_FAILED,
};

/* The end of a read. logs: taken over by the callback (free() the array), NULL unless OK. malformed: entries that were
 * not logs at all, left out. why: one line, for other outcomes. */
struct log_read {
    enum log_read_outcome outcome;
    uint64_t from, to;
    struct log_entry *logs;
    size_t n, malformed;
    uint64_t received_us;
    const char *why;
};

typedef void log_read_fn(void *arg, struct log_read *read);

/* tracker tells which blocks lack a timestamp. Both it and rpc must outlive the reader. */
struct log_reader *log_reader_new(struct rpc *rpc, const struct event_tracker *tracker, const struct address *executors,
                                  const struct address *jobs, log_read_fn *done, void *arg);

/* Starts to read [from, to]; not while a read is under way. done is called once, never from inside. */
void log_reader_start(struct log_reader *r, uint64_t from, uint64_t to);

/* Is a read under way? */
bool log_reader_busy(const struct log_reader *r);

/* Ends a read under way without its callback, and the reader. NULL allowed. */
void log_reader_free(struct log_reader *r);

#endif
