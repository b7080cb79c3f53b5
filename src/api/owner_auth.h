/* Whether an owner's word for a new gas key counts (docs/api.md "Owner's signature"). Pure. */
#ifndef OYSTER_API_OWNER_AUTH_H
#define OYSTER_API_OWNER_AUTH_H

#include <stdint.h>

#include "eth/address.h"
#include "eth/key.h"
#include "util/err.h"

/* A signature may be so old, and so far ahead of the chain's time. */
#define OWNER_AUTH_MAX_AGE_S 300
#define OWNER_AUTH_MAX_AHEAD_S 60

/* What is asked for and what is known. */
struct owner_auth {
    struct address owner, enclave, gas_address;
    uint64_t sign_timestamp_s;
    struct signature signature;
    uint64_t now_s;  /* the chain's time */
    uint64_t last_s; /* sign_timestamp of the last one that was accepted; 0 = none */
};

/* Returns 0, -EACCES where somebody else has signed, or -ESTALE where the time is too old, too far ahead, or not after
 * the last accepted one; e says which. */
int owner_auth_check(const struct owner_auth *a, struct err *e);

#endif
