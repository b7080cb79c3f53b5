#include "api/http_conns.h"

#include <stdlib.h>
#include <sys/socket.h>
#include <utlist.h>

#include "api/http_server.h"
#include "util/buf.h"
#include "util/clock.h"

struct http_conn {
    struct http_conn *prev, *next;
    int fd;
    uint64_t since_ms; /* connected, or last answered; the request must be complete within the time-out */
    bool waiting;      /* for an answer of ours, or taking a stream: no time-out */
};

void http_conns_notify(void *cls, struct MHD_Connection *mc, void **context, enum MHD_ConnectionNotificationCode what)
{
    struct http_conns *all = cls;
    struct http_conn *c = *context;
    if (what == MHD_CONNECTION_NOTIFY_STARTED) {
        c = xcalloc(1, sizeof *c);
        c->fd = MHD_get_connection_info(mc, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd;
        c->since_ms = clock_mono_ms();
        DL_APPEND(all->first, c);
        all->n++;
        *context = c;
    } else if (c) {
        DL_DELETE(all->first, c);
        all->n--;
        free(c);
        *context = NULL;
    }
}

/* The library's own time-out counts silence only; one byte now and then would hold a connection for ever. Those who
 * hold all of them, and say nothing whole, have less time. */
void http_conns_end_slow(struct http_conns *all)
{
    uint64_t now_ms = clock_mono_ms();
    uint64_t allowed_ms = http_conns_full(all) ? HTTP_PRESSED_TIMEOUT_MS : HTTP_REQUEST_TIMEOUT_MS;
    for (struct http_conn *c = all->first; c; c = c->next)
        if (!c->waiting && now_ms - c->since_ms > allowed_ms)
            (void)shutdown(c->fd, SHUT_RDWR);
}

bool http_conns_full(const struct http_conns *all)
{
    return all->n >= HTTP_CONNECTIONS_MAX;
}

static struct http_conn *conn_of(struct MHD_Connection *mc)
{
    return MHD_get_connection_info(mc, MHD_CONNECTION_INFO_SOCKET_CONTEXT)->socket_context;
}

void http_conn_waits(struct MHD_Connection *mc)
{
    conn_of(mc)->waiting = true;
}

void http_conn_answered(struct MHD_Connection *mc, bool goes_on)
{
    struct http_conn *c = conn_of(mc);
    c->waiting = goes_on;
    c->since_ms = clock_mono_ms();
}

void http_conn_drop(struct MHD_Connection *mc)
{
    (void)shutdown(conn_of(mc)->fd, SHUT_RDWR);
}
