/* Running the loop from a test: until something has become true, and to its end. */
#ifndef OYSTER_TESTS_NET_LOOP_H
#define OYSTER_TESTS_NET_LOOP_H

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

/* Runs the loop until *flag is not 0 or `ms` have passed. Returns *flag != 0. */
bool loop_until(uv_loop_t *loop, const int *flag, uint64_t ms);

/* Runs the loop for ms. */
void loop_for(uv_loop_t *loop, uint64_t ms);

/* Runs the loop until nothing is left (at most 10 s) and closes it. Returns false where handles remain. */
bool loop_finish(uv_loop_t *loop);

#endif
