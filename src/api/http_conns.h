/* The connections of the HTTP server: how many there are, and who takes too long (part of http_server.h's inside). */
#ifndef OYSTER_API_HTTP_CONNS_H
#define OYSTER_API_HTTP_CONNS_H

#include <microhttpd.h>
#include <stdbool.h>
#include <stddef.h>

struct http_conn;

struct http_conns {
    struct http_conn *first;
    size_t n;
};

/* The library tells of one that begins or ends; cls is the struct http_conns. */
void http_conns_notify(void *cls, struct MHD_Connection *mc, void **context, enum MHD_ConnectionNotificationCode what);

/* Shuts down those whose request is not complete within HTTP_REQUEST_TIMEOUT_MS, or HTTP_PRESSED_TIMEOUT_MS where all
 * connections are taken; the library lets go of them when it runs. */
void http_conns_end_slow(struct http_conns *all);

/* HTTP_CONNECTIONS_MAX of them. */
bool http_conns_full(const struct http_conns *all);

/* It waits for an answer of ours: no time-out. */
void http_conn_waits(struct MHD_Connection *mc);

/* Its answer is given, and the time for its next request begins; goes_on: the answer is a stream, without a time-out.
 */
void http_conn_answered(struct MHD_Connection *mc, bool goes_on);

/* Ends it, whatever it is doing. */
void http_conn_drop(struct MHD_Connection *mc);

#endif
