/* The text format that Prometheus reads (version 0.0.4): families with HELP and TYPE, samples with labels. Pure. */
#ifndef OYSTER_API_EXPOSITION_H
#define OYSTER_API_EXPOSITION_H

#include <stddef.h>
#include <stdint.h>

#include "util/buf.h"
#include "util/histogram.h"

#define EXPOSITION_CONTENT_TYPE "text/plain; version=0.0.4; charset=utf-8"

/* One label. value: any bytes; backslash, quote and line feed are escaped, what is not UTF-8 becomes '?'. */
struct label {
    const char *name, *value;
};

/* Appends "# HELP" and "# TYPE" of a family. type: "counter", "gauge" or "histogram". */
void exposition_family(struct buf *out, const char *name, const char *type, const char *help);

/* Appends one sample: a whole number / any number. n_labels may be 0. */
void exposition_u64(struct buf *out, const char *name, const struct label *labels, size_t n_labels, uint64_t value);
void exposition_f64(struct buf *out, const char *name, const struct label *labels, size_t n_labels, double value);

/* Appends the samples of one histogram: cumulative buckets with the bound in seconds as "le", _sum and _count.
 * At most one label (NULL = none). */
void exposition_histogram(struct buf *out, const char *name, const struct label *label, const struct histogram *h);

#endif
