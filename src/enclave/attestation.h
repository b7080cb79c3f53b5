/* Attestation documents of AWS Nitro Enclaves: taken apart, verified, compared with what is expected. The rules are
 * those of AWS's attestation_process.md (3.1 to 3.2.4); sections are named beside them. Pure: time comes in. */
#ifndef OYSTER_ENCLAVE_ATTESTATION_H
#define OYSTER_ENCLAVE_ATTESTATION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "enclave/cert.h"
#include "enclave/crypto.h"
#include "util/err.h"

#define ATTESTATION_MAX ((size_t)32 * 1024) /* a payload of 16384 bytes, signed, and room */
#define ATTESTATION_PAYLOAD_MAX 16384
#define ATTESTATION_PCRS 32
#define ATTESTATION_CERT_MAX 1024
#define ATTESTATION_CABUNDLE_MAX (CERT_CHAIN_MAX - 1)
#define ATTESTATION_PUBLIC_KEY_MAX 1024
#define ATTESTATION_DATA_MAX 512 /* user data, nonce */

/* Why a document is refused: one value for each rule. */
enum attestation_reason {
    ATTESTATION_OK,
    /* its form */
    ATTESTATION_TOO_LARGE,
    ATTESTATION_NOT_COSE,
    ATTESTATION_ALGORITHM,
    ATTESTATION_PAYLOAD,
    ATTESTATION_FIELD_UNKNOWN,
    ATTESTATION_FIELD_TWICE,
    ATTESTATION_FIELD_MISSING,
    ATTESTATION_MODULE_ID,
    ATTESTATION_DIGEST,
    ATTESTATION_TIMESTAMP,
    ATTESTATION_PCRS_FORM,
    ATTESTATION_PCR_INDEX,
    ATTESTATION_PCR_TWICE,
    ATTESTATION_PCR_LENGTH,
    ATTESTATION_CERTIFICATE,
    ATTESTATION_CABUNDLE,
    ATTESTATION_PUBLIC_KEY,
    ATTESTATION_USER_DATA,
    ATTESTATION_NONCE,
    /* who vouches for it */
    ATTESTATION_ROOT_UNKNOWN,
    ATTESTATION_CERT_NOT_YET_VALID,
    ATTESTATION_CERT_EXPIRED,
    ATTESTATION_CERT_SIGNATURE,
    ATTESTATION_CERT_ISSUER,
    ATTESTATION_CERT_NOT_CA,
    ATTESTATION_CERT_PATH_LENGTH,
    ATTESTATION_CERT_EXTENSION,
    ATTESTATION_LEAF_IS_CA,
    ATTESTATION_LEAF_CANNOT_SIGN,
    ATTESTATION_LEAF_KEY,
    ATTESTATION_CERT_INVALID,
    ATTESTATION_SIGNATURE,
    /* what was expected */
    ATTESTATION_TOO_OLD,
    ATTESTATION_FROM_THE_FUTURE,
    ATTESTATION_OTHER_PCR,
    ATTESTATION_OTHER_IMAGE,
    ATTESTATION_OTHER_PUBLIC_KEY,
    ATTESTATION_OTHER_USER_DATA,
    ATTESTATION_OTHER_NONCE,
    ATTESTATION_REASONS
};

/* A stable word ("pcr_length") / one line for people. */
const char *attestation_reason_name(enum attestation_reason r);
const char *attestation_reason_text(enum attestation_reason r);

/* Bytes of a document; data is NULL where the field is absent or null, and not NULL where it is empty. */
struct attestation_bytes {
    const uint8_t *data;
    size_t len;
};

/* A document's content, borrowed from its bytes. */
struct attestation {
    struct attestation_bytes module_id;    /* text, 1 byte at least */
    uint64_t timestamp_ms;                 /* since the epoch */
    const uint8_t *pcrs[ATTESTATION_PCRS]; /* SHA384_BYTES each; NULL = not in the document */
    struct attestation_bytes certificate;
    struct attestation_bytes cabundle[ATTESTATION_CABUNDLE_MAX]; /* root first */
    size_t n_cabundle;
    struct attestation_bytes public_key, user_data, nonce;
};

/* The public key of AWS's root certificate "aws.nitro-enclaves" (G1). */
extern const uint8_t attestation_aws_root[P384_PUBLIC_BYTES];

/* Takes a document apart and checks type and bounds of every field; nothing is believed yet. e: one line. */
enum attestation_reason attestation_parse(struct attestation *out, const uint8_t *data, size_t len, struct err *e);

/* As attestation_parse, then the chain from root_key to the document's certificate at the document's own time, then the
 * document's signature. ATTESTATION_OK: whoever holds root_key vouches for every field of *out. */
enum attestation_reason attestation_verify(struct attestation *out, const uint8_t *data, size_t len,
                                           const uint8_t root_key[P384_PUBLIC_BYTES], struct err *e);

/* What is expected of a document; a member that is NULL (or 0) is not looked at. Everything is borrowed. */
struct attestation_policy {
    uint64_t now_ms;
    uint64_t max_age_ms;   /* 0: any age */
    uint64_t max_ahead_ms; /* with max_age_ms: how far the document's clock may be ahead of ours */
    const uint8_t *pcrs[ATTESTATION_PCRS];
    const uint8_t *image_id;        /* 32 bytes: image_id(), image_id.h */
    const uint8_t *image_id_legacy; /* 32 bytes: image_id_legacy() */
    struct attestation_bytes public_key, user_data, nonce;
};

/* Compares. The first difference is the reason, in the order of the enum. */
enum attestation_reason attestation_check(const struct attestation *a, const struct attestation_policy *policy,
                                          struct err *e);

#endif
