/* JSON of any bytes: what parses dumps to text that parses to the same dump, every typed read stays within its type,
 * and any bytes at all can be written as a string that parses. */
#include "fuzz.h"

#include "util/json.h"

static void walk(const struct json *v, int depth);

static int visit(void *arg, const char *key, const struct json *value)
{
    const int *depth = arg;
    (void)strlen(key);
    walk(value, *depth + 1);
    return 0;
}

static void check_required(const struct json *obj, const char *key)
{
    struct err e[3] = { 0 };
    uint64_t q;
    uint8_t bytes[32];
    struct buf data = { 0 };
    int rc[] = { json_req_quantity(&q, obj, key, &e[0]), json_req_bytes(bytes, sizeof bytes, obj, key, &e[1]),
                 json_req_data(&data, 64, obj, key, &e[2]) };
    assert(data.len <= 65);
    for (size_t i = 0; i < 3; i++)
        assert(rc[i] == 0 || (rc[i] == -EPROTO && strncmp(e[i].msg, key, strlen(key)) == 0));
    buf_free(&data);
}

static void walk(const struct json *v, int depth)
{
    size_t len = 0;
    uint64_t u = 0;
    const char *s = json_str(v, &len);
    assert((s != NULL) == (json_kind(v) == JSON_KIND_STRING));
    if (s)
        assert(memchr(s, 0, len + 1) != NULL); /* its NUL at least */
    if (json_u64(v, &u))
        assert(json_kind(v) == JSON_KIND_INT && u <= INT64_MAX);
    assert(json_kind_name(v)[0]);
    check_required(v, "result");
    if (json_kind(v) == JSON_KIND_ARRAY)
        for (size_t i = 0; i < json_len(v); i++)
            walk(json_at(v, i), depth + 1);
    assert(json_at(v, json_len(v)) == NULL);
    if (json_kind(v) == JSON_KIND_OBJECT)
        assert(json_each(v, visit, &depth) == 0);
}

static void check_parse(const char *text, size_t len)
{
    struct err e = { 0 };
    struct json *root = json_parse(text, len, &e);
    if (!root) {
        assert(e.code == -EINVAL && e.msg[0]);
        return;
    }
    struct buf once = { 0 }, twice = { 0 };
    walk(root, 0);
    json_dump(&once, root);
    json_free(root);
    root = json_parse((const char *)once.data, once.len, NULL);
    assert(root);
    json_dump(&twice, root);
    json_free(root);
    assert(once.len == twice.len && memcmp(once.data, twice.data, once.len) == 0);
    buf_free(&once);
    buf_free(&twice);
}

/* s as a JSON string is one string again; where s was UTF-8, it is s. */
static void check_write(const uint8_t *s, size_t len)
{
    struct buf safe = { 0 }, raw = { 0 };
    size_t found_len = 0;
    json_put_str(&safe, (const char *)s, len);
    json_put_raw_str(&raw, s, len);
    struct json *root = json_parse((const char *)safe.data, safe.len, NULL);
    const char *found = json_str(root, &found_len);
    assert(found);
    if (raw.len == safe.len && memcmp(raw.data, safe.data, raw.len) == 0)
        assert(found_len == len && (len == 0 || memcmp(found, s, len) == 0));
    else
        assert(json_parse((const char *)raw.data, raw.len, NULL) == NULL); /* differ for bad UTF-8 only */
    json_free(root);
    buf_free(&raw);
    buf_free(&safe);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    check_parse((const char *)data, len);
    check_write(data, len);
    return 0;
}
