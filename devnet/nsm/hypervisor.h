/* The Nitro hypervisor of a devnet: a root of its own, and the measurements of the image that it has started. */
#ifndef OYSTER_DEVNET_HYPERVISOR_H
#define OYSTER_DEVNET_HYPERVISOR_H

#include <stdint.h>

#include "nitro.h"

#define HYPERVISOR_PCRS 16 /* registers of a Nitro document */
#define IMAGE_PCRS 3       /* of these, the ones that say which image runs; the others are zero */
#define HYPERVISOR_MODULE_ID "i-00000000devnet-enc000000"

struct hypervisor {
    struct nitro_chain root; /* its first certificate alone */
    uint8_t pcrs[IMAGE_PCRS][SHA384_BYTES];
};

/* Makes the root, whose key is kept in a file (see nitro_root_open; NULL = nowhere); registers are as the caller has
 * set them. Returns 0 or a negative errno with e. */
int hypervisor_init(struct hypervisor *h, const char *key_file, struct err *e);
void hypervisor_free(struct hypervisor *h);

/* Appends a signed document with what's timestamp_ms, public_key, user_data and nonce; pcrs: of the image. */
void hypervisor_document(struct buf *out, const struct hypervisor *h, const uint8_t pcrs[IMAGE_PCRS][SHA384_BYTES],
                         const struct attestation *what);

#endif
