/* What the enclave's module answers: a document or bytes are taken out of the response itself, nothing else is. */
#include "fuzz.h"

#include "enclave/nsm.h"

static void check_bytes(const uint8_t *data, size_t len,
                        int (*read)(struct buf *, const uint8_t *, size_t, struct err *))
{
    struct buf out = { 0 };
    struct err e = { 0 };
    buf_puts(&out, "kept");
    int rc = read(&out, data, len, &e);
    if (rc == 0)
        assert(out.len > 4 && out.len - 4 < len && memmem(data, len, out.data + 4, out.len - 4));
    else
        assert((rc == -EPROTO || rc == -EIO) && e.code && e.msg[0] && out.len == 4);
    buf_free(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct nsm_info info = { .max_pcrs = 7 };
    struct err e = { 0 };
    check_bytes(data, size, nsm_read_attest);
    check_bytes(data, size, nsm_read_random);
    int rc = nsm_read_describe(&info, data, size, &e);
    if (rc == 0)
        assert(info.module_id[0] && strlen(info.module_id) < NSM_MODULE_ID_MAX);
    else
        assert((rc == -EPROTO || rc == -EIO) && e.msg[0] && info.max_pcrs == 7);
    return 0;
}
