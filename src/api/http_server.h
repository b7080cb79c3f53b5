/* HTTP server on the loop (the only user of libmicrohttpd): bounded bodies, answers now or later. */
#ifndef OYSTER_API_HTTP_SERVER_H
#define OYSTER_API_HTTP_SERVER_H

#include <stddef.h>
#include <stdint.h>
#include <uv.h>

#include "util/err.h"

#define HTTP_BODY_MAX (64u * 1024)

struct http_server;
struct http_reply; /* one request that waits for its answer */

/* A complete request. Everything is borrowed for the call of the handler. */
struct http_server_request {
    const char *method;
    const char *path;  /* without query */
    const char *query; /* behind '?', "" = none */
    const uint8_t *body;
    size_t body_len;
};

/* Answers by http_reply_send, inside or later. A body over HTTP_BODY_MAX never comes here (413). */
typedef void http_handler_fn(void *arg, const struct http_server_request *req, struct http_reply *reply);

/* Listens on address ("0.0.0.0", "::", "127.0.0.1") and port (0 = any free one). Returns NULL with e set: the message
 * names address and port, e.g. "port 6001 on 0.0.0.0: Address already in use". */
struct http_server *http_server_new(uv_loop_t *loop, const char *address, uint16_t port, http_handler_fn *handler,
                                    void *arg, struct err *e);

/* The port listened on. */
uint16_t http_server_port(const struct http_server *s);

/* Sends the answer (body copied) and ends the request. Safe when the client has gone. */
void http_reply_send(struct http_reply *reply, int status, const char *content_type, const void *body, size_t len);

/* Stops listening and drops open requests (their replies must not be sent afterwards: the owner cancels what would). */
void http_server_free(struct http_server *s);

#endif
