#include "config/cli.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>

#include "util/cleanup.h"
#include "util/nearest.h"

#define PROGRAM "oyster-serverless-executor"

struct flag {
    const char *name;
    const char *short_name; /* NULL = none */
    enum cli_action action; /* what it asks for; CLI_RUN = it says something else */
    const char *value;      /* placeholder in --help; NULL = takes no value */
    const char *help;
};

static const struct flag flags[] = {
    { "--config-file", NULL, CLI_RUN, "FILE", "settings, JSON [default: " CONFIG_FILE_DEFAULT "]" },
    { "--check-config", NULL, CLI_CHECK_CONFIG, NULL, "check the settings and the files they name, then end" },
    { "--show-config", NULL, CLI_SHOW_CONFIG, NULL,
      "print the settings in effect and where each comes from, then end" },
    { "--json", NULL, CLI_RUN, NULL, "with --show-config: as JSON" },
    { "--config-hash", NULL, CLI_CONFIG_HASH, NULL,
      "print the hash of the settings in effect that attestation documents carry, then end" },
    { "--health-check", NULL, CLI_HEALTH_CHECK, NULL,
      "ask the node with these settings whether it lives (/livez on metrics_addr), then end" },
    { "--help", "-h", CLI_HELP, NULL, "print this text" },
    { "--version", "-V", CLI_VERSION, NULL, "print the version" },
};
#define N_FLAGS (sizeof flags / sizeof *flags)

/* An argument's name and the value behind its '=' (NULL = none). */
struct argument {
    const char *name;
    size_t len;
    const char *value;
};

static struct argument split(const char *arg)
{
    const char *equals = strchr(arg, '=');
    return (struct argument){ arg, equals ? (size_t)(equals - arg) : strlen(arg), equals ? equals + 1 : NULL };
}

static const struct flag *flag_find(const struct argument *a)
{
    for (size_t i = 0; i < N_FLAGS; i++) {
        const struct flag *f = &flags[i];
        if (strlen(f->name) == a->len && memcmp(f->name, a->name, a->len) == 0)
            return f;
        if (f->short_name && strcmp(f->short_name, a->name) == 0)
            return f;
    }
    return NULL;
}

/* The key that the argument is the flag of. */
static bool setting_find(size_t *index, struct config_key *out, const struct argument *a)
{
    bool same = false;
    for (*index = 0; !same && config_key_info(*index, out, NULL); *index += !same) {
        struct buf name = { 0 };
        config_put_flag_name(&name, out->name);
        same = name.len == a->len && memcmp(name.data, a->name, a->len) == 0;
        buf_free(&name);
    }
    return same;
}

/* The known flag that is nearest to what was written. */
static void put_nearest(struct buf *out, const char *arg)
{
    struct config_key key;
    size_t best = SIZE_MAX;
    for (size_t i = 0;; i++) {
        struct buf name = { 0 };
        if (i < N_FLAGS)
            buf_puts(&name, flags[i].name);
        else if (config_key_info(i - N_FLAGS, &key, NULL))
            config_put_flag_name(&name, key.name);
        else
            return;
        bool begins = strlen(arg) > 1 && strncmp(buf_cstr(&name), arg, strlen(arg)) == 0;
        size_t distance = begins ? 1 : edit_distance(arg, buf_cstr(&name));
        if (distance < best) {
            best = distance;
            buf_reset(out);
            buf_puts(out, buf_cstr(&name));
        }
        buf_free(&name);
    }
}

/* What stands behind the '=', and a URL that stands alone, may be a secret: neither is told. */
static int fail_unknown(const struct argument *a, struct err *e)
{
    CLEANUP(buf_free) struct buf name = { 0 };
    CLEANUP(buf_free) struct buf nearest = { 0 };
    buf_append(&name, a->name, a->len);
    const char *arg = buf_cstr(&name);
    if (arg[0] != '-')
        return err_set(e, -EINVAL, "%.100s: found an argument that is not a flag, expected flags only (see --help)",
                       strstr(arg, "://") ? "(a URL)" : arg);
    put_nearest(&nearest, arg);
    return err_set(e, -EINVAL, "%.100s: unknown flag, the nearest known one is %s (see --help)", arg,
                   buf_cstr(&nearest));
}

#define FILE_EXPECTED "a path that is not empty"

/* value: of --config-file, the one flag that takes one. */
static int apply(struct cli *out, const struct flag *f, const char *value, struct err *e)
{
    if (f->action != CLI_RUN)
        out->action = f->action;
    else if (!f->value)
        out->json = true;
    else if (*value)
        out->config_file = value;
    else
        return err_set(e, -EINVAL, "%s: found \"\", expected " FILE_EXPECTED, f->name);
    return 0;
}

static int add_setting(struct cli *out, size_t index, const struct config_key *key, const char *text, struct err *e)
{
    struct config_flag setting = { index, text };
    for (size_t i = 0; i < out->n_settings && !key->list; i++)
        if (out->settings[i].key == index) {
            struct buf name = { 0 };
            config_put_flag_name(&name, key->name);
            int rc = err_set(e, -EINVAL, "%s: found twice, expected once", buf_cstr(&name));
            buf_free(&name);
            return rc;
        }
    if (out->n_settings == CLI_SETTINGS_MAX)
        return err_set(e, -E2BIG, "found over %d settings, expected fewer", CLI_SETTINGS_MAX);
    out->settings[out->n_settings++] = setting;
    return config_check_flag(&setting, e);
}

static int fail_no_value(const struct argument *a, const char *expected, struct err *e)
{
    return err_set(e, -EINVAL, "%.*s: found no value, expected %s", (int)a->len, a->name, expected);
}

static int read_setting(struct cli *out, const struct argument *a, const char *next, bool *took_next, struct err *e)
{
    struct config_key key;
    size_t index;
    if (!setting_find(&index, &key, a))
        return fail_unknown(a, e);
    *took_next = !a->value;
    if (a->value || next)
        return add_setting(out, index, &key, a->value ? a->value : next, e);
    struct buf expected = { 0 };
    (void)config_key_info(index, &key, &expected);
    int rc = fail_no_value(a, buf_cstr(&expected), e);
    buf_free(&expected);
    return rc;
}

static int read_flag(struct cli *out, const struct flag *f, bool *seen, const struct argument *a, const char *next,
                     bool *took_next, struct err *e)
{
    if (*seen)
        return err_set(e, -EINVAL, "%s: found twice, expected once", f->name);
    *seen = true;
    if (!f->value && a->value)
        return err_set(e, -EINVAL, "%s: found a value, expected none", f->name);
    *took_next = f->value && !a->value;
    if (*took_next && !next)
        return fail_no_value(a, FILE_EXPECTED, e);
    return apply(out, f, *took_next ? next : a->value, e);
}

int cli_parse(struct cli *out, int argc, char *const argv[], struct err *e)
{
    bool seen[N_FLAGS] = { false };
    *out = (struct cli){ .action = CLI_RUN };
    for (int i = 1; i < argc; i++) {
        struct argument a = split(argv[i]);
        const char *next = i + 1 < argc ? argv[i + 1] : NULL;
        const struct flag *f = flag_find(&a);
        bool took_next = false;
        int rc = f ? read_flag(out, f, &seen[f - flags], &a, next, &took_next, e)
                   : read_setting(out, &a, next, &took_next, e);
        if (rc < 0)
            return rc;
        if (out->action == CLI_HELP || out->action == CLI_VERSION)
            return 0;
        i += took_next;
    }
    if (out->json && out->action != CLI_SHOW_CONFIG)
        return err_set(e, -EINVAL, "--json: found it alone, expected --show-config beside it");
    return 0;
}

void cli_version(struct buf *out)
{
    buf_puts(out, PROGRAM " " OYSTER_VERSION "\n");
}

static void put_settings(struct buf *out)
{
    struct config_key key;
    struct buf name = { 0 }, expected = { 0 };
    buf_puts(out,
             "\nSettings. --job-capacity 5, OYSTER_EXECUTOR_JOB_CAPACITY=5 in the environment and "
             "\"job_capacity\": 5 in the\nfile mean the same; the first of these that is given wins. Flags of lists "
             "may be given several times.\nWhat each is for: oyster-serverless-executor(8), docs/configuration.md.\n");
    for (size_t i = 0; config_key_info(i, &key, &expected); i++) {
        config_put_flag_name(&name, key.name);
        buf_printf(out, "  %-26s %s", buf_cstr(&name), buf_cstr(&expected));
        if (!key.fallback)
            buf_puts(out, " [required]\n");
        else
            buf_printf(out, " [default: %s]\n", *key.fallback ? key.fallback : "absent");
        buf_reset(&name);
        buf_reset(&expected);
    }
    buf_free(&name);
    buf_free(&expected);
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
        buf_printf(out, "  %-26s %s\n", buf_cstr(&left), f->help);
        buf_free(&left);
    }
    put_settings(out);
    buf_puts(out, "\nExit codes:\n"
                  "  0  ended by SIGTERM or SIGINT, or did what was asked\n"
                  "  1  could not start or go on: one line on stderr says why\n"
                  "  2  bad command line\n");
}
