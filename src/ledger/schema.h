/* The ledger's tables and their versions. Internal to this room. */
#ifndef OYSTER_LEDGER_SCHEMA_H
#define OYSTER_LEDGER_SCHEMA_H

#include <sqlite3.h>
#include <stdbool.h>

#include "ledger/ledger.h"
#include "util/err.h"

/* Sets the modes of the connection, checks the file, migrates it to the present version and compares whose it is.
 * Returns 0; -EBADMSG: damaged; -ESTALE: of another identity or of a newer program; -EIO: everything else. */
int schema_prepare(sqlite3 *db, const char *path, const struct ledger_identity *identity, bool flush, struct err *e);

/* Whether the file is of the present version. Returns 0, -ESTALE, -EBADMSG or -EIO. */
int schema_check_version(sqlite3 *db, const char *path, struct err *e);

#endif
