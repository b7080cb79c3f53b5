/* devnet-nsm-device: a Nitro Secure Module as a character device, for machines that have none. The kernel's CUSE lets
 * this program answer for /dev/nsm: the same ioctl, requests and responses as the real one's, signed under a root of
 * its own, whose public key it writes to a file when the device is there.
 *
 * The argument of the ioctl holds pointers, which the kernel does not follow by itself: it is asked first for the
 * argument, then for what that points to (fuse_reply_ioctl_retry). */
#define FUSE_USE_VERSION 31

#include <cuse_lowlevel.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include "enclave/cbor.h"
#include "enclave/nsm.h"
#include "nitro.h"
#include "util/cleanup.h"
#include "util/clock.h"
#include "util/file.h"
#include "util/hex.h"

#define N_PCRS 16
#define LOCKED_PCRS 3
#define RANDOM_BYTES 256
#define MODULE_ID "i-00000000devnet-enc000000"
#define MOOD_MAX 64

struct module {
    struct nitro_chain chain;
    uint8_t pcrs[N_PCRS][SHA384_BYTES];
    const char *root_file;
    const char *mood_file; /* "error NAME" or "delay MS", while it is there */
};

/* ---- what the module answers ---- */

static void put_error(struct buf *out, const char *name)
{
    buf_reset(out);
    cbor_put_map(out, 1);
    cbor_put_text(out, "Error");
    cbor_put_text(out, name);
}

static void put_description(struct buf *out)
{
    static const char *const versions[] = { "version_major", "version_minor", "version_patch" };
    cbor_put_map(out, 1);
    cbor_put_text(out, "DescribeNSM");
    cbor_put_map(out, 7);
    for (size_t i = 0; i < 3; i++) {
        cbor_put_text(out, versions[i]);
        cbor_put_uint(out, i == 0);
    }
    cbor_put_text(out, "module_id");
    cbor_put_text(out, MODULE_ID);
    cbor_put_text(out, "max_pcrs");
    cbor_put_uint(out, 32);
    cbor_put_text(out, "locked_pcrs");
    cbor_put_array(out, LOCKED_PCRS);
    for (size_t i = 0; i < LOCKED_PCRS; i++)
        cbor_put_uint(out, i);
    cbor_put_text(out, "digest");
    cbor_put_text(out, "SHA384");
}

static void put_random(struct buf *out)
{
    uint8_t bytes[RANDOM_BYTES];
    if (getrandom(bytes, sizeof bytes, 0) != sizeof bytes) {
        put_error(out, "InternalError");
        return;
    }
    cbor_put_map(out, 1);
    cbor_put_text(out, "GetRandom");
    cbor_put_map(out, 1);
    cbor_put_text(out, "random");
    cbor_put_bytes(out, bytes, sizeof bytes);
}

/* Reads bytes or null. Returns the name of the error, or NULL. */
static const char *read_field(struct attestation_bytes *out, struct cbor_in *in, size_t max)
{
    struct cbor_value v;
    if (cbor_in_next(in, &v, NULL) < 0 || (v.kind != CBOR_KIND_BYTES && v.kind != CBOR_KIND_NULL))
        return "InvalidArgument";
    if (v.kind == CBOR_KIND_BYTES)
        *out = (struct attestation_bytes){ v.data, (size_t)v.n };
    return out->len > max ? "InputTooLarge" : NULL;
}

static const char *read_fields(struct attestation *a, struct cbor_in *in)
{
    const struct {
        const char *name;
        struct attestation_bytes *out;
        size_t max;
    } fields[] = { { "user_data", &a->user_data, NSM_USER_DATA_MAX },
                   { "nonce", &a->nonce, NSM_NONCE_MAX },
                   { "public_key", &a->public_key, NSM_PUBLIC_KEY_MAX } };
    struct cbor_value map, key;
    if (cbor_in_expect(in, &map, CBOR_KIND_MAP, "Attestation", NULL) < 0)
        return "InvalidArgument";
    for (uint64_t i = 0; i < map.n; i++) {
        const char *error = "InvalidArgument";
        if (cbor_in_expect(in, &key, CBOR_KIND_TEXT, "key", NULL) < 0)
            return error;
        for (size_t j = 0; j < sizeof fields / sizeof *fields; j++)
            if (cbor_text_is(&key, fields[j].name))
                error = read_field(fields[j].out, in, fields[j].max);
        if (error)
            return error;
    }
    return cbor_in_done(in) ? NULL : "InvalidArgument";
}

static void put_attestation(struct buf *out, struct module *m, struct cbor_in *in)
{
    CLEANUP(buf_free) struct buf document = { 0 };
    struct attestation a = { .module_id = { (const uint8_t *)MODULE_ID, strlen(MODULE_ID) },
                             .timestamp_ms = clock_wall_ms() };
    for (size_t i = 0; i < N_PCRS; i++)
        a.pcrs[i] = m->pcrs[i];
    const char *error = read_fields(&a, in);
    if (error) {
        put_error(out, error);
        return;
    }
    nitro_document(&document, &a, &m->chain);
    cbor_put_map(out, 1);
    cbor_put_text(out, "Attestation");
    cbor_put_map(out, 1);
    cbor_put_text(out, "document");
    cbor_put_bytes(out, document.data, document.len);
}

static void answer(struct buf *out, struct module *m, const uint8_t *request, size_t len)
{
    struct cbor_in in = { .data = request, .len = len };
    struct cbor_value first, key;
    if (cbor_in_next(&in, &first, NULL) < 0)
        put_error(out, "InvalidArgument");
    else if (cbor_text_is(&first, "DescribeNSM"))
        put_description(out);
    else if (cbor_text_is(&first, "GetRandom"))
        put_random(out);
    else if (first.kind == CBOR_KIND_MAP && first.n == 1 && cbor_in_next(&in, &key, NULL) == 0 &&
             cbor_text_is(&key, "Attestation"))
        put_attestation(out, m, &in);
    else
        put_error(out, "InvalidOperation");
}

/* What a test wants to see of a device that is not well. */
static bool moody(struct buf *out, const struct module *m)
{
    CLEANUP(buf_free) struct buf mood = { 0 };
    char name[MOOD_MAX];
    unsigned ms;
    if (!m->mood_file || file_read(&mood, m->mood_file, MOOD_MAX - 1, NULL) < 0)
        return false;
    if (sscanf(buf_cstr(&mood), "delay %u", &ms) == 1)
        (void)nanosleep(&(struct timespec){ ms / 1000, (long)(ms % 1000) * 1000000 }, NULL);
    if (sscanf(buf_cstr(&mood), "error %63s", name) != 1)
        return false;
    put_error(out, name);
    return true;
}

/* ---- the ioctl ---- */

static void serve(fuse_req_t req, struct module *m, const uint8_t *request, const struct nsm_message *message)
{
    CLEANUP(buf_free) struct buf response = { 0 };
    CLEANUP(buf_free) struct buf out = { 0 };
    if (!moody(&response, m))
        answer(&response, m, request, message->request.iov_len);
    if (response.len > message->response.iov_len)
        put_error(&response, "BufferTooSmall");
    if (response.len > message->response.iov_len) {
        (void)fuse_reply_err(req, EINVAL);
        return;
    }
    size_t len = response.len; /* first what goes into the argument, then what goes behind its pointer */
    buf_append(&out, &len, sizeof len);
    buf_append(&out, response.data, response.len);
    (void)fuse_reply_ioctl(req, 0, out.data, out.len);
}

/* Asks for what the argument points to. */
static void fetch(fuse_req_t req, uint8_t *arg, const struct nsm_message *m)
{
    struct iovec in[] = { { arg, sizeof *m }, m->request };
    struct iovec out[] = { { arg + offsetof(struct nsm_message, response.iov_len), sizeof(size_t) }, m->response };
    if (m->request.iov_len == 0 || m->request.iov_len > NSM_REQUEST_MAX)
        (void)fuse_reply_err(req, EMSGSIZE);
    else
        (void)fuse_reply_ioctl_retry(req, in, 2, out, 2);
}

static void on_ioctl(fuse_req_t req, int cmd, void *arg, struct fuse_file_info *fi, unsigned flags, const void *in,
                     size_t in_len, size_t out_len)
{
    (void)fi;
    struct nsm_message m;
    struct iovec whole = { arg, sizeof m };
    if ((unsigned)cmd != NSM_IOCTL || (flags & FUSE_IOCTL_COMPAT)) {
        (void)fuse_reply_err(req, ENOTTY);
        return;
    }
    if (in_len < sizeof m) {
        (void)fuse_reply_ioctl_retry(req, &whole, 1, NULL, 0);
        return;
    }
    memcpy(&m, in, sizeof m);
    if (m.response.iov_len > NSM_RESPONSE_MAX)
        m.response.iov_len = NSM_RESPONSE_MAX;
    if (out_len == 0)
        fetch(req, arg, &m);
    else
        serve(req, fuse_req_userdata(req), (const uint8_t *)in + sizeof m, &m);
}

static void on_open(fuse_req_t req, struct fuse_file_info *fi)
{
    (void)fuse_reply_open(req, fi);
}

/* ---- start ---- */

static void on_ready(void *arg)
{
    struct module *m = arg;
    uint8_t key[P384_PUBLIC_BYTES];
    char text[2 * P384_PUBLIC_BYTES + 1];
    struct err e = { 0 };
    nitro_root_key(key, &m->chain);
    (void)hex_encode(text, key, sizeof key);
    if (file_replace(m->root_file, text, strlen(text), 0644, &e) < 0)
        (void)fprintf(stderr, "devnet-nsm-device: %s\n", e.msg);
}

static int run(struct module *m, const char *name)
{
    static const struct cuse_lowlevel_ops ops = { .init_done = on_ready, .open = on_open, .ioctl = on_ioctl };
    char devname[80], program[] = "devnet-nsm-device", foreground[] = "-f", single[] = "-s";
    char *argv[] = { program, foreground, single, NULL };
    const char *info_argv[] = { devname };
    struct cuse_info info = { .dev_info_argc = 1, .dev_info_argv = info_argv, .flags = CUSE_UNRESTRICTED_IOCTL };
    (void)snprintf(devname, sizeof devname, "DEVNAME=%.60s", name);
    return cuse_lowlevel_main(3, argv, &info, &ops, m);
}

/* devnet-nsm-device NAME ROOT_FILE MOOD_FILE: registers 0 to 2 hold bytes of 0x01, 0x02, 0x03. */
int main(int argc, char **argv)
{
    struct nitro_cert_spec specs[4];
    struct module m = { .root_file = argv[2] };
    if (argc != 4) {
        (void)fputs("Usage: devnet-nsm-device NAME ROOT_FILE MOOD_FILE\n", stderr);
        return 2;
    }
    m.mood_file = argv[3];
    for (size_t i = 0; i < LOCKED_PCRS; i++)
        memset(m.pcrs[i], (int)i + 1, sizeof m.pcrs[i]);
    size_t n = nitro_usual_chain(specs, (int64_t)clock_wall_s());
    nitro_chain_make(&m.chain, NULL, specs, n);
    int rc = run(&m, argv[1]);
    nitro_chain_free(&m.chain);
    return rc ? 1 : 0;
}
