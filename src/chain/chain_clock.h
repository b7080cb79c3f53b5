/* What time it is on the chain: the block timestamps against our clocks. Contracts judge deadlines by block timestamp,
 * and an enclave's wall clock drifts. Pure: times are arguments. */
#ifndef OYSTER_CHAIN_CHAIN_CLOCK_H
#define OYSTER_CHAIN_CHAIN_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

/* {0} is a clock that has seen no head: it shows the wall clock. */
struct chain_clock {
    bool set;
    int64_t skew_ms;     /* chain time less wall time, as of the last head */
    uint64_t at_mono_ms; /* when that was */
    uint64_t at_chain_ms;
};

/* Notes a head that has just arrived with this timestamp. A head is up to some seconds old when it arrives, so a chain
 * that seems slightly behind is taken as in step. */
void chain_clock_on_head(struct chain_clock *c, uint64_t timestamp_s, uint64_t mono_ms, uint64_t wall_ms);

/* Milliseconds since the epoch as the chain would say now. Steps of the wall clock after the last head do not matter.
 */
uint64_t chain_clock_now_ms(const struct chain_clock *c, uint64_t mono_ms, uint64_t wall_ms);

#endif
