/* One HTTP/1.1 exchange with a worker, without any I/O: the head of the request, and a parser of the response that is
 * fed bytes as they come. The worker is hostile: nothing it sends makes this read, keep or wait for more than the
 * bounds say, and a response that was cut or that lies about its length is never taken for a complete one.
 *
 * Not net/http_client: the node holds the worker's only connection from before the worker's birth, so there is nothing
 * to look up, connect or pool, and no socket has a name that another process could connect to. (Measured over a unix
 * socket, request to response: 66 us with that client, 22 us so.) */
#ifndef OYSTER_WORKER_EXCHANGE_H
#define OYSTER_WORKER_EXCHANGE_H

#include <stddef.h>
#include <stdint.h>

#include "util/buf.h"

struct exchange;

enum exchange_status {
    EXCHANGE_MORE,      /* needs more bytes */
    EXCHANGE_DONE,      /* complete response */
    EXCHANGE_TOO_LARGE, /* the body is over the limit, or says it will be */
    EXCHANGE_BROKEN,    /* not HTTP, cut short, contradicts itself; exchange_error says what */
};

/* Bytes of all response heads (informational ones too) that are read before the response is called broken. */
#define EXCHANGE_HEAD_MAX ((size_t)1 << 20)

/* Appends the head of a job's request. Content type is not set, as the inputs are just bytes. The Host is one that the
 * network's other nodes show too, so request.url is http://127.0.0.1:11001/ (docs/job-authors.md); x-cf is taken away
 * by the worker's cfBlobHeader and keeps the node's pid and uid out of request.cf. */
void exchange_put_head(struct buf *out, size_t body_len);

/* max_body_bytes: of the body without its framing. */
struct exchange *exchange_new(size_t max_body_bytes);
void exchange_free(struct exchange *x); /* NULL allowed */

/* Takes len bytes of the response. Once the answer is not EXCHANGE_MORE it stays; later bytes are ignored. */
enum exchange_status exchange_push(struct exchange *x, const uint8_t *data, size_t len);

/* The worker closed its side, cleanly or not: what was EXCHANGE_MORE is EXCHANGE_BROKEN now. */
enum exchange_status exchange_close(struct exchange *x);

/* Status of the final response's status line, 0 before it was read. */
int exchange_http_status(const struct exchange *x);

/* The body received so far, borrowed. */
const uint8_t *exchange_body(const struct exchange *x, size_t *len);

/* One line; "" unless the exchange is broken. A literal. */
const char *exchange_error(const struct exchange *x);

#endif
