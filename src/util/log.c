#include "util/log.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "util/buf.h"
#include "util/clock.h"
#include "util/hex.h"

#define FIELD_TEXT_MAX 1024
#define WAITING_MAX ((size_t)1 << 20) /* bytes that a reader may be behind */
#define EXIT_WAIT_MS 1000             /* for a reader that is, at the end; anew with each slice that it takes */

static enum log_format log_format_now = LOG_FORMAT_LOGFMT;
static enum log_level log_least = LOG_INFO;

static const char *const level_names[] = { "debug", "info", "warn", "error" };
static const char *const format_names[] = { "logfmt", "json" };

bool log_level_parse(enum log_level *out, const char *word)
{
    for (int i = LOG_DEBUG; i <= LOG_ERROR; i++)
        if (strcmp(word, level_names[i]) == 0) {
            *out = (enum log_level)i;
            return true;
        }
    return false;
}

bool log_format_parse(enum log_format *out, const char *word)
{
    for (int i = LOG_FORMAT_LOGFMT; i <= LOG_FORMAT_JSON; i++)
        if (strcmp(word, format_names[i]) == 0) {
            *out = (enum log_format)i;
            return true;
        }
    return false;
}

static void put_quoted(struct buf *b, const char *s, size_t n)
{
    buf_push(b, '"');
    for (size_t i = 0; i < n; i++) {
        unsigned char c = (unsigned char)s[i];
        if (c == '"' || c == '\\')
            buf_printf(b, "\\%c", c);
        else if (c == '\n')
            buf_puts(b, "\\n");
        else if (c < 0x20 || c >= 0x7f)
            buf_printf(b, "\\u%04x", c);
        else
            buf_push(b, c);
    }
    buf_push(b, '"');
}

static bool is_plain(const char *s, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        unsigned char c = (unsigned char)s[i];
        if (c <= ' ' || c >= 0x7f || c == '"' || c == '=' || c == '\\')
            return false;
    }
    return n > 0;
}

static void put_value(struct buf *b, const struct log_field *f, bool json)
{
    switch (f->type) {
    case LOG_FIELD_U64:
        buf_printf(b, "%llu", (unsigned long long)f->num);
        return;
    case LOG_FIELD_I64:
        buf_printf(b, "%lld", (long long)(int64_t)f->num);
        return;
    case LOG_FIELD_BOOL:
        buf_puts(b, f->num ? "true" : "false");
        return;
    case LOG_FIELD_HEX:
        if (json)
            buf_push(b, '"');
        hex_append0x(b, f->ptr, f->len < FIELD_TEXT_MAX / 2 ? f->len : FIELD_TEXT_MAX / 2);
        if (json)
            buf_push(b, '"');
        return;
    case LOG_FIELD_STR: {
        const char *s = f->ptr ? f->ptr : "";
        size_t n = f->len == SIZE_MAX ? strnlen(s, FIELD_TEXT_MAX) : f->len;
        n = n < FIELD_TEXT_MAX ? n : FIELD_TEXT_MAX;
        if (!json && is_plain(s, n))
            buf_append(b, s, n);
        else
            put_quoted(b, s, n);
        return;
    }
    }
}

/* ---- writing ---- */

/* A reader that has stopped (a stuck collector, a terminal that is held) must not stop the node: what it makes no room
 * for waits here, and what finds no place here either is left out and counted. */
static struct {
    struct buf bytes;
    uint64_t lost; /* records */
} waiting;

/* Can a slice of PIPE_BUF be written without blocking? Asked for, as O_NONBLOCK would be everybody's who has the same
 * file open. */
static bool has_room(int wait_ms)
{
    struct pollfd p = { .fd = STDERR_FILENO, .events = POLLOUT };
    return poll(&p, 1, wait_ms) == 1 && (p.revents & POLLOUT);
}

static void put_out(int wait_ms)
{
    size_t done = 0;
    while (done < waiting.bytes.len && has_room(wait_ms)) {
        size_t left = waiting.bytes.len - done;
        ssize_t n = write(STDERR_FILENO, waiting.bytes.data + done, left < PIPE_BUF ? left : PIPE_BUF);
        if (n < 0 && errno == EINTR)
            continue;
        done = n > 0 ? done + (size_t)n : waiting.bytes.len; /* after an error nobody ever reads it */
    }
    buf_consume(&waiting.bytes, done);
}

static void put_record(struct buf *b, enum log_level level, const char *event, const struct log_field *fields, size_t n)
{
    bool json = log_format_now == LOG_FORMAT_JSON;
    uint64_t ms = clock_wall_ms();
    time_t s = (time_t)(ms / 1000);
    struct tm tm;
    char when[32];
    (void)gmtime_r(&s, &tm);
    (void)strftime(when, sizeof when, "%Y-%m-%dT%H:%M:%S", &tm);
    buf_printf(b, json ? "{\"time\":\"%s.%03uZ\",\"level\":\"%s\",\"event\":\"%s\"" : "time=%s.%03uZ level=%s event=%s",
               when, (unsigned)(ms % 1000), level_names[level], event);
    for (size_t i = 0; i < n; i++) {
        buf_printf(b, json ? ",\"%s\":" : " %s=", fields[i].key);
        put_value(b, &fields[i], json);
    }
    buf_puts(b, json ? "}\n" : "\n");
}

void log_flush(void)
{
    put_out(0);
}

static void at_exit(void)
{
    put_out(EXIT_WAIT_MS);
    buf_free(&waiting.bytes);
}

void log_init(enum log_format format, enum log_level least)
{
    static bool registered;
    log_format_now = format;
    log_least = least;
    if (!registered)
        registered = atexit(at_exit) == 0;
}

void log_write(enum log_level level, const char *event, const struct log_field *fields, size_t n)
{
    if (level < log_least)
        return;
    put_out(0);
    if (waiting.bytes.len > WAITING_MAX) {
        waiting.lost++;
        return;
    }
    if (waiting.lost > 0) {
        const struct log_field records = F_U64("records", waiting.lost);
        put_record(&waiting.bytes, LOG_WARN, "log_lost", &records, 1);
        waiting.lost = 0;
    }
    put_record(&waiting.bytes, level, event, fields, n);
    put_out(0);
}

bool log_is_worth(uint64_t count)
{
    return (count & (count - 1)) == 0;
}
