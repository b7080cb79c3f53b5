#include "cli.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "listen_addr.h"
#include "util/nearest.h"

#define PROGRAM "oyster-serverless-executor"

/* Stores a flag's value (NULL for a flag without one). Returns false where it is not what the flag expects. */
typedef bool set_fn(struct cli *out, const char *value);

struct flag {
    const char *name;
    const char *short_name; /* NULL = none */
    const char *value;      /* placeholder in --help; NULL = takes no value */
    set_fn *set;
    const char *expected; /* of the value, for messages */
    const char *help;
};

static bool set_port(struct cli *out, const char *value)
{
    size_t digits = strspn(value, "0123456789");
    unsigned long n = strtoul(value, NULL, 10);
    if (digits == 0 || digits > 5 || value[digits] || n > UINT16_MAX)
        return false;
    out->port = (uint16_t)n;
    return true;
}

static bool set_config_file(struct cli *out, const char *value)
{
    out->config_file = value;
    return *value != 0;
}

static bool set_api_addr(struct cli *out, const char *value)
{
    struct in6_addr any;
    out->api_addr = value;
    return inet_pton(AF_INET, value, &any) == 1 || inet_pton(AF_INET6, value, &any) == 1;
}

static bool set_metrics_addr(struct cli *out, const char *value)
{
    out->metrics_addr = value;
    return listen_addr_ok(value);
}

static bool set_log_format(struct cli *out, const char *value)
{
    return log_format_parse(&out->log_format, value);
}

static bool set_log_level(struct cli *out, const char *value)
{
    return log_level_parse(&out->log_level, value);
}

static bool set_check_config(struct cli *out, const char *value)
{
    (void)value;
    out->action = CLI_CHECK_CONFIG;
    return true;
}

static bool set_help(struct cli *out, const char *value)
{
    (void)value;
    out->action = CLI_HELP;
    return true;
}

static bool set_version(struct cli *out, const char *value)
{
    (void)value;
    out->action = CLI_VERSION;
    return true;
}

static const struct flag flags[] = {
    { "--port", NULL, "PORT", set_port, "a number from 0 to 65535",
      "port of the HTTP API; 0 takes any free one [default: 6001]" },
    { "--config-file", NULL, "FILE", set_config_file, "a path that is not empty",
      "configuration, JSON [default: ./oyster_serverless_executor_config.json]" },
    { "--api-addr", NULL, "ADDRESS", set_api_addr, "an IPv4 or IPv6 address in numbers",
      "address the HTTP API listens on [default: 0.0.0.0]" },
    { "--metrics-addr", NULL, "HOST:PORT", set_metrics_addr, LISTEN_ADDR_EXPECTED,
      "where metrics and health are served, or \"off\" [default: 127.0.0.1:9001]" },
    { "--log-format", NULL, "FORMAT", set_log_format, "logfmt or json", "logfmt or json [default: logfmt]" },
    { "--log-level", NULL, "LEVEL", set_log_level, "debug, info, warn or error",
      "least level that is logged: debug, info, warn, error [default: info]" },
    { "--check-config", NULL, NULL, set_check_config, NULL,
      "check the configuration and the files it names, then end" },
    { "--help", "-h", NULL, set_help, NULL, "print this text" },
    { "--version", "-V", NULL, set_version, NULL, "print the version" },
};
#define N_FLAGS (sizeof flags / sizeof *flags)

static const char *flag_name(size_t i)
{
    return i < N_FLAGS ? flags[i].name : NULL;
}

/* The flag that arg begins with; *value: what stands behind '=', or NULL. */
static const struct flag *flag_find(const char *arg, const char **value)
{
    const char *equals = strchr(arg, '=');
    size_t len = equals ? (size_t)(equals - arg) : strlen(arg);
    *value = equals ? equals + 1 : NULL;
    for (size_t i = 0; i < N_FLAGS; i++) {
        const struct flag *f = &flags[i];
        if (strlen(f->name) == len && memcmp(f->name, arg, len) == 0)
            return f;
        if (f->short_name && strcmp(f->short_name, arg) == 0)
            return f;
    }
    return NULL;
}

static int fail_unknown(const char *arg, struct err *e)
{
    if (arg[0] != '-')
        return err_set(e, -EINVAL, "%.100s: found an argument that is not a flag, expected flags only (see --help)",
                       arg);
    return err_set(e, -EINVAL, "%.100s: unknown flag, the nearest known one is %s (see --help)", arg,
                   nearest_word(arg, flag_name));
}

static int apply(struct cli *out, const struct flag *f, const char *value, struct err *e)
{
    if (f->set(out, value))
        return 0;
    return err_set(e, -EINVAL, "%s: found \"%.100s\", expected %s", f->name, value, f->expected);
}

int cli_parse(struct cli *out, int argc, char *const argv[], struct err *e)
{
    bool seen[N_FLAGS] = { false };
    *out = (struct cli){ .action = CLI_RUN,
                         .port = 6001,
                         .config_file = "./oyster_serverless_executor_config.json",
                         .api_addr = "0.0.0.0",
                         .log_format = LOG_FORMAT_LOGFMT,
                         .log_level = LOG_INFO };
    for (int i = 1; i < argc; i++) {
        const char *value;
        const struct flag *f = flag_find(argv[i], &value);
        if (!f)
            return fail_unknown(argv[i], e);
        if (seen[f - flags])
            return err_set(e, -EINVAL, "%s: found twice, expected once", f->name);
        seen[f - flags] = true;
        if (!f->value && value)
            return err_set(e, -EINVAL, "%s: found a value, expected none", f->name);
        if (f->value && !value && ++i >= argc)
            return err_set(e, -EINVAL, "%s: found no value, expected %s", f->name, f->expected);
        if (apply(out, f, value || !f->value ? value : argv[i], e) < 0)
            return -EINVAL;
        if (out->action == CLI_HELP || out->action == CLI_VERSION)
            return 0;
    }
    return 0;
}

void cli_version(struct buf *out)
{
    buf_puts(out, PROGRAM " " OYSTER_VERSION "\n");
}

void cli_help(struct buf *out)
{
    buf_puts(out, "Usage: " PROGRAM " [FLAGS]\n\n"
                  "Runs the jobs of an EVM chain's Oyster serverless contracts.\n\nFlags:\n");
    for (size_t i = 0; i < N_FLAGS; i++) {
        const struct flag *f = &flags[i];
        struct buf left = { 0 };
        buf_printf(&left, "%s%s%s%s%s", f->short_name ? f->short_name : "", f->short_name ? ", " : "", f->name,
                   f->value ? " " : "", f->value ? f->value : "");
        buf_printf(out, "  %-24s %s\n", buf_cstr(&left), f->help);
        buf_free(&left);
    }
    buf_puts(out, "\nExit codes:\n"
                  "  0  ended by SIGTERM or SIGINT, or did what was asked\n"
                  "  1  could not start or go on: one line on stderr says why\n"
                  "  2  bad command line\n");
}
