/* oyster-eif build: files in, one image out. */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "eif_tool.h"
#include "util/cleanup.h"
#include "util/file.h"
#include "util/json.h"

#define SMALL_FILE_MAX ((size_t)64 * 1024) /* certificates, keys, metadata, a command line */
#define RAMDISKS_MAX (EIF_SECTIONS_MAX - 4)

struct options {
    const char *kernel, *cmdline, *cmdline_file, *output, *custom_metadata, *certificate, *private_key;
    const char *ramdisks[RAMDISKS_MAX];
    size_t n_ramdisks;
    uint64_t memory_mib, cpus;
    uint16_t flags;
    struct eif_identity id;
    bool json;
};

static int number(uint64_t *out, const char *text, uint64_t max)
{
    char *end = NULL;
    errno = 0;
    unsigned long long v = strtoull(text, &end, 10);
    if (errno || *text < '0' || *text > '9' || *end || v > max)
        return -EINVAL;
    *out = v;
    return 0;
}

static int set_arch(struct options *o, const char *word)
{
    if (strcmp(word, "x86_64") == 0)
        o->flags = 0;
    else if (strcmp(word, "aarch64") == 0)
        o->flags = EIF_FLAG_ARM64;
    else
        return usage("--arch %s: expected x86_64 or aarch64", word);
    return STATUS_OK;
}

static int add_ramdisk(struct options *o, const char *path)
{
    if (o->n_ramdisks == RAMDISKS_MAX)
        return usage("--ramdisk %s: at most %d are possible", path, RAMDISKS_MAX);
    o->ramdisks[o->n_ramdisks++] = path;
    return STATUS_OK;
}

/* A number of an option or of SOURCE_DATE_EPOCH. */
static int set_number(uint64_t *out, const char *what, const char *text, uint64_t min, uint64_t max)
{
    uint64_t v;
    if (number(&v, text, max) < 0 || v < min)
        return usage("%s %s: expected a number from %llu to %llu", what, text, (unsigned long long)min,
                     (unsigned long long)max);
    *out = v;
    return STATUS_OK;
}

#define YEAR_9999_S 253402300799ULL

static int set_time(struct options *o, const char *what, const char *text)
{
    uint64_t at = 0;
    int status = set_number(&at, what, text, 0, YEAR_9999_S);
    o->id.build_time_s = (int64_t)at;
    return status;
}

enum {
    OPT_KERNEL = 256,
    OPT_CMDLINE,
    OPT_CMDLINE_FILE,
    OPT_RAMDISK,
    OPT_OUTPUT,
    OPT_ARCH,
    OPT_MEMORY,
    OPT_CPUS,
    OPT_NAME,
    OPT_IMAGE_VERSION,
    OPT_KERNEL_VERSION,
    OPT_BUILD_TIME,
    OPT_CUSTOM,
    OPT_CERTIFICATE,
    OPT_KEY,
    OPT_JSON
};

/* Where options that are only remembered go. */
static const char **text_option(struct options *o, int c)
{
    switch (c) {
    case OPT_KERNEL:
        return &o->kernel;
    case OPT_CMDLINE:
        return &o->cmdline;
    case OPT_CMDLINE_FILE:
        return &o->cmdline_file;
    case OPT_OUTPUT:
        return &o->output;
    case OPT_NAME:
        return &o->id.name;
    case OPT_IMAGE_VERSION:
        return &o->id.version;
    case OPT_KERNEL_VERSION:
        return &o->id.kernel_version;
    case OPT_CUSTOM:
        return &o->custom_metadata;
    case OPT_CERTIFICATE:
        return &o->certificate;
    case OPT_KEY:
        return &o->private_key;
    default:
        return NULL;
    }
}

static int take_option(struct options *o, int c, const char *value)
{
    const char **text = text_option(o, c);
    if (text) {
        *text = value;
        return STATUS_OK;
    }
    switch (c) {
    case OPT_RAMDISK:
        return add_ramdisk(o, value);
    case OPT_ARCH:
        return set_arch(o, value);
    case OPT_MEMORY:
        return set_number(&o->memory_mib, "--memory", value, 1, UINT64_MAX >> 20);
    case OPT_CPUS:
        return set_number(&o->cpus, "--cpus", value, 1, UINT16_MAX);
    case OPT_BUILD_TIME:
        return set_time(o, "--build-time", value);
    case OPT_JSON:
        o->json = true;
        return STATUS_OK;
    default:
        return usage("the command line of build is wrong");
    }
}

static int check_options(const struct options *o, int argc)
{
    if (optind < argc)
        return usage("build takes options only");
    if (!o->kernel || !o->output || o->n_ramdisks == 0)
        return usage("%s is missing", !o->kernel ? "--kernel FILE" : !o->output ? "--output FILE" : "--ramdisk FILE");
    if (o->cmdline && o->cmdline_file)
        return usage("--cmdline and --cmdline-file cannot both be given");
    if (!o->certificate != !o->private_key)
        return usage("--signing-certificate and --private-key belong together");
    return STATUS_OK;
}

static int read_options(struct options *o, int argc, char **argv)
{
    static const struct option known[] = {
        { "kernel", required_argument, NULL, OPT_KERNEL },
        { "cmdline", required_argument, NULL, OPT_CMDLINE },
        { "cmdline-file", required_argument, NULL, OPT_CMDLINE_FILE },
        { "ramdisk", required_argument, NULL, OPT_RAMDISK },
        { "output", required_argument, NULL, OPT_OUTPUT },
        { "arch", required_argument, NULL, OPT_ARCH },
        { "memory", required_argument, NULL, OPT_MEMORY },
        { "cpus", required_argument, NULL, OPT_CPUS },
        { "name", required_argument, NULL, OPT_NAME },
        { "image-version", required_argument, NULL, OPT_IMAGE_VERSION },
        { "kernel-version", required_argument, NULL, OPT_KERNEL_VERSION },
        { "build-time", required_argument, NULL, OPT_BUILD_TIME },
        { "custom-metadata", required_argument, NULL, OPT_CUSTOM },
        { "signing-certificate", required_argument, NULL, OPT_CERTIFICATE },
        { "private-key", required_argument, NULL, OPT_KEY },
        { "json", no_argument, NULL, OPT_JSON },
        { 0 },
    };
    const char *epoch = getenv("SOURCE_DATE_EPOCH");
    int c, status = epoch ? set_time(o, "SOURCE_DATE_EPOCH", epoch) : STATUS_OK;
    while (status == STATUS_OK && (c = getopt_long(argc, argv, "", known, NULL)) != -1)
        status = take_option(o, c, optarg);
    return status == STATUS_OK ? check_options(o, argc) : status;
}

/* Everything that was read, as long as the image is being built from it. */
struct input {
    struct buf kernel, cmdline, custom, metadata, certificate, key_pem;
    struct buf ramdisks[RAMDISKS_MAX];
    struct p384_key *key;
};

static void input_free(struct input *in)
{
    buf_free(&in->kernel);
    buf_free(&in->cmdline);
    buf_free(&in->custom);
    buf_free(&in->metadata);
    buf_free(&in->certificate);
    buf_wipe(&in->key_pem);
    for (size_t i = 0; i < RAMDISKS_MAX; i++)
        buf_free(&in->ramdisks[i]);
    p384_key_free(in->key);
}

static int read_cmdline(struct input *in, const struct options *o, struct err *e)
{
    if (o->cmdline)
        buf_puts(&in->cmdline, o->cmdline);
    if (!o->cmdline_file)
        return 0;
    int rc = file_read(&in->cmdline, o->cmdline_file, SMALL_FILE_MAX, e);
    if (rc == 0 && in->cmdline.len > 0 && in->cmdline.data[in->cmdline.len - 1] == '\n')
        in->cmdline.len--;
    return rc;
}

/* Custom metadata goes in as compact JSON: white space of the file does not change the image. */
static int read_metadata(struct input *in, const struct options *o, struct err *e)
{
    struct eif_identity id = o->id;
    CLEANUP(buf_free) struct buf text = { 0 };
    if (o->custom_metadata) {
        int rc = file_read(&text, o->custom_metadata, SMALL_FILE_MAX, e);
        struct json *root = rc == 0 ? json_parse(text.data ? (const char *)text.data : "", text.len, e) : NULL;
        if (!root)
            return err_wrap(e, "--custom-metadata %s", o->custom_metadata);
        json_dump(&in->custom, root);
        json_free(root);
        id.custom_json = buf_cstr(&in->custom);
    }
    eif_metadata(&in->metadata, &id);
    return 0;
}

static int read_signer(struct input *in, const struct options *o, struct err *e)
{
    if (!o->certificate)
        return 0;
    int rc = file_read(&in->certificate, o->certificate, SMALL_FILE_MAX, e);
    if (rc == 0)
        rc = file_read(&in->key_pem, o->private_key, SMALL_FILE_MAX, e);
    if (rc < 0)
        return rc;
    in->key = p384_key_from_pem(in->key_pem.data, in->key_pem.len, e);
    return in->key ? 0 : err_wrap(e, "%s", o->private_key);
}

static int read_input(struct input *in, const struct options *o, struct err *e)
{
    int rc = file_read(&in->kernel, o->kernel, EIF_FILE_MAX, e);
    for (size_t i = 0; rc == 0 && i < o->n_ramdisks; i++)
        rc = file_read(&in->ramdisks[i], o->ramdisks[i], EIF_FILE_MAX, e);
    if (rc == 0)
        rc = read_cmdline(in, o, e);
    if (rc == 0)
        rc = read_metadata(in, o, e);
    return rc == 0 ? read_signer(in, o, e) : rc;
}

static struct hash_part part(const struct buf *b)
{
    return (struct hash_part){ b->data, b->len };
}

static int write_image(const struct input *in, const struct options *o, struct err *e)
{
    struct hash_part ramdisks[RAMDISKS_MAX];
    CLEANUP(buf_free) struct buf out = { 0 };
    for (size_t i = 0; i < o->n_ramdisks; i++)
        ramdisks[i] = part(&in->ramdisks[i]);
    const struct eif_spec spec = {
        .flags = o->flags,
        .default_mem_bytes = o->memory_mib << 20,
        .default_cpus = o->cpus,
        .kernel = part(&in->kernel),
        .cmdline = part(&in->cmdline),
        .ramdisks = ramdisks,
        .n_ramdisks = o->n_ramdisks,
        .metadata = part(&in->metadata),
        .certificate_pem = part(&in->certificate),
        .signing_key = in->key,
    };
    int rc = eif_build(&out, &spec, e);
    if (rc < 0)
        return err_wrap(e, "%s", o->output);
    return file_replace(o->output, out.data, out.len, 0644, e);
}

int cmd_build(int argc, char **argv)
{
    struct options o = {
        .memory_mib = 1024,
        .cpus = 2,
        .id = { .name = "oyster-enclave", .version = OYSTER_VERSION, .kernel_version = "unknown" },
    };
    struct err e = { 0 };
    int status = read_options(&o, argc, argv);
    if (status != STATUS_OK)
        return status;
    CLEANUP(input_free) struct input in = { 0 };
    if (read_input(&in, &o, &e) < 0 || write_image(&in, &o, &e) < 0)
        return fail(&e);
    CLEANUP(image_free) struct image img;
    if (image_load(&img, o.output, &e) < 0) /* what is printed is what lies there */
        return fail(&e);
    image_print(&img, o.json);
    return STATUS_OK;
}
