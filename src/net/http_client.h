/* HTTP requests on the loop, over TCP, TLS and unix sockets (the only user of libcurl, with http_multi). Connections
 * are kept alive and reused; nothing blocks. Request and response flow at the same time. Redirects are not followed;
 * proxies of the environment are ignored. Certificates are checked against the system's store or SSL_CERT_FILE. The
 * program must ignore SIGPIPE (http_client_new does so where it has its default). */
#ifndef OYSTER_NET_HTTP_CLIENT_H
#define OYSTER_NET_HTTP_CLIENT_H

#include <stddef.h>
#include <stdint.h>
#include <uv.h>

#include "util/err.h"

struct http_client;
struct http_call;

/* Everything is borrowed until http_client_start returns, but body: until done or cancelled. */
struct http_request {
    const char *method; /* "GET" or "POST" */
    const char *url;
    const char *unix_path; /* NULL = by the URL's host */
    /* "Name: value" strings, NULL at the end; NULL = none. With "Connection: close" the connection is not kept. */
    const char *const *headers;
    const void *body;
    size_t body_len;
    uint64_t timeout_ms;       /* whole request; 0 = none */
    size_t max_response_bytes; /* of the body as received */
};

enum http_outcome {
    HTTP_DONE,      /* complete response */
    HTTP_TOO_LARGE, /* body over max_response_bytes: stopped at once */
    HTTP_TIMEOUT,
    HTTP_BROKEN, /* the peer went away or broke the protocol after the request was sent, incomplete response */
    HTTP_FAILED, /* no connection, TLS, DNS */
};

/* status 0 while no status line was read. body: what was received so far, borrowed for the callback. */
struct http_response {
    enum http_outcome outcome;
    int status;
    const uint8_t *body;
    size_t body_len;
    const char *error;      /* one line; NULL on HTTP_DONE */
    uint32_t retry_after_s; /* Retry-After, 0 = none */
};

/* Called exactly once unless the call is cancelled. The call is gone afterwards. New calls may be started inside. */
typedef void http_done_fn(void *arg, const struct http_response *response);

/* Returns NULL with e set. loop is borrowed. */
struct http_client *http_client_new(uv_loop_t *loop, struct err *e);

/* Starts a request; done is never called from inside this function. Returns NULL with e set (bad URL). */
struct http_call *http_client_start(struct http_client *c, const struct http_request *req, http_done_fn *done,
                                    void *arg, struct err *e);

/* Ends a call without its callback. */
void http_call_cancel(struct http_call *call);

/* Cancels what is under way and releases the client; loop handles close on the loop's next turns. NULL allowed. */
void http_client_free(struct http_client *c);

#endif
