#include "eth/keystore.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#include "eth/cipher.h"
#include "eth/keccak.h"
#include "util/cleanup.h"
#include "util/hex.h"
#include "util/json.h"
#include "util/random.h"

#define DERIVED_BYTES 32
#define VERSION 3
#define SEAL_SCRYPT_N 262144
#define SEAL_ROUNDS 600000
#define SEAL_SALT_BYTES 32

/* ---- reading ---- */

static int wrong(struct err *e, const char *key, const char *expected, const struct json *found)
{
    if (!found)
        return err_set(e, -EINVAL, "%s: missing, expected %s", key, expected);
    return err_set(e, -EINVAL, "%s: expected %s, found %s", key, expected, json_kind_name(found));
}

/* Prefixes the message with the member that holds the culprit; the code stays, also without an e. */
static int within(struct err *e, const char *member, int rc)
{
    (void)err_wrap(e, "%s", member);
    return rc;
}

/* The member as text that is one of our literals, compared in whole. */
static bool says(const struct json *obj, const char *key, const char *text)
{
    size_t len = 0;
    const char *found = json_str(json_get(obj, key), &len);
    return found && len == strlen(text) && memcmp(found, text, len) == 0;
}

static int read_bytes(uint8_t *out, size_t n, const struct json *obj, const char *key, struct err *e)
{
    size_t len = 0;
    const struct json *v = json_get(obj, key);
    const char *text = json_str(v, &len);
    if (!text)
        return wrong(e, key, "hex text", v);
    if (hex_decode_exact(out, n, text, len, e) < 0)
        return within(e, key, -EINVAL);
    return 0;
}

static int read_salt(struct keystore *k, const struct json *params, struct err *e)
{
    size_t len = 0;
    const struct json *v = json_get(params, "salt");
    const char *text = json_str(v, &len);
    if (!text)
        return wrong(e, "salt", "hex text", v);
    text = hex_strip0x(text, &len);
    if (len > 2 * sizeof k->salt)
        return err_set(e, -E2BIG, "salt: %zu bytes, at most %zu are read", len / 2, sizeof k->salt);
    if (hex_decode_exact(k->salt, len / 2, text, len, e) < 0)
        return within(e, "salt", -EINVAL);
    k->salt_len = len / 2;
    return 0;
}

static int read_count(uint32_t *out, const struct json *params, const char *key, struct err *e)
{
    uint64_t v = 0;
    const struct json *found = json_get(params, key);
    if (!json_u64(found, &v))
        return wrong(e, key, "a whole number", found);
    if (v == 0 || v > UINT32_MAX)
        return err_set(e, -EINVAL, "%s: %llu is out of range", key, (unsigned long long)v);
    *out = (uint32_t)v;
    return 0;
}

/* Every factor is below 2^32, and the products are compared by division: nothing overflows. */
static int check_scrypt(const struct scrypt_cost *c, struct err *e)
{
    if (c->n < 2 || (c->n & (c->n - 1)) != 0)
        return err_set(e, -EINVAL, "n: expected a power of two above 1, found %llu", (unsigned long long)c->n);
    if (c->n > KEYSTORE_MEMORY_MAX / 128 / c->r || c->p > KEYSTORE_MEMORY_MAX / 128 / c->r)
        return err_set(e, -E2BIG, "n %llu, r %u, p %u: scrypt would take over %llu MiB of memory",
                       (unsigned long long)c->n, c->r, c->p, (unsigned long long)(KEYSTORE_MEMORY_MAX >> 20));
    if (c->p > KEYSTORE_WORK_MAX / (c->n * c->r))
        return err_set(e, -E2BIG, "n %llu, r %u, p %u: scrypt would take minutes, n * r * p may be %llu at most",
                       (unsigned long long)c->n, c->r, c->p, (unsigned long long)KEYSTORE_WORK_MAX);
    return 0;
}

static int read_scrypt(struct keystore *k, const struct json *params, struct err *e)
{
    uint32_t n = 0;
    k->kdf = KEYSTORE_SCRYPT;
    int rc = read_count(&n, params, "n", e);
    if (rc == 0)
        rc = read_count(&k->scrypt.r, params, "r", e);
    if (rc == 0)
        rc = read_count(&k->scrypt.p, params, "p", e);
    k->scrypt.n = n;
    return rc < 0 ? rc : check_scrypt(&k->scrypt, e);
}

static int read_pbkdf2(struct keystore *k, const struct json *params, struct err *e)
{
    k->kdf = KEYSTORE_PBKDF2;
    if (!says(params, "prf", "hmac-sha256"))
        return err_set(e, -EINVAL, "prf: expected \"hmac-sha256\"");
    int rc = read_count(&k->rounds, params, "c", e);
    if (rc == 0 && k->rounds > KEYSTORE_ROUNDS_MAX)
        return err_set(e, -E2BIG, "c: %u rounds, at most %u are done", k->rounds, KEYSTORE_ROUNDS_MAX);
    return rc;
}

static int read_kdf(struct keystore *k, const struct json *crypto, struct err *e)
{
    uint32_t dklen = 0;
    const struct json *params = json_get(crypto, "kdfparams");
    if (json_kind(params) != JSON_KIND_OBJECT)
        return wrong(e, "kdfparams", "an object", params);
    int rc = read_count(&dklen, params, "dklen", e);
    if (rc == 0 && dklen != DERIVED_BYTES)
        rc = err_set(e, -EINVAL, "dklen: expected %d, found %u", DERIVED_BYTES, dklen);
    if (rc == 0)
        rc = read_salt(k, params, e);
    if (rc < 0)
        return within(e, "kdfparams", rc);
    if (says(crypto, "kdf", "scrypt"))
        rc = read_scrypt(k, params, e);
    else if (says(crypto, "kdf", "pbkdf2"))
        rc = read_pbkdf2(k, params, e);
    else
        return err_set(e, -EINVAL, "kdf: expected \"scrypt\" or \"pbkdf2\"");
    return rc < 0 ? within(e, "kdfparams", rc) : 0;
}

static int read_crypto(struct keystore *k, const struct json *crypto, struct err *e)
{
    if (!says(crypto, "cipher", "aes-128-ctr"))
        return err_set(e, -EINVAL, "cipher: expected \"aes-128-ctr\"");
    const struct json *params = json_get(crypto, "cipherparams");
    int rc = read_bytes(k->iv, sizeof k->iv, params, "iv", e);
    if (rc < 0)
        return within(e, "cipherparams", rc);
    rc = read_bytes(k->ciphertext, sizeof k->ciphertext, crypto, "ciphertext", e);
    if (rc == 0)
        rc = read_bytes(k->mac, sizeof k->mac, crypto, "mac", e);
    return rc < 0 ? rc : read_kdf(k, crypto, e);
}

static int read_address(struct keystore *k, const struct json *root, struct err *e)
{
    const struct json *v = json_get(root, "address");
    if (json_kind(v) == JSON_KIND_NULL)
        return 0;
    k->has_address = true;
    return read_bytes(k->address.b, sizeof k->address.b, root, "address", e);
}

static int read_root(struct keystore *k, const struct json *root, struct err *e)
{
    uint64_t version = 0;
    const struct json *found = json_get(root, "version");
    const struct json *crypto = json_get(root, "crypto");
    if (!crypto)
        crypto = json_get(root, "Crypto"); /* as older programs wrote it */
    if (json_kind(crypto) != JSON_KIND_OBJECT)
        return err_set(e, -EINVAL, "not a web3 secret storage file: it has no object \"crypto\"");
    if (!json_u64(found, &version) || version != VERSION)
        return err_set(e, -EINVAL, "version: only version 3 of web3 secret storage is read");
    int rc = read_crypto(k, crypto, e);
    if (rc < 0)
        return within(e, "crypto", rc);
    return read_address(k, root, e);
}

int keystore_parse(struct keystore *out, const char *json, size_t len, struct err *e)
{
    *out = (struct keystore){ 0 };
    if (len > KEYSTORE_FILE_MAX)
        return err_set(e, -E2BIG, "%zu bytes, expected a web3 secret storage file of at most %zu", len,
                       KEYSTORE_FILE_MAX);
    struct json *root = json_parse(json, len, e);
    if (!root)
        return -EINVAL;
    int rc = read_root(out, root, e);
    json_free(root);
    return rc;
}

/* ---- the format's cryptography ---- */

static int derive(uint8_t out[DERIVED_BYTES], const struct keystore *k, const char *password, size_t password_len,
                  struct err *e)
{
    if (k->kdf == KEYSTORE_SCRYPT)
        return scrypt_derive(out, DERIVED_BYTES, password, password_len, k->salt, k->salt_len, &k->scrypt, e);
    cipher_pbkdf2_sha256(out, DERIVED_BYTES, password, password_len, k->salt, k->salt_len, k->rounds);
    return 0;
}

static void make_mac(uint8_t mac[32], const uint8_t derived[DERIVED_BYTES], const uint8_t ciphertext[32])
{
    const struct keccak_part parts[] = { { derived + 16, 16 }, { ciphertext, 32 } };
    keccak256_parts(mac, parts, 2);
}

/* A secret of 32 bytes in its scope. */
struct secret {
    uint8_t b[32];
};

static void secret_wipe(struct secret *s)
{
    explicit_bzero(s, sizeof *s);
}

static int decrypt(struct seckey *out, const struct keystore *k, const struct secret *derived, struct err *e)
{
    uint8_t mac[32];
    CLEANUP(secret_wipe) struct secret plain;
    make_mac(mac, derived->b, k->ciphertext);
    if (!cipher_equal(mac, k->mac, sizeof mac))
        return err_set(e, -EACCES, "the password is wrong (or the file is damaged: its mac does not match)");
    cipher_aes128_ctr(plain.b, k->ciphertext, sizeof plain.b, derived->b, k->iv);
    if (seckey_init(out, plain.b, e) < 0)
        return -EBADMSG;
    if (k->has_address && !address_eq(&out->address, &k->address)) {
        char says_text[ADDRESS_TEXT_MAX], is_text[ADDRESS_TEXT_MAX];
        return err_set(e, -EBADMSG, "address: the file says %s and holds the key of %s",
                       address_checksum(says_text, &k->address), address_checksum(is_text, &out->address));
    }
    return 0;
}

int keystore_open(struct seckey *out, const char *json, size_t len, const char *password, size_t password_len,
                  struct err *e)
{
    struct keystore k;
    CLEANUP(secret_wipe) struct secret derived = { 0 };
    int rc = keystore_parse(&k, json, len, e);
    if (rc == 0)
        rc = derive(derived.b, &k, password, password_len, e);
    if (rc == 0)
        rc = decrypt(out, &k, &derived, e);
    if (rc < 0)
        seckey_wipe(out);
    return rc;
}

/* ---- writing ---- */

static void put_hex(struct buf *out, const char *key, const uint8_t *data, size_t len)
{
    char text[2 * KEYSTORE_SALT_MAX + 1];
    assert(len <= KEYSTORE_SALT_MAX);
    buf_printf(out, "\"%s\":\"%s\"", key, hex_encode(text, data, len));
}

/* A random UUID (RFC 9562, version 4). */
static void put_id(struct buf *out, const uint8_t random[16])
{
    char text[33];
    uint8_t id[16];
    memcpy(id, random, sizeof id);
    id[6] = (uint8_t)((id[6] & 0x0f) | 0x40);
    id[8] = (uint8_t)((id[8] & 0x3f) | 0x80);
    (void)hex_encode(text, id, sizeof id);
    buf_printf(out, "\"id\":\"%.8s-%.4s-%.4s-%.4s-%.12s\"", text, text + 8, text + 12, text + 16, text + 20);
}

static void put_kdf(struct buf *out, const struct keystore *k)
{
    if (k->kdf == KEYSTORE_SCRYPT)
        buf_printf(out, "\"kdf\":\"scrypt\",\"kdfparams\":{\"dklen\":%d,\"n\":%llu,\"p\":%u,\"r\":%u,", DERIVED_BYTES,
                   (unsigned long long)k->scrypt.n, k->scrypt.p, k->scrypt.r);
    else
        buf_printf(out, "\"kdf\":\"pbkdf2\",\"kdfparams\":{\"c\":%u,\"dklen\":%d,\"prf\":\"hmac-sha256\",", k->rounds,
                   DERIVED_BYTES);
    put_hex(out, "salt", k->salt, k->salt_len);
    buf_puts(out, "}");
}

static void put_keystore(struct buf *out, const struct keystore *k, const uint8_t id[16])
{
    buf_puts(out, "{");
    put_hex(out, "address", k->address.b, sizeof k->address.b);
    buf_puts(out, ",\"crypto\":{\"cipher\":\"aes-128-ctr\",\"cipherparams\":{");
    put_hex(out, "iv", k->iv, sizeof k->iv);
    buf_puts(out, "},");
    put_hex(out, "ciphertext", k->ciphertext, sizeof k->ciphertext);
    buf_puts(out, ",");
    put_kdf(out, k);
    buf_puts(out, ",");
    put_hex(out, "mac", k->mac, sizeof k->mac);
    buf_puts(out, "},");
    put_id(out, id);
    buf_puts(out, ",\"version\":3}\n");
}

int keystore_seal(struct buf *json_out, const struct seckey *key, const char *password, size_t password_len,
                  enum keystore_kdf kdf, struct err *e)
{
    struct keystore k = { .kdf = kdf,
                          .scrypt = { .n = SEAL_SCRYPT_N, .r = 8, .p = 1 },
                          .rounds = SEAL_ROUNDS,
                          .salt_len = SEAL_SALT_BYTES,
                          .has_address = true,
                          .address = key->address };
    uint8_t id[16];
    CLEANUP(secret_wipe) struct secret derived = { 0 };
    int rc = random_fill(k.salt, k.salt_len, e);
    if (rc == 0)
        rc = random_fill(k.iv, sizeof k.iv, e);
    if (rc == 0)
        rc = random_fill(id, sizeof id, e);
    if (rc == 0)
        rc = derive(derived.b, &k, password, password_len, e);
    if (rc < 0)
        return rc;
    cipher_aes128_ctr(k.ciphertext, key->secret, sizeof k.ciphertext, derived.b, k.iv);
    make_mac(k.mac, derived.b, k.ciphertext);
    put_keystore(json_out, &k, id);
    return 0;
}
