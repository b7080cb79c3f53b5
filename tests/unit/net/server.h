/* A scripted server on the test's loop: raw bytes, with a little HTTP and WebSocket for those who want it. It does what
 * servers should not do: half answers, resets, silence. */
#ifndef OYSTER_TESTS_NET_SERVER_H
#define OYSTER_TESTS_NET_SERVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

#include "util/buf.h"

struct server;
struct peer;

/* New bytes are in peer_in(p). Called with eof when the client has closed its side. */
typedef void server_fn(void *arg, struct peer *p, bool eof);

/* Listens on a free port of 127.0.0.1 / on a unix socket at path (removed on stop). */
struct server *server_start(uv_loop_t *loop, server_fn *fn, void *arg);
struct server *server_start_unix(uv_loop_t *loop, const char *path, server_fn *fn, void *arg);

/* Closes everything, from the loop. */
void server_stop(struct server *s);

/* "scheme://127.0.0.1:PORT/"; valid until the server stops. */
const char *server_url(struct server *s, const char *scheme);
uint16_t server_port(const struct server *s);

/* Connections accepted so far / open now. */
int server_accepted(const struct server *s);
int server_open(const struct server *s);

/* Runs the loop until n connections are open (10 s at most). Returns whether they are. */
bool server_settles(struct server *s, int n);

/* Every open connection gets fn's treatment. */
void server_each(struct server *s, void (*fn)(struct peer *p));

/* What has come and was not taken out yet / queues bytes, copied, to be sent. */
struct buf *peer_in(struct peer *p);
void peer_send(struct peer *p, const void *data, size_t len);
void peer_puts(struct peer *p, const char *text);
/* Closes when what was sent is out / at once with RST (FIN on a unix socket). */
void peer_close(struct peer *p);
void peer_reset(struct peer *p);
void peer_pause(struct peer *p);
/* A number of the test's own, 0 at first. */
int *peer_tag(struct peer *p);

/* ---- HTTP ---- */

/* Takes one whole request (Content-Length) out of peer_in. head and body stay valid until the next call. */
bool peer_http_request(struct peer *p, const char **head, const char **body, size_t *body_len);
/* 200 with Content-Length. */
void peer_http_answer(struct peer *p, int status, const char *extra_headers, const char *body);

/* ---- WebSocket ---- */

enum { WS_CONT = 0, WS_TEXT = 1, WS_BINARY = 2, WS_CLOSE = 8, WS_PING = 9, WS_PONG = 10 };

/* Answers the handshake if it is whole; returns false while it is not. */
bool peer_ws_accept(struct peer *p);
/* Takes one frame out of peer_in; data is unmasked and valid until the next call. */
bool peer_ws_frame(struct peer *p, int *opcode, const char **data, size_t *len);
void peer_ws_send(struct peer *p, int opcode, bool fin, const void *data, size_t len);
void peer_ws_text(struct peer *p, const char *text);

#endif
