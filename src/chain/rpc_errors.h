/* What an endpoint's error to eth_sendRawTransaction means, whichever client wrote it: one table. Pure. */
#ifndef OYSTER_CHAIN_RPC_ERRORS_H
#define OYSTER_CHAIN_RPC_ERRORS_H

enum tx_error {
    TX_ERR_UNKNOWN,
    TX_ERR_ALREADY_KNOWN, /* success: the pool has it */
    TX_ERR_NONCE_LOW,
    TX_ERR_NONCE_HIGH,
    TX_ERR_REPLACE_UNDERPRICED,
    TX_ERR_UNDERPRICED,
    TX_ERR_FUNDS,
    TX_ERR_INTRINSIC_GAS,
    TX_ERR_BASE_FEE,  /* max fee below the block's base fee */
    TX_ERR_GAS_LIMIT, /* over the block's or the node's cap */
    TX_ERR_TIP_ABOVE_FEE,
    TX_ERR_TOO_BIG,  /* oversized data */
    TX_ERR_BUSY,     /* queue full, sequencer not available: the same bytes again, later */
    TX_ERR_FEE_CAP,  /* node's own cap on fee in ether */
    TX_ERR_REVERTED, /* execution reverted (simulation before acceptance) */
};

/* Classifies the message of an error object (case-insensitive, by substring). */
enum tx_error tx_error_classify(const char *message);

/* snake_case name for logs and metrics. */
const char *tx_error_name(enum tx_error error);

#endif
