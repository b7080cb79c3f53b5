#include "enclave/eif.h"

#include <assert.h>
#include <errno.h>
#include <string.h>
#include <time.h>

#include "enclave/eif_signature.h"
#include "util/cleanup.h"
#include "util/json.h"

static void put_be(struct buf *out, uint64_t v, size_t n)
{
    while (n-- > 0)
        buf_push(out, (uint8_t)(v >> (8 * n)));
}

/* What goes into the file, in its order: as AWS's tools lay it out. */
struct plan {
    enum eif_section_type types[EIF_SECTIONS_MAX];
    struct hash_part parts[EIF_SECTIONS_MAX];
    size_t n;
};

static void plan_add(struct plan *p, enum eif_section_type type, struct hash_part part)
{
    assert(p->n < EIF_SECTIONS_MAX);
    p->types[p->n] = type;
    p->parts[p->n++] = part;
}

static void put_header(struct buf *out, const struct eif_spec *spec, const struct plan *p)
{
    uint64_t at = EIF_HEADER_BYTES;
    buf_append(out, ".eif", 4);
    put_be(out, EIF_VERSION, 2);
    put_be(out, spec->flags, 2);
    put_be(out, spec->default_mem_bytes, 8);
    put_be(out, spec->default_cpus, 8);
    put_be(out, 0, 2);
    put_be(out, p->n, 2);
    for (size_t i = 0; i < EIF_SECTIONS_MAX; i++) {
        put_be(out, i < p->n ? at : 0, 8);
        at += i < p->n ? EIF_SECTION_HEADER_BYTES + p->parts[i].len : 0;
    }
    for (size_t i = 0; i < EIF_SECTIONS_MAX; i++)
        put_be(out, i < p->n ? p->parts[i].len : 0, 8);
    put_be(out, 0, 8); /* unused, and the checksum that comes last */
    assert(out->len == EIF_HEADER_BYTES);
}

static void put_file(struct buf *out, const struct eif_spec *spec, const struct plan *p)
{
    put_header(out, spec, p);
    for (size_t i = 0; i < p->n; i++) {
        put_be(out, p->types[i], 2);
        put_be(out, 0, 2);
        put_be(out, p->parts[i].len, 8);
        buf_append(out, p->parts[i].data, p->parts[i].len);
    }
    uint32_t crc = eif_crc(out->data, out->len);
    for (size_t i = 0; i < 4; i++)
        out->data[EIF_HEADER_BYTES - 4 + i] = (uint8_t)(crc >> (8 * (3 - i)));
}

/* Signs the PCR0 of the file in out. */
static int sign(struct buf *signature, const struct eif_spec *spec, const struct buf *file, struct err *e)
{
    CLEANUP(cert_free_p) struct cert *c = cert_from_pem(spec->certificate_pem.data, spec->certificate_pem.len, e);
    uint8_t of_cert[P384_PUBLIC_BYTES], of_key[P384_PUBLIC_BYTES];
    struct eif_measurements m;
    struct eif f;
    if (!c || cert_public_key(of_cert, c, e) < 0)
        return err_wrap(e, "signing certificate");
    p384_key_public(of_key, spec->signing_key);
    if (memcmp(of_cert, of_key, sizeof of_key) != 0)
        return err_set(e, -EINVAL, "the private key is not that of the signing certificate");
    int rc = eif_parse(&f, file->data, file->len, e);
    if (rc < 0)
        return rc;
    eif_measure(&m, &f);
    return eif_signature_make(signature, &spec->certificate_pem, spec->signing_key, m.pcr0, e);
}

static int check_spec(const struct eif_spec *spec, struct err *e)
{
    size_t most = EIF_SECTIONS_MAX - 4;
    if (spec->n_ramdisks == 0 || spec->n_ramdisks > most)
        return err_set(e, -EINVAL, "%zu ramdisks, expected 1 to %zu", spec->n_ramdisks, most);
    if (spec->kernel.len == 0)
        return err_set(e, -EINVAL, "the kernel is empty");
    return 0;
}

int eif_build(struct buf *out, const struct eif_spec *spec, struct err *e)
{
    CLEANUP(buf_free) struct buf signature = { 0 };
    struct plan p = { .n = 0 };
    struct eif f;
    int rc = check_spec(spec, e);
    if (rc < 0)
        return rc;
    plan_add(&p, EIF_KERNEL, spec->kernel);
    plan_add(&p, EIF_CMDLINE, spec->cmdline);
    plan_add(&p, EIF_METADATA, spec->metadata);
    for (size_t i = 0; i < spec->n_ramdisks; i++)
        plan_add(&p, EIF_RAMDISK, spec->ramdisks[i]);
    put_file(out, spec, &p);
    if (spec->certificate_pem.data) {
        rc = sign(&signature, spec, out, e);
        if (rc < 0)
            return rc;
        plan_add(&p, EIF_SIGNATURE, (struct hash_part){ signature.data, signature.len });
        buf_reset(out);
        put_file(out, spec, &p);
    }
    return eif_parse(&f, out->data, out->len, e); /* what is written can be read, or it is refused here */
}

static void put_member(struct buf *out, const char *key, const char *value, const char *end)
{
    json_put_str(out, key, strlen(key));
    buf_push(out, ':');
    json_put_str(out, value, strlen(value));
    buf_puts(out, end);
}

void eif_metadata(struct buf *out, const struct eif_identity *id)
{
    char when[64] = "";
    time_t at = (time_t)id->build_time_s;
    struct tm tm;
    if (gmtime_r(&at, &tm))
        (void)strftime(when, sizeof when, "%Y-%m-%dT%H:%M:%S+00:00", &tm);
    buf_push(out, '{');
    put_member(out, "ImageName", id->name, ",");
    put_member(out, "ImageVersion", id->version, ",");
    buf_puts(out, "\"BuildMetadata\":{");
    put_member(out, "BuildTime", when, ",");
    put_member(out, "BuildTool", "oyster-eif", ",");
    put_member(out, "BuildToolVersion", OYSTER_VERSION, ",");
    put_member(out, "OperatingSystem", "Linux", ",");
    put_member(out, "KernelVersion", id->kernel_version, "},");
    buf_puts(out, "\"DockerInfo\":{},\"CustomMetadata\":");
    buf_puts(out, id->custom_json ? id->custom_json : "{}");
    buf_push(out, '}');
}

int eif_signature_read(struct cert **cert, const struct eif *f, const uint8_t pcr0[SHA384_BYTES], struct err *e)
{
    const struct eif_section *s = eif_find(f, EIF_SIGNATURE);
    if (!s)
        return err_set(e, -ENOENT, "the image is not signed");
    if (eif_signature_check(cert, s->data, s->len, pcr0, e) < 0) {
        err_wrap(e, "signature section");
        return -EBADMSG;
    }
    return 0;
}
