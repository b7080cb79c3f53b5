/* A program that is nothing but an HTTP server: it serves until SIGTERM or SIGINT. */
#ifndef OYSTER_API_SERVICE_H
#define OYSTER_API_SERVICE_H

#include <stdint.h>
#include <uv.h>

#include "api/http_server.h"
#include "util/err.h"

/* What it is. arg goes to all functions. */
struct service {
    const char *ip;
    uint16_t port; /* 0 = any free one */
    http_handler_fn *handler;
    /* Called once, when it listens there. Returns 0, or a negative errno with e, which ends the service. */
    int (*started)(void *arg, uv_loop_t *loop, uint16_t port, struct err *e);
    void (*stopping)(void *arg); /* after started, whatever that returned: closes what it has opened; NULL = nothing */
    void *arg;
};

/* Listens (see http_server_new) and answers until one of the two signals comes; then ends what is open. Returns 0, or a
 * negative errno with e where it cannot listen or start. */
int service_run(const struct service *what, struct err *e);

#endif
