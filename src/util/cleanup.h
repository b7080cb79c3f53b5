/* Scope-bound ownership: a local marked CLEANUP(f) is released at the end of its scope; handing over is a steal. */
#ifndef OYSTER_UTIL_CLEANUP_H
#define OYSTER_UTIL_CLEANUP_H

#include <stdlib.h>
#include <unistd.h>

#define CLEANUP(fn) __attribute__((cleanup(fn)))

/* Frees the heap block that *p (a pointer to a pointer) holds. */
static inline void free_p(void *p)
{
    free(*(void **)p);
}

/* Closes *fd unless it is negative. */
static inline void fd_close_p(const int *fd)
{
    if (*fd >= 0)
        (void)close(*fd);
}

/* Takes the descriptor out of *fd, which then owns nothing (-1). Returns it. */
static inline int fd_steal(int *fd)
{
    int taken = *fd;
    *fd = -1;
    return taken;
}

#endif
