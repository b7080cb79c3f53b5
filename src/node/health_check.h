/* Asks a running node whether it lives: for a container's health check, which has no other tool at hand. */
#ifndef OYSTER_NODE_HEALTH_CHECK_H
#define OYSTER_NODE_HEALTH_CHECK_H

#include "config/config.h"
#include "util/err.h"

/* GET /livez on the metrics address of the settings, for 5 s at most; blocks. Returns 0, or a negative errno with e
 * saying what was answered, or that metrics are off or on a port that nobody knows. */
int health_check(const struct config *c, struct err *e);

#endif
