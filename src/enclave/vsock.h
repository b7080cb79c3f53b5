/* Stream sockets of the address family vsock: an enclave and the machine that it runs on (its parent) have no other
 * connection. Addresses are a context id, which names a machine (3 = the parent, as Nitro has it), and a port. */
#ifndef OYSTER_ENCLAVE_VSOCK_H
#define OYSTER_ENCLAVE_VSOCK_H

#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "util/err.h"

#define VSOCK_CID_ANY UINT32_MAX  /* to listen on: whatever this machine's own is */
#define VSOCK_PORT_ANY UINT32_MAX /* to listen on: any free one */
#define VSOCK_TEXT_MAX 32

struct vsock_addr {
    uint32_t cid, port;
};

/* What vsock_parse expects, for messages. */
#define VSOCK_EXPECTED "CID:PORT, CID being \"any\" or a number, PORT a number from 0 to 4294967294"

/* Reads "any:6001" or "16:6001". Returns 0, or -EINVAL with "found ..., expected ..." in e. Pure. */
int vsock_parse(struct vsock_addr *out, const char *text, struct err *e);

/* Writes the text of an address to out (VSOCK_TEXT_MAX bytes). Returns out. Pure. */
char *vsock_text(char *out, const struct vsock_addr *addr);

/* The address for the calls of the kernel. Returns its length. */
socklen_t vsock_sockaddr(struct sockaddr_storage *out, const struct vsock_addr *addr);

/* The address that a socket is bound to. Returns 0 or a negative errno with e set. */
int vsock_local(struct vsock_addr *out, int fd, struct err *e);

/* A new socket, not blocking, closed on exec. Returns it, or a negative errno with e set: a kernel without vsock is
 * told as such. */
int vsock_socket(struct err *e);

/* A socket that listens, not blocking; port 0 as any other is taken at its word. Returns it (the caller closes it), or
 * a negative errno with e set, e.g. "vsock any:6001: Address already in use". */
int vsock_listen(const struct vsock_addr *addr, int backlog, struct err *e);

#endif
