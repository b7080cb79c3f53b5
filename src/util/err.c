#include "util/err.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

int err_set(struct err *e, int code, const char *fmt, ...)
{
    if (!e || e->code)
        return code;
    va_list ap;
    va_start(ap, fmt);
    e->code = code;
    (void)vsnprintf(e->msg, sizeof e->msg, fmt, ap);
    va_end(ap);
    return code;
}

int err_sys(struct err *e, const char *fmt, ...)
{
    int saved = errno ? errno : EIO;
    if (!e || e->code)
        return -saved;
    va_list ap;
    va_start(ap, fmt);
    int n = vsnprintf(e->msg, sizeof e->msg, fmt, ap);
    va_end(ap);
    e->code = -saved;
    if (n >= 0 && (size_t)n < sizeof e->msg)
        (void)snprintf(e->msg + n, sizeof e->msg - (size_t)n, ": %s", strerror(saved));
    return -saved;
}

int err_wrap(struct err *e, const char *fmt, ...)
{
    if (!e || !e->code)
        return -EIO;
    char old[ERR_MSG_BYTES];
    memcpy(old, e->msg, sizeof old);
    va_list ap;
    va_start(ap, fmt);
    int n = vsnprintf(e->msg, sizeof e->msg, fmt, ap);
    va_end(ap);
    if (n >= 0 && (size_t)n < sizeof e->msg)
        (void)snprintf(e->msg + n, sizeof e->msg - (size_t)n, ": %.*s", ERR_MSG_BYTES - 3 - n, old);
    return e->code;
}
