/* How often an address may ask: a token bucket for each peer and one for all of them. Pure: time comes as a value. */
#ifndef OYSTER_API_RATE_LIMIT_H
#define OYSTER_API_RATE_LIMIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "api/http_server.h"

#define RATE_LIMIT_BURST_S 4      /* a bucket holds the requests of so many seconds */
#define RATE_LIMIT_PEERS_MAX 1024 /* the peer that was seen longest ago makes room */

struct rate_limit;

/* It begins without limits. free: NULL allowed. */
struct rate_limit *rate_limit_new(void);
void rate_limit_free(struct rate_limit *l);

/* Requests a second, of one peer and in total; 0 = no limit. Buckets keep what they hold. */
void rate_limit_set(struct rate_limit *l, uint32_t per_peer, uint32_t total);

/* Takes one request of peer at a time (monotonic). Hosts of one IPv6 network (the first 64 bits) count as one. Returns
 * 0, or the milliseconds after which one would be taken. */
uint64_t rate_limit_take(struct rate_limit *l, const struct peer_address *peer, uint64_t now_ms);

#endif
