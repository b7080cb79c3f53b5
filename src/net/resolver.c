#include "net/resolver.h"

#include <stdlib.h>
#include <string.h>

#include "util/buf.h"

struct resolve_call {
    uv_getaddrinfo_t req;
    resolve_done_fn *done; /* NULL once cancelled */
    void *arg;
};

/* Numeric text of the list's TCP addresses. Returns how many were written. */
static size_t addresses_text(char text[][INET6_ADDRSTRLEN], const struct addrinfo *list)
{
    size_t n = 0;
    for (const struct addrinfo *a = list; a && n < RESOLVER_ADDRESSES_MAX; a = a->ai_next) {
        int rc = -1;
        if (a->ai_family == AF_INET)
            rc = uv_ip4_name((const struct sockaddr_in *)(const void *)a->ai_addr, text[n], INET6_ADDRSTRLEN);
        else if (a->ai_family == AF_INET6)
            rc = uv_ip6_name((const struct sockaddr_in6 *)(const void *)a->ai_addr, text[n], INET6_ADDRSTRLEN);
        n += rc == 0 ? 1 : 0;
    }
    return n;
}

static void on_resolved(uv_getaddrinfo_t *req, int status, struct addrinfo *list)
{
    struct resolve_call *call = req->data;
    char text[RESOLVER_ADDRESSES_MAX][INET6_ADDRSTRLEN];
    const char *addresses[RESOLVER_ADDRESSES_MAX];
    size_t n = status == 0 ? addresses_text(text, list) : 0;
    for (size_t i = 0; i < n; i++)
        addresses[i] = text[i];
    uv_freeaddrinfo(list);
    if (call->done)
        call->done(call->arg, addresses, n, n ? NULL : status < 0 ? uv_strerror(status) : "no address");
    free(call);
}

struct resolve_call *resolve_start(uv_loop_t *loop, const char *host, resolve_done_fn *done, void *arg, struct err *e)
{
    static const struct addrinfo hints = { .ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM };
    struct resolve_call *call = xcalloc(1, sizeof *call);
    call->done = done;
    call->arg = arg;
    call->req.data = call;
    int rc = uv_getaddrinfo(loop, &call->req, on_resolved, host, NULL, &hints);
    if (rc < 0) {
        (void)err_set(e, rc, "host name: %s", uv_strerror(rc));
        free(call);
        return NULL;
    }
    return call;
}

void resolve_cancel(struct resolve_call *call)
{
    if (!call)
        return;
    call->done = NULL; /* a lookup that runs cannot be stopped; it ends without being heard */
    (void)uv_cancel((uv_req_t *)&call->req);
}
