/* Files that this tool makes: whole or not at all. */
#ifndef OYSTERCTL_NEW_FILE_H
#define OYSTERCTL_NEW_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "util/err.h"

/* Writes len bytes to a new file of that mode, synced to the disk. An existing path is -EEXIST, unless replace is set:
 * then it is exchanged in one step. On failure nothing new is left and what was there stays. */
int new_file_write(const char *path, const void *data, size_t len, mode_t mode, bool replace, struct err *e);

#endif
