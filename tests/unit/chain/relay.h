/* A relay between a client and a server on the test's loop, which can cut, refuse, stall and meddle with the WebSocket
 * messages that come down: the network's bad days. */
#ifndef OYSTER_TESTS_CHAIN_RELAY_H
#define OYSTER_TESTS_CHAIN_RELAY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

struct relay;

/* Listens on a free port of 127.0.0.1 and passes everything to and from target_port. */
struct relay *relay_start(uv_loop_t *loop, uint16_t target_port);

/* Closes everything; memory goes when the loop has run. */
void relay_stop(struct relay *r);

/* ws://127.0.0.1:PORT */
const char *relay_ws_url(const struct relay *r);

/* Cuts all connections. */
void relay_cut(struct relay *r);

/* New connections are closed at once while set. */
void relay_refuse(struct relay *r, bool refuse);

/* How many copies of a message from the server go on: 0, 1, 2. */
typedef int relay_filter_fn(void *arg, const char *text, size_t len);

/* Looks at each WebSocket message that comes down (NULL: none). */
void relay_filter(struct relay *r, relay_filter_fn *filter, void *arg);

/* Connections accepted so far. */
int relay_accepted(const struct relay *r);

#endif
