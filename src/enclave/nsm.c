#include "enclave/nsm.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "enclave/cbor.h"
#include "util/cleanup.h"

/* ---- requests ---- */

static void put_bytes_or_null(struct buf *out, const char *name, const struct nsm_bytes *b)
{
    cbor_put_text(out, name);
    if (b->data)
        cbor_put_bytes(out, b->data, b->len);
    else
        cbor_put_null(out);
}

void nsm_put_attest(struct buf *out, const struct nsm_fields *fields)
{
    cbor_put_map(out, 1);
    cbor_put_text(out, "Attestation");
    cbor_put_map(out, 3);
    put_bytes_or_null(out, "user_data", &fields->user_data);
    put_bytes_or_null(out, "nonce", &fields->nonce);
    put_bytes_or_null(out, "public_key", &fields->public_key);
}

/* ---- responses ---- */

/* The error that the module names. Its text is foreign: only words as it has them are passed on. */
static int named_error(const struct cbor_value *name, struct err *e)
{
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    char text[64] = "an error without a name";
    if (name->n > 0 && name->n < sizeof text) {
        memcpy(text, name->data, (size_t)name->n);
        text[name->n] = 0;
        if (text[strspn(text, letters)])
            (void)snprintf(text, sizeof text, "an unreadable error");
    }
    return err_set(e, -EIO, "the module answers %s", text);
}

/* Enters {"Attestation": value} or fails with {"Error": "<name>"}; in then stands before the value. */
static int open_response(struct cbor_in *in, struct err *e)
{
    struct cbor_value map, key, name;
    if (cbor_in_expect(in, &map, CBOR_KIND_MAP, "response", e) < 0 ||
        cbor_in_expect(in, &key, CBOR_KIND_TEXT, "response", e) < 0)
        return -EPROTO;
    if (map.n == 1 && cbor_text_is(&key, "Error"))
        return cbor_in_expect(in, &name, CBOR_KIND_TEXT, "Error", e) < 0 ? -EPROTO : named_error(&name, e);
    if (map.n != 1 || !cbor_text_is(&key, "Attestation"))
        return err_set(e, -EPROTO, "response: found another one than Attestation");
    return 0;
}

/* One member of the opened response: the document is kept, what a later module may add is not looked at. */
static int read_member(struct cbor_value *document, struct cbor_in *in, struct err *e)
{
    struct cbor_value key;
    if (cbor_in_expect(in, &key, CBOR_KIND_TEXT, "Attestation", e) < 0)
        return -EPROTO;
    if (!cbor_text_is(&key, "document"))
        return cbor_in_skip(in, e);
    return cbor_in_expect(in, document, CBOR_KIND_BYTES, "document", e);
}

int nsm_read_attest(struct buf *out, const uint8_t *response, size_t len, struct err *e)
{
    struct cbor_in in = { .data = response, .len = len };
    struct cbor_value map, document = { .n = 0 };
    int rc = open_response(&in, e);
    if (rc < 0)
        return rc;
    if (cbor_in_expect(&in, &map, CBOR_KIND_MAP, "Attestation", e) < 0)
        return -EPROTO;
    for (uint64_t i = 0; i < map.n; i++)
        if (read_member(&document, &in, e) < 0)
            return -EPROTO;
    if (!cbor_in_done(&in))
        return err_set(e, -EPROTO, "response: bytes behind it");
    if (document.n == 0)
        return err_set(e, -EPROTO, "response: Attestation without document");
    buf_append(out, document.data, (size_t)document.n);
    return 0;
}

/* ---- the device ---- */

static int open_device(const char *device, struct err *e)
{
    int fd = open(device, O_RDWR | O_CLOEXEC);
    if (fd >= 0)
        return fd;
    if (errno == ENOENT || errno == ENODEV || errno == ENXIO)
        return err_set(e, -ENODEV, "no Nitro Secure Module here (%s: %s)", device, strerror(errno));
    return err_sys(e, "%s", device);
}

/* Sends a request; the response is appended to out. */
static int exchange(struct buf *out, const char *device, const struct buf *request, struct err *e)
{
    if (request->len > NSM_REQUEST_MAX)
        return err_set(e, -EMSGSIZE, "%s: InputTooLarge: %zu bytes, at most %zu", device, request->len,
                       NSM_REQUEST_MAX);
    CLEANUP(fd_close_p) int fd = open_device(device, e);
    if (fd < 0)
        return fd;
    buf_reserve(out, NSM_RESPONSE_MAX);
    struct nsm_message m = { .request = { request->data, request->len },
                             .response = { out->data + out->len, NSM_RESPONSE_MAX } };
    if (ioctl(fd, NSM_IOCTL, &m) < 0)
        return errno == EMSGSIZE ? err_set(e, -EMSGSIZE, "%s: InputTooLarge", device) : err_sys(e, "%s: ioctl", device);
    if (m.response.iov_len > NSM_RESPONSE_MAX)
        return err_set(e, -EPROTO, "%s: response of %zu bytes", device, m.response.iov_len);
    out->len += m.response.iov_len;
    return 0;
}

int nsm_attest(struct buf *out, const char *device, const struct nsm_fields *fields, struct err *e)
{
    CLEANUP(buf_free) struct buf request = { 0 };
    CLEANUP(buf_free) struct buf response = { 0 };
    nsm_put_attest(&request, fields);
    int rc = exchange(&response, device, &request, e);
    if (rc == 0)
        rc = nsm_read_attest(out, response.data, response.len, e);
    if (rc < 0)
        (void)err_wrap(e, "attestation");
    return rc;
}
