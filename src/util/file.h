/* Whole files: read with a bound, replaced in one step. */
#ifndef OYSTER_UTIL_FILE_H
#define OYSTER_UTIL_FILE_H

#include <stddef.h>
#include <sys/types.h>

#include "util/buf.h"
#include "util/err.h"

/* Appends the whole of a file (or what a pipe gives) to out, at most max bytes. Returns 0, -errno, or -EFBIG; e names
 * the path. */
int file_read(struct buf *out, const char *path, size_t max, struct err *e);

/* Makes path hold just these bytes: written beside it, flushed and renamed, so that nobody ever sees a part. mode: of
 * the new file. Returns 0 or -errno; e names the path, and what was there before stays. */
int file_replace(const char *path, const void *data, size_t len, mode_t mode, struct err *e);

#endif
