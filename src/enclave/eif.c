#include "enclave/eif.h"

#include <errno.h>
#include <string.h>

#include "util/json.h"

static const char magic[4] = { '.', 'e', 'i', 'f' };

/* Where the header's fields lie (big-endian; see the layout in docs/enclave.md). */
enum {
    AT_VERSION = 4,
    AT_FLAGS = 6,
    AT_MEM = 8,
    AT_CPUS = 16,
    AT_COUNT = 26,
    AT_OFFSETS = 28,
    AT_SIZES = AT_OFFSETS + 8 * EIF_SECTIONS_MAX,
    AT_CRC = EIF_HEADER_BYTES - 4
};

static const struct {
    const char *name;
    size_t min, max; /* how many of them a file has */
    size_t bytes_max;
} types[EIF_TYPES] = {
    [EIF_INVALID] = { "invalid", 0, 0, 0 },
    [EIF_KERNEL] = { "kernel", 1, 1, SIZE_MAX },
    [EIF_CMDLINE] = { "cmdline", 1, 1, EIF_CMDLINE_MAX },
    [EIF_RAMDISK] = { "ramdisk", 1, EIF_SECTIONS_MAX, SIZE_MAX },
    [EIF_SIGNATURE] = { "signature", 0, 1, EIF_SIGNATURE_MAX },
    [EIF_METADATA] = { "metadata", 0, 1, EIF_METADATA_MAX },
};

static uint64_t read_be(const uint8_t *at, size_t n)
{
    uint64_t v = 0;
    for (size_t i = 0; i < n; i++)
        v = v << 8 | at[i];
    return v;
}

const char *eif_type_name(enum eif_section_type type)
{
    return types[type < EIF_TYPES ? type : EIF_INVALID].name;
}

static int parse_header(struct eif *out, struct err *e)
{
    const uint8_t *b = out->bytes;
    if (out->len < EIF_HEADER_BYTES)
        return err_set(e, -EBADMSG, "truncated: %zu bytes, the header alone has %d", out->len, EIF_HEADER_BYTES);
    if (memcmp(b, magic, sizeof magic) != 0)
        return err_set(e, -EBADMSG, "not an enclave image: it does not begin with \".eif\"");
    if (read_be(b + AT_VERSION, 2) != EIF_VERSION)
        return err_set(e, -EBADMSG, "version %u, expected %d", (unsigned)read_be(b + AT_VERSION, 2), EIF_VERSION);
    out->flags = (uint16_t)read_be(b + AT_FLAGS, 2);
    out->default_mem_bytes = read_be(b + AT_MEM, 8);
    out->default_cpus = read_be(b + AT_CPUS, 8);
    out->crc = (uint32_t)read_be(b + AT_CRC, 4);
    out->n_sections = (size_t)read_be(b + AT_COUNT, 2);
    if (out->n_sections > EIF_SECTIONS_MAX)
        return err_set(e, -EBADMSG, "%zu sections, at most %d are possible", out->n_sections, EIF_SECTIONS_MAX);
    return 0;
}

/* The section that begins at byte *at, which the header's tables must know as well; moves *at behind it. */
static int parse_section(struct eif *out, size_t i, size_t *at, struct err *e)
{
    uint64_t offset = read_be(out->bytes + AT_OFFSETS + 8 * i, 8), size = read_be(out->bytes + AT_SIZES + 8 * i, 8);
    if (offset != *at)
        return err_set(e, -EBADMSG, "section %zu: the header says it is at byte %llu, expected %zu", i,
                       (unsigned long long)offset, *at);
    if (out->len - *at < EIF_SECTION_HEADER_BYTES)
        return err_set(e, -EBADMSG, "truncated: section %zu has no room for its header at byte %zu", i, *at);
    const uint8_t *head = out->bytes + *at;
    uint64_t type = read_be(head, 2), len = read_be(head + 4, 8);
    if (type == EIF_INVALID || type >= EIF_TYPES)
        return err_set(e, -EBADMSG, "section %zu at byte %zu: unknown type %u", i, *at, (unsigned)type);
    if (len != size)
        return err_set(e, -EBADMSG, "section %zu (%s): %llu bytes by its own header, %llu by the file's", i,
                       types[type].name, (unsigned long long)len, (unsigned long long)size);
    *at += EIF_SECTION_HEADER_BYTES;
    if (len > out->len - *at)
        return err_set(e, -EBADMSG, "truncated: section %zu (%s) has %llu bytes and %zu are left", i, types[type].name,
                       (unsigned long long)len, out->len - *at);
    out->sections[i] = (struct eif_section){ (enum eif_section_type)type, out->bytes + *at, (size_t)len };
    *at += (size_t)len;
    return 0;
}

static int check_counts(const struct eif *f, struct err *e)
{
    size_t counts[EIF_TYPES] = { 0 };
    for (size_t i = 0; i < f->n_sections; i++) {
        const struct eif_section *s = &f->sections[i];
        counts[s->type]++;
        if (s->len > types[s->type].bytes_max)
            return err_set(e, -EBADMSG, "section %zu (%s): %zu bytes, at most %zu", i, types[s->type].name, s->len,
                           types[s->type].bytes_max);
    }
    for (size_t t = EIF_KERNEL; t < EIF_TYPES; t++) {
        if (counts[t] < types[t].min)
            return err_set(e, -EBADMSG, "no %s section", types[t].name);
        if (counts[t] > types[t].max)
            return err_set(e, -EBADMSG, "%zu %s sections, at most %zu", counts[t], types[t].name, types[t].max);
    }
    return 0;
}

static int check_texts(const struct eif *f, struct err *e)
{
    const struct eif_section *cmdline = eif_find(f, EIF_CMDLINE), *metadata = eif_find(f, EIF_METADATA);
    if (memchr(cmdline->data, 0, cmdline->len))
        return err_set(e, -EBADMSG, "the command line holds a NUL");
    if (!metadata)
        return 0;
    struct json *root = json_parse((const char *)metadata->data, metadata->len, e);
    if (!root)
        return err_wrap(e, "metadata");
    json_free(root);
    return 0;
}

int eif_parse(struct eif *out, const uint8_t *data, size_t len, struct err *e)
{
    size_t at = EIF_HEADER_BYTES;
    *out = (struct eif){ .bytes = data, .len = len };
    int rc = parse_header(out, e);
    for (size_t i = 0; rc == 0 && i < out->n_sections; i++)
        rc = parse_section(out, i, &at, e);
    if (rc == 0 && at != len)
        rc = err_set(e, -EBADMSG, "%zu bytes behind the last section", len - at);
    if (rc == 0)
        rc = check_counts(out, e);
    return rc == 0 ? check_texts(out, e) : rc;
}

const struct eif_section *eif_find(const struct eif *f, enum eif_section_type type)
{
    for (size_t i = 0; i < f->n_sections; i++)
        if (f->sections[i].type == type)
            return &f->sections[i];
    return NULL;
}

static void crc_table(uint32_t table[256])
{
    for (uint32_t i = 0; i < 256; i++) {
        uint32_t c = i;
        for (int k = 0; k < 8; k++)
            c = (c & 1) ? 0xedb88320U ^ (c >> 1) : c >> 1;
        table[i] = c;
    }
}

static uint32_t crc_more(const uint32_t table[256], uint32_t crc, const uint8_t *data, size_t len)
{
    for (size_t i = 0; i < len; i++)
        crc = table[(crc ^ data[i]) & 0xff] ^ (crc >> 8);
    return crc;
}

uint32_t eif_crc(const uint8_t *data, size_t len)
{
    uint32_t table[256];
    crc_table(table);
    uint32_t crc = crc_more(table, UINT32_MAX, data, AT_CRC);
    return ~crc_more(table, crc, data + EIF_HEADER_BYTES, len - EIF_HEADER_BYTES);
}

int eif_check_crc(const struct eif *f, struct err *e)
{
    uint32_t found = eif_crc(f->bytes, f->len);
    if (found == f->crc)
        return 0;
    return err_set(e, -EBADMSG, "checksum: the header says %08x, the content has %08x", (unsigned)f->crc,
                   (unsigned)found);
}

/* A register that starts as zero and is extended once by the hash of the pieces. */
static void extend(uint8_t pcr[SHA384_BYTES], const struct hash_part *parts, size_t n)
{
    uint8_t both[2 * SHA384_BYTES] = { 0 };
    sha384_parts(both + SHA384_BYTES, parts, n);
    sha384(pcr, both, sizeof both);
}

void eif_measure(struct eif_measurements *out, const struct eif *f)
{
    const struct eif_section *kernel = eif_find(f, EIF_KERNEL), *cmdline = eif_find(f, EIF_CMDLINE);
    struct hash_part parts[EIF_SECTIONS_MAX] = { { kernel->data, kernel->len }, { cmdline->data, cmdline->len } };
    size_t n = 2;
    for (size_t i = 0; i < f->n_sections; i++)
        if (f->sections[i].type == EIF_RAMDISK)
            parts[n++] = (struct hash_part){ f->sections[i].data, f->sections[i].len };
    *out = (struct eif_measurements){ 0 };
    extend(out->pcr0, parts, n);
    extend(out->pcr1, parts, 3);
    extend(out->pcr2, parts + 3, n - 3);
}

void eif_measure_certificate(uint8_t pcr8[SHA384_BYTES], const struct cert *c)
{
    struct buf der = { 0 };
    cert_der(&der, c);
    extend(pcr8, &(struct hash_part){ der.data, der.len }, 1);
    buf_free(&der);
}
