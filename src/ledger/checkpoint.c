#include "ledger/checkpoint.h"

#include <sqlite3.h>
#include <stdbool.h>
#include <stdlib.h>

#include "util/buf.h"

struct ledger_checkpoints {
    uv_loop_t *loop;
    char *path;
    uv_timer_t timer;
    uv_work_t work;
    bool working, closed;
};

static void release(struct ledger_checkpoints *c)
{
    if (c->working || !c->closed)
        return;
    free(c->path);
    free(c);
}

/* In the pool's thread. PASSIVE waits for nobody and holds nobody up: what cannot be moved now is moved next time. A
 * failure is the writer's to report, when its own write fails. */
static void on_work(uv_work_t *work)
{
    const struct ledger_checkpoints *c = work->data;
    sqlite3 *db = NULL;
    if (sqlite3_open_v2(c->path, &db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL) == SQLITE_OK &&
        sqlite3_exec(db, "PRAGMA user_version", NULL, NULL, NULL) == SQLITE_OK) /* by reading it finds the log */
        (void)sqlite3_wal_checkpoint_v2(db, NULL, SQLITE_CHECKPOINT_PASSIVE, NULL, NULL);
    (void)sqlite3_close(db);
}

static void on_worked(uv_work_t *work, int status)
{
    struct ledger_checkpoints *c = work->data;
    (void)status;
    c->working = false;
    release(c);
}

static void on_timer(uv_timer_t *timer)
{
    struct ledger_checkpoints *c = timer->data;
    if (!c->working)
        c->working = uv_queue_work(c->loop, &c->work, on_work, on_worked) == 0;
}

struct ledger_checkpoints *ledger_checkpoints_start(uv_loop_t *loop, const char *path, uint64_t every_ms)
{
    struct ledger_checkpoints *c = xcalloc(1, sizeof *c);
    c->loop = loop;
    c->path = xstrdup(path);
    c->work.data = c->timer.data = c;
    (void)uv_timer_init(loop, &c->timer);
    (void)uv_timer_start(&c->timer, on_timer, every_ms, every_ms);
    return c;
}

static void on_closed(uv_handle_t *handle)
{
    struct ledger_checkpoints *c = handle->data;
    c->closed = true;
    release(c);
}

void ledger_checkpoints_stop(struct ledger_checkpoints *c)
{
    if (c)
        uv_close((uv_handle_t *)&c->timer, on_closed);
}
