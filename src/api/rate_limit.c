#include "api/rate_limit.h"

#include <stdlib.h>
#include <string.h>
#include <uthash.h>

#include "util/buf.h"
#include "util/sat.h"

/* In thousandths of a request, so that a millisecond of any rate is a whole number of them. */
#define REQUEST 1000u

struct bucket {
    uint64_t level;
    uint64_t at_ms;
};

/* In the order in which they were seen last: uthash keeps the order of insertion. */
struct peer {
    struct peer_address address;
    struct bucket bucket;
    UT_hash_handle hh;
};

struct rate_limit {
    uint32_t per_peer, total;
    struct bucket all;
    struct peer *peers;
};

struct rate_limit *rate_limit_new(void)
{
    return xcalloc(1, sizeof(struct rate_limit));
}

void rate_limit_free(struct rate_limit *l)
{
    struct peer *p, *tmp;
    if (!l)
        return;
    HASH_ITER(hh, l->peers, p, tmp) {
        HASH_DEL(l->peers, p);
        free(p);
    }
    free(l);
}

void rate_limit_set(struct rate_limit *l, uint32_t per_peer, uint32_t total)
{
    l->per_peer = per_peer;
    l->total = total;
}

static uint64_t capacity(uint32_t rate)
{
    return (uint64_t)rate * RATE_LIMIT_BURST_S * REQUEST;
}

/* Lets in what has come since; a bucket that is new (at_ms 0) is full. */
static void refill(struct bucket *b, uint32_t rate, uint64_t now_ms)
{
    uint64_t full = capacity(rate);
    b->level = b->at_ms ? sat_add(b->level, sat_mul(sat_sub(now_ms, b->at_ms), rate)) : full;
    if (b->level > full)
        b->level = full;
    b->at_ms = now_ms ? now_ms : 1;
}

/* Milliseconds until it holds a request. */
static uint64_t wait_ms(const struct bucket *b, uint32_t rate)
{
    return b->level >= REQUEST ? 0 : (REQUEST - b->level + rate - 1) / rate;
}

static struct peer *find(struct rate_limit *l, const struct peer_address *address)
{
    static const uint8_t v4_mapped[12] = { [10] = 0xff, [11] = 0xff };
    struct peer_address key = *address;
    struct peer *p;
    if (memcmp(key.b, v4_mapped, sizeof v4_mapped) != 0)
        memset(key.b + 8, 0, 8);
    HASH_FIND(hh, l->peers, &key, sizeof key, p);
    if (p) {
        HASH_DEL(l->peers, p);
    } else {
        if (HASH_COUNT(l->peers) >= RATE_LIMIT_PEERS_MAX) {
            struct peer *oldest = l->peers;
            HASH_DEL(l->peers, oldest);
            free(oldest);
        }
        p = xcalloc(1, sizeof *p);
        p->address = key;
    }
    HASH_ADD(hh, l->peers, address, sizeof p->address, p);
    return p;
}

uint64_t rate_limit_take(struct rate_limit *l, const struct peer_address *address, uint64_t now_ms)
{
    struct peer *p = l->per_peer ? find(l, address) : NULL;
    uint64_t wait = 0, wait_all = 0;
    if (p) {
        refill(&p->bucket, l->per_peer, now_ms);
        wait = wait_ms(&p->bucket, l->per_peer);
    }
    if (l->total) {
        refill(&l->all, l->total, now_ms);
        wait_all = wait_ms(&l->all, l->total);
    }
    if (wait || wait_all)
        return wait > wait_all ? wait : wait_all;
    if (p)
        p->bucket.level -= REQUEST;
    if (l->total)
        l->all.level -= REQUEST;
    return 0;
}
