#include "attestation_file.h"

#include <errno.h>
#include <string.h>

#include "enclave/crypto.h"
#include "eth/keccak.h"
#include "util/hex.h"
#include "util/json.h"

static const char *const pcr_names[3] = { "pcr0", "pcr1", "pcr2" };

/* A member of exactly n bytes; other: its name in the other form. */
static int read_hex(uint8_t *out, size_t n, const struct json *root, const char *key, const char *other, struct err *e)
{
    size_t len = 0;
    const struct json *value = json_get(root, key);
    if (!value && other)
        value = json_get(root, other);
    const char *text = json_str(value, &len);
    if (!text)
        return err_set(e, -EINVAL, "%s%s%s: expected a hex string, found %s", key, other ? " or " : "",
                       other ? other : "", value ? json_kind_name(value) : "nothing");
    return hex_decode_exact(out, n, text, len, e) < 0 ? err_wrap(e, "%s", key) : 0;
}

static int read_timestamp(uint64_t *out_ms, const struct json *root, struct err *e)
{
    const struct json *value = json_get(root, "timestamp_ms");
    if (!value)
        value = json_get(root, "timestamp");
    return json_u64(value, out_ms) ? 0 : err_set(e, -EINVAL, "timestamp or timestamp_ms: expected a number");
}

static int read_pcrs(struct attestation_file *out, const struct json *root, const char *const pcrs[3], struct err *e)
{
    for (int i = 0; i < 3; i++) {
        int rc = 0;
        if (pcrs[i])
            rc = hex_decode_exact(out->pcr[i], PCR_BYTES, pcrs[i], strlen(pcrs[i]), e) < 0
                     ? err_wrap(e, "--%s", pcr_names[i])
                     : 0;
        else if (!json_get(root, pcr_names[i]))
            rc = err_set(e, -EINVAL, "it names the image by its id alone: give --pcr0, --pcr1 and --pcr2 too");
        else
            rc = read_hex(out->pcr[i], PCR_BYTES, root, pcr_names[i], NULL, e);
        if (rc < 0)
            return rc;
        out->a.pcr[i] = out->pcr[i];
        out->a.pcr_len[i] = PCR_BYTES;
    }
    return 0;
}

/* The id that contracts know an image by: of the three PCRs, or with a mask of which PCRs count in front and PCR16,
 * which is zero in an image that extends nothing. */
static int check_image_id(const struct attestation_file *f, const struct json *root, struct err *e)
{
    static const uint8_t mask[4] = { 0, 1, 0, 7 };
    struct {
        uint8_t mask[4], pcr[3][PCR_BYTES], pcr16[PCR_BYTES];
    } image = { .pcr16 = { 0 } };
    uint8_t want[32], old_id[32], new_id[32];
    if (!json_get(root, "image_id"))
        return 0;
    if (read_hex(want, sizeof want, root, "image_id", NULL, e) < 0)
        return e->code;
    keccak256(old_id, f->pcr, sizeof f->pcr);
    memcpy(image.mask, mask, sizeof mask);
    memcpy(image.pcr, f->pcr, sizeof f->pcr);
    sha256(new_id, &image, sizeof image);
    if (memcmp(want, old_id, 32) == 0 || memcmp(want, new_id, 32) == 0)
        return 0;
    return err_set(e, -EINVAL, "image_id: the PCRs given are of another image");
}

static int read_members(struct attestation_file *out, const struct json *root, const char *const pcrs[3], struct err *e)
{
    out->a.signature = out->signature;
    out->a.signature_len = sizeof out->signature;
    int rc = read_hex(out->signature, sizeof out->signature, root, "signature", NULL, e);
    if (rc == 0)
        rc = read_hex(out->a.enclave_pubkey, sizeof out->a.enclave_pubkey, root, "secp256k1_public", "public_key", e);
    if (rc == 0)
        rc = read_timestamp(&out->a.timestamp_ms, root, e);
    if (rc == 0)
        rc = read_pcrs(out, root, pcrs, e);
    return rc < 0 ? rc : check_image_id(out, root, e);
}

int attestation_file_parse(struct attestation_file *out, const char *name, const char *text, size_t len,
                           const char *const pcrs[3], struct err *e)
{
    *out = (struct attestation_file){ 0 };
    struct json *root = json_parse(text, len, e);
    int rc = root ? read_members(out, root, pcrs, e) : -EINVAL;
    json_free(root);
    return rc < 0 ? err_wrap(e, "attestation of %s", name) : 0;
}
