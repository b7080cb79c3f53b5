#include "util/process.h"

#include <dirent.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

/* Returns the number of bytes read into text, which gets a NUL. */
static size_t read_proc(char *text, size_t size, const char *path)
{
    FILE *f = fopen(path, "re");
    size_t n = f ? fread(text, 1, size - 1, f) : 0;
    text[n] = 0;
    if (f)
        (void)fclose(f);
    return n;
}

/* The 22nd field of stat is when it started, in ticks since the machine's boot; the name in the second may hold
 * anything, so fields are counted behind its last bracket. */
static uint64_t start_ticks(void)
{
    char text[1024];
    (void)read_proc(text, sizeof text, "/proc/self/stat");
    const char *p = strrchr(text, ')');
    unsigned long long ticks = 0;
    if (p)
        (void)sscanf(p + 1, " %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %llu",
                     &ticks);
    return ticks;
}

/* The wall clock may have been set meanwhile: what counts is how long it runs. */
static uint64_t start_wall_ms(void)
{
    struct timespec boot, wall;
    uint64_t ticks = start_ticks(), hz = (uint64_t)sysconf(_SC_CLK_TCK);
    if (!ticks || clock_gettime(CLOCK_BOOTTIME, &boot) < 0 || clock_gettime(CLOCK_REALTIME, &wall) < 0)
        return 0;
    uint64_t up_ms = (uint64_t)boot.tv_sec * 1000 + (uint64_t)boot.tv_nsec / 1000000;
    uint64_t now_ms = (uint64_t)wall.tv_sec * 1000 + (uint64_t)wall.tv_nsec / 1000000;
    return now_ms - up_ms + ticks * 1000 / hz;
}

static uint64_t count_fds(void)
{
    uint64_t n = 0;
    DIR *dir = opendir("/proc/self/fd");
    if (!dir)
        return 0;
    for (const struct dirent *d = readdir(dir); d; d = readdir(dir))
        n += d->d_name[0] != '.';
    (void)closedir(dir);
    return n - 1; /* less the folder's own */
}

static uint64_t us_of(struct timeval t)
{
    return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_usec;
}

void process_usage(struct process_usage *out)
{
    char text[256];
    unsigned long long size = 0, resident = 0;
    struct rusage usage = { 0 };
    struct rlimit files = { 0 };
    uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);
    if (read_proc(text, sizeof text, "/proc/self/statm") > 0)
        (void)sscanf(text, "%llu %llu", &size, &resident);
    (void)getrusage(RUSAGE_SELF, &usage);
    (void)getrlimit(RLIMIT_NOFILE, &files);
    *out = (struct process_usage){ .cpu_us = us_of(usage.ru_utime) + us_of(usage.ru_stime),
                                   .resident_bytes = resident * page,
                                   .virtual_bytes = size * page,
                                   .open_fds = count_fds(),
                                   .max_fds = files.rlim_cur,
                                   .start_wall_ms = start_wall_ms() };
}
