#include "code_file.h"

#include <errno.h>
#include <string.h>

#include "chain.h"
#include "ctl.h"
#include "send.h"
#include "util/cleanup.h"

#define READ_MAX ((size_t)16 << 20)

/* Well-formed by length alone: RFC 3629's lead and continuation bytes. */
static bool is_utf8(const uint8_t *s, size_t len)
{
    for (size_t i = 0; i < len;) {
        size_t n = s[i] < 0x80 ? 0 : s[i] >= 0xc2 && s[i] < 0xe0 ? 1 : s[i] >= 0xe0 && s[i] < 0xf0 ? 2 : 3;
        if (n == 3 && (s[i] < 0xf0 || s[i] > 0xf4))
            return false;
        for (i++; n; n--, i++)
            if (i == len || (s[i] & 0xc0) != 0x80)
                return false;
    }
    return true;
}

static int read_code(struct buf *out, const char *path, struct err *e)
{
    int rc = ctl_read_file(out, path, READ_MAX, e);
    if (rc < 0)
        return rc;
    if (out->len == 0)
        return err_set(e, -EINVAL, "%s: found nothing, expected an ES module", path);
    if (out->len > CODE_BYTES_MAX)
        return err_set(e, -EFBIG, "%s: found %zu bytes, expected at most %zu: no endpoint takes a larger transaction",
                       path, out->len, CODE_BYTES_MAX);
    if (!is_utf8(out->data, out->len))
        return err_set(e, -EINVAL, "%s: found bytes that are no UTF-8 text, expected an ES module", path);
    if (!memmem(out->data, out->len, "export", 6))
        return err_set(e, -EINVAL, "%s: found no export: a job's code is an ES module with a default export", path);
    return 0;
}

int code_deploy(uint8_t hash[32], struct ctl *c, const struct seckey *key, const char *path, struct err *e)
{
    CLEANUP(buf_free) struct buf code = { 0 };
    CLEANUP(send_calls_free) struct send_calls calls = { 0 };
    struct address contract;
    struct json *receipt;
    memset(hash, 0, 32);
    int rc = read_code(&code, path, e);
    if (rc == 0)
        rc = chain_code(&contract, c, e);
    if (rc < 0)
        return rc;
    out_u64(c->out, "code_bytes", code.len);
    call_save_code(&send_add(&calls, &contract, "UserCode contract")->data, code.data, code.len);
    rc = send_all(&receipt, c, key, &calls, e);
    if (rc == 0 && receipt)
        rc = json_req_bytes(hash, 32, receipt, "transactionHash", e);
    json_free(receipt);
    return rc;
}
