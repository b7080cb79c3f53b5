#include "worker/wait_queue.h"

#include <stdbool.h>
#include <stdlib.h>

static bool before(const struct wait_entry *a, const struct wait_entry *b)
{
    return a->deadline_us != b->deadline_us ? a->deadline_us < b->deadline_us : a->handle < b->handle;
}

static void swap(struct wait_entry *a, struct wait_entry *b)
{
    struct wait_entry t = *a;
    *a = *b;
    *b = t;
}

static void sift_up(struct wait_queue *q, size_t i)
{
    for (; i > 0 && before(&q->entries[i], &q->entries[(i - 1) / 2]); i = (i - 1) / 2)
        swap(&q->entries[i], &q->entries[(i - 1) / 2]);
}

static void sift_down(struct wait_queue *q, size_t i)
{
    for (;;) {
        size_t least = i;
        for (size_t c = 2 * i + 1; c <= 2 * i + 2 && c < q->n; c++) {
            if (before(&q->entries[c], &q->entries[least]))
                least = c;
        }
        if (least == i)
            return;
        swap(&q->entries[i], &q->entries[least]);
        i = least;
    }
}

static void *take(struct wait_queue *q, size_t i)
{
    void *job = q->entries[i].job;
    q->entries[i] = q->entries[--q->n];
    if (i < q->n) {
        sift_down(q, i);
        sift_up(q, i);
    }
    return job;
}

void wait_queue_push(struct wait_queue *q, const struct wait_entry *entry)
{
    if (q->n == q->cap) {
        size_t cap = q->cap ? q->cap * 2 : 16;
        struct wait_entry *entries = realloc(q->entries, cap * sizeof *entries);
        if (!entries)
            abort();
        q->entries = entries;
        q->cap = cap;
    }
    q->entries[q->n] = *entry;
    sift_up(q, q->n++);
}

const struct wait_entry *wait_queue_first(const struct wait_queue *q)
{
    return q->n > 0 ? &q->entries[0] : NULL;
}

void *wait_queue_pop(struct wait_queue *q)
{
    return q->n > 0 ? take(q, 0) : NULL;
}

void *wait_queue_remove(struct wait_queue *q, uint64_t handle)
{
    for (size_t i = 0; i < q->n; i++) {
        if (q->entries[i].handle == handle)
            return take(q, i);
    }
    return NULL;
}

void wait_queue_free(struct wait_queue *q)
{
    free(q->entries);
    *q = (struct wait_queue){ 0 };
}
