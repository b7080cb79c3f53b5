/* Enclave image files, version 4: what they hold, their checksum, what the Nitro hypervisor will measure of them.
 * Layout and measurements are those of AWS's aws-nitro-enclaves-image-format. Pure: bytes in, values and bytes out. */
#ifndef OYSTER_ENCLAVE_EIF_H
#define OYSTER_ENCLAVE_EIF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "enclave/cert.h"
#include "enclave/crypto.h"
#include "util/buf.h"
#include "util/err.h"

#define EIF_VERSION 4
#define EIF_HEADER_BYTES 548
#define EIF_SECTION_HEADER_BYTES 12
#define EIF_SECTIONS_MAX 32
#define EIF_FLAG_ARM64 1
#define EIF_CMDLINE_MAX 4096
#define EIF_METADATA_MAX ((size_t)64 * 1024)
#define EIF_SIGNATURE_MAX ((size_t)32 * 1024)

enum eif_section_type { EIF_INVALID, EIF_KERNEL, EIF_CMDLINE, EIF_RAMDISK, EIF_SIGNATURE, EIF_METADATA, EIF_TYPES };

/* A section's content, borrowed from the file's bytes. */
struct eif_section {
    enum eif_section_type type;
    const uint8_t *data;
    size_t len;
};

/* A file taken apart. Sections are in the file's order; kernel and cmdline are there once, metadata and signature at
 * most once, ramdisks once at least. */
struct eif {
    const uint8_t *bytes;
    size_t len;
    uint16_t flags;
    uint64_t default_mem_bytes;
    uint64_t default_cpus;
    uint32_t crc; /* as the header says */
    size_t n_sections;
    struct eif_section sections[EIF_SECTIONS_MAX];
};

/* "kernel", "cmdline", "ramdisk", "signature", "metadata"; "invalid" for the rest. */
const char *eif_type_name(enum eif_section_type type);

/* Takes a file apart; out borrows from data. The sections must cover the file exactly. Returns 0, or -EBADMSG with what
 * is wrong and where. The checksum is not looked at: see eif_check_crc. */
int eif_parse(struct eif *out, const uint8_t *data, size_t len, struct err *e);

/* The first section of a type, or NULL. */
const struct eif_section *eif_find(const struct eif *f, enum eif_section_type type);

/* Compares the checksum with the content. Returns 0 or -EBADMSG. */
int eif_check_crc(const struct eif *f, struct err *e);

/* CRC-32 (IEEE) of everything but the header's last four bytes. len is EIF_HEADER_BYTES at least. */
uint32_t eif_crc(const uint8_t *data, size_t len);

/* What attestation documents of an enclave with this image say. */
struct eif_measurements {
    uint8_t pcr0[SHA384_BYTES]; /* kernel, command line, all ramdisks */
    uint8_t pcr1[SHA384_BYTES]; /* kernel, command line, first ramdisk */
    uint8_t pcr2[SHA384_BYTES]; /* the other ramdisks */
    uint8_t pcr8[SHA384_BYTES]; /* the signing certificate; zero where the image is not signed */
};

/* Computes PCR0, PCR1 and PCR2; pcr8 is left zero (see eif_signature_read). */
void eif_measure(struct eif_measurements *out, const struct eif *f);

/* PCR8 for a signing certificate. */
void eif_measure_certificate(uint8_t pcr8[SHA384_BYTES], const struct cert *c);

/* Reads the signature section and checks that its certificate's key has signed pcr0. Fills *cert, which the caller
 * frees. Returns 0; -ENOENT where there is no such section; -EBADMSG where it is malformed or does not fit. */
int eif_signature_read(struct cert **cert, const struct eif *f, const uint8_t pcr0[SHA384_BYTES], struct err *e);

/* What to build from. Everything is borrowed. */
struct eif_spec {
    uint16_t flags; /* EIF_FLAG_ARM64 or 0 */
    uint64_t default_mem_bytes;
    uint64_t default_cpus;
    struct hash_part kernel;
    struct hash_part cmdline; /* without a NUL */
    const struct hash_part *ramdisks;
    size_t n_ramdisks;                  /* 1 to EIF_SECTIONS_MAX - 4 */
    struct hash_part metadata;          /* JSON text */
    struct hash_part certificate_pem;   /* data NULL: not signed */
    const struct p384_key *signing_key; /* of certificate_pem */
};

/* Appends the file to out, which is empty before. The same spec gives the same bytes, unless it is signed (each
 * signature is drawn anew; the measurements stay the same). Returns 0 or -EINVAL with what of spec cannot be. */
int eif_build(struct buf *out, const struct eif_spec *spec, struct err *e);

/* Who built what and when, in the members that AWS's tools know. */
struct eif_identity {
    const char *name;
    const char *version;
    const char *kernel_version;
    int64_t build_time_s;    /* seconds since the epoch */
    const char *custom_json; /* a JSON value, NULL = {} */
};

/* Appends the JSON text of the metadata section. */
void eif_metadata(struct buf *out, const struct eif_identity *id);

#endif
