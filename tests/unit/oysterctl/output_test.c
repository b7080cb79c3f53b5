/* One result, twice: JSON and aligned text. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "output.h"
#include "util/json.h"

static void build(struct out *o)
{
    out_str(o, "state", "registered");
    out_u64(o, "job_capacity", 20);
    out_amount(o, "stake", u256_from_u64(1500000000000000000u), "STAKE");
    out_note(o, "%s", "");
    out_object(o, "chain");
    out_bool(o, "draining", false);
    out_null(o, "owner");
    out_end(o);
    out_str(o, "raw", "x");
    out_hide(o);
    out_array(o, "jobs");
    for (uint64_t i = 9; i < 11; i++) {
        out_object(o, NULL);
        out_u64(o, "job", i);
        out_str(o, "result_text", i == 9 ? "o\"k\n" : "späť");
        out_end(o);
    }
    out_end(o);
    out_array(o, "warnings");
    out_end(o);
}

static void as_json(void **state)
{
    (void)state;
    struct out *o = out_new();
    struct buf b = { 0 };
    assert_true(out_is_empty(o));
    build(o);
    assert_false(out_is_empty(o));
    out_write_json(&b, o);
    assert_string_equal(buf_cstr(&b),
                        "{\"state\":\"registered\",\"job_capacity\":20,\"stake\":\"1500000000000000000\","
                        "\"chain\":{\"draining\":false,\"owner\":null},\"raw\":\"x\","
                        "\"jobs\":["
                        "{\"job\":9,\"result_text\":\"o\\\"k\\u000a\"},{\"job\":10,\"result_text\":\"späť\"}],"
                        "\"warnings\":[]}\n");
    struct json *root = json_parse((const char *)b.data, b.len, NULL);
    assert_non_null(root);
    json_free(root);
    buf_free(&b);
    out_free(o);
}

static void as_text(void **state)
{
    (void)state;
    struct out *o = out_new();
    struct buf b = { 0 };
    build(o);
    out_write_text(&b, o);
    assert_string_equal(buf_cstr(&b), "state:        registered\n"
                                      "job capacity: 20\n"
                                      "stake:        1.5 STAKE\n"
                                      "\n"
                                      "chain:\n"
                                      "  draining: no\n"
                                      "  owner:    -\n"
                                      "jobs:\n"
                                      "  job  result text\n"
                                      "  9    o\"k \n"
                                      "  10   späť\n"
                                      "warnings:\n"
                                      "  none\n");
    buf_free(&b);
    out_free(o);
}

static void a_terminal_is_not_driven(void **state)
{
    (void)state;
    struct out *o = out_new();
    struct buf b = { 0 };
    out_str(o, "output", "a\x1b[2Jb\r\x7f");
    out_str(o, "lines", "one\ntwo");
    out_write_text(&b, o);
    assert_string_equal(buf_cstr(&b), "output: a\\x1b[2Jb\\x0d\\x7f\nlines:  one\n        two\n");
    buf_free(&b);
    out_free(o);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(as_json),
        cmocka_unit_test(as_text),
        cmocka_unit_test(a_terminal_is_not_driven),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
