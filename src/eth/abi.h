/* Contract ABI encoding (Solidity ABI specification), bounded in both directions. A decoder never reads outside its
 * bytes: hostile offsets and lengths are errors. */
#ifndef OYSTER_ETH_ABI_H
#define OYSTER_ETH_ABI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "eth/address.h"
#include "eth/u256.h"
#include "util/buf.h"
#include "util/err.h"

/* ---- encoding: a call is selector, head words in order, tails appended behind by abi_end. ---- */

#define ABI_MAX_ARGS 16

/* Encodes one tuple (the arguments of a call). Start with abi_begin, add the arguments in order, finish with abi_end.
 */
struct abi_encoder {
    struct buf *out;
    size_t head_at; /* where the head begins in out */
    size_t n_args;  /* declared */
    size_t next;    /* arguments written */
};

/* Reserves the head of n_args words at the end of out. selector: 4 bytes to put in front, or NULL. */
void abi_begin(struct abi_encoder *enc, struct buf *out, const uint8_t *selector, size_t n_args);
void abi_put_u256(struct abi_encoder *enc, struct u256 v);
void abi_put_u64(struct abi_encoder *enc, uint64_t v);
void abi_put_word(struct abi_encoder *enc, const uint8_t word[32]);
void abi_put_address(struct abi_encoder *enc, const struct address *a);
void abi_put_bytes(struct abi_encoder *enc, const void *data, size_t len); /* bytes and string */

/* A dynamic tuple argument: begins a nested encoder in the tail; end it before the next argument of the outer one. */
void abi_begin_tuple(struct abi_encoder *outer, struct abi_encoder *inner, size_t n_args);

/* Checks that every declared argument was written (asserts: a bug of ours otherwise). */
void abi_end(struct abi_encoder *enc);

/* ---- decoding ---- */

/* A tuple that lies in data[0..len): head words at 32*index, offsets relative to data. Borrowed. */
struct abi_view {
    const uint8_t *data;
    size_t len;
};

/* Each reads the index-th argument. Return 0, or -EBADMSG with the argument's index and the reason.
 * abi_get_u64 / abi_get_u8: a word that does not fit is an error. abi_get_address: the 12 high bytes must be 0.
 * abi_get_bytes: *out borrows from the view; padding need not be present behind the last byte.
 * abi_get_address_array: at most max elements; *out (free()) and *n; an empty array gives NULL and 0. */
int abi_get_word(const uint8_t **out, struct abi_view v, size_t index, struct err *e);
int abi_get_u256(struct u256 *out, struct abi_view v, size_t index, struct err *e);
int abi_get_u64(uint64_t *out, struct abi_view v, size_t index, struct err *e);
int abi_get_u8(uint8_t *out, struct abi_view v, size_t index, struct err *e);
int abi_get_bool(bool *out, struct abi_view v, size_t index, struct err *e);
int abi_get_address(struct address *out, struct abi_view v, size_t index, struct err *e);
int abi_get_bytes(const uint8_t **out, size_t *len, struct abi_view v, size_t index, struct err *e);
int abi_get_address_array(struct address **out, size_t *n, size_t max, struct abi_view v, size_t index, struct err *e);

#endif
