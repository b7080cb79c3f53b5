/* The one source of time. Deadlines use the monotonic clock, signatures the wall clock; tests may drive both. */
#ifndef OYSTER_UTIL_CLOCK_H
#define OYSTER_UTIL_CLOCK_H

#include <stdint.h>

/* Monotonic time in microseconds / milliseconds (CLOCK_MONOTONIC); never steps. */
uint64_t clock_mono_us(void);
uint64_t clock_mono_ms(void);

/* Wall-clock time since the Unix epoch in milliseconds / seconds. */
uint64_t clock_wall_ms(void);
uint64_t clock_wall_s(void);

/* Where time is read from. Both functions return microseconds. */
struct clock_source {
    uint64_t (*mono_us)(void);
    uint64_t (*wall_us)(void);
};

/* Replaces the source (tests); NULL restores the system clocks. */
void clock_set_source(const struct clock_source *source);

#endif
