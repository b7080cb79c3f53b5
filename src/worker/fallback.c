#include "worker/fallback.h"

#include <string.h>

#include "util/json.h"

#define QUESTION_MAX 4096

static const char start[] = "GET /?specifier=%2Fmain&", end[] = "\r\n\r\n";

enum fallback_status fallback_take(struct buf *question, const void *data, size_t len)
{
    if (len > QUESTION_MAX - question->len)
        return FALLBACK_BAD;
    buf_append(question, data, len);
    size_t known = question->len < sizeof start - 1 ? question->len : sizeof start - 1;
    if (known > 0 && memcmp(question->data, start, known) != 0)
        return FALLBACK_BAD;
    const uint8_t *at = question->len > 0 ? memmem(question->data, question->len, end, sizeof end - 1) : NULL;
    if (!at)
        return FALLBACK_MORE;
    return at + sizeof end - 1 == question->data + question->len ? FALLBACK_ASKED : FALLBACK_BAD;
}

void fallback_put_answer(struct buf *head, struct buf *body, const uint8_t *code, size_t code_len)
{
    buf_reserve(body, code_len + code_len / 16 + 32);
    buf_puts(body, "{\"esModule\":");
    json_put_raw_str(body, code, code_len);
    buf_push(body, '}');
    buf_printf(head, "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\nConnection: close\r\n\r\n", body->len);
}
