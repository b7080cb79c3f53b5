/* The settings in effect, for people and programs, without what may be a secret. */
#include <stdlib.h>
#include <string.h>

#include "config/keys.h"
#include "enclave/crypto.h"
#include "net/url.h"

/* A URL without what may be a secret. */
static void put_public_url(struct buf *out, const char *text)
{
    struct url u;
    const char *plain = strncasecmp(text, "ws", 2) == 0 ? "ws" : "http";
    struct buf shown = { 0 };
    if (url_parse(&u, text, plain, *plain == 'w' ? "wss" : "https", NULL) < 0) {
        buf_puts(&shown, "(hidden)");
    } else {
        url_origin(&shown, &u);
        if (u.user || strcmp(u.target, "/") != 0)
            buf_puts(&shown, "/(hidden)");
        url_free(&u);
    }
    json_put_str(out, (char *)shown.data, shown.len);
    buf_free(&shown);
}

static void put_value(struct buf *out, const struct key *k, const struct json *v)
{
    if (!k->kind->hidden) {
        json_dump(out, v);
    } else if (json_kind(v) == JSON_KIND_ARRAY) {
        buf_puts(out, "[");
        for (size_t i = 0; i < json_len(v); i++) {
            buf_puts(out, i ? "," : "");
            put_public_url(out, json_str(json_at(v, i), NULL));
        }
        buf_puts(out, "]");
    } else {
        put_public_url(out, json_str(v, NULL));
    }
}

static void put_origin(struct buf *out, const struct config *c, const struct key *k, enum config_origin origin)
{
    if (origin == CONFIG_DEFAULT)
        buf_puts(out, "default");
    else if (origin == CONFIG_FILE)
        buf_printf(out, "file %s", c->file);
    else if (origin == CONFIG_FLAG)
        buf_puts(out, "flag ");
    if (origin == CONFIG_ENVIRONMENT || origin == CONFIG_FLAG)
        config_put_place(out, c->file, k, origin);
}

bool config_setting(size_t i, const struct config *c, const char **name, struct buf *value, struct buf *origin)
{
    const struct key *k = config_key_at(i);
    if (!k)
        return false;
    *name = k->name;
    if (c->values[i])
        put_value(value, k, c->values[i]);
    put_origin(origin, c, k, c->origins[i]);
    return true;
}

static void put_setting(struct buf *out, const char *name, struct buf *value, struct buf *origin, bool json)
{
    if (!json) {
        buf_printf(out, "%-24s %s  (%s)\n", name, value->len ? buf_cstr(value) : "absent", buf_cstr(origin));
        return;
    }
    buf_printf(out, "%s\"%s\":{", out->len ? "," : "{", name);
    if (value->len)
        buf_printf(out, "\"value\":%s,", buf_cstr(value));
    buf_puts(out, "\"origin\":");
    json_put_str(out, buf_cstr(origin), origin->len);
    buf_puts(out, "}");
}

void config_show(struct buf *out, const struct config *c, bool json)
{
    struct buf value = { 0 }, origin = { 0 };
    const char *name;
    for (size_t i = 0; config_setting(i, c, &name, &value, &origin); i++) {
        put_setting(out, name, &value, &origin, json);
        buf_reset(&value);
        buf_reset(&origin);
    }
    if (json)
        buf_puts(out, "}\n");
    buf_free(&value);
    buf_free(&origin);
}

static int by_name(const void *a, const void *b)
{
    return strcmp(config_key_at(*(const size_t *)a)->name, config_key_at(*(const size_t *)b)->name);
}

void config_hash(uint8_t out[CONFIG_HASH_BYTES], const struct config *c)
{
    struct buf text = { 0 };
    size_t order[CONFIG_KEYS_MAX] = { 0 }, n = 0;
    while (config_key_at(n)) {
        order[n] = n;
        n++;
    }
    qsort(order, n, sizeof *order, by_name);
    for (size_t i = 0; i < n; i++) {
        const struct key *k = config_key_at(order[i]);
        if (!c->values[order[i]])
            continue;
        buf_printf(&text, "%s\"%s\":", text.len ? "," : "{", k->name);
        put_value(&text, k, c->values[order[i]]);
    }
    buf_puts(&text, "}");
    sha256(out, text.data, text.len);
    buf_free(&text);
}
