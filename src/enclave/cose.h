/* COSE_Sign1 (RFC 9052, 4.2) with ES384, as attestation documents and signed images carry it. */
#ifndef OYSTER_ENCLAVE_COSE_H
#define OYSTER_ENCLAVE_COSE_H

#include <stddef.h>
#include <stdint.h>

#include "enclave/crypto.h"
#include "util/buf.h"
#include "util/err.h"

/* The parts of a message, borrowed from its bytes. */
struct cose_sign1 {
    const uint8_t *protected_header;
    size_t protected_len;
    const uint8_t *payload;
    size_t payload_len;
    const uint8_t *signature; /* P384_SIGNATURE_BYTES */
};

enum cose_result {
    COSE_OK,
    COSE_MALFORMED, /* not the bytes of one COSE_Sign1, untagged or with tag 18 */
    COSE_ALGORITHM, /* another algorithm than ES384, or none */
    COSE_SIGNATURE  /* a signature of another length / that does not fit */
};

/* Takes a message apart; nothing may follow it. The protected header holds the algorithm alone and the unprotected one
 * nothing. e says what is wrong. */
enum cose_result cose_sign1_parse(struct cose_sign1 *out, const uint8_t *data, size_t len, struct err *e);

/* Checks the signature. Returns COSE_OK or COSE_SIGNATURE. */
enum cose_result cose_sign1_verify(const struct cose_sign1 *m, const uint8_t public_key[P384_PUBLIC_BYTES],
                                   struct err *e);

/* Appends an untagged message over payload to out. Returns 0 or the error of p384_sign. */
int cose_sign1_make(struct buf *out, const void *payload, size_t len, const struct p384_key *key, struct err *e);

#endif
