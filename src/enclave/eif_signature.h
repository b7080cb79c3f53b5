/* The signature section of enclave image files: CBOR [{signing_certificate, signature}], the signature a COSE_Sign1
 * over CBOR {register_index: 0, register_value: PCR0}; byte strings are arrays of integers, as AWS's tools write them.
 */
#ifndef OYSTER_ENCLAVE_EIF_SIGNATURE_H
#define OYSTER_ENCLAVE_EIF_SIGNATURE_H

#include <stddef.h>
#include <stdint.h>

#include "enclave/cert.h"
#include "enclave/crypto.h"
#include "util/buf.h"
#include "util/err.h"

/* Appends the section's content. Returns 0 or the error of p384_sign. */
int eif_signature_make(struct buf *out, const struct hash_part *certificate_pem, const struct p384_key *key,
                       const uint8_t pcr0[SHA384_BYTES], struct err *e);

/* Reads len bytes and checks that the certificate's key has signed pcr0. Fills *cert, which the caller frees. Returns 0
 * or -EBADMSG with what is wrong. */
int eif_signature_check(struct cert **cert, const uint8_t *data, size_t len, const uint8_t pcr0[SHA384_BYTES],
                        struct err *e);

#endif
