#include "chain/chain_clock.h"

#define IN_STEP_MS 5000 /* a head may be this old on arrival */

void chain_clock_on_head(struct chain_clock *c, uint64_t timestamp_s, uint64_t mono_ms, uint64_t wall_ms)
{
    int64_t skew = (int64_t)(timestamp_s * 1000) - (int64_t)wall_ms;
    if (skew < 0 && skew > -IN_STEP_MS)
        skew = 0;
    c->set = true;
    c->skew_ms = skew;
    c->at_mono_ms = mono_ms;
    c->at_chain_ms = (uint64_t)((int64_t)wall_ms + skew);
}

uint64_t chain_clock_now_ms(const struct chain_clock *c, uint64_t mono_ms, uint64_t wall_ms)
{
    return c->set ? c->at_chain_ms + (mono_ms - c->at_mono_ms) : wall_ms;
}
