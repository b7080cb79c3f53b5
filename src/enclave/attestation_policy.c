#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "enclave/attestation.h"
#include "enclave/image_id.h"
#include "util/hex.h"

const uint8_t attestation_aws_root[P384_PUBLIC_BYTES] = {
    0xfc, 0x02, 0x54, 0xeb, 0xa6, 0x08, 0xc1, 0xf3, 0x68, 0x70, 0xe2, 0x9a, 0xda, 0x90, 0xbe, 0x46,
    0x38, 0x32, 0x92, 0x73, 0x6e, 0x89, 0x4b, 0xff, 0xf6, 0x72, 0xd9, 0x89, 0x44, 0x4b, 0x50, 0x51,
    0xe5, 0x34, 0xa4, 0xb1, 0xf6, 0xdb, 0xe3, 0xc0, 0xbc, 0x58, 0x1a, 0x32, 0xb7, 0xb1, 0x76, 0x07,
    0x0e, 0xde, 0x12, 0xd6, 0x9a, 0x3f, 0xea, 0x21, 0x1b, 0x66, 0xe7, 0x52, 0xcf, 0x7d, 0xd1, 0xdd,
    0x09, 0x5f, 0x6f, 0x13, 0x70, 0xf4, 0x17, 0x08, 0x43, 0xd9, 0xdc, 0x10, 0x01, 0x21, 0xe4, 0xcf,
    0x63, 0x01, 0x28, 0x09, 0x66, 0x44, 0x87, 0xc9, 0x79, 0x62, 0x84, 0x30, 0x4d, 0xc5, 0x3f, 0xf4,
};

static const struct {
    const char *name, *text;
} reasons[ATTESTATION_REASONS] = {
    [ATTESTATION_OK] = { "ok", "the document is good" },
    [ATTESTATION_TOO_LARGE] = { "too_large", "longer than any attestation document" },
    [ATTESTATION_NOT_COSE] = { "not_cose", "not one COSE_Sign1 message" },
    [ATTESTATION_ALGORITHM] = { "algorithm", "not signed by ES384" },
    [ATTESTATION_PAYLOAD] = { "payload", "the payload is not one map of named fields" },
    [ATTESTATION_FIELD_UNKNOWN] = { "field_unknown", "a field that no attestation document has" },
    [ATTESTATION_FIELD_TWICE] = { "field_twice", "a field is there twice" },
    [ATTESTATION_FIELD_MISSING] = { "field_missing", "a mandatory field is missing" },
    [ATTESTATION_MODULE_ID] = { "module_id", "module_id is not a text with content" },
    [ATTESTATION_DIGEST] = { "digest", "digest is not \"SHA384\"" },
    [ATTESTATION_TIMESTAMP] = { "timestamp", "timestamp is not a time" },
    [ATTESTATION_PCRS_FORM] = { "pcrs", "pcrs is not a map of 1 to 32 registers" },
    [ATTESTATION_PCR_INDEX] = { "pcr_index", "a register's index is not 0 to 31" },
    [ATTESTATION_PCR_TWICE] = { "pcr_twice", "a register is there twice" },
    [ATTESTATION_PCR_LENGTH] = { "pcr_length", "a register is not 48 bytes" },
    [ATTESTATION_CERTIFICATE] = { "certificate", "certificate is not an X.509 certificate of at most 1024 bytes" },
    [ATTESTATION_CABUNDLE] = { "cabundle", "cabundle is not a list of X.509 certificates" },
    [ATTESTATION_PUBLIC_KEY] = { "public_key", "public_key is not 1 to 1024 bytes" },
    [ATTESTATION_USER_DATA] = { "user_data", "user_data is not at most 512 bytes" },
    [ATTESTATION_NONCE] = { "nonce", "nonce is not at most 512 bytes" },
    [ATTESTATION_ROOT_UNKNOWN] = { "root_unknown", "the chain does not begin at the trusted root" },
    [ATTESTATION_CERT_NOT_YET_VALID] = { "cert_not_yet_valid",
                                         "a certificate was not valid yet at the document's time" },
    [ATTESTATION_CERT_EXPIRED] = { "cert_expired", "a certificate was not valid any more at the document's time" },
    [ATTESTATION_CERT_SIGNATURE] = { "cert_signature", "a certificate is not signed by the one before it" },
    [ATTESTATION_CERT_ISSUER] = { "cert_issuer", "a certificate is not issued by the one before it" },
    [ATTESTATION_CERT_NOT_CA] = { "cert_not_ca", "a certificate issues another and may not" },
    [ATTESTATION_CERT_PATH_LENGTH] = { "cert_path_length", "the chain is longer than one of its certificates allows" },
    [ATTESTATION_CERT_EXTENSION] = { "cert_extension", "a certificate has a critical extension that is not known" },
    [ATTESTATION_LEAF_IS_CA] = { "leaf_is_ca", "the document's certificate is one that may issue others" },
    [ATTESTATION_LEAF_CANNOT_SIGN] = { "leaf_cannot_sign", "the document's certificate may not sign documents" },
    [ATTESTATION_LEAF_KEY] = { "leaf_key", "the document's certificate has no key on P-384" },
    [ATTESTATION_CERT_INVALID] = { "cert_invalid", "the chain of certificates is not valid" },
    [ATTESTATION_SIGNATURE] = { "signature", "the document is not signed by its certificate" },
    [ATTESTATION_TOO_OLD] = { "too_old", "the document is older than allowed" },
    [ATTESTATION_FROM_THE_FUTURE] = { "from_the_future", "the document is from the future" },
    [ATTESTATION_OTHER_PCR] = { "other_pcr", "a register is not the expected one" },
    [ATTESTATION_OTHER_IMAGE] = { "other_image", "the image is not the expected one" },
    [ATTESTATION_OTHER_PUBLIC_KEY] = { "other_public_key", "the public key is not the expected one" },
    [ATTESTATION_OTHER_USER_DATA] = { "other_user_data", "the user data is not the expected one" },
    [ATTESTATION_OTHER_NONCE] = { "other_nonce", "the nonce is not the expected one" },
};

const char *attestation_reason_name(enum attestation_reason r)
{
    return reasons[r].name;
}

const char *attestation_reason_text(enum attestation_reason r)
{
    return reasons[r].text;
}

static enum attestation_reason check_time(const struct attestation *a, const struct attestation_policy *p,
                                          struct err *e)
{
    uint64_t at = a->timestamp_ms, now = p->now_ms;
    if (p->max_age_ms == 0)
        return ATTESTATION_OK;
    if (at > now && at - now > p->max_ahead_ms) {
        err_set(e, -EACCES, "made %" PRIu64 " ms after now, at most %" PRIu64 " are allowed", at - now,
                p->max_ahead_ms);
        return ATTESTATION_FROM_THE_FUTURE;
    }
    if (at < now && now - at > p->max_age_ms) {
        err_set(e, -EACCES, "%" PRIu64 " ms old, at most %" PRIu64 " are allowed", now - at, p->max_age_ms);
        return ATTESTATION_TOO_OLD;
    }
    return ATTESTATION_OK;
}

static enum attestation_reason check_pcrs(const struct attestation *a, const struct attestation_policy *p,
                                          struct err *e)
{
    char found[2 * SHA384_BYTES + 1], expected[2 * SHA384_BYTES + 1];
    for (size_t i = 0; i < ATTESTATION_PCRS; i++) {
        if (!p->pcrs[i] || (a->pcrs[i] && memcmp(a->pcrs[i], p->pcrs[i], SHA384_BYTES) == 0))
            continue;
        err_set(e, -EACCES, "PCR%zu is %s, expected %s", i,
                a->pcrs[i] ? hex_encode(found, a->pcrs[i], SHA384_BYTES) : "not in the document",
                hex_encode(expected, p->pcrs[i], SHA384_BYTES));
        return ATTESTATION_OTHER_PCR;
    }
    return ATTESTATION_OK;
}

/* An image id needs the first three registers. */
static enum attestation_reason check_image(const struct attestation *a, const struct attestation_policy *p,
                                           struct err *e)
{
    uint8_t id[32];
    char found[65], expected[65];
    for (int legacy = 0; legacy < 2; legacy++) {
        const uint8_t *want = legacy ? p->image_id_legacy : p->image_id;
        if (!want)
            continue;
        if (!a->pcrs[0] || !a->pcrs[1] || !a->pcrs[2]) {
            err_set(e, -EACCES, "PCR0, PCR1 or PCR2 is not in the document: it has no image id");
            return ATTESTATION_OTHER_IMAGE;
        }
        if (legacy)
            image_id_legacy(id, a->pcrs[0], a->pcrs[1], a->pcrs[2]);
        else
            image_id(id, a->pcrs[0], a->pcrs[1], a->pcrs[2], a->pcrs[16]);
        if (memcmp(id, want, sizeof id) == 0)
            continue;
        err_set(e, -EACCES, "the image id is %s, expected %s", hex_encode(found, id, 32),
                hex_encode(expected, want, 32));
        return ATTESTATION_OTHER_IMAGE;
    }
    return ATTESTATION_OK;
}

static enum attestation_reason check_bytes(const struct attestation_bytes *found,
                                           const struct attestation_bytes *expected, const char *name,
                                           enum attestation_reason reason, struct err *e)
{
    if (!expected->data)
        return ATTESTATION_OK;
    if (!found->data) {
        err_set(e, -EACCES, "%s is not in the document", name);
        return reason;
    }
    if (found->len != expected->len || memcmp(found->data, expected->data, found->len) != 0) {
        err_set(e, -EACCES, "%s is not the expected one (%zu bytes found, %zu expected)", name, found->len,
                expected->len);
        return reason;
    }
    return ATTESTATION_OK;
}

enum attestation_reason attestation_check(const struct attestation *a, const struct attestation_policy *policy,
                                          struct err *e)
{
    enum attestation_reason r = check_time(a, policy, e);
    if (r == ATTESTATION_OK)
        r = check_pcrs(a, policy, e);
    if (r == ATTESTATION_OK)
        r = check_image(a, policy, e);
    if (r == ATTESTATION_OK)
        r = check_bytes(&a->public_key, &policy->public_key, "public_key", ATTESTATION_OTHER_PUBLIC_KEY, e);
    if (r == ATTESTATION_OK)
        r = check_bytes(&a->user_data, &policy->user_data, "user_data", ATTESTATION_OTHER_USER_DATA, e);
    if (r == ATTESTATION_OK)
        r = check_bytes(&a->nonce, &policy->nonce, "nonce", ATTESTATION_OTHER_NONCE, e);
    return r;
}
