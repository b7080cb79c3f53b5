#include "eth/tx.h"

#include "eth/keccak.h"
#include "eth/rlp.h"

#define TYPE_EIP1559 0x02

/* The fields both kinds share, in their common order. */
static void put_call(struct buf *out, const struct tx *t)
{
    rlp_put_u64(out, t->gas_limit);
    rlp_put_bytes(out, t->to.b, sizeof t->to.b);
    rlp_put_u256(out, t->value_wei);
    rlp_put_bytes(out, t->data, t->data_len);
}

static void put_eip1559_fields(struct buf *out, const struct tx *t)
{
    rlp_put_u64(out, t->chain_id);
    rlp_put_u64(out, t->nonce);
    rlp_put_u256(out, t->max_priority_fee_wei);
    rlp_put_u256(out, t->max_fee_wei);
    put_call(out, t);
    rlp_put_list(out, NULL, 0); /* access list */
}

static void put_legacy_fields(struct buf *out, const struct tx *t)
{
    rlp_put_u64(out, t->nonce);
    rlp_put_u256(out, t->max_fee_wei);
    put_call(out, t);
}

/* EIP-155: v = 2 * chain id + 35 + parity; wider than 64 bits for the largest ids. */
static struct u256 legacy_v(uint64_t chain_id, unsigned parity)
{
    struct u256 v;
    (void)u256_mul_u64(&v, u256_from_u64(chain_id), 2);
    (void)u256_add(&v, v, u256_from_u64(35 + parity));
    return v;
}

/* Puts fields, as a list behind the type byte, at the end of out. */
static void put_envelope(struct buf *out, const struct tx *t, const struct buf *fields)
{
    if (!t->legacy)
        buf_push(out, TYPE_EIP1559);
    rlp_put_list(out, fields->data, fields->len);
}

static void signing_digest(uint8_t digest[32], const struct tx *t, const struct buf *fields)
{
    struct buf preimage = { 0 };
    struct buf all = { 0 };
    buf_append(&all, fields->data, fields->len);
    if (t->legacy) {
        rlp_put_u64(&all, t->chain_id);
        rlp_put_u64(&all, 0);
        rlp_put_u64(&all, 0);
    }
    put_envelope(&preimage, t, &all);
    keccak256(digest, preimage.data, preimage.len);
    buf_free(&all);
    buf_free(&preimage);
}

void tx_sign(struct buf *out, uint8_t hash[32], const struct tx *t, const struct seckey *key)
{
    struct buf fields = { 0 };
    struct signature sig;
    uint8_t digest[32];
    size_t from = out->len;
    if (t->legacy)
        put_legacy_fields(&fields, t);
    else
        put_eip1559_fields(&fields, t);
    signing_digest(digest, t, &fields);
    seckey_sign(&sig, key, digest);
    unsigned parity = sig.b[64] - 27U;
    rlp_put_u256(&fields, t->legacy ? legacy_v(t->chain_id, parity) : u256_from_u64(parity));
    rlp_put_u256(&fields, u256_from_be(sig.b));
    rlp_put_u256(&fields, u256_from_be(sig.b + 32));
    put_envelope(out, t, &fields);
    keccak256(hash, out->data + from, out->len - from);
    buf_free(&fields);
}
