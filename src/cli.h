/* The command line: argv → struct cli. Pure; the caller acts. */
#ifndef OYSTER_CLI_H
#define OYSTER_CLI_H

#include <stdint.h>

#include "util/buf.h"
#include "util/err.h"
#include "util/log.h"

/* What the program was asked to do. */
enum cli_action { CLI_RUN, CLI_CHECK_CONFIG, CLI_HELP, CLI_VERSION };

/* Exit codes of the program, as --help lists them. */
enum cli_exit {
    CLI_EXIT_OK = 0,     /* ended by a signal, or did what was asked */
    CLI_EXIT_FAILED = 1, /* could not start or go on: config, files, port, chain; one line on stderr */
    CLI_EXIT_USAGE = 2,  /* bad command line */
};

/* Strings are borrowed from argv or static. */
struct cli {
    enum cli_action action;
    uint16_t port;            /* 6001; 0 = any free one */
    const char *config_file;  /* "./oyster_serverless_executor_config.json" */
    const char *api_addr;     /* "0.0.0.0"; an IPv4 or IPv6 address in numbers */
    const char *metrics_addr; /* NULL = as configured */
    enum log_format log_format;
    enum log_level log_level;
};

/* Reads argv[1..argc-1]. A flag takes its value as "--flag value" or "--flag=value" and may stand once; -h and -V win
 * as soon as they are met. Returns 0, or -EINVAL with one line: flag, what was found, what was expected. */
int cli_parse(struct cli *out, int argc, char *const argv[], struct err *e);

/* Appends the text of --help / --version. */
void cli_help(struct buf *out);
void cli_version(struct buf *out);

#endif
