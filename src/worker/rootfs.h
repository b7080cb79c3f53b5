/* The files that a sandboxed program sees: itself, its libraries, its config. */
#ifndef OYSTER_WORKER_ROOTFS_H
#define OYSTER_WORKER_ROOTFS_H

#include <stddef.h>

#include "util/buf.h"
#include "util/err.h"
#include "worker/sandbox.h"

/* A list that owns its strings. Zero-initialised = empty. */
struct rootfs {
    struct sandbox_file *files;
    size_t n;
};

/* Appends a file (copied strings): host_path appears as inside_path. */
void rootfs_add(struct rootfs *r, const char *host_path, const char *inside_path);

/* The same where the file exists; returns whether it does. */
bool rootfs_add_if_there(struct rootfs *r, const char *path);

/* A program with its dynamic linker and the libraries that the linker names for it, at the paths that they have here.
 * Returns 0, or a negative errno when the program is missing, not an executable, or a library of it is. */
int rootfs_add_program(struct rootfs *r, const char *host_path, const char *inside_path, struct err *e);

/* Releases the list; it is empty afterwards. */
void rootfs_free(struct rootfs *r);

/* Runs a trusted program to its end, 10 s at most, with an empty environment and stdin from /dev/null; its output is
 * appended to out (stdout, up to 1 MiB). Returns 0 when it ended with status 0; e has the first line of its stderr. */
int rootfs_run_tool(struct buf *out, const char *const *argv, struct err *e);

#endif
