/* The golden vector is a real node's registration signature (generation 1); the other digests are checked by the
 * differential run against ethers too. */
#include "eth_support.h"

#include "eth/eip712.h"

#define OWNER "0xf39fd6e51aad88f6f4ce6ab8827279cfffb92266"
#define GOLDEN_SIGNATURE                                                                                               \
    "19902ff8f70d7bba8d0001f619eb5c67bf1a97f8ed0b45fdba1b64a5a25dac5c1e253b533a06f477f7e7673a8ad1875dd415ed01640813a0" \
    "a5f88723bbb2d8e51b"
#define GOLDEN_PUBKEY                                                                                                  \
    "2772e3e5d5dfb8e583feb6f4d251f4bda32ef692aad0831055a663d9be3edb4591cc0109d9e8d0672f8576160cf81ed4909b0a0a16395134" \
    "1f74aec44018ea49"

static void golden_registration(void **state)
{
    (void)state;
    struct address owner = addr(OWNER), signer;
    struct signature sig;
    uint8_t digest[32], pubkey[64];
    fill_hex(sig.b, sizeof sig.b, GOLDEN_SIGNATURE);
    eip712_register(digest, &owner, 20, -1, 1721388963);
    assert_int_equal(signature_recover(pubkey, &sig, digest, NULL), 0);
    assert_hex(pubkey, 64, GOLDEN_PUBKEY);
    assert_int_equal(signature_recover_address(&signer, &sig, digest, NULL), 0);
    assert_hex(signer.b, 20, "2e5e17c117efeb0727765988b230c4d95f8e8c9c");
}

static void every_member_counts(void **state)
{
    (void)state;
    struct address owner = addr(OWNER), other = addr("0x0000000000000000000000000000000000000001");
    uint8_t digests[7][32];
    eip712_register(digests[0], &owner, 20, -1, 1);
    eip712_register(digests[1], &owner, 20, 0, 1);
    eip712_register(digests[2], &owner, 20, 1, 1);
    eip712_register(digests[3], &owner, 20, 255, 1);
    eip712_register(digests[4], &owner, 21, 1, 1);
    eip712_register(digests[5], &owner, 20, 1, 2);
    eip712_register(digests[6], &other, 20, 1, 1);
    for (size_t i = 0; i < 7; i++)
        for (size_t j = 0; j < i; j++)
            assert_memory_not_equal(digests[i], digests[j], 32);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(golden_registration),
        cmocka_unit_test(every_member_counts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
