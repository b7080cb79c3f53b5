#include "ledger/gas_key.h"

#include <errno.h>
#include <string.h>

#include "eth/seal.h"
#include "util/cleanup.h"

#define PURPOSE "oyster-serverless-executor gas key"

void gas_key_save(struct ledger *l, const struct seckey *enclave, const struct seckey *key)
{
    CLEANUP(buf_free) struct buf sealed = { 0 };
    if (key)
        seal(&sealed, enclave, PURPOSE, key->secret, sizeof key->secret);
    ledger_put_setting(l, LEDGER_GAS_KEY_SEALED, sealed.data, sealed.len);
}

int gas_key_load(struct seckey *key, struct ledger *l, const struct seckey *enclave, struct err *e)
{
    uint8_t sealed[32 + SEAL_OVERHEAD_BYTES], secret[32] = { 0 };
    size_t len = ledger_get_setting(l, LEDGER_GAS_KEY_SEALED, sealed, sizeof sealed);
    if (len == 0)
        return err_set(e, -ENOENT, "no gas key is kept");
    if (len != sizeof sealed)
        return err_set(e, -EBADMSG, "sealed gas key: expected %zu bytes, found %zu", sizeof sealed, len);
    int rc = unseal(secret, enclave, PURPOSE, sealed, len, e);
    if (rc == 0)
        rc = seckey_init(key, secret, e);
    explicit_bzero(secret, sizeof secret);
    return rc;
}
