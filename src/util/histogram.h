/* How long something took, counted in buckets for Prometheus. One ladder of bounds for all, from half a millisecond to
 * a minute, so that histograms may be added up and compared. */
#ifndef OYSTER_UTIL_HISTOGRAM_H
#define OYSTER_UTIL_HISTOGRAM_H

#include <stddef.h>
#include <stdint.h>

#define HISTOGRAM_BOUNDS 16

/* {0} is empty. in_bucket[i] counts what took at most the i-th bound and more than the one before; the last what took
 * longer than all. */
struct histogram {
    uint64_t in_bucket[HISTOGRAM_BOUNDS + 1];
    uint64_t sum_us;
};

/* The i-th upper bound in microseconds, i < HISTOGRAM_BOUNDS. */
uint64_t histogram_bound_us(size_t i);

/* Counts one observation: a few comparisons. */
void histogram_add(struct histogram *h, uint64_t us);

/* Adds what other has counted. */
void histogram_merge(struct histogram *h, const struct histogram *other);

/* How many observations. */
uint64_t histogram_count(const struct histogram *h);

#endif
