/* HTTP server on the loop (libmicrohttpd's; its inside is http_*.[ch]): bounded bodies, headers, connections and times;
 * answers now, later, or piece by piece for as long as the client stays. Request bodies may hold keys: their memory is
 * overwritten as soon as the handler has returned. */
#ifndef OYSTER_API_HTTP_SERVER_H
#define OYSTER_API_HTTP_SERVER_H

#include <stddef.h>
#include <stdint.h>
#include <uv.h>

#include "util/err.h"

#define HTTP_BODY_MAX ((size_t)64 * 1024)
#define HTTP_CONNECTIONS_MAX 64       /* further ones wait in the listen queue */
#define HTTP_IDLE_TIMEOUT_S 15        /* no byte for so long: closed */
#define HTTP_REQUEST_TIMEOUT_MS 30000 /* a whole request, since the connection or the last answer: closed */
#define HTTP_PRESSED_TIMEOUT_MS 3000  /* the same while all connections are taken: others wait for one */
#define HTTP_HEADERS_MAX 8            /* that an answer may add */
#define HTTP_STREAMS_MAX 16           /* answers without an end, at a time */
#define HTTP_STREAM_BUFFER_MAX ((size_t)512 * 1024) /* written and not taken by the client: more, and it is dropped */

struct http_server;
struct http_reply;  /* one request that waits for its answer */
struct http_stream; /* an answer that goes on */

/* Where a request comes from: an IPv6 address, IPv4 mapped. */
struct peer_address {
    uint8_t b[16];
};

/* A complete request. Everything is borrowed for the call of the handler. path and query are as sent, not decoded. */
struct http_server_request {
    const char *method;
    const char *path;         /* without query */
    const char *query;        /* behind '?', "" = none */
    const char *host;         /* the Host header, "" = none */
    struct peer_address peer; /* zero where it has no IP address */
    const uint8_t *body;
    size_t body_len;
};

/* Answers by http_reply_send, inside or later. A body over HTTP_BODY_MAX never comes here (413). */
typedef void http_handler_fn(void *arg, const struct http_server_request *req, struct http_reply *reply);

/* Listens on address ("0.0.0.0", "::", "127.0.0.1") and port (0 = any free one); "::" takes IPv4 too. Returns NULL with
 * e set: the message names address and port, e.g. "port 6001 on 0.0.0.0: Address already in use". */
struct http_server *http_server_new(uv_loop_t *loop, const char *address, uint16_t port, http_handler_fn *handler,
                                    void *arg, struct err *e);

/* Serves on one more listening stream socket, of whatever family; the bounds count for all together. fd: not blocking,
 * taken over in any case. Returns 0 or a negative errno with e set. */
int http_server_listen(struct http_server *s, int fd, struct err *e);

/* The port listened on. */
uint16_t http_server_port(const struct http_server *s);

/* Adds a header to the answer; at most HTTP_HEADERS_MAX, before http_reply_send or http_reply_stream. Both strings are
 * copied. */
void http_reply_header(struct http_reply *reply, const char *name, const char *value);

/* Sends the answer (body copied, content_type NULL = none) and ends the request; reply is gone afterwards. Safe when
 * the client has gone. */
void http_reply_send(struct http_reply *reply, int status, const char *content_type, const void *body, size_t len);

/* Begins an answer (status 200) that has no end of its own and no time-out; reply is gone afterwards. on_closed (NULL
 * allowed) is called once when the client has gone, was dropped, or the server is freed: the stream is gone then. A
 * client that has gone is noticed at the next write. Returns NULL where HTTP_STREAMS_MAX are open: reply still waits
 * for an answer then. */
struct http_stream *http_reply_stream(struct http_reply *reply, const char *content_type, void (*on_closed)(void *arg),
                                      void *arg);

/* Sends len bytes (copied). A client that has left HTTP_STREAM_BUFFER_MAX untaken is dropped instead. on_closed is
 * never called from inside. */
void http_stream_write(struct http_stream *stream, const void *data, size_t len);

/* Ends the answer behind what was written; stream is gone afterwards, without on_closed. */
void http_stream_end(struct http_stream *stream);

/* Stops listening and drops open requests (their replies must not be sent afterwards: the owner cancels what would).
 * NULL allowed; also from inside the handler. Handles close on the loop's next turns. */
void http_server_free(struct http_server *s);

#endif
