/* oyster-eif describe, verify and extract: what an image holds. */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "eif_tool.h"
#include "util/cleanup.h"
#include "util/file.h"
#include "util/hex.h"

#define EXPECTED_MAX 4

/* Command line of all three. */
struct options {
    const char *file;
    const char *directory;
    const char *pcrs[EXPECTED_MAX]; /* hex of PCR0, PCR1, PCR2, PCR8 as given */
    bool json, must_be_signed;
};

enum { OPT_PCR0 = 256, OPT_PCR1, OPT_PCR2, OPT_PCR8, OPT_SIGNED, OPT_JSON, OPT_DIRECTORY };

static const struct option describe_options[] = { { "json", no_argument, NULL, OPT_JSON }, { 0 } };
static const struct option extract_options[] = { { "directory", required_argument, NULL, OPT_DIRECTORY }, { 0 } };
static const struct option verify_options[] = {
    { "pcr0", required_argument, NULL, OPT_PCR0 },
    { "pcr1", required_argument, NULL, OPT_PCR1 },
    { "pcr2", required_argument, NULL, OPT_PCR2 },
    { "pcr8", required_argument, NULL, OPT_PCR8 },
    { "signed", no_argument, NULL, OPT_SIGNED },
    { "json", no_argument, NULL, OPT_JSON },
    { 0 },
};

static int read_options(struct options *o, int argc, char **argv, const struct option *known)
{
    int c;
    while ((c = getopt_long(argc, argv, "", known, NULL)) != -1) {
        if (c >= OPT_PCR0 && c <= OPT_PCR8)
            o->pcrs[c - OPT_PCR0] = optarg;
        else if (c == OPT_SIGNED)
            o->must_be_signed = true;
        else if (c == OPT_JSON)
            o->json = true;
        else if (c == OPT_DIRECTORY)
            o->directory = optarg;
        else
            return usage("the command line of %s is wrong", argv[0]);
    }
    if (argc - optind != 1)
        return usage("%s: expected one FILE", argv[0]);
    o->file = argv[optind];
    return STATUS_OK;
}

/* A wrong checksum or, where that is right, a wrong signature, said on standard error. */
static int complain(const struct image *img, const char *path)
{
    struct err e = img->crc.code != 0 ? img->crc : img->signature;
    if (e.code == 0)
        return STATUS_OK;
    (void)err_wrap(&e, "%s", path);
    return fail(&e);
}

int cmd_describe(int argc, char **argv)
{
    struct options o = { 0 };
    struct err e = { 0 };
    int status = read_options(&o, argc, argv, describe_options);
    if (status != STATUS_OK)
        return status;
    CLEANUP(image_free) struct image img;
    if (image_load(&img, o.file, &e) < 0)
        return fail(&e);
    image_print(&img, o.json);
    return complain(&img, o.file);
}

static int check_pcr(const char *name, const char *expected_hex, const uint8_t found[SHA384_BYTES])
{
    uint8_t expected[SHA384_BYTES];
    char text[2 * SHA384_BYTES + 1];
    struct err e = { 0 };
    if (!expected_hex)
        return STATUS_OK;
    if (hex_decode_exact(expected, sizeof expected, expected_hex, strlen(expected_hex), &e) < 0)
        return usage("--%s: %s", name, e.msg);
    if (memcmp(expected, found, sizeof expected) == 0)
        return STATUS_OK;
    (void)err_set(&e, -EBADMSG, "%s of the image is %s, expected %s", name, hex_encode(text, found, SHA384_BYTES),
                  expected_hex);
    return fail(&e);
}

static int check_image(const struct options *o, const struct image *img)
{
    static const char *const names[EXPECTED_MAX] = { "pcr0", "pcr1", "pcr2", "pcr8" };
    const uint8_t *const found[EXPECTED_MAX] = { img->pcrs.pcr0, img->pcrs.pcr1, img->pcrs.pcr2, img->pcrs.pcr8 };
    int status = complain(img, o->file);
    if (status == STATUS_OK && o->must_be_signed && !img->is_signed)
        status = fail(&(struct err){ .code = -ENOENT, .msg = "the image is not signed" });
    for (size_t i = 0; status == STATUS_OK && i < EXPECTED_MAX; i++)
        status = check_pcr(names[i], o->pcrs[i], found[i]);
    return status;
}

int cmd_verify(int argc, char **argv)
{
    struct options o = { 0 };
    struct err e = { 0 };
    int status = read_options(&o, argc, argv, verify_options);
    if (status != STATUS_OK)
        return status;
    CLEANUP(image_free) struct image img;
    if (image_load(&img, o.file, &e) < 0)
        return fail(&e);
    status = check_image(&o, &img);
    if (status != STATUS_USAGE)
        image_print(&img, o.json);
    return status;
}

/* The file that a section goes to; index: which ramdisk. */
static void section_path(struct buf *out, const char *directory, enum eif_section_type type, size_t index)
{
    buf_printf(out, "%s/", directory);
    if (type == EIF_RAMDISK)
        buf_printf(out, "ramdisk-%zu", index);
    else
        buf_printf(out, "%s%s", eif_type_name(type),
                   type == EIF_METADATA    ? ".json"
                   : type == EIF_SIGNATURE ? ".cbor"
                                           : "");
}

static int extract(const struct image *img, const char *directory, struct err *e)
{
    size_t ramdisk = 0;
    if (mkdir(directory, 0755) < 0 && errno != EEXIST)
        return err_sys(e, "%s", directory);
    for (size_t i = 0; i < img->eif.n_sections; i++) {
        const struct eif_section *s = &img->eif.sections[i];
        CLEANUP(buf_free) struct buf path = { 0 };
        section_path(&path, directory, s->type, ramdisk);
        ramdisk += s->type == EIF_RAMDISK;
        int rc = file_replace(buf_cstr(&path), s->data, s->len, 0644, e);
        if (rc < 0)
            return rc;
        (void)printf("%s\n", buf_cstr(&path));
    }
    return 0;
}

int cmd_extract(int argc, char **argv)
{
    struct options o = { 0 };
    struct err e = { 0 };
    int status = read_options(&o, argc, argv, extract_options);
    if (status != STATUS_OK)
        return status;
    if (!o.directory)
        return usage("--directory DIR is missing");
    CLEANUP(image_free) struct image img;
    if (image_load(&img, o.file, &e) < 0)
        return fail(&e);
    status = complain(&img, o.file);
    if (status == STATUS_OK && extract(&img, o.directory, &e) < 0)
        return fail(&e);
    return status;
}
