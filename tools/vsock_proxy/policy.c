#include "policy.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#define V4_BITS 96 /* in front of an IPv4 address that is written as IPv6 */

/* Not public. IPv4, then IPv6; of the latter 2000::/3 alone is given out at all. */
static const struct range {
    const char *prefix;
    unsigned bits;
} special[] = {
    { "::ffff:0.0.0.0", V4_BITS + 8 },        /* this network */
    { "::ffff:10.0.0.0", V4_BITS + 8 },       /* private */
    { "::ffff:100.64.0.0", V4_BITS + 10 },    /* shared by carriers */
    { "::ffff:127.0.0.0", V4_BITS + 8 },      /* loopback */
    { "::ffff:169.254.0.0", V4_BITS + 16 },   /* link-local, metadata of clouds */
    { "::ffff:168.63.129.16", V4_BITS + 32 }, /* machine settings of a cloud */
    { "::ffff:172.16.0.0", V4_BITS + 12 },    /* private */
    { "::ffff:192.0.0.0", V4_BITS + 24 },     /* protocol assignments */
    { "::ffff:192.0.2.0", V4_BITS + 24 },     /* documentation */
    { "::ffff:192.88.99.0", V4_BITS + 24 },   /* 6to4 relays */
    { "::ffff:192.168.0.0", V4_BITS + 16 },   /* private */
    { "::ffff:198.18.0.0", V4_BITS + 15 },    /* benchmarks */
    { "::ffff:198.51.100.0", V4_BITS + 24 },
    { "::ffff:203.0.113.0", V4_BITS + 24 },
    { "::ffff:224.0.0.0", V4_BITS + 4 }, /* multicast */
    { "::ffff:240.0.0.0", V4_BITS + 4 }, /* reserved, broadcast */
    { "2001::", 23 },                    /* protocol assignments, Teredo among them */
    { "2001:db8::", 32 },
    { "2002::", 16 }, /* 6to4 holds an IPv4 address */
    { "3fff::", 20 },
};

static bool in_range(const uint8_t addr[16], const uint8_t prefix[16], unsigned bits)
{
    size_t whole = bits / 8;
    if (memcmp(addr, prefix, whole) != 0)
        return false;
    unsigned rest = bits % 8;
    return rest == 0 || ((addr[whole] ^ prefix[whole]) >> (8 - rest)) == 0;
}

static void put_v4(uint8_t out[16], const struct in_addr *v4)
{
    memset(out, 0, 10);
    memset(out + 10, 0xff, 2);
    memcpy(out + 12, v4, 4);
}

/* Returns the port. */
static uint16_t address_of(uint8_t out[16], const struct sockaddr_storage *sa)
{
    const struct sockaddr_in *v4 = (const void *)sa;
    const struct sockaddr_in6 *v6 = (const void *)sa;
    if (sa->ss_family == AF_INET) {
        put_v4(out, &v4->sin_addr);
        return ntohs(v4->sin_port);
    }
    memcpy(out, &v6->sin6_addr, 16);
    return ntohs(v6->sin6_port);
}

bool policy_is_public(const struct sockaddr_storage *sa)
{
    uint8_t addr[16], prefix[16];
    (void)address_of(addr, sa);
    static const uint8_t mapped[16] = { [10] = 0xff, [11] = 0xff }, global[16] = { 0x20 };
    if (!in_range(addr, mapped, V4_BITS) && !in_range(addr, global, 3))
        return false;
    for (size_t i = 0; i < sizeof special / sizeof *special; i++) {
        (void)inet_pton(AF_INET6, special[i].prefix, prefix);
        if (in_range(addr, prefix, special[i].bits))
            return false;
    }
    return true;
}

bool policy_allows(const struct policy *p, const struct sockaddr_storage *sa)
{
    uint8_t addr[16];
    uint16_t port = address_of(addr, sa);
    if (p->n_rules == 0)
        return policy_is_public(sa);
    for (size_t i = 0; i < p->n_rules; i++) {
        const struct policy_rule *r = &p->rules[i];
        if (in_range(addr, r->prefix, r->bits) && (r->port == 0 || r->port == port))
            return true;
    }
    return false;
}

/* ---- reading a rule ---- */

/* A decimal number up to max, with nothing behind it but what stop holds. Moves *text behind it. */
static bool take_number(unsigned long *out, const char **text, unsigned long max)
{
    size_t digits = strspn(*text, "0123456789");
    *out = strtoul(*text, NULL, 10);
    *text += digits;
    return digits > 0 && digits <= 5 && *out <= max;
}

/* The address in front, with or without brackets; moves *text behind it. */
static bool take_address(struct policy_rule *out, bool *v4, const char **text)
{
    char copy[INET6_ADDRSTRLEN];
    struct in_addr four;
    bool brackets = **text == '[';
    const char *start = *text + (brackets ? 1 : 0);
    size_t len = strcspn(start, brackets ? "]" : "/:");
    *v4 = !brackets;
    if (len == 0 || len >= sizeof copy || (brackets && !start[len]))
        return false;
    memcpy(copy, start, len);
    copy[len] = 0;
    *text = start + len + (brackets ? 1 : 0);
    if (brackets)
        return inet_pton(AF_INET6, copy, out->prefix) == 1;
    if (inet_pton(AF_INET, copy, &four) != 1)
        return false;
    put_v4(out->prefix, &four);
    return true;
}

static bool parse_rule(struct policy_rule *out, const char *text)
{
    unsigned long n;
    bool v4;
    if (!take_address(out, &v4, &text))
        return false;
    out->bits = 128;
    out->port = 0;
    if (*text == '/') {
        text++;
        if (!take_number(&n, &text, v4 ? 32 : 128))
            return false;
        out->bits = (unsigned)n + (v4 ? V4_BITS : 0);
    }
    if (*text == ':') {
        text++;
        if (!take_number(&n, &text, UINT16_MAX) || n == 0)
            return false;
        out->port = (uint16_t)n;
    }
    return *text == 0;
}

int policy_add(struct policy *p, const char *text, struct err *e)
{
    if (p->n_rules == POLICY_RULES_MAX)
        return err_set(e, -E2BIG, "found more than %d", POLICY_RULES_MAX);
    if (!parse_rule(&p->rules[p->n_rules], text))
        return err_set(e, -EINVAL, "found \"%.80s\", expected ADDRESS, ADDRESS/BITS and :PORT behind it or not", text);
    p->n_rules++;
    return 0;
}
