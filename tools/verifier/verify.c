#include "verify.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "enclave/image_id.h"
#include "eth/eip712.h"
#include "util/hex.h"

#define MAX_AHEAD_MS 60000 /* how far a hypervisor's clock may be ahead of ours where age counts */

static void put_hex(struct buf *out, const char *before, const char *key, const uint8_t *data, size_t len)
{
    buf_printf(out, "%s\"%s\":\"", before, key);
    uint8_t *at = buf_extend(out, 2 * len + 1);
    (void)hex_encode((char *)at, data, len);
    out->len--; /* the NUL */
    buf_push(out, '"');
}

static void put_legacy(struct buf *out, const struct verifier *v, const struct attestation *a)
{
    static const char *const names[] = { "pcr0", "pcr1", "pcr2" };
    uint8_t digest[32];
    struct signature sig;
    eip712_attestation(digest, a->public_key.data, a->public_key.len, a->pcrs[0], a->pcrs[1], a->pcrs[2],
                       a->timestamp_ms);
    seckey_sign(&sig, &v->key, digest);
    put_hex(out, "{", "signature", sig.b, sizeof sig.b);
    put_hex(out, ",", "secp256k1_public", a->public_key.data, a->public_key.len);
    for (size_t i = 0; i < 3; i++)
        put_hex(out, ",", names[i], a->pcrs[i], SHA384_BYTES);
    buf_printf(out, ",\"timestamp\":%" PRIu64, a->timestamp_ms);
    put_hex(out, ",", "verifier_secp256k1_public", v->key.pubkey, sizeof v->key.pubkey);
    buf_push(out, '}');
}

static void put_image(struct buf *out, const struct verifier *v, const struct attestation *a)
{
    uint8_t digest[32], id[32];
    struct signature sig;
    image_id(id, a->pcrs[0], a->pcrs[1], a->pcrs[2], a->pcrs[16]);
    eip712_image_attestation(digest, id, a->timestamp_ms, a->public_key.data, a->public_key.len, a->user_data.data,
                             a->user_data.len);
    seckey_sign(&sig, &v->key, digest);
    put_hex(out, "{", "signature", sig.b, sizeof sig.b);
    put_hex(out, ",", "image_id", id, sizeof id);
    buf_printf(out, ",\"timestamp_ms\":%" PRIu64, a->timestamp_ms);
    put_hex(out, ",", "public_key", a->public_key.data, a->public_key.len);
    put_hex(out, ",", "user_data", a->user_data.data, a->user_data.len);
    put_hex(out, ",", "verifier_public_key", v->key.pubkey, sizeof v->key.pubkey);
    buf_push(out, '}');
}

/* What the statement is about must be there; a statement about zeros instead would be another one. */
static enum attestation_reason check_content(const struct attestation *a, enum verify_format format, struct err *e)
{
    for (size_t i = 0; i < 3; i++)
        if (!a->pcrs[i]) {
            err_set(e, -EACCES, "PCR%zu is not in the document", i);
            return ATTESTATION_OTHER_PCR;
        }
    if (format == VERIFY_LEGACY && !a->public_key.data) {
        err_set(e, -EACCES, "the document carries no public key");
        return ATTESTATION_OTHER_PUBLIC_KEY;
    }
    return ATTESTATION_OK;
}

enum attestation_reason verifier_answer(struct buf *out, const struct verifier *v, enum verify_format format,
                                        const uint8_t *document, size_t len, uint64_t now_ms, struct err *e)
{
    const struct attestation_policy policy = { .now_ms = now_ms,
                                               .max_age_ms = v->max_age_ms,
                                               .max_ahead_ms = MAX_AHEAD_MS };
    struct attestation a;
    enum attestation_reason r = attestation_verify(&a, document, len, v->root, e);
    if (r == ATTESTATION_OK)
        r = attestation_check(&a, &policy, e);
    if (r == ATTESTATION_OK)
        r = check_content(&a, format, e);
    if (r != ATTESTATION_OK)
        return r;
    if (format == VERIFY_LEGACY)
        put_legacy(out, v, &a);
    else
        put_image(out, v, &a);
    return r;
}
