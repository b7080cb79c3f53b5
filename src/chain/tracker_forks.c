/* The tracker's heads: linking them, finding the fork point, taking back what lies beyond it. */
#include <string.h>

#include "chain/tracker_impl.h"

static struct link link_of(const struct chain_head *h)
{
    struct link l = { .number = h->number, .timestamp_s = h->timestamp_s };
    memcpy(l.hash, h->hash, 32);
    memcpy(l.parent, h->parent_hash, 32);
    return l;
}

static struct link link_of_block(const struct block *b)
{
    struct link l = { .number = b->number, .timestamp_s = b->timestamp_s };
    memcpy(l.hash, b->hash, 32);
    memcpy(l.parent, b->parent, 32);
    return l;
}

static bool same_hash(const uint8_t a[32], const uint8_t b[32])
{
    return memcmp(a, b, 32) == 0;
}

static bool is_parent(const struct link *child, uint64_t number, const uint8_t hash[32])
{
    return child->number == number + 1 && same_hash(child->parent, hash);
}

static bool segment_has(const struct segment *s, const struct block *b)
{
    uint64_t first = s->links[0].number;
    return b->number >= first && b->number - first < s->n && same_hash(s->links[b->number - first].hash, b->hash);
}

static void segment_set(struct segment *s, const struct link *only)
{
    s->links[0] = *only;
    s->n = 1;
}

static void segment_prepend(struct segment *s, const struct link *l)
{
    memmove(s->links + 1, s->links, s->n * sizeof *s->links);
    s->links[0] = *l;
    s->n++;
}

void tracker_unsettle(struct event_tracker *t, uint64_t number)
{
    if (t->config.start != UINT64_MAX && number < t->config.start)
        number = t->config.start;
    if (t->older.n > 0 && number < t->base)
        block_gaps_reopen(&t->older, number, t->base - 1);
    uint64_t lowest = t->older.n > 0 && number < t->base ? t->base : number;
    if (lowest < t->unsettled)
        t->unsettled = lowest;
    if (t->pass.reading && number < t->pass.tainted_from)
        t->pass.tainted_from = number;
    if (t->head_number >= t->fork_until || number < t->fork_from)
        t->fork_from = number;
    t->fork_until = t->head_number + t->config.overlap_blocks;
}

bool tracker_is_certain(const struct event_tracker *t, const struct block *b)
{
    return t->has_tip && b->status == BLOCK_CANONICAL && b->number >= t->linked_from;
}

/* ---- committing a segment ---- */

/* Is b, at or above the segment's first number, ruled out by it? */
static bool ruled_out(const struct event_tracker *t, const struct segment *s, bool is_tip, const struct block *b)
{
    if (b->number <= s->links[s->n - 1].number)
        return !segment_has(s, b);
    /* Above the new tip: the rest of a chain that has become shorter. A claimed block above the old tip is younger than
     * any head: its own will come. */
    return is_tip && (b->status == BLOCK_CANONICAL || (t->has_tip && b->number <= t->tip.number));
}

static bool orphan_ruled_out(struct event_tracker *t, const struct segment *s, bool is_tip)
{
    bool any = false;
    uint64_t first = s->links[0].number;
    for (size_t i = t->window.n; i-- > 0 && t->window.blocks[i]->number >= first;) {
        struct block *b = t->window.blocks[i];
        if (!ruled_out(t, s, is_tip, b))
            continue;
        any = any || b->status != BLOCK_ORPHAN;
        tracker_orphan(t, b);
    }
    return any;
}

/* Makes the block of l canonical. True when it was an orphan: its events must be read again. */
static bool canonise(struct event_tracker *t, const struct link *l)
{
    struct block *b = block_window_get(&t->window, l->number, l->hash);
    bool was_orphan = b->status == BLOCK_ORPHAN;
    b->status = BLOCK_CANONICAL;
    b->has_parent = true;
    memcpy(b->parent, l->parent, 32);
    b->timestamp_s = l->timestamp_s;
    block_window_suspect(&t->window, b, false);
    return was_orphan;
}

/* Follows the parent hashes down from first as far as blocks are known. A block that only a log had claimed is so
 * confirmed; what it stands on is not known. */
static void link_down(struct event_tracker *t, const struct link *first)
{
    struct link at = *first;
    t->linked_from = at.number;
    while (at.number > 0) {
        struct block *b = block_window_find(&t->window, at.number - 1, at.parent);
        if (!b || b->status == BLOCK_ORPHAN)
            return;
        t->linked_from = b->number;
        b->status = BLOCK_CANONICAL;
        block_window_suspect(&t->window, b, false);
        if (!b->has_parent)
            return;
        at = link_of_block(b);
    }
}

/* Makes the segment part of the chain. changed_from: where a fork that it reveals may begin. */
static void commit(struct event_tracker *t, struct segment *s, bool is_tip, uint64_t changed_from)
{
    bool forked = orphan_ruled_out(t, s, is_tip), revived = false;
    for (size_t i = 0; i < s->n; i++)
        if (canonise(t, &s->links[i]))
            revived = true;
    if (is_tip) {
        if (!t->has_tip || !is_parent(&s->links[0], t->tip.number, t->tip.hash))
            link_down(t, &s->links[0]);
        t->tip = s->links[s->n - 1];
        t->has_tip = true;
        t->head_number = t->tip.number;
    }
    s->n = 0;
    if (forked || revived || (t->fork_announced && is_tip)) {
        t->fork_announced = false;
        t->stats.reorgs++;
        tracker_unsettle(t, changed_from);
        tracker_urge(t, TRACKER_NOW);
    }
    tracker_replay_parked(t);
    tracker_trim(t);
}

/* As commit, for a segment that stands on unknown blocks: the known one below it is to be checked by itself. */
static void commit_unlinked(struct event_tracker *t, struct segment *s, bool is_tip, struct block *below)
{
    block_window_suspect(&t->window, below, true);
    commit(t, s, is_tip, below->number + 1);
}

/* Has the tip's own chain decided otherwise since this stretch was begun? */
static bool outdated(const struct event_tracker *t, const struct segment *s)
{
    for (size_t i = 0; i < s->n; i++) {
        const struct block *b = block_window_living(&t->window, s->links[i].number);
        if (b && tracker_is_certain(t, b) && !same_hash(b->hash, s->links[i].hash))
            return true;
    }
    return false;
}

/* Tries to link the segment to what is known; commits it when it links, when nothing is left below that it could
 * contradict, or when that lies too far below to be walked to (it is then checked by itself). */
static void resolve(struct event_tracker *t, struct segment *s, bool is_tip)
{
    if (!is_tip && outdated(t, s))
        s->n = 0;
    while (s->n > 0) {
        const struct link *first = &s->links[0];
        struct block *parent = first->number ? block_window_find(&t->window, first->number - 1, first->parent) : NULL;
        struct block *below = block_window_below(&t->window, first->number);
        if (parent && parent->status == BLOCK_ORPHAN && parent->has_parent && s->n < LINKS_MAX) {
            struct link back = link_of_block(parent);
            segment_prepend(s, &back);
            continue;
        }
        bool linked = !below || (parent && parent->status != BLOCK_ORPHAN);
        if (!linked && first->number - below->number <= GAP_MAX && s->n < LINKS_MAX)
            return; /* the parent's header is wanted */
        /* A parent that only a log has claimed stands on unknown blocks itself. */
        if (linked && parent && !parent->has_parent)
            below = block_window_below(&t->window, parent->number);
        if (below && !(linked && parent && parent->has_parent))
            commit_unlinked(t, s, is_tip, below);
        else
            commit(t, s, is_tip, first->number);
    }
}

/* ---- heads ---- */

/* Adds a head to those that wait to be linked: behind the one that is its parent, or alone. */
static void extend_ahead(struct event_tracker *t, const struct link *l)
{
    struct segment *s = &t->ahead;
    size_t n = s->n;
    while (n > 0 && !is_parent(l, s->links[n - 1].number, s->links[n - 1].hash))
        n--;
    if (n == LINKS_MAX) {
        struct block *below = block_window_below(&t->window, s->links[0].number);
        if (below)
            commit_unlinked(t, s, true, below);
        else
            commit(t, s, true, s->links[0].number);
        n = 0;
    }
    s->n = n;
    s->links[s->n++] = *l;
}

static void start_at(struct event_tracker *t, uint64_t number)
{
    t->started = true;
    t->unsettled = number == UINT64_MAX ? number : number + 1;
}

/* A head from below the linked stretch: the last one before it, which extends it, or one that comes late (another
 * endpoint, a swapped message) and says nothing. False when it contradicts what is known: a fork. */
static bool take_late_head(struct event_tracker *t, const struct link *l)
{
    const struct block *lowest = block_window_living(&t->window, t->linked_from);
    const struct block *there = block_window_living(&t->window, l->number);
    bool next_below = l->number + 1 == t->linked_from;
    if (next_below && lowest && lowest->has_parent && same_hash(lowest->parent, l->hash)) {
        struct segment alone;
        segment_set(&alone, l);
        commit(t, &alone, false, l->number);
        link_down(t, l);
        return true;
    }
    if (next_below && (!lowest || lowest->has_parent))
        return false;
    return !there || same_hash(there->hash, l->hash);
}

static void take_head(struct event_tracker *t, const struct link *l, bool polled)
{
    const struct block *known = block_window_find(&t->window, l->number, l->hash);
    if (known && known->status == BLOCK_CANONICAL)
        return;
    if (polled && t->has_tip && l->number <= t->head_number)
        return;
    if (t->has_tip && l->number < t->linked_from && take_late_head(t, l))
        return;
    if (l->number > t->head_number)
        t->head_number = l->number;
    if (t->has_tip && is_parent(l, t->tip.number, t->tip.hash))
        segment_set(&t->ahead, l);
    else
        extend_ahead(t, l);
    resolve(t, &t->ahead, true);
}

void tracker_head(struct event_tracker *t, const struct chain_head *head, bool polled)
{
    struct link l = link_of(head);
    if (!t->started)
        start_at(t, head->number);
    take_head(t, &l, polled);
    if (t->stream_up && !t->head_since_up) {
        t->head_since_up = true;
        tracker_urge(t, TRACKER_NOW);
    }
}

/* ---- headers that were asked for ---- */

static bool continues_below(const struct segment *s, const struct link *l)
{
    return s->n > 0 && s->n < LINKS_MAX && is_parent(&s->links[0], l->number, l->hash);
}

/* Clears the doubts about a number; false when there was none. */
static bool clear_suspects(struct event_tracker *t, uint64_t number)
{
    bool any = false;
    for (size_t i = block_window_at(&t->window, number); i < t->window.n && t->window.blocks[i]->number == number;
         i++) {
        any = any || t->window.blocks[i]->suspect;
        block_window_suspect(&t->window, t->window.blocks[i], false);
    }
    return any;
}

/* A block in doubt turned out right. Where only logs had claimed it, what they claimed below it is to be checked next.
 */
static void confirm(struct event_tracker *t, const struct block *b, const struct link *l)
{
    bool claimed = !b->has_parent;
    (void)canonise(t, l);
    struct block *below = claimed ? block_window_below(&t->window, l->number) : NULL;
    if (below && !(below->has_parent && same_hash(below->hash, l->parent)))
        block_window_suspect(&t->window, below, true);
}

/* The header of a number about which we are in doubt: either it is the block that we have, or a stretch of our chain is
 * wrong. */
static void compare(struct event_tracker *t, const struct link *l)
{
    if (t->side.n > 0 || !clear_suspects(t, l->number))
        return;
    const struct block *b = block_window_living(&t->window, l->number);
    if (b && same_hash(b->hash, l->hash)) {
        confirm(t, b, l);
        return;
    }
    segment_set(&t->side, l);
    resolve(t, &t->side, false);
}

void tracker_header(struct event_tracker *t, const struct chain_head *header)
{
    struct link l = link_of(header);
    if (continues_below(&t->ahead, &l)) {
        segment_prepend(&t->ahead, &l);
        resolve(t, &t->ahead, true);
    } else if (continues_below(&t->side, &l)) {
        segment_prepend(&t->side, &l);
        resolve(t, &t->side, false);
    } else {
        compare(t, &l);
    }
}

static bool want_parent(const struct segment *s, struct tracker_want *out)
{
    if (s->n == 0)
        return false;
    *out = (struct tracker_want){ .by_hash = true, .number = s->links[0].number - 1 };
    memcpy(out->hash, s->links[0].parent, 32);
    return true;
}

bool tracker_want(const struct event_tracker *t, struct tracker_want *out)
{
    if (want_parent(&t->ahead, out) || want_parent(&t->side, out))
        return true;
    if (t->window.n_suspect == 0)
        return false;
    for (size_t i = t->window.n; i-- > 0;)
        if (t->window.blocks[i]->suspect) {
            *out = (struct tracker_want){ .number = t->window.blocks[i]->number };
            return true;
        }
    return false;
}
