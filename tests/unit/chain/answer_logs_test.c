/* What a receipt's logs tell of an answer: the contract's word, and a payment only where it is beyond doubt. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include "chain/answer_logs.h"
#include "util/buf.h"

#define JOBS "0xaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define TOKEN "0xbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
#define FAKE "0xeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeee"
#define WORD(last2) "00000000000000000000000000000000000000000000000000000000000000" last2
#define PADDED(a) "\"0x000000000000000000000000" a "\""
#define JOBS_WORD PADDED("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa")
#define OWNER_WORD PADDED("cccccccccccccccccccccccccccccccccccccccc")
#define POOL_WORD PADDED("dddddddddddddddddddddddddddddddddddddddd")
#define PLACE                                                                                                          \
    ",\"blockNumber\":\"0x1\",\"blockHash\":\"0x" WORD("01") "\",\"transactionHash\":\"0x" WORD(                       \
        "02") "\",\"logIndex\":\"0x0\"}"
#define TRANSFER(token, from, to, amount)                                                                              \
    "{\"address\":\"" token                                                                                            \
    "\",\"topics\":[\"0xddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef\"," from "," to               \
    "],\"data\":\"0x" WORD(amount) "\"" PLACE
#define RESPONDED_1(address, job, count)                                                                               \
    "{\"address\":\"" address "\",\"topics\":[\"0x6594e695f8748d68972e2dd5ebe133bc32ca4aad6dbd333ba3b6caebbba70d41\"," \
    "\"0x" WORD(job) "\"],\"data\":\"0x" WORD("80") WORD("07") WORD("00") WORD(count) WORD("00") "\"" PLACE
#define RESPONDED_2(address, job, count)                                                                               \
    "{\"address\":\"" address "\",\"topics\":[\"0x44e2fe4ddd3ee1cc7d02ec47111be654474a6fc73411e678e3152b806bfc0233\"," \
    "\"0x" WORD(job) "\"," POOL_WORD "],\"data\":\"0x" WORD("80") WORD("07") WORD("00") WORD(count)                    \
        WORD("00") "\"" PLACE

static struct answer_facts read_logs(const char *text)
{
    struct address jobs, owner;
    struct answer_facts facts;
    struct json *logs = json_parse(text, strlen(text), NULL);
    assert_non_null(logs);
    memset(jobs.b, 0xaa, sizeof jobs.b);
    memset(owner.b, 0xcc, sizeof owner.b);
    answer_facts_read(&facts, logs, &jobs, u256_from_u64(5), &owner);
    json_free(logs);
    return facts;
}

static void rank_and_payment(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "[" TRANSFER(TOKEN, JOBS_WORD, OWNER_WORD, "2c") "," TRANSFER(TOKEN, JOBS_WORD, POOL_WORD,
                                                                      "ff") "," RESPONDED_1(JOBS, "05", "02") "]",
        "[" RESPONDED_2(JOBS, "05", "02") "," TRANSFER(TOKEN, JOBS_WORD, OWNER_WORD, "2c") "]",
    };
    for (size_t i = 0; i < 2; i++) {
        struct answer_facts f = read_logs(texts[i]);
        assert_int_equal(f.rank, 2);
        assert_true(f.paid_known);
        assert_int_equal(f.paid_token.b[0], 0xbb);
        assert_int_equal(u256_cmp(f.paid, u256_from_u64(0x2c)), 0);
    }
}

static void others_words_do_not_count(void **state)
{
    (void)state;
    struct answer_facts f = read_logs("[" RESPONDED_1(FAKE, "05", "01") "," RESPONDED_1(JOBS, "06", "01") "," TRANSFER(
        TOKEN, POOL_WORD, OWNER_WORD, "09") "," TRANSFER(TOKEN, JOBS_WORD, POOL_WORD, "09") "]");
    assert_int_equal(f.rank, 0);
    assert_false(f.paid_known);
}

/* A callback may make a token of its own say anything. */
static void two_payments_are_none(void **state)
{
    (void)state;
    struct answer_facts f = read_logs("[" TRANSFER(TOKEN, JOBS_WORD, OWNER_WORD, "01") "," TRANSFER(
        FAKE, JOBS_WORD, OWNER_WORD, "ff") "," RESPONDED_1(JOBS, "05", "01") "]");
    assert_false(f.paid_known);
    assert_int_equal(f.rank, 1);
}

static void a_payment_of_nothing_is_known(void **state)
{
    (void)state;
    struct answer_facts f = read_logs("[" TRANSFER(TOKEN, JOBS_WORD, OWNER_WORD, "00") "]");
    assert_true(f.paid_known);
    assert_true(u256_is_zero(f.paid));
}

static void nonsense_is_passed_over(void **state)
{
    (void)state;
    static const char *const texts[] = { "null", "{}", "[]", "[1,null,{},[]]", "[{\"address\":\"0x\"}]" };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        struct answer_facts f = read_logs(texts[i]);
        assert_int_equal(f.rank, 0);
        assert_false(f.paid_known);
    }
    struct answer_facts f = read_logs("[3," RESPONDED_1(JOBS, "05", "03") ",{}]");
    assert_int_equal(f.rank, 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rank_and_payment),        cmocka_unit_test(others_words_do_not_count),
        cmocka_unit_test(two_payments_are_none),   cmocka_unit_test(a_payment_of_nothing_is_known),
        cmocka_unit_test(nonsense_is_passed_over),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
