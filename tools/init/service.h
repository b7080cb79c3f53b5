/* One program of the table as it lives: a table of transitions and when it is started again. Pure: time is given. */
#ifndef OYSTER_INIT_SERVICE_H
#define OYSTER_INIT_SERVICE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "table.h"

#define SERVICE_BACKOFF_MS 250 /* before the first start anew; doubled with each failure in a row */
#define SERVICE_BACKOFF_MAX_MS 30000
#define SERVICE_STEADY_MS 60000 /* having run so long, it has not failed in a row */
#define SERVICE_FAILURES_MAX 12 /* in a row, after about 3 minutes: no start will help */
#define SERVICE_STOP_MS 45000   /* from SIGTERM to SIGKILL: longer than the node takes to end its jobs */

enum service_state {
    SERVICE_IDLE,
    SERVICE_RUNNING,
    SERVICE_WAITING,
    SERVICE_STOPPING,
    SERVICE_ENDED,
    SERVICE_N_STATES
};

enum service_event {
    SERVICE_STARTED,
    SERVICE_DIED,     /* it ended and is to run again */
    SERVICE_FINISHED, /* it ended and is not */
    SERVICE_STOP,     /* it is to end */
    SERVICE_N_EVENTS
};

struct service {
    const struct table_program *program;
    enum service_state state;
    pid_t pid;
    uint64_t started_ms;
    uint64_t due_ms; /* WAITING: when it starts; STOPPING: when it is killed; CLOCK_MONOTONIC */
    unsigned failures;
};

/* Takes the transition of the table; true when there is one. */
bool service_step(struct service *s, enum service_event event);

/* It was started as pid. */
void service_started(struct service *s, pid_t pid, uint64_t now_ms);

/* It ended with a status of waitpid, or could not be started. True: all is well or it will start again; false: the
 * image cannot do its work, because a "once" program failed or a "keep" program fails again and again. */
bool service_ended(struct service *s, int status, uint64_t now_ms);

/* Milliseconds before the start that follows so many failures in a row (1 or more). */
uint64_t service_backoff_ms(unsigned failures);

#endif
