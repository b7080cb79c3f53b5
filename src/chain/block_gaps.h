/* Ranges of blocks that were left out when the newest ones were read first, in the order in which to read them. They do
 * not overlap. What an answer to a read did not settle (a fork, an endpoint that lags) stays, as read, and is read
 * again when nothing unread is left. Pure memory. */
#ifndef OYSTER_CHAIN_BLOCK_GAPS_H
#define OYSTER_CHAIN_BLOCK_GAPS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BLOCK_GAPS_MAX 8

/* Both ends belong to it. read: what an endpoint had of it was told, but it is not settled. */
struct block_gap {
    uint64_t from, to;
    bool read;
};

struct block_gaps {
    struct block_gap gaps[BLOCK_GAPS_MAX];
    size_t n;
};

/* Is the block in one of them? */
bool block_gaps_have(const struct block_gaps *g, uint64_t number);

/* The lowest block of all; UINT64_MAX where there is none. */
uint64_t block_gaps_lowest(const struct block_gaps *g);

/* To be read next / after all others. An empty range (from > to) is left out; there must be room. */
void block_gaps_add_first(struct block_gaps *g, uint64_t from, uint64_t to);
void block_gaps_add_last(struct block_gaps *g, uint64_t from, uint64_t to);

/* The range to read now, from its lower end: the first that is unread, or (again) one that was read; NULL = none. */
const struct block_gap *block_gaps_next(const struct block_gaps *g, bool again);

/* Is none of them unread? */
bool block_gaps_all_read(const struct block_gaps *g);

/* The blocks [from, to] of one of them, from its lower end, were read; those below limit are settled. */
void block_gaps_close(struct block_gaps *g, uint64_t from, uint64_t to, uint64_t limit);

/* All blocks in [from, to] are to be read (again), and next; `to` lies above all that are in the list. */
void block_gaps_reopen(struct block_gaps *g, uint64_t from, uint64_t to);

#endif
