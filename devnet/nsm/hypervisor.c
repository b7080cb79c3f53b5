#include "hypervisor.h"

#include <string.h>

#include "util/cleanup.h"
#include "util/clock.h"

int hypervisor_init(struct hypervisor *h, const char *key_file, struct err *e)
{
    struct nitro_cert_spec specs[4];
    (void)nitro_usual_chain(specs, (int64_t)clock_wall_s());
    if (key_file)
        return nitro_root_open(&h->root, &specs[0], key_file, e);
    nitro_chain_make(&h->root, NULL, specs, 1);
    return 0;
}

void hypervisor_free(struct hypervisor *h)
{
    nitro_chain_free(&h->root);
}

void hypervisor_document(struct buf *out, const struct hypervisor *h, const uint8_t pcrs[IMAGE_PCRS][SHA384_BYTES],
                         const struct attestation *what)
{
    static const uint8_t zero[SHA384_BYTES];
    struct attestation a = *what;
    struct nitro_cert_spec specs[4];
    CLEANUP(nitro_chain_free) struct nitro_chain chain;
    a.module_id = (struct attestation_bytes){ (const uint8_t *)HYPERVISOR_MODULE_ID, strlen(HYPERVISOR_MODULE_ID) };
    for (size_t i = 0; i < HYPERVISOR_PCRS; i++)
        a.pcrs[i] = i < IMAGE_PCRS ? pcrs[i] : zero;
    size_t n = nitro_usual_chain(specs, (int64_t)(a.timestamp_ms / 1000));
    nitro_chain_make(&chain, &h->root, specs, n);
    nitro_document(out, &a, &chain);
}
