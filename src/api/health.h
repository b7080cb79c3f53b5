/* Is the node well? A list of checks over a struct node_status, in the manner of Kubernetes' /livez and /readyz. Pure.
 */
#ifndef OYSTER_API_HEALTH_H
#define OYSTER_API_HEALTH_H

#include <stdbool.h>

#include "api/status.h"
#include "util/buf.h"

/* Appends "[+]name ok" or "[-]name failed: reason" for each check. Returns true where none failed. */
bool health_list(struct buf *out, const struct node_status *s);

/* True where the node takes jobs and can answer them. Otherwise "name: reason" of the first check that failed is
 * appended. */
bool health_ready(struct buf *out, const struct node_status *s);

#endif
