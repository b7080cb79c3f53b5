/* Any bytes as an enclave image: accepted ones keep the promises of eif.h and survive a rebuild of what they hold. */
#include "fuzz.h"

#include "enclave/eif.h"

static void check_sections(const struct eif *f)
{
    const uint8_t *at = f->bytes + EIF_HEADER_BYTES;
    for (size_t i = 0; i < f->n_sections; i++) {
        at += EIF_SECTION_HEADER_BYTES;
        assert(f->sections[i].data == at);
        at += f->sections[i].len;
    }
    assert(at == f->bytes + f->len);
}

/* The same content in a file of ours: its sections are found again, and it measures the same. */
static void check_rebuilt(const struct eif *f, const struct eif_measurements *m)
{
    struct hash_part ramdisks[EIF_SECTIONS_MAX];
    const struct eif_section *kernel = eif_find(f, EIF_KERNEL), *cmdline = eif_find(f, EIF_CMDLINE);
    struct eif_spec spec = { .kernel = { kernel->data, kernel->len }, .cmdline = { cmdline->data, cmdline->len } };
    struct eif_measurements again;
    struct buf out = { 0 };
    struct eif g;
    for (size_t i = 0; i < f->n_sections; i++)
        if (f->sections[i].type == EIF_RAMDISK)
            ramdisks[spec.n_ramdisks++] = (struct hash_part){ f->sections[i].data, f->sections[i].len };
    spec.ramdisks = ramdisks;
    spec.metadata = (struct hash_part){ "{}", 2 };
    if (eif_build(&out, &spec, NULL) == 0) {
        assert(eif_parse(&g, out.data, out.len, NULL) == 0 && eif_check_crc(&g, NULL) == 0);
        eif_measure(&again, &g);
        assert(memcmp(&again, m, sizeof again) == 0);
    } else {
        assert(kernel->len == 0 || spec.n_ramdisks > EIF_SECTIONS_MAX - 4);
    }
    buf_free(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct err e = { 0 };
    struct eif f;
    struct eif_measurements m;
    struct cert *c = NULL;
    if (eif_parse(&f, data, len, &e) < 0) {
        assert(e.code == -EBADMSG || e.code == -EINVAL);
        assert(e.msg[0] && !strchr(e.msg, '\n'));
        return 0;
    }
    assert(e.code == 0);
    check_sections(&f);
    (void)eif_check_crc(&f, NULL);
    eif_measure(&m, &f);
    int rc = eif_signature_read(&c, &f, m.pcr0, &e);
    assert((rc == 0) == (c != NULL));
    cert_free(c);
    check_rebuilt(&f, &m);
    return 0;
}
