/* Takes URLs of endpoints apart. The text of a URL is never quoted in errors: it may hold credentials. */
#ifndef OYSTER_NET_URL_H
#define OYSTER_NET_URL_H

#include <stdint.h>

#include "util/buf.h"
#include "util/err.h"

/* Owned: url_free. */
struct url {
    char *scheme; /* lower case */
    char *host;   /* an IPv6 address without its brackets */
    char *target; /* path and query: "/" at least */
    char *user;   /* decoded; NULL = none */
    char *password;
    uint16_t port; /* the scheme's default where the URL names none */
};

/* schemes: the two that are accepted, without and with TLS, e.g. "ws", "wss". Returns 0 or -EINVAL (out is empty). */
int url_parse(struct url *out, const char *text, const char *plain, const char *tls, struct err *e);
void url_free(struct url *u);

/* Appends scheme://host:port, which is all that logs may show. */
void url_origin(struct buf *out, const struct url *u);

/* Appends host:port as the Host header has it: an IPv6 address in brackets. */
void url_authority(struct buf *out, const struct url *u);

#endif
