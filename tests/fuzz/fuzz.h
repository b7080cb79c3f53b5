/* What every fuzz target needs. */
#ifndef OYSTER_TESTS_FUZZ_H
#define OYSTER_TESTS_FUZZ_H

#include <assert.h>
#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* libFuzzer's entry: data is a heap block of just len bytes, so the address sanitizer sees every read beyond it. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

#endif
