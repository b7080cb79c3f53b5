#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "util/cleanup.h"
#include "util/json.h"

static void free_root(struct json **root)
{
    json_free(*root);
}

static struct json *parse(const char *text)
{
    struct err e = { 0 };
    struct json *root = json_parse(text, strlen(text), &e);
    if (!root)
        fail_msg("%s: %s", text, e.msg);
    return root;
}

static void kinds(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        enum json_kind kind;
        const char *name;
    } cases[] = { { "null", JSON_KIND_NULL, "null" },       { "true", JSON_KIND_BOOL, "boolean" },
                  { "false", JSON_KIND_BOOL, "boolean" },   { "1", JSON_KIND_INT, "integer" },
                  { "-1", JSON_KIND_INT, "integer" },       { "1.5", JSON_KIND_REAL, "number" },
                  { "1e3", JSON_KIND_REAL, "number" },      { "\"\"", JSON_KIND_STRING, "string" },
                  { "[]", JSON_KIND_ARRAY, "array" },       { "{}", JSON_KIND_OBJECT, "object" },
                  { " \n[1]\t ", JSON_KIND_ARRAY, "array" } };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        CLEANUP(free_root) struct json *root = parse(cases[i].text);
        assert_int_equal(json_kind(root), cases[i].kind);
        assert_string_equal(json_kind_name(root), cases[i].name);
    }
    assert_int_equal(json_kind(NULL), JSON_KIND_NULL);
    assert_string_equal(json_kind_name(NULL), "nothing");
    json_free(NULL);
}

static void refused_texts(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        size_t len;
    } cases[] = {
#define T(x) { x, sizeof(x) - 1 }
        T(""),
        T(" "),
        T("{"),
        T("{\"a\":1,}"),
        T("{a:1}"),
        T("[1]]"),
        T("[1] x"),
        T("{\"a\":1,\"a\":2}"),
        T("{\"a\":1,\"\\u0061\":2}"),
        T("\"\xff\""),
        T("\"\xc0\xaf\""),     /* overlong */
        T("\"\xed\xa0\x80\""), /* a surrogate */
        T("\"\xf4\x90\x80\x80\""),
        T("\"\\ud800\""),
        T("\"a\nb\""),
        T("{\"a\\u0000b\":1}"),
        T("{\"a\0b\":1}"),
        T("1e999"),
        T("01"),
        T("+1"),
        T("NaN"),
        T("'a'"),
        T("[1]\0"),
        T("// c\n1"),
        T("99999999999999999999999999"),
#undef T
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct err e = { 0 };
        struct json *root = json_parse(cases[i].text, cases[i].len, &e);
        if (root)
            fail_msg("case %zu was read: %s", i, cases[i].text);
        assert_int_equal(e.code, -EINVAL);
        assert_int_equal(strncmp(e.msg, "line ", 5), 0);
    }
}

/* Depth is bounded: hostile nesting is an error, not a stack that runs out. */
static void nesting(void **state)
{
    (void)state;
    CLEANUP(buf_free) struct buf b = { 0 };
    struct err e = { 0 };
    for (int i = 0; i < 1000000; i++)
        buf_push(&b, '[');
    assert_null(json_parse((const char *)b.data, b.len, &e));
    assert_int_equal(e.code, -EINVAL);
    buf_reset(&b);
    for (int i = 0; i < 500; i++)
        buf_push(&b, '[');
    for (int i = 0; i < 500; i++)
        buf_push(&b, ']');
    CLEANUP(free_root) struct json *root = json_parse((const char *)b.data, b.len, NULL);
    assert_non_null(root);
}

static void reads_of_the_wrong_type(void **state)
{
    (void)state;
    CLEANUP(free_root)
    struct json *root = parse("{\"s\":\"a\\u0000b\",\"n\":-1,\"u\":9223372036854775807,\"r\":1.0,"
                              "\"b\":true,\"l\":[1,2],\"o\":{}}");
    uint64_t u = 5;
    size_t len = 0;
    assert_memory_equal(json_str(json_get(root, "s"), &len), "a\0b", 3);
    assert_int_equal(len, 3);
    assert_null(json_str(json_get(root, "n"), NULL));
    assert_null(json_str(NULL, NULL));
    assert_false(json_u64(json_get(root, "n"), &u));
    assert_false(json_u64(json_get(root, "r"), &u));
    assert_false(json_u64(NULL, &u));
    assert_int_equal(u, 5);
    assert_true(json_u64(json_get(root, "u"), &u));
    assert_int_equal(u, INT64_MAX);
    assert_true(json_bool(json_get(root, "b"), false));
    assert_true(json_bool(json_get(root, "n"), true));
    assert_false(json_bool(NULL, false));
    assert_int_equal(json_len(json_get(root, "l")), 2);
    assert_int_equal(json_len(json_get(root, "s")), 0);
    assert_int_equal(json_len(root), 7);
    assert_null(json_at(json_get(root, "l"), 2));
    assert_null(json_at(root, 0));
    assert_null(json_get(json_get(root, "l"), "x"));
    assert_null(json_get(root, "missing"));
}

static void values_may_outlive_their_root(void **state)
{
    (void)state;
    struct json *root = parse("{\"a\":{\"b\":[1,\"two\"]}}");
    CLEANUP(free_root) struct json *kept = json_keep(json_get(json_get(root, "a"), "b"));
    json_free(root);
    assert_string_equal(json_str(json_at(kept, 1), NULL), "two");
}

struct seen {
    char keys[16];
    int stop_after;
};

static int note_key(void *arg, const char *key, const struct json *value)
{
    struct seen *seen = arg;
    assert_int_equal(json_kind(value), JSON_KIND_INT);
    (void)strcat(seen->keys, key);
    return --seen->stop_after == 0 ? 42 : 0;
}

static void members_in_order(void **state)
{
    (void)state;
    CLEANUP(free_root) struct json *root = parse("{\"z\":1,\"a\":2,\"m\":3,\"b\":4}");
    struct seen all = { .stop_after = 99 }, some = { .stop_after = 2 };
    assert_int_equal(json_each(root, note_key, &all), 0);
    assert_string_equal(all.keys, "zamb");
    assert_int_equal(json_each(root, note_key, &some), 42);
    assert_string_equal(some.keys, "za");
}

static void required_members(void **state)
{
    (void)state;
    CLEANUP(free_root)
    struct json *root = parse("{\"q\":\"0x10\",\"n\":16,\"d\":\"0x0a0b\",\"bad\":\"0xzz\","
                              "\"big\":\"0x10000000000000000\",\"nil\":null}");
    CLEANUP(buf_free) struct buf data = { 0 };
    uint64_t q = 0;
    uint8_t two[2];
    assert_int_equal(json_req_quantity(&q, root, "q", NULL), 0);
    assert_int_equal(q, 16);
    assert_int_equal(json_req_bytes(two, 2, root, "d", NULL), 0);
    assert_memory_equal(two, "\x0a\x0b", 2);
    assert_int_equal(json_req_data(&data, 2, root, "d", NULL), 0);
    assert_int_equal(data.len, 2);
    static const char *const keys[] = { "n", "bad", "big", "nil", "missing" };
    static const char *const messages[] = {
        "n: expected a hex quantity, found integer",       "bad: not a hex digit at position 2",
        "big: quantity does not fit in 64 bits",           "nil: expected a hex quantity, found null",
        "missing: expected a hex quantity, found nothing",
    };
    for (size_t i = 0; i < 5; i++) {
        struct err e = { 0 };
        assert_int_equal(json_req_quantity(&q, root, keys[i], &e), -EPROTO);
        assert_string_equal(e.msg, messages[i]);
    }
    struct err wrong = { 0 }, over = { 0 };
    assert_int_equal(json_req_bytes(two, 1, root, "d", &wrong), -EPROTO);
    assert_string_equal(wrong.msg, "d: expected 2 hex digits, found 4");
    assert_int_equal(json_req_data(&data, 1, root, "d", &over), -EPROTO);
    assert_string_equal(over.msg, "d: over 1 bytes");
    assert_int_equal(data.len, 2);
}

static void required_members_of_another_type(void **state)
{
    (void)state;
    CLEANUP(free_root) struct json *root = parse("{\"n\":16,\"odd\":\"0x0\"}");
    CLEANUP(buf_free) struct buf data = { 0 };
    uint8_t two[2];
    struct err e[3] = { 0 };
    assert_int_equal(json_req_bytes(two, 2, root, "n", &e[0]), -EPROTO);
    assert_string_equal(e[0].msg, "n: expected hex data, found integer");
    assert_int_equal(json_req_data(&data, 9, root, "none", &e[1]), -EPROTO);
    assert_string_equal(e[1].msg, "none: expected hex data, found nothing");
    assert_int_equal(json_req_data(&data, 9, root, "odd", &e[2]), -EPROTO);
    assert_string_equal(e[2].msg, "odd: hex data has an odd number of digits");
}

static void signed_and_real_numbers(void **state)
{
    (void)state;
    CLEANUP(free_root) struct json *root = parse("[-5,1.5,\"1\",null]");
    int64_t i = 7;
    double d = 7;
    assert_true(json_i64(json_at(root, 0), &i) && i == -5);
    assert_true(json_f64(json_at(root, 0), &d) && d == -5);
    assert_true(json_f64(json_at(root, 1), &d) && d == 1.5);
    assert_false(json_i64(json_at(root, 1), &i) || json_i64(json_at(root, 2), &i) || json_i64(NULL, &i));
    assert_false(json_f64(json_at(root, 2), &d) || json_f64(json_at(root, 3), &d) || json_f64(NULL, &d));
    assert_true(i == -5 && d == 1.5);
}

/* What is wrong with a text that may hold a key is said without a word of it. */
static void secrets(void **state)
{
    (void)state;
    static const char right[] = "{\"gas_key_hex\":\"0x7c85\"}", wrong[] = "{\"gas_key_hex\":7c852118}";
    struct err e = { 0 };
    struct json *root = json_parse_secret(right, strlen(right), &e);
    assert_string_equal(json_str(json_get(root, "gas_key_hex"), NULL), "0x7c85");
    json_free_secret(root);
    json_free_secret(NULL);
    assert_null(json_parse_secret(wrong, strlen(wrong), &e));
    assert_int_equal(e.code, -EINVAL);
    assert_string_equal(e.msg, "line 1 column 17");
}

static void written_strings(void **state)
{
    (void)state;
    static const struct {
        const char *in;
        size_t len;
        const char *out;
    } cases[] = {
        { "", 0, "\"\"" },
        { "a\"b\\c/", 6, "\"a\\\"b\\\\c/\"" },
        { "\0\n\x1f\x7f", 4, "\"\\u0000\\u000a\\u001f\x7f\"" },
        { "h\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80", 10, "\"h\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\"" },
        { "\xff", 1, "\"\xef\xbf\xbd\"" },
        { "\xc3", 1, "\"\xef\xbf\xbd\"" },                                 /* cut short */
        { "\xc0\xaf", 2, "\"\xef\xbf\xbd\xef\xbf\xbd\"" },                 /* overlong */
        { "\xed\xa0\x80", 3, "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\"" }, /* a surrogate */
        { "\xe2\x82\"", 3, "\"\xef\xbf\xbd\xef\xbf\xbd\\\"\"" },           /* the quote is not swallowed */
        { "\xf4\x90\x80\x80z", 5, "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbdz\"" }, /* over U+10FFFF */
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        CLEANUP(buf_free) struct buf b = { 0 };
        json_put_str(&b, cases[i].in, cases[i].len);
        assert_string_equal(buf_cstr(&b), cases[i].out);
        CLEANUP(free_root) struct json *back = json_parse((const char *)b.data, b.len, NULL);
        assert_non_null(back);
    }
}

static void written_raw_strings(void **state)
{
    (void)state;
    CLEANUP(buf_free) struct buf b = { 0 };
    json_put_raw_str(&b, (const uint8_t *)"a\xff\"\\\n\xc3z\0", 8);
    assert_string_equal(buf_cstr(&b), "\"a\xff\\\"\\\\\\u000a\xc3z\\u0000\"");
    buf_reset(&b);
    json_put_raw_str(&b, (const uint8_t *)"", 0);
    assert_string_equal(buf_cstr(&b), "\"\"");
}

static void dumped(void **state)
{
    (void)state;
    static const char text[] = "{\"b\":[1,-2,1.5,null,true],\"a\":{\"x\":\"\\u0000\\\"\"},\"\":\"\"}";
    CLEANUP(free_root) struct json *root = parse(text);
    CLEANUP(buf_free) struct buf b = { 0 };
    json_dump(&b, root);
    assert_string_equal(buf_cstr(&b), text);
    buf_reset(&b);
    json_dump(&b, json_at(json_get(root, "b"), 4));
    assert_string_equal(buf_cstr(&b), "true");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(kinds),
        cmocka_unit_test(refused_texts),
        cmocka_unit_test(nesting),
        cmocka_unit_test(reads_of_the_wrong_type),
        cmocka_unit_test(values_may_outlive_their_root),
        cmocka_unit_test(members_in_order),
        cmocka_unit_test(required_members),
        cmocka_unit_test(required_members_of_another_type),
        cmocka_unit_test(signed_and_real_numbers),
        cmocka_unit_test(secrets),
        cmocka_unit_test(written_strings),
        cmocka_unit_test(written_raw_strings),
        cmocka_unit_test(dumped),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
