#include "options.h"

#include <assert.h>
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "commands.h"
#include "util/hex.h"
#include "util/nearest.h"
#include "value.h"

const struct option_def options_global[] = {
    { .name = "--config-file",
      .kind = OPT_FILE,
      .value = "FILE",
      .help = "the node's configuration: chain, contracts and files come from it" },
    { .name = "--rpc-url", .kind = OPT_URL, .value = "URL", .help = "HTTP endpoint of the chain" },
    { .name = "--chain-id",
      .kind = OPT_U64,
      .value = "N",
      .help = "id of the chain; an endpoint of another is refused" },
    { .name = "--executors-contract", .kind = OPT_ADDRESS, .value = "ADDRESS", .help = "the Executors contract" },
    { .name = "--jobs-contract", .kind = OPT_ADDRESS, .value = "ADDRESS", .help = "the Jobs contract" },
    { .name = "--code-contract", .kind = OPT_ADDRESS, .value = "ADDRESS", .help = "the UserCode contract" },
    { .name = "--node-url",
      .kind = OPT_URL,
      .value = "URL",
      .help = "the node's HTTP API [default: http://127.0.0.1:6001]" },
    { .name = "--json", .kind = OPT_FLAG, .help = "write one JSON document instead of text" },
    { .name = "--yes", .short_name = "-y", .kind = OPT_FLAG, .help = "do not ask before spending" },
    { .name = "--dry-run", .kind = OPT_FLAG, .help = "print what would be sent, and end" },
    { .name = "--quiet", .short_name = "-q", .kind = OPT_FLAG, .help = "no progress on the terminal" },
    { .name = "--log-level",
      .kind = OPT_CHOICE,
      .value = "LEVEL",
      .choices = "debug|info|warn|error",
      .help = "what the libraries below log to stderr [default: error]" },
    { 0 },
};

const struct option_def options_signing[] = {
    { .name = "--keystore", .kind = OPT_FILE, .value = "FILE", .help = "the signing key: a web3 keystore (version 3)" },
    { .name = "--password-file",
      .kind = OPT_FILE,
      .value = "FILE",
      .help = "the keystore's password, its first line [default: asked at the terminal]" },
    { .name = "--key-file",
      .kind = OPT_FILE,
      .value = "FILE",
      .help = "the signing key: a file of 32 raw bytes or 64 hex digits" },
    { .name = "--send-timeout",
      .kind = OPT_SECONDS,
      .value = "TIME",
      .help = "how long to wait until a transaction is included [default: 5m]" },
    { .name = "--replace-after",
      .kind = OPT_SECONDS,
      .value = "TIME",
      .help = "one not included by then is replaced, for twice the fee at most; 0 = never [default: 45s]" },
    { 0 },
};

/* ---- tables ---- */

/* The i-th of a table, moving *i down by its length when it is behind. */
static const struct option_def *table_at(const struct option_def *table, size_t *i)
{
    for (; table && table->name; table++, --*i)
        if (*i == 0)
            return table;
    return NULL;
}

const struct option_def *option_at(const struct command *command, size_t i)
{
    const struct option_def *found = table_at(command ? command->options : NULL, &i);
    if (!found && command && command->signs)
        found = table_at(options_signing, &i);
    return found ? found : table_at(options_global, &i);
}

/* The option that is named by the first len characters of text. */
static const struct option_def *option_find(const struct command *command, const char *text, size_t len)
{
    const struct option_def *def;
    for (size_t i = 0; (def = option_at(command, i)); i++) {
        if (strlen(def->name) == len && memcmp(def->name, text, len) == 0)
            return def;
        if (def->short_name && strlen(def->short_name) == len && memcmp(def->short_name, text, len) == 0)
            return def;
    }
    return NULL;
}

char *option_env_name(char out[64], const struct option_def *def)
{
    int n = snprintf(out, 64, "OYSTERCTL_%s", def->name + 2);
    for (int i = 0; i < n && i < 63; i++)
        out[i] = out[i] == '-' ? '_' : (char)toupper((unsigned char)out[i]);
    return out;
}

/* ---- errors ---- */

static const struct option_def *nearest_option(const struct command *command, const char *word)
{
    const struct option_def *def, *best = NULL;
    size_t least = SIZE_MAX;
    for (size_t i = 0; (def = option_at(command, i)); i++) {
        size_t d = edit_distance(word, def->name);
        if (d < least) {
            least = d;
            best = def;
        }
    }
    return best;
}

static bool asks_for_secret(const char *name, size_t len)
{
    static const char *const secrets[] = { "--private-key", "--key",      "--secret",  "--secret-key",
                                           "--password",    "--mnemonic", "--gas-key", "--owner-key",
                                           "--passphrase",  "--pk",       "--raw-key" };
    for (size_t i = 0; i < sizeof secrets / sizeof *secrets; i++)
        if (strlen(secrets[i]) == len && memcmp(secrets[i], name, len) == 0)
            return true;
    return false;
}

static int fail_unknown(const struct command *command, const char *arg, size_t len, struct err *e)
{
    int shown = (int)(len < 60 ? len : 60);
    if (asks_for_secret(arg, len))
        return err_set(e, -EINVAL,
                       "%.*s: keys and passwords are never taken from the command line, where every process of this "
                       "machine and the shell's history can read them: use --keystore, --password-file or --key-file",
                       shown, arg);
    char name[64];
    (void)snprintf(name, sizeof name, "%.*s", shown, arg);
    return err_set(e, -EINVAL, "%s: unknown option, the nearest known one is %s (see oysterctl %s%s--help)", name,
                   nearest_option(command, name)->name, command ? command->name : "", command ? " " : "");
}

/* ---- values ---- */

static bool looks_like_key(const char *value)
{
    size_t len = strlen(value);
    const char *digits = hex_strip0x(value, &len);
    return len == 64 && strspn(digits, "0123456789abcdefABCDEF") == 64;
}

static bool is_choice(const char *choices, const char *value)
{
    size_t len = strlen(value);
    for (const char *at = choices; at; at = strchr(at, '|')) {
        at += *at == '|';
        if (len && strncmp(at, value, len) == 0 && (at[len] == '|' || !at[len]))
            return true;
    }
    return false;
}

static int check_file(const char *name, const char *value, struct err *e)
{
    if (!*value)
        return err_set(e, -EINVAL, "%s: found nothing, expected a path", name);
    if (looks_like_key(value))
        return err_set(e, -EINVAL,
                       "%s: found what looks like a key, expected the path of a file: keys are never taken "
                       "from the command line",
                       name);
    return 0;
}

static int check_url(const char *name, const char *value, struct err *e)
{
    bool known = strncmp(value, "http://", 7) == 0 || strncmp(value, "https://", 8) == 0;
    const char *host = known ? strstr(value, "://") + 3 : "";
    if (*host && *host != '/')
        return 0;
    /* credentials, path and query may be secrets */
    const char *scheme = strstr(value, "://");
    int scheme_len = scheme ? (int)(scheme - value) + 3 : 0;
    const char *shown = value + scheme_len;
    int len = (int)strcspn(shown, "/?#");
    const char *at = memrchr(shown, '@', (size_t)len);
    if (at) {
        len -= (int)(at + 1 - shown);
        shown = at + 1;
    }
    return err_set(e, -EINVAL, "%s: found \"%.*s%.*s\", expected http://… or https://…", name,
                   scheme_len < 20 ? scheme_len : 20, value, len < 80 ? len : 80, shown);
}

static int check_value(const struct option_def *def, const char *name, const char *value, struct err *e)
{
    uint64_t n;
    uint8_t bytes[32];
    struct address address;
    struct u256 amount;
    switch (def->kind) {
    case OPT_FLAG:
    case OPT_TEXT:
        return 0;
    case OPT_FILE:
    case OPT_DIR:
        return check_file(name, value, e);
    case OPT_URL:
        return check_url(name, value, e);
    case OPT_U64:
        return value_u64(&n, name, value, e);
    case OPT_SECONDS:
        return value_ms(&n, name, value, e);
    case OPT_ADDRESS:
        return value_address(&address, name, value, e);
    case OPT_BYTES32:
        return value_bytes32(bytes, name, value, e);
    case OPT_AMOUNT:
        return value_amount(&amount, name, value, e);
    case OPT_CHOICE:
        return is_choice(def->choices, value)
                   ? 0
                   : err_set(e, -EINVAL, "%s: found \"%.60s\", expected one of %s", name, value, def->choices);
    }
    return 0;
}

static const char *given_value(const struct args *a, const struct option_def *def, size_t nth)
{
    for (size_t i = 0; i < a->n_given; i++)
        if (a->given[i].def == def && nth-- == 0)
            return a->given[i].value;
    return NULL;
}

static int add(struct args *a, const struct option_def *def, const char *name, const char *value, struct err *e)
{
    if (!def->repeat && given_value(a, def, 0))
        return err_set(e, -EINVAL, "%s: found twice, expected once", name);
    if (a->n_given == OPTIONS_GIVEN_MAX)
        return err_set(e, -EINVAL, "%s: more than %d options", name, OPTIONS_GIVEN_MAX);
    if (check_value(def, name, value, e) < 0)
        return -EINVAL;
    a->given[a->n_given].def = def;
    a->given[a->n_given++].value = value;
    return 0;
}

/* ---- the walk ---- */

struct walk {
    int argc;
    char *const *argv;
    int at;
};

static bool is_option(const char *arg)
{
    return arg[0] == '-' && arg[1];
}

static int take_option(struct args *a, struct walk *w, struct err *e)
{
    const char *arg = w->argv[w->at++];
    const char *equals = strncmp(arg, "--", 2) == 0 ? strchr(arg, '=') : NULL;
    size_t len = equals ? (size_t)(equals - arg) : strlen(arg);
    if (strcmp(arg, "--help") == 0 || strcmp(arg, "-h") == 0) {
        a->help = true;
        return 0;
    }
    const struct option_def *def = option_find(a->command, arg, len);
    if (!def)
        return fail_unknown(a->command, arg, len, e);
    if (def->kind == OPT_FLAG)
        return equals ? err_set(e, -EINVAL, "%s: found a value, expected none", def->name)
                      : add(a, def, def->name, "", e);
    if (!equals && w->at == w->argc)
        return err_set(e, -EINVAL, "%s: found no value, expected %s", def->name, def->value);
    return add(a, def, def->name, equals ? equals + 1 : w->argv[w->at++], e);
}

/* The command's words stand together, ahead of its arguments. */
static int take_command(struct args *a, struct walk *w, struct err *e)
{
    const char *words[2] = { NULL };
    size_t n = 0, used;
    while (n < 2 && w->at + (int)n < w->argc && !is_option(w->argv[w->at + (int)n])) {
        words[n] = w->argv[w->at + (int)n];
        n++;
    }
    a->command = command_find(&used, words, n, e);
    if (!a->command)
        return -EINVAL;
    w->at += (int)used;
    return 0;
}

static int take_word(struct args *a, const char *word, struct err *e)
{
    const struct command *c = a->command;
    const char *shown = looks_like_key(word) ? "(64 hex digits)" : word;
    if (a->n_positional == c->max_args || a->n_positional == ARGS_MAX)
        return err_set(e, -EINVAL, "%.60s: one argument too many, expected: oysterctl %s%s%s", shown, c->name,
                       *c->arguments ? " " : "", c->arguments);
    a->positional[a->n_positional++] = word;
    return 0;
}

static int take_all(struct args *a, struct walk *w, struct err *e)
{
    bool words_only = false;
    while (w->at < w->argc) {
        const char *arg = w->argv[w->at];
        int rc;
        if (!words_only && strcmp(arg, "--") == 0 && a->command) {
            words_only = true;
            w->at++;
            continue;
        }
        if (!words_only && is_option(arg))
            rc = take_option(a, w, e);
        else if (!a->command)
            rc = take_command(a, w, e);
        else
            rc = take_word(a, w->argv[w->at++], e);
        if (rc < 0)
            return rc;
    }
    return 0;
}

/* ---- environment ---- */

static int flag_from_env(struct args *a, const struct option_def *def, const char *name, const char *value,
                         struct err *e)
{
    if (strcmp(value, "1") == 0 || strcmp(value, "true") == 0)
        return add(a, def, name, "", e);
    if (strcmp(value, "0") == 0 || strcmp(value, "false") == 0)
        return 0;
    return err_set(e, -EINVAL, "%s: found \"%.60s\", expected 1 or 0", name, value);
}

static int table_from_env(struct args *a, const struct option_def *table, env_fn *env, struct err *e)
{
    for (const struct option_def *def = table; def->name; def++) {
        char name[64];
        const char *value = env(option_env_name(name, def));
        if (!value || !*value || given_value(a, def, 0))
            continue;
        int rc = def->kind == OPT_FLAG ? flag_from_env(a, def, name, value, e) : add(a, def, name, value, e);
        if (rc < 0)
            return rc;
    }
    return 0;
}

int args_parse(struct args *out, int argc, char *const argv[], env_fn *env, struct err *e)
{
    struct walk w = { .argc = argc, .argv = argv, .at = 1 };
    *out = (struct args){ 0 };
    if (take_all(out, &w, e) < 0)
        return -EINVAL;
    if (out->help)
        return 0;
    if (!out->command)
        return err_set(e, -EINVAL, "found no command (see oysterctl --help)");
    const struct command *c = out->command;
    if (out->n_positional < c->min_args)
        return err_set(e, -EINVAL, "too few arguments, expected: oysterctl %s %s", c->name, c->arguments);
    if (table_from_env(out, options_global, env, e) < 0)
        return -EINVAL;
    return c->signs ? table_from_env(out, options_signing, env, e) : 0;
}

/* ---- reads ---- */

const char *args_nth(const struct args *a, const char *name, size_t n)
{
    const struct option_def *def = option_find(a->command, name, strlen(name));
    assert(def);
    return given_value(a, def, n);
}

const char *args_get(const struct args *a, const char *name)
{
    return args_nth(a, name, 0);
}

bool args_has(const struct args *a, const char *name)
{
    return args_get(a, name) != NULL;
}

void args_set(struct args *a, const char *name, const char *value)
{
    const struct option_def *def = option_find(a->command, name, strlen(name));
    assert(def);
    for (size_t i = 0; i < a->n_given; i++)
        if (a->given[i].def == def) {
            a->given[i].value = value;
            return;
        }
    assert(a->n_given < OPTIONS_GIVEN_MAX);
    a->given[a->n_given].def = def;
    a->given[a->n_given++].value = value;
}

const char *args_at(const struct args *a, size_t i)
{
    return i < a->n_positional ? a->positional[i] : NULL;
}

bool args_u64(uint64_t *out, const struct args *a, const char *name)
{
    const char *text = args_get(a, name);
    return text && value_u64(out, name, text, NULL) == 0;
}

bool args_ms(uint64_t *out_ms, const struct args *a, const char *name)
{
    const char *text = args_get(a, name);
    return text && value_ms(out_ms, name, text, NULL) == 0;
}

bool args_address(struct address *out, const struct args *a, const char *name)
{
    const char *text = args_get(a, name);
    return text && value_address(out, name, text, NULL) == 0;
}

bool args_bytes32(uint8_t out[32], const struct args *a, const char *name)
{
    const char *text = args_get(a, name);
    return text && value_bytes32(out, name, text, NULL) == 0;
}
