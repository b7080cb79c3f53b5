/* The response parser: every response is fed whole, and again one byte at a time; both must end alike. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "worker/exchange.h"

#define LIMIT 10

struct expected {
    const char *name;
    const char *response;
    enum exchange_status status; /* after the bytes; MORE becomes BROKEN when the worker closes */
    int http_status;
    const char *body;
};

static const struct expected table[] = {
    { "length", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", EXCHANGE_DONE, 200, "hello" },
    { "bare newlines", "HTTP/1.1 200 OK\nContent-Length: 5\n\nhello", EXCHANGE_DONE, 200, "hello" },
    { "no reason phrase", "HTTP/1.1 404\r\ncontent-length:  5 \r\n\r\nhello", EXCHANGE_DONE, 404, "hello" },
    { "empty", "HTTP/1.1 500 Oops\r\nContent-Length: 0\r\n\r\n", EXCHANGE_DONE, 500, "" },
    { "204 has no body", "HTTP/1.1 204 No Content\r\n\r\n", EXCHANGE_DONE, 204, "" },
    { "304 has no body", "HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n", EXCHANGE_DONE, 304, "" },
    { "at the limit", "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n0123456789", EXCHANGE_DONE, 200, "0123456789" },
    { "over the limit by its word", "HTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\n", EXCHANGE_TOO_LARGE, 200, "" },
    { "bytes behind the end", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhiHTTP/1.1", EXCHANGE_DONE, 200, "hi" },
    { "cut body", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhell", EXCHANGE_MORE, 200, "hell" },
    { "cut head", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n", EXCHANGE_MORE, 200, "" },
    { "nothing", "", EXCHANGE_MORE, 0, "" },
    { "chunked", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2;x=y\r\nde\r\n0\r\n\r\n",
      EXCHANGE_DONE, 200, "abcde" },
    { "chunk sizes in hex", "HTTP/1.1 200 OK\r\ntransfer-encoding: CHUNKED\r\n\r\nA\r\n0123456789\r\n0\r\n\r\n",
      EXCHANGE_DONE, 200, "0123456789" },
    { "trailers", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\nX: y\r\n\r\n", EXCHANGE_DONE,
      200, "a" },
    { "chunks over the limit", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n8\r\n01234567\r\n3\r\n",
      EXCHANGE_TOO_LARGE, 200, "01234567" },
    { "chunked without its end", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n", EXCHANGE_MORE,
      200, "abc" },
    { "cut in the last blank line", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n", EXCHANGE_MORE, 200,
      "" },
    { "chunk longer than it says", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabcd\r\n0\r\n\r\n",
      EXCHANGE_BROKEN, 200, "abc" },
    { "no chunk size", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n\r\n", EXCHANGE_BROKEN, 200, "" },
    { "negative chunk size", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-1\r\n", EXCHANGE_BROKEN, 200, "" },
    { "huge chunk size", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\n", EXCHANGE_BROKEN,
      200, "" },
    { "large chunk size", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nfffffffffffffff\r\n",
      EXCHANGE_TOO_LARGE, 200, "" },
    { "informational first",
      "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early\r\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\n"
      "Content-Length: 1\r\n\r\na",
      EXCHANGE_DONE, 200, "a" },
    { "informational only", "HTTP/1.1 100 Continue\r\n\r\n", EXCHANGE_MORE, 0, "" },
    { "two lengths that agree", "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\na", EXCHANGE_DONE,
      200, "a" },
    { "two lengths that differ", "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\na", EXCHANGE_BROKEN,
      200, "" },
    { "length and chunked", "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
      EXCHANGE_BROKEN, 200, "" },
    { "other encoding", "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", EXCHANGE_BROKEN, 200, "" },
    { "no length", "HTTP/1.1 200 OK\r\n\r\nhello", EXCHANGE_BROKEN, 200, "" },
    { "negative length", "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n", EXCHANGE_BROKEN, 200, "" },
    { "length of words", "HTTP/1.1 200 OK\r\nContent-Length: 1 2\r\n\r\n", EXCHANGE_BROKEN, 200, "" },
    { "empty length", "HTTP/1.1 200 OK\r\nContent-Length:\r\n\r\n", EXCHANGE_BROKEN, 200, "" },
    { "length beyond numbers", "HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n\r\n", EXCHANGE_BROKEN, 200,
      "" },
    { "upgrade", "HTTP/1.1 101 Switching\r\n\r\n", EXCHANGE_BROKEN, 101, "" },
    { "not HTTP", "SSH-2.0-OpenSSH\r\n", EXCHANGE_BROKEN, 0, "" },
    { "other version", "HTTP/2.0 200 OK\r\n", EXCHANGE_BROKEN, 0, "" },
    { "status of two digits", "HTTP/1.1 20 OK\r\n", EXCHANGE_BROKEN, 0, "" },
    { "header without colon", "HTTP/1.1 200 OK\r\nhello\r\n", EXCHANGE_BROKEN, 200, "" },
};

static struct exchange *feed(const char *response, size_t len, size_t step)
{
    struct exchange *x = exchange_new(LIMIT);
    for (size_t i = 0; i < len; i += step)
        (void)exchange_push(x, (const uint8_t *)response + i, len - i < step ? len - i : step);
    return x;
}

static void check(const struct expected *t, size_t step)
{
    struct exchange *x = feed(t->response, strlen(t->response), step);
    size_t len;
    const uint8_t *body = exchange_body(x, &len);
    enum exchange_status st = exchange_push(x, (const uint8_t *)"", 0);
    if (st != t->status || exchange_http_status(x) != t->http_status || len != strlen(t->body) ||
        (len > 0 && memcmp(body, t->body, len) != 0))
        fail_msg("%s in steps of %zu: status %d, HTTP %d, body \"%.*s\" (%s)", t->name, step, (int)st,
                 exchange_http_status(x), (int)len, (const char *)body, exchange_error(x));
    enum exchange_status closed = exchange_close(x);
    assert_int_equal(closed, st == EXCHANGE_MORE ? EXCHANGE_BROKEN : st);
    assert_true((closed == EXCHANGE_BROKEN) == (exchange_error(x)[0] != '\0'));
    exchange_free(x);
}

static void test_responses(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        for (size_t step = 1; step <= 64; step++)
            check(&table[i], step);
        check(&table[i], 4096);
    }
}

static void test_nul_in_head(void **state)
{
    (void)state;
    static const char r[] = "HTTP/1.1 200 OK\r\nContent-Length: 1\0 9\r\n\r\na";
    struct exchange *x = feed(r, sizeof r - 1, 4096);
    assert_int_equal(exchange_close(x), EXCHANGE_BROKEN);
    exchange_free(x);
}

/* Long headers that frame nothing pass; a head without end, an endless framing header or chunk line do not. */
static void test_long_heads(void **state)
{
    (void)state;
    static const struct {
        const char *before, *after;
        size_t fill;
        enum exchange_status status;
    } cases[] = {
        { "HTTP/1.1 200 OK\r\nX: ", "\r\nContent-Length: 1\r\n\r\na", 100000, EXCHANGE_DONE },
        { "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n", "X: y\r\n\r\na", 0, EXCHANGE_DONE },
        { "HTTP/1.1 200 ", "\r\nContent-Length: 1\r\n\r\na", 5000, EXCHANGE_DONE },
        { "HTTP/1.1 200 OK\r\nX: ", "\r\nContent-Length: 1\r\n\r\na", EXCHANGE_HEAD_MAX, EXCHANGE_BROKEN },
        { "HTTP/1.1 200 OK\r\nContent-Length: 1", "\r\n\r\na", 500, EXCHANGE_BROKEN },
        { "HTTP/1.1 200 OK\r\n", "\r\nContent-Length: 1\r\n\r\na", 300, EXCHANGE_DONE },
        { "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1;", "", 5000, EXCHANGE_BROKEN },
        { "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nX: ", "", EXCHANGE_HEAD_MAX, EXCHANGE_BROKEN },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct buf b = { 0 };
        buf_puts(&b, cases[i].before);
        memset(buf_extend(&b, cases[i].fill), 'z', cases[i].fill);
        buf_puts(&b, cases[i].after);
        struct exchange *x = exchange_new(LIMIT);
        assert_int_equal(exchange_push(x, b.data, b.len), cases[i].status);
        exchange_free(x);
        buf_free(&b);
    }
}

static void test_request_head(void **state)
{
    (void)state;
    struct buf b = { 0 };
    exchange_put_head(&b, 11);
    const char *text = buf_cstr(&b);
    assert_non_null(strstr(text, "POST / HTTP/1.1\r\nHost: 127.0.0.1:11001\r\n"));
    assert_non_null(strstr(text, "\r\nContent-Length: 11\r\n"));
    assert_string_equal(text + b.len - 4, "\r\n\r\n");
    buf_free(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_responses),
        cmocka_unit_test(test_nul_in_head),
        cmocka_unit_test(test_long_heads),
        cmocka_unit_test(test_request_head),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
