/* What a verifier signed about an enclave, as its JSON says it. */
#ifndef OYSTERCTL_ATTESTATION_FILE_H
#define OYSTERCTL_ATTESTATION_FILE_H

#include <stddef.h>
#include <stdint.h>

#include "chain/owner_calls.h"
#include "util/buf.h"
#include "util/err.h"

#define PCR_BYTES 48

/* An attestation with the bytes that it borrows from: not to be copied. */
struct attestation_file {
    struct attestation a;
    uint8_t signature[65];
    uint8_t pcr[3][PCR_BYTES];
};

/* Reads a verifier's JSON, hex with or without 0x, in either of its forms:
 *   signature, secp256k1_public, pcr0, pcr1, pcr2, timestamp (ms), verifier_secp256k1_public
 *   signature, public_key, image_id, timestamp_ms, user_data, verifier_public_key
 * The second names the image by its id alone, and registerExecutor wants its PCRs: pcrs (hex texts, NULL = taken from
 * members pcr0, pcr1, pcr2) must be given and hash to that id, in the old or the new way. name stands for the source in
 * messages. Returns 0 or -EINVAL naming the member. */
int attestation_file_parse(struct attestation_file *out, const char *name, const char *text, size_t len,
                           const char *const pcrs[3], struct err *e);

#endif
