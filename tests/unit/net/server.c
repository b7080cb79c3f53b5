#include "net/server.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <tomcrypt.h>
#include <utlist.h>

#include "net/loop.h"

union stream {
    uv_handle_t handle;
    uv_stream_t stream;
    uv_tcp_t tcp;
    uv_pipe_t pipe;
};

struct server {
    union stream listener;
    uv_loop_t *loop;
    bool is_unix, stopped;
    server_fn *fn;
    void *arg;
    struct peer *peers;
    int accepted, refs;
    uint16_t port;
    char url[128], path[108];
};

struct peer {
    union stream s;
    struct server *server;
    struct buf in, taken;
    bool closing;
    int tag;
    struct peer *prev, *next;
};

struct send {
    uv_write_t req;
    void *data;
};

static void server_unref(struct server *s)
{
    if (--s->refs == 0)
        free(s);
}

static void on_peer_closed(uv_handle_t *h)
{
    struct peer *p = h->data;
    buf_free(&p->in);
    buf_free(&p->taken);
    server_unref(p->server);
    free(p);
}

static void forget(struct peer *p)
{
    p->closing = true;
    DL_DELETE(p->server->peers, p);
}

void peer_reset(struct peer *p)
{
    if (p->closing)
        return;
    forget(p);
    if (p->server->is_unix || uv_tcp_close_reset(&p->s.tcp, on_peer_closed) < 0)
        uv_close(&p->s.handle, on_peer_closed);
}

static void on_shutdown(uv_shutdown_t *req, int status)
{
    struct peer *p = req->data;
    (void)status;
    free(req);
    if (!uv_is_closing(&p->s.handle))
        uv_close(&p->s.handle, on_peer_closed);
}

void peer_close(struct peer *p)
{
    if (p->closing)
        return;
    forget(p);
    uv_shutdown_t *req = xcalloc(1, sizeof *req);
    req->data = p;
    if (uv_shutdown(req, &p->s.stream, on_shutdown) < 0) {
        free(req);
        uv_close(&p->s.handle, on_peer_closed);
    }
}

static void on_alloc(uv_handle_t *h, size_t size, uv_buf_t *out)
{
    (void)h;
    *out = uv_buf_init(malloc(size), (unsigned)size);
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *data)
{
    struct peer *p = stream->data;
    if (n > 0 && !p->closing)
        buf_append(&p->in, data->base, (size_t)n);
    free(data->base);
    if (p->closing || n == 0)
        return;
    if (n < 0)
        (void)uv_read_stop(stream);
    p->server->fn(p->server->arg, p, n < 0);
    if (n < 0)
        peer_close(p);
}

static void on_connection(uv_stream_t *listener, int status)
{
    struct server *s = listener->data;
    if (status < 0 || s->stopped)
        return;
    struct peer *p = xcalloc(1, sizeof *p);
    p->server = s;
    if (s->is_unix)
        (void)uv_pipe_init(s->loop, &p->s.pipe, 0);
    else
        (void)uv_tcp_init(s->loop, &p->s.tcp);
    p->s.handle.data = p;
    s->refs++;
    s->accepted++;
    DL_APPEND(s->peers, p);
    if (uv_accept(listener, &p->s.stream) < 0)
        peer_close(p);
    else
        (void)uv_read_start(&p->s.stream, on_alloc, on_read);
}

static struct server *server_new(uv_loop_t *loop, server_fn *fn, void *arg)
{
    struct server *s = xcalloc(1, sizeof *s);
    s->loop = loop;
    s->fn = fn;
    s->arg = arg;
    s->refs = 1;
    return s;
}

static void server_listen(struct server *s)
{
    s->listener.handle.data = s;
    if (uv_listen(&s->listener.stream, 128, on_connection) < 0)
        abort();
}

struct server *server_start(uv_loop_t *loop, server_fn *fn, void *arg)
{
    struct server *s = server_new(loop, fn, arg);
    struct sockaddr_in a;
    int len = (int)sizeof a;
    (void)uv_ip4_addr("127.0.0.1", 0, &a);
    (void)uv_tcp_init(loop, &s->listener.tcp);
    if (uv_tcp_bind(&s->listener.tcp, (struct sockaddr *)&a, 0) < 0)
        abort();
    server_listen(s);
    (void)uv_tcp_getsockname(&s->listener.tcp, (struct sockaddr *)&a, &len);
    s->port = ntohs(a.sin_port);
    return s;
}

struct server *server_start_unix(uv_loop_t *loop, const char *path, server_fn *fn, void *arg)
{
    struct server *s = server_new(loop, fn, arg);
    s->is_unix = true;
    (void)snprintf(s->path, sizeof s->path, "%s", path);
    (void)unlink(path);
    (void)uv_pipe_init(loop, &s->listener.pipe, 0);
    if (uv_pipe_bind(&s->listener.pipe, path) < 0)
        abort();
    server_listen(s);
    return s;
}

static void on_listener_closed(uv_handle_t *h)
{
    server_unref(h->data);
}

void server_stop(struct server *s)
{
    struct peer *p, *tmp;
    if (!s)
        return;
    s->stopped = true;
    DL_FOREACH_SAFE(s->peers, p, tmp)
        peer_reset(p);
    if (s->is_unix)
        (void)unlink(s->path);
    uv_close(&s->listener.handle, on_listener_closed);
}

const char *server_url(struct server *s, const char *scheme)
{
    (void)snprintf(s->url, sizeof s->url, "%s://127.0.0.1:%u/", scheme, s->port);
    return s->url;
}

uint16_t server_port(const struct server *s)
{
    return s->port;
}

int server_accepted(const struct server *s)
{
    return s->accepted;
}

int server_open(const struct server *s)
{
    struct peer *p;
    int n;
    DL_COUNT(s->peers, p, n);
    return n;
}

bool server_settles(struct server *s, int n)
{
    for (int i = 0; i < 500 && server_open(s) != n; i++)
        loop_for(s->loop, 20);
    return server_open(s) == n;
}

void server_each(struct server *s, void (*fn)(struct peer *p))
{
    struct peer *p, *tmp;
    DL_FOREACH_SAFE(s->peers, p, tmp)
        fn(p);
}

struct buf *peer_in(struct peer *p)
{
    return &p->in;
}

static void on_sent(uv_write_t *req, int status)
{
    struct send *send = req->data;
    (void)status;
    free(send->data);
    free(send);
}

void peer_send(struct peer *p, const void *data, size_t len)
{
    if (p->closing)
        return;
    struct send *send = xcalloc(1, sizeof *send);
    send->data = xmemdup(data, len);
    send->req.data = send;
    uv_buf_t b = uv_buf_init(send->data, (unsigned)len);
    if (uv_write(&send->req, &p->s.stream, &b, 1, on_sent) < 0)
        on_sent(&send->req, -1);
}

void peer_puts(struct peer *p, const char *text)
{
    peer_send(p, text, strlen(text));
}

void peer_pause(struct peer *p)
{
    (void)uv_read_stop(&p->s.stream);
}

int *peer_tag(struct peer *p)
{
    return &p->tag;
}

/* ---- HTTP ---- */

/* Moves the first n bytes of what came in to where the caller may read them, NUL-terminated. */
static char *take(struct peer *p, size_t n)
{
    buf_reset(&p->taken);
    buf_append(&p->taken, p->in.data, n);
    buf_push(&p->taken, '\0');
    buf_consume(&p->in, n);
    return (char *)p->taken.data;
}

bool peer_http_request(struct peer *p, const char **head, const char **body, size_t *body_len)
{
    const char *end = memmem(p->in.data ? (const char *)p->in.data : "", p->in.len, "\r\n\r\n", 4);
    if (!end)
        return false;
    size_t head_len = (size_t)(end - (const char *)p->in.data) + 4;
    buf_push(&p->in, '\0');
    const char *field = strcasestr((const char *)p->in.data, "\r\ncontent-length:");
    *body_len = field && field < end ? strtoul(field + 17, NULL, 10) : 0;
    p->in.len--;
    if (p->in.len < head_len + *body_len)
        return false;
    char *text = take(p, head_len + *body_len);
    text[head_len - 1] = '\0';
    *head = text;
    *body = text + head_len;
    return true;
}

void peer_http_answer(struct peer *p, int status, const char *extra_headers, const char *body)
{
    struct buf b = { 0 };
    buf_printf(&b, "HTTP/1.1 %d Whatever\r\nContent-Length: %zu\r\n%s\r\n%s", status, strlen(body), extra_headers,
               body);
    peer_send(p, b.data, b.len);
    buf_free(&b);
}

/* ---- WebSocket ---- */

bool peer_ws_accept(struct peer *p)
{
    const char *head, *body;
    size_t body_len;
    if (!peer_http_request(p, &head, &body, &body_len))
        return false;
    const char *key = strcasestr(head, "\r\nsec-websocket-key:");
    char accept[64];
    unsigned long accept_len = sizeof accept;
    unsigned char digest[20];
    hash_state h;
    key += 20;
    key += strspn(key, " ");
    (void)sha1_init(&h);
    (void)sha1_process(&h, (const unsigned char *)key, strcspn(key, "\r"));
    (void)sha1_process(&h, (const unsigned char *)"258EAFA5-E914-47DA-95CA-C5AB0DC85B11", 36);
    (void)sha1_done(&h, digest);
    (void)base64_encode(digest, sizeof digest, (void *)accept, &accept_len);
    struct buf b = { 0 };
    buf_printf(&b,
               "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
               "Sec-WebSocket-Accept: %s\r\n\r\n",
               accept);
    peer_send(p, b.data, b.len);
    buf_free(&b);
    return true;
}

bool peer_ws_frame(struct peer *p, int *opcode, const char **data, size_t *len)
{
    const uint8_t *in = p->in.data;
    size_t head = 6; /* a client's frames are masked */
    if (p->in.len < head)
        return false;
    *len = in[1] & 0x7f;
    if (*len == 126) {
        head = 8;
        *len = (size_t)in[2] << 8 | in[3];
    } else if (*len == 127) {
        head = 14;
        *len = 0;
        for (size_t i = 2; p->in.len >= head && i < 10; i++)
            *len = *len << 8 | in[i];
    }
    if (p->in.len < head || p->in.len < head + *len)
        return false;
    char *frame = take(p, head + *len);
    *opcode = frame[0] & 0x0f;
    for (size_t i = 0; i < *len; i++)
        frame[head + i] = (char)(frame[head + i] ^ frame[head - 4 + i % 4]);
    *data = frame + head;
    return true;
}

void peer_ws_send(struct peer *p, int opcode, bool fin, const void *data, size_t len)
{
    struct buf b = { 0 };
    buf_push(&b, (uint8_t)((fin ? 0x80 : 0) | opcode));
    if (len < 126) {
        buf_push(&b, (uint8_t)len);
    } else {
        size_t bytes = len < 65536 ? 2 : 8;
        buf_push(&b, bytes == 2 ? 126 : 127);
        for (size_t i = bytes; i-- > 0;)
            buf_push(&b, (uint8_t)(len >> (8 * i)));
    }
    buf_append(&b, data, len);
    peer_send(p, b.data, b.len);
    buf_free(&b);
}

void peer_ws_text(struct peer *p, const char *text)
{
    peer_ws_send(p, WS_TEXT, true, text, strlen(text));
}
