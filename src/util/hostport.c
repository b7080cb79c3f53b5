#include "util/hostport.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static int refuse(struct err *e)
{
    return err_set(e, -EINVAL, "expected HOST:PORT or [IPV6]:PORT");
}

int hostport_parse(struct hostport *out, const char *text, struct err *e)
{
    const char *colon = strrchr(text, ':');
    if (!colon)
        return refuse(e);
    const char *begin = text, *end = colon;
    if (*begin == '[' && end > begin + 1 && end[-1] == ']') {
        begin++;
        end--;
    } else if (memchr(begin, ':', (size_t)(end - begin))) {
        return refuse(e); /* which colon ends an IPv6 address? */
    }
    size_t len = (size_t)(end - begin), digits = strspn(colon + 1, "0123456789");
    unsigned long port = strtoul(colon + 1, NULL, 10);
    if (len == 0 || len >= sizeof out->host || digits == 0 || digits > 5 || colon[1 + digits] || port > UINT16_MAX)
        return refuse(e);
    memcpy(out->host, begin, len);
    out->host[len] = 0;
    out->port = (uint16_t)port;
    return 0;
}
