#include "chain/relay.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "util/buf.h"

struct pipe_pair;

/* One side of a connection. */
struct side {
    uv_tcp_t tcp;
    struct pipe_pair *pair;
};

struct pipe_pair {
    struct relay *relay;
    struct side client, server;
    struct buf down; /* bytes from the server that are not whole messages yet */
    bool upgraded;   /* the HTTP head of the answer has passed */
    bool closing;
    int open;
    struct pipe_pair *next;
};

struct relay {
    uv_loop_t *loop;
    uv_tcp_t listener;
    uint16_t target_port;
    char url[64];
    bool refuse, stopped;
    int accepted, refs;
    relay_filter_fn *filter;
    void *filter_arg;
    struct pipe_pair *pairs;
};

struct chunk {
    uv_write_t req;
    uint8_t *data;
};

static void relay_unref(struct relay *r)
{
    if (--r->refs == 0)
        free(r);
}

static void unlink_pair(struct pipe_pair *p)
{
    for (struct pipe_pair **at = &p->relay->pairs; *at; at = &(*at)->next)
        if (*at == p) {
            *at = p->next;
            return;
        }
}

static void side_closed(uv_handle_t *handle)
{
    struct side *s = handle->data;
    struct pipe_pair *p = s->pair;
    if (--p->open > 0)
        return;
    buf_free(&p->down);
    relay_unref(p->relay);
    free(p);
}

static void pair_close(struct pipe_pair *p)
{
    if (p->closing)
        return;
    p->closing = true;
    unlink_pair(p);
    uv_close((uv_handle_t *)&p->client.tcp, side_closed);
    uv_close((uv_handle_t *)&p->server.tcp, side_closed);
}

static void chunk_written(uv_write_t *req, int status)
{
    struct chunk *c = req->data;
    (void)status;
    free(c->data);
    free(c);
}

static void side_send(struct side *to, const void *data, size_t len)
{
    struct chunk *c = xcalloc(1, sizeof *c);
    c->data = xmemdup(data, len);
    c->req.data = c;
    uv_buf_t buf = uv_buf_init((char *)c->data, (unsigned)len);
    if (uv_write(&c->req, (uv_stream_t *)&to->tcp, &buf, 1, chunk_written) < 0)
        chunk_written(&c->req, -1);
}

/* ---- messages that come down ---- */

/* Length of the whole frame at data with its header, 0 = not whole yet. */
static size_t frame_length(const uint8_t *data, size_t len, size_t *header)
{
    if (len < 2)
        return 0;
    uint64_t payload = data[1] & 0x7f;
    *header = payload == 126 ? 4 : payload == 127 ? 10 : 2;
    if (len < *header)
        return 0;
    if (*header > 2) {
        payload = 0;
        for (size_t i = 2; i < *header; i++)
            payload = payload << 8 | data[i];
    }
    return len - *header < payload ? 0 : *header + (size_t)payload;
}

static void pass_frames(struct pipe_pair *p)
{
    size_t header, whole;
    while ((whole = frame_length(p->down.data, p->down.len, &header)) > 0) {
        bool text = (p->down.data[0] & 0x0f) == 1;
        int copies = 1;
        if (text && p->relay->filter)
            copies = p->relay->filter(p->relay->filter_arg, (const char *)p->down.data + header, whole - header);
        for (int i = 0; i < copies; i++)
            side_send(&p->client, p->down.data, whole);
        buf_consume(&p->down, whole);
    }
}

static void came_down(struct pipe_pair *p, const void *data, size_t len)
{
    buf_append(&p->down, data, len);
    if (!p->upgraded) {
        const char *end = strstr(buf_cstr(&p->down), "\r\n\r\n");
        if (!end)
            return;
        size_t head = (size_t)(end - (const char *)p->down.data) + 4;
        side_send(&p->client, p->down.data, head);
        buf_consume(&p->down, head);
        p->upgraded = true;
    }
    pass_frames(p);
}

/* ---- connections ---- */

static void alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buf)
{
    (void)handle;
    *buf = uv_buf_init(malloc(suggested), (unsigned)suggested);
}

static void came(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
    struct side *s = stream->data;
    struct pipe_pair *p = s->pair;
    if (n > 0 && s == &p->server)
        came_down(p, buf->base, (size_t)n);
    else if (n > 0)
        side_send(&p->server, buf->base, (size_t)n);
    else if (n < 0)
        pair_close(p);
    free(buf->base);
}

static void connected(uv_connect_t *req, int status)
{
    struct side *s = req->handle->data;
    struct pipe_pair *p = s->pair;
    free(req);
    if (p->closing)
        return;
    if (status < 0) {
        pair_close(p);
        return;
    }
    (void)uv_read_start((uv_stream_t *)&p->client.tcp, alloc, came);
    (void)uv_read_start((uv_stream_t *)&p->server.tcp, alloc, came);
}

static void side_init(struct side *s, struct pipe_pair *p)
{
    (void)uv_tcp_init(p->relay->loop, &s->tcp);
    s->tcp.data = s;
    s->pair = p;
    p->open++;
}

static void accepted(uv_stream_t *listener, int status)
{
    struct relay *r = listener->data;
    if (status < 0)
        return;
    struct pipe_pair *p = xcalloc(1, sizeof *p);
    p->relay = r;
    r->refs++;
    r->accepted++;
    side_init(&p->client, p);
    side_init(&p->server, p);
    p->next = r->pairs;
    r->pairs = p;
    if (uv_accept(listener, (uv_stream_t *)&p->client.tcp) < 0 || r->refuse) {
        pair_close(p);
        return;
    }
    struct sockaddr_in to;
    uv_connect_t *req = xcalloc(1, sizeof *req);
    (void)uv_ip4_addr("127.0.0.1", r->target_port, &to);
    if (uv_tcp_connect(req, &p->server.tcp, (const struct sockaddr *)&to, connected) < 0) {
        free(req);
        pair_close(p);
    }
}

struct relay *relay_start(uv_loop_t *loop, uint16_t target_port)
{
    struct relay *r = xcalloc(1, sizeof *r);
    struct sockaddr_in at;
    int len = sizeof at;
    r->loop = loop;
    r->target_port = target_port;
    r->refs = 1;
    (void)uv_tcp_init(loop, &r->listener);
    r->listener.data = r;
    (void)uv_ip4_addr("127.0.0.1", 0, &at);
    if (uv_tcp_bind(&r->listener, (const struct sockaddr *)&at, 0) < 0 ||
        uv_listen((uv_stream_t *)&r->listener, 16, accepted) < 0 ||
        uv_tcp_getsockname(&r->listener, (struct sockaddr *)&at, &len) < 0)
        abort();
    (void)snprintf(r->url, sizeof r->url, "ws://127.0.0.1:%u", ntohs(at.sin_port));
    return r;
}

static void listener_closed(uv_handle_t *handle)
{
    relay_unref(handle->data);
}

void relay_cut(struct relay *r)
{
    while (r->pairs)
        pair_close(r->pairs);
}

void relay_stop(struct relay *r)
{
    relay_cut(r);
    uv_close((uv_handle_t *)&r->listener, listener_closed);
}

const char *relay_ws_url(const struct relay *r)
{
    return r->url;
}

void relay_refuse(struct relay *r, bool refuse)
{
    r->refuse = refuse;
}

void relay_filter(struct relay *r, relay_filter_fn *filter, void *arg)
{
    r->filter = filter;
    r->filter_arg = arg;
}

int relay_accepted(const struct relay *r)
{
    return r->accepted;
}
