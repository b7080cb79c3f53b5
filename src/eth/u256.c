#include "eth/u256.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#include "util/hex.h"

__extension__ typedef unsigned __int128 u128;

struct u256 u256_from_be(const uint8_t be[32])
{
    struct u256 v = { 0 };
    for (size_t i = 0; i < 32; i++)
        v.limb[3 - i / 8] = v.limb[3 - i / 8] << 8 | be[i];
    return v;
}

void u256_to_be(uint8_t be[32], struct u256 v)
{
    for (size_t i = 0; i < 32; i++)
        be[i] = (uint8_t)(v.limb[3 - i / 8] >> (8 * (7 - i % 8)));
}

struct u256 u256_from_u64(uint64_t v)
{
    return (struct u256){ { v } };
}

bool u256_to_u64(uint64_t *out, struct u256 v)
{
    bool fits = (v.limb[1] | v.limb[2] | v.limb[3]) == 0;
    *out = fits ? v.limb[0] : UINT64_MAX;
    return fits;
}

int u256_cmp(struct u256 a, struct u256 b)
{
    for (int i = 3; i >= 0; i--)
        if (a.limb[i] != b.limb[i])
            return a.limb[i] < b.limb[i] ? -1 : 1;
    return 0;
}

bool u256_is_zero(struct u256 v)
{
    return (v.limb[0] | v.limb[1] | v.limb[2] | v.limb[3]) == 0;
}

bool u256_add(struct u256 *out, struct u256 a, struct u256 b)
{
    u128 carry = 0;
    for (int i = 0; i < 4; i++) {
        carry += (u128)a.limb[i] + b.limb[i];
        out->limb[i] = (uint64_t)carry;
        carry >>= 64;
    }
    return carry == 0;
}

bool u256_sub(struct u256 *out, struct u256 a, struct u256 b)
{
    uint64_t borrow = 0;
    for (int i = 0; i < 4; i++) {
        u128 d = (u128)a.limb[i] - b.limb[i] - borrow;
        out->limb[i] = (uint64_t)d;
        borrow = (uint64_t)(d >> 64) & 1;
    }
    return borrow == 0;
}

bool u256_mul_u64(struct u256 *out, struct u256 a, uint64_t b)
{
    u128 carry = 0;
    for (int i = 0; i < 4; i++) {
        carry += (u128)a.limb[i] * b;
        out->limb[i] = (uint64_t)carry;
        carry >>= 64;
    }
    return carry == 0;
}

struct u256 u256_div_u64(struct u256 a, uint64_t b, uint64_t *rem)
{
    assert(b != 0);
    struct u256 q = { 0 };
    u128 r = 0;
    for (int i = 3; i >= 0; i--) {
        r = r << 64 | a.limb[i];
        q.limb[i] = (uint64_t)(r / b);
        r %= b;
    }
    if (rem)
        *rem = (uint64_t)r;
    return q;
}

char *u256_to_dec(char out[U256_DEC_MAX], struct u256 v)
{
    char reversed[U256_DEC_MAX];
    size_t n = 0;
    do {
        uint64_t digit;
        v = u256_div_u64(v, 10, &digit);
        reversed[n++] = (char)('0' + digit);
    } while (!u256_is_zero(v));
    for (size_t i = 0; i < n; i++)
        out[i] = reversed[n - 1 - i];
    out[n] = 0;
    return out;
}

char *u256_to_hex(char out[U256_HEX_MAX], struct u256 v)
{
    uint8_t be[32];
    char digits[65];
    u256_to_be(be, v);
    (void)hex_encode(digits, be, sizeof be);
    size_t zeros = strspn(digits, "0");
    if (zeros == 64)
        zeros = 63;
    memcpy(out, "0x", 2);
    memcpy(out + 2, digits + zeros, 65 - zeros);
    return out;
}

/* Value of one digit in the base, or -1. */
static int digit_value(char c, unsigned base)
{
    int v = -1;
    if (c >= '0' && c <= '9')
        v = c - '0';
    else if (base == 16 && c >= 'a' && c <= 'f')
        v = c - 'a' + 10;
    else if (base == 16 && c >= 'A' && c <= 'F')
        v = c - 'A' + 10;
    return v;
}

int u256_parse(struct u256 *out, const char *text, size_t len, struct err *e)
{
    unsigned base = 10;
    size_t i = 0;
    if (len >= 2 && text[0] == '0' && text[1] == 'x') {
        base = 16;
        i = 2;
    }
    if (i == len)
        return err_set(e, -EINVAL, "not a number: no digits");
    struct u256 v = { 0 };
    bool fits = true;
    for (; i < len; i++) {
        int d = digit_value(text[i], base);
        if (d < 0)
            return err_set(e, -EINVAL, "not a number: no digit of base %u at position %zu", base, i);
        fits = u256_mul_u64(&v, v, base) && fits;
        fits = u256_add(&v, v, u256_from_u64((uint64_t)d)) && fits;
    }
    if (!fits)
        return err_set(e, -ERANGE, "number over 2^256-1");
    *out = v;
    return 0;
}

double u256_to_f64(struct u256 v)
{
    double f = 0;
    for (int i = 3; i >= 0; i--)
        f = f * 0x1p64 + (double)v.limb[i];
    return f;
}
