/* Attestation documents: published ones verified, and good ones of a root of our own that are wrong in one place, each
 * refused for its own reason. What is signed is signed again after the change, so that nothing but the change is wrong.
 */
#include "enclave/attestation.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "enclave/cbor.h"
#include "enclave/image_id.h"
#include "nitro.h"
#include "util/cleanup.h"
#include "util/file.h"
#include "util/hex.h"

#define VECTORS "tests/vectors/nitro/"
#define AT_MS 1734075478960ULL
#define AT_S ((int64_t)(AT_MS / 1000))

#define AWS_PCR0 "189038eccf28a3a098949e402f3b3d86a876f4915c5b02d546abb5d8c507ceb1755b8192d8cfca66e8f226160ca4c7a6"
#define AWS_PCR1 "5d3938eb05288e20a981038b1861062ff4174884968a39aee5982b312894e60561883576cc7381d1a7d05b809936bd16"
#define AWS_PCR2 "6c3ef363c488a9a86faa63a44653fd806e645d4540b40540876f3b811fc1bceecf036a4703f07587c501ee45bb56a1aa"
#define AWS_PUBLIC_KEY                                                                                                 \
    "e646f8b0071d5ba75931402522cc6a5c42a84a6fea238864e5ac9a0e12d83bd36d0c8109d3ca2b699fce8d082bf313f5d2ae249bb275b6b6" \
    "e91e0fcd9262f4bb"
#define CUSTOM_ROOT                                                                                                    \
    "6c79411ebaae7489a4e8355545c0346784b31df5d08cb1f7c0097836a82f67240f2a7201862880a1d09a0bb326637188"                 \
    "fbbafab47a10abe3630fcf8c18d35d96532184985e582c0dce3dace8441f37b9cc9211dff935baae69e4872cc3494410"

static void load(struct buf *out, const char *path)
{
    struct err e = { 0 };
    if (file_read(out, path, ATTESTATION_MAX, &e) < 0)
        fail_msg("%s", e.msg);
}

static void assert_hex(const struct attestation_bytes *b, const char *hex)
{
    uint8_t want[256];
    assert_int_equal(hex_decode_exact(want, strlen(hex) / 2, hex, strlen(hex), NULL), 0);
    assert_int_equal(b->len, strlen(hex) / 2);
    assert_memory_equal(b->data, want, b->len);
}

static void assert_pcr(const struct attestation *a, size_t i, const char *hex)
{
    assert_non_null(a->pcrs[i]);
    assert_hex(&(struct attestation_bytes){ a->pcrs[i], SHA384_BYTES }, hex);
}

static void test_aws_document(void **state)
{
    CLEANUP(buf_free) struct buf doc = { 0 };
    struct attestation a;
    struct err e = { 0 };
    uint8_t id[32];
    (void)state;
    load(&doc, VECTORS "attestation-aws.bin");
    assert_int_equal(attestation_verify(&a, doc.data, doc.len, attestation_aws_root, &e), ATTESTATION_OK);
    assert_true(a.timestamp_ms == 0x193bef3f3b0);
    assert_pcr(&a, 0, AWS_PCR0);
    assert_pcr(&a, 1, AWS_PCR1);
    assert_pcr(&a, 2, AWS_PCR2);
    assert_non_null(a.pcrs[15]);
    assert_null(a.pcrs[16]);
    assert_hex(&a.public_key, AWS_PUBLIC_KEY);
    assert_null(a.user_data.data);
    assert_null(a.nonce.data);
    assert_int_equal(a.n_cabundle, 4);
    image_id(id, a.pcrs[0], a.pcrs[1], a.pcrs[2], a.pcrs[16]);
    assert_hex(&(struct attestation_bytes){ id, 32 },
               "a6b0824d3c47f51542b3a18e6245c408490bef88ddc8d5e1bf8b95ec7eba1602");
}

static void test_verifier_document(void **state)
{
    CLEANUP(buf_free) struct buf doc = { 0 };
    struct attestation a;
    (void)state;
    load(&doc, VECTORS "attestation-verifier.bin");
    assert_int_equal(attestation_verify(&a, doc.data, doc.len, attestation_aws_root, NULL), ATTESTATION_OK);
    assert_true(a.timestamp_ms == 1723012689640);
    assert_int_equal(a.public_key.len, 64);
    assert_int_equal(a.public_key.data[0], 0x57);
}

static void test_custom_root_document(void **state)
{
    CLEANUP(buf_free) struct buf doc = { 0 };
    uint8_t root[P384_PUBLIC_BYTES];
    struct attestation a;
    (void)state;
    load(&doc, VECTORS "attestation-custom-root.bin");
    assert_int_equal(hex_decode_exact(root, sizeof root, CUSTOM_ROOT, strlen(CUSTOM_ROOT), NULL), 0);
    assert_int_equal(attestation_verify(&a, doc.data, doc.len, root, NULL), ATTESTATION_OK);
    assert_true(a.timestamp_ms == 0x193bf444e30);
    for (size_t i = 0; i < 16; i++)
        assert_int_equal(a.pcrs[i][47], i);
    assert_hex(&a.public_key, "12345678");
    assert_hex(&a.user_data, "abcdef");
    assert_int_equal(attestation_verify(&a, doc.data, doc.len, attestation_aws_root, NULL), ATTESTATION_ROOT_UNKNOWN);
}

/* Whatever byte is wrong, and wherever it ends too early: refused. */
static void test_every_part_counts(void **state)
{
    CLEANUP(buf_free) struct buf doc = { 0 };
    struct attestation a;
    (void)state;
    load(&doc, VECTORS "attestation-aws.bin");
    for (size_t i = 0; i < doc.len; i += 13) {
        doc.data[i] ^= 0x04;
        assert_int_not_equal(attestation_verify(&a, doc.data, doc.len, attestation_aws_root, NULL), ATTESTATION_OK);
        doc.data[i] ^= 0x04;
    }
    for (size_t len = 0; len < doc.len; len += 7)
        assert_int_equal(attestation_verify(&a, doc.data, len, attestation_aws_root, NULL), ATTESTATION_NOT_COSE);
}

/* ---- documents of our own ---- */

static const uint8_t public_key[64] = { 1, 2, 3 }, user_data[32] = { 9, 8 }, nonce[20] = { 7 };
static const uint8_t pcrs[17][SHA384_BYTES] = { { 0xa0 }, { 0xa1 }, { 0xa2 }, { 0 }, { 0xa4 }, [16] = { 0xb0 } };

static struct attestation usual(void)
{
    struct attestation a = {
        .module_id = { (const uint8_t *)"i-0123-enc4567", 14 },
        .timestamp_ms = AT_MS,
        .public_key = { public_key, sizeof public_key },
        .user_data = { user_data, sizeof user_data },
        .nonce = { nonce, sizeof nonce },
    };
    for (size_t i = 0; i < 17; i++)
        a.pcrs[i] = pcrs[i];
    return a;
}

/* A change: of the certificates before they are made, of the payload before it is signed, of the signed bytes. */
struct mutation {
    const char *name;
    enum attestation_reason reason;
    const char *says; /* part of the line that tells it */
    void (*chain)(struct nitro_cert_spec *specs, size_t *n);
    void (*payload)(struct nitro_payload *p);
    void (*raw)(struct buf *doc);
    const char *set, *value; /* a field and its CBOR in hex; value NULL: the field is left out */
    const char *header;      /* the protected header in hex */
};

static void set_hex(struct buf *out, const char *hex)
{
    buf_reset(out);
    buf_extend(out, strlen(hex) / 2);
    assert_int_equal(hex_decode(out->data, hex, strlen(hex), NULL), HEX_OK);
}

static void drop_field(struct nitro_payload *p, const char *name)
{
    struct nitro_field *f = nitro_field(p, name);
    buf_free(&f->key);
    buf_free(&f->value);
    *f = p->fields[--p->n];
    p->fields[p->n] = (struct nitro_field){ 0 };
}

static void apply_to_payload(const struct mutation *m, struct nitro_payload *p)
{
    if (m->set && m->value)
        set_hex(&nitro_field(p, m->set)->value, m->value);
    else if (m->set)
        drop_field(p, m->set);
    if (m->payload)
        m->payload(p);
}

/* The document that a mutation asks for (NULL: a good one), and its root. */
static void make(struct buf *doc, uint8_t root[P384_PUBLIC_BYTES], const struct mutation *m)
{
    struct nitro_cert_spec specs[NITRO_CHAIN_MAX];
    size_t n = nitro_usual_chain(specs, AT_S);
    CLEANUP(nitro_chain_free) struct nitro_chain chain;
    CLEANUP(nitro_payload_free) struct nitro_payload p;
    CLEANUP(buf_free) struct buf payload = { 0 };
    CLEANUP(buf_free) struct buf header = { 0 };
    struct attestation a = usual();
    if (m && m->chain)
        m->chain(specs, &n);
    nitro_chain_make(&chain, NULL, specs, n);
    nitro_root_key(root, &chain);
    nitro_payload_make(&p, &a, &chain);
    if (m)
        apply_to_payload(m, &p);
    nitro_payload_write(&payload, &p);
    if (m && m->header)
        set_hex(&header, m->header);
    nitro_sign(doc, &payload, m && m->header ? &header : NULL, &chain);
    if (m && m->raw)
        m->raw(doc);
}

static void test_good(void **state)
{
    CLEANUP(buf_free) struct buf doc = { 0 };
    uint8_t root[P384_PUBLIC_BYTES];
    struct attestation a;
    struct err e = { 0 };
    (void)state;
    make(&doc, root, NULL);
    if (attestation_verify(&a, doc.data, doc.len, root, &e) != ATTESTATION_OK)
        fail_msg("%s", e.msg);
    assert_true(a.timestamp_ms == AT_MS);
    assert_memory_equal(a.module_id.data, "i-0123-enc4567", 14);
    assert_memory_equal(a.pcrs[16], pcrs[16], SHA384_BYTES);
    assert_null(a.pcrs[17]);
    assert_memory_equal(a.nonce.data, nonce, sizeof nonce);
}

/* What is allowed although it is not what AWS sends. */
static void tagged(struct buf *doc)
{
    buf_push(doc, 0);
    memmove(doc->data + 1, doc->data, doc->len - 1);
    doc->data[0] = 0xd2;
}

static void short_chain(struct nitro_cert_spec *specs, size_t *n)
{
    specs[1] = specs[3];
    *n = 2;
}

static void test_also_good(void **state)
{
    static const struct mutation cases[] = {
        { .name = "tag 18", .raw = tagged },
        { .name = "no public key", .set = "public_key", .value = "f6" },
        { .name = "no public key at all", .set = "public_key" },
        { .name = "no user data at all", .set = "user_data" },
        { .name = "empty user data", .set = "user_data", .value = "40" },
        { .name = "empty nonce", .set = "nonce", .value = "40" },
        { .name = "root and leaf alone", .chain = short_chain },
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        CLEANUP(buf_free) struct buf doc = { 0 };
        uint8_t root[P384_PUBLIC_BYTES];
        struct attestation a;
        struct err e = { 0 };
        make(&doc, root, &cases[i]);
        if (attestation_verify(&a, doc.data, doc.len, root, &e) != ATTESTATION_OK)
            fail_msg("%s: %s", cases[i].name, e.msg);
    }
}

/* ---- one thing wrong ---- */

#define RAW(name, body)                                                                                                \
    static void name(struct buf *doc)                                                                                  \
    {                                                                                                                  \
        body;                                                                                                          \
    }
RAW(tag_19, tagged(doc); doc->data[0] = 0xd3)
RAW(array_of_3, doc->data[0] = 0x83)
RAW(byte_behind, buf_push(doc, 0))
RAW(last_byte_gone, doc->len--)
RAW(signature_changed, doc->data[doc->len - 1] ^= 1)
RAW(header_map_filled, doc->data[6] = 0xa1)
RAW(far_too_long, buf_extend(doc, ATTESTATION_MAX))

static void signature_short(struct buf *doc)
{
    doc->data[doc->len - P384_SIGNATURE_BYTES - 1] = P384_SIGNATURE_BYTES - 1;
    doc->len--;
}

static void payload_changed(struct buf *doc)
{
    uint8_t *at = memmem(doc->data, doc->len, public_key, sizeof public_key);
    assert_non_null(at);
    at[0] ^= 1;
}

#define PAYLOAD(name, body)                                                                                            \
    static void name(struct nitro_payload *p)                                                                          \
    {                                                                                                                  \
        body;                                                                                                          \
    }
PAYLOAD(unknown_field, cbor_put_text(&p->fields[p->n].key, "extra"); cbor_put_null(&p->fields[p->n++].value))
PAYLOAD(nonce_twice, cbor_put_text(&p->fields[p->n].key, "nonce"); cbor_put_null(&p->fields[p->n++].value))
PAYLOAD(key_is_number, buf_reset(&nitro_field(p, "nonce")->key); cbor_put_uint(&p->fields[p->n - 1].key, 1))

static void set_zeros(struct nitro_payload *p, const char *name, size_t len)
{
    static const uint8_t zeros[4096];
    struct buf *value = &nitro_field(p, name)->value;
    buf_reset(value);
    cbor_put_bytes(value, zeros, len);
}

PAYLOAD(payload_behind, buf_push(&p->fields[p->n - 1].value, 0))
PAYLOAD(user_data_long, set_zeros(p, "user_data", ATTESTATION_DATA_MAX + 1))
PAYLOAD(nonce_long, set_zeros(p, "nonce", ATTESTATION_DATA_MAX + 1))
PAYLOAD(public_key_long, set_zeros(p, "public_key", ATTESTATION_PUBLIC_KEY_MAX + 1))
PAYLOAD(certificate_long, set_zeros(p, "certificate", ATTESTATION_CERT_MAX + 1))
PAYLOAD(certificate_none, set_zeros(p, "certificate", 40))

/* A register map of the given pairs: index as CBOR in hex, length of the value. */
static void set_pcrs(struct nitro_payload *p, size_t n, const char *const *indexes, const size_t *lens)
{
    struct buf *value = &nitro_field(p, "pcrs")->value;
    static const uint8_t zeros[64];
    buf_reset(value);
    cbor_put_map(value, n);
    for (size_t i = 0; i < n; i++) {
        CLEANUP(buf_free) struct buf index = { 0 };
        set_hex(&index, indexes[i]);
        buf_append(value, index.data, index.len);
        cbor_put_bytes(value, zeros, lens[i]);
    }
}

#define PCRS(name, n, indexes, lens) PAYLOAD(name, set_pcrs(p, n, (const char *const[])indexes, (const size_t[])lens))
#define LIST(...)                                                                                                      \
    {                                                                                                                  \
        __VA_ARGS__                                                                                                    \
    }
PCRS(pcr_32, 1, LIST("1820"), LIST(48))
PCRS(pcr_negative, 1, LIST("20"), LIST(48))
PCRS(pcr_named, 1, LIST("6130"), LIST(48))
PCRS(pcr_twice, 2, LIST("00", "00"), LIST(48, 48))
PCRS(pcr_32_bytes, 1, LIST("00"), LIST(32))
PCRS(pcr_49_bytes, 1, LIST("00"), LIST(49))

static void pcrs_33(struct nitro_payload *p)
{
    const char *indexes[33];
    size_t lens[33];
    for (size_t i = 0; i < 33; i++) {
        indexes[i] = "00";
        lens[i] = 0;
    }
    set_pcrs(p, 33, indexes, lens);
}

/* cabundle made anew from its certificates in another order; -1 ends. */
static void reorder(struct nitro_payload *p, const int *order)
{
    struct buf *value = &nitro_field(p, "cabundle")->value;
    struct cbor_in in = { .data = value->data, .len = value->len };
    struct cbor_value array, certs[NITRO_CHAIN_MAX];
    CLEANUP(buf_free) struct buf made = { 0 };
    size_t n = 0;
    assert_int_equal(cbor_in_next(&in, &array, NULL), 0);
    for (size_t i = 0; i < array.n; i++)
        assert_int_equal(cbor_in_next(&in, &certs[i], NULL), 0);
    while (order[n] >= 0)
        n++;
    cbor_put_array(&made, n);
    for (size_t i = 0; i < n; i++)
        cbor_put_bytes(&made, certs[order[i]].data, certs[order[i]].n);
    buf_reset(value);
    buf_append(value, made.data, made.len);
}

PAYLOAD(bundle_reversed, reorder(p, (const int[]){ 2, 1, 0, -1 }))
PAYLOAD(bundle_swapped, reorder(p, (const int[]){ 0, 2, 1, -1 }))
PAYLOAD(bundle_gap, reorder(p, (const int[]){ 0, 2, -1 }))
PAYLOAD(bundle_twice, reorder(p, (const int[]){ 0, 1, 2, 2, -1 }))
PAYLOAD(bundle_root_twice, reorder(p, (const int[]){ 0, 0, 1, 2, -1 }))
PAYLOAD(bundle_16, reorder(p, (const int[]){ 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, -1 }))

#define CHAIN(name, body)                                                                                              \
    static void name(struct nitro_cert_spec *specs, size_t *n)                                                         \
    {                                                                                                                  \
        (void)n;                                                                                                       \
        body;                                                                                                          \
    }
CHAIN(leaf_expired, specs[3].not_before_s = AT_S - 20; specs[3].not_after_s = AT_S - 1)
CHAIN(leaf_early, specs[3].not_before_s = AT_S + 1)
CHAIN(middle_expired, specs[1].not_after_s = AT_S - 1)
CHAIN(root_expired, specs[0].not_after_s = AT_S - 1)
CHAIN(root_early, specs[0].not_before_s = AT_S + 1)
CHAIN(leaf_forged, specs[3].wrong_signer = true)
CHAIN(middle_forged, specs[2].wrong_signer = true)
CHAIN(root_forged, specs[0].wrong_signer = true)
CHAIN(issuer_other, specs[3].issuer = "somebody else")
CHAIN(middle_no_ca, specs[2].basic_constraints = "critical,CA:FALSE")
CHAIN(middle_no_constraints, specs[2].basic_constraints = NULL)
CHAIN(middle_no_cert_sign, specs[2].key_usage = "critical,digitalSignature")
CHAIN(root_no_cert_sign, specs[0].key_usage = "critical,digitalSignature")
CHAIN(path_too_long, specs[1].basic_constraints = "critical,CA:TRUE,pathlen:0")
CHAIN(root_path_too_long, specs[0].basic_constraints = "critical,CA:TRUE,pathlen:1")
CHAIN(extension_unknown, specs[2].unknown_critical = true)
CHAIN(leaf_extension_unknown, specs[3].unknown_critical = true)
CHAIN(leaf_ca, specs[3].basic_constraints = "critical,CA:TRUE")
CHAIN(leaf_no_usage, specs[3].key_usage = NULL)
CHAIN(leaf_other_usage, specs[3].key_usage = "keyAgreement")
CHAIN(leaf_p256, specs[3].curve = "P-256")
CHAIN(root_p256, specs[0].curve = "P-256")
CHAIN(middle_p192, specs[2].curve = "P-192")
CHAIN(padded, specs[2].padding = 600)

static const struct mutation mutations[] = {
    { "tag 19", ATTESTATION_NOT_COSE, "found tag 19", .raw = tag_19 },
    { "array of 3", ATTESTATION_NOT_COSE, "expected an array of 4", .raw = array_of_3 },
    { "a byte behind", ATTESTATION_NOT_COSE, "1 bytes behind its end", .raw = byte_behind },
    { "last byte gone", ATTESTATION_NOT_COSE, "truncated", .raw = last_byte_gone },
    { "unprotected header", ATTESTATION_NOT_COSE, "unprotected header: expected an empty map",
      .raw = header_map_filled },
    { "far too long", ATTESTATION_TOO_LARGE, "at most 32768", .raw = far_too_long },
    { "ES256", ATTESTATION_ALGORITHM, "ES384", .header = "a10126" },
    { "no algorithm", ATTESTATION_ALGORITHM, "ES384", .header = "a0" },
    { "a second header", ATTESTATION_ALGORITHM, "ES384", .header = "a20138220400" },
    { "header is no map", ATTESTATION_NOT_COSE, "protected header: expected map", .header = "80" },
    { "payload with a byte behind", ATTESTATION_PAYLOAD, "1 bytes behind its end", .payload = payload_behind },
    { "a field's name is a number", ATTESTATION_PAYLOAD, "a field's name", .payload = key_is_number },
    { "unknown field", ATTESTATION_FIELD_UNKNOWN, "no attestation document has", .payload = unknown_field },
    { "nonce twice", ATTESTATION_FIELD_TWICE, "nonce is there twice", .payload = nonce_twice },
    { "no module_id", ATTESTATION_FIELD_MISSING, "module_id is missing", .set = "module_id" },
    { "no digest", ATTESTATION_FIELD_MISSING, "digest is missing", .set = "digest" },
    { "no timestamp", ATTESTATION_FIELD_MISSING, "timestamp is missing", .set = "timestamp" },
    { "no pcrs", ATTESTATION_FIELD_MISSING, "pcrs is missing", .set = "pcrs" },
    { "no certificate", ATTESTATION_FIELD_MISSING, "certificate is missing", .set = "certificate" },
    { "no cabundle", ATTESTATION_FIELD_MISSING, "cabundle is missing", .set = "cabundle" },
    { "module_id empty", ATTESTATION_MODULE_ID, "module_id: empty", .set = "module_id", .value = "60" },
    { "module_id bytes", ATTESTATION_MODULE_ID, "found byte string", .set = "module_id", .value = "4161" },
    { "module_id null", ATTESTATION_MODULE_ID, "found null", .set = "module_id", .value = "f6" },
    { "digest SHA256", ATTESTATION_DIGEST, "SHA384", .set = "digest", .value = "66534841323536" },
    { "digest bytes", ATTESTATION_DIGEST, "found byte string", .set = "digest", .value = "46534841333834" },
    { "timestamp 0", ATTESTATION_TIMESTAMP, "not a time", .set = "timestamp", .value = "00" },
    { "timestamp negative", ATTESTATION_TIMESTAMP, "found negative", .set = "timestamp", .value = "20" },
    { "timestamp text", ATTESTATION_TIMESTAMP, "found text", .set = "timestamp", .value = "6131" },
    { "timestamp huge", ATTESTATION_TIMESTAMP, "not a time", .set = "timestamp", .value = "1bffffffffffffffff" },
    { "pcrs a list", ATTESTATION_PCRS_FORM, "found array", .set = "pcrs", .value = "80" },
    { "pcrs empty", ATTESTATION_PCRS_FORM, "0 registers", .set = "pcrs", .value = "a0" },
    { "33 pcrs", ATTESTATION_PCRS_FORM, "33 registers", .payload = pcrs_33 },
    { "PCR32", ATTESTATION_PCR_INDEX, "index 32", .payload = pcr_32 },
    { "PCR-1", ATTESTATION_PCR_INDEX, "found negative", .payload = pcr_negative },
    { "PCR \"0\"", ATTESTATION_PCR_INDEX, "found text", .payload = pcr_named },
    { "PCR0 twice", ATTESTATION_PCR_TWICE, "PCR0 is there twice", .payload = pcr_twice },
    { "PCR0 of 32 bytes", ATTESTATION_PCR_LENGTH, "32 bytes", .payload = pcr_32_bytes },
    { "PCR0 of 49 bytes", ATTESTATION_PCR_LENGTH, "49 bytes", .payload = pcr_49_bytes },
    { "PCR0 null", ATTESTATION_PCR_LENGTH, "found null", .set = "pcrs", .value = "a100f6" },
    { "certificate empty", ATTESTATION_CERTIFICATE, "0 bytes", .set = "certificate", .value = "40" },
    { "certificate of 1025 bytes", ATTESTATION_CERTIFICATE, "1025 bytes", .payload = certificate_long },
    { "certificate of zeros", ATTESTATION_CERTIFICATE, "X.509", .payload = certificate_none },
    { "cabundle empty", ATTESTATION_CABUNDLE, "0 certificates", .set = "cabundle", .value = "80" },
    { "cabundle of texts", ATTESTATION_CABUNDLE, "found text", .set = "cabundle", .value = "816161" },
    { "cabundle of zeros", ATTESTATION_CABUNDLE, "X.509", .set = "cabundle", .value = "814100" },
    { "cabundle of 16", ATTESTATION_CABUNDLE, "16 certificates", .payload = bundle_16 },
    { "a certificate over 1024 bytes", ATTESTATION_CABUNDLE, "bytes, expected 1 to 1024", .chain = padded },
    { "public_key empty", ATTESTATION_PUBLIC_KEY, "0 bytes", .set = "public_key", .value = "40" },
    { "public_key text", ATTESTATION_PUBLIC_KEY, "found text", .set = "public_key", .value = "6161" },
    { "public_key of 1025 bytes", ATTESTATION_PUBLIC_KEY, "1025 bytes", .payload = public_key_long },
    { "user_data text", ATTESTATION_USER_DATA, "found text", .set = "user_data", .value = "6161" },
    { "user_data of 513 bytes", ATTESTATION_USER_DATA, "513 bytes", .payload = user_data_long },
    { "nonce a number", ATTESTATION_NONCE, "found integer", .set = "nonce", .value = "00" },
    { "nonce of 513 bytes", ATTESTATION_NONCE, "513 bytes", .payload = nonce_long },
    { "cabundle reversed", ATTESTATION_ROOT_UNKNOWN, "trusted root", .payload = bundle_reversed },
    { "root on P-256", ATTESTATION_ROOT_UNKNOWN, "trusted root", .chain = root_p256 },
    { "leaf not valid yet", ATTESTATION_CERT_NOT_YET_VALID, "leaf certificate", .chain = leaf_early },
    { "root not valid yet", ATTESTATION_CERT_NOT_YET_VALID, "root certificate", .chain = root_early },
    { "leaf expired", ATTESTATION_CERT_EXPIRED, "leaf certificate", .chain = leaf_expired },
    { "intermediate expired", ATTESTATION_CERT_EXPIRED, "certificate 1 of the bundle", .chain = middle_expired },
    { "root expired", ATTESTATION_CERT_EXPIRED, "root certificate", .chain = root_expired },
    { "leaf forged", ATTESTATION_CERT_SIGNATURE, "leaf certificate", .chain = leaf_forged },
    { "intermediate forged", ATTESTATION_CERT_SIGNATURE, "certificate 2 of the bundle", .chain = middle_forged },
    { "root not self-signed", ATTESTATION_CERT_SIGNATURE, "root certificate", .chain = root_forged },
    { "leaf of another issuer", ATTESTATION_CERT_ISSUER, "leaf certificate", .chain = issuer_other },
    { "cabundle swapped", ATTESTATION_CERT_ISSUER, "certificate 1 of the bundle", .payload = bundle_swapped },
    { "cabundle with a gap", ATTESTATION_CERT_ISSUER, "certificate 1 of the bundle", .payload = bundle_gap },
    { "one certificate twice", ATTESTATION_CERT_ISSUER, "certificate 3 of the bundle", .payload = bundle_twice },
    { "root twice", ATTESTATION_CERT_ISSUER, "every certificate", .payload = bundle_root_twice },
    { "intermediate is no CA", ATTESTATION_CERT_NOT_CA, "certificate 2 of the bundle", .chain = middle_no_ca },
    { "no basic constraints", ATTESTATION_CERT_NOT_CA, "certificate 2 of the bundle", .chain = middle_no_constraints },
    { "intermediate may not sign", ATTESTATION_CERT_NOT_CA, "certificate 2", .chain = middle_no_cert_sign },
    { "root may not sign", ATTESTATION_CERT_NOT_CA, "root certificate", .chain = root_no_cert_sign },
    { "path too long", ATTESTATION_CERT_PATH_LENGTH, "path length", .chain = path_too_long },
    { "path too long for the root", ATTESTATION_CERT_PATH_LENGTH, "path length", .chain = root_path_too_long },
    { "unknown extension", ATTESTATION_CERT_EXTENSION, "certificate 2 of the bundle", .chain = extension_unknown },
    { "unknown extension of the leaf", ATTESTATION_CERT_EXTENSION, "leaf", .chain = leaf_extension_unknown },
    { "leaf is a CA", ATTESTATION_LEAF_IS_CA, "leaf certificate: is a CA", .chain = leaf_ca },
    { "leaf without key usage", ATTESTATION_LEAF_CANNOT_SIGN, "digitalSignature", .chain = leaf_no_usage },
    { "leaf for key agreement", ATTESTATION_LEAF_CANNOT_SIGN, "digitalSignature", .chain = leaf_other_usage },
    { "leaf on P-256", ATTESTATION_LEAF_KEY, "P-384", .chain = leaf_p256 },
    { "intermediate on P-192", ATTESTATION_CERT_INVALID, "certificate 2 of the bundle", .chain = middle_p192 },
    { "signature changed", ATTESTATION_SIGNATURE, "does not fit", .raw = signature_changed },
    { "signature of 95 bytes", ATTESTATION_SIGNATURE, "95 bytes", .raw = signature_short },
    { "public key changed behind the signer", ATTESTATION_SIGNATURE, "does not fit", .raw = payload_changed },
};

#define N_MUTATIONS (sizeof mutations / sizeof *mutations)

static void test_mutations(void **state)
{
    (void)state;
    bool seen[ATTESTATION_REASONS] = { [ATTESTATION_OK] = true };
    for (size_t i = 0; i < N_MUTATIONS; i++) {
        const struct mutation *m = &mutations[i];
        CLEANUP(buf_free) struct buf doc = { 0 };
        uint8_t root[P384_PUBLIC_BYTES];
        struct attestation a;
        struct err e = { 0 };
        make(&doc, root, m);
        enum attestation_reason r = attestation_verify(&a, doc.data, doc.len, root, &e);
        if (r != m->reason || !strstr(e.msg, m->says))
            fail_msg("%s: expected %s (%s), found %s (%s)", m->name, attestation_reason_name(m->reason), m->says,
                     attestation_reason_name(r), e.msg);
        assert_null(strchr(e.msg, '\n'));
        seen[r] = true;
    }
    for (int r = 0; r < ATTESTATION_TOO_OLD; r++)
        if (!seen[r])
            fail_msg("no document is refused for %s", attestation_reason_name((enum attestation_reason)r));
}

/* A certificate over 1024 bytes must be refused although it is otherwise good; so must one whose root is another. */
static void test_another_root(void **state)
{
    CLEANUP(buf_free) struct buf doc = { 0 };
    uint8_t root[P384_PUBLIC_BYTES];
    struct attestation a;
    (void)state;
    make(&doc, root, NULL);
    assert_int_equal(attestation_verify(&a, doc.data, doc.len, attestation_aws_root, NULL), ATTESTATION_ROOT_UNKNOWN);
    root[0] ^= 1;
    assert_int_equal(attestation_verify(&a, doc.data, doc.len, root, NULL), ATTESTATION_ROOT_UNKNOWN);
}

/* ---- expectations ---- */

#define CHECK(a, policy, reason) assert_int_equal(attestation_check(a, policy, NULL), reason)

static void test_freshness(void **state)
{
    struct attestation a = usual();
    struct attestation_policy p = { .now_ms = AT_MS + 60000, .max_age_ms = 60000, .max_ahead_ms = 1000 };
    (void)state;
    CHECK(&a, &p, ATTESTATION_OK);
    p.now_ms++;
    CHECK(&a, &p, ATTESTATION_TOO_OLD);
    p.max_age_ms = 0;
    CHECK(&a, &p, ATTESTATION_OK);
    p = (struct attestation_policy){ .now_ms = AT_MS - 1000, .max_age_ms = 1, .max_ahead_ms = 1000 };
    CHECK(&a, &p, ATTESTATION_OK);
    p.now_ms--;
    CHECK(&a, &p, ATTESTATION_FROM_THE_FUTURE);
}

static void test_expected_image(void **state)
{
    struct attestation a = usual();
    struct attestation_policy p = { .pcrs = { pcrs[0], pcrs[1], NULL, pcrs[3] } };
    uint8_t id[32], legacy[32];
    (void)state;
    CHECK(&a, &p, ATTESTATION_OK);
    p.pcrs[2] = pcrs[1];
    CHECK(&a, &p, ATTESTATION_OTHER_PCR);
    p = (struct attestation_policy){ .pcrs = { [20] = pcrs[3] } }; /* not there is not zero */
    CHECK(&a, &p, ATTESTATION_OTHER_PCR);
    image_id(id, pcrs[0], pcrs[1], pcrs[2], pcrs[16]);
    image_id_legacy(legacy, pcrs[0], pcrs[1], pcrs[2]);
    p = (struct attestation_policy){ .image_id = id, .image_id_legacy = legacy };
    CHECK(&a, &p, ATTESTATION_OK);
    a.pcrs[16] = NULL; /* the newer id covers it, the legacy one does not */
    CHECK(&a, &p, ATTESTATION_OTHER_IMAGE);
    p.image_id = NULL;
    CHECK(&a, &p, ATTESTATION_OK);
    legacy[31] ^= 1;
    CHECK(&a, &p, ATTESTATION_OTHER_IMAGE);
    legacy[31] ^= 1;
    a.pcrs[1] = NULL;
    CHECK(&a, &p, ATTESTATION_OTHER_IMAGE);
}

static void test_expected_data(void **state)
{
    struct attestation a = usual();
    (void)state;
    struct attestation_policy p = { .public_key = a.public_key, .user_data = a.user_data, .nonce = a.nonce };
    CHECK(&a, &p, ATTESTATION_OK);
    p.public_key.len--;
    CHECK(&a, &p, ATTESTATION_OTHER_PUBLIC_KEY);
    p.public_key = a.public_key;
    p.user_data = a.nonce;
    CHECK(&a, &p, ATTESTATION_OTHER_USER_DATA);
    p.user_data = a.user_data;
    p.nonce = (struct attestation_bytes){ user_data, sizeof nonce };
    CHECK(&a, &p, ATTESTATION_OTHER_NONCE);
    p.nonce = (struct attestation_bytes){ nonce, 0 }; /* an empty one is expected, not none */
    CHECK(&a, &p, ATTESTATION_OTHER_NONCE);
    a.nonce.len = 0;
    CHECK(&a, &p, ATTESTATION_OK);
    a.nonce.data = NULL;
    CHECK(&a, &p, ATTESTATION_OTHER_NONCE);
}

static void test_reasons_have_words(void **state)
{
    (void)state;
    for (int r = 0; r < ATTESTATION_REASONS; r++) {
        assert_non_null(attestation_reason_name((enum attestation_reason)r));
        assert_true(strlen(attestation_reason_text((enum attestation_reason)r)) > 10);
        for (int s = 0; s < r; s++)
            assert_string_not_equal(attestation_reason_name((enum attestation_reason)r),
                                    attestation_reason_name((enum attestation_reason)s));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_aws_document),
        cmocka_unit_test(test_verifier_document),
        cmocka_unit_test(test_custom_root_document),
        cmocka_unit_test(test_every_part_counts),
        cmocka_unit_test(test_good),
        cmocka_unit_test(test_also_good),
        cmocka_unit_test(test_mutations),
        cmocka_unit_test(test_another_root),
        cmocka_unit_test(test_freshness),
        cmocka_unit_test(test_expected_image),
        cmocka_unit_test(test_expected_data),
        cmocka_unit_test(test_reasons_have_words),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
