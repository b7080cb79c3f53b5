/* Request bodies of the HTTP API, read without side effects. Failures are the complete text of the 400 answer, as
 * PROTOCOL.md "HTTP API" has it. Nothing of a body is left in memory but in the outputs. */
#ifndef OYSTER_API_BODIES_H
#define OYSTER_API_BODIES_H

#include <stddef.h>
#include <stdint.h>

#include "eth/address.h"
#include "eth/key.h"
#include "util/buf.h"

/* The string under `key` of a JSON object. text: appended to; wipe with buf_wipe. Returns 0, or -EINVAL with the answer
 * (broken JSON, not an object, key missing, wrong type). */
int body_string(struct buf *text, const char *key, const uint8_t *body, size_t len, struct buf *answer);

/* Hex text, 0x optional, to an address / a secret key. Return 0, or -EINVAL with the answer; out is then unset
 * (out of body_gas_key: wiped). */
int body_owner(struct address *out, const struct buf *text, struct buf *answer);
int body_gas_key(struct seckey *out, const struct buf *text, struct buf *answer);

#endif
