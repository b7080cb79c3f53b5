/* Makes what the Nitro hypervisor makes: chains of certificates and signed attestation documents, every part of them at
 * will. For devnets, which have no Nitro hardware, and for tests, which need documents that are wrong in one place. It
 * aborts where the crypto library fails. */
#ifndef OYSTER_DEVNET_NITRO_H
#define OYSTER_DEVNET_NITRO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "enclave/attestation.h"
#include "enclave/crypto.h"
#include "util/buf.h"
#include "util/err.h"

#define NITRO_CHAIN_MAX 20
#define NITRO_FIELDS_MAX 12

/* One certificate. Texts are as OpenSSL's configuration has them ("critical,CA:TRUE,pathlen:0"), NULL = none. */
struct nitro_cert_spec {
    const char *name; /* its common name */
    int64_t not_before_s, not_after_s;
    const char *basic_constraints;
    const char *key_usage;
    const char *curve;     /* NULL = P-384 */
    const char *issuer;    /* NULL = the name of the one before it */
    bool wrong_signer;     /* signed by a key that nobody has */
    bool unknown_critical; /* with a critical extension that nobody knows */
    size_t padding;        /* bytes of an extension without meaning */
};

/* Certificates with their keys, root first, the one that signs documents last. */
struct nitro_chain {
    size_t n;
    struct {
        struct buf der;
        struct evp_pkey_st *pkey;
        const char *name;
    } certs[NITRO_CHAIN_MAX];
};

/* What AWS's chains look like, valid around at_s. specs: room for 4. Returns 4. */
size_t nitro_usual_chain(struct nitro_cert_spec specs[4], int64_t at_s);

/* Makes n certificates. root: the first one is taken from there (specs[0] is not looked at), NULL = a new one. */
void nitro_chain_make(struct nitro_chain *out, const struct nitro_chain *root, const struct nitro_cert_spec *specs,
                      size_t n);
void nitro_chain_free(struct nitro_chain *c);

/* A chain of one certificate whose key (PEM) is in a file, or made and put there where there is none: a root that
 * several may have. Returns 0 or a negative errno with e. */
int nitro_root_open(struct nitro_chain *out, const struct nitro_cert_spec *spec, const char *key_file, struct err *e);

/* The root's public key. */
void nitro_root_key(uint8_t out[P384_PUBLIC_BYTES], const struct nitro_chain *c);

/* The fields of a payload, each as CBOR, to be changed at will. */
struct nitro_payload {
    size_t n;
    struct nitro_field {
        struct buf key, value;
    } fields[NITRO_FIELDS_MAX];
};

/* What goes into a document. a: certificate and cabundle are not looked at; registers that are NULL are left out. */
void nitro_payload_make(struct nitro_payload *out, const struct attestation *a, const struct nitro_chain *chain);
void nitro_payload_free(struct nitro_payload *p);

/* The field of a name, which is there. */
struct nitro_field *nitro_field(struct nitro_payload *p, const char *name);

/* Appends the map of all fields. */
void nitro_payload_write(struct buf *out, const struct nitro_payload *p);

/* Appends a COSE_Sign1 over payload, signed by the chain's last key. header: the protected header, NULL = {1: -35}. */
void nitro_sign(struct buf *out, const struct buf *payload, const struct buf *header, const struct nitro_chain *chain);

/* All at once: appends the document for a. */
void nitro_document(struct buf *out, const struct attestation *a, const struct nitro_chain *chain);

#endif
