#include "endpoint.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "util/cleanup.h"

#define TCP_EXPECTED "HOST:PORT, PORT a number from 0 to 65535, an IPv6 address in []"

static bool parse_port(uint16_t *out, const char *text)
{
    size_t digits = strspn(text, "0123456789");
    unsigned long n = strtoul(text, NULL, 10);
    if (digits == 0 || digits > 5 || text[digits] || n > UINT16_MAX)
        return false;
    *out = (uint16_t)n;
    return true;
}

static bool host_ok(const char *host, size_t len, bool brackets)
{
    struct in6_addr any;
    char copy[ENDPOINT_HOST_MAX];
    if (len == 0 || len >= sizeof copy)
        return false;
    memcpy(copy, host, len);
    copy[len] = 0;
    if (brackets)
        return inet_pton(AF_INET6, copy, &any) == 1;
    return copy[strspn(copy, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._")] == 0;
}

int endpoint_parse_tcp(struct endpoint *out, const char *text, struct err *e)
{
    const char *colon = strrchr(text, ':');
    size_t len = colon ? (size_t)(colon - text) : 0;
    bool brackets = len >= 2 && text[0] == '[' && text[len - 1] == ']';
    const char *host = brackets ? text + 1 : text;
    len -= brackets ? 2 : 0;
    *out = (struct endpoint){ .kind = ENDPOINT_TCP };
    if (!colon || !host_ok(host, len, brackets) || !parse_port(&out->port, colon + 1))
        return err_set(e, -EINVAL, "found \"%.100s\", expected " TCP_EXPECTED, text);
    memcpy(out->host, host, len);
    return 0;
}

int endpoint_parse_vsock(struct endpoint *out, const char *text, struct err *e)
{
    *out = (struct endpoint){ .kind = ENDPOINT_VSOCK };
    return vsock_parse(&out->vsock, text, e);
}

static int parse_unix(struct endpoint *out, const char *text, struct err *e)
{
    size_t len = strlen(text);
    *out = (struct endpoint){ .kind = ENDPOINT_UNIX };
    if (len == 0 || len >= sizeof out->path)
        return err_set(e, -EINVAL, "found \"%.120s\", expected a path of 1 to %zu bytes", text, sizeof out->path - 1);
    memcpy(out->path, text, len);
    return 0;
}

int endpoint_parse(struct endpoint *out, const char *text, struct err *e)
{
    if (strncmp(text, "tcp:", 4) == 0)
        return endpoint_parse_tcp(out, text + 4, e);
    if (strncmp(text, "vsock:", 6) == 0)
        return endpoint_parse_vsock(out, text + 6, e);
    if (strncmp(text, "unix:", 5) == 0)
        return parse_unix(out, text + 5, e);
    return err_set(e, -EINVAL, "found \"%.100s\", expected tcp:HOST:PORT, vsock:CID:PORT or unix:PATH", text);
}

char *endpoint_text(char *out, const struct endpoint *ep)
{
    char vsock[VSOCK_TEXT_MAX];
    bool brackets = strchr(ep->host, ':') != NULL;
    if (ep->kind == ENDPOINT_TCP)
        (void)snprintf(out, ENDPOINT_TEXT_MAX, "tcp:%s%s%s:%u", brackets ? "[" : "", ep->host, brackets ? "]" : "",
                       ep->port);
    else if (ep->kind == ENDPOINT_VSOCK)
        (void)snprintf(out, ENDPOINT_TEXT_MAX, "vsock:%s", vsock_text(vsock, &ep->vsock));
    else
        (void)snprintf(out, ENDPOINT_TEXT_MAX, "unix:%s", ep->path);
    return out;
}

char *endpoint_sockaddr_text(char *out, const struct sockaddr_storage *sa)
{
    char ip[INET6_ADDRSTRLEN] = "?";
    const struct sockaddr_in *v4 = (const void *)sa;
    const struct sockaddr_in6 *v6 = (const void *)sa;
    if (sa->ss_family == AF_INET6) {
        (void)inet_ntop(AF_INET6, &v6->sin6_addr, ip, sizeof ip);
        (void)snprintf(out, ENDPOINT_TEXT_MAX, "[%s]:%u", ip, ntohs(v6->sin6_port));
    } else {
        (void)inet_ntop(AF_INET, &v4->sin_addr, ip, sizeof ip);
        (void)snprintf(out, ENDPOINT_TEXT_MAX, "%s:%u", ip, ntohs(v4->sin_port));
    }
    return out;
}

bool endpoint_numeric(struct sockaddr_storage *out, const struct endpoint *ep)
{
    struct sockaddr_in *v4 = (void *)out;
    struct sockaddr_in6 *v6 = (void *)out;
    *out = (struct sockaddr_storage){ 0 };
    if (inet_pton(AF_INET, ep->host, &v4->sin_addr) == 1) {
        v4->sin_family = AF_INET;
        v4->sin_port = htons(ep->port);
        return true;
    }
    if (inet_pton(AF_INET6, ep->host, &v6->sin6_addr) == 1) {
        v6->sin6_family = AF_INET6;
        v6->sin6_port = htons(ep->port);
        return true;
    }
    return false;
}

/* ---- listening ---- */

static int listen_tcp(struct endpoint *ep, struct err *e)
{
    struct sockaddr_storage sa;
    char text[ENDPOINT_TEXT_MAX];
    int on = 1;
    if (!endpoint_numeric(&sa, ep))
        return err_set(e, -EINVAL, "listen on %s: found a name, expected an address in numbers", ep->host);
    socklen_t len = sa.ss_family == AF_INET ? sizeof(struct sockaddr_in) : sizeof(struct sockaddr_in6);
    CLEANUP(fd_close_p) int fd = socket(sa.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) < 0 ||
        bind(fd, (struct sockaddr *)&sa, len) < 0 || listen(fd, ENDPOINT_BACKLOG) < 0 ||
        getsockname(fd, (struct sockaddr *)&sa, &len) < 0)
        return err_sys(e, "listen on %s", endpoint_text(text, ep));
    ep->port = ntohs(sa.ss_family == AF_INET ? ((struct sockaddr_in *)(void *)&sa)->sin_port
                                             : ((struct sockaddr_in6 *)(void *)&sa)->sin6_port);
    return fd_steal(&fd);
}

/* What a killed process has left: a socket at which nobody listens. */
static void remove_stale(const struct sockaddr_un *sa)
{
    struct stat st;
    CLEANUP(fd_close_p) int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (lstat(sa->sun_path, &st) < 0 || !S_ISSOCK(st.st_mode)) /* a file refuses a connection just as well */
        return;
    if (fd >= 0 && connect(fd, (const struct sockaddr *)sa, sizeof *sa) < 0 && errno == ECONNREFUSED)
        (void)unlink(sa->sun_path);
}

static int listen_unix(const struct endpoint *ep, struct err *e)
{
    struct sockaddr_un sa = { .sun_family = AF_UNIX };
    memcpy(sa.sun_path, ep->path, sizeof sa.sun_path);
    remove_stale(&sa);
    CLEANUP(fd_close_p) int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0 || bind(fd, (struct sockaddr *)&sa, sizeof sa) < 0 || listen(fd, ENDPOINT_BACKLOG) < 0)
        return err_sys(e, "listen on unix:%s", ep->path);
    return fd_steal(&fd);
}

int endpoint_listen(struct endpoint *ep, struct err *e)
{
    if (ep->kind == ENDPOINT_TCP)
        return listen_tcp(ep, e);
    if (ep->kind == ENDPOINT_UNIX)
        return listen_unix(ep, e);
    int fd = vsock_listen(&ep->vsock, ENDPOINT_BACKLOG, e);
    return fd >= 0 ? fd : err_wrap(e, "listen on");
}

void endpoint_unlisten(const struct endpoint *ep)
{
    if (ep->kind == ENDPOINT_UNIX)
        (void)unlink(ep->path);
}
