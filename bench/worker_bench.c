/* The worker's path alone: from the code being there to the complete response, three ways in alternation.
 *   held   a worker of the pool that waits for the code
 *   cold   a pool that keeps none: booted when the job comes, everything else alike
 *   plain  what others do: code and text config written to files, `workerd serve --verbose` on a TCP port, the port
 *          polled each millisecond, the inputs posted, the process killed; in a cgroup with the same limits, no sandbox
 * CPU is that of all processes that a job cost, its boot and its end included (the kernel's count of reaped children);
 * the node's own is beside it. First without a CPU quota, then with the default one (5 %).
 *   worker_bench [jobs of each kind, 40] */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "../tests/support/pool_driver.h"
#include "util/log.h"
#include "worker/cgroup.h"

#define JOBS_MAX 1000
#define MEMORY_SLOTS 20

static const char code[] = "export default {\n"
                           "    async fetch(request) {\n"
                           "        let { num } = await request.json();\n"
                           "        const factors = [];\n"
                           "        for (let p = 2; p * p <= num; p++)\n"
                           "            for (; num % p === 0; num /= p) factors.push(p);\n"
                           "        if (num > 1) factors.push(num);\n"
                           "        return new Response(factors.join());\n"
                           "    },\n"
                           "};\n";
static const char inputs[] = "{\"num\": 600}", output[] = "2,2,2,3,5,5";

struct series {
    const char *name;
    unsigned n;
    uint64_t response_us[JOBS_MAX];
    uint64_t cpu_us, own_cpu_us; /* of all jobs */
};

__attribute__((noreturn, format(printf, 1, 2))) static void die(const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    (void)vfprintf(stderr, fmt, ap);
    va_end(ap);
    (void)fputc('\n', stderr);
    exit(1);
}

static uint64_t cpu_us(int who)
{
    struct rusage u;
    (void)getrusage(who, &u);
    return ((uint64_t)u.ru_utime.tv_sec + (uint64_t)u.ru_stime.tv_sec) * 1000000u + (uint64_t)u.ru_utime.tv_usec +
           (uint64_t)u.ru_stime.tv_usec;
}

static int by_size(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

static double quantile_ms(const struct series *s, double q)
{
    size_t i = (size_t)(q * (double)(s->n - 1) + 0.5);
    return (double)s->response_us[i] / 1000.0;
}

static void print_series(struct series *s)
{
    qsort(s->response_us, s->n, sizeof *s->response_us, by_size);
    printf("  %-6s response p50 %6.2f ms  p95 %6.2f ms   CPU of a job %6.2f ms  of the node %5.2f ms\n", s->name,
           quantile_ms(s, 0.5), quantile_ms(s, 0.95), (double)s->cpu_us / 1000.0 / s->n,
           (double)s->own_cpu_us / 1000.0 / s->n);
}

/* ---- the pool's ways ---- */

static bool is_idle(void *arg)
{
    const struct driver_held *h = arg;
    struct pool_stats st;
    pool_stats(h->d->pool, &st);
    return st.held == h->n && st.booting == 0 && st.running == 0 && st.clearing == 0;
}

static void settle(struct driver *d, uint32_t held)
{
    struct driver_held h = { d, held };
    if (!driver_until(d, is_idle, &h, 20000))
        die("the pool does not come to rest");
    (void)usleep(20000);
}

static void run_pool(struct driver *d, struct series *s, uint32_t held)
{
    uint64_t children = cpu_us(RUSAGE_CHILDREN), own = cpu_us(RUSAGE_SELF);
    struct outcome o = { 0 };
    uint64_t from = clock_mono_us();
    driver_start(d, &o, code, sizeof code - 1, inputs, sizeof inputs - 1, 20000);
    (void)driver_until(d, driver_outcome_there, &o, 20000);
    if (o.result.end != WORKER_ANSWERED || strcmp(o.output.len ? buf_cstr(&o.output) : "", output) != 0)
        die("%s: ended with %d: %s", s->name, (int)o.result.end, o.reason);
    s->response_us[s->n++] = o.done_at_us - from;
    s->own_cpu_us += cpu_us(RUSAGE_SELF) - own;
    outcome_free(&o);
    settle(d, held);
    s->cpu_us += cpu_us(RUSAGE_CHILDREN) - children;
}

/* ---- the plain way ---- */

struct plain {
    char dir[64];
    struct cgroup_set *cgroups;
    uint16_t port;
};

static void put_file(const char *dir, const char *name, const char *text)
{
    char path[128];
    (void)snprintf(path, sizeof path, "%s/%s", dir, name);
    FILE *f = fopen(path, "we");
    if (!f || fputs(text, f) < 0 || fclose(f) != 0)
        die("write %s: %s", path, strerror(errno));
}

/* A port that is free now. */
static uint16_t free_port(void)
{
    struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t size = sizeof a;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (bind(fd, (const struct sockaddr *)&a, size) != 0 || getsockname(fd, (struct sockaddr *)&a, &size) != 0)
        die("no free port");
    (void)close(fd);
    return ntohs(a.sin_port);
}

static pid_t plain_spawn(const struct plain *p)
{
    char config[128];
    (void)snprintf(config, sizeof config, "%s/config.capnp", p->dir);
    const char *const argv[] = { WORKERD_DIR "/workerd", "serve", config, "--verbose", NULL };
    char *const no_env[] = { NULL };
    pid_t pid = fork();
    if (pid != 0)
        return pid;
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    uint32_t n;
    const int *procs = cgroup_procs_fds(p->cgroups, 0, &n);
    for (uint32_t i = 0; i < n; i++)
        (void)!write(procs[i], "0", 1);
    int null = open("/dev/null", O_RDWR);
    (void)dup2(null, 1);
    (void)dup2(null, 2);
    (void)execve(argv[0], (char *const *)(uintptr_t)argv, no_env);
    _exit(127);
}

static int plain_connect(const struct plain *p)
{
    struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons(p->port) };
    a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    for (unsigned i = 0; i < 10000; i++) {
        int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (connect(fd, (const struct sockaddr *)&a, sizeof a) == 0)
            return fd;
        (void)close(fd);
        (void)usleep(1000);
    }
    die("plain: the port does not open");
}

static void plain_post(const struct plain *p)
{
    int fd = plain_connect(p);
    struct buf b = { 0 };
    buf_printf(&b, "POST / HTTP/1.1\r\nHost: 127.0.0.1:%u\r\nContent-Length: %zu\r\n\r\n%s", p->port, sizeof inputs - 1,
               inputs);
    if (send(fd, b.data, b.len, MSG_NOSIGNAL) != (ssize_t)b.len)
        die("plain: send: %s", strerror(errno));
    buf_reset(&b);
    while (b.len < sizeof output || memcmp(b.data + b.len - sizeof output + 1, output, sizeof output - 1) != 0) {
        uint8_t bytes[4096];
        ssize_t n = read(fd, bytes, sizeof bytes);
        if (n <= 0)
            die("plain: no response");
        buf_append(&b, bytes, (size_t)n);
    }
    buf_free(&b);
    (void)close(fd);
}

static void run_plain(struct plain *p, struct series *s)
{
    uint64_t children = cpu_us(RUSAGE_CHILDREN), own = cpu_us(RUSAGE_SELF);
    char config[640];
    p->port = free_port();
    uint64_t from = clock_mono_us();
    (void)snprintf(config, sizeof config,
                   "using Workerd = import \"/workerd/workerd.capnp\";\n"
                   "const config :Workerd.Config = (\n"
                   "  services = [ (name = \"main\", worker = .w) ],\n"
                   "  sockets = [ ( name = \"http\", address = \"*:%u\", http = (), service = \"main\" ) ]\n"
                   ");\n"
                   "const w :Workerd.Worker = (\n"
                   "  modules = [ (name = \"main\", esModule = embed \"main.js\") ],\n"
                   "  compatibilityDate = \"2023-03-07\",\n"
                   ");\n",
                   p->port);
    put_file(p->dir, "main.js", code);
    put_file(p->dir, "config.capnp", config);
    pid_t pid = plain_spawn(p);
    plain_post(p);
    s->response_us[s->n++] = clock_mono_us() - from;
    s->own_cpu_us += cpu_us(RUSAGE_SELF) - own;
    (void)kill(pid, SIGKILL);
    (void)waitpid(pid, NULL, 0);
    s->cpu_us += cpu_us(RUSAGE_CHILDREN) - children;
    (void)usleep(20000);
}

static void plain_open(struct plain *p, const struct pool_config *c)
{
    struct err e = { 0 };
    *p = (struct plain){ .dir = "/tmp/oyster-plain-XXXXXX" };
    if (!mkdtemp(p->dir))
        die("mkdtemp: %s", strerror(errno));
    p->cgroups = cgroup_set_open(NULL, 1, &e);
    struct cgroup_limits limits = { c->memory_bytes, c->cpu_quota_us, c->cpu_period_us, c->pids_max };
    if (!p->cgroups || cgroup_set_limits(p->cgroups, 0, &limits, &e) != 0)
        die("%s", e.msg);
}

static void plain_close(struct plain *p)
{
    char path[128];
    (void)snprintf(path, sizeof path, "%s/main.js", p->dir);
    (void)unlink(path);
    (void)snprintf(path, sizeof path, "%s/config.capnp", p->dir);
    (void)unlink(path);
    (void)rmdir(p->dir);
    cgroup_set_close(p->cgroups);
}

/* ---- the measurements ---- */

static void measure(unsigned jobs, uint32_t quota_us)
{
    struct driver held, cold;
    struct plain plain;
    struct err e = { 0 };
    struct pool_config c = driver_config();
    c.egress_public = true;
    c.cpu_quota_us = quota_us;
    c.warm_workers = 1;
    if (!driver_open(&held, &c, &e))
        die("%s", e.msg);
    c.warm_workers = 0;
    if (!driver_open(&cold, &c, &e))
        die("%s", e.msg);
    plain_open(&plain, &c);
    static struct series by_held, by_cold, by_plain;
    by_held = (struct series){ .name = "held" };
    by_cold = (struct series){ .name = "cold" };
    by_plain = (struct series){ .name = "plain" };
    settle(&held, 1);
    settle(&cold, 0);
    (void)usleep(200000); /* the gateways are up */
    for (unsigned i = 0; i < jobs; i++) {
        run_pool(&held, &by_held, 1);
        run_pool(&cold, &by_cold, 0);
        run_plain(&plain, &by_plain);
    }
    if (quota_us > 0)
        printf("%u jobs of each kind, in alternation, CPU quota %u ms a second:\n", jobs, quota_us / 1000);
    else
        printf("%u jobs of each kind, in alternation, no CPU quota:\n", jobs);
    print_series(&by_held);
    print_series(&by_cold);
    print_series(&by_plain);
    double ratio = quantile_ms(&by_plain, 0.5) / quantile_ms(&by_held, 0.5);
    printf("  held is %.1f times faster than plain (p50)\n", ratio);
    plain_close(&plain);
    if (!driver_close(&held) || !driver_close(&cold))
        die("a pool left something behind");
}

struct memory {
    unsigned long rss_kib, pss_kib, private_kib;
};

static void add_memory(struct memory *m, int pid)
{
    char path[64], line[256];
    (void)snprintf(path, sizeof path, "/proc/%d/smaps_rollup", pid);
    FILE *f = fopen(path, "re");
    unsigned long kib;
    while (f && fgets(line, sizeof line, f)) {
        if (sscanf(line, "Rss: %lu", &kib) == 1)
            m->rss_kib += kib;
        else if (sscanf(line, "Pss: %lu", &kib) == 1)
            m->pss_kib += kib;
        else if (sscanf(line, "Private_Clean: %lu", &kib) == 1 || sscanf(line, "Private_Dirty: %lu", &kib) == 1)
            m->private_kib += kib;
    }
    if (f)
        (void)fclose(f);
}

static void measure_memory(void)
{
    struct driver d;
    struct err e = { 0 };
    struct pool_config c = driver_config();
    c.capacity = c.warm_workers = MEMORY_SLOTS;
    unsigned long before_kib = resident_kib();
    if (!driver_open(&d, &c, &e))
        die("%s", e.msg);
    settle(&d, MEMORY_SLOTS);
    int pids[MEMORY_SLOTS + 8];
    unsigned n = list_children(pids, MEMORY_SLOTS + 8);
    struct memory m = { 0 };
    for (unsigned i = 0; i < n; i++)
        add_memory(&m, pids[i]);
    if (n != MEMORY_SLOTS)
        die("%u children for %d slots", n, MEMORY_SLOTS);
    printf("%u held workers: private %.1f MiB each, proportional %.1f MiB, resident %.1f MiB; the node grew by %.1f "
           "MiB\n",
           n, (double)m.private_kib / 1024 / n, (double)m.pss_kib / 1024 / n, (double)m.rss_kib / 1024 / n,
           (double)(resident_kib() - before_kib) / 1024);
    if (!driver_close(&d))
        die("the pool left something behind");
}

int main(int argc, char **argv)
{
    log_init(LOG_FORMAT_LOGFMT, LOG_WARN);
    int jobs = argc > 1 ? atoi(argv[1]) : 40;
    if (jobs < 1 || jobs > JOBS_MAX)
        die("usage: worker_bench [1 to %d]", JOBS_MAX);
    measure((unsigned)jobs, 0);
    measure((unsigned)jobs, 50000);
    measure_memory();
    return 0;
}
