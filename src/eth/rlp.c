#include "eth/rlp.h"

#define SHORT_MAX 55
#define STRING_BASE 0x80
#define LIST_BASE 0xc0

/* Length prefix: one byte up to 55, else the number of length bytes and the length, big-endian. */
static void put_header(struct buf *out, uint8_t base, size_t len)
{
    if (len <= SHORT_MAX) {
        buf_push(out, (uint8_t)(base + len));
        return;
    }
    uint8_t be[8];
    size_t n = 0;
    for (size_t rest = len; rest; rest >>= 8)
        be[7 - n++] = (uint8_t)rest;
    buf_push(out, (uint8_t)(base + SHORT_MAX + n));
    buf_append(out, be + 8 - n, n);
}

void rlp_put_bytes(struct buf *out, const void *data, size_t len)
{
    const uint8_t *p = data;
    if (len != 1 || p[0] >= STRING_BASE)
        put_header(out, STRING_BASE, len);
    buf_append(out, data, len);
}

void rlp_put_u256(struct buf *out, struct u256 v)
{
    uint8_t be[32];
    size_t zeros = 0;
    u256_to_be(be, v);
    while (zeros < 32 && be[zeros] == 0)
        zeros++;
    rlp_put_bytes(out, be + zeros, 32 - zeros);
}

void rlp_put_u64(struct buf *out, uint64_t v)
{
    rlp_put_u256(out, u256_from_u64(v));
}

void rlp_put_list(struct buf *out, const void *payload, size_t len)
{
    put_header(out, LIST_BASE, len);
    buf_append(out, payload, len);
}
