/* CBOR: the examples of RFC 8949 (appendix A) that Nitro documents may hold, and what must be refused. */
#include "enclave/cbor.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "util/hex.h"

static size_t bytes_of(uint8_t *out, const char *hex)
{
    assert_int_equal(hex_decode(out, hex, strlen(hex), NULL), HEX_OK);
    return strlen(hex) / 2;
}

static void test_items(void **state)
{
    static const struct {
        const char *hex;
        enum cbor_kind kind;
        uint64_t n;
    } cases[] = {
        { "00", CBOR_KIND_UINT, 0 },
        { "17", CBOR_KIND_UINT, 23 },
        { "1818", CBOR_KIND_UINT, 24 },
        { "1903e8", CBOR_KIND_UINT, 1000 },
        { "1a000f4240", CBOR_KIND_UINT, 1000000 },
        { "1b000000e8d4a51000", CBOR_KIND_UINT, 1000000000000 },
        { "1bffffffffffffffff", CBOR_KIND_UINT, UINT64_MAX },
        { "20", CBOR_KIND_NEGATIVE, 0 },
        { "3822", CBOR_KIND_NEGATIVE, 34 },
        { "3903e7", CBOR_KIND_NEGATIVE, 999 },
        { "3bffffffffffffffff", CBOR_KIND_NEGATIVE, UINT64_MAX },
        { "40", CBOR_KIND_BYTES, 0 },
        { "4401020304", CBOR_KIND_BYTES, 4 },
        { "60", CBOR_KIND_TEXT, 0 },
        { "6449455446", CBOR_KIND_TEXT, 4 },
        { "80", CBOR_KIND_ARRAY, 0 },
        { "a0", CBOR_KIND_MAP, 0 },
        { "f4", CBOR_KIND_BOOL, 0 },
        { "f5", CBOR_KIND_BOOL, 1 },
        { "f6", CBOR_KIND_NULL, 0 },
        { "f7", CBOR_KIND_OTHER, 0 },
        { "f93c00", CBOR_KIND_OTHER, 0 },
        { "fa47c35000", CBOR_KIND_OTHER, 0 },
        { "fb3ff199999999999a", CBOR_KIND_OTHER, 0 },
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        uint8_t raw[32];
        struct cbor_in in = { .data = raw, .len = bytes_of(raw, cases[i].hex) };
        struct cbor_value v;
        assert_int_equal(cbor_in_next(&in, &v, NULL), 0);
        assert_int_equal(v.kind, cases[i].kind);
        assert_true(v.n == cases[i].n);
        assert_true(cbor_in_done(&in));
    }
}

static void test_strings_are_borrowed(void **state)
{
    uint8_t raw[32];
    struct cbor_in in = { .data = raw,
                          .len = bytes_of(raw, "6449455446"
                                               "4401020304") };
    struct cbor_value v;
    (void)state;
    assert_int_equal(cbor_in_next(&in, &v, NULL), 0);
    assert_true(cbor_text_is(&v, "IETF") && !cbor_text_is(&v, "IET") && !cbor_text_is(&v, "IETFF"));
    assert_ptr_equal(v.data, raw + 1);
    assert_int_equal(cbor_in_expect(&in, &v, CBOR_KIND_BYTES, "b", NULL), 0);
    assert_memory_equal(v.data, "\1\2\3\4", 4);
    assert_false(cbor_text_is(&v, "\1\2\3\4"));
}

static void test_refused(void **state)
{
    static const struct {
        const char *hex;
        const char *says;
    } cases[] = {
        { "", "CBOR at byte 0: ends where an item was expected" },
        { "18", "CBOR at byte 0: truncated item" },
        { "1b00000000000000", "CBOR at byte 0: truncated item" },
        { "44010203", "CBOR at byte 0: truncated item" },
        { "5bffffffffffffffff00", "CBOR at byte 0: truncated item" },
        { "7b7fffffffffffffff00", "CBOR at byte 0: truncated item" },
        { "1c", "CBOR at byte 0: not a valid item" },
        { "f800", "CBOR at byte 0: not a valid item" },
        { "5f42010243030405ff", "CBOR at byte 0: indefinite lengths are not accepted" },
        { "7f657374726561646d696e67ff", "CBOR at byte 0: indefinite lengths are not accepted" },
        { "9fff", "CBOR at byte 0: indefinite lengths are not accepted" },
        { "bfff", "CBOR at byte 0: indefinite lengths are not accepted" },
        { "ff", "CBOR at byte 0: indefinite lengths are not accepted" },
        { "8301", "CBOR at byte 0: array longer than what is left" },
        { "9bffffffffffffffff", "CBOR at byte 0: array longer than what is left" },
        { "a20102", "CBOR at byte 0: map longer than what is left" },
        { "bbffffffffffffffff", "CBOR at byte 0: map longer than what is left" },
        { "d2", "CBOR at byte 0: tag longer than what is left" },
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        uint8_t raw[32];
        struct cbor_in in = { .data = raw, .len = bytes_of(raw, cases[i].hex) };
        struct cbor_value v;
        struct err e = { 0 };
        assert_int_equal(cbor_in_next(&in, &v, &e), -EBADMSG);
        assert_string_equal(e.msg, cases[i].says);
        assert_int_equal(in.at, 0);
    }
}

static void test_expect_names_both_kinds(void **state)
{
    uint8_t raw[8];
    struct cbor_in in = { .data = raw, .len = bytes_of(raw, "f6") };
    struct cbor_value v;
    struct err e = { 0 };
    (void)state;
    assert_int_equal(cbor_in_expect(&in, &v, CBOR_KIND_MAP, "pcrs", &e), -EBADMSG);
    assert_string_equal(e.msg, "pcrs: expected map, found null");
}

static void test_skip(void **state)
{
    uint8_t raw[64];
    (void)state;
    /* {1: [2, {3: h'00'}], "a": 18(null)} 7 */
    struct cbor_in in = { .data = raw,
                          .len = bytes_of(raw, "a2018202a1034100"
                                               "6161d2f6"
                                               "07") };
    struct cbor_value v;
    assert_int_equal(cbor_in_skip(&in, NULL), 0);
    assert_int_equal(cbor_in_next(&in, &v, NULL), 0);
    assert_true(v.kind == CBOR_KIND_UINT && v.n == 7 && cbor_in_done(&in));
    in = (struct cbor_in){ .data = raw, .len = bytes_of(raw, "82018202") };
    assert_int_equal(cbor_in_skip(&in, NULL), -EBADMSG);
}

static void test_skip_needs_no_stack(void **state)
{
    size_t n = 2000000;
    uint8_t *raw = malloc(n);
    (void)state;
    assert_non_null(raw);
    memset(raw, 0x81, n); /* arrays of one, in each other */
    raw[n - 1] = 0;
    struct cbor_in in = { .data = raw, .len = n };
    assert_int_equal(cbor_in_skip(&in, NULL), 0);
    assert_true(cbor_in_done(&in));
    in = (struct cbor_in){ .data = raw, .len = n - 1 };
    assert_int_equal(cbor_in_skip(&in, NULL), -EBADMSG);
    free(raw);
}

static void test_writing(void **state)
{
    struct buf out = { 0 };
    uint8_t want[64];
    (void)state;
    cbor_put_tag(&out, 18);
    cbor_put_array(&out, 5);
    cbor_put_uint(&out, 1000);
    cbor_put_negative(&out, 34);
    cbor_put_bytes(&out, "\1\2\3\4", 4);
    cbor_put_map(&out, 1);
    cbor_put_text(&out, "IETF");
    cbor_put_null(&out);
    cbor_put_bool(&out, true);
    assert_int_equal(out.len, bytes_of(want, "d2851903e838224401020304a16449455446f6f5"));
    assert_memory_equal(out.data, want, out.len);
    struct cbor_in in = { .data = out.data, .len = out.len };
    assert_int_equal(cbor_in_skip(&in, NULL), 0);
    assert_true(cbor_in_done(&in));
    buf_free(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_items),   cmocka_unit_test(test_strings_are_borrowed),
        cmocka_unit_test(test_refused), cmocka_unit_test(test_expect_names_both_kinds),
        cmocka_unit_test(test_skip),    cmocka_unit_test(test_skip_needs_no_stack),
        cmocka_unit_test(test_writing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
