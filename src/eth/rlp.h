/* RLP encoding (Ethereum yellow paper, appendix B). Encoding only. */
#ifndef OYSTER_ETH_RLP_H
#define OYSTER_ETH_RLP_H

#include <stddef.h>
#include <stdint.h>

#include "eth/u256.h"
#include "util/buf.h"

/* Appends a byte string / an integer without leading zeros. */
void rlp_put_bytes(struct buf *out, const void *data, size_t len);
void rlp_put_u64(struct buf *out, uint64_t v);
void rlp_put_u256(struct buf *out, struct u256 v);

/* Appends payload (concatenated encoded items) as a list. */
void rlp_put_list(struct buf *out, const void *payload, size_t len);

#endif
