/* Intents: the queue of those that wait, and their one end. */
#include "chain/tx_core.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#include "chain/tx_core_int.h"

/* ---- things to do ---- */

void txc_todo(struct tx_core *core, enum tx_todo_type type, struct tx_slot *slot, struct tx_call *call)
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

void tx_call_free(struct tx_call *call)
{
    free(call->data);
    free(call);
}

void txc_drop_if_loose(struct tx_core *core, struct tx_call *call)
{
    if (tx_call_is_loose(call))
        txc_todo(core, TODO_DROP, NULL, call);
}

void txc_tell(struct tx_core *core, struct tx_call *call, enum tx_outcome outcome)
{
    if (call->told)
        return;
    call->told = true;
    call->outcome = outcome;
    txc_todo(core, TODO_TELL, NULL, call);
}

void txc_leave_queue(struct tx_core *core, struct tx_call *call)
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

struct tx_call *txc_unbind(struct tx_slot *slot)
{
    struct tx_call *call = slot->call;
    slot->call = NULL;
    slot->expiring = false;
    if (call)
        call->slot = NULL;
    return call;
}

/* A call that was told as confirmed and then lost by a reorganisation is sent again without another word. */
void txc_requeue(struct tx_core *core, struct tx_slot *slot)
{
    struct tx_call *call = txc_unbind(slot);
    if (!call)
        return;
    if (!call->told || call->outcome == TX_CONFIRMED)
        enter_queue(core, call);
    else
        txc_drop_if_loose(core, call);
}

void txc_end_call(struct tx_core *core, struct tx_slot *slot, enum tx_outcome outcome)
{
    struct tx_call *call = txc_unbind(slot);
    if (!call)
        return;
    txc_tell(core, call, outcome);
    txc_drop_if_loose(core, call);
}

void txc_more_gas(struct tx_core *core, struct tx_slot *slot)
{
    struct tx_call *call = slot->call;
    txc_requeue(core, slot);
    if (!call || call->told)
        return;
    call->held = true;
    call->gas_retries++;
    txc_todo(core, TODO_ESTIMATE, NULL, call);
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
            txc_leave_queue(core, call);
            txc_tell(core, call, TX_CANCELLED);
            return true;
        }
    }
    return false;
}

static bool answers(const struct tx_call *call, struct u256 job_id)
{
    return call->has_job && u256_cmp(call->job_id, job_id) == 0;
}

void tx_core_revoke(struct tx_core *core, struct u256 job_id, uint64_t now_ms)
{
    struct tx_call *call, *next;
    DL_FOREACH_SAFE(core->waiting[TX_SUBMIT_OUTPUT], call, next) {
        if (!answers(call, job_id))
            continue;
        txc_leave_queue(core, call);
        txc_tell(core, call, TX_CANCELLED);
        txc_drop_if_loose(core, call);
    }
    for (struct tx_lane *lane = core->lanes; lane; lane = lane->next_lane) {
        struct tx_slot *slot;
        DL_FOREACH(lane->slots, slot) {
            if (!slot->call || !answers(slot->call, job_id))
                continue;
            txc_tell(core, slot->call, TX_CANCELLED);
            if (now_ms < slot->call->useless_after_ms)
                slot->call->useless_after_ms = now_ms;
        }
    }
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
    txc_leave_queue(core, call);
    txc_tell(core, call, TX_REVERTED);
}

/* ---- the queue ---- */

/* The next call that may go out now, taken out of the queue. Slashes leave a quarter of the room to submits. */
struct tx_call *txc_next_call(struct tx_core *core, uint32_t in_flight, uint64_t now_ms)
{
    uint32_t for_others = core->max_in_flight - core->max_in_flight / 4;
    for (int kind = 0; kind < TX_KIND_COUNT; kind++) {
        if (in_flight >= (kind == TX_SUBMIT_OUTPUT ? core->max_in_flight : for_others))
            continue;
        struct tx_call *call, *following;
        DL_FOREACH_SAFE(core->waiting[kind], call, following) {
            if (call->held)
                continue;
            txc_leave_queue(core, call);
            if (call->told || now_ms < call->useless_after_ms)
                return call;
            txc_tell(core, call, TX_EXPIRED);
        }
    }
    return NULL;
}

void txc_expire_waiting(struct tx_core *core, uint64_t now_ms)
{
    for (int kind = 0; kind < TX_KIND_COUNT; kind++) {
        struct tx_call *call, *next;
        DL_FOREACH_SAFE(core->waiting[kind], call, next) {
            if (now_ms < call->useless_after_ms)
                continue;
            txc_leave_queue(core, call);
            txc_tell(core, call, TX_EXPIRED);
            txc_drop_if_loose(core, call);
        }
    }
}
