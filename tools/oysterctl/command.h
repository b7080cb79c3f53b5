/* One command of oysterctl, and what its run function is handed. A command lives in a file of its own (cmd_*.c), is
 * declared in commands.h and listed in commands.c: dispatch, help, nearest-command errors and completions read that
 * list. */
#ifndef OYSTERCTL_COMMAND_H
#define OYSTERCTL_COMMAND_H

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>

#include "util/err.h"

struct ctl;
struct option_def;

/* Exit codes, as --help lists them. */
enum ctl_exit {
    CTL_OK = 0,
    CTL_FAILED = 1,       /* a file, the node, an endpoint; one line on stderr */
    CTL_USAGE = 2,        /* bad command line */
    CTL_REFUSED = 3,      /* not confirmed: "no" at the prompt, or no terminal to ask and no --yes; nothing was sent */
    CTL_REVERTED = 4,     /* the contract refused: before sending, or in its block */
    CTL_TIMEOUT = 5,      /* waited as long as was asked */
    CTL_CHECK_FAILED = 6, /* doctor: at least one FAIL */
    CTL_EXIT_COUNT,
};

/* An error code of run: what the command line should have said is missing; ends as CTL_USAGE. */
#define CTL_EUSAGE EDESTADDRREQ

/* Groups of commands, in the order of --help. */
enum command_group { GROUP_SETUP, GROUP_EXECUTOR, GROUP_JOBS, GROUP_OTHER, GROUP_COUNT };

/* Does the command. Results go to c->out (output.h), read the command line by args_* (options.h) from c->args.
 * Returns 0; an enum ctl_exit; or a negative errno, which ends as CTL_FAILED (-ETIMEDOUT: CTL_TIMEOUT, -CTL_EUSAGE:
 * CTL_USAGE). e is filled with one line unless the output says it all (CTL_CHECK_FAILED). */
typedef int command_run_fn(struct ctl *c, struct err *e);

/* All strings are static. */
struct command {
    const char *name; /* one or two words: "stake add" */
    enum command_group group;
    const char *arguments; /* as the usage line shows them: "FILE", "[JOB-ID]"; "" = none */
    size_t min_args, max_args;
    const char *summary;              /* one line, no full stop */
    const char *details;              /* paragraphs below the usage line of --help, ended by a newline; NULL = none */
    const struct option_def *options; /* its own, ended by {0}; NULL = none */
    bool signs;                       /* takes the options of a key that signs transactions (options.h) */
    command_run_fn *run;
};

#endif
