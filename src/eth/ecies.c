#include "eth/ecies.h"

#include <errno.h>
#include <string.h>

#include "util/cleanup.h"

/* The key that both sides derive: mine · theirs is the same point either way. */
static int derive(uint8_t key[32], const struct seckey *mine, const uint8_t theirs[64], const char *purpose,
                  const uint8_t ephemeral[64], const uint8_t receiver[64], struct err *e)
{
    uint8_t shared[32];
    if (seckey_ecdh(shared, mine, theirs, e) < 0)
        return -EINVAL;
    const struct seal_part parts[] = { { purpose, strlen(purpose) }, { ephemeral, 64 }, { receiver, 64 } };
    seal_derive(key, shared, parts, 3);
    explicit_bzero(shared, sizeof shared);
    return 0;
}

int ecies_seal(struct buf *out, const uint8_t pubkey[64], const char *purpose, const void *data, size_t len,
               struct err *e)
{
    CLEANUP(seckey_wipe) struct seckey ephemeral = { 0 };
    uint8_t key[32];
    int rc = seckey_generate(&ephemeral, e);
    if (rc == 0)
        rc = derive(key, &ephemeral, pubkey, purpose, ephemeral.pubkey, pubkey, e);
    if (rc < 0)
        return rc;
    buf_append(out, ephemeral.pubkey, sizeof ephemeral.pubkey);
    seal_with(out, key, data, len);
    explicit_bzero(key, sizeof key);
    return 0;
}

int ecies_open(uint8_t *data, const struct seckey *key, const char *purpose, const uint8_t *sealed, size_t sealed_len,
               struct err *e)
{
    uint8_t derived[32];
    if (sealed_len < ECIES_OVERHEAD_BYTES)
        return err_set(e, -EBADMSG, "encrypted data of %zu bytes is too short", sealed_len);
    if (derive(derived, key, sealed, purpose, sealed, key->pubkey, e) < 0)
        return -EINVAL;
    int rc = unseal_with(data, derived, sealed + 64, sealed_len - 64, e);
    explicit_bzero(derived, sizeof derived);
    return rc;
}
