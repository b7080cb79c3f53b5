/* The text format, byte by byte. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "api/exposition.h"

static void assert_text(struct buf *b, const char *expected)
{
    assert_string_equal(buf_cstr(b), expected);
    buf_free(b);
}

static void families_and_samples(void **state)
{
    (void)state;
    struct buf b = { 0 };
    const struct label labels[] = { { "a", "1" }, { "b", "" } };
    exposition_family(&b, "x_total", "counter", "What it is.");
    exposition_u64(&b, "x_total", NULL, 0, UINT64_MAX);
    exposition_u64(&b, "x_total", labels, 1, 0);
    exposition_f64(&b, "x_total", labels, 2, -0.25);
    exposition_f64(&b, "x_total", NULL, 0, 1e18);
    assert_text(&b, "# HELP x_total What it is.\n# TYPE x_total counter\nx_total 18446744073709551615\n"
                    "x_total{a=\"1\"} 0\nx_total{a=\"1\",b=\"\"} -0.25\nx_total 1e+18\n");
}

static void label_values_are_escaped(void **state)
{
    (void)state;
    static const struct {
        const char *value, *text;
    } cases[] = {
        { "plain", "plain" },
        { "a\"b", "a\\\"b" },
        { "a\\b", "a\\\\b" },
        { "a\nb", "a\\nb" },
        { "\"\\\n", "\\\"\\\\\\n" },
        { "tab\tbell\a", "tab\tbell\a" },
        { "\xc3\xa4 \xe2\x82\xac \xf0\x9f\x98\x80", "\xc3\xa4 \xe2\x82\xac \xf0\x9f\x98\x80" },
        { "\xff", "?" },
        { "\xc3", "?" },
        { "\xe2\x82", "??" },
        { "\xe2\x82\"", "??\\\"" },
        { "\xc0\x80", "??" },
        { "\xf5\x80\x80\x80", "????" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct buf b = { 0 }, expected = { 0 };
        exposition_u64(&b, "x", &(struct label){ "l", cases[i].value }, 1, 1);
        buf_printf(&expected, "x{l=\"%s\"} 1\n", cases[i].text);
        assert_text(&b, buf_cstr(&expected));
        buf_free(&expected);
    }
}

static void histograms_are_cumulative(void **state)
{
    (void)state;
    struct buf b = { 0 };
    struct histogram h = { 0 };
    histogram_add(&h, 500);
    histogram_add(&h, 2000);
    histogram_add(&h, 90000000);
    exposition_histogram(&b, "t_seconds", &(struct label){ "m", "x" }, &h);
    assert_text(&b, "t_seconds_bucket{le=\"0.0005\",m=\"x\"} 1\n"
                    "t_seconds_bucket{le=\"0.001\",m=\"x\"} 1\n"
                    "t_seconds_bucket{le=\"0.0025\",m=\"x\"} 2\n"
                    "t_seconds_bucket{le=\"0.005\",m=\"x\"} 2\n"
                    "t_seconds_bucket{le=\"0.01\",m=\"x\"} 2\n"
                    "t_seconds_bucket{le=\"0.025\",m=\"x\"} 2\n"
                    "t_seconds_bucket{le=\"0.05\",m=\"x\"} 2\n"
                    "t_seconds_bucket{le=\"0.1\",m=\"x\"} 2\n"
                    "t_seconds_bucket{le=\"0.25\",m=\"x\"} 2\n"
                    "t_seconds_bucket{le=\"0.5\",m=\"x\"} 2\n"
                    "t_seconds_bucket{le=\"1\",m=\"x\"} 2\n"
                    "t_seconds_bucket{le=\"2.5\",m=\"x\"} 2\n"
                    "t_seconds_bucket{le=\"5\",m=\"x\"} 2\n"
                    "t_seconds_bucket{le=\"10\",m=\"x\"} 2\n"
                    "t_seconds_bucket{le=\"30\",m=\"x\"} 2\n"
                    "t_seconds_bucket{le=\"60\",m=\"x\"} 2\n"
                    "t_seconds_bucket{le=\"+Inf\",m=\"x\"} 3\n"
                    "t_seconds_sum{m=\"x\"} 90.0025\n"
                    "t_seconds_count{m=\"x\"} 3\n");
    exposition_histogram(&b, "t", NULL, &(struct histogram){ 0 });
    assert_non_null(strstr(buf_cstr(&b), "t_bucket{le=\"+Inf\"} 0\nt_sum 0\nt_count 0\n"));
    buf_free(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(families_and_samples),
        cmocka_unit_test(label_values_are_escaped),
        cmocka_unit_test(histograms_are_cumulative),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
