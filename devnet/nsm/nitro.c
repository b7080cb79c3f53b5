#include "nitro.h"

#include <assert.h>
#include <errno.h>
#include <openssl/bio.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <string.h>

#include "enclave/cbor.h"
#include "util/cleanup.h"
#include "util/file.h"

#define HOUR_S 3600
#define DAY_S (24 * HOUR_S)
#define SERIAL_BYTES 16
#define UNKNOWN_OID "1.2.3.4.5.6.7"
#define PADDING_OID "1.2.3.4.5.6.8"

size_t nitro_usual_chain(struct nitro_cert_spec specs[4], int64_t at_s)
{
    static const char ca_usage[] = "critical,digitalSignature,keyCertSign,cRLSign";
    specs[0] = (struct nitro_cert_spec){ .name = "devnet.nitro-enclaves",
                                         .not_before_s = 0,
                                         .not_after_s = 4102444800, /* 2100 */
                                         .basic_constraints = "critical,CA:TRUE",
                                         .key_usage = ca_usage };
    specs[1] = (struct nitro_cert_spec){ .name = "zonal.devnet.nitro-enclaves",
                                         .not_before_s = at_s - 7 * DAY_S,
                                         .not_after_s = at_s + 7 * DAY_S,
                                         .basic_constraints = "critical,CA:TRUE,pathlen:1",
                                         .key_usage = ca_usage };
    specs[2] = (struct nitro_cert_spec){ .name = "instance.devnet.nitro-enclaves",
                                         .not_before_s = at_s - HOUR_S,
                                         .not_after_s = at_s + DAY_S,
                                         .basic_constraints = "critical,CA:TRUE,pathlen:0",
                                         .key_usage = "critical,keyCertSign" };
    specs[3] = (struct nitro_cert_spec){ .name = "enclave.devnet",
                                         .not_before_s = at_s - 3,
                                         .not_after_s = at_s + 3 * HOUR_S,
                                         .basic_constraints = "critical,CA:FALSE",
                                         .key_usage = "digitalSignature,nonRepudiation" };
    return 4;
}

/* ---- certificates ---- */

static void set_name(X509_NAME *name, const char *common_name)
{
    int ok = X509_NAME_add_entry_by_txt(name, "O", MBSTRING_ASC, (const unsigned char *)"Devnet", -1, -1, 0) &&
             X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char *)common_name, -1, -1, 0);
    assert(ok);
}

static void add_extension(X509 *x, int nid, const char *value)
{
    if (!value)
        return;
    X509_EXTENSION *ext = X509V3_EXT_conf_nid(NULL, NULL, nid, value);
    int ok = ext && X509_add_ext(x, ext, -1);
    assert(ok);
    X509_EXTENSION_free(ext);
}

static void add_raw_extension(X509 *x, const char *oid, int critical, size_t len)
{
    ASN1_OBJECT *object = OBJ_txt2obj(oid, 1);
    ASN1_OCTET_STRING *content = ASN1_OCTET_STRING_new();
    uint8_t *zeros = xcalloc(1, len + 1);
    int ok = object && content && ASN1_OCTET_STRING_set(content, zeros, (int)len);
    X509_EXTENSION *ext = X509_EXTENSION_create_by_OBJ(NULL, object, critical, content);
    ok = ok && ext && X509_add_ext(x, ext, -1);
    assert(ok);
    X509_EXTENSION_free(ext);
    ASN1_OCTET_STRING_free(content);
    ASN1_OBJECT_free(object);
    free(zeros);
}

static void set_serial(X509 *x)
{
    unsigned char serial[SERIAL_BYTES];
    int ok = RAND_bytes(serial, sizeof serial);
    serial[0] &= 0x7f;
    BIGNUM *n = BN_bin2bn(serial, sizeof serial, NULL);
    ok = ok && n && BN_to_ASN1_INTEGER(n, X509_get_serialNumber(x));
    assert(ok);
    BN_free(n);
}

static void add_extensions(X509 *x, const struct nitro_cert_spec *spec)
{
    add_extension(x, NID_basic_constraints, spec->basic_constraints);
    add_extension(x, NID_key_usage, spec->key_usage);
    if (spec->unknown_critical)
        add_raw_extension(x, UNKNOWN_OID, 1, 2);
    if (spec->padding > 0)
        add_raw_extension(x, PADDING_OID, 0, spec->padding);
}

static void issue(struct buf *der, const struct nitro_cert_spec *spec, EVP_PKEY *pkey, const char *issuer,
                  EVP_PKEY *issuer_key)
{
    X509 *x = X509_new();
    EVP_PKEY *nobody = spec->wrong_signer ? EVP_EC_gen("P-384") : NULL;
    int ok = x && X509_set_version(x, X509_VERSION_3) && X509_set_pubkey(x, pkey) &&
             ASN1_TIME_set(X509_getm_notBefore(x), (time_t)spec->not_before_s) &&
             ASN1_TIME_set(X509_getm_notAfter(x), (time_t)spec->not_after_s);
    assert(ok);
    set_serial(x);
    set_name(X509_get_subject_name(x), spec->name);
    set_name(X509_get_issuer_name(x), spec->issuer ? spec->issuer : issuer);
    add_extensions(x, spec);
    ok = X509_sign(x, nobody ? nobody : issuer_key, EVP_sha384()) > 0;
    assert(ok);
    unsigned char *bytes = NULL;
    int len = i2d_X509(x, &bytes);
    assert(len > 0);
    buf_append(der, bytes, (size_t)len);
    OPENSSL_free(bytes);
    EVP_PKEY_free(nobody);
    X509_free(x);
}

static void take_root(struct nitro_chain *out, const struct nitro_chain *root)
{
    int ok = EVP_PKEY_up_ref(root->certs[0].pkey);
    assert(ok);
    out->certs[0].pkey = root->certs[0].pkey;
    out->certs[0].name = root->certs[0].name;
    buf_append(&out->certs[0].der, root->certs[0].der.data, root->certs[0].der.len);
    out->n = 1;
}

void nitro_chain_make(struct nitro_chain *out, const struct nitro_chain *root, const struct nitro_cert_spec *specs,
                      size_t n)
{
    *out = (struct nitro_chain){ 0 };
    assert(n <= NITRO_CHAIN_MAX);
    if (root)
        take_root(out, root);
    for (; out->n < n; out->n++) {
        size_t i = out->n, parent = i == 0 ? 0 : i - 1;
        out->certs[i].pkey = EVP_EC_gen(specs[i].curve ? specs[i].curve : "P-384");
        out->certs[i].name = specs[i].name;
        assert(out->certs[i].pkey);
        issue(&out->certs[i].der, &specs[i], out->certs[i].pkey, out->certs[parent].name, out->certs[parent].pkey);
    }
}

/* The key of the file; a new one, written there, where there is no file. NULL with e. */
static EVP_PKEY *open_key(const char *file, struct err *e)
{
    EVP_PKEY *pkey = NULL;
    BIO *in = BIO_new_file(file, "r");
    if (in) {
        pkey = PEM_read_bio_PrivateKey(in, NULL, NULL, NULL);
        BIO_free(in);
        if (!pkey)
            (void)err_set(e, -EINVAL, "%s: found no private key, expected one as PEM", file);
        return pkey;
    }
    pkey = EVP_EC_gen("P-384");
    BIO *text = BIO_new(BIO_s_mem());
    assert(pkey && text && PEM_write_bio_PrivateKey(text, pkey, NULL, NULL, 0, NULL, NULL));
    char *data;
    long len = BIO_get_mem_data(text, &data);
    int rc = file_replace(file, data, (size_t)len, 0600, e);
    BIO_free(text);
    if (rc < 0) {
        EVP_PKEY_free(pkey);
        pkey = NULL;
    }
    return pkey;
}

int nitro_root_open(struct nitro_chain *out, const struct nitro_cert_spec *spec, const char *key_file, struct err *e)
{
    EVP_PKEY *pkey = open_key(key_file, e);
    *out = (struct nitro_chain){ 0 };
    if (!pkey)
        return e->code;
    out->certs[0].pkey = pkey;
    out->certs[0].name = spec->name;
    issue(&out->certs[0].der, spec, pkey, spec->name, pkey);
    out->n = 1;
    return 0;
}

void nitro_chain_free(struct nitro_chain *c)
{
    for (size_t i = 0; i < c->n; i++) {
        buf_free(&c->certs[i].der);
        EVP_PKEY_free(c->certs[i].pkey);
    }
    c->n = 0;
}

void nitro_root_key(uint8_t out[P384_PUBLIC_BYTES], const struct nitro_chain *c)
{
    uint8_t point[1 + P384_PUBLIC_BYTES];
    size_t len = 0;
    int ok = EVP_PKEY_get_octet_string_param(c->certs[0].pkey, OSSL_PKEY_PARAM_PUB_KEY, point, sizeof point, &len);
    assert(ok && len > 1);
    memset(out, 0, P384_PUBLIC_BYTES);
    memcpy(out, point + 1, len - 1); /* a root on a smaller curve is one that nobody may trust */
}

/* ---- documents ---- */

static struct nitro_field *add(struct nitro_payload *p, const char *name)
{
    assert(p->n < NITRO_FIELDS_MAX);
    struct nitro_field *f = &p->fields[p->n++];
    cbor_put_text(&f->key, name);
    return f;
}

static void add_bytes(struct nitro_payload *p, const char *name, const struct attestation_bytes *b)
{
    struct nitro_field *f = add(p, name);
    if (b->data)
        cbor_put_bytes(&f->value, b->data, b->len);
    else
        cbor_put_null(&f->value);
}

static void add_pcrs(struct nitro_payload *p, const struct attestation *a)
{
    struct buf *value = &add(p, "pcrs")->value;
    size_t n = 0;
    for (size_t i = 0; i < ATTESTATION_PCRS; i++)
        n += a->pcrs[i] != NULL;
    cbor_put_map(value, n);
    for (size_t i = 0; i < ATTESTATION_PCRS; i++) {
        if (!a->pcrs[i])
            continue;
        cbor_put_uint(value, i);
        cbor_put_bytes(value, a->pcrs[i], SHA384_BYTES);
    }
}

static void add_chain(struct nitro_payload *p, const struct nitro_chain *chain)
{
    size_t last = chain->n - 1;
    cbor_put_bytes(&add(p, "certificate")->value, chain->certs[last].der.data, chain->certs[last].der.len);
    struct buf *bundle = &add(p, "cabundle")->value;
    cbor_put_array(bundle, last);
    for (size_t i = 0; i < last; i++)
        cbor_put_bytes(bundle, chain->certs[i].der.data, chain->certs[i].der.len);
}

void nitro_payload_make(struct nitro_payload *out, const struct attestation *a, const struct nitro_chain *chain)
{
    CLEANUP(buf_free) struct buf id = { 0 };
    *out = (struct nitro_payload){ 0 };
    buf_append(&id, a->module_id.data, a->module_id.len);
    cbor_put_text(&add(out, "module_id")->value, buf_cstr(&id));
    cbor_put_text(&add(out, "digest")->value, "SHA384");
    cbor_put_uint(&add(out, "timestamp")->value, a->timestamp_ms);
    add_pcrs(out, a);
    add_chain(out, chain);
    add_bytes(out, "public_key", &a->public_key);
    add_bytes(out, "user_data", &a->user_data);
    add_bytes(out, "nonce", &a->nonce);
}

void nitro_payload_free(struct nitro_payload *p)
{
    for (size_t i = 0; i < NITRO_FIELDS_MAX; i++) {
        buf_free(&p->fields[i].key);
        buf_free(&p->fields[i].value);
    }
    p->n = 0;
}

struct nitro_field *nitro_field(struct nitro_payload *p, const char *name)
{
    for (size_t i = 0; i < p->n; i++) {
        struct cbor_in in = { .data = p->fields[i].key.data, .len = p->fields[i].key.len };
        struct cbor_value v;
        if (cbor_in_next(&in, &v, NULL) == 0 && cbor_text_is(&v, name))
            return &p->fields[i];
    }
    assert(false && "the field is there");
    return NULL;
}

void nitro_payload_write(struct buf *out, const struct nitro_payload *p)
{
    cbor_put_map(out, p->n);
    for (size_t i = 0; i < p->n; i++) {
        buf_append(out, p->fields[i].key.data, p->fields[i].key.len);
        buf_append(out, p->fields[i].value.data, p->fields[i].value.len);
    }
}

/* r ‖ s of a P-384 key's signature; of a smaller curve padded, which no verifier may take. */
static void sign_raw(uint8_t out[P384_SIGNATURE_BYTES], EVP_PKEY *pkey, const struct buf *text)
{
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    unsigned char der[160];
    size_t len = sizeof der;
    int ok = ctx && EVP_DigestSignInit(ctx, NULL, EVP_sha384(), NULL, pkey) &&
             EVP_DigestSign(ctx, der, &len, text->data, text->len);
    const unsigned char *at = der;
    ECDSA_SIG *sig = ok ? d2i_ECDSA_SIG(NULL, &at, (long)len) : NULL;
    assert(sig);
    ok = BN_bn2binpad(ECDSA_SIG_get0_r(sig), out, P384_SIGNATURE_BYTES / 2) > 0 &&
         BN_bn2binpad(ECDSA_SIG_get0_s(sig), out + P384_SIGNATURE_BYTES / 2, P384_SIGNATURE_BYTES / 2) > 0;
    assert(ok);
    ECDSA_SIG_free(sig);
    EVP_MD_CTX_free(ctx);
}

void nitro_sign(struct buf *out, const struct buf *payload, const struct buf *header, const struct nitro_chain *chain)
{
    static const uint8_t es384[] = { 0xa1, 0x01, 0x38, 0x22 }; /* {1: -35} */
    const uint8_t *head = header ? header->data : es384;
    size_t head_len = header ? header->len : sizeof es384;
    CLEANUP(buf_free) struct buf text = { 0 };
    uint8_t signature[P384_SIGNATURE_BYTES];
    cbor_put_array(&text, 4);
    cbor_put_text(&text, "Signature1");
    cbor_put_bytes(&text, head, head_len);
    cbor_put_bytes(&text, NULL, 0);
    cbor_put_bytes(&text, payload->data, payload->len);
    sign_raw(signature, chain->certs[chain->n - 1].pkey, &text);
    cbor_put_array(out, 4);
    cbor_put_bytes(out, head, head_len);
    cbor_put_map(out, 0);
    cbor_put_bytes(out, payload->data, payload->len);
    cbor_put_bytes(out, signature, sizeof signature);
}

void nitro_document(struct buf *out, const struct attestation *a, const struct nitro_chain *chain)
{
    CLEANUP(nitro_payload_free) struct nitro_payload p;
    CLEANUP(buf_free) struct buf payload = { 0 };
    nitro_payload_make(&p, a, chain);
    nitro_payload_write(&payload, &p);
    nitro_sign(out, &payload, NULL, chain);
}
