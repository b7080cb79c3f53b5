#include "chain/tx_core.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#define BACKOFF_FIRST_MS 200u
#define BACKOFF_MAX_MS 5000u
#define REBROADCAST_MAX_MS 60000u
#define STUCK_MIN_HEADS 2u /* no price helps while no blocks come */
#define LOST_NULLS 3u      /* an endpoint behind a balancer may not have a receipt yet that the count includes */
#define LOST_AFTER_MS 1500u
#define EXPIRY_ASK_MS 1000u
#define EXPIRY_GRACE_MS 60000u /* nobody can be asked for so long after the end: it is the end */
#define GAP_MAX 64u            /* more missing nonces than this are another chain, not lost transactions */
#define GAS_RETRIES_MAX 3u

/* ---- things to do ---- */

static void todo(struct tx_core *core, enum tx_todo_type type, struct tx_slot *slot, struct tx_call *call)
{
    struct tx_todo entry = { type, slot, call };
    buf_append(&core->todo, &entry, sizeof entry);
}

bool tx_core_next(struct tx_core *core, struct tx_todo *out)
{
    if (core->todo_at == core->todo.len) {
        buf_reset(&core->todo);
        core->todo_at = 0;
        return false;
    }
    memcpy(out, core->todo.data + core->todo_at, sizeof *out);
    core->todo_at += sizeof *out;
    return true;
}

/* ---- calls ---- */

bool tx_call_is_loose(const struct tx_call *call)
{
    return call->told && call->delivered && !call->slot && !call->waiting;
}

static void drop_if_loose(struct tx_core *core, struct tx_call *call)
{
    if (tx_call_is_loose(call))
        todo(core, TODO_DROP, NULL, call);
}

static void tell(struct tx_core *core, struct tx_call *call, enum tx_outcome outcome)
{
    if (call->told)
        return;
    call->told = true;
    call->outcome = outcome;
    todo(core, TODO_TELL, NULL, call);
}

static void leave_queue(struct tx_core *core, struct tx_call *call)
{
    assert(call->waiting);
    DL_DELETE(core->waiting[call->kind], call);
    core->n_waiting--;
    call->waiting = false;
    call->held = false;
}

/* Older calls first within a kind; a call that comes back takes its old place. */
static void enter_queue(struct tx_core *core, struct tx_call *call)
{
    assert(!call->waiting && !call->slot);
    struct tx_call **queue = &core->waiting[call->kind], *at = *queue;
    if (!at || at->prev->id < call->id) {
        DL_APPEND(*queue, call);
    } else {
        while (at->id < call->id)
            at = at->next;
        DL_PREPEND_ELEM(*queue, at, call);
    }
    core->n_waiting++;
    call->waiting = true;
}

static struct tx_call *unbind(struct tx_slot *slot)
{
    struct tx_call *call = slot->call;
    slot->call = NULL;
    slot->expiring = false;
    if (call)
        call->slot = NULL;
    return call;
}

/* A call that was told as confirmed and then lost by a reorganisation is sent again without another word. */
static void requeue(struct tx_core *core, struct tx_slot *slot)
{
    struct tx_call *call = unbind(slot);
    if (!call)
        return;
    if (!call->told || call->outcome == TX_CONFIRMED)
        enter_queue(core, call);
    else
        drop_if_loose(core, call);
}

static void end_call(struct tx_core *core, struct tx_slot *slot, enum tx_outcome outcome)
{
    struct tx_call *call = unbind(slot);
    if (!call)
        return;
    tell(core, call, outcome);
    drop_if_loose(core, call);
}

static void more_gas(struct tx_core *core, struct tx_slot *slot)
{
    struct tx_call *call = slot->call;
    requeue(core, slot);
    if (!call || call->told)
        return;
    call->held = true;
    call->gas_retries++;
    todo(core, TODO_ESTIMATE, NULL, call);
}

void tx_core_push(struct tx_core *core, struct tx_call *call)
{
    call->id = ++core->last_id;
    enter_queue(core, call);
}

bool tx_core_cancel(struct tx_core *core, uint64_t id)
{
    for (int kind = 0; kind < TX_KIND_COUNT; kind++) {
        struct tx_call *call;
        DL_FOREACH(core->waiting[kind], call) {
            if (call->id != id || call->told)
                continue;
            leave_queue(core, call);
            tell(core, call, TX_CANCELLED);
            return true;
        }
    }
    return false;
}

void tx_core_estimated(struct tx_core *core, struct tx_call *call, bool reverts, uint64_t gas_at_least)
{
    if (!call->held)
        return;
    call->held = false;
    if (call->gas_at_least < gas_at_least)
        call->gas_at_least = gas_at_least;
    if (!reverts)
        return;
    leave_queue(core, call);
    tell(core, call, TX_REVERTED);
}

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

void tx_call_free(struct tx_call *call)
{
    free(call->data);
    free(call);
}

struct tx_attempt *tx_slot_sendable(const struct tx_slot *slot)
{
    for (size_t i = slot->n_attempts; i > 0; i--)
        if (!slot->attempts[i - 1].refused)
            return &slot->attempts[i - 1];
    return NULL;
}

/* Inclusion is open: the chain's next nonce cannot pass it by. */
static bool is_open(const struct tx_slot *slot)
{
    return slot->state == TXS_EMPTY || slot->state == TXS_OCCUPIED || tx_state_in_flight(slot->state);
}

static struct tx_slot *lowest_open(const struct tx_lane *lane)
{
    struct tx_slot *slot;
    DL_FOREACH(lane->slots, slot)
        if (is_open(slot))
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
    return !lowest_open(lane);
}

static struct tx_slot *new_slot(struct tx_lane *lane, uint64_t nonce)
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

static void end_slot(struct tx_core *core, struct tx_slot *slot)
{
    struct tx_lane *lane = slot->lane;
    struct tx_call *call = unbind(slot);
    if (call) {
        assert(call->told); /* the table never ends a slot with an open call on it */
        drop_if_loose(core, call);
    }
    DL_DELETE(lane->slots, slot);
    if (lane->low == slot)
        lane->low = NULL;
    if (slot->state == TXS_RELEASED) {
        assert(slot->nonce + 1 == lane->next);
        lane->next--;
    }
    todo(core, TODO_END, slot, NULL);
}

static uint64_t backoff_ms(unsigned tries)
{
    uint64_t ms = (uint64_t)BACKOFF_FIRST_MS << (tries < 8 ? tries : 8);
    return ms < BACKOFF_MAX_MS ? ms : BACKOFF_MAX_MS;
}

/* How long a pending one is left alone before its bytes are sent again: longer each time. */
static uint64_t rebroadcast_ms(const struct tx_core *core, const struct tx_slot *slot, uint64_t now_ms)
{
    uint64_t least = core->stuck_after_ms / 3 + 1, age = now_ms - slot->signed_ms;
    uint64_t ms = age > least ? age : least;
    return ms < REBROADCAST_MAX_MS ? ms : REBROADCAST_MAX_MS;
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
    if (event == TXE_FUNDS && slot->state == TXS_EMPTY)
        slot->lane->starved = true;
    switch (slot->state) {
    case TXS_EMPTY:
        if (!slot->maybe_out) {
            slot->forgot = slot->forgot || slot->n_attempts;
            free_attempts(slot);
        }
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
        todo(core, TODO_SIGN, slot, NULL);
        break;
    case TXA_RESEND:
        if (tx_slot_sendable(slot))
            todo(core, TODO_RESEND, slot, NULL);
        break;
    case TXA_REPRICE:
        todo(core, TODO_REPRICE, slot, NULL);
        break;
    case TXA_ASK_RECEIPT:
        todo(core, TODO_ASK_RECEIPT, slot, NULL);
        break;
    case TXA_EXPLAIN:
        todo(core, TODO_EXPLAIN, slot, NULL);
        break;
    case TXA_CONFIRM: /* stays on the slot: it is needed again if the block goes */
        if (slot->call)
            tell(core, slot->call, TX_CONFIRMED);
        break;
    case TXA_REVERT:
    case TXA_REFUSE:
        end_call(core, slot, TX_REVERTED);
        break;
    case TXA_EXPIRE:
        end_call(core, slot, TX_EXPIRED);
        break;
    case TXA_REQUEUE:
        requeue(core, slot);
        break;
    case TXA_MORE_GAS:
        more_gas(core, slot);
        break;
    }
}

void tx_core_event(struct tx_core *core, struct tx_slot *slot, enum tx_event event, uint64_t now_ms)
{
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
        end_slot(core, slot);
}

/* ---- receipts ---- */

void tx_core_included(struct tx_core *core, struct tx_slot *slot, size_t attempt, bool ok, bool short_gas,
                      uint64_t now_ms)
{
    struct tx_call *call = slot->call;
    slot->nulls = 0;
    slot->doubt = false;
    if (slot->state == TXS_MINED || slot->state == TXS_EXPLAINING)
        return;
    enum tx_event event = TXE_INCLUDED;
    if (slot->attempts[attempt].call_id != (call ? call->id : 0))
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
static void abandon(struct tx_core *core, struct tx_slot *slot, uint64_t now_ms)
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
        abandon(core, slot, now_ms);
    }
}

/* ---- the account's nonce ---- */

static void count_for_slot(struct tx_core *core, struct tx_slot *slot, uint64_t count, uint64_t now_ms)
{
    if (slot->nonce < count) {
        if (slot->state == TXS_CHECKING && is_lost(slot, now_ms))
            lose(core, slot, now_ms);
        else if (is_open(slot))
            tx_core_event(core, slot, TXE_USED, now_ms);
    } else if (slot->state == TXS_CHECKING) {
        tx_core_event(core, slot, TXE_UNUSED, now_ms);
    } else if (slot->state == TXS_MINED) {
        todo(core, TODO_ASK_RECEIPT, slot, NULL);
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

void tx_core_idle_count(struct tx_core *core, struct tx_lane *lane, uint64_t count, uint64_t sends)
{
    if (lane->sends != sends || lowest_open(lane))
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

/* ---- lanes ---- */

struct tx_lane *tx_core_use(struct tx_core *core, const struct address *account, uint64_t nonce, uint64_t now_ms)
{
    struct tx_lane *lane;
    LL_FOREACH2(core->lanes, lane, next_lane)
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

/* The next call that may go out now, taken out of the queue. Slashes leave a quarter of the room to submits. */
static struct tx_call *next_call(struct tx_core *core, uint32_t in_flight, uint64_t now_ms)
{
    uint32_t for_others = core->max_in_flight - core->max_in_flight / 4;
    for (int kind = 0; kind < TX_KIND_COUNT; kind++) {
        if (in_flight >= (kind == TX_SUBMIT_OUTPUT ? core->max_in_flight : for_others))
            continue;
        struct tx_call *call, *following;
        DL_FOREACH_SAFE(core->waiting[kind], call, following) {
            if (call->held)
                continue;
            leave_queue(core, call);
            if (call->told || now_ms < call->useless_after_ms)
                return call;
            tell(core, call, TX_EXPIRED);
        }
    }
    return NULL;
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
    slot = new_slot(lane, nonce);
    if (lane->next <= nonce)
        lane->next = nonce + 1;
    return slot;
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
        requeue(core, slot); /* what was on the nonce before had left it when this was signed */
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
        if (is_open(slot))
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
    LL_FOREACH2(core->lanes, lane, next_lane)
    if (lane->retired)
        close_holes(core, lane, now_ms);
    lane = core->active;
    if (!lane)
        return;
    uint32_t in_flight = tx_lane_in_flight(lane);
    struct tx_call *call;
    while (core->open && !lane->starved && (call = next_call(core, in_flight, now_ms))) {
        struct tx_slot *slot = lowest_empty(lane);
        put_on(core, slot ? slot : new_slot(lane, lane->next++), call, now_ms);
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
        (void)new_slot(lane, nonce);
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
        if (is_open(slot))
            tx_core_event(core, slot, TXE_LOST, now_ms);
    lane->next =
        lane->slots && lane->slots->prev->nonce >= lane->chain_nonce ? lane->slots->prev->nonce + 1 : lane->chain_nonce;
}

/* The lowest open nonce holds up all others: only its waiting time counts. */
static void tick_low(struct tx_core *core, struct tx_lane *lane, uint64_t now_ms)
{
    struct tx_slot *low = lowest_open(lane);
    if (low != lane->low) {
        lane->low = low;
        lane->low_since_ms = now_ms;
    }
    if (!low || (low->state != TXS_PENDING && low->state != TXS_BACKOFF && low->state != TXS_OCCUPIED))
        return;
    uint64_t since = low->signed_ms > lane->low_since_ms ? low->signed_ms : lane->low_since_ms;
    if (now_ms - since < core->stuck_after_ms)
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
    if (!call || call->told || now_ms < call->useless_after_ms || !tx_state_in_flight(slot->state) ||
        slot->state == TXS_CHECKING)
        return;
    if (slot->expiring && now_ms - call->useless_after_ms >= EXPIRY_GRACE_MS) {
        abandon(core, slot, now_ms);
    } else if (!slot->expiring || now_ms - slot->asked_ms >= EXPIRY_ASK_MS) {
        slot->expiring = true;
        slot->asked_ms = now_ms;
        todo(core, TODO_ASK_RECEIPT, slot, NULL);
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

static void expire_waiting(struct tx_core *core, uint64_t now_ms)
{
    for (int kind = 0; kind < TX_KIND_COUNT; kind++) {
        struct tx_call *call, *next;
        DL_FOREACH_SAFE(core->waiting[kind], call, next) {
            if (now_ms < call->useless_after_ms)
                continue;
            leave_queue(core, call);
            tell(core, call, TX_EXPIRED);
            drop_if_loose(core, call);
        }
    }
}

void tx_core_tick(struct tx_core *core, uint64_t now_ms)
{
    expire_waiting(core, now_ms);
    struct tx_lane *lane;
    LL_FOREACH2(core->lanes, lane, next_lane)
    {
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
    LL_FOREACH2(core->lanes, lane, next_lane)
    {
        struct tx_slot *slot, *next;
        DL_FOREACH_SAFE(lane->slots, slot, next) {
            end_call(core, slot, TX_CANCELLED);
            slot->state = TXS_LOST;
            end_slot(core, slot);
        }
    }
    for (int kind = 0; kind < TX_KIND_COUNT; kind++) {
        while (core->waiting[kind]) {
            struct tx_call *call = core->waiting[kind];
            leave_queue(core, call);
            tell(core, call, TX_CANCELLED);
            drop_if_loose(core, call);
        }
    }
}
