#include "enclave/eif_signature.h"

#include <errno.h>
#include <string.h>

#include "enclave/cbor.h"
#include "enclave/cose.h"
#include "util/cleanup.h"

#define PART_MAX ((size_t)16 * 1024) /* a certificate in PEM, a COSE_Sign1 */

static void put_byte_array(struct buf *out, const uint8_t *data, size_t len)
{
    cbor_put_array(out, len);
    for (size_t i = 0; i < len; i++)
        cbor_put_uint(out, data[i]);
}

static void put_register(struct buf *out, const uint8_t pcr0[SHA384_BYTES])
{
    cbor_put_map(out, 2);
    cbor_put_text(out, "register_index");
    cbor_put_uint(out, 0);
    cbor_put_text(out, "register_value");
    put_byte_array(out, pcr0, SHA384_BYTES);
}

int eif_signature_make(struct buf *out, const struct hash_part *certificate_pem, const struct p384_key *key,
                       const uint8_t pcr0[SHA384_BYTES], struct err *e)
{
    CLEANUP(buf_free) struct buf payload = { 0 };
    CLEANUP(buf_free) struct buf cose = { 0 };
    put_register(&payload, pcr0);
    int rc = cose_sign1_make(&cose, payload.data, payload.len, key, e);
    if (rc < 0)
        return rc;
    cbor_put_array(out, 1);
    cbor_put_map(out, 2);
    cbor_put_text(out, "signing_certificate");
    put_byte_array(out, certificate_pem->data, certificate_pem->len);
    cbor_put_text(out, "signature");
    put_byte_array(out, cose.data, cose.len);
    return 0;
}

/* Bytes as an array of integers, or as the byte string that others may write. */
static int read_bytes(struct buf *out, struct cbor_in *in, const char *what, struct err *e)
{
    struct cbor_value v, byte;
    if (cbor_in_next(in, &v, e) < 0)
        return err_wrap(e, "%s", what);
    if ((v.kind != CBOR_KIND_BYTES && v.kind != CBOR_KIND_ARRAY) || v.n > PART_MAX)
        return err_set(e, -EBADMSG, "%s: expected at most %zu bytes, found %s", what, PART_MAX, cbor_kind_name(v.kind));
    if (v.kind == CBOR_KIND_BYTES)
        buf_append(out, v.data, v.n);
    for (uint64_t i = 0; v.kind == CBOR_KIND_ARRAY && i < v.n; i++) {
        if (cbor_in_expect(in, &byte, CBOR_KIND_UINT, what, e) < 0)
            return -EBADMSG;
        if (byte.n > UINT8_MAX)
            return err_set(e, -EBADMSG, "%s: %llu is not a byte", what, (unsigned long long)byte.n);
        buf_push(out, (uint8_t)byte.n);
    }
    return 0;
}

/* The first of the section's signatures: that of PCR0. */
static int read_section(struct buf *pem, struct buf *cose, const uint8_t *data, size_t len, struct err *e)
{
    struct cbor_in in = { .data = data, .len = len };
    struct cbor_value array, map, key;
    if (cbor_in_expect(&in, &array, CBOR_KIND_ARRAY, "signatures", e) < 0)
        return -EBADMSG;
    if (array.n != 1)
        return err_set(e, -EBADMSG, "%llu signatures, expected 1", (unsigned long long)array.n);
    if (cbor_in_expect(&in, &map, CBOR_KIND_MAP, "signature", e) < 0)
        return -EBADMSG;
    for (uint64_t i = 0; i < map.n; i++) {
        if (cbor_in_expect(&in, &key, CBOR_KIND_TEXT, "signature", e) < 0)
            return -EBADMSG;
        struct buf *to = cbor_text_is(&key, "signing_certificate") ? pem
                         : cbor_text_is(&key, "signature")         ? cose
                                                                   : NULL;
        if (!to || to->len > 0)
            return err_set(e, -EBADMSG, "expected signing_certificate and signature, found \"%.*s\"",
                           (int)(key.n < 40 ? key.n : 40), (const char *)key.data);
        if (read_bytes(to, &in, to == pem ? "signing_certificate" : "signature", e) < 0)
            return -EBADMSG;
    }
    if (pem->len == 0 || cose->len == 0)
        return err_set(e, -EBADMSG, "%s is missing", pem->len == 0 ? "signing_certificate" : "signature");
    return cbor_in_done(&in) ? 0 : err_set(e, -EBADMSG, "%zu bytes behind its end", in.len - in.at);
}

static int check_register(const struct cose_sign1 *m, const uint8_t pcr0[SHA384_BYTES], struct err *e)
{
    struct cbor_in in = { .data = m->payload, .len = m->payload_len };
    CLEANUP(buf_free) struct buf value = { 0 };
    struct cbor_value map, key, index;
    if (cbor_in_expect(&in, &map, CBOR_KIND_MAP, "signed register", e) < 0 ||
        cbor_in_expect(&in, &key, CBOR_KIND_TEXT, "signed register", e) < 0)
        return -EBADMSG;
    if (map.n != 2 || !cbor_text_is(&key, "register_index"))
        return err_set(e, -EBADMSG, "signed register: expected register_index and register_value");
    if (cbor_in_expect(&in, &index, CBOR_KIND_UINT, "register_index", e) < 0 ||
        cbor_in_expect(&in, &key, CBOR_KIND_TEXT, "signed register", e) < 0)
        return -EBADMSG;
    if (index.n != 0 || !cbor_text_is(&key, "register_value"))
        return err_set(e, -EBADMSG, "signed register: expected the value of register 0");
    if (read_bytes(&value, &in, "register_value", e) < 0)
        return -EBADMSG;
    if (value.len != SHA384_BYTES || memcmp(value.data, pcr0, SHA384_BYTES) != 0 || !cbor_in_done(&in))
        return err_set(e, -EBADMSG, "what is signed is the PCR0 of another image");
    return 0;
}

int eif_signature_check(struct cert **cert, const uint8_t *data, size_t len, const uint8_t pcr0[SHA384_BYTES],
                        struct err *e)
{
    CLEANUP(buf_free) struct buf pem = { 0 };
    CLEANUP(buf_free) struct buf cose = { 0 };
    uint8_t public_key[P384_PUBLIC_BYTES];
    struct cose_sign1 m;
    if (read_section(&pem, &cose, data, len, e) < 0)
        return -EBADMSG;
    CLEANUP(cert_free_p) struct cert *c = cert_from_pem(pem.data, pem.len, e);
    if (!c || cert_public_key(public_key, c, e) < 0) {
        err_wrap(e, "signing_certificate");
        return -EBADMSG;
    }
    if (cose_sign1_parse(&m, cose.data, cose.len, e) != COSE_OK || cose_sign1_verify(&m, public_key, e) != COSE_OK ||
        check_register(&m, pcr0, e) < 0)
        return -EBADMSG;
    *cert = c;
    c = NULL;
    return 0;
}
