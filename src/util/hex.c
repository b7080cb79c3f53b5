#include "util/hex.h"

#include <errno.h>
#include <string.h>

static int nibble(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

char *hex_encode(char *out, const uint8_t *data, size_t len)
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < len; i++) {
        out[2 * i] = digits[data[i] >> 4];
        out[2 * i + 1] = digits[data[i] & 15];
    }
    out[2 * len] = 0;
    return out;
}

void hex_append0x(struct buf *b, const uint8_t *data, size_t len)
{
    buf_puts(b, "0x");
    buf_reserve(b, 2 * len + 1);
    (void)hex_encode((char *)b->data + b->len, data, len);
    b->len += 2 * len;
}

const char *hex_strip0x(const char *text, size_t *len)
{
    if (*len >= 2 && text[0] == '0' && (text[1] == 'x' || text[1] == 'X')) {
        *len -= 2;
        return text + 2;
    }
    return text;
}

enum hex_result hex_decode(uint8_t *out, const char *text, size_t len, size_t *bad_index)
{
    if (len % 2)
        return HEX_ODD_LENGTH;
    for (size_t i = 0; i < len; i += 2) {
        int hi = nibble(text[i]), lo = nibble(text[i + 1]);
        if (hi < 0 || lo < 0) {
            if (bad_index)
                *bad_index = hi < 0 ? i : i + 1;
            return HEX_BAD_CHARACTER;
        }
        out[i / 2] = (uint8_t)(hi << 4 | lo);
    }
    return HEX_OK;
}

int hex_decode_exact(uint8_t *out, size_t out_len, const char *text, size_t len, struct err *e)
{
    size_t bad = 0;
    text = hex_strip0x(text, &len);
    if (len != 2 * out_len)
        return err_set(e, -EINVAL, "expected %zu hex digits, found %zu", 2 * out_len, len);
    if (hex_decode(out, text, len, &bad) != HEX_OK)
        return err_set(e, -EINVAL, "not a hex digit at position %zu", bad);
    return 0;
}

int hex_decode_data(struct buf *out, const char *text, size_t len, struct err *e)
{
    size_t bad = 0;
    if (len < 2 || text[0] != '0' || text[1] != 'x')
        return err_set(e, -EINVAL, "hex data must begin with 0x");
    text += 2;
    len -= 2;
    if (len % 2)
        return err_set(e, -EINVAL, "hex data has an odd number of digits");
    buf_reserve(out, len / 2 + 1);
    if (hex_decode(out->data + out->len, text, len, &bad) != HEX_OK)
        return err_set(e, -EINVAL, "not a hex digit at position %zu", bad);
    out->len += len / 2;
    return 0;
}

int hex_decode_u64(uint64_t *out, const char *text, size_t len, struct err *e)
{
    if (len < 3 || text[0] != '0' || text[1] != 'x')
        return err_set(e, -EINVAL, "a quantity must be 0x and at least one hex digit");
    uint64_t v = 0;
    for (size_t i = 2; i < len; i++) {
        int n = nibble(text[i]);
        if (n < 0)
            return err_set(e, -EINVAL, "not a hex digit at position %zu", i);
        if (v >> 60)
            return err_set(e, -ERANGE, "quantity does not fit in 64 bits");
        v = v << 4 | (uint64_t)n;
    }
    *out = v;
    return 0;
}
