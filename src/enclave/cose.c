#include "enclave/cose.h"

#include <errno.h>
#include <string.h>

#include "enclave/cbor.h"
#include "util/cleanup.h"

#define TAG_SIGN1 18
#define LABEL_ALG 1
#define ES384_NEGATIVE 34 /* -35 is -1 - 34 */

static enum cose_result malformed(struct err *e)
{
    err_wrap(e, "COSE_Sign1");
    return COSE_MALFORMED;
}

/* {1: -35} and no more: nothing else that is signed could change what the rest means. */
static enum cose_result check_algorithm(const uint8_t *header, size_t len, struct err *e)
{
    struct cbor_in in = { .data = header, .len = len };
    struct cbor_value map, label, alg;
    if (cbor_in_expect(&in, &map, CBOR_KIND_MAP, "protected header", e) < 0)
        return malformed(e);
    if (map.n != 1 || cbor_in_next(&in, &label, e) < 0 || cbor_in_next(&in, &alg, e) < 0 || !cbor_in_done(&in) ||
        label.kind != CBOR_KIND_UINT || label.n != LABEL_ALG || alg.kind != CBOR_KIND_NEGATIVE ||
        alg.n != ES384_NEGATIVE) {
        err_set(e, -EBADMSG, "COSE_Sign1: expected a protected header with the algorithm ES384 (-35) alone");
        return COSE_ALGORITHM;
    }
    return COSE_OK;
}

/* The array's head, behind the tag where there is one. */
static int read_head(struct cbor_in *in, struct err *e)
{
    struct cbor_value v;
    if (cbor_in_next(in, &v, e) < 0)
        return -EBADMSG;
    if (v.kind == CBOR_KIND_TAG && v.n != TAG_SIGN1)
        return err_set(e, -EBADMSG, "expected no tag or tag 18, found tag %llu", (unsigned long long)v.n);
    if (v.kind == CBOR_KIND_TAG && cbor_in_next(in, &v, e) < 0)
        return -EBADMSG;
    if (v.kind != CBOR_KIND_ARRAY || v.n != 4)
        return err_set(e, -EBADMSG, "expected an array of 4, found %s", cbor_kind_name(v.kind));
    return 0;
}

static int read_parts(struct cose_sign1 *out, struct cbor_value *signature, struct cbor_in *in, struct err *e)
{
    struct cbor_value protected, unprotected, payload;
    if (read_head(in, e) < 0 || cbor_in_expect(in, &protected, CBOR_KIND_BYTES, "protected header", e) < 0 ||
        cbor_in_expect(in, &unprotected, CBOR_KIND_MAP, "unprotected header", e) < 0)
        return -EBADMSG;
    if (unprotected.n != 0)
        return err_set(e, -EBADMSG, "unprotected header: expected an empty map");
    if (cbor_in_expect(in, &payload, CBOR_KIND_BYTES, "payload", e) < 0 ||
        cbor_in_expect(in, signature, CBOR_KIND_BYTES, "signature", e) < 0)
        return -EBADMSG;
    if (!cbor_in_done(in))
        return err_set(e, -EBADMSG, "%zu bytes behind its end", in->len - in->at);
    *out = (struct cose_sign1){ protected.data, protected.n, payload.data, payload.n, signature->data };
    return 0;
}

enum cose_result cose_sign1_parse(struct cose_sign1 *out, const uint8_t *data, size_t len, struct err *e)
{
    struct cbor_in in = { .data = data, .len = len };
    struct cbor_value signature;
    if (read_parts(out, &signature, &in, e) < 0)
        return malformed(e);
    enum cose_result rc = check_algorithm(out->protected_header, out->protected_len, e);
    if (rc == COSE_OK && signature.n != P384_SIGNATURE_BYTES) {
        err_set(e, -EBADMSG, "COSE_Sign1: signature of %llu bytes, expected %d", (unsigned long long)signature.n,
                P384_SIGNATURE_BYTES);
        rc = COSE_SIGNATURE;
    }
    return rc;
}

/* What is signed: ["Signature1", protected header, no external data, payload]. */
static void put_signed(struct buf *out, const uint8_t *header, size_t header_len, const void *payload, size_t len)
{
    cbor_put_array(out, 4);
    cbor_put_text(out, "Signature1");
    cbor_put_bytes(out, header, header_len);
    cbor_put_bytes(out, NULL, 0);
    cbor_put_bytes(out, payload, len);
}

enum cose_result cose_sign1_verify(const struct cose_sign1 *m, const uint8_t public_key[P384_PUBLIC_BYTES],
                                   struct err *e)
{
    CLEANUP(buf_free) struct buf text = { 0 };
    put_signed(&text, m->protected_header, m->protected_len, m->payload, m->payload_len);
    if (p384_verify(public_key, m->signature, text.data, text.len, e) < 0) {
        err_wrap(e, "COSE_Sign1");
        return COSE_SIGNATURE;
    }
    return COSE_OK;
}

int cose_sign1_make(struct buf *out, const void *payload, size_t len, const struct p384_key *key, struct err *e)
{
    CLEANUP(buf_free) struct buf header = { 0 };
    CLEANUP(buf_free) struct buf text = { 0 };
    uint8_t signature[P384_SIGNATURE_BYTES];
    cbor_put_map(&header, 1);
    cbor_put_uint(&header, LABEL_ALG);
    cbor_put_negative(&header, ES384_NEGATIVE);
    put_signed(&text, header.data, header.len, payload, len);
    int rc = p384_sign(signature, key, text.data, text.len, e);
    if (rc < 0)
        return rc;
    cbor_put_array(out, 4);
    cbor_put_bytes(out, header.data, header.len);
    cbor_put_map(out, 0);
    cbor_put_bytes(out, payload, len);
    cbor_put_bytes(out, signature, sizeof signature);
    return 0;
}
