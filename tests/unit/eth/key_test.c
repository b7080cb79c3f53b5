#include "eth_support.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "eth/keccak.h"
#include "util/cleanup.h"

#define GAS_KEY "7c852118294e51e653712a81e05800f419141751be58f605c371e15141b007a6"
#define ORDER "fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141"

static void known_addresses(void **state)
{
    (void)state;
    struct seckey gas = key_of(GAS_KEY);
    assert_hex(gas.address.b, 20, "90f79bf6eb2c4f870365e785982e1f101e93b906");
    struct seckey one = key_of("0000000000000000000000000000000000000000000000000000000000000001");
    assert_hex(
        one.pubkey, 64,
        "79be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798483ada7726a3c4655da4fbfc0e1108a8fd17b448a6"
        "8554199c47d08ffb10d4b8");
    assert_hex(one.address.b, 20, "7e5f4552091a69125d5dfcb7b8c2659029395bdf");
}

static void keys_out_of_range(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "0000000000000000000000000000000000000000000000000000000000000000",
        ORDER,
        "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
    };
    for (size_t i = 0; i < 3; i++) {
        struct seckey key;
        struct err e = { 0 };
        uint8_t secret[32];
        fill_hex(secret, 32, bad[i]);
        assert_int_equal(seckey_init(&key, secret, &e), -EINVAL);
        assert_string_equal(e.msg, "not a secp256k1 secret key: zero, or not below the curve order");
    }
    (void)key_of("fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364140");
}

/* RFC 6979 signatures of secp256k1 that other implementations publish (message hashed with SHA-256 there; only the
 * digest enters here). */
static void deterministic_signatures(void **state)
{
    (void)state;
    static const struct {
        const char *secret;
        const char *digest;
        const char *rs;
    } cases[] = {
        /* "Satoshi Nakamoto" */
        { "0000000000000000000000000000000000000000000000000000000000000001",
          "a0dc65ffca799873cbea0ac274015b9526505daaaed385155425f7337704883e",
          "934b1ea10a4b3c1757e2b0c017d0b6143ce3c9a7e6a4a49860d7a6ab210ee3d82442ce9d2b916064108014783e923ec36b49743e2ffa"
          "1c"
          "4496f01a512aafd9e5" },
        { "fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364140",
          "a0dc65ffca799873cbea0ac274015b9526505daaaed385155425f7337704883e",
          "fd567d121db66e382991534ada77a6bd3106f0a1098c231e47993447cd6af2d06b39cd0eb1bc8603e159ef5c20a5c8ad685a45b06ce9"
          "be"
          "bed3f153d10d93bed5" },
        /* "All those moments will be lost in time, like tears in rain. Time to die..." */
        { "0000000000000000000000000000000000000000000000000000000000000001",
          "7d1833f54854ac51659521afcd0ec6dca2ce2351429614bfa28a756b1b3c637f",
          "8600dbd41e348fe5c9465ab92d23e3db8b98b873beecd930736488696438cb6b547fe64427496db33bf66019dacbf0039c04199abb01"
          "22"
          "918601db38a72cfc21" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct seckey key = key_of(cases[i].secret);
        struct signature sig, again;
        struct address signer;
        uint8_t digest[32];
        fill_hex(digest, 32, cases[i].digest);
        seckey_sign(&sig, &key, digest);
        seckey_sign(&again, &key, digest);
        assert_memory_equal(sig.b, again.b, 65);
        assert_hex(sig.b, 64, cases[i].rs);
        assert_int_equal(signature_recover_address(&signer, &sig, digest, NULL), 0);
        assert_true(address_eq(&signer, &key.address));
    }
}

static void generated_keys_sign(void **state)
{
    (void)state;
    struct seckey a, b;
    struct signature sig;
    struct address signer;
    uint8_t digest[32], pubkey[64];
    keccak256(digest, "x", 1);
    assert_int_equal(seckey_generate(&a, NULL), 0);
    assert_int_equal(seckey_generate(&b, NULL), 0);
    assert_memory_not_equal(a.secret, b.secret, 32);
    seckey_sign(&sig, &a, digest);
    assert_true(sig.b[64] == 27 || sig.b[64] == 28);
    assert_int_equal(signature_recover(pubkey, &sig, digest, NULL), 0);
    assert_memory_equal(pubkey, a.pubkey, 64);
    sig.b[64] = (uint8_t)(sig.b[64] - 27); /* bare parity is read too */
    assert_int_equal(signature_recover_address(&signer, &sig, digest, NULL), 0);
    assert_true(address_eq(&signer, &a.address));
    digest[0] ^= 1;
    if (signature_recover_address(&signer, &sig, digest, NULL) == 0)
        assert_false(address_eq(&signer, &a.address));
}

/* n - s, big-endian: the malleable twin. */
static void negate_s(uint8_t s[32])
{
    uint8_t order[32];
    struct u256 twin;
    fill_hex(order, 32, ORDER);
    assert_true(u256_sub(&twin, u256_from_be(order), u256_from_be(s)));
    u256_to_be(s, twin);
}

static void refused_signatures(void **state)
{
    (void)state;
    struct seckey key = key_of(GAS_KEY);
    struct signature good, bad;
    uint8_t digest[32] = { 1 }, pubkey[64];
    seckey_sign(&good, &key, digest);
    static const uint8_t bad_v[] = { 2, 3, 26, 29, 30, 255 };
    for (size_t i = 0; i < sizeof bad_v; i++) {
        struct err e = { 0 };
        bad = good;
        bad.b[64] = bad_v[i];
        assert_int_equal(signature_recover(pubkey, &bad, digest, &e), -EINVAL);
        assert_non_null(strstr(e.msg, "expected 0, 1, 27 or 28"));
    }
    struct err e = { 0 };
    bad = good;
    negate_s(bad.b + 32);
    bad.b[64] ^= 27 ^ 28;
    assert_int_equal(signature_recover(pubkey, &bad, digest, &e), -EINVAL);
    assert_non_null(strstr(e.msg, "upper half"));
    bad = good;
    fill_hex(bad.b, 32, ORDER);
    assert_int_equal(signature_recover(pubkey, &bad, digest, NULL), -EINVAL);
    bad = good;
    memset(bad.b, 0, 64);
    assert_int_equal(signature_recover(pubkey, &bad, digest, NULL), -EINVAL);
    bad = good;
    memset(bad.b, 0, 32);
    bad.b[31] = 5; /* no point of the curve has x = 5 */
    assert_int_equal(signature_recover(pubkey, &bad, digest, NULL), -EINVAL);
}

static void wiped(void **state)
{
    (void)state;
    static const struct seckey empty;
    struct seckey key = key_of(GAS_KEY);
    seckey_wipe(&key);
    assert_memory_equal(&key, &empty, sizeof key);
}

/* ---- files ---- */

struct scratch {
    char dir[32];
    char path[64];
};

static int scratch_make(void **state)
{
    struct scratch *s = xcalloc(1, sizeof *s);
    (void)strcpy(s->dir, "/tmp/oyster-key-XXXXXX");
    if (!mkdtemp(s->dir))
        return -1;
    (void)snprintf(s->path, sizeof s->path, "%s/key", s->dir);
    *state = s;
    return 0;
}

static int scratch_remove(void **state)
{
    struct scratch *s = *state;
    (void)unlink(s->path);
    int rc = rmdir(s->dir);
    free(s);
    return rc;
}

static void write_file(const char *path, const void *data, size_t len)
{
    CLEANUP(fd_close_p) int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, data, len), len);
}

static void load_right(void **state)
{
    const struct scratch *s = *state;
    struct seckey want = key_of(GAS_KEY), key;
    write_file(s->path, want.secret, 32);
    assert_int_equal(seckey_load(&key, s->path, NULL), 0);
    assert_memory_equal(&key, &want, sizeof key);
}

static void load_wrong(void **state)
{
    const struct scratch *s = *state;
    static const uint8_t zeros[100];
    static const struct {
        size_t len;
        int code;
        const char *msg;
    } cases[] = {
        { 0, -EINVAL, "expected 32 raw bytes, found 0" },
        { 31, -EINVAL, "expected 32 raw bytes, found 31" },
        { 33, -EINVAL, "expected 32 raw bytes, found 33" },
        { 64, -EINVAL, "expected 32 raw bytes, found 64" },
        { 32, -EINVAL, "not a secp256k1 secret key: zero, or not below the curve order" },
    };
    struct seckey key;
    char want[256];
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct err e = { 0 };
        write_file(s->path, zeros, cases[i].len);
        assert_int_equal(seckey_load(&key, s->path, &e), cases[i].code);
        (void)snprintf(want, sizeof want, "%s: %s", s->path, cases[i].msg);
        assert_string_equal(e.msg, want);
    }
}

static void load_no_file(void **state)
{
    const struct scratch *s = *state;
    struct seckey key;
    struct err missing = { 0 }, dir = { 0 }, fifo = { 0 };
    assert_int_equal(seckey_load(&key, s->path, &missing), -ENOENT);
    assert_non_null(strstr(missing.msg, s->path));
    assert_int_equal(seckey_load(&key, s->dir, &dir), -EINVAL);
    assert_non_null(strstr(dir.msg, "not a regular file"));
    assert_int_equal(mkfifo(s->path, 0600), 0);
    assert_int_equal(seckey_load(&key, s->path, &fifo), -EINVAL); /* and does not wait for a writer */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known_addresses),
        cmocka_unit_test(keys_out_of_range),
        cmocka_unit_test(deterministic_signatures),
        cmocka_unit_test(generated_keys_sign),
        cmocka_unit_test(refused_signatures),
        cmocka_unit_test(wiped),
        cmocka_unit_test_setup_teardown(load_right, scratch_make, scratch_remove),
        cmocka_unit_test_setup_teardown(load_wrong, scratch_make, scratch_remove),
        cmocka_unit_test_setup_teardown(load_no_file, scratch_make, scratch_remove),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
