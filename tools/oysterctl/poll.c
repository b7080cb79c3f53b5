#include "poll.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>

#include "ctl.h"
#include "io.h"
#include "util/clock.h"

#define STATE_MAX 200

/* The chain's trouble, as chain_request tells it, and not a mistake of ours. */
static bool may_pass(int rc)
{
    return rc == -EIO || rc == -EREMOTEIO;
}

static int fail_late(const char *state, const struct err *why, uint64_t waited_ms, struct err *e)
{
    return err_set(e, -ETIMEDOUT, "%s after %llu s%s%s", *state ? state : "nothing was learnt",
                   (unsigned long long)waited_ms / 1000, why->code ? ": " : "", why->code ? why->msg : "");
}

int poll_until(struct ctl *c, poll_fn *ask, void *arg, uint64_t timeout_ms, uint64_t pause_ms, struct err *e)
{
    char state[STATE_MAX] = "";
    bool failing = false;
    uint64_t begin_ms = clock_mono_ms();
    for (;;) {
        struct err why = { 0 };
        int rc = ask(arg, c, state, sizeof state, &why);
        if (rc > 0)
            return 0;
        if (rc < 0 && !may_pass(rc))
            return err_set(e, rc, "%s", why.msg), rc;
        uint64_t waited_ms = clock_mono_ms() - begin_ms;
        if (waited_ms >= timeout_ms)
            return fail_late(state, &why, waited_ms, e);
        if (rc < 0 && !failing)
            ctl_warn(c, "%s: trying again", why.msg);
        failing = rc < 0;
        ctl_progress(c, "%s, %llu s", *state ? state : "waiting for the chain", (unsigned long long)waited_ms / 1000);
        io_sleep(ctl_io(c), pause_ms);
    }
}
