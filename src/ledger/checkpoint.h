/* Moves what the ledger's write-ahead log holds into the database now and then, in a thread of the loop's pool: it
 * waits for the disk, for tens of milliseconds at times, and the loop's thread must not. */
#ifndef OYSTER_LEDGER_CHECKPOINT_H
#define OYSTER_LEDGER_CHECKPOINT_H

#include <stdint.h>
#include <uv.h>

struct ledger_checkpoints;

/* Every so often, for the open ledger at path (copied), over a connection of its own. */
struct ledger_checkpoints *ledger_checkpoints_start(uv_loop_t *loop, const char *path, uint64_t every_ms);

/* Ends it; one that is under way ends first, while the loop goes on. NULL allowed. */
void ledger_checkpoints_stop(struct ledger_checkpoints *c);

#endif
