#include "chain/tx_state.h"

#include <stddef.h>

#define TO(state, action)                                                                                              \
    {                                                                                                                  \
        TXS_##state, TXA_##action                                                                                      \
    }
#define STAY(state)                                                                                                    \
    {                                                                                                                  \
        TXS_##state, TXA_NONE                                                                                          \
    }

/* What a receipt brings is the same wherever inclusion was not known before. */
#define RECEIPTS                                                                                                       \
    [TXE_INCLUDED] = TO(MINED, CONFIRM), [TXE_INCLUDED_REVERTED] = TO(EXPLAINING, EXPLAIN),                            \
    [TXE_INCLUDED_SHORT] = TO(MINED, MORE_GAS), [TXE_INCLUDED_OTHER] = TO(MINED, REQUEUE)

/* Answers of an endpoint to bytes that are not waited for any more: those that never matter then, and all of them. */
#define LATE_ANSWERS(state) [TXE_RETRY] = STAY(state), [TXE_PRICE] = STAY(state), [TXE_TAKEN] = STAY(state)
#define LATE_REFUSALS(state) [TXE_REFUSED] = STAY(state), [TXE_FUNDS] = STAY(state)
#define ALL_LATE(state)                                                                                                \
    LATE_ANSWERS(state), LATE_REFUSALS(state), [TXE_ACCEPTED] = STAY(state), [TXE_NONCE_LOW] = STAY(state)

/* What stands beside a state in the table is everything that can happen there; the rest is TXS_NONE. */
static const struct tx_rule rules[TXS_COUNT][TXE_COUNT] = {
    [TXS_EMPTY] =
        {
            [TXE_BIND] = TO(SENDING, SIGN),
            [TXE_ADOPT] = TO(SENDING, RESEND),
            [TXE_USED] = TO(LOST, REQUEUE),
            [TXE_LOST] = TO(LOST, REQUEUE),
            [TXE_RELEASE] = TO(RELEASED, NONE),
            ALL_LATE(EMPTY),
            RECEIPTS,
        },
    [TXS_SENDING] =
        {
            [TXE_ACCEPTED] = STAY(PENDING),
            [TXE_RETRY] = STAY(BACKOFF),
            [TXE_PRICE] = TO(REPRICING, REPRICE),
            [TXE_REFUSED] = TO(EMPTY, REFUSE),
            [TXE_FUNDS] = TO(EMPTY, REQUEUE),
            [TXE_NONCE_LOW] = TO(CHECKING, ASK_RECEIPT),
            [TXE_TAKEN] = TO(OCCUPIED, REQUEUE),
            [TXE_ABANDON] = TO(EMPTY, EXPIRE),
            [TXE_USED] = TO(CHECKING, ASK_RECEIPT),
            [TXE_LOST] = TO(LOST, REQUEUE),
            RECEIPTS,
        },
    [TXS_BACKOFF] =
        {
            [TXE_ACCEPTED] = STAY(PENDING),
            [TXE_NONCE_LOW] = TO(CHECKING, ASK_RECEIPT),
            [TXE_DUE] = TO(SENDING, RESEND),
            [TXE_ABANDON] = TO(EMPTY, EXPIRE),
            [TXE_USED] = TO(CHECKING, ASK_RECEIPT),
            [TXE_LOST] = TO(LOST, REQUEUE),
            LATE_ANSWERS(BACKOFF),
            LATE_REFUSALS(BACKOFF),
            RECEIPTS,
        },
    [TXS_REPRICING] =
        {
            [TXE_ACCEPTED] = STAY(REPRICING),
            [TXE_NONCE_LOW] = TO(CHECKING, ASK_RECEIPT),
            [TXE_PRICED] = TO(SENDING, SIGN),
            [TXE_REFUSED] = TO(EMPTY, REFUSE),
            [TXE_FUNDS] = TO(EMPTY, REQUEUE),
            [TXE_ABANDON] = TO(EMPTY, EXPIRE),
            [TXE_USED] = TO(CHECKING, ASK_RECEIPT),
            [TXE_LOST] = TO(LOST, REQUEUE),
            [TXE_RETRY] = STAY(BACKOFF),
            [TXE_PRICE] = STAY(REPRICING),
            [TXE_TAKEN] = STAY(REPRICING),
            RECEIPTS,
        },
    [TXS_PENDING] =
        {
            [TXE_ACCEPTED] = STAY(PENDING),
            [TXE_NONCE_LOW] = TO(CHECKING, ASK_RECEIPT),
            [TXE_DUE] = TO(PENDING, RESEND),
            [TXE_STUCK] = TO(REPLACING, SIGN),
            [TXE_ABANDON] = TO(PENDING, EXPIRE),
            [TXE_USED] = TO(CHECKING, ASK_RECEIPT),
            [TXE_LOST] = TO(LOST, REQUEUE),
            LATE_ANSWERS(PENDING),
            LATE_REFUSALS(PENDING),
            RECEIPTS,
        },
    [TXS_REPLACING] =
        {
            [TXE_ACCEPTED] = STAY(PENDING),
            [TXE_NONCE_LOW] = TO(CHECKING, ASK_RECEIPT),
            [TXE_ABANDON] = TO(PENDING, EXPIRE),
            [TXE_USED] = TO(CHECKING, ASK_RECEIPT),
            [TXE_LOST] = TO(LOST, REQUEUE),
            LATE_ANSWERS(PENDING),
            LATE_REFUSALS(PENDING),
            RECEIPTS,
        },
    [TXS_CHECKING] =
        {
            [TXE_ACCEPTED] = STAY(CHECKING),
            [TXE_NONCE_LOW] = TO(CHECKING, ASK_RECEIPT),
            [TXE_USED] = TO(CHECKING, ASK_RECEIPT),
            [TXE_UNUSED] = STAY(BACKOFF),
            [TXE_LOST] = TO(LOST, REQUEUE),
            LATE_ANSWERS(CHECKING),
            LATE_REFUSALS(CHECKING),
            RECEIPTS,
        },
    [TXS_EXPLAINING] =
        {
            [TXE_EXPLAINED] = TO(MINED, REVERT),
            ALL_LATE(EXPLAINING),
        },
    [TXS_MINED] =
        {
            [TXE_GONE] = TO(PENDING, RESEND),
            [TXE_DEEP] = TO(FINAL, NONE),
            ALL_LATE(MINED),
        },
    [TXS_OCCUPIED] =
        {
            [TXE_STUCK] = TO(SENDING, SIGN),
            [TXE_USED] = TO(LOST, REQUEUE),
            [TXE_LOST] = TO(LOST, REQUEUE),
            ALL_LATE(OCCUPIED),
            RECEIPTS,
        },
};

struct tx_rule tx_rule(enum tx_state state, enum tx_event event)
{
    return rules[state][event];
}

bool tx_state_is_end(enum tx_state state)
{
    return state == TXS_FINAL || state == TXS_LOST || state == TXS_RELEASED;
}

bool tx_state_in_flight(enum tx_state state)
{
    return state >= TXS_SENDING && state <= TXS_CHECKING;
}

const char *tx_state_name(enum tx_state state)
{
    static const char *const names[TXS_COUNT] = { "none",     "empty",     "sending",  "backoff",    "repricing",
                                                  "pending",  "replacing", "checking", "explaining", "mined",
                                                  "occupied", "final",     "lost",     "released" };
    return names[state];
}

const char *tx_event_name(enum tx_event event)
{
    static const char *const names[TXE_COUNT] = {
        "bind",
        "adopt",
        "accepted",
        "retry",
        "price",
        "refused",
        "funds",
        "nonce_low",
        "taken",
        "due",
        "priced",
        "stuck",
        "abandon",
        "used",
        "unused",
        "included",
        "included_reverted",
        "included_short",
        "included_other",
        "lost",
        "explained",
        "gone",
        "deep",
        "release",
    };
    return names[event];
}
