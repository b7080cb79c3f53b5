#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "worker/fallback.h"

#define QUESTION "GET /?specifier=%2Fmain&referrer=%2F0123&rawSpecifier=.%2Fmain HTTP/1.1\r\nHost: localhost\r\n\r\n"

static enum fallback_status ask(const char *text, size_t step)
{
    struct buf q = { 0 };
    enum fallback_status st = FALLBACK_MORE;
    for (size_t i = 0, len = strlen(text); i < len && st == FALLBACK_MORE; i += step)
        st = fallback_take(&q, text + i, len - i < step ? len - i : step);
    buf_free(&q);
    return st;
}

static void test_questions(void **state)
{
    (void)state;
    for (size_t step = 1; step < 200; step++) {
        assert_int_equal(ask(QUESTION, step), FALLBACK_ASKED);
        assert_int_equal(ask("GET /?specifier=%2Fmain", step), FALLBACK_MORE);
        assert_int_equal(ask("GET /?specifier=%2Fmain.js&x HTTP/1.1\r\n\r\n", step), FALLBACK_BAD);
        assert_int_equal(ask("GET /?specifier=%2Fother& HTTP/1.1\r\n\r\n", step), FALLBACK_BAD);
        assert_int_equal(ask("POST / HTTP/1.1\r\n\r\n", step), FALLBACK_BAD);
    }
    assert_int_equal(ask(QUESTION "GET", 1000), FALLBACK_BAD); /* a second one at once */
    struct buf q = { 0 };
    char filler[4097];
    memset(filler, 'x', sizeof filler);
    assert_int_equal(fallback_take(&q, QUESTION, 30), FALLBACK_MORE);
    assert_int_equal(fallback_take(&q, filler, sizeof filler), FALLBACK_BAD);
    buf_free(&q);
}

static void test_answer(void **state)
{
    (void)state;
    static const uint8_t code[] = "a\"\\\x01\xff\xc3\xa9";
    static const char expected[] = "{\"esModule\":\"a\\\"\\\\\\u0001\xff\xc3\xa9\\u0000\"}";
    struct buf head = { 0 }, body = { 0 };
    fallback_put_answer(&head, &body, code, sizeof code); /* its NUL as well */
    assert_string_equal(buf_cstr(&body), expected);
    assert_string_equal(buf_cstr(&head), "HTTP/1.1 200 OK\r\nContent-Length: 35\r\nConnection: close\r\n\r\n");
    assert_int_equal(sizeof expected - 1, 35);
    buf_reset(&head);
    buf_reset(&body);
    fallback_put_answer(&head, &body, NULL, 0);
    assert_string_equal(buf_cstr(&body), "{\"esModule\":\"\"}");
    buf_free(&head);
    buf_free(&body);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_questions), cmocka_unit_test(test_answer) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
