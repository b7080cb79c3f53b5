#include "enclave/image_id.h"

#include <string.h>

#include "eth/keccak.h"

void image_id_legacy(uint8_t out[32], const uint8_t pcr0[SHA384_BYTES], const uint8_t pcr1[SHA384_BYTES],
                     const uint8_t pcr2[SHA384_BYTES])
{
    keccak256_parts(
        out, (const struct keccak_part[]){ { pcr0, SHA384_BYTES }, { pcr1, SHA384_BYTES }, { pcr2, SHA384_BYTES } }, 3);
}

void image_id(uint8_t out[32], const uint8_t pcr0[SHA384_BYTES], const uint8_t pcr1[SHA384_BYTES],
              const uint8_t pcr2[SHA384_BYTES], const uint8_t *pcr16)
{
    static const uint8_t mask[4] = { 0x00, 0x01, 0x00, 0x07 };
    uint8_t text[sizeof mask + 4 * SHA384_BYTES] = { 0 };
    const uint8_t *const pcrs[] = { pcr0, pcr1, pcr2, pcr16 };
    memcpy(text, mask, sizeof mask);
    for (size_t i = 0; i < 4; i++)
        if (pcrs[i])
            memcpy(text + sizeof mask + i * SHA384_BYTES, pcrs[i], SHA384_BYTES);
    sha256(out, text, sizeof text);
}
