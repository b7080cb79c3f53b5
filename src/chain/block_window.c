#include "chain/block_window.h"

#include <stdlib.h>
#include <string.h>

#include "util/buf.h"

/* Grows an array to hold one more element; out of memory aborts, as with every size that is bounded elsewhere. */
static void *grown(void *array, size_t *cap, size_t n, size_t size)
{
    if (n < *cap)
        return array;
    *cap = *cap ? *cap * 2 : 4;
    void *bigger = reallocarray(array, *cap, size);
    if (!bigger)
        abort();
    return bigger;
}

size_t block_window_at(const struct block_window *w, uint64_t number)
{
    size_t low = 0, high = w->n;
    while (low < high) {
        size_t mid = low + (high - low) / 2;
        if (w->blocks[mid]->number < number)
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}

struct block *block_window_find(const struct block_window *w, uint64_t number, const uint8_t hash[32])
{
    for (size_t i = block_window_at(w, number); i < w->n && w->blocks[i]->number == number; i++)
        if (memcmp(w->blocks[i]->hash, hash, 32) == 0)
            return w->blocks[i];
    return NULL;
}

struct block *block_window_living(const struct block_window *w, uint64_t number)
{
    for (size_t i = block_window_at(w, number); i < w->n && w->blocks[i]->number == number; i++)
        if (w->blocks[i]->status != BLOCK_ORPHAN)
            return w->blocks[i];
    return NULL;
}

struct block *block_window_below(const struct block_window *w, uint64_t number)
{
    for (size_t i = block_window_at(w, number); i-- > 0;)
        if (w->blocks[i]->status != BLOCK_ORPHAN)
            return w->blocks[i];
    return NULL;
}

struct block *block_window_get(struct block_window *w, uint64_t number, const uint8_t hash[32])
{
    struct block *b = block_window_find(w, number, hash);
    if (b)
        return b;
    b = xcalloc(1, sizeof *b);
    b->number = number;
    memcpy(b->hash, hash, 32);
    w->blocks = grown(w->blocks, &w->cap, w->n, sizeof *w->blocks);
    size_t at = number == UINT64_MAX ? w->n : block_window_at(w, number + 1);
    memmove(w->blocks + at + 1, w->blocks + at, (w->n - at) * sizeof *w->blocks);
    w->blocks[at] = b;
    w->n++;
    return b;
}

void block_window_suspect(struct block_window *w, struct block *b, bool suspect)
{
    if (b->suspect == suspect)
        return;
    b->suspect = suspect;
    w->n_suspect = suspect ? w->n_suspect + 1 : w->n_suspect - 1;
}

static int compare_event(const struct event_record *r, uint64_t log_index, const uint8_t tx_hash[32])
{
    if (r->log_index != log_index)
        return r->log_index < log_index ? -1 : 1;
    return memcmp(r->tx_hash, tx_hash, 32);
}

/* Where the event is or would be; logs mostly come in order, so the end is tried first. */
static size_t event_at(const struct block *b, uint64_t log_index, const uint8_t tx_hash[32])
{
    size_t low = 0, high = b->n_events;
    if (high > 0 && compare_event(&b->events[high - 1], log_index, tx_hash) < 0)
        return high;
    while (low < high) {
        size_t mid = low + (high - low) / 2;
        if (compare_event(&b->events[mid], log_index, tx_hash) < 0)
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}

struct event_record *block_event_find(const struct block *b, uint64_t log_index, const uint8_t tx_hash[32])
{
    size_t at = event_at(b, log_index, tx_hash);
    return at < b->n_events && compare_event(&b->events[at], log_index, tx_hash) == 0 ? &b->events[at] : NULL;
}

struct event_record *block_event_get(struct block_window *w, struct block *b, uint64_t log_index,
                                     const uint8_t tx_hash[32])
{
    size_t at = event_at(b, log_index, tx_hash);
    if (at < b->n_events && compare_event(&b->events[at], log_index, tx_hash) == 0)
        return &b->events[at];
    b->events = grown(b->events, &b->cap_events, b->n_events, sizeof *b->events);
    memmove(b->events + at + 1, b->events + at, (b->n_events - at) * sizeof *b->events);
    b->events[at] = (struct event_record){ .log_index = log_index };
    memcpy(b->events[at].tx_hash, tx_hash, 32);
    b->n_events++;
    w->n_events++;
    return &b->events[at];
}

static void block_free(struct block *b)
{
    for (size_t i = 0; i < b->n_events; i++)
        chain_event_free(&b->events[i].ev);
    free(b->events);
    free(b);
}

void block_window_forget(struct block_window *w, uint64_t number)
{
    size_t gone = block_window_at(w, number);
    for (size_t i = 0; i < gone; i++) {
        block_window_suspect(w, w->blocks[i], false);
        w->n_events -= w->blocks[i]->n_events;
        block_free(w->blocks[i]);
    }
    w->n -= gone;
    if (gone > 0)
        memmove(w->blocks, w->blocks + gone, w->n * sizeof *w->blocks);
    if (number > w->floor)
        w->floor = number;
}

void block_window_free(struct block_window *w)
{
    for (size_t i = 0; i < w->n; i++)
        block_free(w->blocks[i]);
    free(w->blocks);
    *w = (struct block_window){ 0 };
}
