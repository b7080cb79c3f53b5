/* Saturating arithmetic for times that others choose: a deadline of 2^64-1 means never, not yesterday. */
#ifndef OYSTER_UTIL_SAT_H
#define OYSTER_UTIL_SAT_H

#include <stdint.h>

/* a + b, at most UINT64_MAX. */
static inline uint64_t sat_add(uint64_t a, uint64_t b)
{
    return a > UINT64_MAX - b ? UINT64_MAX : a + b;
}

/* a - b, at least 0. */
static inline uint64_t sat_sub(uint64_t a, uint64_t b)
{
    return a > b ? a - b : 0;
}

/* a * b, at most UINT64_MAX. */
static inline uint64_t sat_mul(uint64_t a, uint64_t b)
{
    uint64_t r;
    return __builtin_mul_overflow(a, b, &r) ? UINT64_MAX : r;
}

#endif
