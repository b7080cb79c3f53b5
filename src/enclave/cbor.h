/* CBOR (RFC 8949) as Nitro documents use it (the only user of libcbor): a reader that walks bytes item by item without
 * a heap, and a writer that appends to a buffer. Indefinite lengths are refused: no peer of ours may send them. */
#ifndef OYSTER_ENCLAVE_CBOR_H
#define OYSTER_ENCLAVE_CBOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/buf.h"
#include "util/err.h"

enum cbor_kind {
    CBOR_KIND_UINT,
    CBOR_KIND_NEGATIVE, /* the number is -1 - n */
    CBOR_KIND_BYTES,
    CBOR_KIND_TEXT,
    CBOR_KIND_ARRAY,
    CBOR_KIND_MAP,
    CBOR_KIND_TAG,
    CBOR_KIND_BOOL,
    CBOR_KIND_NULL,
    CBOR_KIND_OTHER /* floating point, undefined */
};

/* One item's head. The elements of an array, the keys and values of a map, and what a tag marks come next. */
struct cbor_value {
    enum cbor_kind kind;
    uint64_t n;          /* number; length of bytes and text; count of elements or pairs; tag; 0 or 1 */
    const uint8_t *data; /* bytes and text: n bytes, borrowed from what is read */
};

/* What is read and how far. {.data = …, .len = …} begins. */
struct cbor_in {
    const uint8_t *data;
    size_t len;
    size_t at;
};

/* "integer", "byte string", …: for messages. */
const char *cbor_kind_name(enum cbor_kind kind);

/* Reads the next item. Counts of arrays and maps never exceed what the bytes left could hold. Returns 0, or -EBADMSG
 * with the position (truncated, malformed, of indefinite length); the position is then unchanged. */
int cbor_in_next(struct cbor_in *in, struct cbor_value *out, struct err *e);

/* As cbor_in_next for an item that must be of one kind; the error begins with what. */
int cbor_in_expect(struct cbor_in *in, struct cbor_value *out, enum cbor_kind kind, const char *what, struct err *e);

/* Passes over one item with all that it contains, at any depth. Returns 0 or -EBADMSG. */
int cbor_in_skip(struct cbor_in *in, struct err *e);

/* True when every byte has been read. */
bool cbor_in_done(const struct cbor_in *in);

/* True for a text that equals s. */
bool cbor_text_is(const struct cbor_value *v, const char *s);

/* Append one item's head or item, in the shortest form. After cbor_put_array n items follow, after cbor_put_map n
 * pairs, after cbor_put_tag one item. cbor_put_negative writes -1 - n. */
void cbor_put_uint(struct buf *out, uint64_t n);
void cbor_put_negative(struct buf *out, uint64_t n);
void cbor_put_bytes(struct buf *out, const void *data, size_t len);
void cbor_put_text(struct buf *out, const char *s);
void cbor_put_array(struct buf *out, size_t n);
void cbor_put_map(struct buf *out, size_t n);
void cbor_put_tag(struct buf *out, uint64_t tag);
void cbor_put_bool(struct buf *out, bool v);
void cbor_put_null(struct buf *out);

#endif
