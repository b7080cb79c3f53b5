#include "server.h"

#include <stdlib.h>
#include <string.h>

#include "hypervisor.h"
#include "util/cleanup.h"
#include "util/clock.h"
#include "util/hex.h"

/* What one document is to say; decoded from the query. */
struct request {
    uint8_t pcrs[IMAGE_PCRS][SHA384_BYTES];
    uint64_t timestamp_ms;
    struct buf public_key, user_data, nonce;
};

static void request_free(struct request *r)
{
    buf_free(&r->public_key);
    buf_free(&r->user_data);
    buf_free(&r->nonce);
}

static bool take_bytes(struct buf *out, const char *hex, size_t len)
{
    if (out->len > 0 || len / 2 > ATTESTATION_PUBLIC_KEY_MAX)
        return false;
    buf_extend(out, len / 2);
    buf_reserve(out, 1); /* empty is not absent */
    return hex_decode(out->data, hex, len, NULL) == HEX_OK;
}

static bool take_number(uint64_t *out, const char *text, size_t len)
{
    char digits[24] = "", *end;
    if (len == 0 || len >= sizeof digits)
        return false;
    memcpy(digits, text, len);
    *out = strtoull(digits, &end, 10);
    return *end == 0;
}

static bool take_pair(struct request *r, const char *key, size_t key_len, const char *value, size_t len)
{
    const struct {
        const char *name;
        struct buf *out;
    } fields[] = { { "public_key", &r->public_key }, { "user_data", &r->user_data }, { "nonce", &r->nonce } };
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++)
        if (key_len == strlen(fields[i].name) && memcmp(key, fields[i].name, key_len) == 0)
            return take_bytes(fields[i].out, value, len);
    if (key_len == 4 && memcmp(key, "pcr", 3) == 0 && key[3] >= '0' && key[3] < '0' + IMAGE_PCRS)
        return hex_decode_exact(r->pcrs[key[3] - '0'], SHA384_BYTES, value, len, NULL) == 0;
    if (key_len == 12 && memcmp(key, "timestamp_ms", 12) == 0)
        return take_number(&r->timestamp_ms, value, len);
    return false;
}

static bool read_query(struct request *r, const char *query)
{
    while (*query) {
        size_t len = strcspn(query, "&"), key_len = strcspn(query, "=&");
        if (key_len >= len || !take_pair(r, query, key_len, query + key_len + 1, len - key_len - 1))
            return false;
        query += len + (query[len] == '&');
    }
    return true;
}

static struct attestation_bytes bytes(const struct buf *b)
{
    return (struct attestation_bytes){ b->data, b->len };
}

static void make_document(struct buf *out, const struct hypervisor *h, const struct request *r)
{
    const struct attestation what = {
        .timestamp_ms = r->timestamp_ms,
        .public_key = bytes(&r->public_key),
        .user_data = bytes(&r->user_data),
        .nonce = bytes(&r->nonce),
    };
    hypervisor_document(out, h, r->pcrs, &what);
}

static void reply_text(struct http_reply *reply, int status, const char *text)
{
    http_reply_send(reply, status, "text/plain", text, strlen(text));
}

static void reply_document(const struct buf *document, bool hex, struct http_reply *reply)
{
    CLEANUP(buf_free) struct buf text = { 0 };
    if (!hex) {
        http_reply_send(reply, 200, "application/octet-stream", document->data, document->len);
        return;
    }
    buf_extend(&text, 2 * document->len + 1);
    hex_encode((char *)text.data, document->data, document->len);
    http_reply_send(reply, 200, "text/plain; charset=utf-8", text.data, text.len - 1);
}

void server_request(void *arg, const struct http_server_request *req, struct http_reply *reply)
{
    const struct hypervisor *h = arg;
    bool raw = strcmp(req->path, "/attestation/raw") == 0, hex = strcmp(req->path, "/attestation/hex") == 0;
    CLEANUP(request_free) struct request r = { .timestamp_ms = clock_wall_ms() };
    CLEANUP(buf_free) struct buf document = { 0 };
    memcpy(r.pcrs, h->pcrs, sizeof r.pcrs);
    if ((!raw && !hex) || strcmp(req->method, "GET") != 0) {
        reply_text(reply, 404, "not found\n");
    } else if (!read_query(&r, req->query)) {
        reply_text(reply, 400, "expected public_key, user_data, nonce, pcr0, pcr1, pcr2 in hex, timestamp_ms\n");
    } else {
        make_document(&document, h, &r);
        reply_document(&document, hex, reply);
    }
}
