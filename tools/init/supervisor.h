/* Runs the programs of a table: starts them in order, reaps every process that ends, starts again what is to be kept,
 * hands signals on, and stops all in reverse order. */
#ifndef OYSTER_INIT_SUPERVISOR_H
#define OYSTER_INIT_SUPERVISOR_H

#include "table.h"
#include "util/err.h"

/* Blocks the signals that supervisor_run waits for. To be called before the first child could end. */
void supervisor_block_signals(void);

/* Runs until SIGTERM, SIGINT or SIGPWR and then until every program has ended; SIGHUP, SIGUSR1 and SIGUSR2 are handed
 * on to the programs that are kept. Returns 0 when it was told to stop, or a negative errno with e set when the
 * programs cannot do their work; those that run are stopped in this case, too. */
int supervisor_run(const struct table *t, struct err *e);

#endif
