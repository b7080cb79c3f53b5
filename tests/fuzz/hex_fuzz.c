/* Readers of hexadecimal and decimal text: what is accepted writes back to the same text, what is refused has a bad
 * character where it is said to be. */
#include "fuzz.h"

#include <ctype.h>
#include <strings.h>

#include "eth/address.h"
#include "eth/u256.h"
#include "util/hex.h"

static void check_decode(const char *text, size_t len)
{
    uint8_t *bytes = malloc(len / 2 + 1);
    char *back = malloc(len + 2);
    size_t bad = SIZE_MAX;
    assert(bytes && back);
    switch (hex_decode(bytes, text, len, &bad)) {
    case HEX_OK:
        (void)hex_encode(back, bytes, len / 2);
        assert(strlen(back) == len && strncasecmp(back, text, len) == 0);
        break;
    case HEX_ODD_LENGTH:
        assert(len % 2 == 1);
        break;
    default:
        assert(bad < len && !isxdigit((unsigned char)text[bad]));
        for (size_t i = 0; i < bad; i++)
            assert(isxdigit((unsigned char)text[i]));
        break;
    }
    free(back);
    free(bytes);
}

static void check_data(const char *text, size_t len)
{
    struct buf b = { 0 }, back = { 0 };
    struct err e = { 0 };
    buf_puts(&b, "kept");
    int rc = hex_decode_data(&b, text, len, &e);
    if (rc == 0) {
        hex_append0x(&back, b.data + 4, b.len - 4);
        assert(back.len == len && strncasecmp((const char *)back.data, text, len) == 0);
    } else {
        assert(rc == -EINVAL && e.msg[0] && b.len == 4);
    }
    buf_free(&back);
    buf_free(&b);
}

/* The two readers of quantities agree. */
static void check_numbers(const char *text, size_t len)
{
    struct u256 wide;
    uint64_t small;
    struct err e = { 0 };
    int rc = u256_parse(&wide, text, len, &e);
    int rc_small = hex_decode_u64(&small, text, len, NULL);
    assert(rc == 0 || ((rc == -EINVAL || rc == -ERANGE) && e.code == rc && e.msg[0]));
    if (rc_small == 0)
        assert(rc == 0 && u256_cmp(wide, u256_from_u64(small)) == 0);
    if (rc == 0) {
        char dec[U256_DEC_MAX], hex[U256_HEX_MAX];
        struct u256 again;
        (void)u256_to_dec(dec, wide);
        (void)u256_to_hex(hex, wide);
        assert(u256_parse(&again, dec, strlen(dec), NULL) == 0 && u256_cmp(again, wide) == 0);
        assert(u256_parse(&again, hex, strlen(hex), NULL) == 0 && u256_cmp(again, wide) == 0);
        uint64_t low;
        if (u256_to_u64(&low, wide))
            assert(hex_decode_u64(&small, hex, strlen(hex), NULL) == 0 && small == low);
        else
            assert(hex_decode_u64(&small, hex, strlen(hex), NULL) == -ERANGE);
    }
}

static void check_address(const char *text, size_t len)
{
    struct address a, again;
    struct err e = { 0 };
    if (address_parse(&a, text, len, &e) < 0) {
        assert(e.code == -EINVAL && e.msg[0]);
        return;
    }
    char out[ADDRESS_TEXT_MAX];
    (void)hex_strip0x(text, &len);
    assert(len == 40);
    (void)address_checksum(out, &a);
    assert(address_parse(&again, out, 42, NULL) == 0 && address_eq(&a, &again));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    const char *text = (const char *)data;
    check_decode(text, len);
    check_data(text, len);
    check_numbers(text, len);
    check_address(text, len);
    return 0;
}
