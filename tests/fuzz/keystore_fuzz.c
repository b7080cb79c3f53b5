/* A keystore of any bytes: what parses is within the bounds, and where its price is small it is opened too, which a
 * wrong password never is. */
#include "fuzz.h"

#include "eth/keystore.h"

static bool is_cheap(const struct keystore *k)
{
    return k->kdf == KEYSTORE_PBKDF2 ? k->rounds <= 4 : k->scrypt.n <= 16 && k->scrypt.r <= 4 && k->scrypt.p <= 2;
}

static void check_bounds(const struct keystore *k)
{
    assert(k->salt_len <= KEYSTORE_SALT_MAX);
    if (k->kdf == KEYSTORE_PBKDF2) {
        assert(k->rounds >= 1 && k->rounds <= KEYSTORE_ROUNDS_MAX);
        return;
    }
    const struct scrypt_cost *c = &k->scrypt;
    unsigned __int128 memory = (unsigned __int128)128 * c->r * (c->n > c->p ? c->n : c->p);
    assert(c->n >= 2 && c->r >= 1 && c->p >= 1 && (c->n & (c->n - 1)) == 0);
    assert(memory <= KEYSTORE_MEMORY_MAX);
    assert((unsigned __int128)c->n * c->r * c->p <= KEYSTORE_WORK_MAX);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct keystore k;
    struct seckey key;
    struct err e = { 0 };
    int rc = keystore_parse(&k, (const char *)data, len, &e);
    assert(rc == 0 || ((rc == -EINVAL || rc == -E2BIG) && e.code == rc && e.msg[0]));
    if (rc < 0)
        return 0;
    check_bounds(&k);
    if (!is_cheap(&k))
        return 0;
    rc = keystore_open(&key, (const char *)data, len, "testpassword", 12, NULL);
    assert(rc == 0 || rc == -EACCES || rc == -EBADMSG);
    assert(rc < 0 || !k.has_address || address_eq(&key.address, &k.address));
    return 0;
}
