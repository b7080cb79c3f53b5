/* Vectors of the Keccak team's original submission (Keccak-256, not SHA3-256) and Ethereum's well-known constants. */
#include "eth_support.h"

#include "eth/keccak.h"

static void check(const void *data, size_t len, const char *want)
{
    uint8_t hash[32];
    keccak256(hash, data, len);
    assert_hex(hash, 32, want);
}

static void known_messages(void **state)
{
    (void)state;
    check("", 0, "c5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470");
    check("abc", 3, "4e03657aea45a94fc7d47ba826c8d667c0d1e6e33a64a036ec44f58fa12d6c45");
    check("\xcc", 1, "eead6dbfc7340a56caedc044696a168870549a6a7f6f56961e84a54bd9970b8a");
    check("\x80", 1, "56e81f171bcc55a6ff8345e692c0f86e5b48e01b996cadc001622fb5e363b421"); /* empty trie root */
    check("The quick brown fox jumps over the lazy dog", 43,
          "4d741b6f1eb29cb2a9b9911c82f56fa8d73b04959d3d9d222895df6c0b28aa15");
    check("EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)", 82,
          "8b73c3c69bb8fe3d512ecc4cf759cc79239f7b179b0ffacaa9a75d522b39400f");
}

/* The padding's corner cases: one byte of room in the block, none, and a block more. */
static void lengths_around_the_block(void **state)
{
    (void)state;
    char data[274];
    memset(data, 'a', sizeof data);
    check(data, 135, "34367dc248bbd832f4e3e69dfaac2f92638bd0bbd18f2912ba4ef454919cf446");
    check(data, 136, "a6c4d403279fe3e0af03729caada8374b5ca54d8065329a3ebcaeb4b60aa386e");
    check(data, 137, "d869f639c7046b4929fc92a4d988a8b22c55fbadb802c0c66ebcd484f1915f39");
}

static void parts_are_one_message(void **state)
{
    (void)state;
    uint8_t data[300], whole[32], parted[32];
    for (size_t i = 0; i < sizeof data; i++)
        data[i] = (uint8_t)(i * 7);
    keccak256(whole, data, sizeof data);
    for (size_t cut = 0; cut <= sizeof data; cut++) {
        const struct keccak_part parts[] = { { data, cut }, { NULL, 0 }, { data + cut, sizeof data - cut } };
        keccak256_parts(parted, parts, 3);
        assert_memory_equal(whole, parted, 32);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known_messages),
        cmocka_unit_test(lengths_around_the_block),
        cmocka_unit_test(parts_are_one_message),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
