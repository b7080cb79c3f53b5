#include "util/json.h"

#include <errno.h>
#include <jansson.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>

#include "util/hex.h"

static const json_t *in(const struct json *v)
{
    return (const json_t *)(const void *)v;
}

static const struct json *out_of(const json_t *v)
{
    return (const struct json *)(const void *)v;
}

struct json *json_parse(const char *text, size_t len, struct err *e)
{
    json_error_t je;
    json_t *root = json_loadb(text ? text : "", len, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY | JSON_ALLOW_NUL, &je);
    if (!root) {
        (void)err_set(e, -EINVAL, "line %d column %d: %s", je.line, je.column, je.text);
        return NULL;
    }
    return (struct json *)(void *)root;
}

void json_free(struct json *root)
{
    json_decref((json_t *)(void *)root);
}

static void free_wiped(void *p)
{
    if (p)
        explicit_bzero(p, malloc_usable_size(p));
    free(p);
}

struct json *json_parse_secret(const char *text, size_t len, struct err *e)
{
    json_error_t je;
    json_set_alloc_funcs(malloc, free_wiped);
    json_t *root = json_loadb(text, len, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY | JSON_ALLOW_NUL, &je);
    json_set_alloc_funcs(malloc, free);
    if (!root)
        (void)err_set(e, -EINVAL, "line %d column %d", je.line, je.column);
    explicit_bzero(&je, sizeof je);
    return (struct json *)(void *)root;
}

void json_free_secret(struct json *root)
{
    json_set_alloc_funcs(malloc, free_wiped);
    json_free(root);
    json_set_alloc_funcs(malloc, free);
}

struct json *json_keep(const struct json *v)
{
    json_t *j = (json_t *)(uintptr_t)v;
    return (struct json *)(void *)json_incref(j);
}

enum json_kind json_kind(const struct json *v)
{
    if (!v)
        return JSON_KIND_NULL;
    switch (json_typeof(in(v))) {
    case JSON_OBJECT:
        return JSON_KIND_OBJECT;
    case JSON_ARRAY:
        return JSON_KIND_ARRAY;
    case JSON_STRING:
        return JSON_KIND_STRING;
    case JSON_INTEGER:
        return JSON_KIND_INT;
    case JSON_REAL:
        return JSON_KIND_REAL;
    case JSON_TRUE:
    case JSON_FALSE:
        return JSON_KIND_BOOL;
    default:
        return JSON_KIND_NULL;
    }
}

const char *json_kind_name(const struct json *v)
{
    static const char *const names[] = { "null", "boolean", "integer", "number", "string", "array", "object" };
    return v ? names[json_kind(v)] : "nothing";
}

const struct json *json_get(const struct json *obj, const char *key)
{
    return json_kind(obj) == JSON_KIND_OBJECT ? out_of(json_object_get(in(obj), key)) : NULL;
}

const struct json *json_at(const struct json *arr, size_t index)
{
    return json_kind(arr) == JSON_KIND_ARRAY ? out_of(json_array_get(in(arr), index)) : NULL;
}

size_t json_len(const struct json *v)
{
    enum json_kind t = json_kind(v);
    return t == JSON_KIND_ARRAY ? json_array_size(in(v)) : t == JSON_KIND_OBJECT ? json_object_size(in(v)) : 0;
}

const char *json_str(const struct json *v, size_t *len)
{
    if (json_kind(v) != JSON_KIND_STRING)
        return NULL;
    if (len)
        *len = json_string_length(in(v));
    return json_string_value(in(v));
}

bool json_u64(const struct json *v, uint64_t *out)
{
    if (json_kind(v) != JSON_KIND_INT || json_integer_value(in(v)) < 0)
        return false;
    *out = (uint64_t)json_integer_value(in(v));
    return true;
}

bool json_f64(const struct json *v, double *out)
{
    if (json_kind(v) != JSON_KIND_INT && json_kind(v) != JSON_KIND_REAL)
        return false;
    *out = json_number_value(in(v));
    return true;
}

bool json_i64(const struct json *v, int64_t *out)
{
    if (json_kind(v) != JSON_KIND_INT)
        return false;
    *out = json_integer_value(in(v));
    return true;
}

bool json_bool(const struct json *v, bool fallback)
{
    return json_kind(v) == JSON_KIND_BOOL ? json_is_true(in(v)) : fallback;
}

int json_each(const struct json *obj, int (*fn)(void *arg, const char *key, const struct json *value), void *arg)
{
    json_t *o = (json_t *)(uintptr_t)obj;
    for (void *it = json_object_iter(o); it; it = json_object_iter_next(o, it)) {
        int rc = fn(arg, json_object_iter_key(it), out_of(json_object_iter_value(it)));
        if (rc)
            return rc;
    }
    return 0;
}

static int req_str(const char **s, size_t *n, const struct json *obj, const char *key, const char *what, struct err *e)
{
    const struct json *v = json_get(obj, key);
    *s = json_str(v, n);
    if (!*s)
        return err_set(e, -EPROTO, "%s: expected %s, found %s", key, what, json_kind_name(v));
    return 0;
}

int json_req_quantity(uint64_t *out, const struct json *obj, const char *key, struct err *e)
{
    const char *s;
    size_t n;
    struct err why = { 0 };
    if (req_str(&s, &n, obj, key, "a hex quantity", e) < 0)
        return -EPROTO;
    if (hex_decode_u64(out, s, n, &why) < 0)
        return err_set(e, -EPROTO, "%s: %s", key, why.msg);
    return 0;
}

int json_req_bytes(uint8_t *out, size_t want, const struct json *obj, const char *key, struct err *e)
{
    const char *s;
    size_t n;
    struct err why = { 0 };
    if (req_str(&s, &n, obj, key, "hex data", e) < 0)
        return -EPROTO;
    if (hex_decode_exact(out, want, s, n, &why) < 0)
        return err_set(e, -EPROTO, "%s: %s", key, why.msg);
    return 0;
}

int json_req_data(struct buf *out, size_t max, const struct json *obj, const char *key, struct err *e)
{
    const char *s;
    size_t n;
    struct err why = { 0 };
    if (req_str(&s, &n, obj, key, "hex data", e) < 0)
        return -EPROTO;
    if (n / 2 > max + 1)
        return err_set(e, -EPROTO, "%s: over %zu bytes", key, max);
    if (hex_decode_data(out, s, n, &why) < 0)
        return err_set(e, -EPROTO, "%s: %s", key, why.msg);
    return 0;
}

static int dump_cb(const char *data, size_t size, void *arg)
{
    buf_append(arg, data, size);
    return 0;
}

void json_dump(struct buf *out, const struct json *v)
{
    (void)json_dump_callback(in(v), dump_cb, out, JSON_COMPACT | JSON_ENCODE_ANY);
}

/* Length of the well-formed UTF-8 sequence at s (Unicode table 3-7), or 0. */
static size_t utf8_len(const uint8_t *s, size_t n)
{
    if (s[0] < 0x80)
        return 1;
    size_t want = s[0] >= 0xc2 && s[0] <= 0xdf   ? 2
                  : s[0] >= 0xe0 && s[0] <= 0xef ? 3
                  : s[0] >= 0xf0 && s[0] <= 0xf4 ? 4
                                                 : 0;
    if (want == 0 || want > n)
        return 0;
    for (size_t i = 1; i < want; i++)
        if ((s[i] & 0xc0) != 0x80)
            return 0;
    if ((s[0] == 0xe0 && s[1] < 0xa0) || (s[0] == 0xed && s[1] > 0x9f) || (s[0] == 0xf0 && s[1] < 0x90) ||
        (s[0] == 0xf4 && s[1] > 0x8f))
        return 0;
    return want;
}

static void put_ascii(struct buf *out, uint8_t c)
{
    if (c == '"' || c == '\\') {
        buf_push(out, '\\');
        buf_push(out, c);
    } else if (c < 0x20) {
        buf_printf(out, "\\u%04x", c);
    } else {
        buf_push(out, c);
    }
}

void json_put_str(struct buf *out, const char *s, size_t len)
{
    const uint8_t *p = (const uint8_t *)s;
    buf_push(out, '"');
    for (size_t i = 0; i < len;) {
        size_t n = utf8_len(p + i, len - i);
        if (n == 1)
            put_ascii(out, p[i]);
        else if (n == 0)
            buf_puts(out, "\xef\xbf\xbd");
        else
            buf_append(out, p + i, n);
        i += n ? n : 1;
    }
    buf_push(out, '"');
}

void json_put_raw_str(struct buf *out, const uint8_t *s, size_t len)
{
    buf_reserve(out, len + 2);
    buf_push(out, '"');
    size_t from = 0;
    for (size_t i = 0; i < len; i++) {
        if (s[i] >= 0x20 && s[i] != '"' && s[i] != '\\')
            continue;
        buf_append(out, s + from, i - from);
        put_ascii(out, s[i]);
        from = i + 1;
    }
    buf_append(out, s + from, len - from);
    buf_push(out, '"');
}
