/* The node's numbers as Prometheus reads them; docs/api.md lists the names. Pure but for /proc/self. */
#ifndef OYSTER_API_METRICS_H
#define OYSTER_API_METRICS_H

#include "api/status.h"
#include "util/buf.h"

/* Appends every family. What is not known yet has no sample. */
void metrics_put(struct buf *out, const struct node_status *s);

#endif
