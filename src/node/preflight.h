/* What must be there before the node starts, checked without starting anything. */
#ifndef OYSTER_NODE_PREFLIGHT_H
#define OYSTER_NODE_PREFLIGHT_H

#include <stdbool.h>

#include "config/config.h"
#include "eth/key.h"
#include "util/err.h"

/* Reads the enclave key, looks for an executable workerd and reads the sandbox layers that may be missing. A signer
 * file that others may read is warned about. key: filled on success, holds nothing on failure. Returns 0, or a negative
 * errno with one line: key, path, what was found, what was expected. */
int preflight_check(struct seckey *key, const struct config *c, struct err *e);

/* Its parts: the enclave key, and whether others may read its file; the workerd program. */
int preflight_signer(struct seckey *key, bool *open_to_others, const struct config *c, struct err *e);
int preflight_workerd(const struct config *c, struct err *e);

#endif
