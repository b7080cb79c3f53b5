/* Tells the service manager how the program does: the protocol of sd_notify(3), a datagram of KEY=VALUE lines to the
 * socket that $NOTIFY_SOCKET names. Without such a variable nothing is sent. */
#ifndef OYSTER_NODE_NOTIFY_H
#define OYSTER_NODE_NOTIFY_H

#include <stdint.h>

struct notify {
    int fd;               /* -1 = nobody to tell */
    uint64_t watchdog_us; /* a sign of life is expected at least so often; 0 = none is */
};

/* Reads NOTIFY_SOCKET, WATCHDOG_USEC and WATCHDOG_PID and takes them out of the environment, so that no child speaks in
 * our name. A socket that cannot be used is warned about. */
void notify_open(struct notify *n);

/* Sends lines ("READY=1\nSTATUS=…"). Never blocks; a manager that does not listen is none of our trouble. */
void notify_send(const struct notify *n, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Says nothing more. */
void notify_close(struct notify *n);

#endif
