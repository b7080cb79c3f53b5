/* Ethereum addresses. Machines read lower case; people read the EIP-55 checksum. */
#ifndef OYSTER_ETH_ADDRESS_H
#define OYSTER_ETH_ADDRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/err.h"

#define ADDRESS_TEXT_MAX 43 /* "0x", 40 digits, NUL */

struct address {
    uint8_t b[20];
};

/* Reads 40 hex digits with an optional 0x. A text of mixed case must carry a right EIP-55 checksum.
 * Returns 0 or -EINVAL. */
int address_parse(struct address *out, const char *text, size_t len, struct err *e);

/* Lower-case / EIP-55 text with 0x and NUL. Return out. */
char *address_lower(char out[ADDRESS_TEXT_MAX], const struct address *a);
char *address_checksum(char out[ADDRESS_TEXT_MAX], const struct address *a);

/* Last 20 bytes of keccak256 of the 64 public-key bytes (no 0x04 prefix). */
void address_from_pubkey(struct address *out, const uint8_t pubkey[64]);

/* Comparisons of all 20 bytes. */
bool address_eq(const struct address *a, const struct address *b);
bool address_is_zero(const struct address *a);

#endif
