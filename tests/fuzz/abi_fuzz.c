/* ABI decoding of any bytes: what is read lies inside, failures change no output and say why, and what was decoded
 * encodes and decodes to itself. The first byte says how many of the arguments are looked at. */
#include "fuzz.h"

#include "eth/abi.h"

#define ARGS_MAX 12
#define ARRAY_MAX 64

static void check_failure(int rc, const struct err *e)
{
    assert(rc == -EBADMSG && e->code == -EBADMSG && e->msg[0]);
}

static void check_scalars(struct abi_view v, size_t index)
{
    struct err e[5] = { 0 };
    const uint8_t *word = NULL;
    struct u256 wide = { { 1, 1, 1, 1 } };
    uint64_t u64 = 7;
    uint8_t u8 = 7;
    struct address a;
    memset(&a, 7, sizeof a);
    if (abi_get_word(&word, v, index, &e[0]) < 0) {
        check_failure(abi_get_u256(&wide, v, index, &e[1]), &e[0]);
        assert(word == NULL && wide.limb[0] == 1);
        return;
    }
    assert(word >= v.data && (size_t)(word - v.data) == 32 * index && 32 * index + 32 <= v.len);
    assert(abi_get_u256(&wide, v, index, NULL) == 0);
    if (abi_get_u64(&u64, v, index, &e[2]) == 0)
        assert(u256_cmp(wide, u256_from_u64(u64)) == 0);
    else
        assert(u64 == 7 && (wide.limb[1] | wide.limb[2] | wide.limb[3]));
    if (abi_get_u8(&u8, v, index, &e[3]) == 0)
        assert(u256_cmp(wide, u256_from_u64(u8)) == 0);
    else
        assert(u8 == 7);
    if (abi_get_address(&a, v, index, &e[4]) == 0)
        assert(memcmp(a.b, word + 12, 20) == 0);
    else
        assert(a.b[0] == 7 && a.b[19] == 7);
}

static void check_bytes(struct abi_view v, size_t index)
{
    struct err e = { 0 };
    const uint8_t *found = NULL;
    size_t len = 0;
    int rc = abi_get_bytes(&found, &len, v, index, &e);
    if (rc < 0) {
        check_failure(rc, &e);
        assert(!found && len == 0);
        return;
    }
    assert(found >= v.data && len <= v.len && found + len <= v.data + v.len);
    struct buf out = { 0 };
    struct abi_encoder enc;
    abi_begin(&enc, &out, NULL, 2);
    abi_put_u64(&enc, len);
    abi_put_bytes(&enc, found, len);
    abi_end(&enc);
    const uint8_t *again;
    size_t again_len;
    assert(abi_get_bytes(&again, &again_len, (struct abi_view){ out.data, out.len }, 1, NULL) == 0);
    assert(again_len == len && (len == 0 || memcmp(again, found, len) == 0));
    buf_free(&out);
}

static void check_addresses(struct abi_view v, size_t index)
{
    struct err e = { 0 };
    struct address *all = NULL;
    size_t n = 0;
    int rc = abi_get_address_array(&all, &n, ARRAY_MAX, v, index, &e);
    if (rc < 0) {
        check_failure(rc, &e);
        assert(!all && n == 0);
        return;
    }
    assert(n <= ARRAY_MAX && 32 * n <= v.len && (n == 0) == (all == NULL));
    uint8_t sum = 0;
    for (size_t i = 0; i < n; i++)
        sum ^= all[i].b[0] ^ all[i].b[19]; /* every element is there to be read */
    free(all);
    (void)sum;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    if (len < 1)
        return 0;
    struct abi_view v = { data + 1, len - 1 };
    size_t n = data[0] % ARGS_MAX + 1U;
    for (size_t i = 0; i < n; i++) {
        check_scalars(v, i);
        check_bytes(v, i);
        check_addresses(v, i);
    }
    check_scalars(v, SIZE_MAX - data[0]);
    check_bytes(v, SIZE_MAX / 32 - data[0]);
    return 0;
}
