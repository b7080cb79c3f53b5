#include "attestation_expect.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "ctl.h"
#include "enclave/root.h"
#include "util/cleanup.h"
#include "util/clock.h"
#include "util/file.h"
#include "util/hex.h"

#define MAX_AHEAD_MS 60000
#define EIF_MAX ((size_t)4 << 30)
#define BYTES_FILE_MAX ((size_t)4096)

const struct option_def expect_options[] = {
    { .name = "--root",
      .kind = OPT_TEXT,
      .value = "ROOT",
      .help = "the trusted root: aws, a certificate, or its public key (file or hex) [default: aws]" },
    { .name = "--eif", .kind = OPT_FILE, .value = "FILE", .help = "the image: its PCR0, 1, 2 (and 8) are expected" },
    { .name = "--pcr0", .kind = OPT_TEXT, .value = "HEX", .help = "the PCR0 that is expected" },
    { .name = "--pcr1", .kind = OPT_TEXT, .value = "HEX", .help = "the PCR1 that is expected" },
    { .name = "--pcr2", .kind = OPT_TEXT, .value = "HEX", .help = "the PCR2 that is expected" },
    { .name = "--pcr8", .kind = OPT_TEXT, .value = "HEX", .help = "the PCR8 that is expected: the signer's" },
    { .name = "--pcr16", .kind = OPT_TEXT, .value = "HEX", .help = "the PCR16 that is expected" },
    { .name = "--image-id",
      .kind = OPT_TEXT,
      .value = "HEX",
      .help = "the image id that is expected, of the legacy or the newer form" },
    { .name = "--public-key",
      .kind = OPT_TEXT,
      .value = "KEY",
      .help = "the public key that is expected: hex, or a file of its bytes [default: the node's, if one is asked]" },
    { .name = "--user-data",
      .kind = OPT_TEXT,
      .value = "HEX",
      .help = "the user data that is expected: hex, or a file" },
    { .name = "--nonce", .kind = OPT_TEXT, .value = "HEX", .help = "the nonce that is expected" },
    { .name = "--max-age",
      .kind = OPT_SECONDS,
      .value = "TIME",
      .help = "refuse a document that is older [default: 5m when it is fetched, else any age]" },
    { 0 },
};

static const struct {
    const char *option;
    size_t index;
} registers[EXPECT_PCRS] = { { "--pcr0", 0 }, { "--pcr1", 1 }, { "--pcr2", 2 }, { "--pcr8", 8 }, { "--pcr16", 16 } };

static int read_pcrs(struct expect *x, const struct ctl *c, struct err *e)
{
    for (size_t i = 0; i < EXPECT_PCRS; i++) {
        const char *hex = args_get(&c->args, registers[i].option);
        if (!hex)
            continue;
        if (hex_decode_exact(x->pcrs[i], SHA384_BYTES, hex, strlen(hex), e) < 0)
            return err_wrap(e, "%s", registers[i].option);
        x->policy.pcrs[registers[i].index] = x->pcrs[i];
    }
    return 0;
}

/* What an image will measure as; a register that is also given alone must be the same. */
static int read_eif(struct expect *x, const char *path, struct err *e)
{
    CLEANUP(cert_free_p) struct cert *signer = NULL;
    struct eif f;
    if (file_read(&x->eif, path, EIF_MAX, e) < 0)
        return e->code;
    if (eif_parse(&f, x->eif.data, x->eif.len, e) < 0 || eif_check_crc(&f, e) < 0)
        return err_wrap(e, "--eif %s", path);
    eif_measure(&x->measured, &f);
    const uint8_t *const measured[] = { x->measured.pcr0, x->measured.pcr1, x->measured.pcr2 };
    for (size_t i = 0; i < 3; i++) {
        if (x->policy.pcrs[i] && memcmp(x->policy.pcrs[i], measured[i], SHA384_BYTES) != 0)
            return err_set(e, -EINVAL, "--pcr%zu is not that of --eif %s", i, path);
        x->policy.pcrs[i] = measured[i];
    }
    if (!eif_find(&f, EIF_SIGNATURE))
        return 0;
    if (eif_signature_read(&signer, &f, x->measured.pcr0, e) < 0)
        return err_wrap(e, "--eif %s", path);
    eif_measure_certificate(x->measured.pcr8, signer);
    x->policy.pcrs[8] = x->policy.pcrs[8] ? x->policy.pcrs[8] : x->measured.pcr8;
    return 0;
}

/* Hex where the text is hex, else the bytes of the file that it names. */
static int read_bytes(struct attestation_bytes *out, struct buf *store, const char *option, const char *given,
                      struct err *e)
{
    size_t len = strlen(given);
    const char *hex = hex_strip0x(given, &len);
    buf_extend(store, len / 2 + 1);
    if (hex_decode(store->data, hex, len, NULL) == HEX_OK) {
        store->len = len / 2;
    } else {
        buf_reset(store);
        if (file_read(store, given, BYTES_FILE_MAX, e) < 0)
            return err_wrap(e, "%s: neither hex nor a file", option);
    }
    *out = (struct attestation_bytes){ store->data, store->len };
    return 0;
}

/* Its two forms look the same: which one it is shows when there is a document. */
static int read_image_id(struct expect *x, const char *hex, struct err *e)
{
    if (hex_decode_exact(x->image_id, sizeof x->image_id, hex, strlen(hex), e) < 0)
        return err_wrap(e, "--image-id");
    x->policy.image_id = x->image_id;
    return 0;
}

static int read_data(struct expect *x, const struct ctl *c, struct err *e)
{
    const struct {
        const char *option;
        struct attestation_bytes *out;
        struct buf *store;
    } all[] = {
        { "--public-key", &x->policy.public_key, &x->public_key },
        { "--user-data", &x->policy.user_data, &x->user_data },
        { "--nonce", &x->policy.nonce, &x->nonce },
    };
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        const char *given = args_get(&c->args, all[i].option);
        if (given && read_bytes(all[i].out, all[i].store, all[i].option, given, e) < 0)
            return e->code;
    }
    return 0;
}

static void take_asked(struct expect *x, const uint8_t *node_key, const struct buf *nonce)
{
    if (node_key && !x->policy.public_key.data) {
        buf_append(&x->public_key, node_key, 64);
        x->policy.public_key = (struct attestation_bytes){ x->public_key.data, x->public_key.len };
    }
    if (nonce->len > 0 && !x->policy.nonce.data) {
        buf_append(&x->nonce, nonce->data, nonce->len);
        x->policy.nonce = (struct attestation_bytes){ x->nonce.data, x->nonce.len };
    }
}

int expect_read(struct expect *out, struct ctl *c, const uint8_t *node_key, const struct buf *nonce, struct err *e)
{
    const char *root = args_get(&c->args, "--root"), *eif = args_get(&c->args, "--eif");
    const char *image = args_get(&c->args, "--image-id");
    *out = (struct expect){ .policy = { .now_ms = clock_wall_ms(), .max_ahead_ms = MAX_AHEAD_MS } };
    int rc = root_key_load(out->root, root ? root : "aws", e);
    if (rc < 0)
        return err_wrap(e, "--root");
    rc = read_pcrs(out, c, e);
    if (rc == 0 && eif)
        rc = read_eif(out, eif, e);
    if (rc == 0 && image)
        rc = read_image_id(out, image, e);
    if (rc == 0)
        rc = read_data(out, c, e);
    (void)args_ms(&out->policy.max_age_ms, &c->args, "--max-age");
    take_asked(out, node_key, nonce);
    return rc;
}

void expect_free(struct expect *x)
{
    buf_free(&x->eif);
    buf_free(&x->public_key);
    buf_free(&x->user_data);
    buf_free(&x->nonce);
}
