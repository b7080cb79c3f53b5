#include "eth/seal.h"

#include <errno.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#define NONCE_BYTES crypto_aead_xchacha20poly1305_ietf_NPUBBYTES
#define TAG_BYTES crypto_aead_xchacha20poly1305_ietf_ABYTES
#define KEY_BYTES crypto_aead_xchacha20poly1305_ietf_KEYBYTES

_Static_assert(SEAL_OVERHEAD_BYTES == NONCE_BYTES + TAG_BYTES, "the header says how much longer the sealed form is");

/* BLAKE2b of the purpose, keyed with the enclave key. */
static void derive(uint8_t key[KEY_BYTES], const struct seckey *enclave, const char *purpose)
{
    if (sodium_init() < 0)
        abort();
    (void)crypto_generichash(key, KEY_BYTES, (const uint8_t *)purpose, strlen(purpose), enclave->secret,
                             sizeof enclave->secret);
}

void seal(struct buf *out, const struct seckey *enclave, const char *purpose, const void *data, size_t len)
{
    uint8_t key[KEY_BYTES];
    derive(key, enclave, purpose);
    uint8_t *nonce = buf_extend(out, len + SEAL_OVERHEAD_BYTES);
    randombytes_buf(nonce, NONCE_BYTES);
    (void)crypto_aead_xchacha20poly1305_ietf_encrypt(nonce + NONCE_BYTES, NULL, data, len, NULL, 0, NULL, nonce, key);
    explicit_bzero(key, sizeof key);
}

int unseal(uint8_t *data, const struct seckey *enclave, const char *purpose, const uint8_t *sealed, size_t sealed_len,
           struct err *e)
{
    uint8_t key[KEY_BYTES];
    if (sealed_len < SEAL_OVERHEAD_BYTES)
        return err_set(e, -EBADMSG, "sealed data of %zu bytes is too short", sealed_len);
    derive(key, enclave, purpose);
    int rc = crypto_aead_xchacha20poly1305_ietf_decrypt(data, NULL, NULL, sealed + NONCE_BYTES,
                                                        sealed_len - NONCE_BYTES, NULL, 0, sealed, key);
    explicit_bzero(key, sizeof key);
    return rc == 0 ? 0 : err_set(e, -EBADMSG, "sealed data is damaged or was made by another enclave key");
}
