#include "enclave/cbor.h"

#include <assert.h>
#include <cbor.h>
#include <errno.h>
#include <string.h>

#define HEAD_BYTES 9 /* the longest head: a byte and 64 bits */

/* What the library's callbacks have told of one item. */
struct told {
    struct cbor_value *out;
    bool indefinite;
};

static void tell(void *arg, enum cbor_kind kind, uint64_t n, const uint8_t *data)
{
    *((struct told *)arg)->out = (struct cbor_value){ .kind = kind, .n = n, .data = data };
}

#define NUMBER(name, type, kind)                                                                                       \
    static void name(void *arg, type n)                                                                                \
    {                                                                                                                  \
        tell(arg, kind, (uint64_t)n, NULL);                                                                            \
    }
NUMBER(on_u8, uint8_t, CBOR_KIND_UINT)
NUMBER(on_u16, uint16_t, CBOR_KIND_UINT)
NUMBER(on_u32, uint32_t, CBOR_KIND_UINT)
NUMBER(on_u64, uint64_t, CBOR_KIND_UINT)
NUMBER(on_n8, uint8_t, CBOR_KIND_NEGATIVE)
NUMBER(on_n16, uint16_t, CBOR_KIND_NEGATIVE)
NUMBER(on_n32, uint32_t, CBOR_KIND_NEGATIVE)
NUMBER(on_n64, uint64_t, CBOR_KIND_NEGATIVE)
NUMBER(on_array, size_t, CBOR_KIND_ARRAY)
NUMBER(on_map, size_t, CBOR_KIND_MAP)
NUMBER(on_tag, uint64_t, CBOR_KIND_TAG)
NUMBER(on_bool, bool, CBOR_KIND_BOOL)

static void on_bytes(void *arg, cbor_data data, size_t len)
{
    tell(arg, CBOR_KIND_BYTES, len, data);
}

static void on_text(void *arg, cbor_data data, size_t len)
{
    tell(arg, CBOR_KIND_TEXT, len, data);
}

static void on_null(void *arg)
{
    tell(arg, CBOR_KIND_NULL, 0, NULL);
}

static void on_undefined(void *arg)
{
    tell(arg, CBOR_KIND_OTHER, 0, NULL);
}

static void on_float(void *arg, float v)
{
    (void)v;
    tell(arg, CBOR_KIND_OTHER, 0, NULL);
}

static void on_double(void *arg, double v)
{
    (void)v;
    tell(arg, CBOR_KIND_OTHER, 0, NULL);
}

static void on_indefinite(void *arg)
{
    ((struct told *)arg)->indefinite = true;
}

static const struct cbor_callbacks callbacks = {
    .uint8 = on_u8,
    .uint16 = on_u16,
    .uint32 = on_u32,
    .uint64 = on_u64,
    .negint8 = on_n8,
    .negint16 = on_n16,
    .negint32 = on_n32,
    .negint64 = on_n64,
    .byte_string_start = on_indefinite,
    .byte_string = on_bytes,
    .string = on_text,
    .string_start = on_indefinite,
    .indef_array_start = on_indefinite,
    .array_start = on_array,
    .indef_map_start = on_indefinite,
    .map_start = on_map,
    .tag = on_tag,
    .float2 = on_float,
    .float4 = on_float,
    .float8 = on_double,
    .undefined = on_undefined,
    .null = on_null,
    .boolean = on_bool,
    .indef_break = on_indefinite,
};

const char *cbor_kind_name(enum cbor_kind kind)
{
    static const char *const names[] = {
        [CBOR_KIND_UINT] = "integer",      [CBOR_KIND_NEGATIVE] = "negative integer",
        [CBOR_KIND_BYTES] = "byte string", [CBOR_KIND_TEXT] = "text",
        [CBOR_KIND_ARRAY] = "array",       [CBOR_KIND_MAP] = "map",
        [CBOR_KIND_TAG] = "tag",           [CBOR_KIND_BOOL] = "boolean",
        [CBOR_KIND_NULL] = "null",         [CBOR_KIND_OTHER] = "value of another kind",
    };
    return names[kind];
}

/* Items that must follow for a head to be true: each takes a byte at least. */
static bool has_room(const struct cbor_value *v, size_t left)
{
    if (v->kind == CBOR_KIND_ARRAY)
        return v->n <= left;
    if (v->kind == CBOR_KIND_MAP)
        return v->n <= left / 2;
    return v->kind != CBOR_KIND_TAG || left > 0;
}

/* Tags below 24 lie in the first byte; releases of the library before 0.10 refuse some of them, 18 (COSE_Sign1) too. */
static bool small_tag(const struct cbor_in *in, struct cbor_value *out)
{
    uint8_t first = in->data[in->at];
    if (first < 0xc0 || first > 0xd7)
        return false;
    *out = (struct cbor_value){ .kind = CBOR_KIND_TAG, .n = first - 0xc0U };
    return true;
}

static int decode(struct cbor_in *in, struct cbor_value *out, size_t *read, struct err *e)
{
    struct told told = { .out = out };
    struct cbor_decoder_result r = cbor_stream_decode(in->data + in->at, in->len - in->at, &callbacks, &told);
    *read = r.read;
    if (r.status == CBOR_DECODER_NEDATA)
        return err_set(e, -EBADMSG, "CBOR at byte %zu: truncated item", in->at);
    if (r.status != CBOR_DECODER_FINISHED)
        return err_set(e, -EBADMSG, "CBOR at byte %zu: not a valid item", in->at);
    if (told.indefinite)
        return err_set(e, -EBADMSG, "CBOR at byte %zu: indefinite lengths are not accepted", in->at);
    return 0;
}

int cbor_in_next(struct cbor_in *in, struct cbor_value *out, struct err *e)
{
    size_t read = 1;
    if (in->at >= in->len)
        return err_set(e, -EBADMSG, "CBOR at byte %zu: ends where an item was expected", in->at);
    if (!small_tag(in, out) && decode(in, out, &read, e) < 0)
        return -EBADMSG;
    if (!has_room(out, in->len - in->at - read))
        return err_set(e, -EBADMSG, "CBOR at byte %zu: %s longer than what is left", in->at, cbor_kind_name(out->kind));
    in->at += read;
    return 0;
}

int cbor_in_expect(struct cbor_in *in, struct cbor_value *out, enum cbor_kind kind, const char *what, struct err *e)
{
    if (cbor_in_next(in, out, e) < 0)
        return err_wrap(e, "%s", what);
    if (out->kind != kind)
        return err_set(e, -EBADMSG, "%s: expected %s, found %s", what, cbor_kind_name(kind), cbor_kind_name(out->kind));
    return 0;
}

/* No recursion: one number says how many items are still to pass. It never exceeds the bytes left by more than the
 * nesting, because each count was checked against them. */
int cbor_in_skip(struct cbor_in *in, struct err *e)
{
    uint64_t pending = 1;
    while (pending > 0) {
        struct cbor_value v;
        if (cbor_in_next(in, &v, e) < 0)
            return -EBADMSG;
        pending--;
        if (v.kind == CBOR_KIND_ARRAY)
            pending += v.n;
        else if (v.kind == CBOR_KIND_MAP)
            pending += 2 * v.n;
        else if (v.kind == CBOR_KIND_TAG)
            pending++;
        if (pending > in->len - in->at)
            return err_set(e, -EBADMSG, "CBOR at byte %zu: ends where an item was expected", in->len);
    }
    return 0;
}

bool cbor_in_done(const struct cbor_in *in)
{
    return in->at == in->len;
}

bool cbor_text_is(const struct cbor_value *v, const char *s)
{
    return v->kind == CBOR_KIND_TEXT && v->n == strlen(s) && memcmp(v->data, s, v->n) == 0;
}

/* Appends what one of the library's encoders writes. */
#define PUT(out, encode, ...)                                                                                          \
    do {                                                                                                               \
        unsigned char head_[HEAD_BYTES];                                                                               \
        size_t n_ = encode(__VA_ARGS__, head_, sizeof head_);                                                          \
        assert(n_ > 0);                                                                                                \
        buf_append(out, head_, n_);                                                                                    \
    } while (0)

void cbor_put_uint(struct buf *out, uint64_t n)
{
    PUT(out, cbor_encode_uint, n);
}

void cbor_put_negative(struct buf *out, uint64_t n)
{
    PUT(out, cbor_encode_negint, n);
}

void cbor_put_bytes(struct buf *out, const void *data, size_t len)
{
    PUT(out, cbor_encode_bytestring_start, len);
    buf_append(out, data, len);
}

void cbor_put_text(struct buf *out, const char *s)
{
    PUT(out, cbor_encode_string_start, strlen(s));
    buf_puts(out, s);
}

void cbor_put_array(struct buf *out, size_t n)
{
    PUT(out, cbor_encode_array_start, n);
}

void cbor_put_map(struct buf *out, size_t n)
{
    PUT(out, cbor_encode_map_start, n);
}

void cbor_put_tag(struct buf *out, uint64_t tag)
{
    PUT(out, cbor_encode_tag, tag);
}

void cbor_put_bool(struct buf *out, bool v)
{
    PUT(out, cbor_encode_bool, v);
}

void cbor_put_null(struct buf *out)
{
    buf_push(out, 0xf6);
}
