/* A proxy between a node and its endpoint that answers some requests itself: with the error of a client of another
 * make, or with nothing but a closed connection after the endpoint has had the request. For tests. */
#ifndef OYSTER_TESTS_CHAIN_REFUSER_H
#define OYSTER_TESTS_CHAIN_REFUSER_H

#include <stddef.h>
#include <stdint.h>

struct refuser;

/* Listens on a free port of 127.0.0.1 and passes on to port. Runs in a thread of its own. */
struct refuser *refuser_start(uint16_t port);

/* NULL allowed. */
void refuser_stop(struct refuser *r);

/* Where the node is to look for its endpoint; valid until the end. */
const char *refuser_url(const struct refuser *r);

/* The next times requests of eth_sendRawTransaction are answered with this message (NULL: passed on, and then the
 * connection is closed without an answer). */
void refuser_refuse(struct refuser *r, unsigned times, const char *message);

/* Requests of eth_sendRawTransaction so far, and the i-th one's body ("" where there is none; valid until the next). */
size_t refuser_sends(struct refuser *r);
const char *refuser_send(struct refuser *r, size_t i);

#endif
