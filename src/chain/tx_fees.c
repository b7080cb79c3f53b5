#include "chain/tx_fees.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define GWEI 1000000000u
#define TX_GAS 21000u
#define FIRST_GUESS_SUBMIT 800000u /* signature, payments and the selection tree of three executors */
#define FIRST_GUESS_SLASH 2000000u /* stakes and tree positions of every executor that stayed silent */
#define EXECUTION_PER_BYTE 14u     /* an output byte is copied twice and logged once */
#define OSAKA_TX_GAS_CAP 16777216u /* EIP-7825 */
#define FILL_MARGIN 4000u

/* ---- fees ---- */

static struct u256 max_of(struct u256 a, struct u256 b)
{
    return u256_cmp(a, b) >= 0 ? a : b;
}

static struct u256 min_of(struct u256 a, struct u256 b)
{
    return u256_cmp(a, b) <= 0 ? a : b;
}

/* a + b, or the greatest number there is. */
static struct u256 plus(struct u256 a, struct u256 b)
{
    struct u256 sum;
    if (u256_add(&sum, a, b))
        return sum;
    return (struct u256){ { UINT64_MAX, UINT64_MAX, UINT64_MAX, UINT64_MAX } };
}

/* v and 1/divisor of it, rounded up, and at least 1 more than v. */
static struct u256 raised(struct u256 v, uint64_t divisor)
{
    uint64_t rem;
    struct u256 part = u256_div_u64(v, divisor, &rem);
    if (rem || u256_is_zero(part))
        part = plus(part, u256_from_u64(1));
    return plus(v, part);
}

static bool over_cap(const struct fee_market *market, struct u256 v)
{
    return !u256_is_zero(market->cap) && u256_cmp(v, market->cap) > 0;
}

static struct u256 tip_of(const struct fee_market *market)
{
    if (market->legacy)
        return u256_from_u64(0);
    if (market->tip_known)
        return market->tip;
    return max_of(min_of(u256_from_u64(GWEI), market->base_fee), u256_from_u64(1));
}

static enum fee_verdict offer_up_to(struct fee_offer *out, const struct fee_market *market, struct u256 max_fee)
{
    if (!market->known)
        return FEE_UNKNOWN;
    if (over_cap(market, market->base_fee))
        return FEE_OVER_CAP;
    out->max_fee = over_cap(market, max_fee) ? market->cap : max_fee;
    out->tip = min_of(tip_of(market), out->max_fee);
    return FEE_OK;
}

enum fee_verdict fee_first(struct fee_offer *out, const struct fee_market *market)
{
    if (market->legacy)
        return offer_up_to(out, market, raised(market->base_fee, 8));
    return offer_up_to(out, market, plus(plus(market->base_fee, market->base_fee), tip_of(market)));
}

enum fee_verdict fee_frugal(struct fee_offer *out, const struct fee_market *market)
{
    return offer_up_to(out, market, plus(raised(market->base_fee, 8), tip_of(market)));
}

/* A replacement's fee: target, or the cap where that is less; *enough is cleared where that is not 10 % over old. */
static struct u256 capped_raise(const struct fee_market *market, struct u256 old, struct u256 target, bool *enough)
{
    if (!over_cap(market, target))
        return target;
    if (u256_cmp(market->cap, raised(old, 10)) < 0)
        *enough = false;
    return market->cap;
}

enum fee_verdict fee_replacement(struct fee_offer *out, const struct fee_offer *old, const struct fee_market *market)
{
    struct fee_offer fresh;
    enum fee_verdict verdict = fee_first(&fresh, market);
    if (verdict != FEE_OK)
        return verdict;
    bool enough = true;
    struct u256 max_fee = max_of(raised(old->max_fee, 8), fresh.max_fee);
    struct u256 tip = max_of(raised(old->tip, 8), fresh.tip);
    max_fee = capped_raise(market, old->max_fee, max_of(max_fee, market->legacy ? max_fee : tip), &enough);
    tip = market->legacy ? u256_from_u64(0) : capped_raise(market, old->tip, tip, &enough);
    if (!enough)
        return FEE_OVER_CAP;
    *out = (struct fee_offer){ max_fee, tip };
    return FEE_OK;
}

bool fee_includable(const struct fee_offer *offer, const struct fee_market *market)
{
    return !market->known || market->legacy || u256_cmp(offer->max_fee, market->base_fee) >= 0;
}

bool fee_cost(struct u256 *out, const struct fee_market *market, uint64_t gas)
{
    return market->known && u256_mul_u64(out, plus(market->base_fee, tip_of(market)), gas) && !u256_is_zero(*out);
}

uint64_t fee_affords(const struct fee_market *market, uint64_t gas, struct u256 balance, uint64_t most)
{
    struct u256 cost;
    if (!fee_cost(&cost, market, gas))
        return most;
    uint64_t n = 0;
    while (n < most && u256_sub(&balance, balance, cost))
        n++;
    return n;
}

/* ---- gas ---- */

void gas_model_init(struct gas_model *m, uint64_t callback_gas)
{
    *m = (struct gas_model){ .callback = callback_gas };
    m->overhead[TX_SUBMIT_OUTPUT] = FIRST_GUESS_SUBMIT;
    m->overhead[TX_SLASH] = FIRST_GUESS_SLASH;
}

static size_t count_zeros(const uint8_t *data, size_t len)
{
    size_t n = 0;
    for (size_t i = 0; i < len; i++)
        n += data[i] == 0;
    return n;
}

uint64_t gas_intrinsic(const uint8_t *data, size_t len)
{
    size_t zeros = count_zeros(data, len);
    return TX_GAS + 4 * (uint64_t)zeros + 16 * (uint64_t)(len - zeros);
}

uint64_t gas_floor(const uint8_t *data, size_t len)
{
    size_t zeros = count_zeros(data, len);
    return TX_GAS + 10 * (uint64_t)zeros + 40 * (uint64_t)(len - zeros);
}

/* What a call costs apart from its kind's overhead. */
static uint64_t cost_of_bytes(const struct gas_model *m, const uint8_t *data, size_t len, uint64_t *extra)
{
    *extra = m->base_extra + m->data_extra_milli * (uint64_t)len / 1000;
    return gas_intrinsic(data, len) + EXECUTION_PER_BYTE * (uint64_t)len;
}

/* The callee gets at most 63/64 of what is left. */
static uint64_t callback_room(const struct gas_model *m, enum tx_kind kind)
{
    return kind == TX_FILL ? 0 : m->callback + m->callback / 63 + 1;
}

static uint64_t within_cap(const struct gas_model *m, uint64_t limit)
{
    if (m->cap && limit > m->cap)
        limit = m->cap;
    if (m->refused_cap && limit > m->refused_cap)
        limit = m->refused_cap;
    return limit;
}

uint64_t gas_limit(const struct gas_model *m, enum tx_kind kind, const uint8_t *data, size_t len, uint64_t at_least)
{
    uint64_t extra;
    uint64_t limit = cost_of_bytes(m, data, len, &extra);
    extra += extra / 2; /* the price of L1 moves between the probe and the block */
    limit += extra + m->overhead[kind] + m->overhead[kind] / 4 + callback_room(m, kind);
    if (kind == TX_FILL)
        limit += extra ? FILL_MARGIN : 0;
    uint64_t floor = gas_floor(data, len) + extra;
    if (limit < floor)
        limit = floor;
    return within_cap(m, limit > at_least ? limit : at_least);
}

uint64_t gas_limit_from_estimate(const struct gas_model *m, enum tx_kind kind, uint64_t estimate)
{
    uint64_t room = estimate / 4 + callback_room(m, kind);
    return within_cap(m, estimate < UINT64_MAX - room ? estimate + room : UINT64_MAX);
}

void gas_learn(struct gas_model *m, enum tx_kind kind, const uint8_t *data, size_t len, uint64_t gas_used)
{
    uint64_t extra;
    uint64_t known = cost_of_bytes(m, data, len, &extra) + extra;
    uint64_t sample = gas_used > known ? gas_used - known : 0;
    uint64_t *overhead = &m->overhead[kind];
    if (sample > *overhead)
        *overhead = sample;
    else
        *overhead -= (*overhead - sample) / 64;
}

void gas_learn_probe(struct gas_model *m, uint64_t empty, uint64_t with_data, const uint8_t *data, size_t len)
{
    m->base_extra = empty > TX_GAS ? empty - TX_GAS : 0;
    uint64_t rise = with_data > empty ? with_data - empty : 0;
    uint64_t floor = gas_floor(data, len) - TX_GAS;
    uint64_t plain = gas_intrinsic(data, len) - TX_GAS;
    bool is_floor = rise >= floor && rise - floor <= floor / 50; /* estimates are up to 1.5 % too high */
    m->data_extra_milli = rise > plain && !is_floor && len ? (rise - plain) * 1000 / len : 0;
}

/* The number after word (and what stands between: ": ", " (") in text; 0 = none. */
static uint64_t number_after(const char *text, const char *word)
{
    const char *at = strcasestr(text, word);
    if (!at)
        return 0;
    at += strlen(word);
    while (*at && strchr(" :=(", *at))
        at++;
    return isdigit((unsigned char)*at) ? strtoull(at, NULL, 10) : 0;
}

void gas_learn_refusal(struct gas_model *m, const char *message, uint64_t tried)
{
    uint64_t told = number_after(message, "cap");
    if (!told)
        told = number_after(message, "Gas limit:");
    if (told < TX_GAS || told >= tried)
        told = tried > OSAKA_TX_GAS_CAP ? OSAKA_TX_GAS_CAP : tried - tried / 10;
    m->refused_cap = told;
}

bool gas_was_short(uint64_t used, uint64_t limit)
{
    return used >= limit - limit / 32;
}
