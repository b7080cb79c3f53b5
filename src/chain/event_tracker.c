/* The tracker's logs: judging, telling, taking back, holding, parking. */
#include "chain/event_tracker.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "chain/tracker_impl.h"
#include "util/buf.h"

struct event_tracker *tracker_new(const struct tracker_config *config)
{
    struct event_tracker *t = xcalloc(1, sizeof *t);
    t->config = *config;
    t->live_from = UINT64_MAX;
    if (config->start != UINT64_MAX) {
        t->started = true;
        t->unsettled = config->start;
    }
    return t;
}

static void log_list_clear(struct log_list *list)
{
    for (size_t i = 0; i < list->n; i++)
        log_entry_free(&list->logs[i].log);
    free(list->logs);
    *list = (struct log_list){ 0 };
}

static void log_list_push(struct log_list *list, struct log_entry *log, uint64_t received_us)
{
    if (list->n == list->cap) {
        list->cap = list->cap ? list->cap * 2 : 16;
        list->logs = reallocarray(list->logs, list->cap, sizeof *list->logs);
        if (!list->logs)
            abort();
    }
    list->bytes += log->data.len;
    list->logs[list->n++] = (struct waiting_log){ .log = *log, .received_us = received_us };
    *log = (struct log_entry){ 0 };
}

void tracker_free(struct event_tracker *t)
{
    if (!t)
        return;
    while (t->out_at < t->out_n)
        tracked_free(&t->out[t->out_at++]);
    free(t->out);
    log_list_clear(&t->held);
    log_list_clear(&t->parked);
    block_window_free(&t->window);
    free(t);
}

/* ---- out ---- */

static struct tracked *push_out(struct event_tracker *t)
{
    if (t->out_n == t->out_cap) {
        t->out_cap = t->out_cap ? t->out_cap * 2 : 16;
        t->out = reallocarray(t->out, t->out_cap, sizeof *t->out);
        if (!t->out)
            abort();
    }
    return &t->out[t->out_n++];
}

bool tracker_next(struct event_tracker *t, struct tracked *out)
{
    if (t->out_at == t->out_n)
        return false;
    *out = t->out[t->out_at++];
    if (t->out_at == t->out_n)
        t->out_at = t->out_n = 0;
    return true;
}

void tracked_free(struct tracked *tracked)
{
    chain_event_free(&tracked->ev);
    log_entry_free(&tracked->log);
}

void tracker_urge(struct event_tracker *t, enum tracker_urgency urgency)
{
    if (urgency > t->urgency)
        t->urgency = urgency;
}

enum tracker_urgency tracker_urgency(const struct event_tracker *t)
{
    return t->urgency;
}

bool tracker_in_pass(const struct event_tracker *t)
{
    return t->pass.active;
}

bool tracker_is_holding(const struct event_tracker *t)
{
    return t->hold;
}

const struct err *tracker_malformed(const struct event_tracker *t)
{
    return &t->malformed;
}

void tracker_set_overlap(struct event_tracker *t, uint64_t blocks)
{
    t->config.overlap_blocks = blocks;
}

void tracker_request_pass(struct event_tracker *t)
{
    tracker_urge(t, TRACKER_NOW);
}

bool tracker_is_live(const struct event_tracker *t)
{
    return t->stream_up && t->caught_up;
}

void tracker_stats(const struct event_tracker *t, struct tracker_stats *out)
{
    *out = t->stats;
    out->head_block = t->head_number;
    uint64_t frontier = tracker_frontier(t);
    out->settled_block = t->started && frontier > 0 ? frontier - 1 : 0;
    out->blocks_kept = t->window.n;
    out->events_kept = t->window.n_events;
    out->parked = t->parked.n;
    out->held = t->held.n;
}

/* ---- telling and taking back ---- */

static struct event_origin origin_of(const struct block *b, const struct event_record *r)
{
    struct event_origin o = { .block_number = b->number,
                              .log_index = r->log_index,
                              .block_timestamp_s = b->timestamp_s,
                              .received_us = r->received_us,
                              .backfilled = r->backfilled };
    memcpy(o.block_hash, b->hash, 32);
    memcpy(o.tx_hash, r->tx_hash, 32);
    return o;
}

/* A copy for the record: without the inputs, which may be large and serve nobody once the event is gone. */
static struct chain_event keepsake(const struct chain_event *ev)
{
    struct chain_event copy = *ev;
    if (copy.type == EVENT_JOB_CREATED) {
        size_t bytes = ev->u.job_created.n_selected * sizeof *ev->u.job_created.selected;
        copy.u.job_created.inputs = NULL;
        copy.u.job_created.inputs_len = 0;
        copy.u.job_created.selected = bytes ? xmemdup(ev->u.job_created.selected, bytes) : NULL;
    }
    return copy;
}

static void take_back_record(struct event_tracker *t, struct block *b, struct event_record *r)
{
    if (!r->delivered)
        return;
    *push_out(t) = (struct tracked){ .kind = TRACKED_REMOVED, .ev = r->ev, .origin = origin_of(b, r) };
    r->ev = (struct chain_event){ .type = EVENT_NONE };
    r->delivered = false;
    b->n_delivered--;
    t->stats.removed++;
}

void tracker_orphan(struct event_tracker *t, struct block *b)
{
    for (size_t i = b->n_events; i-- > 0;)
        take_back_record(t, b, &b->events[i]);
    b->status = BLOCK_ORPHAN;
    block_window_suspect(&t->window, b, false);
}

/* An event counts only from the contract that emits its kind. */
static bool right_contract(const struct event_tracker *t, enum event_type type, const struct address *from)
{
    bool of_executors = type >= EVENT_EXECUTOR_REGISTERED && type <= EVENT_EXECUTOR_STAKE_REMOVED;
    return address_eq(from, of_executors ? &t->config.executors : &t->config.jobs);
}

/* Decodes a log that is to be told. False: not ours, or malformed (counted). */
static bool decode(struct event_tracker *t, struct chain_event *ev, const struct log_entry *log)
{
    struct err e = { 0 };
    if (chain_event_decode(ev, log, &e) < 0) {
        t->stats.malformed++;
        t->malformed = e;
        return false;
    }
    if (ev->type == EVENT_NONE)
        return false;
    if (right_contract(t, ev->type, &log->address))
        return true;
    t->stats.malformed++;
    t->malformed = (struct err){ 0 };
    (void)err_set(&t->malformed, -EBADMSG, "%s: of the wrong contract", event_name(ev->type));
    chain_event_free(ev);
    return false;
}

static void tell(struct event_tracker *t, struct log_entry *log, struct chain_event *ev, enum log_source source,
                 uint64_t received_us)
{
    struct block *b = block_window_get(&t->window, log->block_number, log->block_hash);
    if (b->timestamp_s == 0)
        b->timestamp_s = log->block_timestamp_s;
    struct event_record *r = block_event_get(&t->window, b, log->log_index, log->tx_hash);
    r->delivered = true;
    r->backfilled = source == FROM_READ;
    r->heard = source == FROM_STREAM || b->number < t->live_from;
    r->told_seq = ++t->told_seq;
    r->read_seq = t->read_seq;
    r->received_us = received_us;
    r->ev = keepsake(ev);
    b->n_delivered++;
    t->stats.events++;
    t->stats.events_backfilled += source == FROM_READ;
    *push_out(t) = (struct tracked){ .kind = TRACKED_EVENT, .ev = *ev, .origin = origin_of(b, r), .log = *log };
    *log = (struct log_entry){ 0 };
}

void tracker_take(struct event_tracker *t, struct log_entry *log, enum log_source source, uint64_t received_us)
{
    struct block *b = block_window_find(&t->window, log->block_number, log->block_hash);
    struct event_record *r = b ? block_event_find(b, log->log_index, log->tx_hash) : NULL;
    if (r && r->delivered) {
        t->stats.duplicates++;
        if (source == FROM_READ)
            r->read_seq = t->read_seq;
        else
            r->heard = true;
    } else {
        struct chain_event ev;
        /* Something new where all was read: a fork below, or the reading missed it. */
        if (source == FROM_STREAM && t->started && log->block_number < t->unsettled &&
            !block_gaps_have(&t->older, log->block_number))
            tracker_unsettle(t, log->block_number);
        if (decode(t, &ev, log))
            tell(t, log, &ev, source, received_us);
    }
    log_entry_free(log);
}

/* ---- judging ---- */

static bool told_above(const struct event_tracker *t, uint64_t number)
{
    for (size_t i = t->window.n; i-- > 0 && t->window.blocks[i]->number > number;)
        if (t->window.blocks[i]->n_delivered > 0)
            return true;
    return false;
}

enum verdict tracker_judge(const struct event_tracker *t, const struct log_entry *log, enum log_source source)
{
    const struct block *b = block_window_find(&t->window, log->block_number, log->block_hash);
    if (t->config.start != UINT64_MAX && log->block_number < t->config.start)
        return LOG_FORGOTTEN;
    if (b)
        return b->status == BLOCK_ORPHAN ? LOG_STALE : LOG_TAKE;
    if (source == FROM_STREAM && log->block_number < t->window.floor)
        return LOG_FORGOTTEN;
    const struct block *rival = block_window_living(&t->window, log->block_number);
    if (rival)
        return tracker_is_certain(t, rival) ? LOG_STALE : LOG_CONTESTED;
    /* An unknown block below events that were told: a fork whose old events are not taken back yet, or a stream out of
     * order. The heads will tell. */
    if (source == FROM_STREAM && told_above(t, log->block_number))
        return LOG_OUT_OF_ORDER;
    if (source == FROM_STREAM && t->has_tip && log->block_number > t->head_number + KEEP_BLOCKS)
        return LOG_OUT_OF_ORDER;
    return LOG_TAKE;
}

/* ---- live logs ---- */

static void park(struct event_tracker *t, struct log_entry *log, uint64_t received_us)
{
    tracker_urge(t, TRACKER_SOON);
    if (t->parked.n < PARKED_MAX && t->parked.bytes < HELD_MAX_BYTES)
        log_list_push(&t->parked, log, received_us);
    log_entry_free(log); /* one too many: the next pass reads it */
}

static bool same_event(const struct log_entry *a, const struct log_entry *b)
{
    return a->block_number == b->block_number && a->log_index == b->log_index &&
           memcmp(a->block_hash, b->block_hash, 32) == 0 && memcmp(a->tx_hash, b->tx_hash, 32) == 0;
}

static void unpark(struct event_tracker *t, const struct log_entry *log)
{
    size_t kept = 0;
    for (size_t i = 0; i < t->parked.n; i++) {
        struct waiting_log *w = &t->parked.logs[i];
        if (same_event(&w->log, log)) {
            t->parked.bytes -= w->log.data.len;
            log_entry_free(&w->log);
        } else {
            t->parked.logs[kept++] = *w;
        }
    }
    t->parked.n = kept;
}

/* removed:true for a block older than memory: what was told of it is not known, so its event is taken back from the log
 * itself and the chain is read again from there. */
static void take_back_forgotten(struct event_tracker *t, struct log_entry *log, uint64_t received_us)
{
    struct chain_event ev;
    if (!decode(t, &ev, log))
        return;
    struct block b = { .number = log->block_number, .timestamp_s = log->block_timestamp_s };
    struct event_record r = { .log_index = log->log_index, .received_us = received_us };
    memcpy(b.hash, log->block_hash, 32);
    memcpy(r.tx_hash, log->tx_hash, 32);
    *push_out(t) = (struct tracked){ .kind = TRACKED_REMOVED, .ev = ev, .origin = origin_of(&b, &r), .log = *log };
    *log = (struct log_entry){ 0 };
    t->stats.removed++;
    tracker_urge(t, TRACKER_NOW);
}

/* removed:true: the log's block is no longer part of the chain, so none of its logs is. */
static void take_back(struct event_tracker *t, struct log_entry *log, uint64_t received_us)
{
    uint64_t number = log->block_number;
    unpark(t, log);
    if (number < t->window.floor) {
        take_back_forgotten(t, log, received_us);
    } else {
        struct block *b = block_window_get(&t->window, number, log->block_hash);
        t->fork_announced = t->fork_announced || b->status != BLOCK_ORPHAN;
        tracker_orphan(t, b);
        tracker_urge(t, TRACKER_SOON);
    }
    tracker_unsettle(t, number);
    log_entry_free(log);
}

static void take_live(struct event_tracker *t, struct log_entry *log, uint64_t received_us)
{
    if (log->removed) {
        take_back(t, log, received_us);
        return;
    }
    switch (tracker_judge(t, log, FROM_STREAM)) {
    case LOG_TAKE:
        tracker_take(t, log, FROM_STREAM, received_us);
        return;
    case LOG_STALE:
    case LOG_CONTESTED:
    case LOG_OUT_OF_ORDER:
        park(t, log, received_us);
        return;
    case LOG_FORGOTTEN:
        t->stats.duplicates++;
        log_entry_free(log);
        return;
    }
}

/* More logs than we hold: the pass after this one reads them all. */
static void drop_held(struct event_tracker *t)
{
    log_list_clear(&t->held);
    t->pass.counts = false;
    tracker_urge(t, TRACKER_NOW);
}

void tracker_log(struct event_tracker *t, struct log_entry *log, uint64_t received_us)
{
    if (!t->hold) {
        take_live(t, log, received_us);
    } else if (t->held.n < HELD_MAX && t->held.bytes < HELD_MAX_BYTES) {
        log_list_push(&t->held, log, received_us);
    } else {
        log_entry_free(log);
        drop_held(t);
    }
}

/* Lets the held logs go, in order of arrival. */
static void release_held(struct event_tracker *t)
{
    struct log_list held = t->held;
    t->held = (struct log_list){ 0 };
    t->hold = false;
    for (size_t i = 0; i < held.n; i++)
        take_live(t, &held.logs[i].log, held.logs[i].received_us);
    free(held.logs);
}

void tracker_replay_parked(struct event_tracker *t)
{
    if (t->parked.n == 0)
        return;
    struct log_list parked = t->parked;
    t->parked = (struct log_list){ 0 };
    for (size_t i = 0; i < parked.n; i++) {
        struct waiting_log *w = &parked.logs[i];
        const struct block *b = block_window_find(&t->window, w->log.block_number, w->log.block_hash);
        bool old = w->log.block_number + t->config.overlap_blocks < t->head_number;
        if (b && b->status != BLOCK_ORPHAN)
            tracker_take(t, &w->log, FROM_STREAM, w->received_us);
        else if (old)
            log_entry_free(&w->log);
        else
            log_list_push(&t->parked, &w->log, w->received_us);
    }
    free(parked.logs);
}

void tracker_stream_up(struct event_tracker *t)
{
    t->stream_up = true;
    t->hold = true;
    t->newest_read = t->caught_up = false;
    t->live_from = UINT64_MAX;
    t->head_since_up = false;
    t->pass.counts = false;
}

void tracker_stop_holding(struct event_tracker *t)
{
    if (t->hold)
        release_held(t);
}

void tracker_stream_down(struct event_tracker *t)
{
    t->stream_up = false;
    t->hold = false;
    t->newest_read = t->caught_up = false;
    t->live_from = UINT64_MAX;
    log_list_clear(&t->held);
    tracker_urge(t, TRACKER_SOON);
}

/* ---- memory ---- */

void tracker_trim(struct event_tracker *t)
{
    struct block_window *w = &t->window;
    uint64_t edge = t->started ? lower_of(tracker_frontier(t), t->head_number) : t->head_number;
    uint64_t keep = w->n_events > EVENTS_MAX ? t->config.overlap_blocks : KEEP_BLOCKS;
    if (keep < t->config.overlap_blocks)
        keep = t->config.overlap_blocks;
    if (edge > keep)
        block_window_forget(w, edge - keep);
    /* Nothing can be read for long while the stream goes on: memory stays bounded, at the price that events may be told
     * twice once reading works again. */
    while (w->n > 1 && (w->n > BLOCKS_HARD_MAX || w->n_events > EVENTS_HARD_MAX))
        block_window_forget(w, w->blocks[0]->number + 1);
}
