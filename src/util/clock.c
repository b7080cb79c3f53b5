#include "util/clock.h"

#include <stddef.h>
#include <time.h>

static uint64_t read_us(clockid_t id)
{
    struct timespec ts;
    (void)clock_gettime(id, &ts);
    return (uint64_t)ts.tv_sec * 1000000 + (uint64_t)ts.tv_nsec / 1000;
}

static uint64_t system_mono_us(void)
{
    return read_us(CLOCK_MONOTONIC);
}

static uint64_t system_wall_us(void)
{
    return read_us(CLOCK_REALTIME);
}

static const struct clock_source system_source = { system_mono_us, system_wall_us };
static const struct clock_source *source = &system_source;

void clock_set_source(const struct clock_source *s)
{
    source = s ? s : &system_source;
}

uint64_t clock_mono_us(void)
{
    return source->mono_us();
}

uint64_t clock_mono_ms(void)
{
    return source->mono_us() / 1000;
}

uint64_t clock_wall_ms(void)
{
    return source->wall_us() / 1000;
}

uint64_t clock_wall_s(void)
{
    return source->wall_us() / 1000000;
}
