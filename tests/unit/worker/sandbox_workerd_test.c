/* The real workerd with every layer on: it boots, answers, and nothing that JavaScript can do makes it use a system
 * call that kills it. And the same for the egress gateway, which keeps the network. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <netinet/in.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#include "worker/sandbox.h"

#if defined(__x86_64__)
#define WORKERD "node_modules/@cloudflare/workerd-linux-64/bin/workerd"
#define LIB "/lib/x86_64-linux-gnu/"
#define LOADER "/lib64/ld-linux-x86-64.so.2"
#else
#define WORKERD "node_modules/@cloudflare/workerd-linux-arm64/bin/workerd"
#define LIB "/lib/aarch64-linux-gnu/"
#define LOADER "/lib/ld-linux-aarch64.so.1"
#endif
#define SAME(path)                                                                                                     \
    {                                                                                                                  \
        path, path                                                                                                     \
    }

static char base[64];
static uint32_t layers;
static struct cgroup_set *cgroups;

/* One workerd: its sandbox, process, and the unix socket that it listens on. */
struct instance {
    struct sandbox *sandbox;
    struct sandbox_child child;
    char sock[100];
    int console; /* what it prints */
};

static void path_in(char *out, size_t size, const char *name)
{
    (void)snprintf(out, size, "%s/%s", base, name);
}

static void run_command(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
static void run_command(const char *fmt, ...)
{
    char command[1024];
    va_list ap;
    va_start(ap, fmt);
    (void)vsnprintf(command, sizeof command, fmt, ap);
    va_end(ap);
    if (system(command) != 0)
        fail_msg("failed: %s", command);
}

static void compile(const char *name)
{
    run_command(WORKERD " compile --config-only -I node_modules tests/unit/worker/workerd/%s.capnp > %s/%s.bin", name,
                base, name);
}

static int make_world(void **state)
{
    (void)state;
    struct err e = { 0 };
    (void)snprintf(base, sizeof base, "/tmp/oyster-workerd-XXXXXX");
    assert_non_null(mkdtemp(base));
    assert_int_equal(chmod(base, 0755), 0);
    compile("many");
    compile("gateway");
    run_command("mkdir -m 755 %s/slot", base);
    cgroups = cgroup_set_open(NULL, 2, &e);
    uint32_t missing = sandbox_probe(SANDBOX_ALL, &e) | (cgroups ? 0 : SANDBOX_CGROUP);
    if (missing)
        print_message("layers that cannot be had here: 0x%x (%s)\n", missing, e.msg);
    layers = SANDBOX_ALL & ~missing;
    const struct cgroup_limits l = { .memory_bytes = 200 << 20, .cpu_period_us = 100000, .pids_max = 32 };
    for (uint32_t i = 0; cgroups && i < 2; i++)
        assert_int_equal(cgroup_set_limits(cgroups, i, &l, &e), 0);
    return 0;
}

static int end_world(void **state)
{
    (void)state;
    cgroup_set_close(cgroups);
    run_command("rm -rf %s", base);
    return 0;
}

static int listen_unix(const char *path)
{
    struct sockaddr_un a = { .sun_family = AF_UNIX };
    (void)snprintf(a.sun_path, sizeof a.sun_path, "%.100s", path);
    (void)unlink(path);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof a), 0);
    assert_int_equal(listen(fd, 16), 0);
    assert_int_equal(chmod(path, 0666), 0);
    return fd;
}

static void start(struct instance *in, const char *config, const char *sock, bool network)
{
    char bin[128], root[128], slot[128];
    struct err e = { 0 };
    (void)snprintf(bin, sizeof bin, "%s/%s.bin", base, config);
    (void)snprintf(root, sizeof root, "%s/root_%s", base, config);
    path_in(slot, sizeof slot, "slot");
    path_in(in->sock, sizeof in->sock, sock);
    const struct sandbox_file files[] = {
        { WORKERD, "/bin/workerd" },
        { bin, "/config.bin" },
        SAME(LOADER),
        SAME(LIB "libc.so.6"),
        SAME(LIB "libm.so.6"),
        SAME(LIB "libdl.so.2"),
        SAME(LIB "librt.so.1"),
        SAME(LIB "libpthread.so.0"),
        SAME("/etc/ssl/certs"),
        SAME("/usr/share/ca-certificates"),
        SAME("/etc/hosts"),
        SAME("/etc/nsswitch.conf"),
    };
    const struct sandbox_spec spec = { .root_dir = root,
                                       .files = files,
                                       .n_files = sizeof files / sizeof *files - (network ? 0 : 4),
                                       .layers = layers,
                                       .network = network };
    in->sandbox = sandbox_new(&spec, &e);
    if (!in->sandbox)
        fail_msg("%s", e.msg);
    const char *argv[] = { "/bin/workerd", "serve",          "-b",        "/config.bin", "--socket-fd",
                           "http=3",       "--experimental", "--verbose", NULL };
    int listener = listen_unix(in->sock), out[2];
    assert_int_equal(pipe2(out, O_CLOEXEC), 0);
    const struct sandbox_start how = { .argv = argv,
                                       .fds = &listener,
                                       .n_fds = 1,
                                       .stdout_fd = out[1],
                                       .stderr_fd = out[1],
                                       .slot_dir = slot,
                                       .uid = network ? 200099 : 200001,
                                       .cgroups = layers & SANDBOX_CGROUP ? cgroups : NULL,
                                       .cgroup_index = network };
    if (sandbox_start(&in->child, in->sandbox, &how, &e) < 0)
        fail_msg("%s", e.msg);
    (void)close(out[1]);
    (void)close(listener);
    in->console = out[0];
    assert_int_equal(fcntl(in->console, F_SETFL, O_NONBLOCK), 0);
}

/* Ends it; returns the signal it had died of before, 0 = it was alive. */
static int stop(struct instance *in)
{
    struct pollfd p = { in->child.pidfd, POLLIN, 0 };
    bool dead = poll(&p, 1, 0) == 1;
    int status = 0;
    (void)kill(in->child.pid, SIGKILL);
    assert_int_equal(waitpid(in->child.pid, &status, 0), in->child.pid);
    (void)close(in->child.pidfd);
    (void)close(in->console);
    sandbox_free(in->sandbox);
    return dead ? (WIFSIGNALED(status) ? WTERMSIG(status) : 256 + WEXITSTATUS(status)) : 0;
}

static void drain(int fd)
{
    char buf[4096];
    while (read(fd, buf, sizeof buf) > 0) {
    }
}

/* Sends a request and reads the answer to its end; drains the console meanwhile. "" = no answer. */
static void ask(struct instance *in, char *out, size_t size, const char *path)
{
    struct sockaddr_un a = { .sun_family = AF_UNIX };
    (void)snprintf(a.sun_path, sizeof a.sun_path, "%.100s", in->sock);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&a, sizeof a), 0);
    char request[256];
    (void)snprintf(request, sizeof request,
                   "POST %s HTTP/1.1\r\nHost: worker\r\nContent-Length: 5\r\nConnection: close\r\n\r\ninput", path);
    assert_int_equal(write(fd, request, strlen(request)), strlen(request));
    size_t len = 0;
    for (;;) {
        struct pollfd p[3] = { { fd, POLLIN, 0 }, { in->console, POLLIN, 0 }, { in->child.pidfd, POLLIN, 0 } };
        if (poll(p, 3, 60000) == 0)
            fail_msg("%s: no answer in 60 s", path);
        drain(in->console);
        if (!p[0].revents && p[2].revents)
            break;
        ssize_t n = p[0].revents ? read(fd, out + len, size - 1 - len) : 1;
        if (n <= 0)
            break;
        if (p[0].revents)
            len += (size_t)n;
    }
    out[len] = '\0';
    (void)close(fd);
}

static void workerd_does_all_it_can(void **state)
{
    (void)state;
    struct instance in;
    static char out[65536];
    start(&in, "many", "many.sock", false);
    ask(&in, out, sizeof out, "/");
    int died = stop(&in);
    assert_int_equal(died, 0);
    static const char *const expected[] = {
        "HTTP/1.1 200 OK",
        "\"input\":\"input\"",
        "\"digest\":64",
        "\"rsa\":true",
        "\"ecdh\":32",
        "\"random\":1036",
        "\"gzip\":1000000",
        "\"garbage\":true",
        "\"buffers\":125829120",
        "\"jit\":true",
        "\"recursion\":\"RangeError\"",
        "\"wasm\":3342336",
        "\"evil\":\"EvalError\"",
        "\"timers\":true",
        "\"fetch\":\"threw\"",
        "\"fetchTls\":\"threw\"",
        "\"fetchMetadata\":\"threw\"",
        "\"connect\":\"threw\"",
        "\"streams\":\"hello\"",
        "\"webSocket\":\"ping\"",
        "\"cache\":\"threw\"",
        "\"rewriter\":\"<p>new</p>\"",
        "\"import\":\"threw\"",
        "\"intl\":",
        "\"clone\":1",
        "\"shared\":0",
        "\"url\":\"http://u:p@h:1/p?q#ftrue\"",
        "\"log\":true",
        "\"weak\":\"threw\"",
        "\"clock\":true",
        "\"reject\":true",
    };
    for (size_t i = 0; i < sizeof expected / sizeof *expected; i++)
        if (!strstr(out, expected[i]))
            fail_msg("%s is not in %s", expected[i], out);
}

static void workerd_survives_its_errors(void **state)
{
    (void)state;
    struct instance in;
    char out[8192];
    start(&in, "many", "many.sock", false);
    ask(&in, out, sizeof out, "/?only=throw");
    assert_non_null(strstr(out, " 500 "));
    ask(&in, out, sizeof out, "/?only=jit");
    assert_non_null(strstr(out, "\"jit\":true"));
    ask(&in, out, sizeof out, "/?only=abort");
    assert_non_null(strstr(out, " 500 "));
    assert_int_equal(stop(&in), 0);
}

/* Without a cgroup in which to go mad there is nothing to see. */
static void cgroup_holds_workerd(void **state)
{
    (void)state;
    if (!(layers & SANDBOX_CGROUP)) {
        print_message("SKIPPED: needs cgroups\n");
        skip();
    }
    struct instance in;
    char out[8192];
    cgroup_reset_usage(cgroups, 0);
    start(&in, "many", "many.sock", false);
    ask(&in, out, sizeof out, "/?only=digest");
    struct cgroup_usage u;
    cgroup_read_usage(cgroups, 0, &u);
    assert_true(u.cpu_us > 1000);
    assert_true(u.memory_peak_bytes == 0 || u.memory_peak_bytes > 5 << 20);
    assert_false(cgroup_is_empty(cgroups, 0));
    cgroup_kill(cgroups, 0);
    struct pollfd p = { in.child.pidfd, POLLIN, 0 };
    assert_int_equal(poll(&p, 1, 10000), 1);
    assert_int_equal(stop(&in), SIGKILL);
    for (int i = 0; i < 500 && !cgroup_is_empty(cgroups, 0); i++)
        (void)poll(NULL, 0, 10);
    assert_true(cgroup_is_empty(cgroups, 0));
}

/* ------------------------------------------------------------------------------------------------------ the gateway */

/* An origin on loopback: one thread of its own process, a fixed answer. */
static pid_t start_origin(uint16_t *port)
{
    struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t len = sizeof a;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof a), 0);
    assert_int_equal(listen(fd, 16), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&a, &len), 0);
    *port = ntohs(a.sin_port);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid > 0) {
        (void)close(fd);
        return pid;
    }
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    for (;;) {
        static const char answer[] = "HTTP/1.1 200 OK\r\nContent-Length: 6\r\nConnection: close\r\n\r\norigin";
        char request[4096];
        int c = accept(fd, NULL, NULL);
        (void)!read(c, request, sizeof request);
        (void)!write(c, answer, sizeof answer - 1);
        (void)close(c);
    }
}

/* By number, by name, and by one that no server knows: the latter two go through the C library's resolver. */
static void gateway_reaches_an_origin(void **state)
{
    (void)state;
    struct instance in;
    char out[8192], url[128];
    uint16_t port;
    pid_t origin = start_origin(&port);
    start(&in, "gateway", "slot/egress.sock", true);
    (void)snprintf(url, sizeof url, "http://127.0.0.1:%u/x", port);
    ask(&in, out, sizeof out, url);
    bool by_number = strstr(out, "origin") != NULL;
    (void)snprintf(url, sizeof url, "http://localhost:%u/x", port);
    ask(&in, out, sizeof out, url);
    bool by_name = strstr(out, "origin") != NULL;
    ask(&in, out, sizeof out, "http://no-such-name.invalid./");
    int died = stop(&in);
    (void)kill(origin, SIGKILL);
    (void)waitpid(origin, NULL, 0);
    assert_int_equal(died, 0);
    assert_true(by_number);
    if (!by_name)
        fail_msg("by name: %s", out);
}

int main(void)
{
    if (access(WORKERD, X_OK) < 0) {
        print_message("%s: %s (run npm ci, and the tests from the project's root)\n", WORKERD, strerror(errno));
        return 1;
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(workerd_does_all_it_can),
        cmocka_unit_test(workerd_survives_its_errors),
        cmocka_unit_test(cgroup_holds_workerd),
        cmocka_unit_test(gateway_reaches_an_origin),
    };
    return cmocka_run_group_tests(tests, make_world, end_world);
}
