/* The recent blocks that the watcher remembers, with the events that it has told of: what makes "once" and "taken
 * back" possible. Blocks are kept in order of number; one number may have several blocks (forks). Pure memory. */
#ifndef OYSTER_CHAIN_BLOCK_WINDOW_H
#define OYSTER_CHAIN_BLOCK_WINDOW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "chain/contracts.h"
#include "chain/head.h"

enum block_status {
    BLOCK_CLAIMED,   /* a log says that it exists; no head has confirmed it */
    BLOCK_CANONICAL, /* linked by parent hashes to the newest head; at most one a number */
    BLOCK_ORPHAN,    /* no longer part of the chain */
};

/* One event of a block. ev (whose inputs are not kept) is meaningful while delivered. */
struct event_record {
    uint64_t log_index;
    uint8_t tx_hash[32];
    bool delivered;    /* told and not taken back since */
    bool backfilled;   /* as it was told */
    bool heard;        /* the stream has told it as well, or need not, or has been found out */
    uint64_t told_seq; /* counts deliveries: what was told before a read began must be in its answer */
    uint64_t read_seq; /* the last read that had it */
    uint64_t received_us;
    struct chain_event ev;
};

struct block {
    uint64_t number;
    uint8_t hash[32];
    enum block_status status;
    bool has_parent;
    uint8_t parent[32];
    uint64_t timestamp_s;        /* 0 = not known */
    bool suspect;                /* to be compared with the header of that number */
    struct event_record *events; /* by log index, then transaction */
    size_t n_events, cap_events, n_delivered;
};

struct block_window {
    struct block **blocks; /* by number, then by arrival */
    size_t n, cap;
    size_t n_events;  /* of all blocks */
    size_t n_suspect; /* blocks marked so */
    uint64_t floor;   /* blocks below this number are forgotten */
};

/* The index of the first block whose number is at least number (n when there is none). */
size_t block_window_at(const struct block_window *w, uint64_t number);

/* The block of this number and hash / the one that is not an orphan, or NULL. */
struct block *block_window_find(const struct block_window *w, uint64_t number, const uint8_t hash[32]);
struct block *block_window_living(const struct block_window *w, uint64_t number);

/* The highest block below number that is not an orphan, or NULL. */
struct block *block_window_below(const struct block_window *w, uint64_t number);

/* As find; a missing one is added as claimed. */
struct block *block_window_get(struct block_window *w, uint64_t number, const uint8_t hash[32]);

/* Marks b as to be checked, or as checked. */
void block_window_suspect(struct block_window *w, struct block *b, bool suspect);

/* The record of an event / the same, added undelivered where it is missing (pointers to records of b then move). */
struct event_record *block_event_find(const struct block *b, uint64_t log_index, const uint8_t tx_hash[32]);
struct event_record *block_event_get(struct block_window *w, struct block *b, uint64_t log_index,
                                     const uint8_t tx_hash[32]);

/* Forgets blocks below number. */
void block_window_forget(struct block_window *w, uint64_t number);

/* Releases everything; the window is empty afterwards. */
void block_window_free(struct block_window *w);

#endif
