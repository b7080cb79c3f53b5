/* Is the handling of a secret key free of branches and indexes that depend on it? Under valgrind's memcheck the secret
 * is marked undefined, so that each such branch or index in our code counts as an error (the "ctime" test of
 * libsecp256k1; that library's own branches, which its own test looks after, are suppressed). key.c is built with
 * OYSTER_CTIME here: it then declares what is public by its nature. Status 77 without valgrind: skipped. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <valgrind/memcheck.h>

#include "eth/key.h"

/* Ends the program where the test itself went wrong or has found something. */
static void need(bool ok, const char *what)
{
    if (!ok) {
        (void)fprintf(stderr, "key_ctime: %s\n", what);
        exit(1);
    }
}

static void check_sign(const struct seckey *key)
{
    struct signature sig;
    struct address signer;
    uint8_t digest[32] = { 7 };
    seckey_sign(&sig, key, digest);
    need(signature_recover_address(&signer, &sig, digest, NULL) == 0, "the signature does not recover");
    need(address_eq(&signer, &key->address), "the signature is not of the key");
}

static void check_wipe(const struct seckey *key)
{
    struct seckey copy = *key;
    seckey_wipe(&copy);
    for (size_t i = 0; i < sizeof copy.secret; i++)
        need(copy.secret[i] == 0, "the copy was not wiped"); /* wiped bytes are defined: not an error */
}

/* A branch on the secret, which must be seen: else the test proves nothing. */
static void leak(const struct seckey *key)
{
    if (key->secret[31] > 0x41)
        (void)puts("the secret is large");
}

int main(void)
{
    struct seckey key;
    uint8_t secret[32];
    if (!RUNNING_ON_VALGRIND)
        return 77;
    memset(secret, 0x42, sizeof secret);
    (void)VALGRIND_MAKE_MEM_UNDEFINED(secret, sizeof secret);
    need(seckey_init(&key, secret, NULL) == 0, "the key was refused");
    check_sign(&key);
    check_wipe(&key);
    need(VALGRIND_COUNT_ERRORS == 0, "a branch or an index depends on the secret: see valgrind's report above");
    leak(&key);
    need(VALGRIND_COUNT_ERRORS > 0, "a branch on the secret was not seen");
    return 0;
}
