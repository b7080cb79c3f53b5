/* The root that attestation documents are trusted up to. */
#ifndef OYSTER_ENCLAVE_ROOT_H
#define OYSTER_ENCLAVE_ROOT_H

#include <stdint.h>

#include "enclave/crypto.h"
#include "util/err.h"

/* Reads a root's public key from what a person gives: "aws" (AWS's own), 192 hex digits (x, y; 0x optional), or a file
 * that holds these, the 96 bytes, or the root certificate in PEM or DER. Returns 0, -errno, or -EINVAL with what was
 * expected. */
int root_key_load(uint8_t out[P384_PUBLIC_BYTES], const char *given, struct err *e);

#endif
