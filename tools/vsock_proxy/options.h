/* The command line of oyster-vsock-proxy: argv → struct options. Pure; the caller acts. */
#ifndef TOOLS_VSOCK_PROXY_OPTIONS_H
#define TOOLS_VSOCK_PROXY_OPTIONS_H

#include <stddef.h>
#include <stdint.h>

#include "endpoint.h"
#include "policy.h"
#include "util/buf.h"
#include "util/err.h"
#include "util/log.h"

#define FORWARDS_MAX 64

enum forward_kind {
    FORWARD_PLAIN,  /* from → to */
    FORWARD_GATHER, /* every TCP connection of this machine to somewhere else → to, its destination in front */
    FORWARD_SPREAD, /* from → the destination that stands in front */
};

struct forward {
    enum forward_kind kind;
    struct endpoint from; /* unused in FORWARD_GATHER */
    struct endpoint to;   /* unused in FORWARD_SPREAD */
};

enum options_action { OPTIONS_RUN, OPTIONS_HELP, OPTIONS_VERSION };

struct options {
    enum options_action action;
    struct forward forwards[FORWARDS_MAX];
    size_t n_forwards;
    struct policy policy;
    uint32_t max_streams, idle_s, stall_s, connect_s, drain_s;
    enum log_format log_format;
    enum log_level log_level;
};

/* Reads argv[1..argc-1], "--flag value" or "--flag=value". Returns 0, or -EINVAL with one line: flag, what was found,
 * what was expected. */
int options_parse(struct options *out, int argc, char *const argv[], struct err *e);

/* Appends the text of --help. */
void options_help(struct buf *out);

#endif
