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

/* Enters {"<what>": value} or fails with {"Error": "<name>"}; in then stands before the value. */
static int open_response(struct cbor_in *in, const char *what, struct err *e)
{
    struct cbor_value map, key, name;
    if (cbor_in_expect(in, &map, CBOR_KIND_MAP, "response", e) < 0 ||
        cbor_in_expect(in, &key, CBOR_KIND_TEXT, "response", e) < 0)
        return -EPROTO;
    if (map.n == 1 && cbor_text_is(&key, "Error"))
        return cbor_in_expect(in, &name, CBOR_KIND_TEXT, "Error", e) < 0 ? -EPROTO : named_error(&name, e);
    if (map.n != 1 || !cbor_text_is(&key, what))
        return err_set(e, -EPROTO, "response: found another one than %s", what);
    return 0;
}

/* A member of an opened response's map. Returns 0, or a negative errno with e. */
typedef int member_fn(void *arg, const struct cbor_value *key, struct cbor_in *in, struct err *e);

static int read_members(const uint8_t *response, size_t len, const char *what, member_fn *fn, void *arg, struct err *e)
{
    struct cbor_in in = { .data = response, .len = len };
    struct cbor_value map, key;
    int rc = open_response(&in, what, e);
    if (rc < 0)
        return rc;
    if (cbor_in_expect(&in, &map, CBOR_KIND_MAP, what, e) < 0)
        return -EPROTO;
    for (uint64_t i = 0; i < map.n; i++)
        if (cbor_in_expect(&in, &key, CBOR_KIND_TEXT, what, e) < 0 || fn(arg, &key, &in, e) < 0)
            return -EPROTO;
    return cbor_in_done(&in) ? 0 : err_set(e, -EPROTO, "response: bytes behind it");
}

/* The one member of bytes that a response is about. */
struct wanted {
    const char *name;
    struct cbor_value value;
    bool found;
};

static int take_wanted(void *arg, const struct cbor_value *key, struct cbor_in *in, struct err *e)
{
    struct wanted *w = arg;
    if (!cbor_text_is(key, w->name))
        return cbor_in_skip(in, e);
    w->found = true;
    return cbor_in_expect(in, &w->value, CBOR_KIND_BYTES, w->name, e);
}

static int read_bytes(struct buf *out, const uint8_t *response, size_t len, const char *what, const char *member,
                      struct err *e)
{
    struct wanted w = { .name = member };
    int rc = read_members(response, len, what, take_wanted, &w, e);
    if (rc < 0)
        return rc;
    if (!w.found || w.value.n == 0)
        return err_set(e, -EPROTO, "response: %s without %s", what, member);
    buf_append(out, w.value.data, (size_t)w.value.n);
    return 0;
}

int nsm_read_attest(struct buf *out, const uint8_t *response, size_t len, struct err *e)
{
    return read_bytes(out, response, len, "Attestation", "document", e);
}

int nsm_read_random(struct buf *out, const uint8_t *response, size_t len, struct err *e)
{
    return read_bytes(out, response, len, "GetRandom", "random", e);
}

static int read_u16(uint16_t *out, struct cbor_in *in, const char *what, struct err *e)
{
    struct cbor_value v;
    if (cbor_in_expect(in, &v, CBOR_KIND_UINT, what, e) < 0)
        return -EPROTO;
    if (v.n > UINT16_MAX)
        return err_set(e, -EPROTO, "%s: found %llu, expected at most 65535", what, (unsigned long long)v.n);
    *out = (uint16_t)v.n;
    return 0;
}

static int read_module_id(struct nsm_info *out, struct cbor_in *in, struct err *e)
{
    struct cbor_value v;
    if (cbor_in_expect(in, &v, CBOR_KIND_TEXT, "module_id", e) < 0)
        return -EPROTO;
    if (v.n >= sizeof out->module_id || memchr(v.data, 0, (size_t)v.n))
        return err_set(e, -EPROTO, "module_id: found no short text");
    memcpy(out->module_id, v.data, (size_t)v.n);
    out->module_id[v.n] = 0;
    return 0;
}

static int read_locked(uint32_t *out, struct cbor_in *in, struct err *e)
{
    struct cbor_value list, v;
    if (cbor_in_expect(in, &list, CBOR_KIND_ARRAY, "locked_pcrs", e) < 0)
        return -EPROTO;
    *out = 0;
    for (uint64_t i = 0; i < list.n; i++) {
        if (cbor_in_expect(in, &v, CBOR_KIND_UINT, "locked_pcrs", e) < 0)
            return -EPROTO;
        if (v.n < 32)
            *out |= UINT32_C(1) << v.n;
    }
    return 0;
}

static int take_info(void *arg, const struct cbor_value *key, struct cbor_in *in, struct err *e)
{
    static const char *const versions[] = { "version_major", "version_minor", "version_patch" };
    struct nsm_info *out = arg;
    for (size_t i = 0; i < 3; i++)
        if (cbor_text_is(key, versions[i]))
            return read_u16(&out->version[i], in, versions[i], e);
    if (cbor_text_is(key, "max_pcrs"))
        return read_u16(&out->max_pcrs, in, "max_pcrs", e);
    if (cbor_text_is(key, "module_id"))
        return read_module_id(out, in, e);
    if (cbor_text_is(key, "locked_pcrs"))
        return read_locked(&out->locked_pcrs, in, e);
    return cbor_in_skip(in, e);
}

int nsm_read_describe(struct nsm_info *out, const uint8_t *response, size_t len, struct err *e)
{
    struct nsm_info info = { .max_pcrs = 0 };
    int rc = read_members(response, len, "DescribeNSM", take_info, &info, e);
    if (rc < 0)
        return rc;
    if (!info.module_id[0])
        return err_set(e, -EPROTO, "response: DescribeNSM without module_id");
    *out = info;
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

/* The requests without content are bare texts. */
static int exchange_word(struct buf *response, const char *device, const char *word, struct err *e)
{
    CLEANUP(buf_free) struct buf request = { 0 };
    cbor_put_text(&request, word);
    return exchange(response, device, &request, e);
}

int nsm_describe(struct nsm_info *out, const char *device, struct err *e)
{
    CLEANUP(buf_free) struct buf response = { 0 };
    int rc = exchange_word(&response, device, "DescribeNSM", e);
    return rc < 0 ? rc : nsm_read_describe(out, response.data, response.len, e);
}

int nsm_random(struct buf *out, const char *device, struct err *e)
{
    CLEANUP(buf_wipe) struct buf response = { 0 };
    int rc = exchange_word(&response, device, "GetRandom", e);
    return rc < 0 ? rc : nsm_read_random(out, response.data, response.len, e);
}
