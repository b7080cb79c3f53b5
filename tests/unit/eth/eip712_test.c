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

/* Digests that ethers' TypedDataEncoder gives. */
static void other_structs(void **state)
{
    (void)state;
    struct address owner = addr(OWNER);
    uint8_t digest[32], pubkey[64], pcr[3][48];
    eip712_register(digest, &owner, 20, 1, 1721388963);
    assert_hex(digest, 32, "8779cf7457c81126fdd48318dd7cb6596319d555c2e2d9bfaa57541cc9182553");
    eip712_submit_output(digest, num("0x1000000000000000000000000000000000000000000000005"), "2,2,2,3,5,5", 11, 1234, 0,
                         1721388963);
    assert_hex(digest, 32, "f5c288c8fa70c772a63b2ad70c3efd670248fe23eae8995f3061bd46c8219adc");
    eip712_submit_output(digest, num("0"), NULL, 0, 5000, 4, 1);
    assert_hex(digest, 32, "ca1db63f69ae30714788173d2fb832672f1648be70bb34c2a1fc98b561280435");
    memset(pubkey, 0x11, sizeof pubkey);
    for (int i = 0; i < 3; i++)
        memset(pcr[i], 0x22 + 0x11 * i, sizeof pcr[i]);
    eip712_attestation(digest, pubkey, sizeof pubkey, pcr[0], pcr[1], pcr[2], 1721388963042);
    assert_hex(digest, 32, "423d1a3c373d71a9171d0b3e7af8d2c86858696fce11782186eecfa77053eef4");
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
        cmocka_unit_test(other_structs),
        cmocka_unit_test(every_member_counts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
