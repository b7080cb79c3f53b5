#include "enclave/attestation.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "enclave/cbor.h"
#include "enclave/cose.h"

#define SECONDS_MAX 253402300799ULL /* the last one that a certificate can name: year 9999 */

/* Fills e and gives the reason back. */
static enum attestation_reason refuse(enum attestation_reason reason, struct err *e, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
static enum attestation_reason refuse(enum attestation_reason reason, struct err *e, const char *fmt, ...)
{
    char text[ERR_MSG_BYTES];
    va_list ap;
    va_start(ap, fmt);
    (void)vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    err_set(e, -EBADMSG, "%s", text);
    return reason;
}

/* The next item, a byte string of min to max bytes. */
static enum attestation_reason read_bytes(struct attestation_bytes *out, struct cbor_in *in, const char *name,
                                          size_t min, size_t max, enum attestation_reason reason, struct err *e)
{
    struct cbor_value v;
    if (cbor_in_expect(in, &v, CBOR_KIND_BYTES, name, e) < 0)
        return reason;
    if (v.n < min || v.n > max)
        return refuse(reason, e, "%s: %llu bytes, expected %zu to %zu", name, (unsigned long long)v.n, min, max);
    *out = (struct attestation_bytes){ v.data, (size_t)v.n };
    return ATTESTATION_OK;
}

/* The same, or null. */
static enum attestation_reason read_optional(struct attestation_bytes *out, struct cbor_in *in, const char *name,
                                             size_t min, size_t max, enum attestation_reason reason, struct err *e)
{
    struct cbor_in ahead = *in;
    struct cbor_value v;
    if (cbor_in_next(&ahead, &v, NULL) == 0 && v.kind == CBOR_KIND_NULL) {
        *in = ahead;
        return ATTESTATION_OK;
    }
    return read_bytes(out, in, name, min, max, reason, e);
}

static enum attestation_reason read_module_id(struct attestation *out, struct cbor_in *in, struct err *e)
{
    struct cbor_value v;
    if (cbor_in_expect(in, &v, CBOR_KIND_TEXT, "module_id", e) < 0)
        return ATTESTATION_MODULE_ID;
    if (v.n == 0)
        return refuse(ATTESTATION_MODULE_ID, e, "module_id: empty");
    out->module_id = (struct attestation_bytes){ v.data, (size_t)v.n };
    return ATTESTATION_OK;
}

static enum attestation_reason read_digest(struct attestation *out, struct cbor_in *in, struct err *e)
{
    struct cbor_value v;
    (void)out;
    if (cbor_in_expect(in, &v, CBOR_KIND_TEXT, "digest", e) < 0)
        return ATTESTATION_DIGEST;
    return cbor_text_is(&v, "SHA384") ? ATTESTATION_OK
                                      : refuse(ATTESTATION_DIGEST, e, "digest: expected the text \"SHA384\"");
}

static enum attestation_reason read_timestamp(struct attestation *out, struct cbor_in *in, struct err *e)
{
    struct cbor_value v;
    if (cbor_in_expect(in, &v, CBOR_KIND_UINT, "timestamp", e) < 0)
        return ATTESTATION_TIMESTAMP;
    if (v.n == 0 || v.n / 1000 > SECONDS_MAX)
        return refuse(ATTESTATION_TIMESTAMP, e, "timestamp: %llu is not a time in milliseconds",
                      (unsigned long long)v.n);
    out->timestamp_ms = v.n;
    return ATTESTATION_OK;
}

static enum attestation_reason read_pcr(struct attestation *out, struct cbor_in *in, struct err *e)
{
    struct cbor_value index, v;
    if (cbor_in_expect(in, &index, CBOR_KIND_UINT, "pcrs: index", e) < 0)
        return ATTESTATION_PCR_INDEX;
    if (index.n >= ATTESTATION_PCRS)
        return refuse(ATTESTATION_PCR_INDEX, e, "pcrs: index %llu, expected 0 to %d", (unsigned long long)index.n,
                      ATTESTATION_PCRS - 1);
    if (out->pcrs[index.n])
        return refuse(ATTESTATION_PCR_TWICE, e, "pcrs: PCR%llu is there twice", (unsigned long long)index.n);
    if (cbor_in_expect(in, &v, CBOR_KIND_BYTES, "pcrs: value", e) < 0)
        return ATTESTATION_PCR_LENGTH;
    if (v.n != SHA384_BYTES)
        return refuse(ATTESTATION_PCR_LENGTH, e, "pcrs: PCR%llu has %llu bytes, expected %d with SHA384",
                      (unsigned long long)index.n, (unsigned long long)v.n, SHA384_BYTES);
    out->pcrs[index.n] = v.data;
    return ATTESTATION_OK;
}

static enum attestation_reason read_pcrs(struct attestation *out, struct cbor_in *in, struct err *e)
{
    struct cbor_value map;
    enum attestation_reason r = ATTESTATION_OK;
    if (cbor_in_expect(in, &map, CBOR_KIND_MAP, "pcrs", e) < 0)
        return ATTESTATION_PCRS_FORM;
    if (map.n == 0 || map.n > ATTESTATION_PCRS)
        return refuse(ATTESTATION_PCRS_FORM, e, "pcrs: %llu registers, expected 1 to %d", (unsigned long long)map.n,
                      ATTESTATION_PCRS);
    for (uint64_t i = 0; r == ATTESTATION_OK && i < map.n; i++)
        r = read_pcr(out, in, e);
    return r;
}

static enum attestation_reason read_certificate(struct attestation *out, struct cbor_in *in, struct err *e)
{
    return read_bytes(&out->certificate, in, "certificate", 1, ATTESTATION_CERT_MAX, ATTESTATION_CERTIFICATE, e);
}

static enum attestation_reason read_cabundle(struct attestation *out, struct cbor_in *in, struct err *e)
{
    struct cbor_value array;
    enum attestation_reason r = ATTESTATION_OK;
    if (cbor_in_expect(in, &array, CBOR_KIND_ARRAY, "cabundle", e) < 0)
        return ATTESTATION_CABUNDLE;
    if (array.n == 0 || array.n > ATTESTATION_CABUNDLE_MAX)
        return refuse(ATTESTATION_CABUNDLE, e, "cabundle: %llu certificates, expected 1 to %d",
                      (unsigned long long)array.n, ATTESTATION_CABUNDLE_MAX);
    for (; r == ATTESTATION_OK && out->n_cabundle < array.n; out->n_cabundle++)
        r = read_bytes(&out->cabundle[out->n_cabundle], in, "cabundle: certificate", 1, ATTESTATION_CERT_MAX,
                       ATTESTATION_CABUNDLE, e);
    return r;
}

static enum attestation_reason read_public_key(struct attestation *out, struct cbor_in *in, struct err *e)
{
    return read_optional(&out->public_key, in, "public_key", 1, ATTESTATION_PUBLIC_KEY_MAX, ATTESTATION_PUBLIC_KEY, e);
}

static enum attestation_reason read_user_data(struct attestation *out, struct cbor_in *in, struct err *e)
{
    return read_optional(&out->user_data, in, "user_data", 0, ATTESTATION_DATA_MAX, ATTESTATION_USER_DATA, e);
}

static enum attestation_reason read_nonce(struct attestation *out, struct cbor_in *in, struct err *e)
{
    return read_optional(&out->nonce, in, "nonce", 0, ATTESTATION_DATA_MAX, ATTESTATION_NONCE, e);
}

/* 3.2.2.1: which fields there are. */
static const struct {
    const char *name;
    bool mandatory;
    enum attestation_reason (*read)(struct attestation *out, struct cbor_in *in, struct err *e);
} fields[] = {
    { "module_id", true, read_module_id },
    { "digest", true, read_digest },
    { "timestamp", true, read_timestamp },
    { "pcrs", true, read_pcrs },
    { "certificate", true, read_certificate },
    { "cabundle", true, read_cabundle },
    { "public_key", false, read_public_key },
    { "user_data", false, read_user_data },
    { "nonce", false, read_nonce },
};

#define N_FIELDS (sizeof fields / sizeof *fields)

static size_t field_named(const struct cbor_value *key)
{
    size_t i = 0;
    while (i < N_FIELDS && !cbor_text_is(key, fields[i].name))
        i++;
    return i;
}

/* One pair of the payload's map; seen: a bit for each field that was there. */
static enum attestation_reason read_field(struct attestation *out, unsigned *seen, struct cbor_in *in, struct err *e)
{
    struct cbor_value key;
    if (cbor_in_expect(in, &key, CBOR_KIND_TEXT, "a field's name", e) < 0)
        return ATTESTATION_PAYLOAD;
    size_t i = field_named(&key);
    if (i == N_FIELDS)
        return refuse(ATTESTATION_FIELD_UNKNOWN, e, "a field that no attestation document has");
    if (*seen & 1U << i)
        return refuse(ATTESTATION_FIELD_TWICE, e, "%s is there twice", fields[i].name);
    *seen |= 1U << i;
    return fields[i].read(out, in, e);
}

static enum attestation_reason read_payload(struct attestation *out, const uint8_t *data, size_t len, struct err *e)
{
    struct cbor_in in = { .data = data, .len = len };
    struct cbor_value map;
    unsigned seen = 0;
    if (cbor_in_expect(&in, &map, CBOR_KIND_MAP, "payload", e) < 0)
        return ATTESTATION_PAYLOAD;
    for (uint64_t n = 0; n < map.n; n++) {
        enum attestation_reason r = read_field(out, &seen, &in, e);
        if (r != ATTESTATION_OK)
            return r;
    }
    if (!cbor_in_done(&in))
        return refuse(ATTESTATION_PAYLOAD, e, "payload: %zu bytes behind its end", in.len - in.at);
    for (size_t i = 0; i < N_FIELDS; i++)
        if (fields[i].mandatory && !(seen & 1U << i))
            return refuse(ATTESTATION_FIELD_MISSING, e, "%s is missing", fields[i].name);
    return ATTESTATION_OK;
}

static enum attestation_reason of_cose(enum cose_result r)
{
    static const enum attestation_reason reasons[] = {
        [COSE_OK] = ATTESTATION_OK,
        [COSE_MALFORMED] = ATTESTATION_NOT_COSE,
        [COSE_ALGORITHM] = ATTESTATION_ALGORITHM,
        [COSE_SIGNATURE] = ATTESTATION_SIGNATURE,
    };
    return reasons[r];
}

static enum attestation_reason parse(struct attestation *out, struct cose_sign1 *m, const uint8_t *data, size_t len,
                                     struct err *e)
{
    *out = (struct attestation){ 0 };
    if (len > ATTESTATION_MAX)
        return refuse(ATTESTATION_TOO_LARGE, e, "%zu bytes, at most %zu", len, ATTESTATION_MAX);
    enum attestation_reason r = of_cose(cose_sign1_parse(m, data, len, e));
    if (r != ATTESTATION_OK)
        return r;
    if (m->payload_len > ATTESTATION_PAYLOAD_MAX)
        return refuse(ATTESTATION_TOO_LARGE, e, "payload: %zu bytes, at most %d", m->payload_len,
                      ATTESTATION_PAYLOAD_MAX);
    return read_payload(out, m->payload, m->payload_len, e);
}

enum attestation_reason attestation_parse(struct attestation *out, const uint8_t *data, size_t len, struct err *e)
{
    struct cose_sign1 m;
    return parse(out, &m, data, len, e);
}

static enum attestation_reason of_chain(enum cert_result r)
{
    static const enum attestation_reason reasons[] = {
        [CERT_OK] = ATTESTATION_OK,
        [CERT_ROOT_UNKNOWN] = ATTESTATION_ROOT_UNKNOWN,
        [CERT_NOT_YET_VALID] = ATTESTATION_CERT_NOT_YET_VALID,
        [CERT_EXPIRED] = ATTESTATION_CERT_EXPIRED,
        [CERT_SIGNATURE_BAD] = ATTESTATION_CERT_SIGNATURE,
        [CERT_ISSUER_WRONG] = ATTESTATION_CERT_ISSUER,
        [CERT_NOT_CA] = ATTESTATION_CERT_NOT_CA,
        [CERT_PATH_TOO_LONG] = ATTESTATION_CERT_PATH_LENGTH,
        [CERT_EXTENSION_UNKNOWN] = ATTESTATION_CERT_EXTENSION,
        [CERT_LEAF_IS_CA] = ATTESTATION_LEAF_IS_CA,
        [CERT_LEAF_CANNOT_SIGN] = ATTESTATION_LEAF_CANNOT_SIGN,
        [CERT_INVALID] = ATTESTATION_CERT_INVALID,
    };
    return reasons[r];
}

/* The certificates of a document, parsed. */
struct chain {
    struct cert *leaf;
    struct cert *bundle[ATTESTATION_CABUNDLE_MAX];
    size_t n;
};

static void chain_free(struct chain *c)
{
    cert_free(c->leaf);
    for (size_t i = 0; i < c->n; i++)
        cert_free(c->bundle[i]);
}

static enum attestation_reason chain_parse(struct chain *c, const struct attestation *a, struct err *e)
{
    c->leaf = cert_from_der(a->certificate.data, a->certificate.len, e);
    if (!c->leaf) {
        err_wrap(e, "certificate");
        return ATTESTATION_CERTIFICATE;
    }
    for (; c->n < a->n_cabundle; c->n++) {
        c->bundle[c->n] = cert_from_der(a->cabundle[c->n].data, a->cabundle[c->n].len, e);
        if (!c->bundle[c->n]) {
            err_wrap(e, "cabundle: certificate %zu", c->n);
            return ATTESTATION_CABUNDLE;
        }
    }
    return ATTESTATION_OK;
}

/* The leaf's public key, when the chain up to the root holds at the document's time. */
static enum attestation_reason chain_check(uint8_t leaf_key[P384_PUBLIC_BYTES], const struct attestation *a,
                                           const uint8_t root_key[P384_PUBLIC_BYTES], struct err *e)
{
    struct chain c = { 0 };
    enum attestation_reason r = chain_parse(&c, a, e);
    if (r == ATTESTATION_OK)
        r = of_chain(cert_chain_verify(c.leaf, c.bundle, c.n, root_key, (int64_t)(a->timestamp_ms / 1000), e));
    if (r == ATTESTATION_OK && cert_public_key(leaf_key, c.leaf, e) < 0) {
        err_wrap(e, "leaf certificate");
        r = ATTESTATION_LEAF_KEY;
    }
    chain_free(&c);
    return r;
}

enum attestation_reason attestation_verify(struct attestation *out, const uint8_t *data, size_t len,
                                           const uint8_t root_key[P384_PUBLIC_BYTES], struct err *e)
{
    uint8_t leaf_key[P384_PUBLIC_BYTES];
    struct cose_sign1 m;
    enum attestation_reason r = parse(out, &m, data, len, e);
    if (r == ATTESTATION_OK)
        r = chain_check(leaf_key, out, root_key, e);
    return r == ATTESTATION_OK ? of_cose(cose_sign1_verify(&m, leaf_key, e)) : r;
}
