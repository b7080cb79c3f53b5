/* Catches every TCP connection that this machine begins to an IPv4 address other than its loopback ones, on a machine
 * without a network: a route makes all addresses local, and a socket lookup program in the kernel hands what is sent to
 * them, whatever the port, to one listening socket. No packet filter is needed. What is accepted there has the
 * destination as its own address (getsockname). Needs CAP_NET_ADMIN, CAP_BPF and Linux 5.17. */
#ifndef TOOLS_VSOCK_PROXY_INTERCEPT_H
#define TOOLS_VSOCK_PROXY_INTERCEPT_H

#include <stdbool.h>

#include "util/err.h"

struct intercept {
    int listener; /* not blocking; -1 = none */
    int link;     /* holds the program */
    int lock;     /* there is one of these in a network namespace */
    bool routed;
};

/* Begins. Returns 0, or a negative errno with e set; nothing is left behind then. A machine that has a default route
 * already is refused, unless it is one that a killed process of this program has left. */
int intercept_open(struct intercept *out, struct err *e);

/* Ends it, the listener too unless it was taken out. A closed one is allowed. */
void intercept_close(struct intercept *i);

#endif
