#include "api/routes.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#include "api/attestations.h"
#include "api/bodies.h"
#include "api/http_server.h"
#include "api/rate_limit.h"
#include "api/refusals.h"
#include "util/buf.h"
#include "util/cleanup.h"
#include "util/clock.h"
#include "util/hex.h"
#include "util/log.h"

#define TEXT "text/plain; charset=utf-8"
#define JSON "application/json"

/* A gas key on its way into the node. */
struct gas_request {
    struct gas_request *prev, *next;
    struct seckey key;
    struct http_reply *reply;
};

struct api {
    struct http_server *server;
    struct rate_limit *limit;
    struct api_ops ops;
    void *arg;
    struct gas_request *gas_requests; /* the first is under way, the others wait for it */
    struct attestations *attestations;
};

static void send_text(struct http_reply *reply, int status, const char *text)
{
    http_reply_send(reply, status, TEXT, text, strlen(text));
}

/* Sends b and frees it. */
static void send_buf(struct http_reply *reply, int status, const char *content_type, struct buf *b)
{
    http_reply_send(reply, status, content_type, b->data, b->len);
    buf_free(b);
}

/* ---- GET ---- */

static void get_root(struct api *a, const struct http_server_request *req, struct http_reply *reply)
{
    (void)a, (void)req;
    http_reply_send(reply, 200, NULL, NULL, 0);
}

static void get_executor_details(struct api *a, const struct http_server_request *req, struct http_reply *reply)
{
    (void)req;
    struct api_identity id = { 0 };
    struct buf b = { 0 };
    char enclave[ADDRESS_TEXT_MAX], owner[ADDRESS_TEXT_MAX], gas[ADDRESS_TEXT_MAX], pubkey[129];
    static const struct address zero;
    a->ops.identity(a->arg, &id);
    buf_printf(&b,
               "{\"enclave_address\":\"%s\",\"enclave_public_key\":\"0x%s\",\"owner_address\":\"%s\","
               "\"gas_address\":\"%s\"}",
               address_lower(enclave, &id.enclave_address), hex_encode(pubkey, id.enclave_pubkey, 64),
               address_lower(owner, id.has_owner ? &id.owner : &zero),
               address_lower(gas, id.has_gas_key ? &id.gas_address : &zero));
    send_buf(reply, 200, JSON, &b);
}

static void put_registration(struct buf *b, const struct api_registration *r, const struct address *owner)
{
    char owner_text[ADDRESS_TEXT_MAX], signature[131];
    buf_puts(b, "{");
    if (r->env >= 0)
        buf_printf(b, "\"env\":%d,", r->env);
    buf_printf(b, "\"job_capacity\":%u,\"owner\":\"%s\",\"sign_timestamp\":%llu,\"signature\":\"%s%s\"}",
               r->job_capacity, address_lower(owner_text, owner), (unsigned long long)r->sign_timestamp_s,
               r->env >= 0 ? "0x" : "", hex_encode(signature, r->signature.b, sizeof r->signature.b));
}

static void get_registration(struct api *a, const struct http_server_request *req, struct http_reply *reply)
{
    (void)req;
    struct api_identity id = { 0 };
    struct api_registration r = { 0 };
    struct err e = { 0 };
    struct buf b = { 0 };
    a->ops.identity(a->arg, &id);
    if (!id.has_owner) {
        send_text(reply, 400, "Immutable params not configured yet!\n");
    } else if (!id.has_gas_key) {
        send_text(reply, 400, "Mutable params not configured yet!\n");
    } else if (a->ops.sign_registration(a->arg, &r, &e) < 0) {
        buf_printf(&b, "Failed to sign the registration message: %s\n", e.msg);
        send_buf(reply, 503, TEXT, &b);
    } else {
        put_registration(&b, &r, &id.owner);
        send_buf(reply, 200, JSON, &b);
    }
}

static void get_attestation_raw(struct api *a, const struct http_server_request *req, struct http_reply *reply)
{
    attestations_get(a->attestations, req, false, reply);
}

static void get_attestation_hex(struct api *a, const struct http_server_request *req, struct http_reply *reply)
{
    attestations_get(a->attestations, req, true, reply);
}

/* ---- POST ---- */

static void post_immutable(struct api *a, const struct http_server_request *req, struct http_reply *reply)
{
    CLEANUP(buf_wipe) struct buf text = { 0 };
    struct buf answer = { 0 };
    struct api_identity id = { 0 };
    struct address owner;
    char owner_text[ADDRESS_TEXT_MAX];
    a->ops.identity(a->arg, &id);
    if (body_string(&text, "owner_address_hex", req->body, req->body_len, &answer) < 0) {
        send_buf(reply, 400, TEXT, &answer);
    } else if (id.has_owner) {
        send_text(reply, 400, "Immutable params already configured!\n");
    } else if (body_owner(&owner, &text, &answer) < 0) {
        send_buf(reply, 400, TEXT, &answer);
    } else {
        a->ops.set_owner(a->arg, &owner);
        log_info("owner_configured", F_STR("owner", address_checksum(owner_text, &owner)));
        send_text(reply, 200, "Immutable params configured!\n");
    }
}

static void gas_request_free(struct api *a, struct gas_request *g)
{
    DL_DELETE(a->gas_requests, g);
    seckey_wipe(&g->key);
    free(g);
}

static void on_gas_key(void *arg, const char *error);

static void start_next_gas_key(struct api *a)
{
    if (a->gas_requests)
        a->ops.set_gas_key(a->arg, &a->gas_requests->key, on_gas_key, a);
}

static void on_gas_key(void *arg, const char *error)
{
    struct api *a = arg;
    struct gas_request *g = a->gas_requests;
    struct buf answer = { 0 };
    char address[ADDRESS_TEXT_MAX];
    (void)address_checksum(address, &g->key.address);
    if (error) {
        log_warn("gas_key_refused", F_STR("gas_address", address), F_STR("error", error));
        buf_printf(&answer, "Failed to fetch current nonce for the gas address: %s\n", error);
    } else {
        log_info("gas_key_configured", F_STR("gas_address", address));
        buf_puts(&answer, "Mutable params configured!\n");
    }
    send_buf(g->reply, error ? 500 : 200, TEXT, &answer);
    gas_request_free(a, g);
    start_next_gas_key(a);
}

/* The key that the body holds, in either form. Returns 0 or -EINVAL with the answer. */
static int take_key(struct api *a, struct seckey *key, const struct body_gas *body, struct buf *answer)
{
    CLEANUP(buf_wipe) struct buf sealed = { 0 };
    struct err e = { 0 };
    if (!body->encrypted)
        return body_gas_key(key, &body->text, answer);
    if (body_hex(&sealed, &body->text, "encrypted gas key", answer) < 0)
        return -EINVAL;
    if (a->ops.open_gas_key(a->arg, key, sealed.data, sealed.len, &e) == 0)
        return 0;
    buf_printf(answer, "Invalid encrypted gas key provided: %s\n", e.msg);
    return -EINVAL;
}

/* Where the owner has to sign for a gas key. Returns 0, or the status of the answer. */
static int check_word(struct api *a, const struct api_identity *id, const struct address *gas_address,
                      const struct body_gas *body, struct buf *answer)
{
    struct api_gas_key_word word = { *gas_address, body->sign_timestamp_s, body->signature };
    struct err e = { 0 };
    if (!id->has_owner) {
        buf_puts(answer, "Immutable params not configured yet!\n");
        return 400;
    }
    if (!body->is_signed)
        buf_puts(answer, "Owner's signature is missing: expected sign_timestamp and signature beside the gas key\n");
    else if (a->ops.accept_word(a->arg, &word, &e) < 0)
        buf_printf(answer, "Owner's signature refused: %s\n", e.msg);
    return answer->len ? 403 : 0;
}

/* Reads a request for a gas key. Returns 0, or the status of the answer. */
static int read_gas_request(struct api *a, struct seckey *key, const struct http_server_request *req,
                            struct buf *answer)
{
    CLEANUP(body_gas_wipe) struct body_gas body;
    struct api_identity id = { 0 };
    a->ops.identity(a->arg, &id);
    if (body_gas(&body, req->body, req->body_len, id.owner_signs, answer) < 0 || take_key(a, key, &body, answer) < 0)
        return 400;
    int status = id.owner_signs ? check_word(a, &id, &key->address, &body, answer) : 0;
    if (status)
        seckey_wipe(key);
    return status;
}

static void post_mutable(struct api *a, const struct http_server_request *req, struct http_reply *reply)
{
    struct buf answer = { 0 };
    struct gas_request *g = xcalloc(1, sizeof *g);
    int status = read_gas_request(a, &g->key, req, &answer);
    if (status) {
        free(g);
        send_buf(reply, status, TEXT, &answer);
        return;
    }
    g->reply = reply;
    DL_APPEND(a->gas_requests, g);
    if (a->gas_requests == g)
        start_next_gas_key(a);
}

/* ---- which is which ---- */

typedef void route_fn(struct api *a, const struct http_server_request *req, struct http_reply *reply);

/* A GET answers HEAD too; the server leaves the body out. */
static const struct route {
    const char *path;
    const char *method;
    const char *allow;
    route_fn *fn;
} routes[] = {
    { "/", "GET", "GET, HEAD", get_root },
    { "/immutable-config", "POST", "POST", post_immutable },
    { "/mutable-config", "POST", "POST", post_mutable },
    { "/executor-details", "GET", "GET, HEAD", get_executor_details },
    { "/signed-registration-message", "GET", "GET, HEAD", get_registration },
    { "/attestation/raw", "GET", "GET, HEAD", get_attestation_raw },
    { "/attestation/hex", "GET", "GET, HEAD", get_attestation_hex },
};
#define N_ROUTES (sizeof routes / sizeof *routes)

static const char *path_at(size_t i)
{
    return i < N_ROUTES ? routes[i].path : NULL;
}

static void refuse_rate(struct http_reply *reply, uint64_t wait_ms)
{
    struct buf b = { 0 };
    char seconds[24];
    (void)snprintf(seconds, sizeof seconds, "%llu", (unsigned long long)(wait_ms / 1000 + 1));
    buf_printf(&b, "Too many requests, try again in %s s\n", seconds);
    http_reply_header(reply, "Retry-After", seconds);
    send_buf(reply, 429, TEXT, &b);
}

static void on_request(void *arg, const struct http_server_request *req, struct http_reply *reply)
{
    struct api *a = arg;
    uint64_t wait_ms = rate_limit_take(a->limit, &req->peer, clock_mono_ms());
    if (wait_ms) {
        refuse_rate(reply, wait_ms);
        return;
    }
    const char *method = strcmp(req->method, "HEAD") == 0 ? "GET" : req->method;
    log_debug("api_request", F_STR("method", req->method), F_STR("path", req->path), F_U64("body", req->body_len));
    for (size_t i = 0; i < N_ROUTES; i++) {
        const struct route *r = &routes[i];
        if (strcmp(r->path, req->path) != 0)
            continue;
        if (strcmp(r->method, method) == 0)
            r->fn(a, req, reply);
        else
            refuse_method(reply, r->path, r->allow);
        return;
    }
    refuse_path(reply, path_at);
}

struct api *api_new(uv_loop_t *loop, const char *address, uint16_t port, const struct api_ops *ops, void *arg,
                    struct err *e)
{
    struct api *a = xcalloc(1, sizeof *a);
    a->ops = *ops;
    a->arg = arg;
    a->limit = rate_limit_new();
    a->server = http_server_new(loop, address, port, on_request, a, e);
    if (!a->server) {
        rate_limit_free(a->limit);
        free(a);
        return NULL;
    }
    a->attestations = attestations_new(&a->ops, arg);
    return a;
}

int api_listen(struct api *a, int fd, struct err *e)
{
    return http_server_listen(a->server, fd, e);
}

void api_set_rate_limit(struct api *a, uint32_t per_peer, uint32_t total)
{
    rate_limit_set(a->limit, per_peer, total);
}

uint16_t api_port(const struct api *a)
{
    return http_server_port(a->server);
}

void api_free(struct api *a)
{
    if (!a)
        return;
    if (a->gas_requests)
        a->ops.cancel_gas_key(a->arg);
    http_server_free(a->server);
    attestations_free(a->attestations);
    while (a->gas_requests)
        gas_request_free(a, a->gas_requests);
    rate_limit_free(a->limit);
    free(a);
}
