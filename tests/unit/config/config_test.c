/* The config: what is read, what is refused and in which words, and that the documentation knows every key. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "config/config.h"
#include "util/hex.h"

static const char *const required[][2] = {
    { "workerd_runtime_path", "\"./runtime\"" },
    { "common_chain_id", "421614" },
    { "http_rpc_url", "\"https://rpc.example/key\"" },
    { "web_socket_url", "\"wss://ws.example:8443/key?x=1\"" },
    { "executors_contract_addr", "\"0xE35E287DBC371561E198bFaCBdbEc9cF78bDe930\"" },
    { "jobs_contract_addr", "\"d3b682f6F58323EC77dEaE730733C6A83a1561Fd\"" },
    { "code_contract_addr", "\"0x44fe06d2940b8782a0a9a9ffd09c65852c0156b1\"" },
    { "enclave_signer_file", "\"./id.sec\"" },
    { "execution_buffer_time", "10" },
    { "num_selected_executors", "3" },
};
#define N_REQUIRED (sizeof required / sizeof *required)

/* All required keys; key (NULL = none) has the text `value` instead, or is left out where value is NULL. */
static int parse_sources(struct config *out, const char *key, const char *value, const struct config_sources *from,
                         struct err *e)
{
    struct buf b = { 0 };
    bool placed = !key;
    buf_puts(&b, "{");
    for (size_t i = 0; i < N_REQUIRED; i++) {
        bool mine = key && strcmp(key, required[i][0]) == 0;
        placed |= mine;
        if (!mine || value)
            buf_printf(&b, "%s\"%s\":%s", b.len > 1 ? "," : "", required[i][0], mine ? value : required[i][1]);
    }
    if (!placed && value)
        buf_printf(&b, ",\"%s\":%s", key, value);
    buf_puts(&b, "}");
    int rc = config_parse(out, "c.json", buf_cstr(&b), b.len, from, e);
    buf_free(&b);
    return rc;
}

static int parse_with(struct config *out, const char *key, const char *value, struct err *e)
{
    return parse_sources(out, key, value, NULL, e);
}

static void required_keys_and_defaults(void **state)
{
    (void)state;
    struct config c;
    struct err e = { 0 };
    char text[ADDRESS_TEXT_MAX];
    assert_int_equal(parse_with(&c, NULL, NULL, &e), 0);
    assert_string_equal(c.workerd_runtime_path, "./runtime");
    assert_int_equal(c.common_chain_id, 421614);
    assert_int_equal(c.n_http_rpc_urls, 1);
    assert_string_equal(c.http_rpc_urls[0], "https://rpc.example/key");
    assert_int_equal(c.n_web_socket_urls, 1);
    assert_string_equal(c.web_socket_urls[0], "wss://ws.example:8443/key?x=1");
    assert_string_equal(address_lower(text, &c.executors_contract_addr), "0xe35e287dbc371561e198bfacbdbec9cf78bde930");
    assert_string_equal(address_lower(text, &c.jobs_contract_addr), "0xd3b682f6f58323ec77deae730733c6a83a1561fd");
    assert_string_equal(address_lower(text, &c.code_contract_addr), "0x44fe06d2940b8782a0a9a9ffd09c65852c0156b1");
    assert_string_equal(c.enclave_signer_file, "./id.sec");
    assert_int_equal(c.execution_buffer_time_s, 10);
    assert_int_equal(c.num_selected_executors, 3);
    assert_int_equal(c.env_choice, ENV_DETECT);
    assert_int_equal(c.max_output_bytes, 90000);
    assert_int_equal(c.capacity, 20);
    assert_int_equal(c.warm_workers, 4);
    assert_int_equal(c.worker_memory_bytes, 104857600);
    assert_int_equal(c.worker_cpu_quota_us, 50000);
    assert_int_equal(c.worker_cpu_period_us, 1000000);
    assert_int_equal(c.worker_pids_max, 32);
    assert_null(c.cgroup_root);
    assert_null(c.state_dir);
    assert_string_equal(c.sandbox_allow_degraded, "");
    assert_true(c.egress_public);
    assert_int_equal(c.code_cache_bytes, 67108864);
    assert_true(u256_is_zero(c.max_fee_cap_wei));
    assert_int_equal(c.callback_gas, 1000000);
    assert_null(c.metrics_addr);
    config_free(&c);
}

static void optional_keys(void **state)
{
    (void)state;
    struct config c;
    struct err e = { 0 };
    uint64_t wei = 0;
    assert_int_equal(parse_with(&c, "execution_env", "null", &e), 0);
    assert_int_equal(c.env_choice, ENV_GENERATION_1);
    config_free(&c);
    assert_int_equal(parse_with(&c, "execution_env", "255", &e), 0);
    assert_int_equal(c.env_choice, ENV_NUMBER);
    assert_int_equal(c.execution_env, 255);
    config_free(&c);
    assert_int_equal(parse_with(&c, "http_rpc_url", "[\"http://a\",\"HTTPS://u:p@[::1]:80/x\"]", &e), 0);
    assert_int_equal(c.n_http_rpc_urls, 2);
    assert_string_equal(c.http_rpc_urls[1], "HTTPS://u:p@[::1]:80/x");
    config_free(&c);
    assert_int_equal(parse_with(&c, "max_fee_per_gas_gwei", "0.1", &e), 0);
    assert_true(u256_to_u64(&wei, c.max_fee_cap_wei));
    assert_int_equal(wei, 100000000);
    config_free(&c);
    assert_int_equal(parse_with(&c, "worker_memory_mb", "64", &e), 0);
    assert_int_equal(c.worker_memory_bytes, 64 * 1024 * 1024);
    config_free(&c);
    assert_int_equal(parse_with(&c, "metrics_addr", "\"[::]:9001\"", &e), 0);
    assert_string_equal(c.metrics_addr, "[::]:9001");
    config_free(&c);
    assert_int_equal(parse_with(&c, "egress", "\"none\"", &e), 0);
    assert_false(c.egress_public);
    config_free(&c);
    assert_int_equal(parse_with(&c, "job_capacity", "2", &e), 0);
    assert_int_equal(c.warm_workers, 2);
    config_free(&c);
    assert_int_equal(e.code, 0);
}

/* One line each: the key, what was found, what was expected. */
static const struct {
    const char *key, *value, *message;
} refused[] = {
    { "common_chain_id", NULL, "key common_chain_id: missing, expected an integer from 1 to 9223372036854775807" },
    { "enclave_signer_file", NULL, "key enclave_signer_file: missing, expected a path that is not empty" },
    { "http_rpc_ulr", "\"http://a\"", "key \"http_rpc_ulr\": unknown, the nearest known key is http_rpc_url" },
    { "a\\nb", "1", "key \"a\\u000ab\": unknown, the nearest known key is port" },
    { "common_chain_id", "\"1\"",
      "key common_chain_id: found \"1\", expected an integer from 1 to 9223372036854775807" },
    { "common_chain_id", "-1", "key common_chain_id: found -1, expected an integer from 1 to 9223372036854775807" },
    { "common_chain_id", "1.5", "key common_chain_id: found 1.5, expected an integer from 1 to 9223372036854775807" },
    { "workerd_runtime_path", "\"\"", "key workerd_runtime_path: found \"\", expected a path that is not empty" },
    { "workerd_runtime_path", "{}", "key workerd_runtime_path: found an object, expected a path that is not empty" },
    { "workerd_runtime_path", "\"a\\u0000b\"",
      "key workerd_runtime_path: found a text with a NUL character in it, expected a path that is not empty" },
    { "num_selected_executors", "0", "key num_selected_executors: found 0, expected an integer from 1 to 255" },
    { "num_selected_executors", "256", "key num_selected_executors: found 256, expected an integer from 1 to 255" },
    { "execution_env", "256", "key execution_env: found 256, expected null or an integer from 0 to 255" },
    { "execution_env", "true", "key execution_env: found true, expected null or an integer from 0 to 255" },
    { "egress", "\"all\"", "key egress: found \"all\", expected \"public\" or \"none\"" },
    { "max_fee_per_gas_gwei", "-0.5", "key max_fee_per_gas_gwei: found -0.5, expected a number from 0 to 1000000000" },
    { "cgroup_root", "null", "key cgroup_root: found null, expected a path that is not empty" },
    { "job_capacity", "501", "key job_capacity: found 501, expected an integer from 1 to 500" },
    { "warm_workers", "21", "key warm_workers: found 21, expected at most job_capacity, which is 20" },
    { "http_rpc_url", "[]",
      "key http_rpc_url: found an empty list, expected a URL http://HOST or https://HOST, or a list of 1 to 16 of "
      "them" },
    { "http_rpc_url", "5",
      "key http_rpc_url: found integer, expected a URL http://HOST or https://HOST, or a list of 1 to 16 of them" },
    { "http_rpc_url", "[\"http://a\",\"ftp://secret\"]",
      "key http_rpc_url: found a URL of scheme ftp at place 2 of the list, expected a URL http://HOST or https://HOST, "
      "or a list of 1 to 16 of them" },
};

static const struct {
    const char *key, *value, *found;
} bad_urls[] = {
    { "http_rpc_url", "\"secret.example\"", "a text without a scheme (http:// or https://)" },
    { "http_rpc_url", "\"ws://secret.example\"", "a URL of scheme ws" },
    { "http_rpc_url", "\"httpx://secret.example\"", "a URL of scheme httpx" },
    { "http_rpc_url", "\"http://\"", "a URL without a host" },
    { "http_rpc_url", "\"http:///secret\"", "a URL without a host" },
    { "http_rpc_url", "\"http://u:secret@:80\"", "a URL without a host" },
    { "http_rpc_url", "\"http://secret:0\"", "a URL whose port is not a number from 1 to 65535" },
    { "http_rpc_url", "\"http://secret:70000/\"", "a URL whose port is not a number from 1 to 65535" },
    { "http_rpc_url", "\"http://secret:\"", "a URL whose port is not a number from 1 to 65535" },
    { "http_rpc_url", "\"http://[secret\"", "a URL with a broken [IPv6] host" },
    { "http_rpc_url", "\"http://[]\"", "a URL with a broken [IPv6] host" },
    { "http_rpc_url", "\"http://secret a\"", "a URL with a blank, control or non-ASCII character in it" },
    { "web_socket_url", "\"https://secret\"", "a URL of scheme https" },
    { "web_socket_url", "\"\"", "a text without a scheme (ws:// or wss://)" },
};

static void refusals(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
        struct config c;
        struct err e = { 0 };
        char expected[600];
        (void)snprintf(expected, sizeof expected, "c.json: %s", refused[i].message);
        assert_true(parse_with(&c, refused[i].key, refused[i].value, &e) < 0);
        assert_string_equal(e.msg, expected);
        assert_null(c.workerd_runtime_path);
    }
}

/* A URL may carry a provider's key: it is described, not quoted. */
static void bad_url_is_not_quoted(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof bad_urls / sizeof *bad_urls; i++) {
        struct config c;
        struct err e = { 0 };
        assert_true(parse_with(&c, bad_urls[i].key, bad_urls[i].value, &e) < 0);
        assert_non_null(strstr(e.msg, bad_urls[i].found));
        assert_null(strstr(e.msg, "secret"));
    }
}

static void bad_addresses(void **state)
{
    (void)state;
    static const char *const values[] = { "\"0x12\"",
                                          "\"\"",
                                          "\"0xZZ5E287DBC371561E198bFaCBdbEc9cF78bDe930\"",
                                          "\"0xe35E287DBC371561E198bFaCBdbEc9cF78bDe930\"",
                                          "\"0x0000000000000000000000000000000000000000\"",
                                          "7" };
    for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
        struct config c;
        struct err e = { 0 };
        assert_true(parse_with(&c, "jobs_contract_addr", values[i], &e) < 0);
        assert_memory_equal(e.msg, "c.json: key jobs_contract_addr: found ", 38);
        assert_non_null(strstr(e.msg, "expected a contract's address"));
    }
}

static void not_json(void **state)
{
    (void)state;
    struct config c;
    static const char *const texts[] = { "", "{", "{\"a\":1,}", "{} x", "{\"egress\":\"none\",\"egress\":\"none\"}" };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        struct err e = { 0 };
        assert_true(config_parse(&c, "c.json", texts[i], strlen(texts[i]), NULL, &e) < 0);
        assert_memory_equal(e.msg, "c.json: not JSON: line 1 column ", 32);
    }
    struct err e = { 0 };
    assert_true(config_parse(&c, "c.json", "[1]", 3, NULL, &e) < 0);
    assert_string_equal(e.msg, "c.json: found array, expected a JSON object of keys");
}

static int load(struct config *out, const char *file, char *const *environment, struct err *e)
{
    struct config_sources from = { .file = file, .environment = environment };
    return config_load(out, &from, e);
}

static void files(void **state)
{
    (void)state;
    struct config c;
    struct err e = { 0 };
    assert_true(load(&c, "/nonexistent/c.json", NULL, &e) < 0);
    assert_string_equal(
        e.msg, "/nonexistent/c.json: No such file or directory, expected a JSON file (--config-file names it)");
    e = (struct err){ 0 };
    assert_true(load(&c, "/tmp", NULL, &e) < 0);
    assert_string_equal(e.msg, "/tmp: not a regular file, expected a JSON file");
    char path[] = "/tmp/config_test_XXXXXX";
    int fd = mkstemp(path);
    assert_int_equal(write(fd, "{}", 2), 2);
    (void)close(fd);
    e = (struct err){ 0 };
    assert_true(load(&c, path, NULL, &e) < 0);
    assert_non_null(strstr(e.msg, "key workerd_runtime_path: missing"));
    (void)unlink(path);
}

/* ---- who wins ---- */

static size_t index_of(const char *name)
{
    struct config_key key;
    for (size_t i = 0; config_key_info(i, &key, NULL); i++)
        if (strcmp(key.name, name) == 0)
            return i;
    fail_msg("no key %s", name);
    return 0;
}

static void precedence(void **state)
{
    (void)state;
    struct config c;
    struct err e = { 0 };
    char *environment[] = { "PATH=/bin", "OYSTER_EXECUTOR_JOB_CAPACITY=6", "OYSTER_EXECUTOR_PORT=7001",
                            "OYSTER_EXECUTOR_CONFIG_FILE=elsewhere.json", NULL };
    struct config_flag flags[] = { { index_of("port"), "8001" } };
    struct config_sources from = { .environment = environment, .flags = flags, .n_flags = 1 };
    assert_int_equal(parse_sources(&c, "job_capacity", "5", &from, &e), 0);
    assert_int_equal(c.capacity, 6);
    assert_int_equal(c.origins[index_of("job_capacity")], CONFIG_ENVIRONMENT);
    assert_int_equal(c.port, 8001);
    assert_int_equal(c.origins[index_of("port")], CONFIG_FLAG);
    assert_int_equal(c.origins[index_of("common_chain_id")], CONFIG_FILE);
    assert_int_equal(c.origins[index_of("log_level")], CONFIG_DEFAULT);
    config_free(&c);
    from.environment = NULL;
    assert_int_equal(parse_sources(&c, "port", "5", &from, &e), 0);
    assert_int_equal(c.port, 8001);
    config_free(&c);
    from.n_flags = 0;
    assert_int_equal(parse_sources(&c, "port", "5", &from, &e), 0);
    assert_int_equal(c.port, 5);
    config_free(&c);
    assert_int_equal(e.code, 0);
}

/* What only the file could say before, as text. */
static void values_as_text(void **state)
{
    (void)state;
    struct config c;
    struct err e = { 0 };
    uint64_t wei = 0;
    char *environment[] = { "OYSTER_EXECUTOR_EXECUTION_ENV=null",
                            "OYSTER_EXECUTOR_PERSIST_GAS_KEY=false",
                            "OYSTER_EXECUTOR_MAX_FEE_PER_GAS_GWEI=0.1",
                            "OYSTER_EXECUTOR_EGRESS=none",
                            "OYSTER_EXECUTOR_COMMON_CHAIN_ID=1",
                            "OYSTER_EXECUTOR_LOG_FORMAT=json",
                            "OYSTER_EXECUTOR_API_ADDR=::1",
                            "OYSTER_EXECUTOR_CGROUP_ROOT=123",
                            "OYSTER_EXECUTOR_HTTP_RPC_URL=http://a,http://b",
                            NULL };
    struct config_flag flags[] = { { index_of("web_socket_url"), "ws://a" },
                                   { index_of("log_level"), "warn" },
                                   { index_of("web_socket_url"), "ws://b,ws://c" } };
    struct config_sources from = { .environment = environment, .flags = flags, .n_flags = 3 };
    assert_int_equal(parse_sources(&c, NULL, NULL, &from, &e), 0);
    assert_int_equal(c.env_choice, ENV_GENERATION_1);
    assert_false(c.persist_gas_key);
    assert_true(u256_to_u64(&wei, c.max_fee_cap_wei) && wei == 100000000);
    assert_false(c.egress_public);
    assert_int_equal(c.common_chain_id, 1);
    assert_int_equal(c.log_format, LOG_FORMAT_JSON);
    assert_int_equal(c.log_level, LOG_WARN);
    assert_string_equal(c.api_addr, "::1");
    assert_string_equal(c.cgroup_root, "123");
    assert_int_equal(c.n_http_rpc_urls, 2);
    assert_string_equal(c.http_rpc_urls[1], "http://b");
    assert_int_equal(c.n_web_socket_urls, 3);
    assert_string_equal(c.web_socket_urls[2], "ws://c");
    config_free(&c);
}

static const struct {
    const char *variable, *message;
} bad_variables[] = {
    { "OYSTER_EXECUTOR_JOB_CAPACITY=0",
      "environment OYSTER_EXECUTOR_JOB_CAPACITY: found 0, expected an integer from 1 to 500" },
    { "OYSTER_EXECUTOR_JOB_CAPACITY=five",
      "environment OYSTER_EXECUTOR_JOB_CAPACITY: found \"five\", expected an integer from 1 to 500" },
    { "OYSTER_EXECUTOR_JOB_CAPACITY=",
      "environment OYSTER_EXECUTOR_JOB_CAPACITY: found \"\", expected an integer from 1 to 500" },
    { "OYSTER_EXECUTOR_JOB_CAPACITY=99999999999999999999",
      "environment OYSTER_EXECUTOR_JOB_CAPACITY: found \"99999999999999999999\", expected an integer from 1 to 500" },
    { "OYSTER_EXECUTOR_JOB_CAPACTY=5", "environment \"OYSTER_EXECUTOR_JOB_CAPACTY\": unknown, the nearest known "
                                       "variable is OYSTER_EXECUTOR_JOB_CAPACITY" },
    { "OYSTER_EXECUTOR_job_capacity=5", "environment \"OYSTER_EXECUTOR_job_capacity\": unknown, the nearest known "
                                        "variable is OYSTER_EXECUTOR_JOB_CAPACITY" },
    { "OYSTER_EXECUTOR_WARM_WORKERS=21",
      "environment OYSTER_EXECUTOR_WARM_WORKERS: found 21, expected at most job_capacity, which is 20" },
    { "OYSTER_EXECUTOR_CGROUP_ROOT=\xff", "environment OYSTER_EXECUTOR_CGROUP_ROOT: found a text that is not UTF-8, "
                                          "expected a path that is not empty" },
    { "OYSTER_EXECUTOR_HTTP_RPC_URL=http://a,ftp://secret",
      "environment OYSTER_EXECUTOR_HTTP_RPC_URL: found a URL of scheme ftp at place 2 of the list, expected a URL "
      "http://HOST or https://HOST, or a list of 1 to 16 of them" },
    { "OYSTER_EXECUTOR_HTTP_RPC_URL=", "environment OYSTER_EXECUTOR_HTTP_RPC_URL: found an empty list, expected a URL "
                                       "http://HOST or https://HOST, or a list of 1 to 16 of them" },
    { "OYSTER_EXECUTOR_PORT=10.0.0.7:6001",
      "environment OYSTER_EXECUTOR_PORT: found \"10.0.0.7:6001\", expected an integer from 0 to 65535" },
    { "OYSTER_EXECUTOR_PORT_TCP=6001", "environment \"OYSTER_EXECUTOR_PORT_TCP\": unknown, the nearest known variable "
                                       "is OYSTER_EXECUTOR_PORT" },
    { "OYSTER_EXECUTOR_LOG_LEVEL=all", "environment OYSTER_EXECUTOR_LOG_LEVEL: found \"all\", expected \"debug\", "
                                       "\"info\", \"warn\" or \"error\"" },
    { "OYSTER_EXECUTOR_API_ADDR=localhost", "environment OYSTER_EXECUTOR_API_ADDR: found \"localhost\", expected an "
                                            "IPv4 or IPv6 address in numbers" },
};

/* What Kubernetes says of services called oyster-executor and oyster-executor-metrics is none of ours. */
static void service_links_are_passed_over(void **state)
{
    (void)state;
    struct config c;
    struct err e = { 0 };
    char *environment[] = { "OYSTER_EXECUTOR_SERVICE_HOST=10.0.0.7",
                            "OYSTER_EXECUTOR_SERVICE_PORT=6001",
                            "OYSTER_EXECUTOR_SERVICE_PORT_HTTP_API=6001",
                            "OYSTER_EXECUTOR_PORT=tcp://10.0.0.7:6001",
                            "OYSTER_EXECUTOR_PORT_6001_TCP=tcp://10.0.0.7:6001",
                            "OYSTER_EXECUTOR_PORT_6001_TCP_PROTO=tcp",
                            "OYSTER_EXECUTOR_PORT_6001_TCP_PORT=6001",
                            "OYSTER_EXECUTOR_PORT_6001_TCP_ADDR=10.0.0.7",
                            "OYSTER_EXECUTOR_METRICS_SERVICE_HOST=10.0.0.8",
                            "OYSTER_EXECUTOR_METRICS_PORT=udp://10.0.0.8:9001",
                            "OYSTER_EXECUTOR_METRICS_PORT_9001_UDP_ADDR=10.0.0.8",
                            NULL };
    struct config_sources from = { .environment = environment };
    if (parse_sources(&c, NULL, NULL, &from, &e) < 0)
        fail_msg("%s", e.msg);
    assert_int_equal(c.port, 6001); /* the default */
    config_free(&c);
}

static void variables_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof bad_variables / sizeof *bad_variables; i++) {
        struct config c;
        struct err e = { 0 };
        char *environment[] = { (char *)(uintptr_t)bad_variables[i].variable, NULL };
        struct config_sources from = { .environment = environment };
        assert_true(parse_sources(&c, NULL, NULL, &from, &e) < 0);
        assert_string_equal(e.msg, bad_variables[i].message);
    }
}

/* A wrong value in the file is told although a stronger source stands before it. */
static void weaker_sources_are_checked(void **state)
{
    (void)state;
    struct config c;
    struct err e = { 0 };
    char *environment[] = { "OYSTER_EXECUTOR_JOB_CAPACITY=6", NULL };
    struct config_sources from = { .environment = environment };
    assert_true(parse_sources(&c, "job_capacity", "0", &from, &e) < 0);
    assert_string_equal(e.msg, "c.json: key job_capacity: found 0, expected an integer from 1 to 500");
}

/* Without a file the environment may say all; what is missing then is told as the file's absence. */
static void no_file(void **state)
{
    (void)state;
    struct config c;
    struct err e = { 0 };
    char cwd[512], *environment[N_REQUIRED + 1] = { NULL };
    for (size_t i = 0; i < N_REQUIRED; i++) {
        struct buf b = { 0 };
        buf_puts(&b, "OYSTER_EXECUTOR_");
        for (const char *s = required[i][0]; *s; s++)
            buf_push(&b, *s == '_' ? '_' : (uint8_t)(*s - 'a' + 'A'));
        buf_printf(&b, "=%.*s", (int)strcspn(required[i][1] + 1, "\"") + (required[i][1][0] != '"'),
                   required[i][1] + (required[i][1][0] == '"'));
        (void)buf_cstr(&b);
        environment[i] = (char *)buf_steal(&b);
    }
    assert_non_null(getcwd(cwd, sizeof cwd));
    assert_int_equal(chdir("/"), 0);
    assert_int_equal(load(&c, NULL, environment, &e), 0);
    assert_int_equal(c.execution_buffer_time_s, 10);
    config_free(&c);
    assert_true(load(&c, NULL, environment + 1, &e) < 0);
    assert_string_equal(e.msg, CONFIG_FILE_DEFAULT ": No such file or directory, expected a JSON file (--config-file "
                                                   "names it)");
    char *named[] = { "OYSTER_EXECUTOR_CONFIG_FILE=/nonexistent/d.json", NULL };
    e = (struct err){ 0 };
    assert_true(load(&c, NULL, named, &e) < 0);
    assert_non_null(strstr(e.msg, "/nonexistent/d.json: No such file"));
    assert_int_equal(chdir(cwd), 0);
    for (size_t i = 0; i < N_REQUIRED; i++)
        free(environment[i]);
}

static void shown(void **state)
{
    (void)state;
    struct config c;
    struct err e = { 0 };
    struct buf b = { 0 };
    char *environment[] = { "OYSTER_EXECUTOR_JOB_CAPACITY=2", NULL };
    struct config_flag flags[] = { { index_of("http_rpc_url"), "https://u:secret@a,http://b:81/" } };
    struct config_sources from = { .environment = environment, .flags = flags, .n_flags = 1 };
    assert_int_equal(parse_sources(&c, NULL, NULL, &from, &e), 0);
    config_show(&b, &c, false);
    assert_null(strstr(buf_cstr(&b), "secret"));
    assert_non_null(strstr(buf_cstr(&b), "[\"https://a:443/(hidden)\",\"http://b:81\"]  (flag --http-rpc-url)\n"));
    assert_non_null(strstr(buf_cstr(&b), "\"wss://ws.example:8443/(hidden)\"  (file c.json)\n"));
    assert_non_null(strstr(buf_cstr(&b), " 2  (environment OYSTER_EXECUTOR_JOB_CAPACITY)\n"));
    assert_non_null(strstr(buf_cstr(&b), "\nwarm_workers             2  (default)\n"));
    assert_non_null(strstr(buf_cstr(&b), "\ncgroup_root              absent  (default)\n"));
    buf_reset(&b);
    config_show(&b, &c, true);
    assert_null(strstr(buf_cstr(&b), "secret"));
    assert_null(strstr(buf_cstr(&b), "/key"));
    assert_non_null(strstr(buf_cstr(&b), "\"cgroup_root\":{\"origin\":\"default\"}"));
    assert_non_null(strstr(buf_cstr(&b), "\"job_capacity\":{\"value\":2,\"origin\":\"environment "
                                         "OYSTER_EXECUTOR_JOB_CAPACITY\"}"));
    buf_free(&b);
    config_free(&c);
}

struct changes {
    size_t n;
    char text[200];
};

static void on_change(void *arg, const char *key, bool live)
{
    struct changes *c = arg;
    size_t len = strlen(c->text);
    c->n++;
    (void)snprintf(c->text + len, sizeof c->text - len, "%s%s ", key, live ? "+" : "-");
}

static void reloaded(void **state)
{
    (void)state;
    struct config c, fresh;
    struct err e = { 0 };
    struct changes changes = { 0 };
    struct config_flag flags[] = { { index_of("log_level"), "debug" },
                                   { index_of("job_capacity"), "5" },
                                   { index_of("callback_gas"), "7" } };
    struct config_sources from = { .flags = flags, .n_flags = 3 };
    assert_int_equal(parse_with(&c, NULL, NULL, &e), 0);
    assert_int_equal(parse_sources(&fresh, NULL, NULL, &from, &e), 0);
    config_reload(&c, &fresh, on_change, &changes);
    assert_string_equal(changes.text, "job_capacity- callback_gas+ log_level+ ");
    assert_int_equal(c.log_level, LOG_DEBUG);
    assert_int_equal(c.callback_gas, 7);
    assert_int_equal(c.origins[index_of("callback_gas")], CONFIG_FLAG);
    assert_int_equal(c.capacity, 20); /* until a restart */
    changes = (struct changes){ 0 };
    config_reload(&c, &fresh, on_change, &changes);
    assert_string_equal(changes.text, "job_capacity- ");
    config_free(&fresh);
    config_free(&c);
}

static void hash_of(char out[2 * CONFIG_HASH_BYTES + 1], const struct config *c)
{
    uint8_t hash[CONFIG_HASH_BYTES];
    config_hash(hash, c);
    (void)hex_encode(out, hash, sizeof hash);
}

/* It depends on what is in effect and not on who said so, nor on what is not shown. */
static void hashed(void **state)
{
    (void)state;
    char *environment[] = { "OYSTER_EXECUTOR_JOB_CAPACITY=2", NULL };
    size_t url = index_of("http_rpc_url"), capacity = index_of("job_capacity");
    const struct config_flag same[] = { { url, "https://u:secret@a" }, { capacity, "2" } };
    const struct config_flag other_secret[] = { { url, "https://u:other@a" } };
    const struct config_flag other_host[] = { { url, "https://u:secret@b" } };
    const struct config_sources sources[] = {
        { .environment = environment, .flags = same, .n_flags = 1 },
        { .flags = same, .n_flags = 2 },
        { .environment = environment, .flags = other_secret, .n_flags = 1 },
        { .environment = environment, .flags = other_host, .n_flags = 1 },
        { .flags = same, .n_flags = 1 },
    };
    char first[2 * CONFIG_HASH_BYTES + 1] = "", hash[sizeof first];
    for (size_t i = 0; i < sizeof sources / sizeof *sources; i++) {
        struct config c;
        assert_int_equal(parse_sources(&c, NULL, NULL, &sources[i], NULL), 0);
        hash_of(i ? hash : first, &c);
        if (i)
            assert_int_equal(strcmp(hash, first) == 0, i < 3);
        config_free(&c);
    }
}

static char *read_whole(const char *path)
{
    struct buf b = { 0 };
    FILE *f = fopen(path, "r");
    assert_non_null(f);
    for (size_t n = 1; n > 0;) {
        buf_reserve(&b, 4096);
        n = fread(b.data + b.len, 1, 4096, f);
        b.len += n;
    }
    (void)fclose(f);
    (void)buf_cstr(&b);
    return (char *)buf_steal(&b);
}

/* docs/configuration.md has one row for each key, with its type and default as the code has them. */
static void documented(void **state)
{
    (void)state;
    struct config_key key;
    struct buf expected = { 0 };
    char *text = read_whole("docs/configuration.md");
    const char *live = strstr(text, "\nSIGHUP takes ");
    const char *live_end = live ? strstr(live, "\n\n") : NULL;
    assert_non_null(live_end);
    for (size_t i = 0; config_key_info(i, &key, &expected); i++) {
        const char *name = key.name, *fallback = key.fallback;
        struct buf row = { 0 };
        buf_printf(&row, "\n| `%s` | %s | %s%s%s |", name, buf_cstr(&expected),
                   !fallback   ? "required"
                   : *fallback ? "`"
                               : "absent",
                   fallback ? fallback : "", fallback && *fallback ? "`" : "");
        if (!strstr(text, buf_cstr(&row)))
            fail_msg("docs/configuration.md lacks the row:%s", buf_cstr(&row));
        buf_reset(&row);
        buf_printf(&row, "`%s`", name);
        if ((memmem(live, (size_t)(live_end - live), row.data, row.len) != NULL) != key.live)
            fail_msg("docs/configuration.md, \"Changes while it runs\": %s is%s live", name, key.live ? "" : " not");
        buf_free(&row);
        buf_reset(&expected);
    }
    buf_free(&expected);
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(required_keys_and_defaults),
        cmocka_unit_test(optional_keys),
        cmocka_unit_test(refusals),
        cmocka_unit_test(bad_url_is_not_quoted),
        cmocka_unit_test(bad_addresses),
        cmocka_unit_test(not_json),
        cmocka_unit_test(files),
        cmocka_unit_test(precedence),
        cmocka_unit_test(values_as_text),
        cmocka_unit_test(service_links_are_passed_over),
        cmocka_unit_test(variables_refused),
        cmocka_unit_test(weaker_sources_are_checked),
        cmocka_unit_test(no_file),
        cmocka_unit_test(shown),
        cmocka_unit_test(reloaded),
        cmocka_unit_test(hashed),
        cmocka_unit_test(documented),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
