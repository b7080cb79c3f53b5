#include "api/exposition.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

void exposition_family(struct buf *out, const char *name, const char *type, const char *help)
{
    buf_printf(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

/* The bytes of the UTF-8 character at s, 0 where there is none. */
static size_t utf8_len(const unsigned char *s)
{
    size_t len = s[0] < 0x80 ? 1 : s[0] >= 0xf0 ? 4 : s[0] >= 0xe0 ? 3 : 2;
    if (s[0] > 0xf4 || (s[0] >= 0x80 && s[0] < 0xc2))
        return 0;
    for (size_t i = 1; i < len; i++)
        if ((s[i] & 0xc0) != 0x80) /* a NUL ends it here too */
            return 0;
    return len;
}

static void put_escaped(struct buf *out, const char *value)
{
    for (const unsigned char *s = (const unsigned char *)value; *s;) {
        size_t len = utf8_len(s);
        if (*s == '\\' || *s == '"')
            buf_push(out, '\\');
        if (*s == '\n')
            buf_puts(out, "\\n");
        else if (len == 0)
            buf_push(out, '?');
        else
            buf_append(out, s, len);
        s += len ? len : 1;
    }
}

static void put_name(struct buf *out, const char *name, const struct label *labels, size_t n)
{
    buf_puts(out, name);
    for (size_t i = 0; i < n; i++) {
        buf_printf(out, "%s%s=\"", i == 0 ? "{" : ",", labels[i].name);
        put_escaped(out, labels[i].value);
        buf_push(out, '"');
    }
    buf_puts(out, n ? "} " : " ");
}

void exposition_u64(struct buf *out, const char *name, const struct label *labels, size_t n_labels, uint64_t value)
{
    put_name(out, name, labels, n_labels);
    buf_printf(out, "%llu\n", (unsigned long long)value);
}

void exposition_f64(struct buf *out, const char *name, const struct label *labels, size_t n_labels, double value)
{
    put_name(out, name, labels, n_labels);
    buf_printf(out, "%.15g\n", value);
}

void exposition_histogram(struct buf *out, const char *name, const struct label *label, const struct histogram *h)
{
    char series[128], bound[32];
    struct label labels[2] = { { "le", bound } };
    uint64_t n = 0;
    if (label)
        labels[1] = *label;
    (void)snprintf(series, sizeof series, "%s_bucket", name);
    for (size_t i = 0; i <= HISTOGRAM_BOUNDS; i++) {
        n += h->in_bucket[i];
        if (i < HISTOGRAM_BOUNDS)
            (void)snprintf(bound, sizeof bound, "%g", (double)histogram_bound_us(i) / 1e6);
        else
            (void)snprintf(bound, sizeof bound, "+Inf");
        exposition_u64(out, series, labels, label ? 2 : 1, n);
    }
    (void)snprintf(series, sizeof series, "%s_sum", name);
    exposition_f64(out, series, label, label ? 1 : 0, (double)h->sum_us / 1e6);
    (void)snprintf(series, sizeof series, "%s_count", name);
    exposition_u64(out, series, label, label ? 1 : 0, n);
}
