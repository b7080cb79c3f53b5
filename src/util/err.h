/* Errors as values: a code and one line of context, filled once by whoever fails and prefixed by callers. */
#ifndef OYSTER_UTIL_ERR_H
#define OYSTER_UTIL_ERR_H

#include <stdarg.h>

#define ERR_MSG_BYTES 512

/* A failure. code is a negative errno value, 0 while nothing has failed; msg is one line without a final newline. */
struct err {
    int code;
    char msg[ERR_MSG_BYTES];
};

/* Records a failure. e: NULL allowed. code: negative errno. The first failure wins: a set error is left as it is.
 * Returns code. */
int err_set(struct err *e, int code, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/* As err_set with code -errno and ": strerror" appended. Returns -errno as it was at the call. */
int err_sys(struct err *e, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Prefixes the message with "context: ". Returns e->code (or -EIO where e is NULL or unset). */
int err_wrap(struct err *e, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#endif
