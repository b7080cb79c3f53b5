/* What a configuration says about its workers, in the words of the pool. */
#ifndef OYSTER_NODE_CONFIG_POOL_H
#define OYSTER_NODE_CONFIG_POOL_H

#include "config/config.h"
#include "worker/pool.h"

/* Strings are borrowed from c and state_dir. */
void config_pool(struct pool_config *out, const struct config *c, const char *state_dir);

#endif
