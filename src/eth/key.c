#include "eth/key.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <secp256k1.h>
#include <secp256k1_ecdh.h>
#include <secp256k1_recovery.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "util/cleanup.h"
#include "util/random.h"

/* Says that data derives from a secret and is public all the same. Only the constant-time test listens. */
#ifdef OYSTER_CTIME
#include <valgrind/memcheck.h>
#define DECLASSIFY(data, len) ((void)VALGRIND_MAKE_MEM_DEFINED(data, len))
#else
#define DECLASSIFY(data, len) ((void)0)
#endif

#define SECRET_BYTES 32

/* The library's tables and blinding, made once and only read afterwards. */
static secp256k1_context *shared_ctx;

/* Blinding guards against side channels only; without randomness signing is still right, so its lack is no failure. */
static void make_ctx(void)
{
    uint8_t seed[32];
    shared_ctx = secp256k1_context_create(SECP256K1_CONTEXT_SIGN | SECP256K1_CONTEXT_VERIFY);
    if (!shared_ctx)
        abort();
    if (random_fill(seed, sizeof seed, NULL) == 0 && !secp256k1_context_randomize(shared_ctx, seed))
        abort();
    explicit_bzero(seed, sizeof seed);
}

static const secp256k1_context *ctx(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    (void)pthread_once(&once, make_ctx);
    return shared_ctx;
}

static void pubkey_bytes(uint8_t out[64], const secp256k1_pubkey *pubkey)
{
    uint8_t full[65];
    size_t len = sizeof full;
    int ok = secp256k1_ec_pubkey_serialize(ctx(), full, &len, pubkey, SECP256K1_EC_UNCOMPRESSED);
    assert(ok && len == sizeof full);
    memcpy(out, full + 1, 64);
}

int seckey_init(struct seckey *key, const uint8_t secret[32], struct err *e)
{
    secp256k1_pubkey pubkey;
    int valid = secp256k1_ec_pubkey_create(ctx(), &pubkey, secret);
    DECLASSIFY(&valid, sizeof valid);
    DECLASSIFY(&pubkey, sizeof pubkey);
    if (!valid)
        return err_set(e, -EINVAL, "not a secp256k1 secret key: zero, or not below the curve order");
    memmove(key->secret, secret, SECRET_BYTES);
    pubkey_bytes(key->pubkey, &pubkey);
    address_from_pubkey(&key->address, key->pubkey);
    return 0;
}

static void wipe_secret(uint8_t (*secret)[SECRET_BYTES + 1])
{
    explicit_bzero(*secret, sizeof *secret);
}

int seckey_generate(struct seckey *key, struct err *e)
{
    CLEANUP(wipe_secret) uint8_t secret[SECRET_BYTES + 1];
    int rc;
    do {
        rc = random_fill(secret, SECRET_BYTES, e);
        if (rc < 0)
            return rc;
        rc = seckey_init(key, secret, NULL); /* fails once in 2^128 */
    } while (rc < 0);
    return 0;
}

/* Reads until cap bytes or the end; returns how many, or -errno. */
static ssize_t read_full(int fd, uint8_t *out, size_t cap)
{
    size_t done = 0;
    while (done < cap) {
        ssize_t n = read(fd, out + done, cap - done);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -errno;
        if (n == 0)
            break;
        done += (size_t)n;
    }
    return (ssize_t)done;
}

int seckey_load(struct seckey *key, const char *path, struct err *e)
{
    CLEANUP(wipe_secret) uint8_t secret[SECRET_BYTES + 1]; /* one more, to see a longer file */
    CLEANUP(fd_close_p) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    struct stat st;
    if (fd < 0)
        return err_sys(e, "%s", path);
    if (fstat(fd, &st) < 0)
        return err_sys(e, "%s", path);
    if (!S_ISREG(st.st_mode))
        return err_set(e, -EINVAL, "%s: expected a file of 32 raw bytes, found something that is not a regular file",
                       path);
    ssize_t n = read_full(fd, secret, sizeof secret);
    if (n < 0) {
        errno = (int)-n;
        return err_sys(e, "%s", path);
    }
    if (n != SECRET_BYTES)
        return err_set(e, -EINVAL, "%s: expected 32 raw bytes, found %lld", path,
                       n < SECRET_BYTES ? (long long)n : (long long)st.st_size);
    if (seckey_init(key, secret, e) < 0)
        return err_wrap(e, "%s", path);
    return 0;
}

void seckey_wipe(struct seckey *key)
{
    explicit_bzero(key, sizeof *key);
}

void seckey_sign(struct signature *out, const struct seckey *key, const uint8_t digest[32])
{
    secp256k1_ecdsa_recoverable_signature sig;
    int recid = 0;
    int ok = secp256k1_ecdsa_sign_recoverable(ctx(), &sig, digest, key->secret, NULL, NULL);
    DECLASSIFY(&ok, sizeof ok);
    DECLASSIFY(&sig, sizeof sig);
    assert(ok); /* fails for an invalid key only, and struct seckey holds valid ones */
    ok = secp256k1_ecdsa_recoverable_signature_serialize_compact(ctx(), out->b, &recid, &sig);
    assert(ok && recid < 2); /* 2 and 3 need r above the order: not found by anyone yet */
    out->b[64] = (uint8_t)(27 + recid);
}

/* The point's x as it is: whoever derives a key from it hashes it together with what the key is for. */
static int take_x(unsigned char *out, const unsigned char *x32, const unsigned char *y32, void *data)
{
    (void)y32, (void)data;
    memcpy(out, x32, 32);
    return 1;
}

int seckey_ecdh(uint8_t shared[32], const struct seckey *key, const uint8_t pubkey[64], struct err *e)
{
    secp256k1_pubkey parsed;
    uint8_t full[65] = { 4 };
    memcpy(full + 1, pubkey, 64);
    if (!secp256k1_ec_pubkey_parse(ctx(), &parsed, full, sizeof full))
        return err_set(e, -EINVAL, "not a public key: no point of secp256k1");
    int ok = secp256k1_ecdh(ctx(), shared, &parsed, key->secret, take_x, NULL);
    DECLASSIFY(&ok, sizeof ok);
    assert(ok); /* fails for an invalid secret only, and struct seckey holds valid ones */
    return 0;
}

/* The malleable twin of every signature has a high s; chain and contracts refuse it (EIP-2), and so do we. */
static bool has_low_s(const secp256k1_ecdsa_recoverable_signature *sig)
{
    secp256k1_ecdsa_signature plain;
    return secp256k1_ecdsa_recoverable_signature_convert(ctx(), &plain, sig) &&
           !secp256k1_ecdsa_signature_normalize(ctx(), NULL, &plain);
}

int signature_recover(uint8_t pubkey[64], const struct signature *sig, const uint8_t digest[32], struct err *e)
{
    secp256k1_ecdsa_recoverable_signature parsed;
    secp256k1_pubkey found;
    uint8_t v = sig->b[64];
    if (v >= 27)
        v = (uint8_t)(v - 27);
    if (v > 1)
        return err_set(e, -EINVAL, "signature: v is %u, expected 0, 1, 27 or 28", sig->b[64]);
    if (!secp256k1_ecdsa_recoverable_signature_parse_compact(ctx(), &parsed, sig->b, v))
        return err_set(e, -EINVAL, "signature: r or s is not below the curve order");
    if (!has_low_s(&parsed))
        return err_set(e, -EINVAL, "signature: s is in the upper half of the curve order (EIP-2)");
    if (!secp256k1_ecdsa_recover(ctx(), &found, &parsed, digest))
        return err_set(e, -EINVAL, "signature: no public key makes it");
    pubkey_bytes(pubkey, &found);
    return 0;
}

int signature_recover_address(struct address *out, const struct signature *sig, const uint8_t digest[32], struct err *e)
{
    uint8_t pubkey[64];
    int rc = signature_recover(pubkey, sig, digest, e);
    if (rc == 0)
        address_from_pubkey(out, pubkey);
    return rc;
}
