#include "net/http_client.h"

#include <curl/curl.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <utlist.h>

#include "net/http_multi.h"
#include "net/http_names.h"
#include "net/url.h"
#include "util/buf.h"
#include "util/clock.h"

/* Status lines and headers of one response, interim responses included. */
#define HEADERS_MAX (256u * 1024)
#define CONNECT_TIMEOUT_MS 10000L
#define RECEIVE_BUFFER (64L * 1024)
/* What was sent and not acknowledged for so long ends the connection. Without this the kernel tries for a quarter of an
 * hour, and requests that share the connection (HTTP/2) go on being sent into a path that has died: libcurl does not
 * leave it because one of them has timed out. */
#define UNACKNOWLEDGED_MS 3000u

struct http_client {
    struct http_multi *multi;
    struct http_names *names;
    struct http_call *calls;
};

struct http_call {
    struct http_client *c;
    CURL *easy;
    struct curl_slist *headers, *resolved;
    struct http_name_wait *wait; /* not NULL: for the host's address; not given to libcurl yet */
    char *host;
    uint16_t port;
    uint64_t started_ms, timeout_ms;
    http_done_fn *done;
    void *arg;
    struct buf body;
    size_t max_body, n_header_bytes, n_to_send;
    bool too_large, headers_too_large;
    bool complete;   /* the whole body has come, and the request need not go out to its end */
    bool head_whole; /* the blank line behind the headers has come: libcurl does not insist on it */
    char error[CURL_ERROR_SIZE];
    struct http_call *prev, *next;
};

/* Lets go of everything; the call is in no list any more. */
static void call_release(struct http_call *call)
{
    curl_easy_cleanup(call->easy);
    curl_slist_free_all(call->headers);
    curl_slist_free_all(call->resolved);
    buf_free(&call->body);
    free(call->host);
    free(call);
}

static void call_unlink(struct http_call *call)
{
    DL_DELETE(call->c->calls, call);
    if (call->wait)
        http_names_cancel(call->wait);
    else
        http_multi_remove(call->c->multi, call->easy);
}

static void call_free(struct http_call *call)
{
    call_unlink(call);
    call_release(call);
}

/* Has all of the announced Content-Length come? */
static bool has_announced_length(const struct http_call *call)
{
    curl_off_t length = -1;
    (void)curl_easy_getinfo(call->easy, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &length);
    return call->head_whole && length >= 0 && (size_t)length == call->body.len;
}

static enum http_outcome outcome_of(const struct http_call *call, CURLcode code, long status)
{
    if (call->too_large)
        return HTTP_TOO_LARGE;
    if (call->complete || (code == CURLE_SEND_ERROR && has_announced_length(call)))
        return HTTP_DONE;
    switch (code) {
    case CURLE_OK:
        return call->head_whole && status >= 200 ? HTTP_DONE : HTTP_BROKEN;
    case CURLE_FILESIZE_EXCEEDED:
        return HTTP_TOO_LARGE;
    case CURLE_OPERATION_TIMEDOUT:
        return HTTP_TIMEOUT;
    case CURLE_PARTIAL_FILE:
    case CURLE_GOT_NOTHING:
    case CURLE_SEND_ERROR:
    case CURLE_RECV_ERROR:
    case CURLE_WRITE_ERROR:
    case CURLE_WEIRD_SERVER_REPLY:
    case CURLE_UNSUPPORTED_PROTOCOL: /* HTTP/0.9 or a version that nobody knows */
    case CURLE_BAD_CONTENT_ENCODING:
    case CURLE_HTTP2:
    case CURLE_HTTP2_STREAM:
        return HTTP_BROKEN;
    default:
        return HTTP_FAILED;
    }
}

/* libcurl's own words where it has any; a line break in them (from a peer) ends the line. */
static const char *error_text(struct http_call *call, CURLcode code)
{
    if (call->too_large || code == CURLE_FILESIZE_EXCEEDED)
        return "response over the limit";
    if (call->headers_too_large)
        return "response headers over the limit";
    if (code == CURLE_OK)
        return "connection closed within the response headers";
    call->error[strcspn(call->error, "\r\n")] = '\0';
    return call->error[0] ? call->error : curl_easy_strerror(code);
}

static void on_ended(void *arg, CURL *easy, CURLcode code)
{
    struct http_call *call;
    long status = 0;
    curl_off_t retry_after = 0;
    (void)arg;
    (void)curl_easy_getinfo(easy, CURLINFO_PRIVATE, &call);
    (void)curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
    (void)curl_easy_getinfo(easy, CURLINFO_RETRY_AFTER, &retry_after);
    struct http_response response = {
        .outcome = outcome_of(call, code, status),
        .status = (int)status,
        .body = call->body.data,
        .body_len = call->body.len,
        .retry_after_s = retry_after > 0 && retry_after <= UINT32_MAX ? (uint32_t)retry_after : 0,
    };
    response.error = response.outcome == HTTP_DONE ? NULL : error_text(call, code);
    if (response.outcome == HTTP_FAILED && call->host)
        http_names_doubt(call->c->names, call->host);
    call_unlink(call); /* from here on nobody can cancel it */
    call->done(call->arg, &response);
    call_release(call);
}

static size_t on_body(char *data, size_t size, size_t n, void *arg)
{
    struct http_call *call = arg;
    size_t len = size * n;
    size_t room = call->max_body - call->body.len;
    buf_append(&call->body, data, len < room ? len : room);
    call->too_large = len > room;
    /* libcurl would go on sending to a peer that has answered in full and may never read the rest. */
    curl_off_t sent = 0;
    (void)curl_easy_getinfo(call->easy, CURLINFO_SIZE_UPLOAD_T, &sent);
    call->complete = !call->too_large && (size_t)sent < call->n_to_send && has_announced_length(call);
    return call->too_large || call->complete ? 0 : len;
}

static size_t on_header(char *data, size_t size, size_t n, void *arg)
{
    struct http_call *call = arg;
    if (size * n > 5 && memcmp(data, "HTTP/", 5) == 0)
        call->head_whole = false;
    else if (size * n > 0 && (data[0] == '\r' || data[0] == '\n'))
        call->head_whole = true;
    call->n_header_bytes += size * n;
    call->headers_too_large = call->n_header_bytes > HEADERS_MAX;
    return call->headers_too_large ? 0 : size * n;
}

/* Does the request say "Connection: close"? */
static bool wants_close(const char *const *headers)
{
    static const char name[] = "connection:";
    for (; headers && *headers; headers++)
        if (strncasecmp(*headers, name, sizeof name - 1) == 0 && strcasestr(*headers + sizeof name - 1, "close"))
            return true;
    return false;
}

static int on_socket(void *arg, curl_socket_t fd, curlsocktype purpose)
{
    const unsigned ms = UNACKNOWLEDGED_MS;
    (void)arg;
    (void)purpose;
    (void)setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &ms, sizeof ms); /* a unix socket has none */
    return CURL_SOCKOPT_OK;
}

/* What every request has in common. */
static void set_policy(CURL *easy)
{
    (void)curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    (void)curl_easy_setopt(easy, CURLOPT_PROXY, "");
    (void)curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
#if LIBCURL_VERSION_NUM >= 0x075500
    (void)curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
#else
    (void)curl_easy_setopt(easy, CURLOPT_PROTOCOLS, (long)(CURLPROTO_HTTP | CURLPROTO_HTTPS));
#endif
    (void)curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_2TLS);
    (void)curl_easy_setopt(easy, CURLOPT_TCP_NODELAY, 1L);
    (void)curl_easy_setopt(easy, CURLOPT_TCP_KEEPALIVE, 1L);
    (void)curl_easy_setopt(easy, CURLOPT_TCP_KEEPIDLE, 20L);
    (void)curl_easy_setopt(easy, CURLOPT_TCP_KEEPINTVL, 10L);
    (void)curl_easy_setopt(easy, CURLOPT_SOCKOPTFUNCTION, on_socket);
    (void)curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, CONNECT_TIMEOUT_MS);
    (void)curl_easy_setopt(easy, CURLOPT_BUFFERSIZE, RECEIVE_BUFFER);
    /* As OpenSSL itself has it, and so libwebsockets: another store than the system's. */
    const char *ca_file = getenv("SSL_CERT_FILE");
    if (ca_file && ca_file[0])
        (void)curl_easy_setopt(easy, CURLOPT_CAINFO, ca_file);
    /* An early error status is an answer; the rest of the body still goes out, for whoever reads it. */
    (void)curl_easy_setopt(easy, CURLOPT_KEEP_SENDING_ON_ERROR, 1L);
}

static void set_body(CURL *easy, const struct http_request *req)
{
    if (strcmp(req->method, "POST") != 0)
        return;
    (void)curl_easy_setopt(easy, CURLOPT_POST, 1L);
    (void)curl_easy_setopt(easy, CURLOPT_POSTFIELDS, req->body ? req->body : "");
    (void)curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)req->body_len);
}

static void set_headers(struct http_call *call, const struct http_request *req)
{
    /* No waiting for "100 Continue", and nothing said about the body that the caller does not say. */
    struct curl_slist *list = curl_slist_append(NULL, "Expect:");
    if (strcmp(req->method, "POST") == 0)
        list = curl_slist_append(list, "Content-Type:");
    for (const char *const *h = req->headers; h && *h; h++)
        list = curl_slist_append(list, *h);
    call->headers = list;
    (void)curl_easy_setopt(call->easy, CURLOPT_HTTPHEADER, list);
    (void)curl_easy_setopt(call->easy, CURLOPT_FORBID_REUSE, wants_close(req->headers) ? 1L : 0L);
}

static void set_sinks(struct http_call *call)
{
    CURL *easy = call->easy;
    (void)curl_easy_setopt(easy, CURLOPT_PRIVATE, call);
    (void)curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, call->error);
    (void)curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
    (void)curl_easy_setopt(easy, CURLOPT_WRITEDATA, call);
    (void)curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_header);
    (void)curl_easy_setopt(easy, CURLOPT_HEADERDATA, call);
    (void)curl_easy_setopt(easy, CURLOPT_MAXFILESIZE_LARGE, (curl_off_t)call->max_body);
}

/* ---- starting ---- */

/* Gives the call to libcurl, with the host's addresses where it has any of ours. */
static int call_launch(struct http_call *call, struct err *e)
{
    uint64_t passed_ms = clock_mono_ms() - call->started_ms;
    uint64_t left_ms = passed_ms < call->timeout_ms ? call->timeout_ms - passed_ms : 1;
    (void)curl_easy_setopt(call->easy, CURLOPT_TIMEOUT_MS, (long)(call->timeout_ms ? left_ms : 0));
    if (call->host) {
        struct buf entry = { 0 };
        if (http_names_get(call->c->names, &entry, call->host, call->port))
            call->resolved = curl_slist_append(NULL, buf_cstr(&entry));
        (void)curl_easy_setopt(call->easy, CURLOPT_RESOLVE, call->resolved);
        buf_free(&entry);
    }
    return http_multi_add(call->c->multi, call->easy, e);
}

static void on_named(void *arg, const char *error, bool timed_out)
{
    struct http_call *call = arg;
    struct err e = { 0 };
    call->wait = NULL;
    if (!error && call_launch(call, &e) == 0)
        return;
    struct http_response response = { .outcome = timed_out ? HTTP_TIMEOUT : HTTP_FAILED,
                                      .error = error ? error : e.msg };
    DL_DELETE(call->c->calls, call);
    call->done(call->arg, &response);
    call_release(call);
}

/* Starts now, or when the host's address is known. */
static int call_begin(struct http_call *call, struct err *e)
{
    struct buf entry = { 0 };
    bool known = !call->host || http_names_get(call->c->names, &entry, call->host, call->port);
    buf_free(&entry);
    if (known)
        return call_launch(call, e);
    call->wait = http_names_wait(call->c->names, call->host, call->timeout_ms, on_named, call, e);
    return call->wait ? 0 : e->code;
}

static bool needs_lookup(const char *host, const char *unix_path)
{
    return !unix_path && !http_name_is_numeric(host) && strcasecmp(host, "localhost") != 0;
}

static int check_request(struct url *u, const struct http_request *req, struct err *e)
{
    if (strcmp(req->method, "GET") != 0 && strcmp(req->method, "POST") != 0)
        return err_set(e, -EINVAL, "HTTP method %s is not supported", req->method);
    return url_parse(u, req->url, "http", "https", e);
}

static struct http_call *call_new(struct http_client *c, const struct http_request *req, http_done_fn *done, void *arg)
{
    struct http_call *call = xcalloc(1, sizeof *call);
    call->c = c;
    call->done = done;
    call->arg = arg;
    call->max_body = req->max_response_bytes;
    call->n_to_send = strcmp(req->method, "POST") == 0 ? req->body_len : 0;
    call->started_ms = clock_mono_ms();
    call->timeout_ms = req->timeout_ms;
    call->easy = curl_easy_init();
    if (!call->easy)
        abort();
    set_policy(call->easy);
    set_sinks(call);
    (void)curl_easy_setopt(call->easy, CURLOPT_URL, req->url);
    if (req->unix_path)
        (void)curl_easy_setopt(call->easy, CURLOPT_UNIX_SOCKET_PATH, req->unix_path);
    set_body(call->easy, req);
    set_headers(call, req);
    return call;
}

struct http_call *http_client_start(struct http_client *c, const struct http_request *req, http_done_fn *done,
                                    void *arg, struct err *e)
{
    struct url u;
    struct err why = { 0 };
    if (check_request(&u, req, e) < 0)
        return NULL;
    struct http_call *call = call_new(c, req, done, arg);
    if (needs_lookup(u.host, req->unix_path))
        call->host = xstrdup(u.host);
    call->port = u.port;
    url_free(&u);
    DL_APPEND(c->calls, call);
    if (call_begin(call, &why) < 0) {
        (void)err_set(e, why.code, "%s", why.msg);
        call_free(call);
        return NULL;
    }
    return call;
}

struct http_client *http_client_new(uv_loop_t *loop, struct err *e)
{
    /* curl and OpenSSL write to sockets whose peer may be gone. */
    struct sigaction pipe_action;
    if (sigaction(SIGPIPE, NULL, &pipe_action) == 0 && pipe_action.sa_handler == SIG_DFL)
        (void)signal(SIGPIPE, SIG_IGN);
    struct http_client *c = xcalloc(1, sizeof *c);
    c->multi = http_multi_new(loop, on_ended, c, e);
    if (!c->multi) {
        free(c);
        return NULL;
    }
    c->names = http_names_new(loop);
    return c;
}

void http_call_cancel(struct http_call *call)
{
    if (call)
        call_free(call);
}

void http_client_free(struct http_client *c)
{
    if (!c)
        return;
    struct http_call *call, *tmp;
    DL_FOREACH_SAFE(c->calls, call, tmp)
        call_free(call);
    http_names_free(c->names);
    http_multi_free(c->multi, free, c);
}
