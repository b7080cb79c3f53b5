/* Bytes from the kernel's random source. */
#ifndef OYSTER_UTIL_RANDOM_H
#define OYSTER_UTIL_RANDOM_H

#include <stddef.h>
#include <stdint.h>

#include "util/err.h"

/* Fills out with len random bytes, fit for keys. Returns 0 or the error of getrandom. */
int random_fill(uint8_t *out, size_t len, struct err *e);

#endif
