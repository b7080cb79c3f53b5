#include "node/notify.h"

#include <errno.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "util/cleanup.h"
#include "util/log.h"

/* "/path", or "@name" of the abstract namespace. Returns the address's length, 0 where it is neither. */
static socklen_t parse_address(struct sockaddr_un *out, const char *text)
{
    size_t len = strlen(text);
    if ((text[0] != '/' && text[0] != '@') || len < 2 || len >= sizeof out->sun_path)
        return 0;
    *out = (struct sockaddr_un){ .sun_family = AF_UNIX };
    memcpy(out->sun_path, text, len);
    if (text[0] == '@')
        out->sun_path[0] = 0;
    return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len + (text[0] == '/'));
}

static int open_socket(const char *text)
{
    struct sockaddr_un address;
    socklen_t len = parse_address(&address, text);
    if (!len) {
        errno = EINVAL;
        return -1;
    }
    CLEANUP(fd_close_p) int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0 || connect(fd, (struct sockaddr *)&address, len) < 0)
        return -1;
    return fd_steal(&fd);
}

/* What WATCHDOG_USEC says, where it is meant for this process. */
static uint64_t watchdog_us(void)
{
    const char *text = getenv("WATCHDOG_USEC"), *pid = getenv("WATCHDOG_PID");
    if (!text || (pid && strtol(pid, NULL, 10) != (long)getpid()))
        return 0;
    unsigned long long us = strtoull(text, NULL, 10);
    return us < UINT64_MAX / 2 ? us : 0;
}

void notify_open(struct notify *n)
{
    const char *text = getenv("NOTIFY_SOCKET");
    *n = (struct notify){ .fd = -1 };
    if (text && *text) {
        n->fd = open_socket(text);
        if (n->fd < 0)
            log_warn("notify_socket_unusable", F_STR("socket", text), F_STR("error", strerror(errno)));
        else
            n->watchdog_us = watchdog_us();
    }
    (void)unsetenv("NOTIFY_SOCKET");
    (void)unsetenv("WATCHDOG_USEC");
    (void)unsetenv("WATCHDOG_PID");
}

void notify_send(const struct notify *n, const char *fmt, ...)
{
    char text[512];
    if (n->fd < 0)
        return;
    va_list ap;
    va_start(ap, fmt);
    int len = vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    if (len > 0)
        (void)!send(n->fd, text, (size_t)len < sizeof text ? (size_t)len : sizeof text - 1, MSG_NOSIGNAL);
}

void notify_close(struct notify *n)
{
    if (n->fd >= 0)
        (void)close(n->fd);
    n->fd = -1;
}
