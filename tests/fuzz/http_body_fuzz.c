/* Any bytes as the body of the API's two POSTs: a value, or an answer of exactly one line. */
#include <assert.h>
#include <string.h>

#include "api/bodies.h"
#include "util/hex.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_refusal(const struct buf *answer)
{
    assert(answer->len > 1 && answer->data[answer->len - 1] == '\n');
    assert(memchr(answer->data, '\n', answer->len) == answer->data + answer->len - 1);
    assert(!memchr(answer->data, 0, answer->len));
}

/* What was accepted is what the text says. */
static void check_value(const struct buf *text, const uint8_t *value, size_t len)
{
    char hex[65];
    assert(text->len == 2 * len || text->len == 2 * len + 2);
    (void)hex_encode(hex, value, len);
    assert(strncasecmp((const char *)text->data + text->len - 2 * len, hex, 2 * len) == 0);
}

static void try_owner(const uint8_t *data, size_t size)
{
    struct buf text = { 0 }, answer = { 0 };
    struct address owner;
    if (body_string(&text, "owner_address_hex", data, size, &answer) == 0 && body_owner(&owner, &text, &answer) == 0) {
        assert(answer.len == 0);
        check_value(&text, owner.b, sizeof owner.b);
    } else {
        check_refusal(&answer);
    }
    buf_wipe(&text);
    buf_free(&answer);
}

static void try_gas_request(const uint8_t *data, size_t size)
{
    struct buf answer = { 0 };
    struct body_gas g;
    if (body_gas(&g, data, size, true, &answer) == 0)
        assert(answer.len == 0);
    else
        check_refusal(&answer);
    body_gas_wipe(&g);
    buf_free(&answer);
}

static void try_gas_key(const uint8_t *data, size_t size)
{
    struct buf text = { 0 }, answer = { 0 };
    struct seckey key;
    if (body_string(&text, "gas_key_hex", data, size, &answer) == 0 && body_gas_key(&key, &text, &answer) == 0) {
        assert(answer.len == 0);
        check_value(&text, key.secret, sizeof key.secret);
        seckey_wipe(&key);
    } else {
        check_refusal(&answer);
    }
    buf_wipe(&text);
    buf_free(&answer);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    try_owner(data, size);
    try_gas_key(data, size);
    try_gas_request(data, size);
    return 0;
}
