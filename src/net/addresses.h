/* The machine's own addresses: public to others, but not to its jobs, since the node's API listens there. */
#ifndef OYSTER_NET_ADDRESSES_H
#define OYSTER_NET_ADDRESSES_H

#include <stdbool.h>
#include <sys/socket.h>

#include "util/buf.h"
#include "util/err.h"

/* Appends "\"192.0.2.1/32\", " for each address of each interface but the loopback one. */
void addresses_put(struct buf *out);

/* Whether text, made by addresses_put, names every address that the machine has now. */
bool addresses_are_known(const char *text);

/* Whether it is one of these addresses now; also where they cannot be told. The port does not count. */
bool addresses_has(const struct sockaddr_storage *sa);

/* A socket that becomes readable when an address comes or goes. CLOEXEC, non-blocking. Returns it or -errno. */
int addresses_watch(struct err *e);

/* Reads what such a socket has, so that it rests again. */
void addresses_drain(int fd);

#endif
