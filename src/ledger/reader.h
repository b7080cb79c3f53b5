/* Another program's look into a node's ledger. */
#ifndef OYSTER_LEDGER_READER_H
#define OYSTER_LEDGER_READER_H

#include "ledger/ledger.h"

/* Opens an existing ledger for reads alone, beside a node that may be writing it; nothing is migrated or set aside,
 * whoever's it is. Returns NULL with e naming the path: -ENOENT; -ESTALE where its version is not this program's; else
 * -EIO. ledger_close closes it. */
struct ledger *ledger_open_read_only(const char *path, struct err *e);

#endif
