#include "enclave/vsock.h"

#include <errno.h>
#include <linux/vm_sockets.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "util/cleanup.h"

_Static_assert(VSOCK_CID_ANY == VMADDR_CID_ANY && VSOCK_PORT_ANY == VMADDR_PORT_ANY, "as the kernel has them");

/* A decimal number below 2^32 - 1, which stands for "any". */
static bool parse_number(uint32_t *out, const char *text, size_t len)
{
    uint64_t n = 0;
    if (len == 0 || len > 10)
        return false;
    for (size_t i = 0; i < len; i++) {
        if (text[i] < '0' || text[i] > '9')
            return false;
        n = n * 10 + (uint64_t)(text[i] - '0');
    }
    *out = (uint32_t)n;
    return n < UINT32_MAX;
}

int vsock_parse(struct vsock_addr *out, const char *text, struct err *e)
{
    const char *colon = strchr(text, ':');
    size_t len = colon ? (size_t)(colon - text) : 0;
    bool any = len == 3 && memcmp(text, "any", 3) == 0;
    out->cid = VSOCK_CID_ANY;
    if (!colon || (!any && !parse_number(&out->cid, text, len)) ||
        !parse_number(&out->port, colon + 1, strlen(colon + 1)))
        return err_set(e, -EINVAL, "found \"%.60s\", expected " VSOCK_EXPECTED, text);
    return 0;
}

char *vsock_text(char *out, const struct vsock_addr *addr)
{
    char cid[16] = "any";
    if (addr->cid != VSOCK_CID_ANY)
        (void)snprintf(cid, sizeof cid, "%u", addr->cid);
    (void)snprintf(out, VSOCK_TEXT_MAX, "%s:%u", cid, addr->port);
    return out;
}

socklen_t vsock_sockaddr(struct sockaddr_storage *out, const struct vsock_addr *addr)
{
    struct sockaddr_vm *vm = (struct sockaddr_vm *)(void *)out;
    *out = (struct sockaddr_storage){ 0 };
    vm->svm_family = AF_VSOCK;
    vm->svm_cid = addr->cid;
    vm->svm_port = addr->port;
    return sizeof *vm;
}

int vsock_local(struct vsock_addr *out, int fd, struct err *e)
{
    struct sockaddr_vm vm = { 0 };
    socklen_t len = sizeof vm;
    if (getsockname(fd, (struct sockaddr *)&vm, &len) < 0)
        return err_sys(e, "vsock: getsockname");
    *out = (struct vsock_addr){ vm.svm_cid, vm.svm_port };
    return 0;
}

int vsock_socket(struct err *e)
{
    int fd = socket(AF_VSOCK, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd >= 0)
        return fd;
    if (errno == EAFNOSUPPORT)
        return err_set(e, -EAFNOSUPPORT, "vsock: this kernel has none (module vsock and a transport are needed)");
    return err_sys(e, "vsock: socket");
}

int vsock_listen(const struct vsock_addr *addr, int backlog, struct err *e)
{
    char text[VSOCK_TEXT_MAX];
    struct sockaddr_storage sa;
    socklen_t len = vsock_sockaddr(&sa, addr);
    CLEANUP(fd_close_p) int fd = vsock_socket(e);
    if (fd < 0)
        return fd;
    if (bind(fd, (struct sockaddr *)&sa, len) < 0 || listen(fd, backlog) < 0)
        return err_sys(e, "vsock %s", vsock_text(text, addr));
    return fd_steal(&fd);
}
