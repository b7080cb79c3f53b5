/* Requests of the HTTP server: read whole, handed to the handler, answered at once, later or piece by piece by the
 * http_reply and http_stream functions of http_server.h (part of its inside). */
#ifndef OYSTER_API_HTTP_REQUEST_H
#define OYSTER_API_HTTP_REQUEST_H

#include <microhttpd.h>
#include <stddef.h>

#include "api/http_server.h"

struct http_requests {
    http_handler_fn *handler;
    void *handler_arg;
    void (*wake)(void *arg); /* the library is to run soon: a connection goes on */
    void *wake_arg;
    struct http_reply *first; /* those that are not over */
    size_t streams;
};

/* The library's callbacks; cls is the struct http_requests. The first comes with the request line, and what it returns
 * is the request's context; the second with the headers, with each piece of the body, at its end, and again after an
 * answer that came later; the third when the request is over in any way. */
void *http_request_line(void *cls, const char *uri, struct MHD_Connection *mc);
enum MHD_Result http_request_part(void *cls, struct MHD_Connection *mc, const char *url, const char *method,
                                  const char *version, const char *data, size_t *len, void **context);
void http_request_end(void *cls, struct MHD_Connection *mc, void **context, enum MHD_RequestTerminationCode why);

/* Before the library stops: none is suspended any more. */
void http_requests_abandon(struct http_requests *all);

#endif
