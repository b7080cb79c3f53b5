#include "enclave/root.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>

#include "enclave/attestation.h"
#include "enclave/cert.h"
#include "util/cleanup.h"
#include "util/file.h"
#include "util/hex.h"

#define ROOT_FILE_MAX ((size_t)64 * 1024)

static int from_hex(uint8_t out[P384_PUBLIC_BYTES], const char *text, size_t len)
{
    while (len > 0 && isspace((unsigned char)text[len - 1]))
        len--;
    return hex_decode_exact(out, P384_PUBLIC_BYTES, text, len, NULL);
}

static int from_file(uint8_t out[P384_PUBLIC_BYTES], const struct buf *b, struct err *e)
{
    if (b->len == P384_PUBLIC_BYTES) {
        memcpy(out, b->data, P384_PUBLIC_BYTES);
        return 0;
    }
    if (from_hex(out, (const char *)b->data, b->len) == 0)
        return 0;
    CLEANUP(cert_free_p) struct cert *c = cert_parse(b->data, b->len, NULL);
    if (!c)
        return err_set(e, -EINVAL, "expected a root certificate (PEM or DER), or its public key (96 bytes, or as hex)");
    return cert_public_key(out, c, e);
}

int root_key_load(uint8_t out[P384_PUBLIC_BYTES], const char *given, struct err *e)
{
    CLEANUP(buf_free) struct buf b = { 0 };
    if (strcmp(given, "aws") == 0) {
        memcpy(out, attestation_aws_root, P384_PUBLIC_BYTES);
        return 0;
    }
    if (from_hex(out, given, strlen(given)) == 0)
        return 0;
    int rc = file_read(&b, given, ROOT_FILE_MAX, e);
    if (rc < 0)
        return rc;
    return from_file(out, &b, e) < 0 ? err_wrap(e, "%s", given) : 0;
}
