#include "api/attestations.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#include "util/buf.h"
#include "util/hex.h"
#include "util/log.h"

#define NONCE_MAX 512 /* bytes, as the module takes them */
#define TEXT "text/plain; charset=utf-8"

struct request {
    struct request *prev, *next;
    uint8_t nonce[NONCE_MAX];
    size_t nonce_len;
    bool hex;
    struct http_reply *reply;
};

struct attestations {
    const struct api_ops *ops;
    void *arg;
    struct request *requests; /* the first is under way, the others wait for it */
};

struct attestations *attestations_new(const struct api_ops *ops, void *arg)
{
    struct attestations *a = xcalloc(1, sizeof *a);
    a->ops = ops;
    a->arg = arg;
    return a;
}

static void answer_text(struct http_reply *reply, int status, struct buf *b)
{
    http_reply_send(reply, status, TEXT, b->data, b->len);
    buf_free(b);
}

static void answer_document(struct request *r, const uint8_t *document, size_t len)
{
    if (!r->hex) {
        http_reply_send(r->reply, 200, "application/octet-stream", document, len);
        return;
    }
    char *text = xcalloc(2 * len + 1, 1);
    http_reply_send(r->reply, 200, TEXT, hex_encode(text, document, len), 2 * len);
    free(text);
}

static void drop_first(struct attestations *a)
{
    struct request *r = a->requests;
    DL_DELETE(a->requests, r);
    free(r);
}

static void start_next(struct attestations *a);

static void on_attested(void *arg, const uint8_t *document, size_t len, const struct err *why)
{
    struct attestations *a = arg;
    struct request *r = a->requests;
    struct buf b = { 0 };
    if (document) {
        answer_document(r, document, len);
    } else {
        log_warn("attestation_failed", F_ERR(why));
        buf_printf(&b, "Failed to get an attestation document: %s\n", why->msg);
        answer_text(r->reply, why->code == -ENODEV ? 503 : 500, &b);
    }
    drop_first(a);
    start_next(a);
}

static void start_next(struct attestations *a)
{
    if (a->requests)
        a->ops->attest(a->arg, a->requests->nonce, a->requests->nonce_len, on_attested, a);
}

/* Reads the query. Returns 0, or -EINVAL with the answer. */
static int read_query(struct request *r, const char *query, struct buf *answer)
{
    static const char name[] = "nonce=";
    if (!*query)
        return 0;
    if (strncmp(query, name, strlen(name)) != 0 || strchr(query, '&')) {
        buf_puts(answer, "Unknown query, expected nonce=<hex> or nothing\n");
        return -EINVAL;
    }
    const char *text = query + strlen(name);
    size_t len = strlen(text), bad = 0;
    if (len > 2 * sizeof r->nonce) {
        buf_printf(answer, "Invalid nonce: found %zu hex digits, expected at most %zu\n", len, 2 * sizeof r->nonce);
        return -EINVAL;
    }
    enum hex_result result = hex_decode(r->nonce, text, len, &bad);
    if (result == HEX_BAD_CHARACTER)
        buf_printf(answer, "Invalid nonce: character %zu is no hex digit\n", bad + 1);
    else if (result != HEX_OK)
        buf_printf(answer, "Invalid nonce: found %zu hex digits, expected an even number\n", len);
    r->nonce_len = len / 2;
    return result == HEX_OK ? 0 : -EINVAL;
}

void attestations_get(struct attestations *a, const struct http_server_request *req, bool hex, struct http_reply *reply)
{
    struct buf answer = { 0 };
    struct request *r = xcalloc(1, sizeof *r);
    r->hex = hex;
    r->reply = reply;
    if (read_query(r, req->query, &answer) < 0) {
        free(r);
        answer_text(reply, 400, &answer);
        return;
    }
    DL_APPEND(a->requests, r);
    if (a->requests == r)
        start_next(a);
}

void attestations_free(struct attestations *a)
{
    if (!a)
        return;
    if (a->requests)
        a->ops->cancel_attest(a->arg);
    while (a->requests)
        drop_first(a);
    free(a);
}
