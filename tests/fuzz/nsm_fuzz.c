/* What the enclave's module answers: the document is taken out of the response itself, nothing else is. */
#include "fuzz.h"

#include "enclave/nsm.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct buf out = { 0 };
    struct err e = { 0 };
    buf_puts(&out, "kept");
    int rc = nsm_read_attest(&out, data, size, &e);
    if (rc == 0)
        assert(out.len > 4 && out.len - 4 < size && memmem(data, size, out.data + 4, out.len - 4));
    else
        assert((rc == -EPROTO || rc == -EIO) && e.code && e.msg[0] && out.len == 4);
    buf_free(&out);
    return 0;
}
