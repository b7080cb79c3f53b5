#include "eth/keccak.h"

#include <assert.h>
#include <tomcrypt.h>

#define RATE_BYTES 136 /* 1088 bits: Keccak[c=512] absorbs this much between two permutations */

/* The released libtomcrypt pads only as SHA3 does (01 then 10*1). The sponge below is the same, so the original padding
 * (10*1 alone) goes in as message bytes: they complete the last block, the permutation runs, and the state's first
 * 32 bytes are the digest. */
static void finish(uint8_t out[32], hash_state *md, size_t len)
{
    uint8_t pad[RATE_BYTES] = { 0 };
    size_t n = RATE_BYTES - len % RATE_BYTES;
    pad[0] = 0x01;
    pad[n - 1] |= 0x80;
    int rc = sha3_process(md, pad, n);
    assert(rc == CRYPT_OK && md->sha3.word_index == 0 && md->sha3.byte_index == 0);
    for (size_t i = 0; i < 32; i++)
        out[i] = (uint8_t)(md->sha3.s[i / 8] >> (8 * (i % 8)));
}

void keccak256_parts(uint8_t out[32], const struct keccak_part *parts, size_t n)
{
    hash_state md;
    size_t total = 0;
    int rc = sha3_256_init(&md);
    for (size_t i = 0; i < n; i++) {
        if (parts[i].len == 0)
            continue;
        rc |= sha3_process(&md, parts[i].data, parts[i].len);
        total += parts[i].len;
    }
    assert(rc == CRYPT_OK);
    finish(out, &md, total);
}

void keccak256(uint8_t out[32], const void *data, size_t len)
{
    keccak256_parts(out, &(struct keccak_part){ data, len }, 1);
}
