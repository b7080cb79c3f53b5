/* The books of the sending queue: which intent waits, which rides on which nonce of which account, and what is to be
 * done about each. No I/O, no clock, no keys: events and times go in, a list of things to do comes out. The rules of a
 * single nonce are the table of tx_state.h; here is what joins nonces, intents and accounts:
 *
 *  - nonces of an account are used without holes: each between the chain's and the next one has exactly one slot;
 *  - an intent is in one place (waiting, or on one slot) until it is told, and is told once. */
#ifndef OYSTER_CHAIN_TX_CORE_H
#define OYSTER_CHAIN_TX_CORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "chain/rpc_errors.h"
#include "chain/tx_fees.h"
#include "chain/tx_queue.h"
#include "chain/tx_state.h"
#include "util/buf.h"

struct tx_slot;
struct tx_lane;
struct rpc_call;

/* An intent inside the queue. */
struct tx_call {
    struct tx_call *prev, *next; /* in waiting[kind] */
    uint64_t id;                 /* the handle; orders calls of a kind */
    enum tx_kind kind;
    struct address to;
    uint8_t *data;
    size_t data_len;
    uint64_t useless_after_ms;
    tx_sent_fn *sent;
    tx_done_fn *done;
    void *arg;
    bool has_job; /* for the journal */
    struct u256 job_id;

    struct tx_slot *slot; /* what it rides on, or NULL */
    bool waiting;         /* is in waiting[kind] */
    bool held;            /* waits for a gas estimate */
    bool told;            /* its end is decided; done is or will be called */
    enum tx_outcome outcome;
    uint64_t gas_at_least; /* a limit that an endpoint or a receipt showed to be needed; 0 = none */
    unsigned gas_retries;
    unsigned revivals; /* times that it reverted on another branch after it had been confirmed */

    /* for the result; filled by the shell */
    uint64_t sent_us;
    uint8_t hash[32];
    uint64_t block_number, gas_used;
    struct u256 effective_gas_price_wei;
    bool too_big;
    char reason[200];
    struct rpc_call *estimate;
    struct tx_queue *queue; /* for callbacks */
    bool delivered;         /* done was called */
    struct tx_call *tell_next;
};

/* One signed form of what a nonce was used for. */
struct tx_attempt {
    uint8_t hash[32];
    struct fee_offer offer;
    uint64_t gas_limit;
    struct buf raw;
    uint64_t call_id; /* 0 = a fill */
    bool refused;     /* an endpoint gave a verdict against it: not to be sent again */
};

#define TX_ATTEMPTS_MAX 24 /* of one nonce: more than that is not a matter of price */

/* One nonce of an account. */
struct tx_slot {
    struct tx_slot *prev, *next; /* in the lane, by nonce */
    struct tx_lane *lane;
    uint64_t nonce;
    enum tx_state state;
    struct tx_call *call; /* NULL = a fill, or given up */
    struct tx_attempt *attempts;
    size_t n_attempts;
    bool maybe_out;      /* some pool may hold one of the attempts */
    bool surely_not_out; /* its only broadcast was answered "nonce too low" */
    bool expiring;       /* the call's time is over: one last look for a receipt */
    uint64_t asked_ms;   /* when that look was last asked for */
    bool doubt;          /* mined, but to be looked at again */
    unsigned retries;    /* sends without a verdict in a row */
    unsigned reprices;   /* refusals for price or gas in a row */
    unsigned broadcasts; /* of all attempts */
    unsigned nulls;      /* rounds without a receipt while one is to be expected */
    uint64_t due_ms;     /* BACKOFF, PENDING, REPRICING: when to act */
    uint64_t signed_ms, state_ms;
    uint64_t signed_head; /* heads seen when the newest attempt was signed */
    uint64_t block_number;
    uint8_t block_hash[32];

    /* the shell's */
    struct rpc_call *send, *ask, *side; /* broadcast; receipt; estimate or explanation */
    size_t send_attempt, ask_attempt;
    enum tx_error refusal;  /* the last one */
    uint64_t gas_at_least;  /* for a fill: as call->gas_at_least */
    struct tx_queue *queue; /* for callbacks */
};

/* One account. */
struct tx_lane {
    struct tx_lane *next_lane;
    struct address account;
    struct tx_slot *slots; /* ascending nonces; at the front what is mined but not deep */
    uint64_t next;         /* nonce of the next new slot */
    uint64_t chain_nonce;  /* as last told */
    bool chain_nonce_known;
    bool retired;        /* another key took over */
    bool starved;        /* an endpoint refused for lack of funds: nothing is sent until that changes */
    struct tx_slot *low; /* lowest nonce whose inclusion is open, and since when it is the lowest */
    uint64_t low_since_ms;
    uint64_t sends;      /* slots that were bound, ever: tells an old answer from a new one */
    uint64_t idle_count; /* read while idle, to be confirmed by a second reading */
    bool idle_count_known;

    /* the shell's */
    struct seckey *key; /* NULL: wiped */
    struct rpc_call *count_call, *balance_call;
    struct u256 starved_wei; /* the balance when it starved */
    bool starved_wei_known;
    uint64_t starved_ms, fed_ms, balance_asked_ms; /* fed: when it was starved last and tried again */
    uint64_t count_sends;                          /* sends when count_call was started */
    bool count_idle;                               /* count_call asks for the pending nonce */
    struct tx_queue *queue;
};

enum tx_todo_type {
    TODO_SIGN,        /* slot */
    TODO_RESEND,      /* slot */
    TODO_REPRICE,     /* slot */
    TODO_ASK_RECEIPT, /* slot */
    TODO_EXPLAIN,     /* slot */
    TODO_ESTIMATE,    /* call: held until tx_core_estimated */
    TODO_SETTLE,      /* slot: what the journal has of its nonce is to be dropped */
    TODO_TELL,        /* call: outcome is set */
    TODO_END,         /* slot: out of the lane; release with tx_slot_free */
    TODO_DROP,        /* call: told, delivered and nowhere any more; release with tx_call_free */
};

struct tx_todo {
    enum tx_todo_type type;
    struct tx_slot *slot;
    struct tx_call *call;
};

struct tx_core {
    uint32_t max_in_flight;
    uint64_t stuck_after_ms;
    struct tx_call *waiting[TX_KIND_COUNT];
    size_t n_waiting;
    struct tx_lane *lanes;
    struct tx_lane *active; /* NULL = no key yet */
    bool open;              /* fees are known: sending is possible */
    uint64_t last_id;
    uint64_t heads;   /* seen so far */
    uint64_t resyncs; /* times that a nonce of ours was corrected */
    uint64_t refused; /* events that the table does not know in their state: a bug of ours */
    struct buf todo;  /* struct tx_todo, in order */
    size_t todo_at;
};

/* Takes what is to be done next. What it points to lives until its own TODO_END / tx_call_free. */
bool tx_core_next(struct tx_core *core, struct tx_todo *out);

/* Puts a call (calloc'ed, kind, data and times filled in) into the queue; sets its id. */
void tx_core_push(struct tx_core *core, struct tx_call *call);

/* Takes over an attempt (moved in) that an earlier life has signed for a nonce of the active account; the bytes of the
 * nonce's newest one are sent again. call: what it was for, as in tx_core_push, or NULL for a fill (attempt->call_id 0)
 * and for a further attempt for the call that is on the nonce already (attempt->call_id not 0). A new call on a nonce
 * that has one sends the old one back to the queue. Returns the call's id, 0 for a fill. */
uint64_t tx_core_adopt(struct tx_core *core, struct tx_call *call, uint64_t nonce, const struct tx_attempt *attempt,
                       uint64_t now_ms);

/* Told, delivered and nowhere: may be freed. */
bool tx_call_is_loose(const struct tx_call *call);

/* Withdraws a call that waits. False: not waiting (any more). */
bool tx_core_cancel(struct tx_core *core, uint64_t id);

/* Withdraws the calls that answer a job, wherever they are: open ones are told as cancelled. What may be in a pool is
 * replaced by a fill, and what was confirmed is not sent again. */
void tx_core_revoke(struct tx_core *core, struct u256 job_id, uint64_t now_ms);

/* Makes account the one that new calls go out from, with its next nonce. The one before is retired: what is on its
 * nonces stays. Coming back to an account that still has slots keeps its own next nonce. Returns its lane. */
struct tx_lane *tx_core_use(struct tx_core *core, const struct address *account, uint64_t nonce, uint64_t now_ms);

/* Gives waiting calls their nonces, as far as open, funds and max_in_flight allow; closes holes. To be called after
 * anything that may have made room. */
void tx_core_pump(struct tx_core *core, uint64_t now_ms);

/* An event of a slot, by the table. Nothing of the slot may be used afterwards where its state was an end. */
void tx_core_event(struct tx_core *core, struct tx_slot *slot, enum tx_event event, uint64_t now_ms);

/* The receipt of slot->attempts[attempt] was found. ok: status 1. short_gas: status 0 and gas looks short. */
void tx_core_included(struct tx_core *core, struct tx_slot *slot, size_t attempt, bool ok, bool short_gas,
                      uint64_t now_ms);

/* No attempt of the slot has a receipt. */
void tx_core_no_receipt(struct tx_core *core, struct tx_slot *slot, uint64_t now_ms);

/* The account's nonce at the newest block. */
void tx_core_count(struct tx_core *core, struct tx_lane *lane, uint64_t count, uint64_t now_ms);

/* The account's nonce with what waits in pools, read while nothing of ours was under way: taken over when it was read
 * twice, whether it is above or below ours. lane->sends at the time of asking goes in. */
void tx_core_idle_count(struct tx_core *core, struct tx_lane *lane, uint64_t count, uint64_t sends);

/* A held call may go out with gas_at_least, or (reverts) its simulation failed with call->reason. */
void tx_core_estimated(struct tx_core *core, struct tx_call *call, bool reverts, uint64_t gas_at_least);

/* What time alone brings: back-offs, rebroadcasts, stuck and expired ones. */
void tx_core_tick(struct tx_core *core, uint64_t now_ms);

/* Takes a retired lane without slots out of the core; the caller frees it. */
void tx_core_forget_lane(struct tx_core *core, struct tx_lane *lane);

/* Ends every open call as cancelled; all slots end (TODO_END each). */
void tx_core_close(struct tx_core *core);

/* Numbers for the outside. */
uint32_t tx_lane_in_flight(const struct tx_lane *lane);
bool tx_lane_settled(const struct tx_lane *lane); /* nothing of it waits for inclusion: its key is not needed */

/* The newest attempt that was not refused, or NULL. */
struct tx_attempt *tx_slot_sendable(const struct tx_slot *slot);

/* Release a slot with its attempts / a call. */
void tx_slot_free(struct tx_slot *slot);
void tx_call_free(struct tx_call *call);

#endif
