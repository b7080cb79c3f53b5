/* devnet-nsm: the Nitro hypervisor of a devnet and the attestation server beside it, for machines without Nitro
 * hardware. It makes a root of its own when it starts, says its public key, and serves signed attestation documents as
 * Oyster's attestation server does: GET /attestation/raw, GET /attestation/hex ?public_key=HEX&user_data=HEX&nonce=HEX
 * (no 0x) As a hypervisor may run any image at any time, &pcr0= &pcr1= &pcr2= (HEX) and &timestamp_ms= (decimal) say
 * others. */
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/service.h"
#include "nitro.h"
#include "util/cleanup.h"
#include "util/clock.h"
#include "util/hex.h"

#define IMAGE_PCRS 3
#define ZERO_PCRS 16 /* as many registers as a Nitro document has */

struct hypervisor {
    struct nitro_chain root;
    uint8_t pcrs[IMAGE_PCRS][SHA384_BYTES];
};

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
    static const char module_id[] = "i-00000000devnet-enc000000";
    static const uint8_t zero[SHA384_BYTES];
    struct nitro_cert_spec specs[4];
    CLEANUP(nitro_chain_free) struct nitro_chain chain;
    struct attestation a = {
        .module_id = { (const uint8_t *)module_id, strlen(module_id) },
        .timestamp_ms = r->timestamp_ms,
        .public_key = bytes(&r->public_key),
        .user_data = bytes(&r->user_data),
        .nonce = bytes(&r->nonce),
    };
    for (size_t i = 0; i < ZERO_PCRS; i++)
        a.pcrs[i] = i < IMAGE_PCRS ? r->pcrs[i] : zero;
    size_t n = nitro_usual_chain(specs, (int64_t)(r->timestamp_ms / 1000));
    nitro_chain_make(&chain, &h->root, specs, n);
    nitro_document(out, &a, &chain);
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

static void on_request(void *arg, const struct http_server_request *req, struct http_reply *reply)
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

static void on_ready(void *arg, uint16_t port)
{
    const struct hypervisor *h = arg;
    uint8_t key[P384_PUBLIC_BYTES];
    char text[2 * P384_PUBLIC_BYTES + 1];
    nitro_root_key(key, &h->root);
    (void)printf("{\"port\":%u,\"root\":\"%s\"}\n", port, hex_encode(text, key, sizeof key));
    (void)fflush(stdout);
}

static int usage(void)
{
    (void)fputs("Usage: devnet-nsm [--ip 127.0.0.1] [--port 0] [--pcr0 HEX] [--pcr1 HEX] [--pcr2 HEX]\n", stderr);
    return 2;
}

struct options {
    const char *ip;
    uint16_t port;
};

static bool read_options(struct options *o, struct hypervisor *h, int argc, char **argv)
{
    static const struct option known[] = {
        { "pcr0", required_argument, NULL, 0 },   { "pcr1", required_argument, NULL, 1 },
        { "pcr2", required_argument, NULL, 2 },   { "ip", required_argument, NULL, 'i' },
        { "port", required_argument, NULL, 'p' }, { 0 },
    };
    uint64_t port = 0;
    int c;
    while ((c = getopt_long(argc, argv, "", known, NULL)) != -1) {
        if (c == 'i')
            o->ip = optarg;
        else if (c == 'p' && (!take_number(&port, optarg, strlen(optarg)) || port > UINT16_MAX))
            return false;
        else if (c >= 0 && c < IMAGE_PCRS &&
                 hex_decode_exact(h->pcrs[c], SHA384_BYTES, optarg, strlen(optarg), NULL) < 0)
            return false;
        else if (c == '?')
            return false;
    }
    o->port = (uint16_t)port;
    return optind == argc;
}

int main(int argc, char **argv)
{
    struct hypervisor h = { .root = { 0 } };
    struct options o = { .ip = "127.0.0.1" };
    struct nitro_cert_spec specs[4];
    struct err e = { 0 };
    if (!read_options(&o, &h, argc, argv))
        return usage();
    (void)nitro_usual_chain(specs, (int64_t)clock_wall_s());
    nitro_chain_make(&h.root, NULL, specs, 1);
    int rc = service_run(o.ip, o.port, on_request, on_ready, &h, &e);
    nitro_chain_free(&h.root);
    if (rc < 0)
        (void)fprintf(stderr, "devnet-nsm: %s\n", e.msg);
    return rc < 0 ? 1 : 0;
}
