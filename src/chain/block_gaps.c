#include "chain/block_gaps.h"

#include <assert.h>
#include <string.h>

bool block_gaps_have(const struct block_gaps *g, uint64_t number)
{
    for (size_t i = 0; i < g->n; i++)
        if (number >= g->gaps[i].from && number <= g->gaps[i].to)
            return true;
    return false;
}

uint64_t block_gaps_lowest(const struct block_gaps *g)
{
    uint64_t lowest = UINT64_MAX;
    for (size_t i = 0; i < g->n; i++)
        if (g->gaps[i].from < lowest)
            lowest = g->gaps[i].from;
    return lowest;
}

const struct block_gap *block_gaps_next(const struct block_gaps *g, bool again)
{
    for (size_t i = 0; i < g->n; i++)
        if (!g->gaps[i].read)
            return &g->gaps[i];
    return again && g->n > 0 ? &g->gaps[0] : NULL;
}

bool block_gaps_all_read(const struct block_gaps *g)
{
    return !block_gaps_next(g, false);
}

static void insert(struct block_gaps *g, size_t at, struct block_gap gap)
{
    if (gap.from > gap.to)
        return;
    assert(g->n < BLOCK_GAPS_MAX);
    memmove(g->gaps + at + 1, g->gaps + at, (g->n - at) * sizeof *g->gaps);
    g->gaps[at] = gap;
    g->n++;
}

void block_gaps_add_first(struct block_gaps *g, uint64_t from, uint64_t to)
{
    insert(g, 0, (struct block_gap){ from, to, false });
}

void block_gaps_add_last(struct block_gaps *g, uint64_t from, uint64_t to)
{
    insert(g, g->n, (struct block_gap){ from, to, false });
}

static void drop(struct block_gaps *g, size_t at)
{
    g->n--;
    memmove(g->gaps + at, g->gaps + at + 1, (g->n - at) * sizeof *g->gaps);
}

void block_gaps_close(struct block_gaps *g, uint64_t from, uint64_t to, uint64_t limit)
{
    size_t i = 0;
    while (i < g->n && g->gaps[i].from != from)
        i++;
    if (i == g->n)
        return;
    struct block_gap rest = g->gaps[i], told = { limit > from ? limit : from, to < rest.to ? to : rest.to, true };
    drop(g, i);
    rest.from = told.to + 1;
    bool joined = rest.read && told.from <= told.to; /* goes on as one */
    bool room = g->n + 2 <= BLOCK_GAPS_MAX;
    if (joined || (!room && told.from <= told.to && rest.from <= rest.to)) {
        rest.from = told.from;
        insert(g, g->n, rest); /* behind the others; without room the rest of it waits as well */
        return;
    }
    insert(g, i, rest);
    insert(g, g->n, told);
}

void block_gaps_reopen(struct block_gaps *g, uint64_t from, uint64_t to)
{
    for (size_t i = g->n; i-- > 0;) {
        struct block_gap *gap = &g->gaps[i];
        if (gap->from >= from)
            drop(g, i);
        else if (gap->to >= from)
            gap->to = from - 1;
    }
    if (g->n == BLOCK_GAPS_MAX) { /* some blocks more than need be are read again */
        from = block_gaps_lowest(g);
        g->n = 0;
    }
    block_gaps_add_first(g, from, to);
}
