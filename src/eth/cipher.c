#include "eth/cipher.h"

#include <assert.h>
#include <string.h>
#include <tomcrypt.h>

void cipher_aes128_ctr(uint8_t *out, const uint8_t *in, size_t len, const uint8_t key[16], const uint8_t iv[16])
{
    symmetric_CTR ctr;
    int cipher = register_cipher(&aes_desc); /* the same number each time */
    assert(cipher >= 0);
    int rc = ctr_start(cipher, iv, key, 16, 0, CTR_COUNTER_BIG_ENDIAN, &ctr);
    if (rc == CRYPT_OK)
        rc = ctr_encrypt(in, out, len, &ctr);
    assert(rc == CRYPT_OK);
    (void)ctr_done(&ctr);
    explicit_bzero(&ctr, sizeof ctr);
}

void cipher_pbkdf2_sha256(uint8_t *out, size_t out_len, const void *password, size_t password_len, const uint8_t *salt,
                          size_t salt_len, uint32_t rounds)
{
    unsigned long len = out_len;
    int hash = register_hash(&sha256_desc);
    assert(hash >= 0 && rounds > 0 && rounds <= INT32_MAX);
    const void *zero = ""; /* a byte that HMAC's padding makes the same as none, which the library refuses as a key */
    if (password_len == 0)
        password = zero, password_len = 1;
    int rc = pkcs_5_alg2(password, password_len, salt_len ? salt : zero, salt_len, (int)rounds, hash, out, &len);
    assert(rc == CRYPT_OK && len == out_len);
}

bool cipher_equal(const void *a, const void *b, size_t len)
{
    return mem_neq(a, b, len) == 0;
}
