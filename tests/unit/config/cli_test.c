/* The command line: defaults, every flag, every error's words, the help. */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "config/cli.h"

#define ARGS_MAX 12

/* line: arguments with single blanks between; "" is written as @. */
static int parse(struct cli *out, const char *line, struct err *e)
{
    static char text[512];
    char *argv[ARGS_MAX + 1] = { (char[]){ "x" } };
    int argc = 1;
    (void)strcpy(text, line);
    for (char *s = strtok(text, " "); s; s = strtok(NULL, " ")) {
        assert_true(argc < ARGS_MAX);
        argv[argc++] = strcmp(s, "@") == 0 ? s + 1 : s;
    }
    return cli_parse(out, argc, argv, e);
}

/* What the settings of the command line say of a key; NULL = nothing. */
static const char *setting(const struct cli *c, const char *name)
{
    struct config_key key;
    for (size_t i = 0; i < c->n_settings; i++)
        if (config_key_info(c->settings[i].key, &key, NULL) && strcmp(key.name, name) == 0)
            return c->settings[i].text;
    return NULL;
}

static void defaults(void **state)
{
    (void)state;
    struct cli c;
    struct err e = { 0 };
    assert_int_equal(parse(&c, "", &e), 0);
    assert_int_equal(c.action, CLI_RUN);
    assert_null(c.config_file);
    assert_int_equal(c.n_settings, 0);
}

static void all_flags(void **state)
{
    (void)state;
    struct cli c;
    struct err e = { 0 };
    assert_int_equal(parse(&c, "--port 0 --config-file=a=b.json --api-addr ::1 --log-format json", &e), 0);
    assert_string_equal(setting(&c, "port"), "0");
    assert_string_equal(c.config_file, "a=b.json");
    assert_string_equal(setting(&c, "api_addr"), "::1");
    assert_string_equal(setting(&c, "log_format"), "json");
    assert_int_equal(
        parse(&c, "--log-level=debug --check-config --port=65535 --egress none --metrics-addr [::1]:0", &e), 0);
    assert_string_equal(setting(&c, "log_level"), "debug");
    assert_int_equal(c.action, CLI_CHECK_CONFIG);
    assert_string_equal(setting(&c, "port"), "65535");
    assert_string_equal(setting(&c, "egress"), "none");
    assert_string_equal(setting(&c, "metrics_addr"), "[::1]:0");
    assert_int_equal(parse(&c, "--http-rpc-url http://a --show-config --json --http-rpc-url=http://b", &e), 0);
    assert_int_equal(c.action, CLI_SHOW_CONFIG);
    assert_true(c.json);
    assert_int_equal(c.n_settings, 2);
    assert_string_equal(c.settings[1].text, "http://b");
    assert_int_equal(parse(&c, "-h --nonsense", &e), 0);
    assert_int_equal(c.action, CLI_HELP);
    assert_int_equal(parse(&c, "--port 1 --help", &e), 0);
    assert_int_equal(c.action, CLI_HELP);
    assert_int_equal(parse(&c, "-V", &e), 0);
    assert_int_equal(c.action, CLI_VERSION);
    assert_int_equal(parse(&c, "--version", &e), 0);
    assert_int_equal(c.action, CLI_VERSION);
    assert_int_equal(e.code, 0);
}

static const struct {
    const char *line, *message;
} refused[] = {
    { "--prot 1", "--prot: unknown flag, the nearest known one is --port (see --help)" },
    { "--config x", "--config: unknown flag, the nearest known one is --config-file (see --help)" },
    { "-p", "-p: unknown flag, the nearest known one is --help (see --help)" },
    { "--http-rpc-ulr=https://u:secret@rpc/secret",
      "--http-rpc-ulr: unknown flag, the nearest known one is --http-rpc-url (see --help)" },
    { "--prot=1", "--prot: unknown flag, the nearest known one is --port (see --help)" },
    { "https://u:secret@rpc", "(a URL): found an argument that is not a flag, expected flags only (see --help)" },
    { "6001", "6001: found an argument that is not a flag, expected flags only (see --help)" },
    { "@", ": found an argument that is not a flag, expected flags only (see --help)" },
    { "--port", "--port: found no value, expected an integer from 0 to 65535" },
    { "--port x", "--port: found \"x\", expected an integer from 0 to 65535" },
    { "--port 65536", "--port: found 65536, expected an integer from 0 to 65535" },
    { "--port=", "--port: found \"\", expected an integer from 0 to 65535" },
    { "--port -1", "--port: found -1, expected an integer from 0 to 65535" },
    { "--port 0x1", "--port: found \"0x1\", expected an integer from 0 to 65535" },
    { "--port 99999999999999999999", "--port: found \"99999999999999999999\", expected an integer from 0 to 65535" },
    { "--port 1 --port 2", "--port: found twice, expected once" },
    { "--config-file x --config-file y", "--config-file: found twice, expected once" },
    { "--config-file @", "--config-file: found \"\", expected a path that is not empty" },
    { "--config-file", "--config-file: found no value, expected a path that is not empty" },
    { "--job_capacity 5", "--job_capacity: unknown flag, the nearest known one is --job-capacity (see --help)" },
    { "--api-addr localhost", "--api-addr: found \"localhost\", expected an IPv4 or IPv6 address in numbers" },
    { "--metrics-addr 9001", "--metrics-addr: found \"9001\", expected HOST:PORT, HOST an IPv4 address or an [IPv6] "
                             "one in numbers, or \"off\"" },
    { "--log-format xml", "--log-format: found \"xml\", expected \"logfmt\" or \"json\"" },
    { "--log-level all", "--log-level: found \"all\", expected \"debug\", \"info\", \"warn\" or \"error\"" },
    { "--check-config=1", "--check-config: found a value, expected none" },
    { "--json", "--json: found it alone, expected --show-config beside it" },
    { "--check-config --json", "--json: found it alone, expected --show-config beside it" },
};

static void refusals(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
        struct cli c;
        struct err e = { 0 };
        assert_true(parse(&c, refused[i].line, &e) < 0);
        assert_string_equal(e.msg, refused[i].message);
    }
}

static void help_and_version(void **state)
{
    (void)state;
    static const char *const parts[] = {
        "--config-file FILE",
        "--check-config",
        "--show-config",
        "--json",
        "-h, --help",
        "-V, --version",
        "\n  0  ",
        "\n  1  ",
        "\n  2  ",
        "\n  --port                     an integer from 0 to 65535 [default: 6001]\n",
        "\n  --enclave-signer-file      a path that is not empty [required]\n",
        "\n  --cgroup-root              a path that is not empty [default: absent]\n",
    };
    struct buf b = { 0 };
    cli_help(&b);
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        assert_non_null(strstr(buf_cstr(&b), parts[i]));
    buf_reset(&b);
    cli_version(&b);
    assert_string_equal(buf_cstr(&b), "oyster-serverless-executor " OYSTER_VERSION "\n");
    buf_free(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(defaults),
        cmocka_unit_test(all_flags),
        cmocka_unit_test(refusals),
        cmocka_unit_test(help_and_version),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
