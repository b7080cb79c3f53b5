/* A job's surroundings in a held worker are those of a plain `workerd serve` with a static config and a TCP port: the
 * same properties, and the same errors from code that cannot be loaded. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "../../support/pool_driver.h"

#define PROPERTIES_MIN 30

static struct driver d;
static char code_dir[64];

/* A plain workerd that serves code_dir/main.js. */
struct plain {
    pid_t pid;
    int console; /* its stderr */
    struct sockaddr_in address;
};

static void put_file(const char *name, const void *data, size_t len)
{
    char path[128];
    (void)snprintf(path, sizeof path, "%s/%s", code_dir, name);
    FILE *f = fopen(path, "we");
    assert_non_null(f);
    assert_int_equal(fwrite(data, 1, len, f), len);
    assert_int_equal(fclose(f), 0);
}

static const char plain_config[] =
    "using Workerd = import \"/workerd/workerd.capnp\";\n"
    "const config :Workerd.Config = (\n"
    "  services = [ (name = \"main\", worker = .w), (name = \"internet\", network = (allow = [\"public\"])) ],\n"
    "  sockets = [ (name = \"http\", http = (), service = \"main\") ],\n"
    ");\n"
    "const w :Workerd.Worker = (\n"
    "  modules = [ (name = \"main\", esModule = embed \"main.js\") ],\n"
    "  compatibilityDate = \"2023-03-07\",\n"
    ");\n";

static void exec_plain(int listener, int console)
{
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    char config[128];
    (void)snprintf(config, sizeof config, "%s/config.capnp", code_dir);
    char *const no_env[] = { NULL };
    char *const argv[] = { (char *)(uintptr_t) "workerd",     (char *)(uintptr_t) "serve",  config,
                           (char *)(uintptr_t) "--socket-fd", (char *)(uintptr_t) "http=3", NULL };
    if (dup2(console, 2) == 2 && dup2(listener, 3) == 3)
        (void)execve(WORKERD_DIR "/workerd", argv, no_env);
    _exit(127);
}

static void plain_start(struct plain *p, const char *code, size_t len)
{
    put_file("main.js", code, len);
    put_file("config.capnp", plain_config, sizeof plain_config - 1);
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), console[2];
    p->address = (struct sockaddr_in){ .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t size = sizeof p->address;
    assert_int_equal(bind(listener, (const struct sockaddr *)&p->address, size), 0);
    assert_int_equal(getsockname(listener, (struct sockaddr *)&p->address, &size), 0);
    assert_int_equal(listen(listener, 8), 0);
    assert_int_equal(pipe2(console, O_CLOEXEC), 0);
    p->pid = fork();
    if (p->pid == 0)
        exec_plain(listener, console[1]);
    assert_true(p->pid > 0);
    (void)close(listener);
    (void)close(console[1]);
    p->console = console[0];
}

static void plain_stop(struct plain *p)
{
    (void)kill(p->pid, SIGKILL);
    assert_int_equal(waitpid(p->pid, NULL, 0), p->pid);
    (void)close(p->console);
}

/* The pool's request without x-cf, which only the pool's socket takes away. */
static const char plain_request[] =
    "POST / HTTP/1.1\r\nHost: 127.0.0.1:11001\r\nAccept: */*\r\nContent-Length: 5\r\n\r\n"
    "input";

static bool ends_with(const struct buf *b, const char *text)
{
    size_t n = strlen(text);
    return b->len >= n && memcmp(b->data + b->len - n, text, n) == 0;
}

/* Body of the response: what stands behind the head; the probe's text has no length of its own to check. */
static void plain_ask(struct buf *body, const struct plain *p)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(connect(fd, (const struct sockaddr *)&p->address, sizeof p->address), 0);
    assert_int_equal(send(fd, plain_request, sizeof plain_request - 1, MSG_NOSIGNAL), sizeof plain_request - 1);
    struct buf all = { 0 };
    while (!ends_with(&all, "\nend\n")) {
        struct pollfd ready = { .fd = fd, .events = POLLIN };
        assert_int_equal(poll(&ready, 1, 20000), 1);
        uint8_t bytes[4096];
        ssize_t n = read(fd, bytes, sizeof bytes);
        assert_true(n > 0);
        buf_append(&all, bytes, (size_t)n);
    }
    const char *text = buf_cstr(&all);
    const char *head_end = strstr(text, "\r\n\r\n");
    assert_non_null(head_end);
    buf_puts(body, head_end + 4);
    buf_free(&all);
    (void)close(fd);
}

static char *load_probe(size_t *len)
{
    FILE *f = fopen("tests/unit/worker/environment.js", "re");
    assert_non_null(f);
    struct buf b = { 0 };
    char bytes[4096];
    for (size_t n; (n = fread(bytes, 1, sizeof bytes, f)) > 0;)
        buf_append(&b, bytes, n);
    (void)fclose(f);
    *len = b.len;
    (void)buf_cstr(&b);
    return (char *)buf_steal(&b);
}

static void test_properties(void **state)
{
    (void)state;
    size_t len;
    char *code = load_probe(&len);
    struct plain p;
    struct buf expected = { 0 };
    plain_start(&p, code, len);
    plain_ask(&expected, &p);
    plain_stop(&p);
    struct outcome o = { 0 };
    assert_true(driver_run(&d, &o, code, "input", 20000));
    assert_int_equal(o.result.end, WORKER_ANSWERED);
    free(code);

    char *save_a = NULL, *save_b = NULL;
    char *a = strtok_r((char *)(uintptr_t)buf_cstr(&expected), "\n", &save_a);
    char *b = strtok_r((char *)(uintptr_t)buf_cstr(&o.output), "\n", &save_b);
    unsigned n = 0, differ = 0;
    for (; a && b; a = strtok_r(NULL, "\n", &save_a), b = strtok_r(NULL, "\n", &save_b)) {
        n++;
        if (strcmp(a, b) == 0)
            continue;
        differ++;
        print_error("plain  %s\nworker %s\n", a, b);
    }
    assert_null(a);
    assert_null(b);
    assert_true(n >= PROPERTIES_MIN);
    assert_int_equal(differ, 0);
    buf_free(&expected);
    outcome_free(&o);
}

/* What a plain workerd says about code that it cannot load, without the prefix that names the service. */
static void plain_complaint(char *out, size_t size, const char *code)
{
    static const char prefix[] = "service main: ";
    struct plain p;
    struct buf said = { 0 };
    plain_start(&p, code, strlen(code));
    int status = 0;
    char bytes[4096];
    for (ssize_t n; (n = read(p.console, bytes, sizeof bytes)) > 0;)
        buf_append(&said, bytes, (size_t)n);
    assert_int_equal(waitpid(p.pid, &status, 0), p.pid);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 1);
    (void)close(p.console);
    const char *at = strstr(buf_cstr(&said), prefix);
    assert_non_null(at);
    at += sizeof prefix - 1;
    (void)snprintf(out, size, "%.*s", (int)strcspn(at, "\n"), at);
    buf_free(&said);
}

static void test_load_errors(void **state)
{
    (void)state;
    static const char *const codes[] = {
        "export default {",
        "throw new Error('boom');",
        "throw 'text';",
        "await new Promise(() => {});",
        "await fetch('http://x.test/');",
        "import x from 'nope'; export default {};",
        "import x from 'node:fs'; export default {};",
        "export const a = 1; export default {};",
        "export default 5;",
        "nowhere();",
    };
    for (size_t i = 0; i < sizeof codes / sizeof *codes; i++) {
        char expected[400 + 1];
        plain_complaint(expected, sizeof expected, codes[i]);
        struct outcome o = { 0 };
        assert_true(driver_run(&d, &o, codes[i], "", 20000));
        assert_int_equal(o.result.end, WORKER_BAD_CODE);
        assert_string_equal(o.reason, expected);
        outcome_free(&o);
    }
}

static int group_setup(void **state)
{
    (void)state;
    struct pool_config c = driver_config();
    c.cpu_quota_us = 0;
    struct err e = { 0 };
    (void)snprintf(code_dir, sizeof code_dir, "/tmp/oyster-plain-XXXXXX");
    if (!mkdtemp(code_dir))
        return -1;
    if (driver_open(&d, &c, &e))
        return 0;
    print_error("pool_new: %s\n", e.msg);
    return -1;
}

static int group_teardown(void **state)
{
    (void)state;
    static const char *const files[] = { "main.js", "config.capnp" };
    for (size_t i = 0; i < 2; i++) {
        char path[128];
        (void)snprintf(path, sizeof path, "%s/%s", code_dir, files[i]);
        (void)unlink(path);
    }
    (void)rmdir(code_dir);
    return driver_close(&d) ? 0 : -1;
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_properties), cmocka_unit_test(test_load_errors) };
    return cmocka_run_group_tests(tests, group_setup, group_teardown);
}
