/* A request that is answered later is suspended in the meantime and resumed by http_reply_send; so is one whose answer
 * is a stream that has nothing to say just now, and resumed by http_stream_write. */
#include "api/http_request.h"

#include <assert.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#include "api/http_conns.h"
#include "util/buf.h"

/* What is read and thrown away of a body that is too long, so that its sender gets to read the answer. */
#define DRAIN_MAX ((size_t)8 * 1024 * 1024)
#define STREAM_BLOCK_BYTES 8192

struct http_reply {
    struct http_reply *prev, *next;
    struct http_requests *all;
    struct MHD_Connection *mc;
    char *path;
    const char *query; /* within path's block */
    struct buf body;
    size_t received;
    bool started, too_large, handled, suspended;
    char *headers[HTTP_HEADERS_MAX][2];
    size_t n_headers;
    int status;
    struct MHD_Response *response; /* set by http_reply_send and http_reply_stream */
    struct http_stream *stream;
};

struct http_stream {
    struct http_reply *reply;
    struct buf pending;
    bool parked;  /* suspended: nothing to say */
    bool ended;   /* by its owner */
    bool dropped; /* by us */
    void (*on_closed)(void *arg);
    void *arg;
};

void *http_request_line(void *cls, const char *uri, struct MHD_Connection *mc)
{
    struct http_requests *all = cls;
    struct http_reply *r = xcalloc(1, sizeof *r);
    r->all = all;
    r->mc = mc;
    r->path = xstrdup(uri);
    char *mark = strchr(r->path, '?');
    r->query = mark ? mark + 1 : "";
    if (mark)
        *mark = 0;
    DL_APPEND(all->first, r);
    return r;
}

static void stream_closed(struct http_stream *st)
{
    st->reply->all->streams--;
    http_conn_answered(st->reply->mc, false);
    if (st->on_closed && !st->ended)
        st->on_closed(st->arg);
    buf_free(&st->pending);
    free(st);
}

void http_request_end(void *cls, struct MHD_Connection *mc, void **context, enum MHD_RequestTerminationCode why)
{
    (void)mc, (void)why;
    struct http_requests *all = cls;
    struct http_reply *r = *context;
    if (!r)
        return;
    *context = NULL;
    DL_DELETE(all->first, r);
    if (r->stream)
        stream_closed(r->stream);
    if (r->response)
        MHD_destroy_response(r->response);
    for (size_t i = 0; i < r->n_headers; i++) {
        free(r->headers[i][0]);
        free(r->headers[i][1]);
    }
    buf_wipe(&r->body);
    free(r->path);
    free(r);
}

void http_reply_header(struct http_reply *r, const char *name, const char *value)
{
    assert(!r->response && r->n_headers < HTTP_HEADERS_MAX);
    r->headers[r->n_headers][0] = xstrdup(name);
    r->headers[r->n_headers][1] = xstrdup(value);
    r->n_headers++;
}

static void resume(struct http_reply *r)
{
    MHD_resume_connection(r->mc);
    r->all->wake(r->all->wake_arg); /* without threads the library does not wake itself up for this */
}

/* r->response is there: its headers are added and it is on its way. */
static void answer(struct http_reply *r, int status, const char *content_type)
{
    if (!r->response)
        abort();
    r->status = status;
    if (content_type)
        (void)MHD_add_response_header(r->response, MHD_HTTP_HEADER_CONTENT_TYPE, content_type);
    for (size_t i = 0; i < r->n_headers; i++)
        (void)MHD_add_response_header(r->response, r->headers[i][0], r->headers[i][1]);
    if (r->suspended) {
        r->suspended = false;
        resume(r);
    }
}

void http_reply_send(struct http_reply *r, int status, const char *content_type, const void *body, size_t len)
{
    assert(!r->response);
    /* the library copies the bytes and takes a plain pointer */
    r->response = MHD_create_response_from_buffer(len, (void *)(uintptr_t)body, MHD_RESPMEM_MUST_COPY);
    answer(r, status, content_type);
}

/* ---- answers that go on ---- */

/* The library asks for the next bytes of a stream. */
static ssize_t on_stream_read(void *cls, uint64_t pos, char *out, size_t max)
{
    struct http_stream *st = cls;
    (void)pos;
    if (st->dropped)
        return MHD_CONTENT_READER_END_WITH_ERROR;
    if (st->pending.len > 0) {
        size_t n = st->pending.len < max ? st->pending.len : max;
        memcpy(out, st->pending.data, n);
        buf_consume(&st->pending, n);
        return (ssize_t)n;
    }
    if (st->ended)
        return MHD_CONTENT_READER_END_OF_STREAM;
    st->parked = true;
    MHD_suspend_connection(st->reply->mc);
    return 0;
}

static void unpark(struct http_stream *st)
{
    if (!st->parked)
        return;
    st->parked = false;
    resume(st->reply);
}

struct http_stream *http_reply_stream(struct http_reply *r, const char *content_type, void (*on_closed)(void *arg),
                                      void *arg)
{
    assert(!r->response);
    if (r->all->streams == HTTP_STREAMS_MAX)
        return NULL;
    struct http_stream *st = xcalloc(1, sizeof *st);
    st->reply = r;
    st->on_closed = on_closed;
    st->arg = arg;
    r->stream = st;
    r->all->streams++;
    r->response = MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, STREAM_BLOCK_BYTES, on_stream_read, st, NULL);
    answer(r, 200, content_type);
    return st;
}

void http_stream_write(struct http_stream *st, const void *data, size_t len)
{
    if (st->dropped)
        return;
    if (len > HTTP_STREAM_BUFFER_MAX - st->pending.len) {
        st->dropped = true;
        http_conn_drop(st->reply->mc);
    } else {
        buf_append(&st->pending, data, len);
    }
    unpark(st);
}

void http_stream_end(struct http_stream *st)
{
    st->ended = true;
    unpark(st);
}

static void refuse_too_large(struct http_reply *r)
{
    char text[64];
    int n = snprintf(text, sizeof text, "Request body is over %zu bytes\n", HTTP_BODY_MAX);
    r->handled = true;
    http_reply_send(r, 413, "text/plain; charset=utf-8", text, (size_t)n);
}

static enum MHD_Result queue_answer(struct http_reply *r)
{
    http_conn_answered(r->mc, r->stream != NULL);
    return MHD_queue_response(r->mc, (unsigned)r->status, r->response);
}

/* Headers are complete. A body that declares itself far too long, or waits for our consent, is refused unread. */
static enum MHD_Result begin_body(struct http_reply *r)
{
    const char *text = MHD_lookup_connection_value(r->mc, MHD_HEADER_KIND, MHD_HTTP_HEADER_CONTENT_LENGTH);
    bool chunked = MHD_lookup_connection_value(r->mc, MHD_HEADER_KIND, MHD_HTTP_HEADER_TRANSFER_ENCODING) != NULL;
    bool asks = MHD_lookup_connection_value(r->mc, MHD_HEADER_KIND, MHD_HTTP_HEADER_EXPECT) != NULL;
    unsigned long long declared = text ? strtoull(text, NULL, 10) : 0;
    r->started = true;
    r->too_large = declared > HTTP_BODY_MAX;
    if (r->too_large && (asks || declared > DRAIN_MAX)) {
        refuse_too_large(r);
        return queue_answer(r);
    }
    /* in one piece from the start, so that no copy is left behind by growing */
    if (!r->too_large && (declared || chunked))
        buf_reserve(&r->body, chunked ? HTTP_BODY_MAX : (size_t)declared);
    return MHD_YES;
}

static enum MHD_Result take_body(struct http_reply *r, const char *data, size_t *len)
{
    r->received += *len;
    if (r->received > HTTP_BODY_MAX) {
        r->too_large = true;
        buf_wipe(&r->body);
    } else {
        buf_append(&r->body, data, *len);
    }
    explicit_bzero((void *)(uintptr_t)data, *len); /* the library's read buffer, which it is done with */
    *len = 0;
    return r->received > DRAIN_MAX ? MHD_NO : MHD_YES;
}

static struct peer_address peer_of(struct MHD_Connection *mc)
{
    struct peer_address peer = { { 0 } };
    const struct sockaddr *sa = MHD_get_connection_info(mc, MHD_CONNECTION_INFO_CLIENT_ADDRESS)->client_addr;
    if (sa && sa->sa_family == AF_INET) {
        memset(peer.b + 10, 0xff, 2);
        memcpy(peer.b + 12, &((const struct sockaddr_in *)(const void *)sa)->sin_addr, 4);
    } else if (sa && sa->sa_family == AF_INET6) {
        memcpy(peer.b, &((const struct sockaddr_in6 *)(const void *)sa)->sin6_addr, 16);
    }
    return peer;
}

static void call_handler(struct http_reply *r, const char *method)
{
    const char *host = MHD_lookup_connection_value(r->mc, MHD_HEADER_KIND, MHD_HTTP_HEADER_HOST);
    struct http_server_request req = { .method = method,
                                       .path = r->path,
                                       .query = r->query,
                                       .host = host ? host : "",
                                       .peer = peer_of(r->mc),
                                       .body = r->body.data,
                                       .body_len = r->body.len };
    r->handled = true;
    r->all->handler(r->all->handler_arg, &req, r);
    buf_wipe(&r->body);
}

enum MHD_Result http_request_part(void *cls, struct MHD_Connection *mc, const char *url, const char *method,
                                  const char *version, const char *data, size_t *len, void **context)
{
    (void)cls, (void)url, (void)version;
    struct http_reply *r = *context;
    if (!r->started)
        return begin_body(r);
    if (*len > 0)
        return take_body(r, data, len);
    if (r->too_large && !r->handled)
        refuse_too_large(r);
    if (!r->handled)
        call_handler(r, method);
    if (r->response)
        return queue_answer(r);
    r->suspended = true;
    http_conn_waits(mc);
    MHD_suspend_connection(mc);
    return MHD_YES;
}

void http_requests_abandon(struct http_requests *all)
{
    for (struct http_reply *r = all->first; r; r = r->next) {
        if (r->suspended || (r->stream && r->stream->parked))
            MHD_resume_connection(r->mc); /* the library refuses to stop otherwise */
        r->suspended = false;
        if (r->stream)
            r->stream->parked = false;
    }
}
