/* A secret key under a password: web3 secret storage, version 3 (aes-128-ctr; scrypt or PBKDF2 with HMAC-SHA-256; mac =
 * keccak256(derived key[16..31] ‖ ciphertext)), as geth, ethers and others read and write it. Pure.
 *
 * A password is its bytes: no Unicode normalisation is done. */
#ifndef OYSTER_ETH_KEYSTORE_H
#define OYSTER_ETH_KEYSTORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "eth/key.h"
#include "eth/scrypt.h"
#include "util/buf.h"
#include "util/err.h"

enum keystore_kdf { KEYSTORE_SCRYPT, KEYSTORE_PBKDF2 };

/* Bounds on what a file may ask for: it names the price of its own opening. */
#define KEYSTORE_MEMORY_MAX ((uint64_t)512 << 20) /* bytes of scrypt; twice what geth's files take */
#define KEYSTORE_WORK_MAX ((uint64_t)1 << 26)     /* n * r * p of scrypt; 32 times that of geth's files */
#define KEYSTORE_ROUNDS_MAX 10000000              /* of PBKDF2 */
#define KEYSTORE_SALT_MAX 128                     /* bytes */
#define KEYSTORE_FILE_MAX ((size_t)64 * 1024)     /* bytes of JSON */

/* What such a file says. */
struct keystore {
    enum keystore_kdf kdf;
    struct scrypt_cost scrypt;
    uint32_t rounds; /* of PBKDF2 */
    uint8_t salt[KEYSTORE_SALT_MAX];
    size_t salt_len;
    uint8_t iv[16], ciphertext[32], mac[32];
    bool has_address; /* optional in the format */
    struct address address;
};

/* Reads the JSON, without a password. Returns 0, -EINVAL (a member that is missing or wrong, which the message names)
 * or -E2BIG (costs above the bounds). */
int keystore_parse(struct keystore *out, const char *json, size_t len, struct err *e);

/* Reads the JSON and decrypts its key. Takes as long and as much memory as the file says, within the bounds. Returns 0,
 * the errors of keystore_parse, -EACCES (wrong password), -EBADMSG (what it holds is no key, or not that of its
 * address) or -ENOMEM. out is wiped on failure. */
int keystore_open(struct seckey *out, const char *json, size_t len, const char *password, size_t password_len,
                  struct err *e);

/* Appends the key as JSON with a new salt, iv and id. scrypt: n 262144, r 8, p 1, which is 256 MiB of memory for about
 * a second; PBKDF2: 600,000 rounds. Returns 0, -ENOMEM or the error of getrandom. */
int keystore_seal(struct buf *json_out, const struct seckey *key, const char *password, size_t password_len,
                  enum keystore_kdf kdf, struct err *e);

#endif
