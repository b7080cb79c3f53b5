#include "api/owner_auth.h"

#include <errno.h>

#include "eth/eip712.h"
#include "util/sat.h"

#define ULL(v) ((unsigned long long)(v))

static int check_time(const struct owner_auth *a, struct err *e)
{
    uint64_t at = a->sign_timestamp_s;
    if (at < sat_sub(a->now_s, OWNER_AUTH_MAX_AGE_S))
        return err_set(e, -ESTALE, "sign_timestamp %llu is over %d seconds before the chain's time, which is %llu",
                       ULL(at), OWNER_AUTH_MAX_AGE_S, ULL(a->now_s));
    if (sat_sub(at, a->now_s) > OWNER_AUTH_MAX_AHEAD_S)
        return err_set(e, -ESTALE, "sign_timestamp %llu is over %d seconds ahead of the chain's time, which is %llu",
                       ULL(at), OWNER_AUTH_MAX_AHEAD_S, ULL(a->now_s));
    if (at <= a->last_s)
        return err_set(e, -ESTALE, "sign_timestamp %llu is not after the last accepted one, which is %llu", ULL(at),
                       ULL(a->last_s));
    return 0;
}

int owner_auth_check(const struct owner_auth *a, struct err *e)
{
    uint8_t digest[32];
    struct address signer;
    char found[ADDRESS_TEXT_MAX], expected[ADDRESS_TEXT_MAX];
    eip712_configure_gas_key(digest, &a->enclave, &a->gas_address, a->sign_timestamp_s);
    if (signature_recover_address(&signer, &a->signature, digest, e) < 0)
        return -EACCES;
    if (!address_eq(&signer, &a->owner))
        return err_set(e, -EACCES, "it was made by %s, expected the owner %s", address_checksum(found, &signer),
                       address_checksum(expected, &a->owner));
    return check_time(a, e);
}
