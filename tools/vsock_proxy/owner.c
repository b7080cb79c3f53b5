#include "owner.h"

#include <errno.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "util/cleanup.h"

/* The other end of a connection: its own address, and where it connected to. */
struct ends {
    struct sockaddr_in own, to;
};

/* One connection can be asked for; the kernel may lack that (it is a module). */
static int ask_kernel(uid_t *out, const struct ends *c)
{
    struct {
        struct nlmsghdr head;
        struct inet_diag_req_v2 diag;
    } request = {
        .head = { .nlmsg_len = sizeof request, .nlmsg_type = SOCK_DIAG_BY_FAMILY, .nlmsg_flags = NLM_F_REQUEST },
        .diag = { .sdiag_family = AF_INET,
                  .sdiag_protocol = IPPROTO_TCP,
                  .idiag_states = ~0U,
                  .id = { .idiag_sport = c->own.sin_port,
                          .idiag_dport = c->to.sin_port,
                          .idiag_src = { c->own.sin_addr.s_addr },
                          .idiag_dst = { c->to.sin_addr.s_addr },
                          .idiag_cookie = { INET_DIAG_NOCOOKIE, INET_DIAG_NOCOOKIE } } },
    };
    struct {
        struct nlmsghdr head;
        union {
            struct inet_diag_msg diag;
            struct nlmsgerr error;
            uint8_t room[2048];
        } body;
    } answer;
    CLEANUP(fd_close_p) int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);
    if (fd < 0 || send(fd, &request, sizeof request, 0) < 0)
        return -errno;
    ssize_t n = recv(fd, &answer, sizeof answer, 0);
    if (n < 0)
        return -errno;
    if ((size_t)n >= NLMSG_LENGTH(sizeof(int)) && answer.head.nlmsg_type == NLMSG_ERROR)
        return answer.body.error.error < 0 ? answer.body.error.error : -EPROTO;
    if ((size_t)n < NLMSG_LENGTH(sizeof answer.body.diag) || answer.head.nlmsg_type != SOCK_DIAG_BY_FAMILY)
        return -EPROTO;
    *out = answer.body.diag.idiag_uid;
    return 0;
}

/* The kernel's table has it as well: "n: own to state queues timer retransmits uid …", addresses as they lie in
 * memory. */
static int look_up(uid_t *out, const struct ends *c)
{
    char line[512];
    FILE *f = fopen("/proc/net/tcp", "re");
    int rc = f ? -ENOENT : -errno;
    while (rc == -ENOENT && f && fgets(line, sizeof line, f)) {
        unsigned own, own_port, to, to_port, uid;
        if (sscanf(line, " %*u: %x:%x %x:%x %*x %*x:%*x %*x:%*x %*x %u", &own, &own_port, &to, &to_port, &uid) != 5 ||
            own != c->own.sin_addr.s_addr || own_port != ntohs(c->own.sin_port) || to != c->to.sin_addr.s_addr ||
            to_port != ntohs(c->to.sin_port))
            continue;
        *out = uid;
        rc = 0;
    }
    if (f)
        (void)fclose(f);
    return rc;
}

int owner_of(uid_t *out, int fd)
{
    struct ends c = { 0 };
    socklen_t own_len = sizeof c.own, to_len = sizeof c.to;
    if (getpeername(fd, (struct sockaddr *)&c.own, &own_len) < 0 ||
        getsockname(fd, (struct sockaddr *)&c.to, &to_len) < 0)
        return -errno;
    if (c.own.sin_family != AF_INET)
        return -EAFNOSUPPORT;
    return ask_kernel(out, &c) == 0 ? 0 : look_up(out, &c);
}
