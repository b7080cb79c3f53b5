#include "output.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "util/hex.h"
#include "util/json.h"
#include "value.h"

#define DEPTH_MAX 8
#define COLUMNS_MAX 16

enum node_kind { NODE_VALUE, NODE_OBJECT, NODE_ARRAY, NODE_NOTE };

/* One value or container; children in the order they were added. */
struct node {
    enum node_kind kind;
    bool hidden;
    char *key;  /* NULL in an array */
    char *json; /* NODE_VALUE */
    char *text; /* NODE_VALUE, NODE_NOTE */
    struct node *first, *last, *next;
};

struct out {
    struct node root;
    struct node *open[DEPTH_MAX];
    size_t depth;
    struct node *newest;
};

/* ---- building ---- */

struct out *out_new(void)
{
    struct out *o = xcalloc(1, sizeof *o);
    o->root.kind = NODE_OBJECT;
    o->open[0] = &o->root;
    return o;
}

static void free_children(struct node *parent)
{
    struct node *next;
    for (struct node *n = parent->first; n; n = next) {
        next = n->next;
        free_children(n);
        free(n->key);
        free(n->json);
        free(n->text);
        free(n);
    }
}

void out_free(struct out *o)
{
    if (!o)
        return;
    free_children(&o->root);
    free(o);
}

static struct node *append(struct out *o, enum node_kind kind, const char *key)
{
    struct node *parent = o->open[o->depth];
    struct node *n = xcalloc(1, sizeof *n);
    assert(kind == NODE_NOTE || (parent->kind == NODE_OBJECT) == (key != NULL));
    n->kind = kind;
    n->key = key ? xstrdup(key) : NULL;
    *(parent->last ? &parent->last->next : &parent->first) = n;
    parent->last = o->newest = n;
    return n;
}

void out_both(struct out *o, const char *key, const char *json, const char *text)
{
    struct node *n = append(o, NODE_VALUE, key);
    n->json = xstrdup(json);
    n->text = xstrdup(text);
}

void out_null(struct out *o, const char *key)
{
    out_both(o, key, "null", "-");
}

/* What a terminal may be shown: control characters would move its cursor. */
static void put_printable(struct buf *to, const char *text, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        uint8_t c = (uint8_t)text[i];
        if (c == '\n' || (c >= 0x20 && c != 0x7f))
            buf_push(to, c);
        else
            buf_printf(to, "\\x%02x", c);
    }
}

void out_strn(struct out *o, const char *key, const char *value, size_t len)
{
    struct buf json = { 0 }, text = { 0 };
    json_put_str(&json, value, len);
    put_printable(&text, value, len);
    out_both(o, key, buf_cstr(&json), buf_cstr(&text));
    buf_free(&json);
    buf_free(&text);
}

void out_str(struct out *o, const char *key, const char *value)
{
    if (value)
        out_strn(o, key, value, strlen(value));
    else
        out_null(o, key);
}

void out_u64(struct out *o, const char *key, uint64_t value)
{
    char text[U256_DEC_MAX];
    u256_to_dec(text, u256_from_u64(value));
    out_both(o, key, text, text);
}

void out_bool(struct out *o, const char *key, bool value)
{
    out_both(o, key, value ? "true" : "false", value ? "yes" : "no");
}

void out_hex(struct out *o, const char *key, const uint8_t *data, size_t len)
{
    struct buf text = { 0 };
    hex_append0x(&text, data, len);
    out_str(o, key, buf_cstr(&text));
    buf_free(&text);
}

void out_address(struct out *o, const char *key, const struct address *a)
{
    char text[ADDRESS_TEXT_MAX];
    out_str(o, key, address_checksum(text, a));
}

void out_u256(struct out *o, const char *key, struct u256 value)
{
    char text[U256_DEC_MAX];
    out_str(o, key, u256_to_dec(text, value));
}

void out_amount(struct out *o, const char *key, struct u256 value, const char *unit)
{
    out_amount_of(o, key, value, unit, 18);
}

void out_amount_of(struct out *o, const char *key, struct u256 value, const char *unit, unsigned decimals)
{
    char whole[AMOUNT_TEXT_MAX], dec[U256_DEC_MAX];
    struct buf json = { 0 }, text = { 0 };
    buf_printf(&json, "\"%s\"", u256_to_dec(dec, value));
    buf_printf(&text, "%s%s%s", amount_text(whole, value, decimals), *unit ? " " : "", unit);
    out_both(o, key, buf_cstr(&json), buf_cstr(&text));
    buf_free(&json);
    buf_free(&text);
}

static void open_node(struct out *o, enum node_kind kind, const char *key)
{
    struct node *n = append(o, kind, key);
    assert(o->depth + 1 < DEPTH_MAX);
    o->open[++o->depth] = n;
}

void out_object(struct out *o, const char *key)
{
    open_node(o, NODE_OBJECT, key);
}

void out_array(struct out *o, const char *key)
{
    open_node(o, NODE_ARRAY, key);
}

void out_end(struct out *o)
{
    assert(o->depth);
    o->newest = o->open[o->depth--];
}

void out_text(struct out *o, const char *text)
{
    append(o, NODE_NOTE, NULL)->text = xstrdup(text);
}

void out_note(struct out *o, const char *fmt, ...)
{
    char text[1024];
    va_list ap;
    va_start(ap, fmt);
    (void)vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    out_text(o, text);
}

void out_hide(struct out *o)
{
    assert(o->newest);
    o->newest->hidden = true;
}

bool out_is_empty(const struct out *o)
{
    return !o->root.first;
}

/* ---- JSON ---- */

static void json_node(struct buf *to, const struct node *n)
{
    if (n->kind == NODE_VALUE) {
        buf_puts(to, n->json);
        return;
    }
    bool comma = false;
    buf_push(to, n->kind == NODE_OBJECT ? '{' : '[');
    for (const struct node *c = n->first; c; c = c->next) {
        if (c->kind == NODE_NOTE)
            continue;
        if (comma)
            buf_push(to, ',');
        comma = true;
        if (c->key) {
            json_put_str(to, c->key, strlen(c->key));
            buf_push(to, ':');
        }
        json_node(to, c);
    }
    buf_push(to, n->kind == NODE_OBJECT ? '}' : ']');
}

void out_write_json(struct buf *to, const struct out *o)
{
    json_node(to, &o->root);
    buf_push(to, '\n');
}

/* ---- text ---- */

/* Characters that a text takes on a terminal: bytes that continue a UTF-8 sequence take none. */
static size_t width(const char *text)
{
    size_t n = 0;
    for (; *text; text++)
        n += ((unsigned char)*text & 0xc0) != 0x80;
    return n;
}

static void pad(struct buf *to, size_t n)
{
    while (n--)
        buf_push(to, ' ');
}

/* job_capacity → "job capacity". */
static void put_label(struct buf *to, const char *key)
{
    for (; *key; key++)
        buf_push(to, *key == '_' ? ' ' : (uint8_t)*key);
}

/* Lines behind the first stand below its beginning. */
static void put_value(struct buf *to, const char *text, size_t indent)
{
    for (; *text; text++) {
        buf_push(to, (uint8_t)*text);
        if (*text == '\n' && text[1])
            pad(to, indent);
    }
    buf_push(to, '\n');
}

static size_t label_width(const struct node *object)
{
    size_t widest = 0;
    for (const struct node *c = object->first; c; c = c->next)
        if (c->kind == NODE_VALUE && !c->hidden && width(c->key) > widest)
            widest = width(c->key);
    return widest;
}

static const struct node *child(const struct node *object, const char *key)
{
    for (const struct node *c = object->first; c; c = c->next)
        if (c->key && strcmp(c->key, key) == 0)
            return c;
    return NULL;
}

static const char *cell(const struct node *row, const char *key)
{
    const struct node *c = child(row, key);
    return c && c->text ? c->text : "-";
}

struct columns {
    const char *key[COLUMNS_MAX];
    size_t width[COLUMNS_MAX];
    size_t n;
};

static void columns_measure(struct columns *c, const struct node *array)
{
    for (const struct node *f = array->first->first; f && c->n < COLUMNS_MAX; f = f->next)
        if (f->kind == NODE_VALUE && !f->hidden)
            c->key[c->n++] = f->key;
    for (size_t i = 0; i < c->n; i++) {
        c->width[i] = width(c->key[i]);
        for (const struct node *row = array->first; row; row = row->next)
            if (width(cell(row, c->key[i])) > c->width[i])
                c->width[i] = width(cell(row, c->key[i]));
    }
}

/* The last column is not padded: no white space at the end of a line. */
static void put_cell(struct buf *to, const struct columns *c, size_t i, const char *text, bool label)
{
    if (i)
        buf_puts(to, "  ");
    if (label)
        put_label(to, text);
    else
        for (const char *at = text; *at; at++)
            buf_push(to, *at == '\n' ? ' ' : (uint8_t)*at);
    if (i + 1 < c->n)
        pad(to, c->width[i] - width(text));
}

static void text_table(struct buf *to, const struct node *array, size_t indent)
{
    struct columns c = { 0 };
    columns_measure(&c, array);
    pad(to, indent);
    for (size_t i = 0; i < c.n; i++)
        put_cell(to, &c, i, c.key[i], true);
    buf_push(to, '\n');
    for (const struct node *row = array->first; row; row = row->next) {
        pad(to, indent);
        for (size_t i = 0; i < c.n; i++)
            put_cell(to, &c, i, cell(row, c.key[i]), false);
        buf_push(to, '\n');
    }
}

static void text_array(struct buf *to, const struct node *array, size_t indent)
{
    if (array->first && array->first->kind == NODE_OBJECT) {
        text_table(to, array, indent);
        return;
    }
    if (!array->first) {
        pad(to, indent);
        buf_puts(to, "none\n");
    }
    for (const struct node *c = array->first; c; c = c->next) {
        pad(to, indent);
        put_value(to, c->text, indent);
    }
}

static void text_object(struct buf *to, const struct node *object, size_t indent);

static void text_field(struct buf *to, const struct node *c, size_t indent, size_t labels)
{
    pad(to, indent);
    if (c->kind == NODE_NOTE) {
        put_value(to, c->text, indent);
        return;
    }
    put_label(to, c->key);
    buf_push(to, ':');
    if (c->kind == NODE_VALUE) {
        pad(to, labels - width(c->key) + 1);
        put_value(to, c->text, indent + labels + 2);
        return;
    }
    buf_push(to, '\n');
    if (c->kind == NODE_OBJECT)
        text_object(to, c, indent + 2);
    else
        text_array(to, c, indent + 2);
}

static void text_object(struct buf *to, const struct node *object, size_t indent)
{
    size_t labels = label_width(object);
    for (const struct node *c = object->first; c; c = c->next)
        if (!c->hidden)
            text_field(to, c, indent, labels);
}

void out_write_text(struct buf *to, const struct out *o)
{
    text_object(to, &o->root, 0);
}
