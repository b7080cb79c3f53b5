#include "enclave/cert.h"

#include <assert.h>
#include <errno.h>
#include <openssl/bio.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <string.h>
#include <time.h>

#include "util/cleanup.h"

#define SECURITY_LEVEL 3 /* 128 bits: no certificate below may be weaker than the ES384 it vouches for by much */

struct cert {
    X509 *x;
};

static void store_free_p(X509_STORE **p)
{
    X509_STORE_free(*p);
}

static void store_ctx_free_p(X509_STORE_CTX **p)
{
    X509_STORE_CTX_free(*p);
}

/* The stack only: the certificates are the caller's. */
static void stack_free_p(STACK_OF(X509) * *p)
{
    sk_X509_free(*p);
}

static struct cert *wrap(X509 *x, const char *expected, struct err *e)
{
    ERR_clear_error();
    if (!x) {
        err_set(e, -EINVAL, "expected an X.509 certificate in %s", expected);
        return NULL;
    }
    struct cert *c = xcalloc(1, sizeof *c);
    c->x = x;
    return c;
}

struct cert *cert_from_der(const void *der, size_t len, struct err *e)
{
    const unsigned char *at = der;
    X509 *x = len <= INT32_MAX ? d2i_X509(NULL, &at, (long)len) : NULL;
    if (x && at != (const unsigned char *)der + len) {
        X509_free(x);
        x = NULL;
    }
    return wrap(x, "DER", e);
}

struct cert *cert_from_pem(const void *text, size_t len, struct err *e)
{
    BIO *bio = len <= INT32_MAX ? BIO_new_mem_buf(text, (int)len) : NULL;
    X509 *x = bio ? PEM_read_bio_X509(bio, NULL, NULL, NULL) : NULL;
    BIO_free(bio);
    return wrap(x, "PEM", e);
}

struct cert *cert_parse(const void *data, size_t len, struct err *e)
{
    struct cert *c = cert_from_der(data, len, NULL);
    if (!c)
        c = cert_from_pem(data, len, NULL);
    if (!c)
        err_set(e, -EINVAL, "expected an X.509 certificate in DER or PEM");
    return c;
}

void cert_free(struct cert *c)
{
    if (!c)
        return;
    X509_free(c->x);
    free(c);
}

void cert_free_p(struct cert **c)
{
    cert_free(*c);
}

void cert_der(struct buf *out, const struct cert *c)
{
    unsigned char *der = NULL;
    int len = i2d_X509(c->x, &der);
    assert(len > 0);
    buf_append(out, der, (size_t)len);
    OPENSSL_free(der);
}

void cert_subject(struct buf *out, const struct cert *c)
{
    BIO *bio = BIO_new(BIO_s_mem());
    char *text = NULL;
    if (bio && X509_NAME_print_ex(bio, X509_get_subject_name(c->x), 0, XN_FLAG_RFC2253) >= 0) {
        long len = BIO_get_mem_data(bio, &text);
        buf_append(out, text, len > 0 ? (size_t)len : 0);
    }
    BIO_free(bio);
    ERR_clear_error();
}

static int64_t seconds(const ASN1_TIME *t)
{
    struct tm tm;
    return ASN1_TIME_to_tm(t, &tm) == 1 ? (int64_t)timegm(&tm) : 0;
}

int64_t cert_not_before(const struct cert *c)
{
    return seconds(X509_get0_notBefore(c->x));
}

int64_t cert_not_after(const struct cert *c)
{
    return seconds(X509_get0_notAfter(c->x));
}

int cert_public_key(uint8_t out[P384_PUBLIC_BYTES], const struct cert *c, struct err *e)
{
    const EVP_PKEY *pkey = X509_get0_pubkey(c->x);
    uint8_t point[1 + P384_PUBLIC_BYTES];
    char name[32];
    size_t len = 0;
    int ok = pkey && EVP_PKEY_is_a(pkey, "EC") && EVP_PKEY_get_group_name(pkey, name, sizeof name, &len) == 1 &&
             strcmp(name, SN_secp384r1) == 0 &&
             EVP_PKEY_get_octet_string_param(pkey, OSSL_PKEY_PARAM_PUB_KEY, point, sizeof point, &len) == 1 &&
             len == sizeof point && point[0] == 0x04;
    ERR_clear_error();
    if (!ok)
        return err_set(e, -EINVAL, "expected a public key on the curve P-384");
    memcpy(out, point + 1, P384_PUBLIC_BYTES);
    return 0;
}

/* What the library's verdicts mean to us; the rest is CERT_INVALID. */
static const struct {
    int verdict;
    enum cert_result result;
} verdicts[] = {
    { X509_V_ERR_CERT_NOT_YET_VALID, CERT_NOT_YET_VALID },
    { X509_V_ERR_CERT_HAS_EXPIRED, CERT_EXPIRED },
    { X509_V_ERR_CERT_SIGNATURE_FAILURE, CERT_SIGNATURE_BAD },
    { X509_V_ERR_UNABLE_TO_DECRYPT_CERT_SIGNATURE, CERT_SIGNATURE_BAD },
    { X509_V_ERR_INVALID_CA, CERT_NOT_CA },
    { X509_V_ERR_KEYUSAGE_NO_CERTSIGN, CERT_NOT_CA },
    { X509_V_ERR_PATH_LENGTH_EXCEEDED, CERT_PATH_TOO_LONG },
    { X509_V_ERR_UNHANDLED_CRITICAL_EXTENSION, CERT_EXTENSION_UNKNOWN },
    { X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT, CERT_ISSUER_WRONG },
    { X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY, CERT_ISSUER_WRONG },
    { X509_V_ERR_SUBJECT_ISSUER_MISMATCH, CERT_ISSUER_WRONG },
    { X509_V_ERR_AKID_SKID_MISMATCH, CERT_ISSUER_WRONG },
};

static enum cert_result result_of(int verdict)
{
    for (size_t i = 0; i < sizeof verdicts / sizeof *verdicts; i++)
        if (verdicts[i].verdict == verdict)
            return verdicts[i].result;
    return CERT_INVALID;
}

static enum cert_result refuse(struct err *e, enum cert_result result, size_t index, size_t n, const char *why)
{
    if (index == 0)
        err_set(e, -EACCES, "root certificate: %s", why);
    else if (index < n)
        err_set(e, -EACCES, "certificate %zu of the bundle: %s", index, why);
    else
        err_set(e, -EACCES, "leaf certificate: %s", why);
    return result;
}

/* What must hold between neighbours, told apart from the library's search for a path: who issued whom, and how. */
static enum cert_result check_links(X509 *const *chain, size_t n, struct err *e)
{
    for (size_t i = 0; i <= n; i++) {
        X509 *issuer = chain[i == 0 ? 0 : i - 1];
        if (X509_NAME_cmp(X509_get_issuer_name(chain[i]), X509_get_subject_name(issuer)) != 0)
            return refuse(e, CERT_ISSUER_WRONG, i, n, "is not issued by the certificate before it");
        if (i > 0 && X509_check_ca(issuer) != 1)
            return refuse(e, CERT_NOT_CA, i - 1, n, "issues the next one but is no CA (basic constraints, key usage)");
        if (X509_verify(chain[i], X509_get0_pubkey(issuer)) != 1)
            return refuse(e, CERT_SIGNATURE_BAD, i, n, "its signature is not of the certificate before it");
    }
    return CERT_OK;
}

static enum cert_result check_leaf(X509 *leaf, size_t n, struct err *e)
{
    if ((X509_get_extension_flags(leaf) & EXFLAG_CA) || X509_get_pathlen(leaf) >= 0)
        return refuse(e, CERT_LEAF_IS_CA, n, n, "is a CA; it must not issue certificates");
    if (!(X509_get_extension_flags(leaf) & EXFLAG_KUSAGE) || !(X509_get_key_usage(leaf) & KU_DIGITAL_SIGNATURE))
        return refuse(e, CERT_LEAF_CANNOT_SIGN, n, n, "its key usage lacks digitalSignature");
    return CERT_OK;
}

/* The library's own verdict: path validation of RFC 5280 from the leaf to chain[0], at the given time. */
static enum cert_result check_path(X509 *const *chain, size_t n, int64_t at_s, struct err *e)
{
    CLEANUP(store_free_p) X509_STORE *store = X509_STORE_new();
    CLEANUP(store_ctx_free_p) X509_STORE_CTX *ctx = X509_STORE_CTX_new();
    CLEANUP(stack_free_p) STACK_OF(X509) *between = sk_X509_new_null();
    int ok = store && ctx && between && X509_STORE_add_cert(store, chain[0]) == 1;
    for (size_t i = 1; ok && i < n; i++)
        ok = sk_X509_push(between, chain[i]) > 0;
    if (!ok || X509_STORE_CTX_init(ctx, store, chain[n], between) != 1)
        return refuse(e, CERT_INVALID, n, n, "the chain could not be set up");
    X509_VERIFY_PARAM *param = X509_STORE_CTX_get0_param(ctx);
    X509_VERIFY_PARAM_set_time(param, (time_t)at_s);
    X509_VERIFY_PARAM_set_depth(param, CERT_CHAIN_MAX);
    X509_VERIFY_PARAM_set_auth_level(param, SECURITY_LEVEL);
    (void)X509_VERIFY_PARAM_set_flags(param, X509_V_FLAG_CHECK_SS_SIGNATURE);
    if (X509_verify_cert(ctx) != 1) {
        int depth = X509_STORE_CTX_get_error_depth(ctx), verdict = X509_STORE_CTX_get_error(ctx);
        size_t index = depth >= 0 && (size_t)depth <= n ? n - (size_t)depth : n;
        return refuse(e, result_of(verdict), index, n, X509_verify_cert_error_string(verdict));
    }
    if ((size_t)sk_X509_num(X509_STORE_CTX_get0_chain(ctx)) != n + 1) /* each one of the bundle has a part in it */
        return refuse(e, CERT_ISSUER_WRONG, n, n, "the chain does not need every certificate of the bundle");
    return CERT_OK;
}

enum cert_result cert_chain_verify(const struct cert *leaf, struct cert *const *bundle, size_t n,
                                   const uint8_t root_key[P384_PUBLIC_BYTES], int64_t at_s, struct err *e)
{
    X509 *chain[CERT_CHAIN_MAX]; /* root first, leaf last */
    uint8_t found[P384_PUBLIC_BYTES];
    if (n == 0 || n >= CERT_CHAIN_MAX)
        return refuse(e, CERT_INVALID, n, n, "the chain has too many certificates, or none");
    for (size_t i = 0; i < n; i++)
        chain[i] = bundle[i]->x;
    chain[n] = leaf->x;
    if (cert_public_key(found, bundle[0], NULL) < 0 || memcmp(found, root_key, sizeof found) != 0)
        return refuse(e, CERT_ROOT_UNKNOWN, 0, n, "does not carry the public key of the trusted root");
    enum cert_result result = check_links(chain, n, e);
    if (result == CERT_OK)
        result = check_leaf(chain[n], n, e);
    if (result == CERT_OK)
        result = check_path(chain, n, at_s, e);
    ERR_clear_error();
    return result;
}
