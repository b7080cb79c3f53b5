#include "service.h"

#include <sys/wait.h>

#define TO(state) ((uint8_t)((state) + 1)) /* 0: no such transition */

static const uint8_t next[SERVICE_N_STATES][SERVICE_N_EVENTS] = {
    [SERVICE_IDLE][SERVICE_STARTED] = TO(SERVICE_RUNNING),
    [SERVICE_IDLE][SERVICE_DIED] = TO(SERVICE_WAITING), /* it could not be started */
    [SERVICE_IDLE][SERVICE_FINISHED] = TO(SERVICE_ENDED),
    [SERVICE_IDLE][SERVICE_STOP] = TO(SERVICE_ENDED),
    [SERVICE_RUNNING][SERVICE_DIED] = TO(SERVICE_WAITING),
    [SERVICE_RUNNING][SERVICE_FINISHED] = TO(SERVICE_ENDED),
    [SERVICE_RUNNING][SERVICE_STOP] = TO(SERVICE_STOPPING),
    [SERVICE_WAITING][SERVICE_STARTED] = TO(SERVICE_RUNNING),
    [SERVICE_WAITING][SERVICE_DIED] = TO(SERVICE_WAITING),
    [SERVICE_WAITING][SERVICE_FINISHED] = TO(SERVICE_ENDED),
    [SERVICE_WAITING][SERVICE_STOP] = TO(SERVICE_ENDED),
    [SERVICE_STOPPING][SERVICE_FINISHED] = TO(SERVICE_ENDED),
};

bool service_step(struct service *s, enum service_event event)
{
    uint8_t to = next[s->state][event];
    if (to == 0)
        return false;
    s->state = (enum service_state)(to - 1);
    return true;
}

void service_started(struct service *s, pid_t pid, uint64_t now_ms)
{
    if (!service_step(s, SERVICE_STARTED))
        return;
    s->pid = pid;
    s->started_ms = now_ms;
}

uint64_t service_backoff_ms(unsigned failures)
{
    uint64_t ms = SERVICE_BACKOFF_MS;
    for (unsigned i = 1; i < failures && ms < SERVICE_BACKOFF_MAX_MS; i++)
        ms *= 2;
    return ms < SERVICE_BACKOFF_MAX_MS ? ms : SERVICE_BACKOFF_MAX_MS;
}

bool service_ended(struct service *s, int status, uint64_t now_ms)
{
    bool ran = s->state == SERVICE_RUNNING;
    s->pid = 0;
    if (s->state == SERVICE_STOPPING || !s->program->keep) {
        bool asked = s->state == SERVICE_STOPPING;
        (void)service_step(s, SERVICE_FINISHED);
        return asked || (WIFEXITED(status) && WEXITSTATUS(status) == 0);
    }
    s->failures = ran && now_ms - s->started_ms >= SERVICE_STEADY_MS ? 1 : s->failures + 1;
    if (s->failures > SERVICE_FAILURES_MAX) {
        (void)service_step(s, SERVICE_FINISHED);
        return false;
    }
    (void)service_step(s, SERVICE_DIED);
    s->due_ms = now_ms + service_backoff_ms(s->failures);
    return true;
}
