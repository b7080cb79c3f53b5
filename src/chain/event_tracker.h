/* Which events are part of the chain and have been told: heads, live logs, ranges read back and headers go in; events
 * to tell and to take back come out, and what ought to be read next. No I/O, no clock.
 *
 * How it decides. Heads are linked by their parent hashes; the blocks behind the newest head are canonical, and a head
 * that does not link makes the tracker ask for headers until the fork point is found; the events of blocks beyond it
 * are taken back (newest first) and the range is read again. A live log is told at once unless its block contradicts
 * what is known: then it is parked until a head decides. Passes read the blocks with eth_getLogs from the first one
 * that is not settled to the newest head; a block is settled once it was read when it lay `overlap` blocks behind the
 * head, so that an endpoint which lags (or a stream which forgets) is read again. Double events are known by block
 * hash, transaction and log index, in a window of recent blocks.
 *
 * Where much is to be read back, tracker_newest_first leaves the older blocks out of the passes: these begin higher up,
 * and what was left out is read, once, between them. All below the lowest block that is not settled counts as settled,
 * no more: what was left out comes again after a crash. */
#ifndef OYSTER_CHAIN_EVENT_TRACKER_H
#define OYSTER_CHAIN_EVENT_TRACKER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "chain/contracts.h"
#include "chain/head.h"

struct event_tracker;

/* start: first block whose events count; UINT64_MAX = those behind the first head. */
struct tracker_config {
    struct address executors, jobs;
    uint64_t overlap_blocks;
    uint64_t start;
};

/* A tracker that knows nothing yet / releases it (NULL allowed). */
struct event_tracker *tracker_new(const struct tracker_config *config);
void tracker_free(struct event_tracker *t);

/* ---- in ---- */

/* The log subscription stands: live logs are held back from here until a pass that begins later has read up to the
 * newest head (one that came after this call: ask for it). / It is lost: logs held are dropped, the next pass reads
 * them. / The reading takes too long: live logs go out ahead of it, since a job cannot wait. */
void tracker_stream_up(struct event_tracker *t);
void tracker_stream_down(struct event_tracker *t);
void tracker_stop_holding(struct event_tracker *t);

/* A head. polled: it was asked for (maybe of a lagging endpoint), so an older one says nothing. */
void tracker_head(struct event_tracker *t, const struct chain_head *head, bool polled);

/* A log of the subscription; its content is taken over (*log is empty afterwards). */
void tracker_log(struct event_tracker *t, struct log_entry *log, uint64_t received_us);

/* Begins reading the next range: [*from, *to] of at most max_blocks, of a pass or of older blocks (a pass that is
 * called for soon waits for those). False when there is nothing to read. One read is under way at a time; it ends with
 * tracker_read_done, or with tracker_read_failed (begin gives the same range, or a part of it, again). Returns from
 * read_done: false when the answer contradicts what is known (lagging endpoint), to be read again a little later. logs:
 * taken over. */
bool tracker_read_begin(struct event_tracker *t, uint64_t *from, uint64_t *to, uint64_t max_blocks);
bool tracker_read_done(struct event_tracker *t, struct log_entry *logs, size_t n, uint64_t received_us);
void tracker_read_failed(struct event_tracker *t);

/* So many blocks the next read of a pass has before it that lie deeper than the overlap: a long way when it is more
 * than some reads. */
uint64_t tracker_backlog(const struct event_tracker *t);

/* Not while a read is under way. Blocks from `urgent` up are read first, then [recent, urgent), then those below, each
 * in order; `urgent` is lowered to where blocks lie as deep as the overlap. False where that changes nothing. */
bool tracker_newest_first(struct event_tracker *t, uint64_t recent, uint64_t urgent);

/* A header that tracker_want asked for. */
void tracker_header(struct event_tracker *t, const struct chain_head *header);

/* How deep below the head a block must lie when it is read, to be settled. */
void tracker_set_overlap(struct event_tracker *t, uint64_t blocks);

/* Asks for a pass although nothing calls for it. */
void tracker_request_pass(struct event_tracker *t);

/* ---- out ---- */

/* What to tell the user, in order. kind TRACKED_EVENT: an event of the chain. TRACKED_REMOVED: one told before is gone
 * (inputs of a JobCreated are not kept). Free with tracked_free. */
enum tracked_kind { TRACKED_EVENT, TRACKED_REMOVED };

struct tracked {
    enum tracked_kind kind;
    struct chain_event ev; /* borrows from log */
    struct event_origin origin;
    struct log_entry log;
};

/* Takes the next out; false = none. */
bool tracker_next(struct event_tracker *t, struct tracked *out);
/* Releases what tracker_next gave. */
void tracked_free(struct tracked *tracked);

/* A header, by hash or else by number. */
struct tracker_want {
    bool by_hash;
    uint8_t hash[32];
    uint64_t number;
};

/* The header that is wanted now; false = none. It stays wanted until it was given. */
bool tracker_want(const struct event_tracker *t, struct tracker_want *out);

/* Is a pass called for, and how soon: now (a fork, a new connection), or soon (something looked odd)? */
enum tracker_urgency { TRACKER_IDLE, TRACKER_SOON, TRACKER_NOW };

/* See above; a pass that has begun answers the call for it. */
enum tracker_urgency tracker_urgency(const struct event_tracker *t);

/* Does this log, read back, need its block's timestamp (nobody has said it, and the log is one to tell)? */
bool tracker_lacks_timestamp(const struct event_tracker *t, const struct log_entry *log);

/* Are there older blocks to be read now, whatever is called for? */
bool tracker_has_older(const struct event_tracker *t);

/* Has a pass begun that has not come to its end? */
bool tracker_in_pass(const struct event_tracker *t);

/* The stream is up and everything before it has been read. */
bool tracker_is_live(const struct event_tracker *t);

/* Are live logs held back? */
bool tracker_is_holding(const struct event_tracker *t);

/* Why the last of our logs that could not be decoded was refused; msg is empty while there was none. */
const struct err *tracker_malformed(const struct event_tracker *t);

struct tracker_stats {
    uint64_t head_block;    /* newest head */
    uint64_t settled_block; /* all events up to here were told, for sure; 0 = none */
    uint64_t events, events_backfilled, removed, duplicates, reorgs, malformed;
    uint64_t unheard; /* events read back that the stream, live all the while, did not tell within some seconds */
    size_t blocks_kept, events_kept, parked, held;
};

/* Counts and heights as of now. */
void tracker_stats(const struct event_tracker *t, struct tracker_stats *out);

#endif
