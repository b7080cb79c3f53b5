/* The gateway, in a network namespace of its own: "public" addresses on its loopback interface stand for the world. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <linux/if_tun.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/un.h>
#include <sys/wait.h>

#include "../../support/netns.h"
#include "../../support/pool_driver.h"

#define WORLD "93.184.216.34" /* on lo, whose addresses are not the machine's to others */
#define SINK_PORT 81
#define SINK WORLD ":81"
#define OWN_LATER "93.184.216.36"
#define OWN "93.184.216.35" /* on an interface: the machine's own */

static struct driver d;
static pid_t world;

/* ---- the world: an HTTP server that says what it was sent; /half breaks its promise and waits. Behind another port
 * the kernel takes connections and nobody ever reads from them ---- */

static bool is_complete(const char *request)
{
    const char *end = strstr(request, "\r\n\r\n"), *length = strcasestr(request, "content-length:");
    size_t body = length ? (size_t)strtoul(length + 15, NULL, 10) : 0;
    return end && strlen(end + 4) >= body;
}

static void serve(int fd)
{
    char request[8192] = { 0 }, response[8192];
    size_t n = 0;
    for (ssize_t got; !is_complete(request) && n < sizeof request - 1; n += (size_t)got) {
        got = read(fd, request + n, sizeof request - 1 - n);
        if (got <= 0)
            return;
    }
    const char *body = strstr(request, "\r\n\r\n") + 4;
    const char *mark = strcasestr(request, "x-mark: ");
    bool half = strncmp(request, "GET /half", 9) == 0;
    char text[4096];
    (void)snprintf(text, sizeof text, "%.*s|%.*s|%s", (int)strcspn(request, "\r"), request,
                   mark ? (int)strcspn(mark, "\r") : 0, mark ? mark : "", body);
    int len = snprintf(response, sizeof response, "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n\r\n%s",
                       strlen(text) + (half ? 1000 : 0), text);
    (void)!write(fd, response, (size_t)len);
    if (half)
        (void)sleep(30);
}

static void run_world(int listener)
{
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    (void)signal(SIGCHLD, SIG_IGN);
    for (;;) {
        int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
        if (fd >= 0 && fork() == 0) {
            (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
            serve(fd);
            _exit(0);
        }
        (void)close(fd);
    }
}

static int open_port(uint16_t port, int backlog)
{
    struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons(port) };
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), small = 4096;
    if (fd >= 0 && setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof small) == 0 &&
        bind(fd, (const struct sockaddr *)&a, sizeof a) == 0 && listen(fd, backlog) == 0)
        return fd;
    return -1;
}

static bool start_world(void)
{
    int fd = open_port(80, 64), sink = open_port(SINK_PORT, 4096); /* the sink stays open */
    if (fd < 0 || sink < 0)
        return false;
    world = fork();
    if (world == 0)
        run_world(fd);
    (void)close(fd);
    return world > 0;
}

/* ---- name servers: a file of the test's own over the machine's, for this process and its children ---- */

static char resolver_path[] = "/tmp/oyster-resolv-XXXXXX";

static void put_resolver(const char *text)
{
    FILE *f = fopen(resolver_path, "we");
    assert_non_null(f);
    assert_true(fputs(text, f) >= 0);
    assert_int_equal(fclose(f), 0);
}

static bool hide_resolver(void)
{
    int fd = mkstemp(resolver_path);
    if (fd < 0)
        return false;
    (void)close(fd);
    put_resolver("nameserver 192.0.2.1\n");
    (void)chmod(resolver_path, 0644);
    return unshare(CLONE_NEWNS) == 0 && mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 &&
           mount(resolver_path, "/etc/resolv.conf", NULL, MS_BIND, NULL) == 0;
}

/* ---- gateways ---- */

/* The processes of all gateways; the first into *first. */
static unsigned count_gateways(int *first)
{
    int pids[64];
    unsigned n = list_children(pids, 64), found = 0;
    for (unsigned i = 0; i < n; i++) {
        char path[64], text[512] = { 0 };
        (void)snprintf(path, sizeof path, "/proc/%d/cmdline", pids[i]);
        FILE *f = fopen(path, "re");
        size_t len = f ? fread(text, 1, sizeof text - 1, f) : 0;
        if (f)
            (void)fclose(f);
        if (memmem(text, len, "egress=3", 8) && found++ == 0)
            *first = pids[i];
    }
    return found;
}

static int find_gateway(void)
{
    int pid = -1;
    (void)count_gateways(&pid);
    return pid;
}

static bool is_own(const char *address)
{
    struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons(80) };
    assert_int_equal(inet_pton(AF_INET, address, &a.sin_addr), 1);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int rc = connect(fd, (const struct sockaddr *)&a, sizeof a);
    (void)close(fd);
    return rc == 0;
}

/* ---- jobs ---- */

static void run(struct outcome *o, const char *code)
{
    *o = (struct outcome){ 0 };
    assert_true(driver_run(&d, o, code, "", 20000));
    if (o->result.end != WORKER_ANSWERED)
        fail_msg("ended with %d: %s", (int)o->result.end, o->reason);
}

static void expect(const char *code, const char *output)
{
    struct outcome o;
    run(&o, code);
    assert_string_equal(buf_cstr(&o.output), output);
    outcome_free(&o);
}

#define FETCH(url)                                                                                                     \
    "export default { async fetch() { return fetch('" url "').then(async (r) => new Response(r.status + ' ' +"         \
    " await r.text())).catch(() => new Response('refused')); } };"

static void test_fetch(void **state)
{
    (void)state;
    expect(FETCH("http://" WORLD "/path?query=1"), "200 GET /path?query=1 HTTP/1.1||");
    expect("export default { async fetch() { return fetch('http://" WORLD "/', { method: 'POST', body: 'text',"
           " headers: { 'x-mark': 'here' } }); } };",
           "POST / HTTP/1.1|x-mark: here|text");
    expect("export default { async fetch() { const all = await Promise.all(Array.from({ length: 40 }, (_, i) =>"
           " fetch('http://" WORLD "/' + i).then((r) => r.text()))); return new Response(String(all.every((t, i) =>"
           " t.startsWith('GET /' + i + ' ')))); } };",
           "true");
}

static void test_connect(void **state)
{
    (void)state;
    struct outcome o;
    run(&o, "import { connect } from 'cloudflare:sockets'; export default { async fetch() {"
            " const s = connect('" WORLD ":80'); const w = s.writable.getWriter();"
            " await w.write(new TextEncoder().encode('GET /raw HTTP/1.1\\r\\n\\r\\n'));"
            " let text = ''; for await (const part of s.readable.pipeThrough(new TextDecoderStream())) text += part;"
            " return new Response(text); } };");
    assert_non_null(strstr(buf_cstr(&o.output), "GET /raw HTTP/1.1"));
    outcome_free(&o);
}

static void test_refused(void **state)
{
    (void)state;
    expect(FETCH("http://127.0.0.1/"), "500 Internal Server Error");
    expect(FETCH("http://localhost/"), "500 Internal Server Error");
    expect(FETCH("http://10.0.0.1/"), "500 Internal Server Error");
}

/* Public by its number, but the machine's own: the node's API listens there. */
static void test_own_address(void **state)
{
    (void)state;
    if (!is_own(OWN))
        skip(); /* no interface to be had */
    expect(FETCH("http://" OWN "/"), "500 Internal Server Error");
}

/* ---- the gateway's death ---- */

static bool tick_over(void *arg)
{
    return clock_mono_us() > *(const uint64_t *)arg;
}

static void pass_time(uint64_t ms)
{
    uint64_t until_us = clock_mono_us() + ms * 1000;
    (void)driver_until(&d, tick_over, &until_us, ms + 1000);
}

/* A stream in flight is cut, the job lives and says so. */
static void test_killed_in_flight(void **state)
{
    (void)state;
    struct outcome o = { 0 };
    static const char code[] = FETCH("http://" WORLD "/half");
    driver_start(&d, &o, code, sizeof code - 1, "", 0, 20000);
    pass_time(500);
    assert_int_equal(o.calls, 0);
    int gateway = find_gateway();
    assert_true(gateway > 0);
    assert_int_equal(kill(gateway, SIGKILL), 0);
    assert_true(driver_until(&d, driver_outcome_there, &o, 10000));
    assert_int_equal(o.result.end, WORKER_ANSWERED);
    assert_string_equal(buf_cstr(&o.output), "refused");
    outcome_free(&o);
    expect(FETCH("http://" WORLD "/after"), "200 GET /after HTTP/1.1||");
    struct pool_stats st;
    pool_stats(d.pool, &st);
    assert_int_equal(st.egress_restarts, 1);
    assert_int_not_equal(find_gateway(), gateway);
}

/* What is asked while there is no gateway waits for the next one. */
static void test_killed_before(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 3; i++) {
        assert_true(driver_wait_held(&d, 2));
        int gateway = find_gateway();
        assert_true(gateway > 0);
        assert_int_equal(kill(gateway, SIGKILL), 0);
        expect(FETCH("http://" WORLD "/"), "200 GET / HTTP/1.1||");
        pass_time(300);
    }
}

/* Other name servers: a gateway that knows them takes over. */
static void test_resolver_changed(void **state)
{
    (void)state;
    struct pool_stats before, after;
    pool_stats(d.pool, &before);
    int gateway = find_gateway();
    assert_true(gateway > 0);
    put_resolver("nameserver 192.0.2.2\n");
    uint64_t until_us = clock_mono_us() + 30000000;
    while (find_gateway() == gateway && clock_mono_us() < until_us)
        pass_time(100);
    assert_int_not_equal(find_gateway(), gateway);
    expect(FETCH("http://" WORLD "/"), "200 GET / HTTP/1.1||");
    pool_stats(d.pool, &after);
    assert_int_equal(after.egress_restarts, before.egress_restarts);
}

/* ---- many connections ---- */

/* Opens n connections to the sink, sends bytes into each, answers with how many could be opened; where hold_ms is over.
 */
#define CONNECT_MANY(n, bytes, hold_ms)                                                                                \
    "import { connect } from 'cloudflare:sockets'; export default { async fetch() { let opened = 0; const all = [];"   \
    " for (let i = 0; i < " n "; i++) { const s = connect('" SINK "'); s.closed.catch(() => {});"                      \
    " s.writable.getWriter().write(new Uint8Array(" bytes ")).catch(() => {});"                                        \
    " all.push(s.opened.then(() => { opened++; })); } await Promise.allSettled(all);"                                  \
    " await new Promise((r) => setTimeout(r, " hold_ms ")); return new Response(String(opened)); } };"

/* As many as a worker has descriptors for, by all workers at once: the gateway they share lives on. */
static void test_many_connections(void **state)
{
    (void)state;
    static const char code[] = CONNECT_MANY("150", "1", "1000");
    struct pool_stats before, after;
    struct outcome all[3] = { 0 };
    pool_stats(d.pool, &before);
    for (size_t i = 0; i < 3; i++)
        driver_start(&d, &all[i], code, sizeof code - 1, "", 0, 60000);
    for (size_t i = 0; i < 3; i++) {
        assert_true(driver_until(&d, driver_outcome_there, &all[i], 60000));
        assert_int_equal(all[i].result.end, WORKER_ANSWERED);
        assert_string_equal(buf_cstr(&all[i].output), "150");
        outcome_free(&all[i]);
    }
    expect(FETCH("http://" WORLD "/after"), "200 GET /after HTTP/1.1||");
    pool_stats(d.pool, &after);
    assert_int_equal(after.egress_restarts, before.egress_restarts);
}

/* A job that broke out of V8 writes to the socket what it likes: nothing that it names is reached, nothing ends the
 * gateway. */
static ssize_t ask_raw(char answer[256], const char *request)
{
    struct sockaddr_un a = { .sun_family = AF_UNIX };
    struct timeval wait = { .tv_sec = 10 };
    (void)snprintf(a.sun_path, sizeof a.sun_path, "%s/egress.sock", d.state_dir);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    (void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof wait);
    assert_int_equal(connect(fd, (const struct sockaddr *)&a, sizeof a), 0);
    assert_int_equal(write(fd, request, strlen(request)), strlen(request));
    ssize_t n = read(fd, answer, 255);
    (void)close(fd);
    answer[n > 0 ? n : 0] = '\0';
    if (n < 0 || (n > 0 && memmem(answer, (size_t)n, "HTTP/1.1 200", 12)))
        fail_msg("%.60s: %zd %.60s", request, n, answer);
    return n;
}

/* Not public, whatever the runtime thinks: refused, and not merely out of reach of this namespace. */
static void test_special_ranges(void **state)
{
    (void)state;
    static const char *const to[] = { "168.63.129.16",
                                      "192.0.2.1",
                                      "192.88.99.1",
                                      "198.18.0.1",
                                      "198.19.255.255",
                                      "198.51.100.1",
                                      "203.0.113.1",
                                      "169.254.169.254",
                                      "100.100.100.200",
                                      "192.0.0.192",
                                      "[::127.0.0.1]",
                                      "[::8.8.8.8]",
                                      "[64:ff9b::0.0.0.0]",
                                      "[64:ff9b::10.1.2.3]",
                                      "[64:ff9b::100.127.0.1]",
                                      "[64:ff9b::127.0.0.1]",
                                      "[64:ff9b::169.254.169.254]",
                                      "[64:ff9b::172.31.0.1]",
                                      "[64:ff9b::192.168.1.1]",
                                      "[64:ff9b:1::1]",
                                      "[2001::1]",
                                      "[2002:7f00:1::]",
                                      "[fd00:ec2::254]" };
    char request[128], answer[256];
    for (size_t i = 0; i < sizeof to / sizeof *to; i++) {
        (void)snprintf(request, sizeof request, "CONNECT %s:80 HTTP/1.1\r\nHost: x\r\n\r\n", to[i]);
        (void)ask_raw(answer, request);
        if (strncmp(answer, "HTTP/1.1 500", 12) != 0)
            fail_msg("%s: %.60s", to[i], answer);
    }
    (void)ask_raw(answer, "CONNECT [64:ff9b::8.8.8.8]:80 HTTP/1.1\r\nHost: x\r\n\r\n");
    assert_string_equal(answer, ""); /* tried, and there is no way there */
}

static void test_raw(void **state)
{
    (void)state;
    static const char *const to[] = { "unix:/config.bin",
                                      "unix-abstract:oyster",
                                      "unix:@oyster",
                                      "*:6001",
                                      "*",
                                      "0:6001",
                                      "[::]:6001",
                                      "[::1]:6001",
                                      "127.1:6001",
                                      "fd:3",
                                      "[::ffff:7f00:1]:6001",
                                      "[::127.0.0.1]:6001",
                                      "0x7f.1:6001",
                                      OWN ":6001",
                                      "2130706433:6001",
                                      "[::ffff:" OWN "]:6001",
                                      "[fe80::1%lo]:6001",
                                      "[::1%lo]:6001" };
    struct sockaddr_un a = { .sun_family = AF_UNIX, .sun_path = "\0oyster" };
    int abstract = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), api = open_port(6001, 64);
    struct pool_stats before, after;
    pool_stats(d.pool, &before);
    assert_int_equal(bind(abstract, (const struct sockaddr *)&a, offsetof(struct sockaddr_un, sun_path) + 7), 0);
    assert_int_equal(listen(abstract, 64), 0);
    for (size_t i = 0; i < sizeof to / sizeof *to; i++) {
        char request[512], answer[256];
        (void)snprintf(request, sizeof request, "CONNECT %s HTTP/1.1\r\nHost: x\r\n\r\n", to[i]);
        (void)ask_raw(answer, request);
        (void)snprintf(request, sizeof request, "GET http://%s/ HTTP/1.1\r\nHost: %s\r\n\r\n", to[i], to[i]);
        (void)ask_raw(answer, request);
        pass_time(20);
    }
    (void)fcntl(api, F_SETFL, O_NONBLOCK);
    assert_int_equal(accept(api, NULL, NULL), -1);
    assert_int_equal(accept(abstract, NULL, NULL), -1);
    (void)close(api);
    (void)close(abstract);
    pool_stats(d.pool, &after);
    assert_int_equal(after.egress_restarts, before.egress_restarts);
}

static bool one_gateway_left(void *arg)
{
    int pid = -1;
    return count_gateways(&pid) == 1 && pid != *(const int *)arg;
}

/* A name server that says nothing, and a job with more names than may be looked up at once for the others to pass. */
static void test_slow_names(void **state)
{
    (void)state;
    static const char code[] =
        "export default { async fetch() { const all = await Promise.allSettled(Array.from({ length: 150 }, (_, i) =>"
        " fetch('http://host' + i + '.example.org/'))); return new Response(String(all.length)); } };";
    static const char other_code[] = FETCH("http://" WORLD "/during");
    struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons(53) };
    struct outcome o = { 0 }, other = { 0 };
    struct pool_stats before, after;
    int dns = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), gateway = find_gateway();
    assert_int_equal(bind(dns, (const struct sockaddr *)&a, sizeof a), 0);
    put_resolver("nameserver " WORLD "\n");
    assert_true(driver_until(&d, one_gateway_left, &gateway, 20000));
    pool_stats(d.pool, &before);
    driver_start(&d, &o, code, sizeof code - 1, "", 0, 60000);
    pass_time(5000); /* as long as it takes to be replaced */
    assert_int_equal(o.calls, 0);
    driver_start(&d, &other, other_code, sizeof other_code - 1, "", 0, 20000);
    assert_true(driver_until(&d, driver_outcome_there, &other, 20000));
    assert_string_equal(buf_cstr(&other.output), "200 GET /during HTTP/1.1||");
    assert_true(driver_until(&d, driver_outcome_there, &o, 60000));
    assert_int_equal(o.result.end, WORKER_ANSWERED);
    pool_stats(d.pool, &after);
    assert_int_equal(after.egress_restarts, before.egress_restarts);
    outcome_free(&o);
    outcome_free(&other);
    (void)close(dns);
}

/* What a job leaves in the gateway when it ends goes: a destination that takes nothing would keep it for ever. */
static void test_left_connections(void **state)
{
    (void)state;
    static const char code[] = CONNECT_MANY("40", "600000", "500");
    struct pool_stats before, after;
    struct outcome o;
    pool_stats(d.pool, &before);
    int gateway = find_gateway();
    run(&o, code);
    assert_string_equal(buf_cstr(&o.output), "40");
    outcome_free(&o);
    assert_true(driver_until(&d, one_gateway_left, &gateway, 20000));
    expect(FETCH("http://" WORLD "/after"), "200 GET /after HTTP/1.1||");
    pool_stats(d.pool, &after);
    assert_int_equal(after.egress_restarts, before.egress_restarts);
}

/* A job that runs meanwhile keeps its stream to the old gateway, has new ones to the new one, and is the last to need
 * the old one. */
static void test_left_while_running(void **state)
{
    (void)state;
    static const char long_code[] =
        "export default { async fetch() { const r = (await fetch('http://" WORLD "/half')).body.getReader();"
        " await r.read(); let cut = false; r.read().catch(() => { cut = true; });"
        " await new Promise((r) => setTimeout(r, 9000)); const t = await (await fetch('http://" WORLD "/new')).text();"
        " return new Response((cut ? 'cut ' : 'whole ') + t.split('|')[0]); } };";
    static const char code[] = CONNECT_MANY("90", "1", "100");
    struct outcome o = { 0 }, other;
    int first = find_gateway(), pid;
    driver_start(&d, &o, long_code, sizeof long_code - 1, "", 0, 60000);
    pass_time(500);
    run(&other, code);
    outcome_free(&other);
    pass_time(5000);
    assert_int_equal(o.calls, 0);
    assert_int_equal(count_gateways(&pid), 2);
    assert_true(driver_until(&d, driver_outcome_there, &o, 60000));
    assert_string_equal(buf_cstr(&o.output), "whole GET /new HTTP/1.1");
    outcome_free(&o);
    assert_true(driver_until(&d, one_gateway_left, &first, 10000));
}

/* An address that the machine gets while it runs. */
static void test_own_address_later(void **state)
{
    (void)state;
    if (!is_own(OWN))
        skip();
    int gateway = find_gateway();
    assert_true(netns_address("tun0:1", OWN_LATER));
    assert_true(is_own(OWN_LATER));
    assert_true(driver_until(&d, one_gateway_left, &gateway, 20000));
    expect(FETCH("http://" OWN_LATER "/"), "500 Internal Server Error");
    expect(FETCH("http://" OWN "/"), "500 Internal Server Error");
    expect(FETCH("http://" WORLD "/"), "200 GET / HTTP/1.1||");
}

/* No network at all: no gateway either. */
static void test_none(void **state)
{
    (void)state;
    struct pool_config c = driver_config();
    struct err e = { 0 };
    assert_true(driver_close(&d));
    assert_true(driver_open(&d, &c, &e));
    assert_true(driver_wait_held(&d, 2));
    assert_int_equal(find_gateway(), -1);
    expect(FETCH("http://" WORLD "/"), "refused");
    expect(FETCH("http://127.0.0.1/"), "refused");
}

static int group_setup(void **state)
{
    (void)state;
    struct pool_config c = driver_config();
    c.egress_public = true;
    struct err e = { 0 };
    if (driver_open(&d, &c, &e))
        return 0;
    print_error("pool_new: %s\n", e.msg);
    return -1;
}

static int group_teardown(void **state)
{
    (void)state;
    (void)kill(world, SIGKILL);
    (void)waitpid(world, NULL, 0);
    (void)unlink(resolver_path);
    return driver_close(&d) ? 0 : -1;
}

/* An interface that is not the loopback one, where the machine lets us make one. */
static void make_interface(void)
{
    int fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC);
    struct ifreq r = { .ifr_name = "tun0", .ifr_flags = IFF_TUN | IFF_NO_PI };
    if (fd >= 0 && ioctl(fd, TUNSETIFF, &r) == 0)
        (void)netns_address("tun0", OWN); /* fd stays open: the interface goes with it */
    else if (fd >= 0)
        (void)close(fd);
}

int main(void)
{
    if (!netns_enter() || !netns_address("lo:1", WORLD) || !hide_resolver()) {
        (void)printf("no network namespace to be had: skipped\n");
        return 77;
    }
    make_interface();
    if (!start_world())
        return 1;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fetch),
        cmocka_unit_test(test_connect),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_own_address),
        cmocka_unit_test(test_killed_in_flight),
        cmocka_unit_test(test_killed_before),
        cmocka_unit_test(test_resolver_changed),
        cmocka_unit_test(test_slow_names),
        cmocka_unit_test(test_many_connections),
        cmocka_unit_test(test_raw),
        cmocka_unit_test(test_special_ranges),
        cmocka_unit_test(test_left_connections),
        cmocka_unit_test(test_left_while_running),
        cmocka_unit_test(test_own_address_later),
        cmocka_unit_test(test_none),
    };
    return cmocka_run_group_tests(tests, group_setup, group_teardown);
}
