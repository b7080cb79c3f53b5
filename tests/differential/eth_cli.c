/* Answers questions about eth/ so that another implementation can check them: one question a line on standard input
 * ("kind field field ..."), one answer a line on standard output, "error" where the code under test refuses. The
 * questions come from eth.test.mjs; a question that this program cannot read ends it with status 2. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "eth/abi.h"
#include "eth/address.h"
#include "eth/ecies.h"
#include "eth/eip712.h"
#include "eth/keccak.h"
#include "eth/key.h"
#include "eth/keystore.h"
#include "eth/rlp.h"
#include "eth/tx.h"
#include "eth/u256.h"
#include "util/buf.h"
#include "util/hex.h"

#define FIELDS_MAX 64
#define DEPTH_MAX 8

/* A question's fields, taken one by one from the front; next stays at the end once they are used up. */
struct question {
    char *fields[FIELDS_MAX];
    size_t n;
    size_t next;
};

static _Noreturn void die(const char *what, const char *text)
{
    (void)fprintf(stderr, "eth_cli: %s: %.200s\n", what, text);
    exit(2);
}

static const char *take(struct question *q)
{
    if (q->next == q->n)
        die("too few fields", q->fields[0]);
    return q->fields[q->next++];
}

static struct buf take_bytes(struct question *q)
{
    struct buf b = { 0 };
    const char *text = take(q);
    if (hex_decode_data(&b, text, strlen(text), NULL) < 0)
        die("not hex data", text);
    return b;
}

static void take_exact(uint8_t *out, size_t n, struct question *q)
{
    const char *text = take(q);
    if (hex_decode_exact(out, n, text, strlen(text), NULL) < 0)
        die("not hex of the right length", text);
}

static struct u256 take_u256(struct question *q)
{
    struct u256 v;
    const char *text = take(q);
    if (u256_parse(&v, text, strlen(text), NULL) < 0)
        die("not a number", text);
    return v;
}

static uint64_t take_u64(struct question *q)
{
    uint64_t v;
    if (!u256_to_u64(&v, take_u256(q)))
        die("over 64 bits", q->fields[q->next - 1]);
    return v;
}

static struct address take_address(struct question *q)
{
    struct address a;
    take_exact(a.b, sizeof a.b, q);
    return a;
}

static struct seckey take_key(struct question *q)
{
    struct seckey key;
    uint8_t secret[32];
    take_exact(secret, sizeof secret, q);
    if (seckey_init(&key, secret, NULL) < 0)
        die("not a key", q->fields[q->next - 1]);
    return key;
}

static void put_hex(struct buf *out, const void *data, size_t len)
{
    if (out->len)
        buf_push(out, ' ');
    hex_append0x(out, data, len);
}

static void put_u256(struct buf *out, struct u256 v)
{
    char text[U256_HEX_MAX];
    if (out->len)
        buf_push(out, ' ');
    buf_puts(out, u256_to_hex(text, v));
}

/* ---- hashes, addresses, signatures ---- */

static void ask_keccak(struct buf *out, struct question *q)
{
    uint8_t hash[32];
    struct buf data = take_bytes(q);
    keccak256(hash, data.data, data.len);
    put_hex(out, hash, 32);
    buf_free(&data);
}

static void ask_checksum(struct buf *out, struct question *q)
{
    char text[ADDRESS_TEXT_MAX];
    struct address a = take_address(q);
    buf_puts(out, address_checksum(text, &a));
}

static void ask_parse_address(struct buf *out, struct question *q)
{
    struct address a;
    const char *text = take(q);
    if (address_parse(&a, text, strlen(text), NULL) < 0)
        buf_puts(out, "error");
    else
        put_hex(out, a.b, sizeof a.b);
}

static void ask_sign(struct buf *out, struct question *q)
{
    uint8_t digest[32];
    struct signature sig;
    struct seckey key = take_key(q);
    take_exact(digest, 32, q);
    seckey_sign(&sig, &key, digest);
    put_hex(out, sig.b, sizeof sig.b);
    put_hex(out, key.address.b, sizeof key.address.b);
}

static void ask_recover(struct buf *out, struct question *q)
{
    uint8_t digest[32], pubkey[64];
    struct signature sig;
    struct address a;
    take_exact(sig.b, sizeof sig.b, q);
    take_exact(digest, 32, q);
    if (signature_recover(pubkey, &sig, digest, NULL) < 0) {
        buf_puts(out, "error");
        return;
    }
    (void)signature_recover_address(&a, &sig, digest, NULL);
    put_hex(out, pubkey, sizeof pubkey);
    put_hex(out, a.b, sizeof a.b);
}

/* ---- ABI: a type is a letter; u uint256, q uint64, o uint8, b bool, w bytes32, a address, y bytes, A address[],
 * (...) a dynamic tuple ---- */

static size_t count_args(const char *types)
{
    size_t n = 0, depth = 0;
    for (; *types && (depth || *types != ')'); types++) {
        n += depth == 0;
        depth += *types == '(';
        depth -= *types == ')';
    }
    return n;
}

/* Encodes the types up to the end or the closing bracket, and returns where it stopped. */
static const char *encode_args(struct abi_encoder *enc, const char *types, struct question *q)
{
    for (; *types && *types != ')'; types++) {
        if (*types == 'y') {
            struct buf data = take_bytes(q);
            abi_put_bytes(enc, data.data, data.len);
            buf_free(&data);
        } else if (*types == '(') {
            struct abi_encoder inner;
            abi_begin_tuple(enc, &inner, count_args(types + 1));
            types = encode_args(&inner, types + 1, q);
            abi_end(&inner);
        } else if (*types == 'a') {
            struct address a = take_address(q);
            abi_put_address(enc, &a);
        } else if (*types == 'w') {
            uint8_t word[32];
            take_exact(word, 32, q);
            abi_put_word(enc, word);
        } else if (*types == 'u') {
            abi_put_u256(enc, take_u256(q));
        } else {
            abi_put_u64(enc, take_u64(q));
        }
    }
    return types;
}

static void ask_abi_encode(struct buf *out, struct question *q)
{
    struct buf encoded = { 0 };
    struct abi_encoder enc;
    const char *types = take(q);
    struct buf selector = take_bytes(q);
    abi_begin(&enc, &encoded, selector.len ? selector.data : NULL, count_args(types));
    (void)encode_args(&enc, types, q);
    abi_end(&enc);
    put_hex(out, encoded.data, encoded.len);
    buf_free(&selector);
    buf_free(&encoded);
}

static int decode_addresses(struct buf *out, struct abi_view v, size_t index)
{
    struct address *all;
    size_t n;
    int rc = abi_get_address_array(&all, &n, 1000, v, index, NULL);
    if (rc < 0)
        return rc;
    put_u256(out, u256_from_u64(n));
    for (size_t i = 0; i < n; i++)
        put_hex(out, all[i].b, sizeof all[i].b);
    free(all);
    return 0;
}

static int decode_bytes(struct buf *out, struct abi_view v, size_t index)
{
    const uint8_t *data;
    size_t len;
    int rc = abi_get_bytes(&data, &len, v, index, NULL);
    if (rc == 0)
        put_hex(out, data, len);
    return rc;
}

static int decode_number(struct buf *out, char type, struct abi_view v, size_t index)
{
    struct u256 wide = { 0 };
    uint8_t small = 0;
    bool flag = false;
    int rc = type == 'u'   ? abi_get_u256(&wide, v, index, NULL)
             : type == 'q' ? abi_get_u64(&wide.limb[0], v, index, NULL)
             : type == 'o' ? abi_get_u8(&small, v, index, NULL)
                           : abi_get_bool(&flag, v, index, NULL);
    wide.limb[0] |= (uint64_t)small | (uint64_t)flag;
    if (rc == 0)
        put_u256(out, wide);
    return rc;
}

static int decode_arg(struct buf *out, char type, struct abi_view v, size_t index)
{
    struct address a;
    const uint8_t *word;
    int rc;
    switch (type) {
    case 'A':
        return decode_addresses(out, v, index);
    case 'y':
        return decode_bytes(out, v, index);
    case 'a':
        rc = abi_get_address(&a, v, index, NULL);
        if (rc == 0)
            put_hex(out, a.b, sizeof a.b);
        return rc;
    case 'w':
        rc = abi_get_word(&word, v, index, NULL);
        if (rc == 0)
            put_hex(out, word, 32);
        return rc;
    default:
        return decode_number(out, type, v, index);
    }
}

static void ask_abi_decode(struct buf *out, struct question *q)
{
    const char *types = take(q);
    struct buf data = take_bytes(q);
    struct abi_view v = { data.data, data.len };
    int rc = 0;
    for (size_t i = 0; types[i] && rc == 0; i++)
        rc = decode_arg(out, types[i], v, i);
    if (rc < 0) {
        buf_reset(out);
        buf_puts(out, "error");
    }
    buf_free(&data);
}

/* ---- RLP: fields "[" ... "]", "n" number, "s" bytes ---- */

static void put_rlp_items(struct buf *out, struct question *q, int depth)
{
    if (depth > DEPTH_MAX)
        die("too deep", q->fields[0]);
    while (q->next < q->n) {
        const char *tag = take(q);
        if (*tag == ']')
            return;
        if (*tag == 'n') {
            struct u256 v = take_u256(q);
            uint64_t small;
            if (u256_to_u64(&small, v))
                rlp_put_u64(out, small);
            else
                rlp_put_u256(out, v);
        } else if (*tag == 's') {
            struct buf data = take_bytes(q);
            rlp_put_bytes(out, data.data, data.len);
            buf_free(&data);
        } else {
            struct buf items = { 0 };
            put_rlp_items(&items, q, depth + 1);
            rlp_put_list(out, items.data, items.len);
            buf_free(&items);
        }
    }
}

static void ask_rlp(struct buf *out, struct question *q)
{
    struct buf encoded = { 0 };
    put_rlp_items(&encoded, q, 0);
    put_hex(out, encoded.data, encoded.len);
    buf_free(&encoded);
}

/* ---- EIP-712 and transactions ---- */

static void ask_register(struct buf *out, struct question *q)
{
    uint8_t digest[32];
    struct address owner = take_address(q);
    uint64_t capacity = take_u64(q);
    int env = atoi(take(q));
    eip712_register(digest, &owner, capacity, env, take_u64(q));
    put_hex(out, digest, 32);
}

static void ask_submit_output(struct buf *out, struct question *q)
{
    uint8_t digest[32];
    struct u256 job_id = take_u256(q);
    struct buf output = take_bytes(q);
    uint64_t total_time_ms = take_u64(q);
    uint8_t error_code = (uint8_t)take_u64(q);
    eip712_submit_output(digest, job_id, output.data, output.len, total_time_ms, error_code, take_u64(q));
    put_hex(out, digest, 32);
    buf_free(&output);
}

static void ask_attestation(struct buf *out, struct question *q)
{
    uint8_t digest[32], pcr[3][48];
    struct buf pubkey = take_bytes(q);
    for (size_t i = 0; i < 3; i++)
        take_exact(pcr[i], 48, q);
    eip712_attestation(digest, pubkey.data, pubkey.len, pcr[0], pcr[1], pcr[2], take_u64(q));
    put_hex(out, digest, 32);
    buf_free(&pubkey);
}

static void ask_image_attestation(struct buf *out, struct question *q)
{
    uint8_t digest[32], image_id[32];
    take_exact(image_id, 32, q);
    uint64_t timestamp_ms = take_u64(q);
    struct buf pubkey = take_bytes(q), user_data = take_bytes(q);
    eip712_image_attestation(digest, image_id, timestamp_ms, pubkey.data, pubkey.len, user_data.data, user_data.len);
    put_hex(out, digest, 32);
    buf_free(&pubkey);
    buf_free(&user_data);
}

static void ask_configure_gas_key(struct buf *out, struct question *q)
{
    uint8_t digest[32];
    struct address enclave = take_address(q), gas = take_address(q);
    eip712_configure_gas_key(digest, &enclave, &gas, take_u64(q));
    put_hex(out, digest, 32);
}

static void ask_ecies_seal(struct buf *out, struct question *q)
{
    uint8_t pubkey[64];
    struct buf sealed = { 0 };
    take_exact(pubkey, sizeof pubkey, q);
    struct buf purpose = take_bytes(q), data = take_bytes(q);
    if (ecies_seal(&sealed, pubkey, buf_cstr(&purpose), data.data, data.len, NULL) < 0)
        buf_puts(out, "error");
    else
        put_hex(out, sealed.data, sealed.len);
    buf_free(&sealed);
    buf_free(&purpose);
    buf_free(&data);
}

static void ask_ecies_open(struct buf *out, struct question *q)
{
    struct buf data = { 0 };
    struct seckey key = take_key(q);
    struct buf purpose = take_bytes(q), sealed = take_bytes(q);
    uint8_t *room = buf_extend(&data, sealed.len + 1);
    if (ecies_open(room, &key, buf_cstr(&purpose), sealed.data, sealed.len, NULL) < 0)
        buf_puts(out, "error");
    else
        put_hex(out, room, sealed.len - ECIES_OVERHEAD_BYTES);
    buf_free(&data);
    buf_free(&purpose);
    buf_free(&sealed);
}

static void ask_tx(struct buf *out, struct question *q)
{
    struct buf raw = { 0 };
    uint8_t hash[32];
    struct seckey key = take_key(q);
    struct tx t = { .legacy = strcmp(take(q), "legacy") == 0 };
    t.chain_id = take_u64(q);
    t.nonce = take_u64(q);
    t.max_priority_fee_wei = take_u256(q);
    t.max_fee_wei = take_u256(q);
    t.gas_limit = take_u64(q);
    t.to = take_address(q);
    t.value_wei = take_u256(q);
    struct buf data = take_bytes(q);
    t.data = data.data;
    t.data_len = data.len;
    tx_sign(&raw, hash, &t, &key);
    put_hex(out, raw.data, raw.len);
    put_hex(out, hash, 32);
    buf_free(&data);
    buf_free(&raw);
}

/* ---- keys under a password: JSON and password as hex ---- */

static void ask_keystore_open(struct buf *out, struct question *q)
{
    struct seckey key;
    struct buf json = take_bytes(q);
    struct buf password = take_bytes(q);
    if (keystore_open(&key, (const char *)json.data, json.len, (const char *)password.data, password.len, NULL) < 0)
        buf_puts(out, "error");
    else
        put_hex(out, key.secret, sizeof key.secret);
    buf_free(&json);
    buf_free(&password);
}

static void ask_keystore_seal(struct buf *out, struct question *q)
{
    struct buf json = { 0 };
    struct seckey key = take_key(q);
    struct buf password = take_bytes(q);
    enum keystore_kdf kdf = strcmp(take(q), "scrypt") == 0 ? KEYSTORE_SCRYPT : KEYSTORE_PBKDF2;
    if (keystore_seal(&json, &key, (const char *)password.data, password.len, kdf, NULL) < 0)
        buf_puts(out, "error");
    else
        put_hex(out, json.data, json.len);
    buf_free(&json);
    buf_free(&password);
}

/* ---- numbers ---- */

static void ask_text(struct buf *out, struct question *q)
{
    char dec[U256_DEC_MAX], hex[U256_HEX_MAX];
    const char *text = take(q);
    struct u256 v;
    int rc = u256_parse(&v, text, strlen(text), NULL);
    if (rc < 0)
        buf_puts(out, "error");
    else
        buf_printf(out, "%s %s", u256_to_dec(dec, v), u256_to_hex(hex, v));
}

static void ask_add(struct buf *out, struct question *q)
{
    struct u256 a = take_u256(q), b = take_u256(q);
    bool fits = u256_add(&a, a, b);
    put_u256(out, a);
    buf_puts(out, fits ? " fits" : " wraps");
}

static void ask_sub(struct buf *out, struct question *q)
{
    struct u256 a = take_u256(q), b = take_u256(q);
    int cmp = u256_cmp(a, b);
    bool fits = u256_sub(&a, a, b);
    put_u256(out, a);
    buf_printf(out, fits ? " fits %d" : " wraps %d", cmp);
}

static void ask_mul(struct buf *out, struct question *q)
{
    struct u256 a = take_u256(q);
    bool fits = u256_mul_u64(&a, a, take_u64(q));
    put_u256(out, a);
    buf_puts(out, fits ? " fits" : " wraps");
}

static void ask_div(struct buf *out, struct question *q)
{
    uint64_t rem;
    struct u256 a = take_u256(q);
    put_u256(out, u256_div_u64(a, take_u64(q), &rem));
    put_u256(out, u256_from_u64(rem));
}

/* ---- the loop ---- */

static const struct {
    const char *kind;
    void (*ask)(struct buf *out, struct question *q);
} kinds[] = {
    { "keccak", ask_keccak },
    { "checksum", ask_checksum },
    { "parse_address", ask_parse_address },
    { "sign", ask_sign },
    { "recover", ask_recover },
    { "abi_encode", ask_abi_encode },
    { "abi_decode", ask_abi_decode },
    { "rlp", ask_rlp },
    { "register", ask_register },
    { "submit_output", ask_submit_output },
    { "attestation", ask_attestation },
    { "image_attestation", ask_image_attestation },
    { "configure_gas_key", ask_configure_gas_key },
    { "ecies_seal", ask_ecies_seal },
    { "ecies_open", ask_ecies_open },
    { "tx", ask_tx },
    { "keystore_open", ask_keystore_open },
    { "keystore_seal", ask_keystore_seal },
    { "text", ask_text },
    { "add", ask_add },
    { "sub", ask_sub },
    { "mul", ask_mul },
    { "div", ask_div },
};

static void answer(struct buf *out, struct question *q)
{
    const char *kind = take(q);
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (strcmp(kind, kinds[i].kind) == 0) {
            kinds[i].ask(out, q);
            if (q->next != q->n)
                die("too many fields", kind);
            return;
        }
    die("unknown kind", kind);
}

int main(void)
{
    char *line = NULL;
    size_t cap = 0;
    struct buf out = { 0 };
    while (getline(&line, &cap, stdin) > 0) {
        struct question q = { 0 };
        char *rest = NULL;
        for (char *f = strtok_r(line, " \n", &rest); f; f = strtok_r(NULL, " \n", &rest)) {
            if (q.n == FIELDS_MAX)
                die("too many fields", q.fields[0]);
            q.fields[q.n++] = f;
        }
        if (q.n == 0)
            die("empty line", "");
        buf_reset(&out);
        answer(&out, &q);
        (void)puts(buf_cstr(&out));
    }
    buf_free(&out);
    free(line);
    return fflush(stdout) == 0 ? 0 : 1;
}
