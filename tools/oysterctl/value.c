#include "value.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "util/hex.h"

#define DIGITS "0123456789"
#define DECIMALS 18

static int refuse(const char *what, const char *text, const char *expected, struct err *e)
{
    return err_set(e, -EINVAL, "%s: found \"%.100s\", expected %s", what, text, expected);
}

/* The leading digits of text; *len: how many. False where there are none or they do not fit. */
static bool leading_u64(uint64_t *out, size_t *len, const char *text)
{
    struct u256 wide;
    *len = strspn(text, DIGITS);
    return *len && u256_parse(&wide, text, *len, NULL) == 0 && u256_to_u64(out, wide);
}

int value_u64(uint64_t *out, const char *what, const char *text, struct err *e)
{
    size_t len;
    uint64_t v;
    if (!leading_u64(&v, &len, text) || text[len])
        return refuse(what, text, "a whole number", e);
    *out = v;
    return 0;
}

int value_ms(uint64_t *out_ms, const char *what, const char *text, struct err *e)
{
    static const struct {
        const char *unit;
        uint64_t ms;
    } units[] = { { "", 1000 }, { "ms", 1 }, { "s", 1000 }, { "m", 60 * 1000 }, { "h", 60 * 60 * 1000 } };
    size_t len;
    uint64_t v;
    if (leading_u64(&v, &len, text))
        for (size_t i = 0; i < sizeof units / sizeof *units; i++)
            if (strcmp(text + len, units[i].unit) == 0 && !__builtin_mul_overflow(v, units[i].ms, out_ms))
                return 0;
    return refuse(what, text, "a time such as 90s, 15m or 2h", e);
}

int value_u256(struct u256 *out, const char *what, const char *text, struct err *e)
{
    return u256_parse(out, text, strlen(text), NULL) == 0 ? 0 : refuse(what, text, "a whole number", e);
}

/* With 18 decimals: "12.5" → "12" ‖ "500000000000000000". */
static bool tokens_parse(struct u256 *out, const char *text, unsigned decimals)
{
    static const char zeros[] = "000000000000000000000000000000000000"; /* VALUE_DECIMALS_MAX */
    char digits[U256_DEC_MAX + VALUE_DECIMALS_MAX];
    size_t whole = strspn(text, DIGITS);
    bool dot = text[whole] == '.';
    size_t part = dot ? strspn(text + whole + 1, DIGITS) : 0;
    if (whole == 0 || whole >= U256_DEC_MAX || part > decimals || (dot && part == 0) || text[whole + dot + part])
        return false;
    int n = snprintf(digits, sizeof digits, "%.*s%.*s%.*s", (int)whole, text, (int)part, text + whole + dot,
                     (int)(decimals - part), zeros);
    return u256_parse(out, digits, (size_t)n, NULL) == 0;
}

int value_amount_of(struct u256 *out, const char *what, const char *text, unsigned decimals, struct err *e)
{
    size_t digits = strspn(text, DIGITS);
    bool wei = digits && strcmp(text + digits, "wei") == 0;
    bool ok = wei ? u256_parse(out, text, digits, NULL) == 0 : tokens_parse(out, text, decimals);
    return ok ? 0 : refuse(what, text, "an amount such as 100, 0.5 or 1000wei", e);
}

int value_amount(struct u256 *out, const char *what, const char *text, struct err *e)
{
    return value_amount_of(out, what, text, DECIMALS, e);
}

int value_address(struct address *out, const char *what, const char *text, struct err *e)
{
    struct err why = { 0 };
    if (address_parse(out, text, strlen(text), &why) == 0)
        return 0;
    return err_set(e, -EINVAL, "%s: found \"%.100s\", expected an address: %s", what, text, why.msg);
}

int value_bytes32(uint8_t out[32], const char *what, const char *text, struct err *e)
{
    if (strncmp(text, "0x", 2) == 0 && hex_decode_exact(out, 32, text, strlen(text), NULL) == 0)
        return 0;
    return refuse(what, text, "0x and 64 hex digits", e);
}

char *amount_text(char out[AMOUNT_TEXT_MAX], struct u256 value, unsigned decimals)
{
    static const char zeros[] = "0000000000000000000000000000000000000"; /* VALUE_DECIMALS_MAX and one */
    char dec[U256_DEC_MAX], padded[U256_DEC_MAX + VALUE_DECIMALS_MAX + 1];
    u256_to_dec(dec, value);
    int pad = (int)decimals + 1 - (int)strlen(dec);
    int n = snprintf(padded, sizeof padded, "%.*s%s", pad > 0 ? pad : 0, zeros, dec);
    size_t whole = (size_t)n - decimals, part = decimals;
    while (part && padded[whole + part - 1] == '0')
        part--;
    (void)snprintf(out, AMOUNT_TEXT_MAX, "%.*s%s%.*s", (int)whole, padded, part ? "." : "", (int)part, padded + whole);
    return out;
}
