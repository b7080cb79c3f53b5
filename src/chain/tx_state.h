/* The life of one nonce, as a table. Pure: a state and an event give the next state and what is to be done.
 *
 *      EMPTY → SENDING → PENDING → CHECKING → MINED → FINAL
 *               ↓  ↑        ↓ ↑                 ↓
 *        BACKOFF/REPRICING  REPLACING          (reorganised: PENDING again)
 *
 * beside them OCCUPIED (a stranger's transaction waits on the nonce), EXPLAINING (included and reverted: why), and the
 * ends LOST (the nonce went to a stranger) and RELEASED (never used, given back). */
#ifndef OYSTER_CHAIN_TX_STATE_H
#define OYSTER_CHAIN_TX_STATE_H

#include <stdbool.h>

enum tx_state {
    TXS_NONE,       /* no state: the answer for a pair that cannot happen */
    TXS_EMPTY,      /* the nonce must be used; nothing is signed for it */
    TXS_SENDING,    /* the bytes are with the endpoints; none has taken them yet */
    TXS_BACKOFF,    /* none took them, none gave a verdict: the same bytes again, soon */
    TXS_REPRICING,  /* refused for price or gas: better numbers are being found */
    TXS_PENDING,    /* an endpoint took it */
    TXS_REPLACING,  /* as PENDING, with a dearer one of the same nonce on its way */
    TXS_CHECKING,   /* the account's nonce has passed it, or an endpoint says so: was it ours? */
    TXS_EXPLAINING, /* included with status 0: the reason is being asked for */
    TXS_MINED,      /* included; a reorganisation may still take it out */
    TXS_OCCUPIED,   /* a pool holds a transaction of this nonce that is not ours */
    TXS_FINAL,      /* end: included and deep */
    TXS_LOST,       /* end: the nonce was used by a transaction that is not ours, or is given up */
    TXS_RELEASED,   /* end: given back unused */
    TXS_COUNT
};

enum tx_event {
    TXE_BIND,     /* an intent or a fill is put on the nonce */
    TXE_ADOPT,    /* an earlier life of the node has sent something on it */
    TXE_ACCEPTED, /* an endpoint took the bytes, or knew them */
    TXE_RETRY,    /* no verdict: transport trouble, busy, nonce too high, an error unknown to us */
    TXE_PRICE,    /* refused for its fees or its gas limit */
    TXE_REFUSED,  /* refused for good: too big, or its simulation reverts */
    TXE_FUNDS,    /* the account cannot pay for it */
    TXE_NONCE_LOW,
    TXE_TAKEN,   /* refused as a replacement of something that we never sent */
    TXE_DUE,     /* time to send the same bytes again */
    TXE_PRICED,  /* better numbers are there */
    TXE_STUCK,   /* time for a dearer one */
    TXE_ABANDON, /* the intent's time is over and no receipt is there */
    TXE_USED,    /* the account's nonce is above this one */
    TXE_UNUSED,  /* it is not, although an endpoint said so */
    TXE_INCLUDED,
    TXE_INCLUDED_REVERTED,
    TXE_INCLUDED_SHORT, /* reverted, because its gas was short */
    TXE_INCLUDED_OTHER, /* an attempt for something else that was sent on this nonce before */
    TXE_LOST,
    TXE_EXPLAINED,
    TXE_GONE, /* its receipt has disappeared */
    TXE_DEEP,
    TXE_RELEASE,
    TXE_COUNT
};

enum tx_action {
    TXA_NONE,
    TXA_SIGN,        /* sign a (dearer) attempt and broadcast it */
    TXA_RESEND,      /* broadcast the newest attempt that was not refused */
    TXA_REPRICE,     /* fetch what the refusal calls for; answer with TXE_PRICED or TXE_REFUSED */
    TXA_ASK_RECEIPT, /* ask for the receipt of every attempt */
    TXA_EXPLAIN,     /* ask why it reverted; answer with TXE_EXPLAINED */
    TXA_CONFIRM,     /* the intent ends: confirmed */
    TXA_REVERT,      /* the intent ends: reverted */
    TXA_REFUSE,      /* the intent ends: reverted, without having been included; the nonce is free */
    TXA_EXPIRE,      /* the intent ends: expired */
    TXA_REQUEUE,     /* the intent goes back to the queue */
    TXA_MORE_GAS,    /* the intent goes back to the queue once a higher limit is known */
};

struct tx_rule {
    enum tx_state next;
    enum tx_action action;
};

/* The rule for a pair. next is TXS_NONE where the event cannot happen in the state; an event that is late and means
 * nothing any more leads back to the same state with TXA_NONE. */
struct tx_rule tx_rule(enum tx_state state, enum tx_event event);

/* Does nothing ever leave this state? */
bool tx_state_is_end(enum tx_state state);

/* Bytes are out or going out, and inclusion is not known: counts as in flight. */
bool tx_state_in_flight(enum tx_state state);

/* snake_case, for logs. */
const char *tx_state_name(enum tx_state state);
const char *tx_event_name(enum tx_event event);

#endif
