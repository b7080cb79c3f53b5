/* How many blocks one eth_getLogs may ask for: providers limit the range, the number of results or the time, each with
 * its own words, and move their limits. So the size is found: halved when refused, what the provider suggests is taken,
 * and it grows again while answers come. Pure. */
#ifndef OYSTER_CHAIN_LOG_RANGE_H
#define OYSTER_CHAIN_LOG_RANGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct log_range {
    uint64_t size;       /* blocks to ask for next */
    uint64_t max;        /* never more than this */
    uint64_t refused_at; /* the size refused last; UINT64_MAX = none */
    unsigned at_ceiling; /* answers in a row of one block less */
};

/* Starts with the largest range. */
void log_range_init(struct log_range *r, uint64_t max);

/* A range of asked blocks was answered with so many logs. More than LOGS_AT_ONCE make the next range smaller: reading
 * and telling them holds up the loop. */
#define LOGS_AT_ONCE 2000
void log_range_accepted(struct log_range *r, uint64_t asked, size_t logs);

/* Does the message of an error object speak of the range, a limit, the number or the size of results, or time? */
bool log_range_is_refusal(int64_t code, const char *message);

/* The range from..to was refused with this message (NULL: an answer that never came whole). Returns true when the next
 * range is smaller than the one refused, false when it cannot be (one block): then only waiting helps. */
bool log_range_refused(struct log_range *r, uint64_t from, uint64_t to, const char *message);

#endif
