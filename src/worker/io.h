/* Small descriptor work of the worker room: unix sockets made without a name that lasts, and writes that may not fit.
 */
#ifndef OYSTER_WORKER_IO_H
#define OYSTER_WORKER_IO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/err.h"

/* A listening unix stream socket named `name` in the folder dirfd (however long that folder's path is), mode 0666:
 * who may reach it is decided by the folder. CLOEXEC, non-blocking. Returns the descriptor or -errno. */
int io_listen(int dirfd, const char *name, int backlog, struct err *e);

/* Connects to such a socket. CLOEXEC, non-blocking. Returns the descriptor or -errno. */
int io_connect(int dirfd, const char *name, struct err *e);

/* A listening socket and one connection to it that waits in its queue; no name is left, so nobody else can connect.
 * Returns 0 or -errno. */
int io_private_listener(int *listener, int *connection, int dirfd, struct err *e);

/* A pipe whose reading end does not block. Both CLOEXEC. Returns 0 or -errno. */
int io_pipe(int *read_end, int *write_end, struct err *e);

/* Bytes on their way into a socket: two parts, sent in order, as far as the socket takes them. */
struct io_outflow {
    const uint8_t *part[2];
    size_t len[2];
    bool failed; /* the peer is gone; what is left will never be sent */
};

/* Sends what fits without blocking. Returns true while something is left to send later. */
bool io_outflow_send(struct io_outflow *o, int fd);

/* True when everything was sent. */
bool io_outflow_done(const struct io_outflow *o);

#endif
