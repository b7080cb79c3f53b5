/* Inside of the event tracker, shared by its files: event_tracker.c (logs, telling), tracker_forks.c (heads),
 * tracker_reads.c (passes). */
#ifndef OYSTER_CHAIN_TRACKER_IMPL_H
#define OYSTER_CHAIN_TRACKER_IMPL_H

#include "chain/block_gaps.h"
#include "chain/block_window.h"
#include "chain/event_tracker.h"

#define LINKS_MAX 64      /* headers of a fork that are walked one by one */
#define GAP_MAX 8         /* skipped heads that are fetched; a larger gap is bridged by checking the block below it */
#define KEEP_BLOCKS 256   /* blocks remembered behind the first unsettled one */
#define EVENTS_MAX 131072 /* … unless they hold more events than this */
#define BLOCKS_HARD_MAX 8192
#define EVENTS_HARD_MAX 262144
#define PARKED_MAX 4096
#define HELD_MAX 65536
#define HELD_MAX_BYTES (64u << 20)

/* One header of a segment. */
struct link {
    uint64_t number;
    uint8_t hash[32], parent[32];
    uint64_t timestamp_s;
};

/* Linked headers, oldest first, whose oldest does not yet link to a known block. */
struct segment {
    struct link links[LINKS_MAX];
    size_t n;
};

struct waiting_log {
    struct log_entry log;
    uint64_t received_us;
};

/* Logs that wait, in order of arrival. */
struct log_list {
    struct waiting_log *logs;
    size_t n, cap, bytes;
};

/* Reading: a pass goes from the first unsettled block to the newest head in chunks, one read at a time. Between passes
 * the older blocks are read, which tracker_newest_first left out. */
struct pass {
    bool active;
    bool counts; /* began after the stream came up: its end makes the stream live */
    uint64_t next;
    bool reading;
    bool older;              /* the read under way is one of older blocks */
    uint64_t from, to, head; /* of the read under way; head: newest when it began */
    uint64_t told_seq;       /* events told before it began */
    uint64_t tainted_from;   /* a fork since it began changed blocks from here up */
};

struct event_tracker {
    struct tracker_config config;
    struct block_window window;
    bool has_tip;
    uint64_t linked_from;    /* from here to the tip each block is known and the parent of the next */
    struct link tip;         /* newest head that links */
    uint64_t head_number;    /* newest head, linked or not */
    struct segment ahead;    /* heads that do not link yet */
    struct segment side;     /* a stretch below that turned out to differ */
    uint64_t unsettled;      /* first block that is not settled, but for those in older */
    struct block_gaps older; /* to be read, not settled; all below base */
    uint64_t base;           /* where the passes began when blocks were left out last */
    bool older_wait;         /* older blocks that were read, but not settled, are not read before a pass has ended */
    bool older_turn;         /* a pass has just ended: the next one has to wait for a read of older blocks */
    bool started;            /* unsettled is meaningful */
    bool fork_announced;     /* removed:true came; the heads of that fork have not */
    uint64_t fork_from, fork_until; /* blocks from fork_from are not settled before the head is at fork_until */
    enum tracker_urgency urgency;
    bool stream_up;
    bool hold;          /* live logs wait */
    bool newest_read;   /* a pass that counts has ended since the stream came up */
    bool caught_up;     /* and then there were no older blocks to be read */
    uint64_t live_from; /* what blocks from here up hold the stream should tell; UINT64_MAX while it is not live */
    bool head_since_up; /* only then is it known how far a pass must read before held logs may go */
    struct log_list held, parked;
    struct pass pass;
    uint64_t told_seq, read_seq;
    struct tracked *out;
    size_t out_n, out_cap, out_at;
    struct tracker_stats stats;
    struct err malformed;
};

/* Where a log came from. */
enum log_source { FROM_STREAM, FROM_READ };

enum verdict {
    LOG_TAKE,      /* tell it, unless told already */
    LOG_STALE,     /* of a block that is not part of the chain as far as we know */
    LOG_CONTESTED, /* contradicts another log's block; no head has decided between them */
    LOG_OUT_OF_ORDER,
    LOG_FORGOTTEN, /* older than memory, or than the start */
};

/* Is b canonical beyond doubt: an ancestor of the tip by parent hashes without a gap? */
bool tracker_is_certain(const struct event_tracker *t, const struct block *b);

/* What is to be done with a log that is not removed. */
enum verdict tracker_judge(const struct event_tracker *t, const struct log_entry *log, enum log_source source);

/* Tells the log's event unless it was told. log is taken over. */
void tracker_take(struct event_tracker *t, struct log_entry *log, enum log_source source, uint64_t received_us);

/* Takes back all events of b, last first, and makes it an orphan. */
void tracker_orphan(struct event_tracker *t, struct block *b);

static inline uint64_t lower_of(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

/* The first block that is not settled, older ones included: all below are. */
uint64_t tracker_frontier(const struct event_tracker *t);

/* Something below or at number changed: it must be read again. */
void tracker_unsettle(struct event_tracker *t, uint64_t number);

/* Raises how soon the next read is wanted; never lowers it. */
void tracker_urge(struct event_tracker *t, enum tracker_urgency urgency);

/* Looks again at the parked logs, after blocks have become canonical. */
void tracker_replay_parked(struct event_tracker *t);

/* Forgets what is old enough. */
void tracker_trim(struct event_tracker *t);

#endif
