/* The command line of oysterctl: tables of options, parsed with every value checked for its kind. Pure, but for the
 * environment that the caller hands in. */
#ifndef OYSTERCTL_OPTIONS_H
#define OYSTERCTL_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "command.h"
#include "eth/address.h"
#include "eth/u256.h"
#include "util/err.h"

/* What a value must look like. */
enum option_kind {
    OPT_FLAG, /* no value */
    OPT_TEXT,
    OPT_FILE, /* a path that is not empty */
    OPT_DIR,
    OPT_URL,     /* http:// or https:// */
    OPT_U64,     /* decimal digits */
    OPT_SECONDS, /* 90, 90s, 15m, 2h */
    OPT_ADDRESS,
    OPT_BYTES32, /* 0x and 64 hex digits */
    OPT_AMOUNT,  /* whole tokens: 100, 0.5; or the smallest unit: 1000wei */
    OPT_CHOICE,  /* one of choices */
};

struct option_def {
    const char *name;       /* "--rpc-url" */
    const char *short_name; /* "-y"; NULL = none */
    enum option_kind kind;
    const char *value;   /* placeholder in --help; NULL with OPT_FLAG */
    const char *choices; /* "a|b|c" with OPT_CHOICE */
    bool repeat;         /* may stand several times */
    const char *help;    /* one line, its default in brackets */
};

/* Tables ended by {0}: options of every command, and those of commands that sign. Each may also be given by the
 * environment: OYSTERCTL_RPC_URL is --rpc-url (a flag: 1 or 0). The command line wins. */
extern const struct option_def options_global[], options_signing[];

#define ARGS_MAX 8
#define OPTIONS_GIVEN_MAX 64

/* A parsed command line; strings are borrowed from argv and the environment. command is NULL where the line has none
 * ("oysterctl --help"). */
struct args {
    const struct command *command;
    bool help;
    const char *positional[ARGS_MAX];
    size_t n_positional;
    struct {
        const struct option_def *def;
        const char *value; /* "" for a flag */
    } given[OPTIONS_GIVEN_MAX];
    size_t n_given;
};

/* The value of an environment variable or NULL: getenv, or a test's. */
typedef const char *env_fn(const char *name);

/* Reads argv[1..argc-1]: global options may stand before the command, "--" ends options. Returns 0, or -EINVAL with one
 * line: what, what was found, what was expected. Values of secret-looking options are never repeated. */
int args_parse(struct args *out, int argc, char *const argv[], env_fn *env, struct err *e);

/* The value of an option of this command, NULL where it was not given / whether it was. name: "--rpc-url"; one that the
 * command does not have is a bug (assert). args_nth: the n-th value of an option that may be repeated. */
const char *args_get(const struct args *a, const char *name);
bool args_has(const struct args *a, const char *name);
const char *args_nth(const struct args *a, const char *name, size_t n);

/* Sets an option of this command as if the command line had it, in place of what it had. value is borrowed. */
void args_set(struct args *a, const char *name, const char *value);

/* The i-th word behind the command, NULL where there are fewer. */
const char *args_at(const struct args *a, size_t i);

/* Values by kind; parsing has checked them. Each returns false and leaves *out where the option was not given. */
bool args_u64(uint64_t *out, const struct args *a, const char *name);
bool args_ms(uint64_t *out_ms, const struct args *a, const char *name);
bool args_address(struct address *out, const struct args *a, const char *name);
bool args_bytes32(uint8_t out[32], const struct args *a, const char *name);

/* The i-th option that a command takes, own ones first, then signing, then global; NULL behind the last. command NULL:
 * global ones only. */
const struct option_def *option_at(const struct command *command, size_t i);

/* The environment variable of an option (static storage is not used: out has room for 64 bytes). Returns out. */
char *option_env_name(char out[64], const struct option_def *def);

#endif
