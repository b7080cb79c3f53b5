#include "module.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include "enclave/cbor.h"
#include "enclave/nsm.h"
#include "util/cleanup.h"
#include "util/clock.h"
#include "util/file.h"

#define LOCKED_PCRS IMAGE_PCRS
#define RANDOM_BYTES 256
#define MOOD_MAX 64

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
    cbor_put_text(out, HYPERVISOR_MODULE_ID);
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

static void put_attestation(struct buf *out, const struct module *m, struct cbor_in *in)
{
    CLEANUP(buf_free) struct buf document = { 0 };
    struct attestation a = { .timestamp_ms = clock_wall_ms() };
    const char *error = read_fields(&a, in);
    if (error) {
        put_error(out, error);
        return;
    }
    hypervisor_document(&document, m->hypervisor, m->hypervisor->pcrs, &a);
    cbor_put_map(out, 1);
    cbor_put_text(out, "Attestation");
    cbor_put_map(out, 1);
    cbor_put_text(out, "document");
    cbor_put_bytes(out, document.data, document.len);
}

static void answer(struct buf *out, const struct module *m, const uint8_t *request, size_t len)
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

bool module_answer(struct buf *out, const struct module *m, const uint8_t *request, size_t len, size_t room)
{
    if (!moody(out, m))
        answer(out, m, request, len);
    if (out->len > room)
        put_error(out, "BufferTooSmall");
    return out->len <= room;
}
