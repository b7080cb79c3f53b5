/* doctor: what is looked at, and the report that it goes into. */
#ifndef OYSTERCTL_DOCTOR_H
#define OYSTERCTL_DOCTOR_H

#include "config/config.h"
#include "ctl.h"
#include "util/buf.h"

enum verdict { VERDICT_OK, VERDICT_WARN, VERDICT_FAIL, VERDICT_COUNT };

struct report {
    struct ctl *c; /* its result is the report */
    unsigned count[VERDICT_COUNT];
    struct buf lines; /* the same for people */
};

/* Adds a line. advice: what to do about it, "" where there is nothing to do. */
void report_add(struct report *r, enum verdict v, const char *check, const char *advice, const char *fmt, ...)
    __attribute__((format(printf, 5, 6)));

/* Kernel, cgroups, sandbox, keys and files, a worker that runs. configured: false where there is no configuration and
 * config holds the defaults. */
void doctor_machine(struct report *r, const struct config *config, bool configured);

/* Whether the node's ports and ledger are there to be had, or are its own already. runs: the node answers. */
void doctor_places(struct report *r, const struct config *config, bool runs);

/* Endpoints, clock and contracts. Returns whether the chain can be asked further. */
bool doctor_chain(struct report *r, const struct config *config);

/* The balance of the node's gas key. */
void doctor_gas(struct report *r, const struct config *config, const struct address *gas);

#endif
