/* Calls and errors of contracts as people read them: names and arguments, from signatures with parameter names. Pure.
 */
#ifndef OYSTERCTL_SIGNATURE_H
#define OYSTERCTL_SIGNATURE_H

#include <stddef.h>
#include <stdint.h>

#include "output.h"
#include "util/buf.h"

/* Adds to o (an open object) "function" and "arguments" of calldata; a call that is not known is "unknown". */
void signature_out_call(struct out *o, const uint8_t *data, size_t len);

/* Appends "drainExecutor" and a line "  name: value" for each argument, each ended by a newline. */
void signature_text_call(struct buf *to, const uint8_t *data, size_t len);

/* Appends what revert data says: "ExecutorsNotDraining(): drain the executor first", the text of Error(string), what a
 * Panic code means, or the bare selector. Returns whether the error is known by name. */
bool signature_text_error(struct buf *to, const uint8_t *data, size_t len);

/* Checks the tables: every signature can be read. For tests. */
bool signature_tables_ok(void);

#endif
