/* Request bodies of the HTTP API, read without side effects. Failures are the complete text of the 400 answer, as
 * docs/api.md has it. Nothing of a body is left in memory but in the outputs. */
#ifndef OYSTER_API_BODIES_H
#define OYSTER_API_BODIES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "eth/address.h"
#include "eth/key.h"
#include "util/buf.h"

/* The string under `key` of a JSON object. text: appended to; wipe with buf_wipe. Returns 0, or -EINVAL with the answer
 * (broken JSON, not an object, key missing, wrong type). */
int body_string(struct buf *text, const char *key, const uint8_t *body, size_t len, struct buf *answer);

/* What a body of /mutable-config asks for. Release with body_gas_wipe. */
struct body_gas {
    struct buf text; /* hex, 0x optional */
    bool encrypted;  /* it is of gas_key_encrypted_hex, not of gas_key_hex */
    bool is_signed;  /* there are sign_timestamp and signature */
    uint64_t sign_timestamp_s;
    struct signature signature;
};

/* Reads it; sign_timestamp and signature are looked at where with_signature says so. Returns 0, or -EINVAL with the
 * answer. */
int body_gas(struct body_gas *out, const uint8_t *body, size_t len, bool with_signature, struct buf *answer);
void body_gas_wipe(struct body_gas *g);

/* Hex text, 0x optional, to bytes. bytes: appended to; wipe with buf_wipe. what is the answer's name of the text
 * ("owner address"). Returns 0 or -EINVAL with the answer. */
int body_hex(struct buf *bytes, const struct buf *text, const char *what, struct buf *answer);

/* Hex text, 0x optional, to an address / a secret key. Return 0, or -EINVAL with the answer; out is then unset
 * (out of body_gas_key: wiped). */
int body_owner(struct address *out, const struct buf *text, struct buf *answer);
int body_gas_key(struct seckey *out, const struct buf *text, struct buf *answer);

#endif
