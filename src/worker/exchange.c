#include "worker/exchange.h"

#include <assert.h>
#include <ctype.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* Longest line that is kept: the framing headers and chunk sizes are far shorter, the rest of a longer one is skipped.
 */
#define LINE_MAX_BYTES 256

enum state {
    AT_STATUS_LINE,
    AT_HEADER,
    IN_BODY,
    AT_CHUNK_SIZE,
    IN_CHUNK,
    AT_CHUNK_END,
    AT_TRAILER,
    AT_END, /* status says how */
    N_STATES,
};

struct exchange {
    enum state state;
    enum exchange_status status;
    size_t max_body_bytes;
    size_t head_bytes; /* of status lines, headers and trailers */
    struct buf body;
    uint64_t remaining; /* of the body or the chunk */
    int http_status;
    bool has_length, chunked;
    uint64_t length;
    char line[LINE_MAX_BYTES];
    size_t line_len;
    bool line_cut;
    const char *error;
};

void exchange_put_head(struct buf *out, size_t body_len)
{
    buf_printf(out,
               "POST / HTTP/1.1\r\nHost: 127.0.0.1:11001\r\nAccept: */*\r\nContent-Length: %zu\r\n"
               "x-cf: {\"clientIp\":\"127.0.0.1\"}\r\n\r\n",
               body_len);
}

struct exchange *exchange_new(size_t max_body_bytes)
{
    struct exchange *x = xcalloc(1, sizeof *x);
    x->max_body_bytes = max_body_bytes;
    x->error = "";
    return x;
}

void exchange_free(struct exchange *x)
{
    if (!x)
        return;
    buf_free(&x->body);
    free(x);
}

static void end(struct exchange *x, enum exchange_status status, const char *error)
{
    x->state = AT_END;
    x->status = status;
    x->error = error;
}

static void broken(struct exchange *x, const char *error)
{
    end(x, EXCHANGE_BROKEN, error);
}

/* Reads decimal digits up to the end of the text; false where there is anything else or over 18 of them. */
static bool parse_decimal(uint64_t *out, const char *s)
{
    size_t n = strlen(s);
    if (n == 0 || n > 18 || strspn(s, "0123456789") != n)
        return false;
    *out = strtoull(s, NULL, 10);
    return true;
}

static void on_status_line(struct exchange *x)
{
    const char *l = x->line;
    if (strncmp(l, "HTTP/1.", 7) != 0 || (l[7] != '1' && l[7] != '0') || l[8] != ' ' || !isdigit((unsigned char)l[9]) ||
        !isdigit((unsigned char)l[10]) || !isdigit((unsigned char)l[11]) || (l[12] != ' ' && l[12] != '\0')) {
        broken(x, "the worker's response has no HTTP status line");
        return;
    }
    x->http_status = (l[9] - '0') * 100 + (l[10] - '0') * 10 + (l[11] - '0');
    x->has_length = x->chunked = false;
    if (x->http_status < 100 || x->http_status > 999 || x->http_status == 101)
        broken(x, "the worker's response has an impossible status");
    else
        x->state = AT_HEADER;
}

static void on_content_length(struct exchange *x, const char *value)
{
    uint64_t length;
    if (!parse_decimal(&length, value) || (x->has_length && length != x->length)) {
        broken(x, "the worker's response has a bad Content-Length");
        return;
    }
    x->has_length = true;
    x->length = length;
}

static void on_transfer_encoding(struct exchange *x, const char *value)
{
    if (strcasecmp(value, "chunked") != 0 || x->chunked)
        broken(x, "the worker's response has an unknown Transfer-Encoding");
    x->chunked = true;
}

static const struct {
    const char *name;
    void (*on)(struct exchange *x, const char *value);
} framing_headers[] = {
    { "content-length", on_content_length },
    { "transfer-encoding", on_transfer_encoding },
};

/* A blank line ended the head: where the body begins, or which response follows. */
static void on_head_end(struct exchange *x)
{
    if (x->http_status < 200) {
        x->http_status = 0;
        x->state = AT_STATUS_LINE;
    } else if (x->http_status == 204 || x->http_status == 304) {
        end(x, EXCHANGE_DONE, "");
    } else if (x->chunked && x->has_length) {
        broken(x, "the worker's response has two lengths");
    } else if (x->chunked) {
        x->state = AT_CHUNK_SIZE;
    } else if (!x->has_length) {
        broken(x, "the worker's response has no length");
    } else if (x->length > x->max_body_bytes) {
        end(x, EXCHANGE_TOO_LARGE, "");
    } else if (x->length == 0) {
        end(x, EXCHANGE_DONE, "");
    } else {
        x->remaining = x->length;
        x->state = IN_BODY;
    }
}

static void on_header(struct exchange *x)
{
    if (x->line_len == 0) {
        on_head_end(x);
        return;
    }
    char *colon = strchr(x->line, ':');
    if (!colon) {
        if (!x->line_cut)
            broken(x, "the worker's response has a header without a colon");
        return;
    }
    *colon = '\0';
    char *value = colon + 1;
    value += strspn(value, " \t");
    for (size_t n = strlen(value); n > 0 && (value[n - 1] == ' ' || value[n - 1] == '\t'); n--)
        value[n - 1] = '\0';
    for (size_t i = 0; i < sizeof framing_headers / sizeof *framing_headers; i++) {
        if (strcasecmp(x->line, framing_headers[i].name) != 0)
            continue;
        if (x->line_cut)
            broken(x, "the worker's response has an endless framing header");
        else
            framing_headers[i].on(x, value);
    }
}

static void on_chunk_size(struct exchange *x)
{
    size_t digits = strspn(x->line, "0123456789abcdefABCDEF");
    if (digits == 0 || digits > 15 || !strchr(" \t;", x->line[digits])) {
        broken(x, "the worker's response has a bad chunk size");
        return;
    }
    x->remaining = strtoull(x->line, NULL, 16);
    if (x->remaining > x->max_body_bytes - x->body.len)
        end(x, EXCHANGE_TOO_LARGE, "");
    else
        x->state = x->remaining == 0 ? AT_TRAILER : IN_CHUNK;
}

static void on_chunk_end(struct exchange *x)
{
    if (x->line_len != 0)
        broken(x, "the worker's response has a chunk longer than it says");
    else
        x->state = AT_CHUNK_SIZE;
}

static void on_trailer(struct exchange *x)
{
    if (x->line_len == 0)
        end(x, EXCHANGE_DONE, "");
}

/* What to do with a complete line in each state; states without an entry take raw bytes. */
static void (*const on_line[N_STATES])(struct exchange *x) = {
    [AT_STATUS_LINE] = on_status_line, [AT_HEADER] = on_header,   [AT_CHUNK_SIZE] = on_chunk_size,
    [AT_CHUNK_END] = on_chunk_end,     [AT_TRAILER] = on_trailer,
};

/* Where a state that takes raw bytes goes when they are all there. */
static const enum state after_bytes[N_STATES] = { [IN_BODY] = AT_END, [IN_CHUNK] = AT_CHUNK_END };

/* Adds to the current line up to its end; calls the state's function when it is there. Returns the bytes used. */
static size_t take_line(struct exchange *x, const uint8_t *data, size_t len)
{
    const uint8_t *nl = memchr(data, '\n', len);
    size_t n = nl ? (size_t)(nl - data) : len;
    size_t room = LINE_MAX_BYTES - 1 - x->line_len;
    size_t kept = n < room ? n : room;
    memcpy(x->line + x->line_len, data, kept);
    x->line_len += kept;
    x->line_cut |= kept < n;
    size_t used = nl ? n + 1 : n;
    bool framing = x->state == AT_CHUNK_SIZE || x->state == AT_CHUNK_END;
    x->head_bytes += framing ? 0 : used;
    if (x->head_bytes > EXCHANGE_HEAD_MAX || (framing && x->line_cut)) {
        broken(x, framing ? "the worker's response has a bad chunk size" : "the worker's response has an endless head");
    } else if (nl) {
        if (x->line_len > 0 && x->line[x->line_len - 1] == '\r')
            x->line_len--;
        x->line[x->line_len] = '\0';
        if (strlen(x->line) != x->line_len)
            broken(x, "the worker's response has a NUL in its head");
        else
            on_line[x->state](x);
        x->line_len = 0;
        x->line_cut = false;
    }
    return used;
}

/* Takes bytes of the body. Returns the bytes used. */
static size_t take_bytes(struct exchange *x, const uint8_t *data, size_t len)
{
    size_t n = x->remaining < len ? (size_t)x->remaining : len;
    buf_append(&x->body, data, n);
    x->remaining -= n;
    if (x->remaining == 0) {
        x->state = after_bytes[x->state];
        if (x->state == AT_END)
            end(x, EXCHANGE_DONE, "");
    }
    return n;
}

enum exchange_status exchange_push(struct exchange *x, const uint8_t *data, size_t len)
{
    while (len > 0 && x->state != AT_END) {
        size_t n = on_line[x->state] ? take_line(x, data, len) : take_bytes(x, data, len);
        assert(n > 0 && n <= len);
        data += n;
        len -= n;
    }
    return x->status;
}

enum exchange_status exchange_close(struct exchange *x)
{
    if (x->state != AT_END)
        broken(x, x->http_status ? "the worker cut its response short" : "the worker closed without a response");
    return x->status;
}

int exchange_http_status(const struct exchange *x)
{
    return x->http_status;
}

const uint8_t *exchange_body(const struct exchange *x, size_t *len)
{
    *len = x->body.len;
    return x->body.data;
}

const char *exchange_error(const struct exchange *x)
{
    return x->error;
}
