#include "util/histogram.h"

static const uint64_t bounds_us[HISTOGRAM_BOUNDS] = { 500,     1000,     2500,     5000,    10000,   25000,
                                                      50000,   100000,   250000,   500000,  1000000, 2500000,
                                                      5000000, 10000000, 30000000, 60000000 };

uint64_t histogram_bound_us(size_t i)
{
    return bounds_us[i];
}

void histogram_add(struct histogram *h, uint64_t us)
{
    size_t i = 0;
    while (i < HISTOGRAM_BOUNDS && us > bounds_us[i])
        i++;
    h->in_bucket[i]++;
    h->sum_us += us;
}

void histogram_merge(struct histogram *h, const struct histogram *other)
{
    for (size_t i = 0; i <= HISTOGRAM_BOUNDS; i++)
        h->in_bucket[i] += other->in_bucket[i];
    h->sum_us += other->sum_us;
}

uint64_t histogram_count(const struct histogram *h)
{
    uint64_t n = 0;
    for (size_t i = 0; i <= HISTOGRAM_BOUNDS; i++)
        n += h->in_bucket[i];
    return n;
}
