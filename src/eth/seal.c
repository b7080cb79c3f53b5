#include "eth/seal.h"

#include <errno.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#define NONCE_BYTES crypto_aead_xchacha20poly1305_ietf_NPUBBYTES
#define TAG_BYTES crypto_aead_xchacha20poly1305_ietf_ABYTES
#define KEY_BYTES crypto_aead_xchacha20poly1305_ietf_KEYBYTES

_Static_assert(SEAL_OVERHEAD_BYTES == NONCE_BYTES + TAG_BYTES, "the header says how much longer the sealed form is");

_Static_assert(KEY_BYTES == 32, "as the header says");

static void start(void)
{
    if (sodium_init() < 0)
        abort();
}

void seal_derive(uint8_t key[32], const uint8_t secret[32], const struct seal_part *parts, size_t n)
{
    crypto_generichash_state state;
    start();
    (void)crypto_generichash_init(&state, secret, 32, KEY_BYTES);
    for (size_t i = 0; i < n; i++)
        (void)crypto_generichash_update(&state, parts[i].data, parts[i].len);
    (void)crypto_generichash_final(&state, key, KEY_BYTES);
    explicit_bzero(&state, sizeof state);
}

void seal_with(struct buf *out, const uint8_t key[32], const void *data, size_t len)
{
    start();
    uint8_t *nonce = buf_extend(out, len + SEAL_OVERHEAD_BYTES);
    randombytes_buf(nonce, NONCE_BYTES);
    (void)crypto_aead_xchacha20poly1305_ietf_encrypt(nonce + NONCE_BYTES, NULL, data, len, NULL, 0, NULL, nonce, key);
}

int unseal_with(uint8_t *data, const uint8_t key[32], const uint8_t *sealed, size_t sealed_len, struct err *e)
{
    if (sealed_len < SEAL_OVERHEAD_BYTES)
        return err_set(e, -EBADMSG, "sealed data of %zu bytes is too short", sealed_len);
    int rc = crypto_aead_xchacha20poly1305_ietf_decrypt(data, NULL, NULL, sealed + NONCE_BYTES,
                                                        sealed_len - NONCE_BYTES, NULL, 0, sealed, key);
    return rc == 0 ? 0 : err_set(e, -EBADMSG, "sealed data is damaged or was made for another key");
}

/* BLAKE2b of the purpose, keyed with the enclave key. */
static void derive(uint8_t key[KEY_BYTES], const struct seckey *enclave, const char *purpose)
{
    seal_derive(key, enclave->secret, &(struct seal_part){ purpose, strlen(purpose) }, 1);
}

void seal(struct buf *out, const struct seckey *enclave, const char *purpose, const void *data, size_t len)
{
    uint8_t key[KEY_BYTES];
    derive(key, enclave, purpose);
    seal_with(out, key, data, len);
    explicit_bzero(key, sizeof key);
}

int unseal(uint8_t *data, const struct seckey *enclave, const char *purpose, const uint8_t *sealed, size_t sealed_len,
           struct err *e)
{
    uint8_t key[KEY_BYTES];
    derive(key, enclave, purpose);
    int rc = unseal_with(data, key, sealed, sealed_len, e);
    explicit_bzero(key, sizeof key);
    return rc;
}
