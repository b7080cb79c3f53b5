/* Accounts: which nonce an intent gets, holes and gaps, time. */
#include "chain/tx_core.h"

#include <assert.h>
#include <stdlib.h>
#include <utlist.h>

#include "chain/tx_core_int.h"

#define STUCK_MIN_HEADS 2u /* no price helps while no blocks come */
#define OCCUPIED_PARTS 5u  /* of that time: a stranger's that is not included soon is none, or holds up all of ours */
#define EXPIRY_ASK_MS 1000u
#define EXPIRY_GRACE_MS 60000u /* nobody can be asked for so long after the end: it is the end */
#define GAP_MAX 64u            /* more missing nonces than this are another chain, not lost transactions */

/* ---- lanes ---- */

struct tx_lane *tx_core_use(struct tx_core *core, const struct address *account, uint64_t nonce, uint64_t now_ms)
{
    struct tx_lane *lane;
    for (lane = core->lanes; lane; lane = lane->next_lane)
        if (address_eq(&lane->account, account))
            break;
    if (!lane) {
        lane = xcalloc(1, sizeof *lane);
        lane->account = *account;
        lane->next = nonce;
        LL_APPEND2(core->lanes, lane, next_lane);
    } else if (!lane->slots || lane->slots->prev->nonce < nonce) {
        lane->next = nonce;
    }
    if (core->active)
        core->active->retired = true;
    lane->retired = false;
    lane->starved = false;
    core->active = lane;
    tx_core_pump(core, now_ms);
    return lane;
}

void tx_core_forget_lane(struct tx_core *core, struct tx_lane *lane)
{
    assert(lane->retired && !lane->slots && lane != core->active);
    LL_DELETE2(core->lanes, lane, next_lane);
}

static struct tx_slot *lowest_empty(const struct tx_lane *lane)
{
    struct tx_slot *slot;
    DL_FOREACH(lane->slots, slot)
        if (slot->state == TXS_EMPTY)
            return slot;
    return NULL;
}

static void put_on(struct tx_core *core, struct tx_slot *slot, struct tx_call *call, uint64_t now_ms)
{
    slot->call = call;
    if (call)
        call->slot = slot;
    slot->lane->sends++;
    tx_core_event(core, slot, TXE_BIND, now_ms);
}

static struct tx_slot *slot_at(struct tx_lane *lane, uint64_t nonce)
{
    struct tx_slot *slot;
    DL_SEARCH_SCALAR(lane->slots, slot, nonce, nonce);
    if (slot)
        return slot;
    while (lane->next < nonce && nonce - lane->next <= GAP_MAX) /* unused below used ones: to be filled */
        (void)txc_new_slot(lane, lane->next++);
    if (lane->next <= nonce)
        lane->next = nonce + 1;
    return txc_new_slot(lane, nonce);
}

uint64_t tx_core_adopt(struct tx_core *core, struct tx_call *call, uint64_t nonce, const struct tx_attempt *attempt,
                       uint64_t now_ms)
{
    struct tx_slot *slot = slot_at(core->active, nonce);
    struct tx_attempt *grown = realloc(slot->attempts, (slot->n_attempts + 1) * sizeof *grown);
    if (!grown)
        abort();
    slot->attempts = grown;
    grown[slot->n_attempts++] = *attempt;
    if (call) {
        txc_requeue(core, slot); /* what was on the nonce before had left it when this was signed */
        call->id = ++core->last_id;
        call->slot = slot;
        slot->call = call;
    }
    uint64_t id = slot->call ? slot->call->id : 0;
    grown[slot->n_attempts - 1].call_id = attempt->call_id ? id : 0;
    slot->signed_ms = now_ms;
    slot->broadcasts++;
    if (slot->state == TXS_EMPTY) {
        core->active->sends++;
        tx_core_event(core, slot, TXE_ADOPT, now_ms);
    }
    return attempt->call_id ? id : 0;
}

/* Empty nonces at the top are given back. */
static void release_top(struct tx_core *core, struct tx_lane *lane, uint64_t now_ms)
{
    while (lane->slots) {
        struct tx_slot *last = lane->slots->prev;
        if (last->state != TXS_EMPTY || last->maybe_out || last->nonce + 1 != lane->next)
            break;
        tx_core_event(core, last, TXE_RELEASE, now_ms);
    }
}

/* A retired account without funds: nothing above an empty nonce can be included there, so it goes out under the new
 * key. */
static void give_up(struct tx_core *core, struct tx_lane *lane, uint64_t now_ms)
{
    struct tx_slot *from = lowest_empty(lane), *slot, *next;
    if (!from)
        return;
    lane->next = from->nonce;
    for (slot = from; slot; slot = next) {
        next = slot->next;
        if (txc_is_open(slot))
            tx_core_event(core, slot, TXE_LOST, now_ms);
        else
            lane->next = slot->nonce + 1;
    }
}

/* Nothing is left empty: what cannot be given back is filled. */
static void close_holes(struct tx_core *core, struct tx_lane *lane, uint64_t now_ms)
{
    release_top(core, lane, now_ms);
    if (lane->starved && lane->retired)
        give_up(core, lane, now_ms);
    if (!core->open || lane->starved)
        return;
    struct tx_slot *slot;
    while ((slot = lowest_empty(lane)))
        put_on(core, slot, NULL, now_ms);
}

void tx_core_pump(struct tx_core *core, uint64_t now_ms)
{
    struct tx_lane *lane;
    for (lane = core->lanes; lane; lane = lane->next_lane)
        if (lane->retired)
            close_holes(core, lane, now_ms);
    lane = core->active;
    if (!lane)
        return;
    uint32_t in_flight = tx_lane_in_flight(lane);
    struct tx_call *call;
    while (core->open && !lane->starved && (call = txc_next_call(core, in_flight, now_ms))) {
        struct tx_slot *slot = lowest_empty(lane);
        put_on(core, slot ? slot : txc_new_slot(lane, lane->next++), call, now_ms);
        in_flight++;
    }
    close_holes(core, lane, now_ms);
}

/* ---- time ---- */

/* Puts slots on the nonces from..below that have none. */
static void fill_in(struct tx_core *core, struct tx_lane *lane, uint64_t from, uint64_t below)
{
    bool any = false;
    for (uint64_t nonce = from; nonce < below; nonce++) {
        struct tx_slot *slot;
        DL_SEARCH_SCALAR(lane->slots, slot, nonce, nonce);
        if (slot)
            continue;
        (void)txc_new_slot(lane, nonce);
        any = true;
    }
    core->resyncs += any;
}

/* Every nonce from the chain's up to the lowest of ours needs a transaction; where that is out of all proportion the
 * account begins anew at the chain's nonce. */
static void open_gap(struct tx_core *core, struct tx_lane *lane, uint64_t above, uint64_t now_ms)
{
    if (above - lane->chain_nonce <= GAP_MAX) {
        fill_in(core, lane, lane->chain_nonce, above);
        return;
    }
    core->resyncs++;
    struct tx_slot *slot, *next;
    DL_FOREACH_SAFE(lane->slots, slot, next)
        if (txc_is_open(slot))
            tx_core_event(core, slot, TXE_LOST, now_ms);
    lane->next =
        lane->slots && lane->slots->prev->nonce >= lane->chain_nonce ? lane->slots->prev->nonce + 1 : lane->chain_nonce;
}

/* The lowest open nonce holds up all others: only its waiting time counts. */
static void tick_low(struct tx_core *core, struct tx_lane *lane, uint64_t now_ms)
{
    struct tx_slot *low = txc_lowest_open(lane);
    if (low != lane->low) {
        lane->low = low;
        lane->low_since_ms = now_ms;
    }
    if (!low || (low->state != TXS_PENDING && low->state != TXS_BACKOFF && low->state != TXS_OCCUPIED))
        return;
    uint64_t since = low->signed_ms > lane->low_since_ms ? low->signed_ms : lane->low_since_ms;
    uint64_t patience = core->stuck_after_ms;
    if (low->state == TXS_OCCUPIED)
        patience /= OCCUPIED_PARTS;
    if (now_ms - since < patience)
        return;
    if (lane->chain_nonce_known && lane->chain_nonce < low->nonce)
        open_gap(core, lane, low->nonce, now_ms);
    else if (low->state != TXS_BACKOFF && core->heads >= low->signed_head + STUCK_MIN_HEADS &&
             low->n_attempts < TX_ATTEMPTS_MAX)
        tx_core_event(core, low, TXE_STUCK, now_ms);
}

static void tick_expiry(struct tx_core *core, struct tx_slot *slot, uint64_t now_ms)
{
    struct tx_call *call = slot->call;
    if (!call || now_ms < call->useless_after_ms || !tx_state_in_flight(slot->state) || slot->state == TXS_CHECKING)
        return;
    if (slot->expiring && now_ms - call->useless_after_ms >= EXPIRY_GRACE_MS) {
        txc_abandon(core, slot, now_ms);
    } else if (!slot->expiring || now_ms - slot->asked_ms >= EXPIRY_ASK_MS) {
        slot->expiring = true;
        slot->asked_ms = now_ms;
        txc_todo(core, TODO_ASK_RECEIPT, slot, NULL);
    }
}

static void tick_slot(struct tx_core *core, struct tx_slot *slot, uint64_t now_ms)
{
    tick_expiry(core, slot, now_ms);
    if (now_ms < slot->due_ms)
        return;
    if (slot->state == TXS_BACKOFF || slot->state == TXS_PENDING)
        tx_core_event(core, slot, TXE_DUE, now_ms);
    else if (slot->state == TXS_REPRICING)
        tx_core_event(core, slot, TXE_PRICED, now_ms);
}

void tx_core_tick(struct tx_core *core, uint64_t now_ms)
{
    txc_expire_waiting(core, now_ms);
    struct tx_lane *lane;
    for (lane = core->lanes; lane; lane = lane->next_lane) {
        struct tx_slot *slot, *next;
        DL_FOREACH_SAFE(lane->slots, slot, next)
            tick_slot(core, slot, now_ms);
        tick_low(core, lane, now_ms);
    }
    tx_core_pump(core, now_ms);
}

void tx_core_close(struct tx_core *core)
{
    struct tx_lane *lane;
    for (lane = core->lanes; lane; lane = lane->next_lane) {
        struct tx_slot *slot, *next;
        DL_FOREACH_SAFE(lane->slots, slot, next) {
            txc_end_call(core, slot, TX_CANCELLED);
            slot->state = TXS_LOST;
            txc_end_slot(core, slot);
        }
    }
    for (int kind = 0; kind < TX_KIND_COUNT; kind++) {
        while (core->waiting[kind]) {
            struct tx_call *call = core->waiting[kind];
            txc_leave_queue(core, call);
            txc_tell(core, call, TX_CANCELLED);
            txc_drop_if_loose(core, call);
        }
    }
}

void tx_core_idle_count(struct tx_core *core, struct tx_lane *lane, uint64_t count, uint64_t sends)
{
    if (lane->sends != sends || txc_lowest_open(lane))
        return;
    bool confirmed = lane->idle_count_known && lane->idle_count == count;
    lane->idle_count = count;
    lane->idle_count_known = true;
    if (!confirmed || count == lane->next)
        return;
    if (lane->slots && lane->slots->prev->nonce >= count)
        return; /* mined ones that the chain does not count any more come first */
    lane->next = count;
    core->resyncs++;
}
