#include "api/bodies.h"

#include <errno.h>
#include <string.h>

#include "util/cleanup.h"
#include "util/hex.h"
#include "util/json.h"

/* An object of the body, for json_free_secret; NULL with the answer. key: what it should hold. */
static struct json *parse_object(const char *key, const uint8_t *body, size_t len, struct buf *answer)
{
    struct err why = { 0 };
    struct json *root = json_parse_secret(body ? (const char *)body : "", len, &why);
    if (!root)
        buf_printf(answer, "Invalid JSON body: unreadable at %s, expected {\"%s\": \"0x...\"}\n", why.msg, key);
    else if (json_kind(root) == JSON_KIND_OBJECT)
        return root;
    else
        buf_printf(answer, "Invalid JSON body: found %s, expected an object {\"%s\": \"0x...\"}\n",
                   json_kind_name(root), key);
    json_free_secret(root);
    return NULL;
}

static int take_string(struct buf *text, const struct json *root, const char *key, struct buf *answer)
{
    size_t n = 0;
    const struct json *value = json_get(root, key);
    const char *s = json_str(value, &n);
    if (!value)
        buf_printf(answer, "Missing key %s: expected {\"%s\": \"0x...\"}\n", key, key);
    else if (!s)
        buf_printf(answer, "Invalid type of key %s: found %s, expected a hex string\n", key, json_kind_name(value));
    else
        buf_append(text, s, n);
    return s ? 0 : -EINVAL;
}

int body_string(struct buf *text, const char *key, const uint8_t *body, size_t len, struct buf *answer)
{
    struct json *root = parse_object(key, body, len, answer);
    int rc = root ? take_string(text, root, key, answer) : -EINVAL;
    json_free_secret(root);
    return rc;
}

/* A byte as Rust prints the char of that code point with {:?}: the texts of the API were first written by a Rust
 * program and its clients compare them. */
static void put_rust_char(struct buf *out, uint8_t c)
{
    static const struct {
        uint8_t c;
        char name;
    } named[] = { { 0, '0' }, { '\t', 't' }, { '\n', 'n' }, { '\r', 'r' }, { '\'', '\'' }, { '\\', '\\' } };
    for (size_t i = 0; i < sizeof named / sizeof *named; i++)
        if (named[i].c == c) {
            buf_printf(out, "'\\%c'", named[i].name);
            return;
        }
    if (c < 0x20 || (c >= 0x7f && c <= 0xa0) || c == 0xad)
        buf_printf(out, "'\\u{%x}'", c);
    else if (c < 0x80)
        buf_printf(out, "'%c'", c);
    else
        buf_printf(out, "'%c%c'", 0xc0 | c >> 6, 0x80 | (c & 0x3f)); /* UTF-8 of U+0080 to U+00FF */
}

int body_hex(struct buf *bytes, const struct buf *text, const char *what, struct buf *answer)
{
    const char *s = text->data ? (const char *)text->data : "";
    size_t len = text->len, bad = 0;
    if (len >= 2 && s[0] == '0' && s[1] == 'x') {
        s += 2;
        len -= 2;
    }
    uint8_t *out = buf_extend(bytes, len / 2);
    switch (hex_decode(out, s, len, &bad)) {
    case HEX_OK:
        return 0;
    case HEX_BAD_CHARACTER:
        buf_printf(answer, "Invalid %s hex string: InvalidHexCharacter { c: ", what);
        put_rust_char(answer, (uint8_t)s[bad]);
        buf_printf(answer, ", index: %zu }\n", bad);
        return -EINVAL;
    default:
        buf_printf(answer, "Invalid %s hex string: OddLength\n", what);
        return -EINVAL;
    }
}

int body_owner(struct address *out, const struct buf *text, struct buf *answer)
{
    CLEANUP(buf_free) struct buf bytes = { 0 };
    if (body_hex(&bytes, text, "owner address", answer) < 0)
        return -EINVAL;
    if (bytes.len != sizeof out->b) {
        buf_puts(answer, "Owner address must be 20 bytes long!\n");
        return -EINVAL;
    }
    memcpy(out->b, bytes.data, sizeof out->b);
    if (address_is_zero(out)) {
        buf_puts(answer, "Owner address must not be the zero address!\n");
        return -EINVAL;
    }
    return 0;
}

int body_gas_key(struct seckey *out, const struct buf *text, struct buf *answer)
{
    CLEANUP(buf_wipe) struct buf bytes = { 0 };
    struct err why = { 0 };
    if (body_hex(&bytes, text, "gas private key", answer) < 0)
        return -EINVAL;
    if (bytes.len != sizeof out->secret) {
        buf_puts(answer, "Gas private key must be 32 bytes long!\n");
        return -EINVAL;
    }
    if (seckey_init(out, bytes.data, &why) < 0) {
        seckey_wipe(out);
        buf_printf(answer, "Invalid gas private key provided: %s\n", why.msg);
        return -EINVAL;
    }
    return 0;
}

/* ---- /mutable-config ---- */

#define PLAIN "gas_key_hex"
#define ENCRYPTED "gas_key_encrypted_hex"

static int take_signature(struct body_gas *out, const struct json *root, struct buf *answer)
{
    CLEANUP(buf_free) struct buf text = { 0 };
    CLEANUP(buf_free) struct buf bytes = { 0 };
    const struct json *at = json_get(root, "sign_timestamp");
    out->is_signed = at && json_get(root, "signature");
    if (!out->is_signed)
        return 0;
    if (!json_u64(at, &out->sign_timestamp_s)) {
        buf_puts(answer, "Invalid sign_timestamp: expected seconds since 1970 as an integer\n");
        return -EINVAL;
    }
    if (take_string(&text, root, "signature", answer) < 0 || body_hex(&bytes, &text, "owner signature", answer) < 0)
        return -EINVAL;
    if (bytes.len != sizeof out->signature.b) {
        buf_puts(answer, "Owner signature must be 65 bytes long!\n");
        return -EINVAL;
    }
    memcpy(out->signature.b, bytes.data, sizeof out->signature.b);
    return 0;
}

static int take_gas(struct body_gas *out, const struct json *root, bool with_signature, struct buf *answer)
{
    out->encrypted = json_get(root, ENCRYPTED) != NULL;
    if (out->encrypted && json_get(root, PLAIN)) {
        buf_puts(answer, "Found both " PLAIN " and " ENCRYPTED ", expected one of them\n");
        return -EINVAL;
    }
    if (take_string(&out->text, root, out->encrypted ? ENCRYPTED : PLAIN, answer) < 0)
        return -EINVAL;
    return with_signature ? take_signature(out, root, answer) : 0;
}

int body_gas(struct body_gas *out, const uint8_t *body, size_t len, bool with_signature, struct buf *answer)
{
    *out = (struct body_gas){ 0 };
    struct json *root = parse_object(PLAIN, body, len, answer);
    int rc = root ? take_gas(out, root, with_signature, answer) : -EINVAL;
    json_free_secret(root);
    if (rc < 0)
        body_gas_wipe(out);
    return rc;
}

void body_gas_wipe(struct body_gas *g)
{
    buf_wipe(&g->text);
    explicit_bzero(g, sizeof *g);
}
