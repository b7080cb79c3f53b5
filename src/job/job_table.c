/* Entries live in one array; an open-addressing index (linear probing, backward-shift deletion) finds them by id, a
 * binary heap of entry numbers orders them by time. The freed entry's place is taken by the last one, so that the array
 * stays dense and shrinks. */
#include "job/job_table.h"

#include <stdlib.h>
#include <string.h>

#include "util/buf.h"

#define EMPTY UINT32_MAX
#define MIN_BUCKETS 64u

struct entry {
    struct u256 id;
    uint64_t due_ms;
    uint32_t heap_at; /* position in the heap */
    uint8_t answers;
};

struct job_table {
    struct entry *entries;
    uint32_t *heap;    /* entry numbers */
    uint32_t *buckets; /* entry numbers, EMPTY */
    uint32_t count, capacity, n_buckets;
};

/* Job ids are a counter on the real contract, but whoever deploys chooses: mixed as splitmix64 does. */
static uint32_t hash_of(struct u256 id, uint32_t n_buckets)
{
    uint64_t h = id.limb[0] ^ (id.limb[1] * 3) ^ (id.limb[2] * 5) ^ (id.limb[3] * 7);
    h = (h ^ (h >> 30)) * 0xbf58476d1ce4e5b9u;
    h = (h ^ (h >> 27)) * 0x94d049bb133111ebu;
    return (uint32_t)((h ^ (h >> 31)) & (n_buckets - 1));
}

static uint32_t *new_buckets(uint32_t n)
{
    uint32_t *b = xcalloc(n, sizeof *b);
    memset(b, 0xff, n * sizeof *b);
    return b;
}

struct job_table *job_table_new(void)
{
    struct job_table *t = xcalloc(1, sizeof *t);
    t->n_buckets = MIN_BUCKETS;
    t->buckets = new_buckets(t->n_buckets);
    return t;
}

void job_table_free(struct job_table *t)
{
    if (!t)
        return;
    free(t->entries);
    free(t->heap);
    free(t->buckets);
    free(t);
}

/* The bucket that holds id, or the empty one where it would go. */
static uint32_t bucket_of(const struct job_table *t, struct u256 id)
{
    uint32_t b = hash_of(id, t->n_buckets);
    while (t->buckets[b] != EMPTY && u256_cmp(t->entries[t->buckets[b]].id, id) != 0)
        b = (b + 1) & (t->n_buckets - 1);
    return b;
}

static struct entry *find(const struct job_table *t, struct u256 id)
{
    uint32_t i = t->buckets[bucket_of(t, id)];
    return i == EMPTY ? NULL : &t->entries[i];
}

static void heap_set(struct job_table *t, uint32_t at, uint32_t entry)
{
    t->heap[at] = entry;
    t->entries[entry].heap_at = at;
}

static uint64_t heap_due(const struct job_table *t, uint32_t at)
{
    return t->entries[t->heap[at]].due_ms;
}

static void heap_up(struct job_table *t, uint32_t at)
{
    uint32_t entry = t->heap[at];
    uint64_t due = t->entries[entry].due_ms;
    while (at > 0 && heap_due(t, (at - 1) / 2) > due) {
        heap_set(t, at, t->heap[(at - 1) / 2]);
        at = (at - 1) / 2;
    }
    heap_set(t, at, entry);
}

static void heap_down(struct job_table *t, uint32_t at, uint32_t n)
{
    uint32_t entry = t->heap[at];
    uint64_t due = t->entries[entry].due_ms;
    for (uint32_t child; (child = 2 * at + 1) < n; at = child) {
        if (child + 1 < n && heap_due(t, child + 1) < heap_due(t, child))
            child++;
        if (heap_due(t, child) >= due)
            break;
        heap_set(t, at, t->heap[child]);
    }
    heap_set(t, at, entry);
}

static void resize_storage(struct job_table *t, uint32_t capacity)
{
    struct entry *entries = realloc(t->entries, capacity * sizeof *entries);
    uint32_t *heap = entries ? realloc(t->heap, capacity * sizeof *heap) : NULL;
    if (!heap)
        abort();
    t->entries = entries;
    t->heap = heap;
    t->capacity = capacity;
}

static void rehash(struct job_table *t, uint32_t n_buckets)
{
    free(t->buckets);
    t->n_buckets = n_buckets;
    t->buckets = new_buckets(n_buckets);
    for (uint32_t i = 0; i < t->count; i++)
        t->buckets[bucket_of(t, t->entries[i].id)] = i;
}

bool job_table_add(struct job_table *t, struct u256 id, uint64_t due_ms)
{
    if (find(t, id))
        return false;
    if (t->count == t->capacity)
        resize_storage(t, t->capacity ? t->capacity + t->capacity / 2 : MIN_BUCKETS);
    if ((uint64_t)(t->count + 1) * 4 > (uint64_t)t->n_buckets * 3)
        rehash(t, t->n_buckets * 2);
    uint32_t i = t->count++;
    t->entries[i] = (struct entry){ .id = id, .due_ms = due_ms };
    t->buckets[bucket_of(t, id)] = i;
    heap_set(t, i, i);
    heap_up(t, i);
    return true;
}

/* Empties bucket b and closes the gap that probing would fall into. */
static void bucket_clear(struct job_table *t, uint32_t b)
{
    uint32_t mask = t->n_buckets - 1;
    for (uint32_t i = (b + 1) & mask; t->buckets[i] != EMPTY; i = (i + 1) & mask) {
        uint32_t home = hash_of(t->entries[t->buckets[i]].id, t->n_buckets);
        if (((i - home) & mask) >= ((i - b) & mask)) {
            t->buckets[b] = t->buckets[i];
            b = i;
        }
    }
    t->buckets[b] = EMPTY;
}

static void heap_remove(struct job_table *t, uint32_t at)
{
    uint32_t last = t->count - 1;
    if (at != last) {
        heap_set(t, at, t->heap[last]);
        uint32_t moved = t->heap[at];
        heap_up(t, at);
        heap_down(t, t->entries[moved].heap_at, last);
    }
}

bool job_table_remove(struct job_table *t, struct u256 id)
{
    uint32_t b = bucket_of(t, id);
    uint32_t i = t->buckets[b];
    if (i == EMPTY)
        return false;
    heap_remove(t, t->entries[i].heap_at);
    bucket_clear(t, b);
    uint32_t last = --t->count;
    if (i != last) {
        t->buckets[bucket_of(t, t->entries[last].id)] = i;
        t->entries[i] = t->entries[last];
        t->heap[t->entries[i].heap_at] = i;
    }
    if (t->capacity > MIN_BUCKETS && t->count < t->capacity / 4) {
        resize_storage(t, t->capacity / 2);
        if (t->n_buckets > MIN_BUCKETS && t->count < t->n_buckets / 4)
            rehash(t, t->n_buckets / 2);
    }
    return true;
}

unsigned job_table_answered(struct job_table *t, struct u256 id)
{
    struct entry *e = find(t, id);
    if (!e)
        return 0;
    if (e->answers < UINT8_MAX)
        e->answers++;
    return e->answers;
}

bool job_table_unanswered(struct job_table *t, struct u256 id)
{
    struct entry *e = find(t, id);
    if (e && e->answers > 0)
        e->answers--;
    return e != NULL;
}

bool job_table_has(const struct job_table *t, struct u256 id)
{
    return find(t, id) != NULL;
}

bool job_table_first(const struct job_table *t, struct u256 *id, uint64_t *due_ms)
{
    if (t->count == 0)
        return false;
    *id = t->entries[t->heap[0]].id;
    *due_ms = t->entries[t->heap[0]].due_ms;
    return true;
}

size_t job_table_count(const struct job_table *t)
{
    return t->count;
}
