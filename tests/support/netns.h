/* A network namespace without a route for a test, so that no packet of it can leave the machine. */
#ifndef OYSTER_TESTS_NETNS_H
#define OYSTER_TESTS_NETNS_H

#include <arpa/inet.h>
#include <fcntl.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

static inline bool netns_write(const char *path, const char *text)
{
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    bool ok = fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);
    if (fd >= 0)
        (void)close(fd);
    return ok;
}

/* Gives an interface an IPv4 address of its own (/32) and takes it up. */
static inline bool netns_address(const char *interface, const char *address)
{
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    struct ifreq r = { 0 };
    struct sockaddr_in a = { .sin_family = AF_INET };
    bool ok = fd >= 0;
    (void)snprintf(r.ifr_name, sizeof r.ifr_name, "%s", interface);
    if (ok && address) {
        ok = inet_pton(AF_INET, address, &a.sin_addr) == 1;
        memcpy(&r.ifr_addr, &a, sizeof a);
        ok = ok && ioctl(fd, SIOCSIFADDR, &r) == 0;
        a.sin_addr.s_addr = 0xffffffff;
        memcpy(&r.ifr_netmask, &a, sizeof a);
        ok = ok && ioctl(fd, SIOCSIFNETMASK, &r) == 0;
    }
    r.ifr_flags = IFF_UP | IFF_RUNNING;
    ok = ok && ioctl(fd, SIOCSIFFLAGS, &r) == 0;
    if (fd >= 0)
        (void)close(fd);
    return ok;
}

/* Leaves the machine's network for an empty one with a loopback interface. False where that is not allowed. */
static inline bool netns_enter(void)
{
    if (unshare(CLONE_NEWNET) != 0) {
        char map[64];
        (void)snprintf(map, sizeof map, "0 %u 1", (unsigned)geteuid());
        if (unshare(CLONE_NEWUSER | CLONE_NEWNET) != 0 || !netns_write("/proc/self/setgroups", "deny") ||
            !netns_write("/proc/self/uid_map", map))
            return false;
    }
    return netns_address("lo", NULL);
}

#endif
