/* attestation verify: a document of an enclave, checked from AWS's root down to what is expected of it. */
#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "attestation_expect.h"
#include "commands.h"
#include "ctl.h"
#include "enclave/cert.h"
#include "enclave/image_id.h"
#include "eth/address.h"
#include "io.h"
#include "node_api.h"
#include "util/cleanup.h"
#include "util/hex.h"
#include "util/random.h"

#define NONCE_BYTES 20
#define FETCHED_MAX_AGE_MS (5 * 60 * 1000)

/* A document and how it came here. */
struct source {
    struct buf document;
    struct buf nonce; /* that was asked for */
    bool fetched;     /* from a node or a URL: it was made just now */
    bool has_node;
    struct node_details node;
};

static void source_free(struct source *s)
{
    buf_free(&s->document);
    buf_free(&s->nonce);
}

/* ---- reading ---- */

/* A document as text (GET /attestation/hex, a paste) becomes bytes; one that is bytes already begins with no digit. */
static void decode_hex(struct buf *document)
{
    size_t len = document->len;
    while (len > 0 && isspace(document->data[len - 1]))
        len--;
    CLEANUP(buf_free) struct buf bytes = { 0 };
    buf_extend(&bytes, len / 2 + 1);
    if (len == 0 || hex_decode(bytes.data, (const char *)document->data, len, NULL) != HEX_OK)
        return;
    buf_reset(document);
    buf_append(document, bytes.data, len / 2);
}

static int fetch(struct source *s, struct ctl *c, const char *url, struct err *e)
{
    struct fetch what = { .url = url, .max_bytes = 2 * ATTESTATION_MAX };
    s->fetched = true;
    return io_fetch_ok(ctl_io(c), &s->document, &what, e);
}

/* The node's own document, with a nonce that nobody knew before. */
static int fetch_from_node(struct source *s, struct ctl *c, struct err *e)
{
    CLEANUP(buf_free) struct buf url = { 0 };
    char hex[2 * NONCE_BYTES + 1];
    const char *given = args_get(&c->args, "--nonce");
    int rc = given ? 0 : random_fill(buf_extend(&s->nonce, NONCE_BYTES), NONCE_BYTES, e);
    if (rc < 0)
        return rc;
    size_t len = given ? strlen(given) : 0;
    buf_printf(&url, "%s/attestation/raw?nonce=%s", ctl_node_url(c),
               given ? hex_strip0x(given, &len) : hex_encode(hex, s->nonce.data, NONCE_BYTES));
    return fetch(s, c, buf_cstr(&url), e);
}

static int read_source(struct source *s, struct ctl *c, struct err *e)
{
    const char *given = args_at(&c->args, 0);
    s->has_node = !given || args_has(&c->args, "--node-url");
    int rc = s->has_node ? node_details(&s->node, c, e) : 0;
    if (rc < 0)
        return rc;
    if (!given)
        rc = fetch_from_node(s, c, e);
    else if (strncmp(given, "http://", 7) == 0 || strncmp(given, "https://", 8) == 0)
        rc = fetch(s, c, given, e);
    else
        rc = ctl_read_file(&s->document, given, 2 * ATTESTATION_MAX, e);
    decode_hex(&s->document);
    return rc;
}

/* ---- telling ---- */

static void out_time(struct out *o, const char *key, uint64_t ms)
{
    char number[24], text[64] = "";
    time_t at = (time_t)(ms / 1000);
    struct tm tm;
    if (gmtime_r(&at, &tm))
        (void)strftime(text, sizeof text, "%Y-%m-%d %H:%M:%S UTC", &tm);
    (void)snprintf(number, sizeof number, "%" PRIu64, ms);
    out_both(o, key, number, text);
}

static void out_bytes(struct out *o, const char *key, const struct attestation_bytes *b)
{
    if (b->data)
        out_hex(o, key, b->data, b->len);
    else
        out_null(o, key);
}

static bool is_zero(const uint8_t *pcr)
{
    static const uint8_t zero[SHA384_BYTES];
    return memcmp(pcr, zero, sizeof zero) == 0;
}

/* People see the registers that hold something; the document for machines has them all. */
static void out_pcrs(struct out *o, const struct attestation *a)
{
    char key[16];
    out_object(o, "pcrs");
    for (size_t i = 0; i < ATTESTATION_PCRS; i++) {
        if (!a->pcrs[i])
            continue;
        (void)snprintf(key, sizeof key, "pcr%zu", i);
        out_hex(o, key, a->pcrs[i], SHA384_BYTES);
        if (i > 2 && is_zero(a->pcrs[i]))
            out_hide(o);
    }
    out_end(o);
}

static void out_image_ids(struct out *o, const struct attestation *a)
{
    uint8_t id[32];
    if (!a->pcrs[0] || !a->pcrs[1] || !a->pcrs[2])
        return;
    image_id_legacy(id, a->pcrs[0], a->pcrs[1], a->pcrs[2]);
    out_hex(o, "image_id_legacy", id, sizeof id);
    image_id(id, a->pcrs[0], a->pcrs[1], a->pcrs[2], a->pcrs[16]);
    out_hex(o, "image_id", id, sizeof id);
}

static void out_certificate(struct out *o, const struct attestation_bytes *der)
{
    CLEANUP(cert_free_p) struct cert *c = cert_from_der(der->data, der->len, NULL);
    CLEANUP(buf_free) struct buf subject = { 0 };
    if (!c)
        return;
    cert_subject(&subject, c);
    out_object(o, NULL);
    out_strn(o, "subject", buf_cstr(&subject), subject.len);
    out_time(o, "not_before", (uint64_t)cert_not_before(c) * 1000);
    out_time(o, "not_after", (uint64_t)cert_not_after(c) * 1000);
    out_end(o);
}

static void out_document(struct out *o, const struct attestation *a, uint64_t now_ms)
{
    struct address enclave;
    out_strn(o, "module_id", (const char *)a->module_id.data, a->module_id.len);
    out_time(o, "timestamp_ms", a->timestamp_ms);
    out_u64(o, "age_seconds", now_ms > a->timestamp_ms ? (now_ms - a->timestamp_ms) / 1000 : 0);
    out_pcrs(o, a);
    out_image_ids(o, a);
    out_bytes(o, "public_key", &a->public_key);
    if (a->public_key.data && a->public_key.len == 64) {
        address_from_pubkey(&enclave, a->public_key.data);
        out_address(o, "enclave", &enclave);
    }
    out_bytes(o, "user_data", &a->user_data);
    out_bytes(o, "nonce", &a->nonce);
    out_array(o, "certificates");
    for (size_t i = 0; i < a->n_cabundle; i++)
        out_certificate(o, &a->cabundle[i]);
    out_certificate(o, &a->certificate);
    out_end(o);
}

/* ---- judging ---- */

/* --image-id names either form: where it is the legacy one, that is what is compared. */
static void choose_image_form(struct attestation_policy *p, const struct attestation *a)
{
    uint8_t legacy[32];
    if (!p->image_id || !a->pcrs[0] || !a->pcrs[1] || !a->pcrs[2])
        return;
    image_id_legacy(legacy, a->pcrs[0], a->pcrs[1], a->pcrs[2]);
    if (memcmp(legacy, p->image_id, sizeof legacy) != 0)
        return;
    p->image_id_legacy = p->image_id;
    p->image_id = NULL;
}

static enum attestation_reason judge(struct attestation *a, struct expect *x, const struct buf *document,
                                     struct err *why)
{
    enum attestation_reason r = attestation_verify(a, document->data, document->len, x->root, why);
    if (r != ATTESTATION_OK)
        return r;
    choose_image_form(&x->policy, a);
    return attestation_check(a, &x->policy, why);
}

/* What was compared, so that nobody takes "verified" for more than it is. */
static void out_compared(struct out *o, const struct expect *x)
{
    const struct attestation_policy *p = &x->policy;
    out_object(o, "compared");
    bool image = p->image_id || p->image_id_legacy || p->pcrs[0];
    out_bool(o, "image", image);
    out_bool(o, "public_key", p->public_key.data != NULL);
    out_bool(o, "user_data", p->user_data.data != NULL);
    out_bool(o, "nonce", p->nonce.data != NULL);
    out_bool(o, "age", p->max_age_ms > 0);
    out_end(o);
    if (!image)
        out_note(o, "which image runs was not compared: give --eif, --pcr0 or --image-id");
}

static int tell(struct ctl *c, const struct source *s, struct expect *x, struct err *e)
{
    struct attestation a = { 0 };
    struct err why = { 0 };
    enum attestation_reason r = judge(&a, x, &s->document, &why);
    out_bool(c->out, "verified", r == ATTESTATION_OK);
    out_str(c->out, "reason", attestation_reason_name(r));
    if (a.timestamp_ms > 0 && a.n_cabundle > 0 && a.certificate.data)
        out_document(c->out, &a, x->policy.now_ms);
    out_compared(c->out, x);
    if (r == ATTESTATION_OK)
        return CTL_OK;
    err_set(e, -EACCES, "%s: %s", attestation_reason_text(r), why.msg);
    return CTL_CHECK_FAILED;
}

static int run_verify(struct ctl *c, struct err *e)
{
    CLEANUP(source_free) struct source s = { .fetched = false };
    CLEANUP(expect_free) struct expect x = { .policy = { 0 } };
    int rc = read_source(&s, c, e);
    if (rc == 0)
        rc = expect_read(&x, c, s.has_node ? s.node.enclave_pubkey : NULL, &s.nonce, e);
    if (rc < 0)
        return rc;
    if (s.fetched && !args_has(&c->args, "--max-age"))
        x.policy.max_age_ms = FETCHED_MAX_AGE_MS;
    return tell(c, &s, &x, e);
}

const struct command cmd_attestation_verify = {
    .name = "attestation verify",
    .group = GROUP_EXECUTOR,
    .arguments = "[SOURCE]",
    .max_args = 1,
    .summary = "check an attestation document: who made it, which image, which key",
    .details = "SOURCE is a file (- is standard input) or a URL, with the document as bytes or as hex. Without it the "
               "node is asked\n"
               "for one (--node-url) with a nonce made for this, and its public key must be the one that the node says "
               "is its own.\n"
               "\n"
               "Checked in any case: the signature, the chain of certificates up to the root at the document's own "
               "time, the form\n"
               "of every field. Compared: what is given. Exit status 6: the document was refused, and reason says by a "
               "word why.\n",
    .options = expect_options,
    .run = run_verify,
};
