#include "job/job_state.h"

static const enum job_state next[JOB_STATE_COUNT][JOB_EVENT_COUNT] = {
    [JOB_SEEN] = {
        [JOB_EV_NEED_CODE] = JOB_FETCHING,
        [JOB_EV_RUN] = JOB_RUNNING,
        [JOB_EV_LATE] = JOB_EXPIRED,
        [JOB_EV_REMOVED] = JOB_DROPPED,
    },
    [JOB_FETCHING] = {
        [JOB_EV_RUN] = JOB_RUNNING,
        [JOB_EV_VERDICT] = JOB_SIGNED, /* error 1, 2 or 4 */
        [JOB_EV_LATE] = JOB_EXPIRED,
        [JOB_EV_REMOVED] = JOB_DROPPED,
    },
    [JOB_RUNNING] = {
        [JOB_EV_VERDICT] = JOB_SIGNED,
        [JOB_EV_REMOVED] = JOB_DROPPED,
    },
    [JOB_SIGNED] = {
        [JOB_EV_SENT] = JOB_SUBMITTED,
        [JOB_EV_REFUSED] = JOB_DROPPED,
        [JOB_EV_LATE] = JOB_EXPIRED,
        [JOB_EV_REMOVED] = JOB_DROPPED,
    },
    [JOB_SUBMITTED] = {
        [JOB_EV_SENT] = JOB_SUBMITTED, /* sent again: replacement, other key */
        [JOB_EV_INCLUDED] = JOB_CONFIRMED,
        [JOB_EV_REFUSED] = JOB_DROPPED,
        [JOB_EV_LATE] = JOB_EXPIRED,
        [JOB_EV_REMOVED] = JOB_DROPPED,
    },
};

static const char *const names[JOB_STATE_COUNT] = {
    [JOB_INVALID] = "invalid",     [JOB_SEEN] = "seen",       [JOB_FETCHING] = "fetching",
    [JOB_RUNNING] = "running",     [JOB_SIGNED] = "signed",   [JOB_SUBMITTED] = "submitted",
    [JOB_CONFIRMED] = "confirmed", [JOB_EXPIRED] = "expired", [JOB_DROPPED] = "dropped",
};

enum job_state job_next(enum job_state state, enum job_event event)
{
    return next[state][event];
}

enum job_state job_state_resumed(bool sent, bool late, bool answered)
{
    if (sent) /* it may be on the chain: nothing else is ever sent */
        return JOB_SUBMITTED;
    return answered && !late ? JOB_SIGNED : JOB_SEEN;
}

bool job_state_is_final(enum job_state state)
{
    return state == JOB_CONFIRMED || state == JOB_EXPIRED || state == JOB_DROPPED;
}

unsigned job_final_states(void)
{
    unsigned mask = 0;
    for (int s = JOB_INVALID; s < JOB_STATE_COUNT; s++)
        if (job_state_is_final((enum job_state)s))
            mask |= 1u << s;
    return mask;
}

const char *job_state_name(enum job_state state)
{
    return names[state];
}
