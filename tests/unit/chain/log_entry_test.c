/* Reading the JSON of a log. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "chain/contracts.h"
#include "util/cleanup.h"

#define HASH_A "0xaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define HASH_B "0xbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
#define ADDRESS "\"address\":\"0xF39Fd6e51aad88F6F4ce6aB8827279cffFb92266\","
#define TOPICS "\"topics\":[\"" HASH_A "\",\"" HASH_B "\"],"
#define DATA "\"data\":\"0x00ff10\","
#define BLOCK "\"blockNumber\":\"0x1b4\",\"blockHash\":\"" HASH_A "\","
#define PLACE "\"transactionHash\":\"" HASH_B "\",\"logIndex\":\"0x2\""
#define WHOLE "{" ADDRESS TOPICS DATA BLOCK PLACE

static int parse(struct log_entry *out, const char *text, struct err *e)
{
    struct err je = { 0 };
    struct json *root = json_parse(text, strlen(text), &je);
    if (!root)
        fail_msg("%s in %s", je.msg, text);
    int rc = log_entry_parse(out, root, e);
    json_free(root);
    return rc;
}

static void reads_all_members(void **state)
{
    (void)state;
    struct log_entry log;
    assert_int_equal(
        parse(&log, WHOLE ",\"removed\":true,\"blockTimestamp\":\"0x669a4fa3\",\"transactionIndex\":\"0x0\"}", NULL),
        0);
    assert_int_equal(log.address.b[0], 0xf3);
    assert_int_equal(log.n_topics, 2);
    assert_int_equal(log.topics[0][0], 0xaa);
    assert_int_equal(log.topics[1][31], 0xbb);
    assert_int_equal(log.data.len, 3);
    assert_memory_equal(log.data.data, "\x00\xff\x10", 3);
    assert_int_equal(log.block_number, 0x1b4);
    assert_int_equal(log.block_hash[0], 0xaa);
    assert_int_equal(log.tx_hash[0], 0xbb);
    assert_int_equal(log.log_index, 2);
    assert_int_equal(log.block_timestamp_s, 1721388963);
    assert_true(log.removed);
    log_entry_free(&log);
}

static void extras_may_be_missing_or_strange(void **state)
{
    (void)state;
    static const char *const tails[] = {
        "}",
        ",\"removed\":null,\"blockTimestamp\":null}",
        ",\"removed\":\"yes\",\"blockTimestamp\":\"soon\"}",
        ",\"removed\":false,\"blockTimestamp\":12}",
    };
    for (size_t i = 0; i < sizeof tails / sizeof *tails; i++) {
        char text[1024];
        struct log_entry log;
        (void)snprintf(text, sizeof text, WHOLE "%s", tails[i]);
        assert_int_equal(parse(&log, text, NULL), 0);
        assert_false(log.removed);
        assert_int_equal(log.block_timestamp_s, 0);
        log_entry_free(&log);
    }
}

static void errors_name_the_member(void **state)
{
    (void)state;
    static const struct {
        const char *text, *names;
    } cases[] = {
        { "7", "log: expected an object" },
        { "{}", "address: expected" },
        { "{\"address\":\"0x12\"}", "address:" },
        { "{" ADDRESS DATA BLOCK PLACE "}", "topics: expected an array" },
        { "{" ADDRESS "\"topics\":{}," DATA BLOCK PLACE "}", "topics: expected an array, found object" },
        { "{" ADDRESS "\"topics\":[1]," DATA BLOCK PLACE "}", "topics[0]: expected hex data, found integer" },
        { "{" ADDRESS "\"topics\":[\"" HASH_A "\",\"0x12\"]," DATA BLOCK PLACE "}", "topics[1]:" },
        { "{" ADDRESS "\"topics\":[0,0,0,0,0]," DATA BLOCK PLACE "}", "topics: expected at most 4, found 5" },
        { "{" ADDRESS TOPICS BLOCK PLACE "}", "data: expected" },
        { "{" ADDRESS TOPICS "\"data\":\"0x0\"," BLOCK PLACE "}", "data:" },
        { "{" ADDRESS TOPICS "\"data\":\"00\"," BLOCK PLACE "}", "data:" },
        { "{" ADDRESS TOPICS DATA PLACE "}", "blockNumber: expected a hex quantity, found nothing" },
        { "{" ADDRESS TOPICS DATA "\"blockNumber\":null,\"blockHash\":null," PLACE "}", "blockNumber:" },
        { "{" ADDRESS TOPICS DATA "\"blockNumber\":\"0x11111111111111111\",\"blockHash\":\"" HASH_A "\"," PLACE "}",
          "blockNumber:" },
        { "{" ADDRESS TOPICS DATA "\"blockNumber\":\"0x1\",\"blockHash\":\"0x\"," PLACE "}", "blockHash:" },
        { "{" ADDRESS TOPICS DATA BLOCK "\"logIndex\":\"0x0\"}", "transactionHash:" },
        { "{" ADDRESS TOPICS DATA BLOCK "\"transactionHash\":\"" HASH_B "\"}", "logIndex:" },
        { "{" ADDRESS TOPICS DATA BLOCK "\"transactionHash\":\"" HASH_B "\",\"logIndex\":3}", "logIndex:" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct log_entry log;
        struct err e = { 0 };
        assert_int_equal(parse(&log, cases[i].text, &e), -EPROTO);
        if (strncmp(e.msg, cases[i].names, strlen(cases[i].names)) != 0)
            fail_msg("expected \"%s\", found \"%s\"", cases[i].names, e.msg);
        assert_null(log.data.data);
        assert_int_equal(log.n_topics, 0);
    }
}

/* Data at the bound, and one byte over it. */
static void data_is_bounded(void **state)
{
    (void)state;
    for (size_t n = LOG_DATA_MAX; n <= LOG_DATA_MAX + 2; n += 2) {
        CLEANUP(buf_free) struct buf text = { 0 };
        struct log_entry log;
        struct err e = { 0 };
        buf_puts(&text, "{" ADDRESS TOPICS BLOCK PLACE ",\"data\":\"0x");
        memset(buf_extend(&text, 2 * n), '0', 2 * n);
        buf_puts(&text, "\"}");
        int rc = parse(&log, buf_cstr(&text), &e);
        assert_int_equal(rc, n <= LOG_DATA_MAX ? 0 : -EPROTO);
        log_entry_free(&log);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_all_members),
        cmocka_unit_test(extras_may_be_missing_or_strange),
        cmocka_unit_test(errors_name_the_member),
        cmocka_unit_test(data_is_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
