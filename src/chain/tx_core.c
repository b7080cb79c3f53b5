/* Nonces: what an event does beside the table, what receipts and the account's count mean. */
#include "chain/tx_core.h"

#include <assert.h>
#include <stdlib.h>
#include <utlist.h>

#include "chain/tx_core_int.h"
#include "util/sat.h"

#define BACKOFF_FIRST_MS 200u
#define BACKOFF_MAX_MS 5000u
#define REBROADCAST_MIN_MS 1000u
#define REBROADCAST_MAX_MS 60000u
#define LOST_NULLS 3u /* an endpoint behind a balancer may not have a receipt yet that the count includes */
#define LOST_AFTER_MS 1500u
#define GAS_RETRIES_MAX 3u
#define REVIVALS_MAX 3u
#define REFUSED_RETRIES 5u

/* ---- slots ---- */

static void free_attempts(struct tx_slot *slot)
{
    for (size_t i = 0; i < slot->n_attempts; i++)
        buf_free(&slot->attempts[i].raw);
    free(slot->attempts);
    slot->attempts = NULL;
    slot->n_attempts = 0;
}

void tx_slot_free(struct tx_slot *slot)
{
    free_attempts(slot);
    free(slot);
}

struct tx_attempt *tx_slot_sendable(const struct tx_slot *slot)
{
    for (size_t i = slot->n_attempts; i > 0; i--)
        if (!slot->attempts[i - 1].refused)
            return &slot->attempts[i - 1];
    return NULL;
}

/* Inclusion is open: the chain's next nonce cannot pass it by. */
bool txc_is_open(const struct tx_slot *slot)
{
    return slot->state == TXS_EMPTY || slot->state == TXS_OCCUPIED || tx_state_in_flight(slot->state);
}

struct tx_slot *txc_lowest_open(const struct tx_lane *lane)
{
    struct tx_slot *slot;
    DL_FOREACH(lane->slots, slot)
        if (txc_is_open(slot))
            return slot;
    return NULL;
}

uint32_t tx_lane_in_flight(const struct tx_lane *lane)
{
    uint32_t n = 0;
    struct tx_slot *slot;
    DL_FOREACH(lane->slots, slot)
        n += tx_state_in_flight(slot->state);
    return n;
}

bool tx_lane_settled(const struct tx_lane *lane)
{
    return !txc_lowest_open(lane);
}

struct tx_slot *txc_new_slot(struct tx_lane *lane, uint64_t nonce)
{
    struct tx_slot *slot = xcalloc(1, sizeof *slot), *above = lane->slots;
    slot->lane = lane;
    slot->nonce = nonce;
    slot->state = TXS_EMPTY;
    if (!above || above->prev->nonce < nonce) {
        DL_APPEND(lane->slots, slot);
        return slot;
    }
    while (above->nonce < nonce)
        above = above->next;
    assert(above->nonce > nonce);
    DL_PREPEND_ELEM(lane->slots, above, slot);
    return slot;
}

void txc_end_slot(struct tx_core *core, struct tx_slot *slot)
{
    struct tx_lane *lane = slot->lane;
    struct tx_call *call = txc_unbind(slot);
    if (call) {
        assert(call->told); /* the table never ends a slot with an open call on it */
        txc_drop_if_loose(core, call);
    }
    DL_DELETE(lane->slots, slot);
    if (lane->low == slot)
        lane->low = NULL;
    if (slot->state == TXS_RELEASED) {
        assert(slot->nonce + 1 == lane->next);
        lane->next--;
    }
    txc_todo(core, TODO_END, slot, NULL);
}

static uint64_t backoff_ms(unsigned tries)
{
    uint64_t ms = (uint64_t)BACKOFF_FIRST_MS << (tries < 8 ? tries : 8);
    return ms < BACKOFF_MAX_MS ? ms : BACKOFF_MAX_MS;
}

/* How long a pending one is left alone before its bytes are sent again: longer each time, but for what is soon useless
 * (an endpoint may have swallowed it). */
static uint64_t rebroadcast_ms(const struct tx_core *core, const struct tx_slot *slot, uint64_t now_ms)
{
    uint64_t least = core->stuck_after_ms / 3 + 1, age = now_ms - slot->signed_ms;
    uint64_t ms = age > least ? age : least;
    uint64_t left = slot->call ? sat_sub(slot->call->useless_after_ms, now_ms) : 0;
    if (left > 0 && left / 3 < ms)
        ms = left / 3 > REBROADCAST_MIN_MS ? left / 3 : REBROADCAST_MIN_MS;
    return ms < REBROADCAST_MAX_MS ? ms : REBROADCAST_MAX_MS;
}

/* One that waits for a lower nonce has that sent again no later than itself. */
static void hasten_lowest(const struct tx_slot *slot)
{
    struct tx_slot *low = txc_lowest_open(slot->lane);
    if (low && low->state == TXS_PENDING && low->due_ms > slot->due_ms)
        low->due_ms = slot->due_ms;
}

static void note_out(struct tx_slot *slot)
{
    slot->maybe_out = true;
    slot->surely_not_out = false;
}

/* What a state needs on entry, and what an event says beside the state. */
static void enter_state(struct tx_core *core, struct tx_slot *slot, enum tx_event event, uint64_t now_ms)
{
    if (event == TXE_RETRY || event == TXE_ABANDON || event == TXE_ADOPT)
        note_out(slot);
    switch (slot->state) {
    case TXS_EMPTY:
        if (!slot->maybe_out)
            free_attempts(slot);
        break;
    case TXS_BACKOFF:
        slot->due_ms = now_ms + backoff_ms(slot->retries++);
        break;
    case TXS_REPRICING:
        slot->due_ms = UINT64_MAX; /* until the shell knows */
        slot->reprices++;
        break;
    case TXS_PENDING:
        slot->retries = slot->reprices = 0;
        slot->due_ms = now_ms + rebroadcast_ms(core, slot, now_ms);
        hasten_lowest(slot);
        break;
    case TXS_CHECKING:
    case TXS_MINED:
        slot->nulls = 0;
        slot->doubt = false;
        break;
    default:
        break;
    }
}

static void act(struct tx_core *core, struct tx_slot *slot, enum tx_action action)
{
    switch (action) {
    case TXA_NONE:
        break;
    case TXA_SIGN:
        txc_todo(core, TODO_SIGN, slot, NULL);
        break;
    case TXA_RESEND:
        if (tx_slot_sendable(slot))
            txc_todo(core, TODO_RESEND, slot, NULL);
        break;
    case TXA_REPRICE:
        txc_todo(core, TODO_REPRICE, slot, NULL);
        break;
    case TXA_ASK_RECEIPT:
        txc_todo(core, TODO_ASK_RECEIPT, slot, NULL);
        break;
    case TXA_EXPLAIN:
        txc_todo(core, TODO_EXPLAIN, slot, NULL);
        break;
    case TXA_CONFIRM: /* stays on the slot: it is needed again if the block goes */
        if (slot->call)
            txc_tell(core, slot->call, TX_CONFIRMED);
        break;
    case TXA_REVERT:
    case TXA_REFUSE:
        txc_end_call(core, slot, TX_REVERTED);
        break;
    case TXA_EXPIRE:
        txc_end_call(core, slot, TX_EXPIRED);
        break;
    case TXA_REQUEUE:
        txc_requeue(core, slot);
        break;
    case TXA_MORE_GAS:
        txc_more_gas(core, slot);
        break;
    }
}

/* Whether what was written down about the nonce is of no use to a next life of the node: its call has gone elsewhere,
 * or what was sent is over. (A slot that ends says so by that.) */
static bool is_settled(const struct tx_slot *slot, enum tx_action action, bool moved)
{
    if (action == TXA_REQUEUE || action == TXA_REFUSE || action == TXA_MORE_GAS)
        return true;
    return moved && slot->state == TXS_MINED && !slot->call;
}

/* While an older attempt may be in a pool, a refusal of the newest does not free the call: the older one may yet be
 * included, or be the very reason for the refusal. */
static enum tx_event weighed(const struct tx_slot *slot, enum tx_event event)
{
    bool waits_for_verdict = slot->state == TXS_SENDING || slot->state == TXS_REPRICING;
    if (!waits_for_verdict || !slot->maybe_out)
        return event;
    if (event == TXE_FUNDS || (event == TXE_REFUSED && slot->retries < REFUSED_RETRIES))
        return TXE_RETRY;
    return event;
}

void tx_core_event(struct tx_core *core, struct tx_slot *slot, enum tx_event event, uint64_t now_ms)
{
    if (event == TXE_FUNDS && (slot->state == TXS_SENDING || slot->state == TXS_REPRICING))
        slot->lane->starved = true;
    event = weighed(slot, event);
    struct tx_rule rule = tx_rule(slot->state, event);
    if (rule.next == TXS_NONE) {
        core->refused++;
        return;
    }
    bool moved = slot->state != rule.next, due_again = event == TXE_DUE;
    slot->state = rule.next;
    if (moved)
        slot->state_ms = now_ms;
    if (event == TXE_ACCEPTED)
        note_out(slot);
    if (event == TXE_NONCE_LOW)
        slot->surely_not_out = slot->broadcasts <= 1 && !slot->maybe_out;
    if (moved || due_again)
        enter_state(core, slot, event, now_ms);
    act(core, slot, rule.action);
    if (rule.action == TXA_RESEND && !tx_slot_sendable(slot)) /* every attempt was refused: a new one, then */
        tx_core_event(core, slot, TXE_PRICE, now_ms);
    if (tx_state_is_end(slot->state))
        txc_end_slot(core, slot);
    else if (is_settled(slot, rule.action, moved))
        txc_todo(core, TODO_SETTLE, slot, NULL);
}

/* ---- receipts ---- */

/* Confirmed, then lost by a reorganisation, and now included where it reverts: what it is about comes behind it on this
 * branch. It is sent anew, as one is whose nonce was lost. */
static bool is_to_be_revived(struct tx_call *call, bool ok, uint64_t now_ms)
{
    if (ok || !call || !call->told || call->outcome != TX_CONFIRMED || now_ms >= call->useless_after_ms)
        return false;
    return call->revivals++ < REVIVALS_MAX;
}

void tx_core_included(struct tx_core *core, struct tx_slot *slot, size_t attempt, bool ok, bool short_gas,
                      uint64_t now_ms)
{
    struct tx_call *call = slot->call;
    slot->nulls = 0;
    slot->doubt = false;
    if (slot->state == TXS_MINED || slot->state == TXS_EXPLAINING)
        return;
    enum tx_event event = TXE_INCLUDED;
    if (slot->attempts[attempt].call_id != (call ? call->id : 0) || is_to_be_revived(call, ok, now_ms))
        event = TXE_INCLUDED_OTHER;
    else if (call && !call->told && !ok)
        event = short_gas && call->gas_retries < GAS_RETRIES_MAX && now_ms < call->useless_after_ms
                    ? TXE_INCLUDED_SHORT
                    : TXE_INCLUDED_REVERTED;
    tx_core_event(core, slot, event, now_ms);
}

/* One that went out a single time and came back as "nonce too low" cannot have been included unseen; any other may be
 * in a block whose receipt the endpoint does not have yet. */
static bool is_lost(const struct tx_slot *slot, uint64_t now_ms)
{
    const struct tx_lane *lane = slot->lane;
    if (!lane->chain_nonce_known || lane->chain_nonce <= slot->nonce)
        return false;
    if (slot->surely_not_out)
        return slot->nulls > 0;
    return slot->nulls >= LOST_NULLS && now_ms - slot->state_ms >= LOST_AFTER_MS;
}

static void lose(struct tx_core *core, struct tx_slot *slot, uint64_t now_ms)
{
    core->resyncs++;
    tx_core_event(core, slot, TXE_LOST, now_ms);
}

/* The call is told as expired; what may be in a pool is replaced by a fill, which costs less than a call too late. */
void txc_abandon(struct tx_core *core, struct tx_slot *slot, uint64_t now_ms)
{
    tx_core_event(core, slot, TXE_ABANDON, now_ms);
    if (slot->state == TXS_PENDING && slot->n_attempts < TX_ATTEMPTS_MAX)
        tx_core_event(core, slot, TXE_STUCK, now_ms);
}

void tx_core_no_receipt(struct tx_core *core, struct tx_slot *slot, uint64_t now_ms)
{
    slot->nulls++;
    if (slot->state == TXS_MINED) {
        slot->doubt = true;
        if (slot->nulls > 1)
            tx_core_event(core, slot, TXE_GONE, now_ms);
    } else if (slot->state == TXS_CHECKING) {
        if (is_lost(slot, now_ms))
            lose(core, slot, now_ms);
    } else if (slot->expiring && tx_state_in_flight(slot->state)) {
        txc_abandon(core, slot, now_ms);
    }
}

/* ---- the account's nonce ---- */

static void count_for_slot(struct tx_core *core, struct tx_slot *slot, uint64_t count, uint64_t now_ms)
{
    if (slot->nonce < count) {
        if (slot->state == TXS_CHECKING && is_lost(slot, now_ms))
            lose(core, slot, now_ms);
        else if (txc_is_open(slot))
            tx_core_event(core, slot, TXE_USED, now_ms);
    } else if (slot->state == TXS_CHECKING) {
        tx_core_event(core, slot, TXE_UNUSED, now_ms);
    } else if (slot->state == TXS_MINED) {
        txc_todo(core, TODO_ASK_RECEIPT, slot, NULL);
    }
}

void tx_core_count(struct tx_core *core, struct tx_lane *lane, uint64_t count, uint64_t now_ms)
{
    lane->chain_nonce = count;
    lane->chain_nonce_known = true;
    struct tx_slot *slot, *next;
    DL_FOREACH_SAFE(lane->slots, slot, next)
        count_for_slot(core, slot, count, now_ms);
    if (count > lane->next) {
        lane->next = count;
        core->resyncs++;
    }
}
