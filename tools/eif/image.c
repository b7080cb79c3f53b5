#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "eif_tool.h"
#include "enclave/image_id.h"
#include "util/cleanup.h"
#include "util/file.h"
#include "util/hex.h"
#include "util/json.h"

int image_load(struct image *out, const char *path, struct err *e)
{
    *out = (struct image){ 0 };
    int rc = file_read(&out->bytes, path, EIF_FILE_MAX, e);
    if (rc < 0)
        return rc;
    rc = eif_parse(&out->eif, out->bytes.data, out->bytes.len, e);
    if (rc < 0)
        return err_wrap(e, "%s", path);
    (void)eif_check_crc(&out->eif, &out->crc);
    eif_measure(&out->pcrs, &out->eif);
    out->is_signed = eif_find(&out->eif, EIF_SIGNATURE) != NULL;
    if (out->is_signed && eif_signature_read(&out->certificate, &out->eif, out->pcrs.pcr0, &out->signature) == 0)
        eif_measure_certificate(out->pcrs.pcr8, out->certificate);
    return 0;
}

void image_free(struct image *img)
{
    cert_free(img->certificate);
    buf_free(&img->bytes);
}

struct shown {
    const char *name;
    const uint8_t *value;
};

/* The registers that are shown: PCR8 only where there is a signature that is good. */
static size_t registers(struct shown out[4], const struct image *img)
{
    out[0] = (struct shown){ "PCR0", img->pcrs.pcr0 };
    out[1] = (struct shown){ "PCR1", img->pcrs.pcr1 };
    out[2] = (struct shown){ "PCR2", img->pcrs.pcr2 };
    out[3] = (struct shown){ "PCR8", img->pcrs.pcr8 };
    return img->certificate ? 4 : 3;
}

static const char *arch(const struct image *img)
{
    return img->eif.flags & EIF_FLAG_ARM64 ? "aarch64" : "x86_64";
}

/* A member's name, behind a comma unless it is the first of its object. */
static void put_key(struct buf *out, const char *key)
{
    if (out->len > 0 && out->data[out->len - 1] != '{')
        buf_push(out, ',');
    json_put_str(out, key, strlen(key));
    buf_push(out, ':');
}

static void put_text(struct buf *out, const char *key, const char *value, size_t len)
{
    put_key(out, key);
    json_put_str(out, value, len);
}

static void put_hex(struct buf *out, const char *key, const uint8_t *data, size_t len)
{
    char text[2 * SHA384_BYTES + 1];
    put_text(out, key, hex_encode(text, data, len), 2 * len);
}

static void put_signature(struct buf *out, const struct image *img)
{
    CLEANUP(buf_free) struct buf subject = { 0 };
    put_key(out, "IsSigned");
    buf_puts(out, img->is_signed ? "true" : "false");
    if (!img->is_signed)
        return;
    put_key(out, "SignatureCheck");
    buf_puts(out, img->signature.code == 0 ? "true" : "false");
    if (img->signature.code != 0)
        put_text(out, "SignatureError", img->signature.msg, strlen(img->signature.msg));
    if (img->certificate) {
        cert_subject(&subject, img->certificate);
        put_text(out, "SigningCertificate", (const char *)subject.data, subject.len);
    }
}

/* The metadata as it stands, and the two names that nitro-cli shows beside it. */
static void put_metadata(struct buf *out, const struct image *img)
{
    const struct eif_section *s = eif_find(&img->eif, EIF_METADATA);
    struct json *root = s ? json_parse((const char *)s->data, s->len, NULL) : NULL;
    static const char *const names[] = { "ImageName", "ImageVersion" };
    for (size_t i = 0; i < 2; i++) {
        size_t len;
        const char *text = json_str(json_get(root, names[i]), &len);
        if (text)
            put_text(out, names[i], text, len);
    }
    put_key(out, "Metadata");
    if (root)
        json_dump(out, root);
    else
        buf_puts(out, "null");
    json_free(root);
}

static void put_sections(struct buf *out, const struct image *img)
{
    put_key(out, "Sections");
    buf_push(out, '[');
    for (size_t i = 0; i < img->eif.n_sections; i++) {
        const struct eif_section *s = &img->eif.sections[i];
        uint8_t digest[SHA384_BYTES];
        const char *name = eif_type_name(s->type);
        sha384(digest, s->data, s->len);
        buf_puts(out, i > 0 ? ",{" : "{");
        put_text(out, "Type", name, strlen(name));
        put_key(out, "Bytes");
        buf_printf(out, "%zu", s->len);
        put_hex(out, "Sha384", digest, sizeof digest);
        buf_push(out, '}');
    }
    buf_push(out, ']');
}

static void put_image_ids(struct buf *out, const struct image *img)
{
    uint8_t id[32];
    image_id_legacy(id, img->pcrs.pcr0, img->pcrs.pcr1, img->pcrs.pcr2);
    put_hex(out, "ImageIdLegacy", id, sizeof id);
    image_id(id, img->pcrs.pcr0, img->pcrs.pcr1, img->pcrs.pcr2, NULL);
    put_hex(out, "ImageId", id, sizeof id);
}

static void print_json(const struct image *img)
{
    CLEANUP(buf_free) struct buf out = { 0 };
    const struct eif_section *cmdline = eif_find(&img->eif, EIF_CMDLINE);
    struct shown pcr[4];
    size_t n = registers(pcr, img);
    buf_printf(&out, "{\"EifVersion\":%d", EIF_VERSION);
    put_key(&out, "Measurements");
    buf_push(&out, '{');
    put_text(&out, "HashAlgorithm", "Sha384 { ... }", strlen("Sha384 { ... }"));
    for (size_t i = 0; i < n; i++)
        put_hex(&out, pcr[i].name, pcr[i].value, SHA384_BYTES);
    buf_push(&out, '}');
    put_image_ids(&out, img);
    put_signature(&out, img);
    put_key(&out, "CheckCRC");
    buf_puts(&out, img->crc.code == 0 ? "true" : "false");
    put_text(&out, "Architecture", arch(img), strlen(arch(img)));
    put_key(&out, "DefaultMemoryBytes");
    buf_printf(&out, "%" PRIu64, img->eif.default_mem_bytes);
    put_key(&out, "DefaultCpus");
    buf_printf(&out, "%" PRIu64, img->eif.default_cpus);
    put_text(&out, "CommandLine", (const char *)cmdline->data, cmdline->len);
    put_metadata(&out, img);
    put_sections(&out, img);
    buf_push(&out, '}');
    (void)puts(buf_cstr(&out));
}

/* Text of a file for a terminal: nothing but what can be printed. */
static void print_safely(const char *label, const uint8_t *data, size_t len)
{
    (void)printf("%-11s ", label);
    for (size_t i = 0; i < len; i++)
        (void)putchar(data[i] >= 0x20 && data[i] != 0x7f ? data[i] : '?');
    (void)putchar('\n');
}

static void print_text(const struct image *img)
{
    const struct eif_section *cmdline = eif_find(&img->eif, EIF_CMDLINE), *metadata = eif_find(&img->eif, EIF_METADATA);
    char hex[2 * SHA384_BYTES + 1];
    uint8_t id[32];
    struct shown pcr[4];
    size_t n = registers(pcr, img);
    (void)printf("%-11s version %d, %s, %zu bytes, %" PRIu64 " MiB of memory, %" PRIu64 " CPUs\n", "image", EIF_VERSION,
                 arch(img), img->eif.len, img->eif.default_mem_bytes >> 20, img->eif.default_cpus);
    for (size_t i = 0; i < n; i++)
        (void)printf("%-11s %s\n", pcr[i].name, hex_encode(hex, pcr[i].value, SHA384_BYTES));
    image_id_legacy(id, img->pcrs.pcr0, img->pcrs.pcr1, img->pcrs.pcr2);
    (void)printf("%-11s %s (keccak256 of PCR0, PCR1, PCR2)\n", "image id", hex_encode(hex, id, sizeof id));
    image_id(id, img->pcrs.pcr0, img->pcrs.pcr1, img->pcrs.pcr2, NULL);
    (void)printf("%-11s %s (newer form)\n", "", hex_encode(hex, id, sizeof id));
    (void)printf("%-11s %s\n", "checksum", img->crc.code == 0 ? "right" : img->crc.msg);
    (void)printf("%-11s %s\n", "signature",
                 !img->is_signed            ? "none"
                 : img->signature.code == 0 ? "right"
                                            : img->signature.msg);
    for (size_t i = 0; i < img->eif.n_sections; i++)
        (void)printf("%-11s %-9s %12zu bytes\n", i == 0 ? "sections" : "", eif_type_name(img->eif.sections[i].type),
                     img->eif.sections[i].len);
    print_safely("cmdline", cmdline->data, cmdline->len);
    if (metadata)
        print_safely("metadata", metadata->data, metadata->len);
}

void image_print(const struct image *img, bool json)
{
    if (json)
        print_json(img);
    else
        print_text(img);
}
