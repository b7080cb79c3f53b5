#include "worker/io.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "util/cleanup.h"

/* A socket's path may have 107 bytes, a folder's may be longer: the way over /proc/self/fd has a short name for it. */
static void address_of(struct sockaddr_un *a, int dirfd, const char *name)
{
    memset(a, 0, sizeof *a);
    a->sun_family = AF_UNIX;
    (void)snprintf(a->sun_path, sizeof a->sun_path, "/proc/self/fd/%d/%s", dirfd, name);
}

int io_listen(int dirfd, const char *name, int backlog, struct err *e)
{
    struct sockaddr_un a;
    address_of(&a, dirfd, name);
    if (unlinkat(dirfd, name, 0) != 0 && errno != ENOENT)
        return err_sys(e, "remove socket %s", name);
    CLEANUP(fd_close_p) int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return err_sys(e, "socket");
    if (bind(fd, (const struct sockaddr *)&a, sizeof a) != 0)
        return err_sys(e, "bind socket %s", name);
    if (fchmodat(dirfd, name, 0666, 0) != 0)
        return err_sys(e, "chmod socket %s", name);
    if (listen(fd, backlog) != 0)
        return err_sys(e, "listen on socket %s", name);
    return fd_steal(&fd);
}

int io_connect(int dirfd, const char *name, struct err *e)
{
    struct sockaddr_un a;
    address_of(&a, dirfd, name);
    CLEANUP(fd_close_p) int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return err_sys(e, "socket");
    if (connect(fd, (const struct sockaddr *)&a, sizeof a) != 0)
        return err_sys(e, "connect to socket %s", name);
    return fd_steal(&fd);
}

int io_private_listener(int *listener, int *connection, int dirfd, struct err *e)
{
    CLEANUP(fd_close_p) int l = io_listen(dirfd, "http.sock", 1, e);
    if (l < 0)
        return l;
    CLEANUP(fd_close_p) int c = io_connect(dirfd, "http.sock", e);
    if (c < 0)
        return c;
    if (unlinkat(dirfd, "http.sock", 0) != 0)
        return err_sys(e, "remove socket http.sock");
    *listener = fd_steal(&l);
    *connection = fd_steal(&c);
    return 0;
}

int io_pipe(int *read_end, int *write_end, struct err *e)
{
    int fds[2];
    if (pipe2(fds, O_CLOEXEC) != 0)
        return err_sys(e, "pipe");
    if (fcntl(fds[0], F_SETFL, O_NONBLOCK) != 0) {
        int rc = err_sys(e, "pipe");
        (void)close(fds[0]);
        (void)close(fds[1]);
        return rc;
    }
    *read_end = fds[0];
    *write_end = fds[1];
    return 0;
}

bool io_outflow_send(struct io_outflow *o, int fd)
{
    while (!o->failed && !io_outflow_done(o)) {
        struct iovec iov[2];
        size_t n_iov = 0;
        for (size_t i = 0; i < 2; i++) {
            if (o->len[i] > 0)
                iov[n_iov++] = (struct iovec){ .iov_base = (void *)(uintptr_t)o->part[i], .iov_len = o->len[i] };
        }
        ssize_t n = sendmsg(fd, &(struct msghdr){ .msg_iov = iov, .msg_iovlen = n_iov }, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
            return true;
        if (n < 0) {
            o->failed = true;
            return false;
        }
        for (size_t i = 0, left = (size_t)n; i < 2; i++) {
            size_t used = left < o->len[i] ? left : o->len[i];
            o->part[i] += used;
            o->len[i] -= used;
            left -= used;
        }
    }
    return false;
}

bool io_outflow_done(const struct io_outflow *o)
{
    return o->len[0] == 0 && o->len[1] == 0;
}
