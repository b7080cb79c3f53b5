/* Transactions: shown, asked about, signed, sent and waited for. */
#ifndef OYSTERCTL_SEND_H
#define OYSTERCTL_SEND_H

#include <stddef.h>
#include <stdint.h>

#include "eth/key.h"
#include "util/buf.h"
#include "util/err.h"
#include "util/json.h"

struct ctl;

#define SEND_CALLS_MAX 4

/* One call to be sent. data: owned; send_calls_free. */
struct send_call {
    struct address to;
    char to_name[32]; /* "Executors contract" */
    struct buf data;
    unsigned room_percent; /* gas beyond what is estimated; 0 = 25 */
};

/* The calls of a command, in order; a later one may need what an earlier one does. */
struct send_calls {
    struct send_call at[SEND_CALLS_MAX];
    size_t n;
};

/* Adds a call with empty data and returns it. */
struct send_call *send_add(struct send_calls *calls, const struct address *to, const char *to_name);
void send_calls_free(struct send_calls *calls);

/* Shows the calls (who, to whom, function and arguments, gas, cost), ends there with --dry-run, asks unless --yes,
 * sends one after the other and waits for each to be included. c->out gets "dry_run" and "transactions".
 * receipt: NULL, or set to the receipt of the last (json_free), NULL with --dry-run. Returns 0; CTL_REFUSED;
 * CTL_REVERTED with the reason by name where it is known; -ETIMEDOUT; another error. */
int send_all(struct json **receipt, struct ctl *c, const struct seckey *key, const struct send_calls *calls,
             struct err *e);

#endif
