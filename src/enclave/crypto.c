#include "enclave/crypto.h"

#include <assert.h>
#include <errno.h>
#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/ecdsa.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <openssl/pem.h>
#include <string.h>

#include "util/cleanup.h"

#define COORDINATE_BYTES 48
#define DER_SIGNATURE_MAX 128 /* two integers of 49 bytes and their heads */
#define CURVE "P-384"

struct p384_key {
    EVP_PKEY *pkey;
};

static void pkey_free_p(EVP_PKEY **p)
{
    EVP_PKEY_free(*p);
}

static void pkey_ctx_free_p(EVP_PKEY_CTX **p)
{
    EVP_PKEY_CTX_free(*p);
}

static void md_ctx_free_p(EVP_MD_CTX **p)
{
    EVP_MD_CTX_free(*p);
}

static void sig_free_p(ECDSA_SIG **p)
{
    ECDSA_SIG_free(*p);
}

static void bio_free_p(BIO **p)
{
    BIO_free(*p);
}

static void hash(uint8_t *out, const EVP_MD *md, const struct hash_part *parts, size_t n)
{
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    int ok = ctx && EVP_DigestInit_ex(ctx, md, NULL) == 1;
    for (size_t i = 0; ok && i < n; i++)
        ok = parts[i].len == 0 || EVP_DigestUpdate(ctx, parts[i].data, parts[i].len) == 1;
    ok = ok && EVP_DigestFinal_ex(ctx, out, NULL) == 1;
    EVP_MD_CTX_free(ctx);
    assert(ok); /* the default provider has both; memory of our own choosing */
}

void sha256(uint8_t out[SHA256_BYTES], const void *data, size_t len)
{
    hash(out, EVP_sha256(), &(struct hash_part){ data, len }, 1);
}

void sha384(uint8_t out[SHA384_BYTES], const void *data, size_t len)
{
    sha384_parts(out, &(struct hash_part){ data, len }, 1);
}

void sha384_parts(uint8_t out[SHA384_BYTES], const struct hash_part *parts, size_t n)
{
    hash(out, EVP_sha384(), parts, n);
}

static struct p384_key *wrap(EVP_PKEY *pkey)
{
    struct p384_key *key = xcalloc(1, sizeof *key);
    key->pkey = pkey;
    return key;
}

struct p384_key *p384_key_generate(struct err *e)
{
    EVP_PKEY *pkey = EVP_EC_gen(CURVE);
    ERR_clear_error();
    if (pkey)
        return wrap(pkey);
    err_set(e, -EIO, "a new P-384 key could not be made");
    return NULL;
}

static int is_p384(const EVP_PKEY *pkey)
{
    char name[32];
    size_t len;
    return EVP_PKEY_is_a(pkey, "EC") && EVP_PKEY_get_group_name(pkey, name, sizeof name, &len) == 1 &&
           strcmp(name, SN_secp384r1) == 0;
}

/* A password is never asked for. */
static int no_password(char *buf, int size, int rwflag, void *arg)
{
    (void)buf, (void)size, (void)rwflag, (void)arg;
    return -1;
}

struct p384_key *p384_key_from_pem(const void *text, size_t len, struct err *e)
{
    CLEANUP(bio_free_p) BIO *bio = len <= INT32_MAX ? BIO_new_mem_buf(text, (int)len) : NULL;
    CLEANUP(pkey_free_p) EVP_PKEY *pkey = bio ? PEM_read_bio_PrivateKey(bio, NULL, no_password, NULL) : NULL;
    ERR_clear_error();
    if (!pkey) {
        err_set(e, -EINVAL, "expected a private key in PEM, without a password");
        return NULL;
    }
    if (!is_p384(pkey)) {
        err_set(e, -EINVAL, "expected a key on the curve P-384");
        return NULL;
    }
    struct p384_key *key = wrap(pkey);
    pkey = NULL;
    return key;
}

void p384_key_free(struct p384_key *key)
{
    if (!key)
        return;
    EVP_PKEY_free(key->pkey);
    free(key);
}

void p384_key_public(uint8_t out[P384_PUBLIC_BYTES], const struct p384_key *key)
{
    uint8_t point[1 + P384_PUBLIC_BYTES];
    size_t len = 0;
    int ok = EVP_PKEY_get_octet_string_param(key->pkey, OSSL_PKEY_PARAM_PUB_KEY, point, sizeof point, &len);
    assert(ok == 1 && len == sizeof point && point[0] == 0x04);
    memcpy(out, point + 1, P384_PUBLIC_BYTES);
}

int p384_key_to_pem(struct buf *out, const struct p384_key *key, struct err *e)
{
    CLEANUP(bio_free_p) BIO *bio = BIO_new(BIO_s_mem());
    char *text = NULL;
    if (!bio || PEM_write_bio_PKCS8PrivateKey(bio, key->pkey, NULL, NULL, 0, NULL, NULL) != 1) {
        ERR_clear_error();
        return err_set(e, -EIO, "the P-384 key could not be written as PEM");
    }
    long len = BIO_get_mem_data(bio, &text);
    buf_append(out, text, (size_t)len);
    return 0;
}

/* The library's DER signature as r ‖ s. */
static int flatten(uint8_t out[P384_SIGNATURE_BYTES], const uint8_t *der, size_t len)
{
    CLEANUP(sig_free_p) ECDSA_SIG *sig = d2i_ECDSA_SIG(NULL, &der, (long)len);
    if (!sig)
        return -EIO;
    int n = BN_bn2binpad(ECDSA_SIG_get0_r(sig), out, COORDINATE_BYTES);
    int m = BN_bn2binpad(ECDSA_SIG_get0_s(sig), out + COORDINATE_BYTES, COORDINATE_BYTES);
    return n == COORDINATE_BYTES && m == COORDINATE_BYTES ? 0 : -EIO;
}

int p384_sign(uint8_t out[P384_SIGNATURE_BYTES], const struct p384_key *key, const void *msg, size_t len, struct err *e)
{
    CLEANUP(md_ctx_free_p) EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    uint8_t der[DER_SIGNATURE_MAX];
    size_t der_len = sizeof der;
    int ok = ctx && EVP_DigestSignInit(ctx, NULL, EVP_sha384(), NULL, key->pkey) == 1 &&
             EVP_DigestSign(ctx, der, &der_len, msg, len) == 1 && flatten(out, der, der_len) == 0;
    ERR_clear_error();
    return ok ? 0 : err_set(e, -EIO, "the P-384 signature could not be made");
}

/* r ‖ s as DER; the length or -1. Allocated by the library. */
static int unflatten(uint8_t **der, const uint8_t signature[P384_SIGNATURE_BYTES])
{
    CLEANUP(sig_free_p) ECDSA_SIG *sig = ECDSA_SIG_new();
    BIGNUM *r = BN_bin2bn(signature, COORDINATE_BYTES, NULL);
    BIGNUM *s = BN_bin2bn(signature + COORDINATE_BYTES, COORDINATE_BYTES, NULL);
    assert(sig && r && s && ECDSA_SIG_set0(sig, r, s) == 1); /* takes both */
    return i2d_ECDSA_SIG(sig, der);
}

static EVP_PKEY *public_pkey(const uint8_t public_key[P384_PUBLIC_BYTES])
{
    uint8_t point[1 + P384_PUBLIC_BYTES] = { 0x04 };
    char curve[] = CURVE;
    memcpy(point + 1, public_key, P384_PUBLIC_BYTES);
    OSSL_PARAM params[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, curve, 0),
        OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY, point, sizeof point),
        OSSL_PARAM_construct_end(),
    };
    CLEANUP(pkey_ctx_free_p) EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "EC", NULL);
    EVP_PKEY *pkey = NULL;
    if (!ctx || EVP_PKEY_fromdata_init(ctx) != 1 || EVP_PKEY_fromdata(ctx, &pkey, EVP_PKEY_PUBLIC_KEY, params) != 1)
        return NULL;
    return pkey;
}

int p384_verify(const uint8_t public_key[P384_PUBLIC_BYTES], const uint8_t signature[P384_SIGNATURE_BYTES],
                const void *msg, size_t len, struct err *e)
{
    CLEANUP(pkey_free_p) EVP_PKEY *pkey = public_pkey(public_key);
    CLEANUP(md_ctx_free_p) EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    uint8_t *der = NULL;
    ERR_clear_error();
    if (!pkey)
        return err_set(e, -EINVAL, "the public key is not a point of the curve P-384");
    int der_len = unflatten(&der, signature);
    int ok = ctx && der_len > 0 && EVP_DigestVerifyInit(ctx, NULL, EVP_sha384(), NULL, pkey) == 1 &&
             EVP_DigestVerify(ctx, der, (size_t)der_len, msg, len) == 1;
    OPENSSL_free(der);
    ERR_clear_error();
    return ok ? 0 : err_set(e, -EBADMSG, "the signature does not fit the public key and the message");
}
