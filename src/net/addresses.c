#include "net/addresses.h"

#include <arpa/inet.h>
#include <errno.h>
#include <ifaddrs.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "util/cleanup.h"

#define ENTRY_MAX (INET6_ADDRSTRLEN + 16)

/* The entry of one address; false where it has none. */
static bool put_entry(char out[ENTRY_MAX], const struct ifaddrs *a)
{
    char text[INET6_ADDRSTRLEN];
    if (!a->ifa_addr || (a->ifa_flags & IFF_LOOPBACK) != 0)
        return false;
    const struct sockaddr_in *v4 = (const void *)a->ifa_addr;
    const struct sockaddr_in6 *v6 = (const void *)a->ifa_addr;
    const char *bits = NULL;
    if (v4->sin_family == AF_INET && inet_ntop(AF_INET, &v4->sin_addr, text, sizeof text))
        bits = "32";
    else if (v6->sin6_family == AF_INET6 && inet_ntop(AF_INET6, &v6->sin6_addr, text, sizeof text))
        bits = "128";
    if (bits)
        (void)snprintf(out, ENTRY_MAX, "\"%s/%s\", ", text, bits);
    return bits != NULL;
}

void addresses_put(struct buf *out)
{
    struct ifaddrs *all = NULL;
    char entry[ENTRY_MAX];
    if (getifaddrs(&all) != 0)
        return;
    for (const struct ifaddrs *a = all; a; a = a->ifa_next)
        if (put_entry(entry, a))
            buf_puts(out, entry);
    freeifaddrs(all);
}

bool addresses_are_known(const char *text)
{
    struct ifaddrs *all = NULL;
    char entry[ENTRY_MAX];
    bool known = getifaddrs(&all) == 0;
    for (const struct ifaddrs *a = all; known && a; a = a->ifa_next)
        known = !put_entry(entry, a) || strstr(text, entry);
    if (all)
        freeifaddrs(all);
    return known;
}

static bool same_address(const struct ifaddrs *a, const struct sockaddr_storage *sa)
{
    if (!a->ifa_addr || (a->ifa_flags & IFF_LOOPBACK) != 0 || a->ifa_addr->sa_family != sa->ss_family)
        return false;
    const struct sockaddr_in *a4 = (const void *)a->ifa_addr, *b4 = (const void *)sa;
    const struct sockaddr_in6 *a6 = (const void *)a->ifa_addr, *b6 = (const void *)sa;
    return sa->ss_family == AF_INET    ? a4->sin_addr.s_addr == b4->sin_addr.s_addr
           : sa->ss_family == AF_INET6 ? memcmp(&a6->sin6_addr, &b6->sin6_addr, sizeof a6->sin6_addr) == 0
                                       : false;
}

bool addresses_has(const struct sockaddr_storage *sa)
{
    struct ifaddrs *all = NULL;
    bool has = getifaddrs(&all) != 0;
    for (const struct ifaddrs *a = all; !has && a; a = a->ifa_next)
        has = same_address(a, sa);
    if (all)
        freeifaddrs(all);
    return has;
}

int addresses_watch(struct err *e)
{
    const struct sockaddr_nl groups = { .nl_family = AF_NETLINK, .nl_groups = RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR };
    CLEANUP(fd_close_p) int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE);
    if (fd < 0 || bind(fd, (const struct sockaddr *)&groups, sizeof groups) != 0)
        return err_sys(e, "watch the machine's addresses");
    return fd_steal(&fd);
}

void addresses_drain(int fd)
{
    uint8_t bytes[8192];
    ssize_t n;
    do
        n = recv(fd, bytes, sizeof bytes, MSG_DONTWAIT);
    while (n > 0 || (n < 0 && (errno == EINTR || errno == ENOBUFS)));
}
