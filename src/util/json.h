/* JSON values (the only user of jansson): strict parsing with bounds, typed reads whose errors name the key, and a
 * writer that appends to a buffer. */
#ifndef OYSTER_UTIL_JSON_H
#define OYSTER_UTIL_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/buf.h"
#include "util/err.h"

/* A parsed value. The root is owned by whoever parsed it; values below it are borrowed and live as long as the root. */
struct json;

enum json_kind {
    JSON_KIND_NULL,
    JSON_KIND_BOOL,
    JSON_KIND_INT,
    JSON_KIND_REAL,
    JSON_KIND_STRING,
    JSON_KIND_ARRAY,
    JSON_KIND_OBJECT
};

/* Parses len bytes (any JSON value at the top; duplicate keys, trailing bytes, invalid UTF-8 and NUL in keys are
 * errors; nesting is bounded by the library at 2048). text: NULL with len 0. Returns the root (free with json_free), or
 * NULL with line and column in e (code -EINVAL). */
struct json *json_parse(const char *text, size_t len, struct err *e);

/* Frees a root. NULL allowed. */
void json_free(struct json *root);

/* As json_parse and json_free for text that holds a secret: every piece of memory used by the parser is overwritten
 * before it is freed, and the error tells the place only. One thread at a time. */
struct json *json_parse_secret(const char *text, size_t len, struct err *e);
void json_free_secret(struct json *root);

/* Takes one more reference, so that a value outlives its root; drop it with json_free. */
struct json *json_keep(const struct json *v);

/* The type of v; JSON_KIND_NULL for NULL. */
enum json_kind json_kind(const struct json *v);

/* "null", "boolean", "integer", "number", "string", "array", "object": for messages. */
const char *json_kind_name(const struct json *v);

/* The member of an object, or NULL where it is missing or obj is not an object. */
const struct json *json_get(const struct json *obj, const char *key);

/* The element of an array or NULL. */
const struct json *json_at(const struct json *arr, size_t index);

/* Number of elements (array) or members (object); 0 for the rest. */
size_t json_len(const struct json *v);

/* The string's bytes (no NUL promised beyond len) or NULL where v is not a string. len: NULL allowed. */
const char *json_str(const struct json *v, size_t *len);

/* Integer value; false where v is not an integer or is negative. */
bool json_u64(const struct json *v, uint64_t *out);

/* Value of an integer or a real; false where v is not a number. */
bool json_f64(const struct json *v, double *out);

/* Integer value of either sign; false where v is not an integer. */
bool json_i64(const struct json *v, int64_t *out);

/* Boolean value, or fallback where v is missing or not a boolean. */
bool json_bool(const struct json *v, bool fallback);

/* Calls fn for each member in the document's order; stops at the first non-zero result, which it returns. */
int json_each(const struct json *obj, int (*fn)(void *arg, const char *key, const struct json *value), void *arg);

/* Required members, with errors such as "blockNumber: expected a hex quantity, found null" (code -EPROTO):
 * a 0x quantity of 64 bits / 0x data of exactly n bytes / 0x data of any length up to max. */
int json_req_quantity(uint64_t *out, const struct json *obj, const char *key, struct err *e);
int json_req_bytes(uint8_t *out, size_t n, const struct json *obj, const char *key, struct err *e);
int json_req_data(struct buf *out, size_t max, const struct json *obj, const char *key, struct err *e);

/* Appends the value as compact JSON. */
void json_dump(struct buf *out, const struct json *v);

/* Appends a JSON string with quotes and escapes; bytes that are not UTF-8 become U+FFFD. */
void json_put_str(struct buf *out, const char *s, size_t len);

/* As json_put_str, bytes from 0x80 up are left as they are: for peers that read invalid UTF-8 themselves (workerd). */
void json_put_raw_str(struct buf *out, const uint8_t *s, size_t len);

#endif
