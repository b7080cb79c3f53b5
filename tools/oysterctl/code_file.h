/* A job's code on its way to the chain. */
#ifndef OYSTERCTL_CODE_FILE_H
#define OYSTERCTL_CODE_FILE_H

#include <stdint.h>

#include "eth/key.h"
#include "util/err.h"

struct ctl;

/* Larger transactions are refused by the usual clients (geth's txMaxSize is 128 KiB); the rest is for the envelope. */
#define CODE_BYTES_MAX ((size_t)128 * 1024 - 1024)

/* Reads the file, which must be UTF-8 text and not empty, sends it to the code contract and waits. hash: of the
 * transaction; zeros with --dry-run. Returns as send_all. */
int code_deploy(uint8_t hash[32], struct ctl *c, const struct seckey *key, const char *path, struct err *e);

#endif
