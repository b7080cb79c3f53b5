/* Whose a connection is that came over the loopback interface. */
#ifndef TOOLS_VSOCK_PROXY_OWNER_H
#define TOOLS_VSOCK_PROXY_OWNER_H

#include <sys/types.h>

/* The user of the program that made the accepted IPv4 connection fd, which is in this network namespace. Returns 0, or
 * -ENOENT where that program is gone, or another negative errno. */
int owner_of(uid_t *out, int fd);

#endif
