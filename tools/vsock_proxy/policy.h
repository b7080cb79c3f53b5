/* Which TCP destinations may be connected to. Pure. */
#ifndef TOOLS_VSOCK_PROXY_POLICY_H
#define TOOLS_VSOCK_PROXY_POLICY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "util/err.h"

#define POLICY_RULES_MAX 64

/* A range of addresses, and one port or (0) all. */
struct policy_rule {
    uint8_t prefix[16]; /* IPv4 as ::ffff:a.b.c.d */
    unsigned bits;      /* of prefix, that count */
    uint16_t port;
};

struct policy {
    struct policy_rule rules[POLICY_RULES_MAX];
    size_t n_rules; /* 0: public addresses only */
};

/* Adds "10.0.0.0/8", "10.0.0.1:443", "10.0.0.0/8:443", "[fd00::]/8:443" or "[fd00::1]". Returns 0, or -EINVAL with
 * "found ..., expected ..." in e, or -E2BIG. */
int policy_add(struct policy *p, const char *text, struct err *e);

/* Whether an IPv4 or IPv6 address may be connected to: it is in a rule or, where there are none, it is public. */
bool policy_allows(const struct policy *p, const struct sockaddr_storage *sa);

/* Whether an address is that of a host on the public Internet (the IANA special-purpose registries name those that are
 * not: RFC 6890 and its successors). */
bool policy_is_public(const struct sockaddr_storage *sa);

#endif
