#include "config/listen_addr.h"

#include <arpa/inet.h>
#include <string.h>

#include "util/hostport.h"

bool listen_addr_ok(const char *text)
{
    struct hostport at;
    struct in6_addr any;
    if (strcmp(text, "off") == 0)
        return true;
    return hostport_parse(&at, text, NULL) == 0 &&
           (inet_pton(AF_INET, at.host, &any) == 1 || inet_pton(AF_INET6, at.host, &any) == 1);
}
