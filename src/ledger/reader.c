#include "ledger/reader.h"

#include <errno.h>
#include <unistd.h>

#include "ledger/ledger_int.h"
#include "ledger/schema.h"
#include "util/buf.h"

struct ledger *ledger_open_read_only(const char *path, struct err *e)
{
    struct ledger *l = xcalloc(1, sizeof *l);
    int rc = sqlite3_open_v2(path, &l->db, SQLITE_OPEN_READONLY | SQLITE_OPEN_NOMUTEX, NULL);
    (void)sqlite3_busy_timeout(l->db, 2000);
    if (access(path, F_OK) < 0)
        rc = err_sys(e, "ledger %s", path);
    else if (rc != SQLITE_OK)
        rc = err_set(e, -EIO, "ledger %s: %s", path, sqlite3_errmsg(l->db));
    else
        rc = schema_check_version(l->db, path, e);
    if (rc == 0)
        return l;
    ledger_close(l);
    return NULL;
}
