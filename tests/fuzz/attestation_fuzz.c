/* Any bytes as an attestation document: what is taken apart lies inside of them and within its bounds, what is refused
 * has a reason and one line, and none is verified that the root has not signed. */
#include "fuzz.h"

#include "enclave/attestation.h"

static void check_inside(const struct attestation_bytes *b, const uint8_t *data, size_t len, size_t max)
{
    if (b->data)
        assert(b->len <= max && b->data >= data && b->data + b->len <= data + len);
}

static void check_parsed(const struct attestation *a, const uint8_t *data, size_t len)
{
    check_inside(&a->module_id, data, len, len);
    check_inside(&a->certificate, data, len, ATTESTATION_CERT_MAX);
    check_inside(&a->public_key, data, len, ATTESTATION_PUBLIC_KEY_MAX);
    check_inside(&a->user_data, data, len, ATTESTATION_DATA_MAX);
    check_inside(&a->nonce, data, len, ATTESTATION_DATA_MAX);
    assert(a->module_id.len > 0 && a->timestamp_ms > 0 && a->certificate.len > 0);
    assert(a->n_cabundle >= 1 && a->n_cabundle <= ATTESTATION_CABUNDLE_MAX);
    for (size_t i = 0; i < a->n_cabundle; i++)
        check_inside(&a->cabundle[i], data, len, ATTESTATION_CERT_MAX);
    size_t n = 0;
    for (size_t i = 0; i < ATTESTATION_PCRS; i++) {
        check_inside(&(struct attestation_bytes){ a->pcrs[i], SHA384_BYTES }, data, len, SHA384_BYTES);
        n += a->pcrs[i] != NULL;
    }
    assert(n > 0);
}

/* No input is signed by this key, nobody has it. */
static const uint8_t nobody[P384_PUBLIC_BYTES] = { 1 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct attestation a, b;
    struct err e = { 0 }, f = { 0 };
    enum attestation_reason r = attestation_parse(&a, data, len, &e);
    enum attestation_reason v = attestation_verify(&b, data, len, attestation_aws_root, &f);
    if (r == ATTESTATION_OK) {
        assert(e.code == 0);
        check_parsed(&a, data, len);
        assert(attestation_verify(&b, data, len, nobody, NULL) != ATTESTATION_OK);
    } else {
        assert(v == r && e.code < 0 && e.msg[0] && !strchr(e.msg, '\n'));
    }
    assert((v == ATTESTATION_OK) == (f.code == 0));
    return 0;
}
