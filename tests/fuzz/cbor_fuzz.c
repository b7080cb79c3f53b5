/* Any bytes as CBOR: items lie inside, and what is written again from them is read again as the same. */
#include "fuzz.h"

#include "enclave/cbor.h"

static void write_again(struct buf *out, const struct cbor_value *v)
{
    struct buf text = { 0 };
    switch (v->kind) {
    case CBOR_KIND_UINT:
        cbor_put_uint(out, v->n);
        break;
    case CBOR_KIND_NEGATIVE:
        cbor_put_negative(out, v->n);
        break;
    case CBOR_KIND_BYTES:
        cbor_put_bytes(out, v->data, v->n);
        break;
    case CBOR_KIND_TEXT:
        if (memchr(v->data, 0, v->n)) {
            cbor_put_bytes(out, v->data, v->n);
            break;
        }
        buf_append(&text, v->data, v->n);
        cbor_put_text(out, buf_cstr(&text));
        break;
    case CBOR_KIND_ARRAY:
        cbor_put_array(out, v->n);
        break;
    case CBOR_KIND_MAP:
        cbor_put_map(out, v->n);
        break;
    case CBOR_KIND_TAG:
        cbor_put_tag(out, v->n);
        break;
    case CBOR_KIND_BOOL:
        cbor_put_bool(out, v->n == 1);
        break;
    default:
        cbor_put_null(out);
    }
    buf_free(&text);
}

static void check_again(const uint8_t *data, size_t len, const struct buf *again)
{
    struct cbor_in in = { .data = data, .len = len }, out = { .data = again->data, .len = again->len };
    struct cbor_value v, w;
    while (!cbor_in_done(&in)) {
        assert(cbor_in_next(&in, &v, NULL) == 0 && cbor_in_next(&out, &w, NULL) == 0);
        if (v.kind != CBOR_KIND_OTHER && v.kind != CBOR_KIND_TEXT)
            assert(v.kind == w.kind);
        assert(v.kind == CBOR_KIND_OTHER || v.n == w.n);
        assert(!v.data || memcmp(v.data, w.data, v.n) == 0);
    }
    assert(cbor_in_done(&out));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct cbor_in in = { .data = data, .len = len };
    struct buf again = { 0 };
    struct err e = { 0 };
    if (cbor_in_skip(&in, &e) < 0) {
        assert(e.code == -EBADMSG && e.msg[0]);
        return 0;
    }
    size_t whole = in.at;
    assert(whole <= len);
    in = (struct cbor_in){ .data = data, .len = whole };
    while (!cbor_in_done(&in)) {
        struct cbor_value v;
        assert(cbor_in_next(&in, &v, NULL) == 0);
        assert(!v.data || (v.data >= data && v.data + v.n <= data + whole));
        write_again(&again, &v);
    }
    check_again(data, whole, &again);
    buf_free(&again);
    return 0;
}
