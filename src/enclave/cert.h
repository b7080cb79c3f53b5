/* X.509 certificates of the Nitro PKI: parsing, and a chain checked at a given time up to a pinned root. */
#ifndef OYSTER_ENCLAVE_CERT_H
#define OYSTER_ENCLAVE_CERT_H

#include <stddef.h>
#include <stdint.h>

#include "enclave/crypto.h"
#include "util/buf.h"
#include "util/err.h"

#define CERT_CHAIN_MAX 16 /* certificates between the root and the leaf, both counted */

/* One certificate. */
struct cert;

/* Parses DER of exactly len bytes / the first certificate of a PEM text / whichever of the two it is. Return NULL with
 * e set (-EINVAL). Free with cert_free. */
struct cert *cert_from_der(const void *der, size_t len, struct err *e);
struct cert *cert_from_pem(const void *text, size_t len, struct err *e);
struct cert *cert_parse(const void *data, size_t len, struct err *e);

/* NULL allowed. */
void cert_free(struct cert *c);

/* For CLEANUP. */
void cert_free_p(struct cert **c);

/* Append its DER / its subject as one line (RFC 2253). */
void cert_der(struct buf *out, const struct cert *c);
void cert_subject(struct buf *out, const struct cert *c);

/* First and last second of its validity, seconds since the epoch. */
int64_t cert_not_before(const struct cert *c);
int64_t cert_not_after(const struct cert *c);

/* Its public key, which must be one on P-384. Returns 0 or -EINVAL. */
int cert_public_key(uint8_t out[P384_PUBLIC_BYTES], const struct cert *c, struct err *e);

enum cert_result {
    CERT_OK,
    CERT_ROOT_UNKNOWN,      /* the first certificate does not carry the pinned key */
    CERT_NOT_YET_VALID,     /* one of the chain, at the given time */
    CERT_EXPIRED,           /* one of the chain, at the given time */
    CERT_SIGNATURE_BAD,     /* one is not signed by the one before it */
    CERT_ISSUER_WRONG,      /* one names another issuer than the one before it */
    CERT_NOT_CA,            /* an issuer that is no CA, or may not sign certificates */
    CERT_PATH_TOO_LONG,     /* more certificates than an issuer allows below it */
    CERT_EXTENSION_UNKNOWN, /* a critical extension that nobody here knows */
    CERT_LEAF_IS_CA,        /* the leaf may issue certificates itself */
    CERT_LEAF_CANNOT_SIGN,  /* the leaf's key usage lacks digitalSignature */
    CERT_INVALID            /* anything else that RFC 5280 does not allow */
};

/* Checks leaf and bundle, which is [root, intermediate…] in order, 1 to CERT_CHAIN_MAX - 1 of them: the root carries
 * root_key and has signed itself, each of the rest is issued by the one before it, all are valid at at_s (seconds since
 * the epoch), basic constraints, path lengths and key usages are as AWS's attestation_process.md (3.2.3) demands. No
 * revocation lists. On failure e says which certificate and why. */
enum cert_result cert_chain_verify(const struct cert *leaf, struct cert *const *bundle, size_t n,
                                   const uint8_t root_key[P384_PUBLIC_BYTES], int64_t at_s, struct err *e);

#endif
