/* What contracts whitelist an image by. */
#ifndef OYSTER_ENCLAVE_IMAGE_ID_H
#define OYSTER_ENCLAVE_IMAGE_ID_H

#include <stdint.h>

#include "enclave/crypto.h"

/* The contracts' legacy id: keccak256(PCR0 ‖ PCR1 ‖ PCR2). */
void image_id_legacy(uint8_t out[32], const uint8_t pcr0[SHA384_BYTES], const uint8_t pcr1[SHA384_BYTES],
                     const uint8_t pcr2[SHA384_BYTES]);

/* The newer one: sha256(32-bit mask of the registers 0, 1, 2 and 16, big-endian ‖ PCR0 ‖ PCR1 ‖ PCR2 ‖ PCR16).
 * pcr16: NULL where it is not known or not there, which is as if it were zero. */
void image_id(uint8_t out[32], const uint8_t pcr0[SHA384_BYTES], const uint8_t pcr1[SHA384_BYTES],
              const uint8_t pcr2[SHA384_BYTES], const uint8_t *pcr16);

#endif
