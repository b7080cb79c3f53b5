/* What oysterctl reads from elsewhere. The first byte chooses: revert data, calldata (both as people read them), a
 * verifier's answer, or an amount, which reads back as it was written. */
#include "fuzz.h"

#include "attestation_file.h"
#include "signature.h"
#include "value.h"

/* A terminal gets no control characters but line ends. */
static void check_printable(struct buf *text)
{
    for (size_t i = 0; i < text->len; i++)
        assert(text->data[i] >= 0x20 || text->data[i] == '\n');
    buf_free(text);
}

static void fuzz_contract(bool error, const uint8_t *data, size_t len)
{
    struct buf text = { 0 };
    struct out *o = out_new();
    if (error)
        (void)signature_text_error(&text, data, len);
    else
        signature_text_call(&text, data, len);
    assert(text.len > 0);
    check_printable(&text);
    signature_out_call(o, data, len);
    out_write_json(&text, o);
    check_printable(&text);
    out_free(o);
}

static void fuzz_attestation(const uint8_t *data, size_t len)
{
    static const char *const pcrs[3];
    struct attestation_file f;
    struct err e = { 0 };
    int rc = attestation_file_parse(&f, "fuzz", (const char *)data, len, pcrs, &e);
    assert(rc == 0 || (rc == -EINVAL && e.msg[0]));
    if (rc == 0)
        assert(f.a.pcr_len[2] == PCR_BYTES && f.a.signature_len == 65);
}

static void fuzz_amount(const uint8_t *data, size_t len)
{
    char text[256], written[AMOUNT_TEXT_MAX];
    struct u256 amount, again;
    if (len == 0 || len >= sizeof text)
        return;
    unsigned decimals = data[0] % 37;
    memcpy(text, data + 1, len - 1);
    text[len - 1] = 0;
    if (value_amount_of(&amount, "AMOUNT", text, decimals, NULL) < 0)
        return;
    amount_text(written, amount, decimals);
    assert(value_amount_of(&again, "AMOUNT", written, decimals, NULL) == 0 && u256_cmp(amount, again) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    if (len == 0)
        return 0;
    uint8_t kind = data[0] % 4;
    if (kind < 2)
        fuzz_contract(kind == 0, data + 1, len - 1);
    else if (kind == 2)
        fuzz_attestation(data + 1, len - 1);
    else
        fuzz_amount(data + 1, len - 1);
    return 0;
}
