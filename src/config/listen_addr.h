/* Where a server of the node listens, as flags and configuration say it. */
#ifndef OYSTER_CONFIG_LISTEN_ADDR_H
#define OYSTER_CONFIG_LISTEN_ADDR_H

#include <stdbool.h>

#define LISTEN_ADDR_EXPECTED "HOST:PORT, HOST an IPv4 address or an [IPv6] one in numbers, or \"off\""

/* True for "off", and for HOST:PORT with an IPv4 address or an [IPv6] one in numbers. */
bool listen_addr_ok(const char *text);

#endif
