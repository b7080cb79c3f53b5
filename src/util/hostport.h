/* "HOST:PORT" taken apart. Pure. */
#ifndef OYSTER_UTIL_HOSTPORT_H
#define OYSTER_UTIL_HOSTPORT_H

#include <stddef.h>
#include <stdint.h>

#include "util/err.h"

/* Longest host, with its NUL. */
#define HOSTPORT_HOST_MAX 256

struct hostport {
    char host[HOSTPORT_HOST_MAX]; /* without the brackets of an IPv6 address */
    uint16_t port;
};

/* Reads "HOST:PORT" or "[IPV6]:PORT"; the host may not be empty, the port is 0 to 65535. What the host is, is for the
 * caller to judge. Returns 0 or -EINVAL with what was expected. */
int hostport_parse(struct hostport *out, const char *text, struct err *e);

#endif
