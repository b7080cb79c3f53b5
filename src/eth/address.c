#include "eth/address.h"

#include <errno.h>
#include <string.h>

#include "eth/keccak.h"
#include "util/hex.h"

char *address_lower(char out[ADDRESS_TEXT_MAX], const struct address *a)
{
    memcpy(out, "0x", 2);
    (void)hex_encode(out + 2, a->b, sizeof a->b);
    return out;
}

char *address_checksum(char out[ADDRESS_TEXT_MAX], const struct address *a)
{
    uint8_t hash[32];
    (void)address_lower(out, a);
    keccak256(hash, out + 2, 40);
    for (size_t i = 0; i < 40; i++) {
        unsigned nibble = i % 2 ? hash[i / 2] & 15U : hash[i / 2] >> 4;
        if (nibble >= 8 && out[2 + i] >= 'a')
            out[2 + i] = (char)(out[2 + i] - 'a' + 'A');
    }
    return out;
}

static bool is_mixed_case(const char *digits, size_t len)
{
    bool upper = false, lower = false;
    for (size_t i = 0; i < len; i++) {
        upper = upper || (digits[i] >= 'A' && digits[i] <= 'F');
        lower = lower || (digits[i] >= 'a' && digits[i] <= 'f');
    }
    return upper && lower;
}

int address_parse(struct address *out, const char *text, size_t len, struct err *e)
{
    struct address a;
    char right[ADDRESS_TEXT_MAX];
    if (hex_decode_exact(a.b, sizeof a.b, text, len, e) < 0)
        return -EINVAL;
    const char *digits = hex_strip0x(text, &len);
    if (is_mixed_case(digits, len) && memcmp(address_checksum(right, &a) + 2, digits, 40) != 0)
        return err_set(e, -EINVAL, "the letters' cases are not the address's EIP-55 checksum, which would be %s",
                       right);
    *out = a;
    return 0;
}

void address_from_pubkey(struct address *out, const uint8_t pubkey[64])
{
    uint8_t hash[32];
    keccak256(hash, pubkey, 64);
    memcpy(out->b, hash + 12, sizeof out->b);
}

bool address_eq(const struct address *a, const struct address *b)
{
    return memcmp(a->b, b->b, sizeof a->b) == 0;
}

bool address_is_zero(const struct address *a)
{
    static const struct address zero;
    return address_eq(a, &zero);
}
