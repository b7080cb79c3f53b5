/* A program that is nothing but an HTTP server: it serves until SIGTERM or SIGINT. */
#ifndef OYSTER_API_SERVICE_H
#define OYSTER_API_SERVICE_H

#include <stdint.h>

#include "api/http_server.h"
#include "util/err.h"

/* Listens (see http_server_new), calls ready(arg, port) once, and answers by handler until one of the two signals
 * comes; then ends what is open. Returns 0, or a negative errno where it cannot listen. */
int service_run(const char *ip, uint16_t port, http_handler_fn *handler, void (*ready)(void *arg, uint16_t port),
                void *arg, struct err *e);

#endif
