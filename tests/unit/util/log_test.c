/* Records as they arrive on stderr; text from outside must neither end a record nor forge a field. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "util/buf.h"
#include "util/cleanup.h"
#include "util/clock.h"
#include "util/err.h"
#include "util/json.h"
#include "util/log.h"

#define PREFIX "time=2024-07-19T11:36:03.042Z level=info event=test_event"

static uint64_t no_mono_us(void)
{
    return 0;
}

static uint64_t fixed_wall_us(void)
{
    return 1721388963042000;
}

/* stderr of one record: a pipe in its place */
struct capture {
    int saved;
    int pipe[2];
};

static struct capture capture_begin(void)
{
    struct capture c = { .saved = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 0) };
    assert_true(c.saved >= 0);
    assert_int_equal(pipe2(c.pipe, O_CLOEXEC), 0);
    assert_true(dup2(c.pipe[1], STDERR_FILENO) >= 0);
    return c;
}

/* What was written since; the caller frees it. */
static struct buf capture_end(struct capture *c)
{
    struct buf b = { 0 };
    uint8_t chunk[4096];
    ssize_t n;
    (void)dup2(c->saved, STDERR_FILENO);
    (void)close(c->saved);
    (void)close(c->pipe[1]);
    while ((n = read(c->pipe[0], chunk, sizeof chunk)) > 0)
        buf_append(&b, chunk, (size_t)n);
    (void)close(c->pipe[0]);
    return b;
}

/* The line that log_info(test_event, field) writes, without its newline, of which there is just one. */
static struct buf record(enum log_format format, struct log_field field)
{
    log_init(format, LOG_INFO);
    struct capture c = capture_begin();
    log_info("test_event", field);
    struct buf b = capture_end(&c);
    assert_true(b.len > 0);
    assert_ptr_equal(memchr(b.data, '\n', b.len), b.data + b.len - 1);
    b.len--;
    return b;
}

static void assert_logfmt(struct log_field field, const char *want)
{
    CLEANUP(buf_free) struct buf b = record(LOG_FORMAT_LOGFMT, field);
    assert_memory_equal(b.data, PREFIX " ", sizeof PREFIX);
    assert_string_equal(buf_cstr(&b) + sizeof PREFIX, want);
}

static void typed_fields(void **state)
{
    (void)state;
    struct err e = { .code = -1, .msg = "no route" };
    assert_logfmt(F_U64("n", UINT64_MAX), "n=18446744073709551615");
    assert_logfmt(F_I64("n", -5), "n=-5");
    assert_logfmt(F_BOOL("ok", true), "ok=true");
    assert_logfmt(F_HEX("tx", "\x01\xff", 2), "tx=0x01ff");
    assert_logfmt(F_STR("s", "plain-text/1"), "s=plain-text/1");
    assert_logfmt(F_STR("s", NULL), "s=\"\"");
    assert_logfmt(F_STRN("s", "abcdef", 3), "s=abc");
    assert_logfmt(F_ERR(&e), "error=\"no route\"");
}

static void hostile_text_in_logfmt(void **state)
{
    (void)state;
    assert_logfmt(F_STR("s", ""), "s=\"\"");
    assert_logfmt(F_STR("s", "a level=error"), "s=\"a level=error\"");
    assert_logfmt(F_STR("s", "a=b"), "s=\"a=b\"");
    assert_logfmt(F_STR("s", "x\" level=error y=\""), "s=\"x\\\" level=error y=\\\"\"");
    assert_logfmt(F_STR("s", "x\\"), "s=\"x\\\\\"");
    assert_logfmt(F_STR("s", "a\r\nb\t"), "s=\"a\\u000d\\nb\\u0009\"");
    assert_logfmt(F_STR("s", "\033[31m\007"), "s=\"\\u001b[31m\\u0007\"");
    assert_logfmt(F_STRN("s", "a\0b", 3), "s=\"a\\u0000b\"");
    assert_logfmt(F_STR("s", "\x7f\xc3\xa9"), "s=\"\\u007f\\u00c3\\u00a9\"");
}

/* Every byte value, alone and between others, leaves a line that is one JSON object with the fields it should have. */
static void hostile_text_in_json(void **state)
{
    (void)state;
    for (int c = 0; c < 256; c++) {
        char text[] = { 'a', (char)c, '"', ',', (char)c };
        size_t len;
        CLEANUP(buf_free) struct buf b = record(LOG_FORMAT_JSON, F_STRN("s", text, sizeof text));
        struct json *root = json_parse((const char *)b.data, b.len, NULL);
        assert_non_null(root);
        assert_int_equal(json_len(root), 4);
        assert_string_equal(json_str(json_get(root, "time"), NULL), "2024-07-19T11:36:03.042Z");
        assert_string_equal(json_str(json_get(root, "level"), NULL), "info");
        assert_string_equal(json_str(json_get(root, "event"), NULL), "test_event");
        const char *s = json_str(json_get(root, "s"), &len);
        assert_non_null(s);
        assert_int_equal(s[0], 'a');
        if (c < 0x80) {
            assert_int_equal(len, sizeof text);
            assert_memory_equal(s, text, sizeof text);
        }
        json_free(root);
    }
}

static void json_types(void **state)
{
    (void)state;
    CLEANUP(buf_free) struct buf n = record(LOG_FORMAT_JSON, F_U64("v", 7));
    CLEANUP(buf_free) struct buf h = record(LOG_FORMAT_JSON, F_HEX("v", "\x0a", 1));
    CLEANUP(buf_free) struct buf f = record(LOG_FORMAT_JSON, F_BOOL("v", false));
    assert_non_null(strstr(buf_cstr(&n), ",\"v\":7}"));
    assert_non_null(strstr(buf_cstr(&h), ",\"v\":\"0x0a\"}"));
    assert_non_null(strstr(buf_cstr(&f), ",\"v\":false}"));
}

static void long_text_is_cut(void **state)
{
    (void)state;
    char text[5000];
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = 0;
    CLEANUP(buf_free) struct buf b = record(LOG_FORMAT_LOGFMT, F_STR("s", text));
    assert_int_equal(b.len, sizeof PREFIX + 2 + 1024);
    CLEANUP(buf_free) struct buf n = record(LOG_FORMAT_LOGFMT, F_STRN("s", text, 4999));
    assert_int_equal(n.len, sizeof PREFIX + 2 + 1024);
    CLEANUP(buf_free) struct buf h = record(LOG_FORMAT_LOGFMT, F_HEX("s", text, 4999));
    assert_int_equal(h.len, sizeof PREFIX + 2 + 2 + 1024);
}

static void least_level(void **state)
{
    (void)state;
    log_init(LOG_FORMAT_LOGFMT, LOG_WARN);
    struct capture c = capture_begin();
    log_debug("a");
    log_info("b");
    log_warn("c");
    log_error("d", F_U64("x", 1), F_U64("y", 2));
    CLEANUP(buf_free) struct buf b = capture_end(&c);
    assert_string_equal(buf_cstr(&b), "time=2024-07-19T11:36:03.042Z level=warn event=c\n"
                                      "time=2024-07-19T11:36:03.042Z level=error event=d x=1 y=2\n");
}

static void words(void **state)
{
    (void)state;
    enum log_level level;
    enum log_format format;
    assert_true(log_level_parse(&level, "debug") && level == LOG_DEBUG);
    assert_true(log_level_parse(&level, "error") && level == LOG_ERROR);
    assert_false(log_level_parse(&level, "Error") || log_level_parse(&level, ""));
    assert_true(log_format_parse(&format, "json") && format == LOG_FORMAT_JSON);
    assert_true(log_format_parse(&format, "logfmt") && format == LOG_FORMAT_LOGFMT);
    assert_false(log_format_parse(&format, "xml"));
}

static void what_comes_without_end(void **state)
{
    (void)state;
    uint64_t told = 0;
    for (uint64_t count = 1; count <= 1024; count++)
        told += log_is_worth(count);
    assert_int_equal(told, 11);
    assert_true(log_is_worth(1) && log_is_worth(2) && !log_is_worth(3) && log_is_worth(UINT64_C(1) << 63));
}

static void fill(struct capture *c, unsigned records)
{
    char text[1000];
    memset(text, 'x', sizeof text);
    log_init(LOG_FORMAT_LOGFMT, LOG_INFO);
    *c = capture_begin();
    for (unsigned i = 0; i < records; i++)
        log_info("full", F_STRN("text", text, sizeof text));
}

static void take(const struct capture *c, struct buf *b)
{
    uint8_t chunk[4096];
    for (ssize_t n; (n = read(c->pipe[0], chunk, sizeof chunk)) > 0;) {
        buf_append(b, chunk, (size_t)n);
        log_flush();
    }
}

static unsigned count(struct buf *b, const char *text)
{
    unsigned n = 0;
    for (const char *at = buf_cstr(b); (at = strstr(at, text)); at++)
        n++;
    return n;
}

/* One that reads on later gets all of it, and nobody has waited for it. */
static void a_reader_that_is_behind(void **state)
{
    (void)state;
    struct capture c;
    CLEANUP(buf_free) struct buf b = { 0 };
    fill(&c, 200); /* more than a pipe holds */
    log_info("after", F_U64("n", 1));
    assert_int_equal(fcntl(c.pipe[0], F_SETFL, O_NONBLOCK), 0);
    take(&c, &b);
    CLEANUP(buf_free) struct buf rest = capture_end(&c);
    buf_append(&b, rest.data, rest.len);
    assert_int_equal(count(&b, "\ntime=2024-07-19T11:36:03.042Z level=info event=full text=xxx"), 199);
    assert_non_null(strstr(buf_cstr(&b), "xxx\ntime=2024-07-19T11:36:03.042Z level=info event=after n=1\n"));
    assert_null(strstr(buf_cstr(&b), "log_lost"));
}

/* What is left out where there is no end of it is told of when it goes on. */
static void a_reader_that_stops(void **state)
{
    (void)state;
    struct capture c;
    CLEANUP(buf_free) struct buf b = { 0 };
    fill(&c, 2000); /* more than waits */
    assert_int_equal(fcntl(c.pipe[0], F_SETFL, O_NONBLOCK), 0);
    take(&c, &b);
    log_info("after", F_U64("n", 1));
    CLEANUP(buf_free) struct buf rest = capture_end(&c);
    buf_append(&b, rest.data, rest.len);
    const char *told = strstr(buf_cstr(&b), "\ntime=2024-07-19T11:36:03.042Z level=warn event=log_lost records=");
    assert_non_null(told);
    unsigned long lost = strtoul(strstr(told, "records=") + strlen("records="), NULL, 10);
    assert_in_range(lost, 500, 1500);
    assert_int_equal(count(&b, "event=full"), 2000 - lost);
    assert_non_null(strstr(told, "\ntime=2024-07-19T11:36:03.042Z level=info event=after n=1\n"));
}

int main(void)
{
    static const struct clock_source fixed = { no_mono_us, fixed_wall_us };
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(typed_fields),
        cmocka_unit_test(hostile_text_in_logfmt),
        cmocka_unit_test(hostile_text_in_json),
        cmocka_unit_test(json_types),
        cmocka_unit_test(long_text_is_cut),
        cmocka_unit_test(least_level),
        cmocka_unit_test(words),
        cmocka_unit_test(what_comes_without_end),
        cmocka_unit_test(a_reader_that_is_behind),
        cmocka_unit_test(a_reader_that_stops),
    };
    clock_set_source(&fixed);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
