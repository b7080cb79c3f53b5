#include "eth/scrypt.h"

#include <errno.h>
#include <sodium.h>
#include <stdlib.h>

int scrypt_derive(uint8_t *out, size_t out_len, const void *password, size_t password_len, const uint8_t *salt,
                  size_t salt_len, const struct scrypt_cost *cost, struct err *e)
{
    if (sodium_init() < 0) /* it finds the fast instructions of this CPU */
        abort();
    errno = 0;
    if (crypto_pwhash_scryptsalsa208sha256_ll(password, password_len, salt, salt_len, cost->n, cost->r, cost->p, out,
                                              out_len) == 0)
        return 0;
    if (errno == ENOMEM)
        return err_set(e, -ENOMEM, "scrypt needs %llu MiB of memory, which this machine does not give",
                       (unsigned long long)((128 * cost->n * cost->r) >> 20));
    return err_set(e, -EINVAL, "scrypt has no cost n %llu, r %u, p %u", (unsigned long long)cost->n, cost->r, cost->p);
}
