/* Any bytes as a worker's response. The first byte says in what steps the rest is fed: however it is cut, the parse
 * ends alike; no body is longer than the limit; nothing that was not complete is called so after a close. */
#include "fuzz.h"
#include "worker/exchange.h"

#define LIMIT 64

static struct exchange *feed(const uint8_t *data, size_t size, size_t step)
{
    struct exchange *x = exchange_new(LIMIT);
    enum exchange_status last = EXCHANGE_MORE;
    for (size_t i = 0; i < size; i += step) {
        enum exchange_status st = exchange_push(x, data + i, size - i < step ? size - i : step);
        assert(last == EXCHANGE_MORE || st == last); /* an end stays */
        last = st;
    }
    return x;
}

static enum exchange_status check(struct exchange *x)
{
    size_t len;
    (void)exchange_body(x, &len);
    assert(len <= LIMIT);
    enum exchange_status st = exchange_push(x, NULL, 0);
    assert((st == EXCHANGE_BROKEN) == (exchange_error(x)[0] != '\0'));
    assert(st != EXCHANGE_DONE || (exchange_http_status(x) >= 200 && exchange_http_status(x) <= 999));
    enum exchange_status closed = exchange_close(x);
    assert(closed == (st == EXCHANGE_MORE ? EXCHANGE_BROKEN : st));
    return closed;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    struct exchange *whole = feed(data + 1, size - 1, size);
    struct exchange *parts = feed(data + 1, size - 1, 1 + data[0] % 32);
    assert(check(whole) == check(parts));
    size_t a, b;
    const uint8_t *body_a = exchange_body(whole, &a), *body_b = exchange_body(parts, &b);
    assert(a == b && (a == 0 || memcmp(body_a, body_b, a) == 0));
    assert(exchange_http_status(whole) == exchange_http_status(parts));
    exchange_free(whole);
    exchange_free(parts);
    return 0;
}
