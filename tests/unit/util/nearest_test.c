#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "util/nearest.h"

static void distances(void **state)
{
    (void)state;
    static const struct {
        const char *a, *b;
        size_t distance;
    } cases[] = {
        { "", "", 0 },       { "abc", "abc", 0 }, { "", "abc", 3 },           { "abc", "", 3 },
        { "abc", "abd", 1 }, { "abc", "ab", 1 },  { "abc", "xabc", 1 },       { "abc", "acb", 1 },
        { "ab", "ba", 1 },   { "ca", "abc", 3 },  { "kitten", "sitting", 3 },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_int_equal(edit_distance(cases[i].a, cases[i].b), cases[i].distance);
        assert_int_equal(edit_distance(cases[i].b, cases[i].a), cases[i].distance);
    }
    char a[200], b[200];
    memset(a, 'a', sizeof a - 1);
    memset(b, 'b', sizeof b - 1);
    a[sizeof a - 1] = b[sizeof b - 1] = 0;
    assert_int_equal(edit_distance(a, b), 64);
}

static const char *word(size_t i)
{
    static const char *const words[] = { "port", "config-file", "log-level", "log-format" };
    return i < sizeof words / sizeof *words ? words[i] : NULL;
}

static const char *no_word(size_t i)
{
    (void)i;
    return NULL;
}

static void nearest(void **state)
{
    (void)state;
    assert_string_equal(nearest_word("prot", word), "port");
    assert_string_equal(nearest_word("config", word), "config-file");
    assert_string_equal(nearest_word("log-levle", word), "log-level");
    assert_string_equal(nearest_word("log-f", word), "log-format");
    assert_string_equal(nearest_word("", word), "port");
    assert_null(nearest_word("x", no_word));
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(distances), cmocka_unit_test(nearest) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
