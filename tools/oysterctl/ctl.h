/* What every command is handed: the parsed command line, the node's configuration if one was named, the result. */
#ifndef OYSTERCTL_CTL_H
#define OYSTERCTL_CTL_H

#include <stdbool.h>

#include "config/config.h"
#include "options.h"
#include "output.h"

struct ctl {
    struct args args;
    struct out *out; /* the result (output.h) */
    bool json, yes, dry_run, quiet;
    bool config_loaded;
    struct config config; /* of --config-file; read it by ctl_config */
    struct io *io;        /* NULL until asked for: ctl_io (io.h) */
    struct chain *chain;  /* NULL until asked for: ctl_chain (chain.h) */
};

/* The configuration of --config-file, read once; *out is NULL where none was named. Returns 0 or an error. */
int ctl_config(const struct config **out, struct ctl *c, struct err *e);

/* Where the node's HTTP API is: --node-url without a slash at the end. Borrowed. */
const char *ctl_node_url(const struct ctl *c);

/* Asks at the terminal; true where --yes was given. Returns 0, or CTL_REFUSED with e filled: "no", or there is no
 * terminal. question: without "?" and without a newline. */
int ctl_confirm(struct ctl *c, const char *question, struct err *e);

/* Reads a password from the terminal without showing it. out: room for a NUL-ended line of max bytes; wipe it. Returns
 * 0 or -ENOTTY. */
int ctl_ask_secret(char *out, size_t max, const char *prompt, struct err *e);

/* Asks at the terminal; an empty answer is the fallback, which is shown. out: a NUL-ended line of max bytes. Returns 0
 * or -ENOTTY. */
int ctl_ask(char *out, size_t max, const char *question, const char *fallback, struct err *e);

/* One line on stderr that replaces the one before, only when stderr is a terminal and neither --quiet nor --json was
 * given; NULL clears it. */
void ctl_progress(const struct ctl *c, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* A line on stderr, "oysterctl: warning: …", unless --quiet was given. */
void ctl_warn(const struct ctl *c, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* The whole of a file of at most max bytes; "-" is standard input. out: appended. */
int ctl_read_file(struct buf *out, const char *path, size_t max, struct err *e);

/* Text of oysterctl --help / of one command's --help. */
void help_all(struct buf *out);
void help_command(struct buf *out, const struct command *command);

#endif
