/* What oyster-attestation-verifier answers: a document in, a signed statement out. Pure: time comes in. */
#ifndef OYSTER_VERIFIER_VERIFY_H
#define OYSTER_VERIFIER_VERIFY_H

#include <stdbool.h>
#include <stdint.h>

#include "enclave/attestation.h"
#include "eth/key.h"
#include "util/buf.h"
#include "util/err.h"

enum verify_format {
    VERIFY_LEGACY, /* {signature, secp256k1_public, pcr0, pcr1, pcr2, timestamp, verifier_secp256k1_public} */
    VERIFY_IMAGE   /* {signature, image_id, timestamp_ms, public_key, user_data, verifier_public_key} */
};

struct verifier {
    struct seckey key;
    uint8_t root[P384_PUBLIC_BYTES];
    uint64_t max_age_ms; /* 0: any age; contracts judge it themselves */
    enum verify_format format;
};

/* Verifies a document and appends the JSON answer, signed (EIP-712, domain marlin.oyster.AttestationVerifier; hex
 * without 0x). Returns the reason why not, with one line in e; out is untouched then. */
enum attestation_reason verifier_answer(struct buf *out, const struct verifier *v, enum verify_format format,
                                        const uint8_t *document, size_t len, uint64_t now_ms, struct err *e);

#endif
