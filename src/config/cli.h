/* The command line: argv → struct cli. Pure; the caller acts. */
#ifndef OYSTER_CONFIG_CLI_H
#define OYSTER_CONFIG_CLI_H

#include <stdbool.h>
#include <stddef.h>

#include "config/config.h"
#include "util/buf.h"
#include "util/err.h"

#define CLI_SETTINGS_MAX 128

/* What the program was asked to do. */
enum cli_action {
    CLI_RUN,
    CLI_CHECK_CONFIG,
    CLI_SHOW_CONFIG,
    CLI_CONFIG_HASH,
    CLI_HEALTH_CHECK,
    CLI_HELP,
    CLI_VERSION,
};

/* Exit codes of the program, as --help lists them. */
enum cli_exit {
    CLI_EXIT_OK = 0,     /* ended by a signal, or did what was asked */
    CLI_EXIT_FAILED = 1, /* could not start or go on: config, files, port, chain; one line on stderr */
    CLI_EXIT_USAGE = 2,  /* bad command line */
};

/* Strings are borrowed from argv or static. */
struct cli {
    enum cli_action action;
    const char *config_file; /* NULL = not given */
    bool json;
    struct config_flag settings[CLI_SETTINGS_MAX]; /* of the table of keys, each checked */
    size_t n_settings;
};

/* Reads argv[1..argc-1]. A flag takes its value as "--flag value" or "--flag=value" and may stand once, that of a list
 * several times; -h and -V win as soon as they are met. Every key of the configuration is a flag. Returns 0, or -EINVAL
 * with one line: flag, what was found, what was expected. */
int cli_parse(struct cli *out, int argc, char *const argv[], struct err *e);

/* Appends the text of --help / --version. */
void cli_help(struct buf *out);
void cli_version(struct buf *out);

#endif
