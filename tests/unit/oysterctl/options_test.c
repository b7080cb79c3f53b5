/* Option parsing: forms, environment, precedence, and the words of every error. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "commands.h"
#include "options.h"

#define WORDS_MAX 16
#define KEY "0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80"

static const char *no_env(const char *name)
{
    (void)name;
    return NULL;
}

static const char *some_env(const char *name)
{
    if (strcmp(name, "OYSTERCTL_RPC_URL") == 0)
        return "http://env";
    if (strcmp(name, "OYSTERCTL_YES") == 0)
        return "1";
    if (strcmp(name, "OYSTERCTL_QUIET") == 0)
        return "0";
    return NULL;
}

static const char *bad_env(const char *name)
{
    return strcmp(name, "OYSTERCTL_CHAIN_ID") == 0 ? "one" : NULL;
}

/* line: words with single blanks between. The words live until the next call. */
static int parse_env(struct args *out, const char *line, env_fn *env, struct err *e)
{
    static char text[512];
    char *argv[WORDS_MAX + 1] = { (char[]){ "x" } };
    int argc = 1;
    (void)strcpy(text, line);
    for (char *s = strtok(text, " "); s; s = strtok(NULL, " ")) {
        assert_true(argc < WORDS_MAX);
        argv[argc++] = s;
    }
    return args_parse(out, argc, argv, env, e);
}

static int parse(struct args *out, const char *line, struct err *e)
{
    return parse_env(out, line, no_env, e);
}

static void forms(void **state)
{
    (void)state;
    struct args a;
    struct err e = { 0 };
    uint64_t id = 0;
    struct address contract;
    assert_int_equal(parse(&a, "--rpc-url http://a version --chain-id=31337 -y", &e), 0);
    assert_string_equal(a.command->name, "version");
    assert_string_equal(args_get(&a, "--rpc-url"), "http://a");
    assert_true(args_u64(&id, &a, "--chain-id"));
    assert_int_equal(id, 31337);
    assert_true(args_has(&a, "--yes"));
    assert_false(args_has(&a, "--json"));
    assert_false(args_address(&contract, &a, "--jobs-contract"));
    assert_null(args_at(&a, 0));
    assert_int_equal(parse(&a, "version --help --nonsens", &e), -22);
    e = (struct err){ 0 };
    assert_int_equal(parse(&a, "version --help", &e), 0);
    assert_true(a.help);
    assert_int_equal(parse(&a, "--help", &e), 0);
    assert_true(a.help && !a.command);
}

static void environment(void **state)
{
    (void)state;
    struct args a;
    struct err e = { 0 };
    assert_int_equal(parse_env(&a, "version", some_env, &e), 0);
    assert_string_equal(args_get(&a, "--rpc-url"), "http://env");
    assert_true(args_has(&a, "--yes"));
    assert_false(args_has(&a, "--quiet"));
    assert_int_equal(parse_env(&a, "version --rpc-url http://line", some_env, &e), 0);
    assert_string_equal(args_get(&a, "--rpc-url"), "http://line");
    assert_int_equal(parse_env(&a, "version", bad_env, &e), -22);
    assert_string_equal(e.msg, "OYSTERCTL_CHAIN_ID: found \"one\", expected a whole number");
}

static void errors(void **state)
{
    (void)state;
    static const struct {
        const char *line, *says;
    } cases[] = {
        { "", "found no command" },
        { "versoin", "versoin: unknown command, the nearest known one is \"version\"" },
        { "version --chian-id 1", "--chian-id: unknown option, the nearest known one is --chain-id" },
        { "version --chain-id", "--chain-id: found no value, expected N" },
        { "version --chain-id x", "--chain-id: found \"x\", expected a whole number" },
        { "version --json=1", "--json: found a value, expected none" },
        { "version --json --json", "--json: found twice, expected once" },
        { "version --rpc-url ws://x", "--rpc-url: found \"ws://x\", expected http://" },
        { "version --rpc-url wss://u:p@x/key", "--rpc-url: found \"wss://x\", expected http://" },
        { "version --rpc-url u:p@x/key?q", "--rpc-url: found \"x\", expected http://" },
        { "version --rpc-url=", "--rpc-url: found \"\", expected http://" },
        { "version --config-file=", "--config-file: found nothing, expected a path" },
        { "version --jobs-contract 0x12", "--jobs-contract: found \"0x12\", expected an address" },
        { "version --log-level warm", "--log-level: found \"warm\", expected one of debug|info|warn|error" },
        { "version more", "more: one argument too many, expected: oysterctl version" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct args a;
        struct err e = { 0 };
        assert_int_equal(parse(&a, cases[i].line, &e), -22);
        if (!strstr(e.msg, cases[i].says))
            fail_msg("%s: \"%s\" should say \"%s\"", cases[i].line, e.msg, cases[i].says);
    }
}

static void keys_are_refused_and_not_repeated(void **state)
{
    (void)state;
    static const char *const lines[] = { "version --private-key " KEY, "version --key=" KEY, "version --password " KEY,
                                         "version --config-file " KEY, "version " KEY };
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        struct args a;
        struct err e = { 0 };
        assert_int_equal(parse(&a, lines[i], &e), -22);
        assert_null(strstr(e.msg, "ac0974bec39a17"));
        if (i < 4 && !strstr(e.msg, "never taken from the command line"))
            fail_msg("%s", e.msg);
    }
}

/* Every option has a help line and every kind what it needs; names are unique within a command. */
static void tables(void **state)
{
    (void)state;
    const struct command *c;
    const struct option_def *def, *other;
    for (size_t i = 0; (c = command_at(i)); i++) {
        assert_true(*c->summary && c->run && c->min_args <= c->max_args && c->max_args <= ARGS_MAX);
        for (size_t j = 0; (def = option_at(c, j)); j++) {
            assert_true(strncmp(def->name, "--", 2) == 0 && def->help);
            assert_int_equal(def->kind == OPT_FLAG, def->value == NULL);
            assert_int_equal(def->kind == OPT_CHOICE, def->choices != NULL);
            for (size_t k = 0; (other = option_at(c, k)); k++)
                if (k != j && strcmp(def->name, other->name) == 0)
                    fail_msg("%s: %s stands twice", c->name, def->name);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(forms),  cmocka_unit_test(environment),
        cmocka_unit_test(errors), cmocka_unit_test(keys_are_refused_and_not_repeated),
        cmocka_unit_test(tables),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
