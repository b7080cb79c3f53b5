#include "node_api.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "ctl.h"
#include "io.h"
#include "util/cleanup.h"
#include "util/hex.h"
#include "util/json.h"

/* Appends --node-url and a path. */
static void put_url(struct buf *out, const struct ctl *c, const char *path)
{
    const char *base = ctl_node_url(c);
    size_t len = strlen(base);
    while (len && base[len - 1] == '/')
        len--;
    buf_append(out, base, len);
    buf_puts(out, path);
}

static struct json *get(struct ctl *c, const char *path, struct err *e)
{
    CLEANUP(buf_free) struct buf body = { 0 };
    CLEANUP(buf_free) struct buf url = { 0 };
    put_url(&url, c, path);
    struct fetch what = { .url = buf_cstr(&url) };
    if (io_fetch_ok(ctl_io(c), &body, &what, e) < 0) {
        (void)err_wrap(e, "the node (--node-url)");
        return NULL;
    }
    struct json *root = json_parse(buf_cstr(&body), body.len, e);
    if (!root)
        (void)err_wrap(e, "%s", path);
    return root;
}

int node_post(struct buf *answer, int *status, struct ctl *c, const char *path, const struct buf *body, struct err *e)
{
    CLEANUP(buf_free) struct buf url = { 0 };
    put_url(&url, c, path);
    struct fetch what = {
        .url = buf_cstr(&url), .content_type = "application/json", .body = body->data, .body_len = body->len
    };
    int rc = io_fetch(ctl_io(c), answer, status, &what, e);
    return rc < 0 ? err_wrap(e, "the node (--node-url)") : 0;
}

/* A member of exactly n bytes of hex text, with or without 0x. */
static int read_hex(uint8_t *out, size_t n, const struct json *root, const char *key, struct err *e)
{
    size_t len = 0;
    const char *text = json_str(json_get(root, key), &len);
    if (text && hex_decode_exact(out, n, text, len, NULL) == 0)
        return 0;
    return err_set(e, -EPROTO, "the node's answer: %s: expected %zu bytes as hex", key, n);
}

static int read_number(uint64_t *out, const struct json *root, const char *key, struct err *e)
{
    return json_u64(json_get(root, key), out) ? 0
                                              : err_set(e, -EPROTO, "the node's answer: %s: expected a number", key);
}

int node_details(struct node_details *out, struct ctl *c, struct err *e)
{
    struct json *root = get(c, "/executor-details", e);
    if (!root)
        return e->code;
    int rc = read_hex(out->enclave.b, 20, root, "enclave_address", e);
    if (rc == 0)
        rc = read_hex(out->enclave_pubkey, 64, root, "enclave_public_key", e);
    if (rc == 0)
        rc = read_hex(out->owner.b, 20, root, "owner_address", e);
    if (rc == 0)
        rc = read_hex(out->gas.b, 20, root, "gas_address", e);
    json_free(root);
    return rc;
}

int node_registration(struct node_registration *out, struct ctl *c, struct err *e)
{
    struct json *root = get(c, "/signed-registration-message", e);
    uint64_t env = 0;
    if (!root)
        return e->code;
    int rc = read_number(&out->job_capacity, root, "job_capacity", e);
    if (rc == 0)
        rc = read_number(&out->sign_timestamp_s, root, "sign_timestamp", e);
    if (rc == 0)
        rc = read_hex(out->owner.b, 20, root, "owner", e);
    if (rc == 0)
        rc = read_hex(out->signature, sizeof out->signature, root, "signature", e);
    if (rc == 0 && json_get(root, "env"))
        rc = read_number(&env, root, "env", e);
    out->env = json_get(root, "env") ? (int)(env & 0xff) : -1;
    json_free(root);
    return rc;
}

int ctl_enclave(struct address *out, struct ctl *c, struct err *e)
{
    struct node_details node;
    if (args_address(out, &c->args, "--enclave"))
        return 0;
    int rc = node_details(&node, c, e);
    if (rc < 0)
        return err_wrap(e, "which executor? Give --enclave ADDRESS, or let the node say");
    *out = node.enclave;
    return 0;
}
