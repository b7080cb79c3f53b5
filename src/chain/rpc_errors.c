#include "chain/rpc_errors.h"

#include <string.h>
#include <strings.h>

struct phrase {
    const char *text; /* looked for anywhere in the message, without regard to case */
    enum tx_error error;
};

/* The first phrase that is found decides, so a phrase stands before those that it contains or appears beside.
 * Clients: g geth and its children, r reth, a anvil (also revm's own words), n nitro, e erigon, b besu, m nethermind.
 */
static const struct phrase phrases[] = {
    { "already known", TX_ERR_ALREADY_KNOWN },                                        /* g r e */
    { "already imported", TX_ERR_ALREADY_KNOWN },                                     /* a */
    { "existing txn with same hash", TX_ERR_ALREADY_KNOWN },                          /* e */
    { "existing tx with same hash", TX_ERR_ALREADY_KNOWN },                           /* e */
    { "known transaction", TX_ERR_ALREADY_KNOWN },                                    /* b */
    { "alreadyknown", TX_ERR_ALREADY_KNOWN },                                         /* m */
    { "ownnoncealreadyused", TX_ERR_ALREADY_KNOWN },                                  /* m */
    { "replacement transaction underpriced", TX_ERR_REPLACE_UNDERPRICED },            /* g r b */
    { "to replace existing transaction", TX_ERR_REPLACE_UNDERPRICED },                /* a */
    { "could not replace existing tx", TX_ERR_REPLACE_UNDERPRICED },                  /* e */
    { "replacementnotallowed", TX_ERR_REPLACE_UNDERPRICED },                          /* m */
    { "max priority fee per gas higher than max fee per gas", TX_ERR_TIP_ABOVE_FEE }, /* g r */
    { "priority fee is greater than max fee", TX_ERR_TIP_ABOVE_FEE },                 /* a */
    { "less than block base fee", TX_ERR_BASE_FEE },                                  /* g r a n */
    { "gas price is less than basefee", TX_ERR_BASE_FEE },                            /* a */
    { "nonce too low", TX_ERR_NONCE_LOW },                                            /* g r a n e b */
    { "too low, expected", TX_ERR_NONCE_LOW },                   /* a: nonce 4 too low, expected 5 */
    { "oldnonce", TX_ERR_NONCE_LOW },                            /* m */
    { "nonce too high", TX_ERR_NONCE_HIGH },                     /* g r a n */
    { "too high, expected", TX_ERR_NONCE_HIGH },                 /* a */
    { "invalid transaction nonce", TX_ERR_NONCE_HIGH },          /* n: either; the account's count tells */
    { "noncegap", TX_ERR_NONCE_HIGH },                           /* m */
    { "exceeds the configured cap", TX_ERR_FEE_CAP },            /* g */
    { "fee cap exceeded", TX_ERR_FEE_CAP },                      /* b */
    { "insufficient funds", TX_ERR_FUNDS },                      /* g r a n e */
    { "not enough funds for gas", TX_ERR_FUNDS },                /* n */
    { "exceeds account balance", TX_ERR_FUNDS },                 /* b */
    { "insufficientfunds", TX_ERR_FUNDS },                       /* m */
    { "lack of funds", TX_ERR_FUNDS },                           /* a */
    { "would cause overdraft", TX_ERR_FUNDS },                   /* g */
    { "intrinsic gas too low", TX_ERR_INTRINSIC_GAS },           /* g r a n */
    { "intrinsic gas exceeds gas limit", TX_ERR_INTRINSIC_GAS }, /* b */
    { "floor data gas", TX_ERR_INTRINSIC_GAS },                  /* g, since the floor of EIP-7623 */
    { "exceeds the gas limit", TX_ERR_INTRINSIC_GAS },           /* a: gas floor (x) or call gas cost (x) exceeds … */
    { "intrinsicgas", TX_ERR_INTRINSIC_GAS },                    /* e */
    { "exceeds block gas limit", TX_ERR_GAS_LIMIT },             /* g b */
    { "gas limit too high", TX_ERR_GAS_LIMIT },                  /* g since Osaka */
    { "gas limit is too high", TX_ERR_GAS_LIMIT },               /* e */
    { "intrinsic gas too high", TX_ERR_GAS_LIMIT },              /* r a */
    { "greater than the block gas limit", TX_ERR_GAS_LIMIT },    /* a */
    { "is greater than the cap", TX_ERR_GAS_LIMIT },             /* a since Osaka */
    { "gaslimitexceeded", TX_ERR_GAS_LIMIT },                    /* m */
    { "gas limit reached", TX_ERR_GAS_LIMIT },                   /* m */
    { "underpriced", TX_ERR_UNDERPRICED },                       /* g r */
    { "gas price below", TX_ERR_UNDERPRICED },              /* g: … minimum; b: … configured minimum gas price */
    { "gas price too low", TX_ERR_UNDERPRICED },            /* n */
    { "fee too low", TX_ERR_UNDERPRICED },                  /* e */
    { "feetoolow", TX_ERR_UNDERPRICED },                    /* m, also FeeTooLowToCompete */
    { "oversized data", TX_ERR_TOO_BIG },                   /* g r n */
    { "rlptoolong", TX_ERR_TOO_BIG },                       /* m */
    { "sequencer temporarily not available", TX_ERR_BUSY }, /* n */
    { "pool full", TX_ERR_BUSY },                           /* n: sequencer pending tx pool full */
    { "pool is full", TX_ERR_BUSY },                        /* g r */
    { "queue full", TX_ERR_BUSY },                          /* n */
    { "account limit exceeded", TX_ERR_BUSY },              /* g: too many of ours wait already */
    { "too many requests", TX_ERR_BUSY },                   /* providers */
    { "rate limit", TX_ERR_BUSY },                          /* providers */
    { "execution reverted", TX_ERR_REVERTED },              /* all that simulate */
};

/* Index = enum tx_error. */
static const char *const names[] = {
    "unknown",       "already_known", "nonce_low",     "nonce_high", "replace_underpriced",
    "underpriced",   "funds",         "intrinsic_gas", "base_fee",   "gas_limit",
    "tip_above_fee", "too_big",       "busy",          "fee_cap",    "reverted",
};

enum tx_error tx_error_classify(const char *message)
{
    if (!message)
        return TX_ERR_UNKNOWN;
    for (size_t i = 0; i < sizeof phrases / sizeof *phrases; i++)
        if (strcasestr(message, phrases[i].text))
            return phrases[i].error;
    return TX_ERR_UNKNOWN;
}

const char *tx_error_name(enum tx_error error)
{
    return (size_t)error < sizeof names / sizeof *names ? names[error] : "unknown";
}
