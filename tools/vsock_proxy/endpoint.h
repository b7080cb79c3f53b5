/* The end of a forward: where to listen or where to connect to, as the command line names it. */
#ifndef TOOLS_VSOCK_PROXY_ENDPOINT_H
#define TOOLS_VSOCK_PROXY_ENDPOINT_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#include "enclave/vsock.h"
#include "util/err.h"

#define ENDPOINT_HOST_MAX 254 /* with NUL; the longest DNS name */
#define ENDPOINT_PATH_MAX 108 /* with NUL, as the kernel has it */
#define ENDPOINT_TEXT_MAX 280
#define ENDPOINT_BACKLOG 1024

enum endpoint_kind { ENDPOINT_TCP, ENDPOINT_VSOCK, ENDPOINT_UNIX };

struct endpoint {
    enum endpoint_kind kind;
    char host[ENDPOINT_HOST_MAX]; /* TCP: a name or an address in numbers, without brackets */
    uint16_t port;                /* TCP */
    struct vsock_addr vsock;
    char path[ENDPOINT_PATH_MAX]; /* unix */
};

/* Reads "HOST:PORT" or "[IPv6]:PORT". Returns 0, or -EINVAL with "found ..., expected ..." in e. Pure. */
int endpoint_parse_tcp(struct endpoint *out, const char *text, struct err *e);

/* Reads "CID:PORT". As endpoint_parse_tcp. */
int endpoint_parse_vsock(struct endpoint *out, const char *text, struct err *e);

/* Reads "tcp:HOST:PORT", "vsock:CID:PORT" or "unix:PATH". As endpoint_parse_tcp. */
int endpoint_parse(struct endpoint *out, const char *text, struct err *e);

/* Writes what endpoint_parse reads to out (ENDPOINT_TEXT_MAX bytes). Returns out. Pure. */
char *endpoint_text(char *out, const struct endpoint *ep);

/* A TCP address in numbers as text, "1.2.3.4:80" or "[::1]:80", to out (ENDPOINT_TEXT_MAX bytes). Returns out. */
char *endpoint_sockaddr_text(char *out, const struct sockaddr_storage *sa);

/* The host as an address in numbers; false where it is a name. */
bool endpoint_numeric(struct sockaddr_storage *out, const struct endpoint *ep);

/* Listens; a host must be in numbers. ep is given the port that was taken where it was 0. Returns the socket, not
 * blocking, or a negative errno with e set. */
int endpoint_listen(struct endpoint *ep, struct err *e);

/* Removes what listening has left in the file system. */
void endpoint_unlisten(const struct endpoint *ep);

#endif
