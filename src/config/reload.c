/* What a running node takes over of settings that were read anew. */
#include <string.h>

#include "config/keys.h"

static bool same(const struct json *a, const struct json *b)
{
    struct buf left = { 0 }, right = { 0 };
    if (a)
        json_dump(&left, a);
    if (b)
        json_dump(&right, b);
    bool equal = left.len == right.len && (left.len == 0 || memcmp(left.data, right.data, left.len) == 0);
    buf_free(&left);
    buf_free(&right);
    return equal;
}

/* Both have passed through the reader of k, which does not fail for this value. */
static void take_over(struct config *c, const struct config *fresh, const struct key *k, size_t i)
{
    if (k->kind->release)
        k->kind->release(k, config_member(c, k));
    (void)k->kind->read(k, config_member(c, k), fresh->values[i], NULL);
    json_free(c->values[i]);
    c->values[i] = json_keep(fresh->values[i]);
    c->origins[i] = fresh->origins[i];
}

void config_reload(struct config *c, const struct config *fresh, config_changed_fn *changed, void *arg)
{
    const struct key *k;
    for (size_t i = 0; (k = config_key_at(i)); i++) {
        if (same(c->values[i], fresh->values[i]))
            continue;
        bool live =
            k->change == LIVE && fresh->values[i]; /* live keys have defaults or are required: none is ever absent */
        if (live)
            take_over(c, fresh, k, i);
        changed(arg, k->name, live);
    }
}
