/* Runs every file of a folder (tests/hostile) as a job on a pool with a node's limits and gateway, inside a network
 * namespace without a route, and checks how it ends. After each one an honest job must be answered, and after all the
 * process must hold what it held at first, and nobody may have come to the port where a node's API would be.
 *
 * A file begins with "// expect:" and these words; what follows its comment lines is the code, byte for byte:
 *   code=N            how it ends, the error code of docs/job-authors.md
 *   http=N            status of the response              output="…"  the whole output   has="…"  a part of it
 *   length=N          bytes of output                     reason="…"  console="…"         parts of these
 *   inputs="…"        of the job (\n \" \\)               inputs_size=N  so many bytes instead
 *   deadline=N        ms, 10000 unless said               within=N    ms until the answer; deadline + 5000 unless said
 *   pad=N             a comment of N bytes behind the code
 *   crlf=1            its lines end with CR LF
 *   deterministic=0   what it answers differs from run to run: not compared by tests/e2e/ctl_exec.test.mjs
 * usage: hostile_test [-j N] folder [name…]     N of them at a time, 1 unless said */
#include "../support/netns.h"
#include "../support/pool_driver.h"
#include "util/log.h"

#define NAMES_MAX 400
#define AT_ONCE_MAX 16
#if defined(__SANITIZE_ADDRESS__)
#define GROWTH_MAX_KIB 131072 /* freed blocks are kept for a while */
#else
#define GROWTH_MAX_KIB 8192 /* buffers of the largest output and code may stay with the allocator */
#endif
#define SLACK_MS 5000u

struct script {
    struct buf text;
    const char *code;
    size_t code_len;
    int end, http;
    long length;
    uint64_t deadline_ms, within_ms;
    struct buf inputs, made;
    size_t pad;
    char output[512], has[512], reason[512], console[512];
    bool check_output, crlf;
};

/* ---- reading ---- */

static bool set_word(struct script *s, const char *key, const char *value)
{
    long number = strtol(value, NULL, 10);
    if (strcmp(key, "code") == 0)
        s->end = (int)number;
    else if (strcmp(key, "http") == 0)
        s->http = (int)number;
    else if (strcmp(key, "length") == 0)
        s->length = number;
    else if (strcmp(key, "deadline") == 0)
        s->deadline_ms = (uint64_t)number;
    else if (strcmp(key, "within") == 0)
        s->within_ms = (uint64_t)number;
    else if (strcmp(key, "output") == 0)
        (void)snprintf(s->output, sizeof s->output, "%s", value), s->check_output = true;
    else if (strcmp(key, "has") == 0)
        (void)snprintf(s->has, sizeof s->has, "%s", value);
    else if (strcmp(key, "reason") == 0)
        (void)snprintf(s->reason, sizeof s->reason, "%s", value);
    else if (strcmp(key, "console") == 0)
        (void)snprintf(s->console, sizeof s->console, "%s", value);
    else if (strcmp(key, "crlf") == 0)
        s->crlf = number != 0;
    else if (strcmp(key, "inputs") == 0)
        buf_puts(&s->inputs, value);
    else if (strcmp(key, "inputs_size") == 0)
        memset(buf_extend(&s->inputs, (size_t)number), 'x', (size_t)number);
    else if (strcmp(key, "pad") == 0)
        s->pad = (size_t)number;
    else if (strcmp(key, "deterministic") == 0)
        return number == 0 || number == 1;
    else
        return false;
    return true;
}

/* Reads one value, quoted or bare, from *p on; returns false where a quote is not closed. */
static bool read_value(char *out, size_t size, const char **p, const char *end)
{
    size_t n = 0;
    bool quoted = *p < end && **p == '"';
    *p += quoted;
    while (*p < end && (quoted ? **p != '"' : **p != ' ')) {
        char c = *(*p)++;
        if (quoted && c == '\\' && *p < end) {
            c = *(*p)++;
            c = c == 'n' ? '\n' : c == 'r' ? '\r' : c;
        }
        if (n + 1 < size)
            out[n++] = c;
    }
    out[n] = '\0';
    if (quoted && *p == end)
        return false;
    *p += quoted;
    return true;
}

static bool read_words(struct script *s, const char *p, const char *end)
{
    while (p < end) {
        char key[32], value[512];
        size_t n = strcspn(p, "= \n");
        if (*p == ' ') {
            p++;
            continue;
        }
        if (n == 0 || n >= sizeof key || p[n] != '=')
            return false;
        (void)snprintf(key, sizeof key, "%.*s", (int)n, p);
        p += n + 1;
        if (!read_value(value, sizeof value, &p, end) || !set_word(s, key, value))
            return false;
    }
    return true;
}

static bool read_file(struct buf *out, const char *path)
{
    FILE *f = fopen(path, "re");
    if (!f)
        return false;
    char bytes[4096];
    for (size_t n; (n = fread(bytes, 1, sizeof bytes, f)) > 0;)
        buf_append(out, bytes, n);
    (void)fclose(f);
    return true;
}

/* The code as it is sent. */
static void make_code(struct script *s, const char *text, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if (s->crlf && text[i] == '\n')
            buf_push(&s->made, '\r');
        buf_push(&s->made, (uint8_t)text[i]);
    }
    if (s->pad > 0) {
        buf_puts(&s->made, "/*");
        memset(buf_extend(&s->made, s->pad), '*', s->pad);
        buf_puts(&s->made, "*/");
    }
    s->code = buf_cstr(&s->made);
    s->code_len = s->made.len;
}

static bool read_script(struct script *s, const char *path)
{
    static const char start[] = "// expect:";
    *s = (struct script){ .end = -1, .http = -1, .length = -1, .deadline_ms = 10000 };
    if (!read_file(&s->text, path))
        return false;
    const char *p = buf_cstr(&s->text), *end = p + s->text.len;
    if (strncmp(p, start, sizeof start - 1) != 0 || !read_words(s, p + sizeof start - 1, p + strcspn(p, "\n")))
        return false;
    while (strncmp(p, "//", 2) == 0)
        p += strcspn(p, "\n") + (p[strcspn(p, "\n")] == '\n');
    make_code(s, p, (size_t)(end - p));
    if (s->within_ms == 0)
        s->within_ms = s->deadline_ms + SLACK_MS;
    return s->end >= 0;
}

static void script_free(struct script *s)
{
    buf_free(&s->text);
    buf_free(&s->inputs);
    buf_free(&s->made);
}

/* ---- judging ---- */

static bool has_text(const struct buf *b, const char *text)
{
    return text[0] == '\0' || (b->len > 0 && memmem(b->data, b->len, text, strlen(text)));
}

/* NULL when it ended as expected, else what did not. */
static const char *judge(const struct script *s, const struct outcome *o, uint64_t took_ms)
{
    if (o->calls != 1)
        return "answers";
    if ((int)o->result.end != s->end)
        return "code";
    if (s->http >= 0 && o->result.http_status != s->http)
        return "http";
    if (s->length >= 0 && o->output.len != (size_t)s->length)
        return "length";
    if (s->check_output && (o->output.len != strlen(s->output) || !has_text(&o->output, s->output)))
        return "output";
    if (!has_text(&o->output, s->has))
        return "has";
    if (!strstr(o->reason, s->reason))
        return "reason";
    if (!has_text(&o->console, s->console))
        return "console";
    if (o->console.len > 16384)
        return "console's bound";
    return took_ms > s->within_ms * driver_slowness() ? "within" : NULL;
}

static bool node_is_healthy(struct driver *d)
{
    struct outcome o = { 0 };
    bool ok =
        driver_run(d, &o, "export default { async fetch(r) { return new Response('<' + await r.text() + '>'); } }",
                   "healthy", 20000) &&
        o.result.end == WORKER_ANSWERED && strcmp(buf_cstr(&o.output), "<healthy>") == 0;
    if (!ok)
        printf("  an honest job ended with %d (%s)\n", (int)o.result.end, o.reason);
    outcome_free(&o);
    return ok;
}

/* One of those that run at the same time. */
struct attempt {
    struct script script;
    struct outcome outcome;
    uint64_t from_us;
    bool begun;
};

/* One that is there to pass is left as it is; on a slow machine each other one is long enough to be drawn out. */
static uint64_t deadline_of(const struct script *s)
{
    bool patient = driver_slowness() > 1 && s->end != (int)WORKER_DEADLINE && s->deadline_ms < PATIENT_DEADLINE_MS;
    return patient ? PATIENT_DEADLINE_MS : s->deadline_ms;
}

static void begin(struct attempt *a, struct driver *d, const char *folder, const char *name)
{
    char path[512];
    *a = (struct attempt){ 0 };
    (void)snprintf(path, sizeof path, "%s/%s", folder, name);
    if (!read_script(&a->script, path))
        return;
    const struct script *s = &a->script;
    a->begun = true;
    a->from_us = clock_mono_us();
    driver_start(d, &a->outcome, s->code, s->code_len, s->inputs.data, s->inputs.len, deadline_of(s));
}

/* Waits for its end; true when it is the one expected. */
static bool finish(struct attempt *a, struct driver *d, const char *name)
{
    const struct script *s = &a->script;
    const struct outcome *o = &a->outcome;
    printf("[ RUN      ] %s\n", name);
    if (!a->begun) {
        printf("  its first line cannot be read\n[  FAILED  ] %s\n", name);
        return false;
    }
    (void)driver_until(d, driver_outcome_there, &a->outcome, deadline_of(s) + 20000);
    uint64_t took_ms = ((o->calls > 0 ? o->done_at_us : clock_mono_us()) - a->from_us) / 1000;
    const char *wrong = judge(s, o, took_ms);
    if (wrong)
        printf("  %s: end %d, HTTP %d, %zu bytes \"%.*s\", %llu ms, reason \"%s\", console \"%.*s\"\n", wrong,
               (int)o->result.end, o->result.http_status, o->output.len, o->output.len > 300 ? 300 : (int)o->output.len,
               buf_cstr(&a->outcome.output), (unsigned long long)took_ms, o->reason, 300,
               buf_cstr(&a->outcome.console));
    printf("[  %s ] %s (%llu ms)\n", wrong ? "FAILED " : "     OK", name, (unsigned long long)took_ms);
    return !wrong;
}

/* Runs n scripts at the same time, and an honest job after them. Returns how many failed. */
static unsigned run_batch(struct driver *d, const char *folder, char *const names[], unsigned n)
{
    struct attempt attempts[AT_ONCE_MAX];
    unsigned failed = 0;
    for (unsigned i = 0; i < n; i++)
        begin(&attempts[i], d, folder, names[i]);
    for (unsigned i = 0; i < n; i++)
        failed += !finish(&attempts[i], d, names[i]);
    if (!node_is_healthy(d)) {
        printf("[  FAILED  ] %s (after it)\n", names[n - 1]);
        failed++;
    }
    for (unsigned i = 0; i < n; i++) {
        outcome_free(&attempts[i].outcome);
        script_free(&attempts[i].script);
    }
    return failed;
}

/* ---- surroundings ---- */

/* Where a node's API would listen; nobody is expected. */
static int listen_as_api(void)
{
    struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons(6001) };
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd >= 0 && bind(fd, (const struct sockaddr *)&a, sizeof a) == 0 && listen(fd, 8) == 0)
        return fd;
    if (fd >= 0)
        (void)close(fd);
    return -1;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static unsigned list_scripts(char *names[NAMES_MAX], const char *folder)
{
    unsigned n = 0;
    DIR *h = opendir(folder);
    for (const struct dirent *e; h && n < NAMES_MAX && (e = readdir(h));) {
        size_t len = strlen(e->d_name);
        if (len > 3 && strcmp(e->d_name + len - 3, ".js") == 0)
            names[n++] = xstrdup(e->d_name);
    }
    if (h)
        (void)closedir(h);
    qsort(names, n, sizeof *names, by_name);
    return n;
}

struct holding {
    unsigned fds, children;
    unsigned long resident_kib;
};

static struct holding hold(struct driver *d)
{
    (void)driver_wait_held(d, 2);
    return (struct holding){ count_fds(), list_children(NULL, 0), resident_kib() };
}

static bool check_holding(const struct holding *was, const struct holding *is, int api)
{
    printf("[ RUN      ] nothing has grown\n  descriptors %u -> %u, children %u -> %u, memory %lu -> %lu KiB\n",
           was->fds, is->fds, was->children, is->children, was->resident_kib, is->resident_kib);
    bool reached = accept4(api, NULL, NULL, SOCK_CLOEXEC) >= 0;
    if (reached)
        printf("  a job reached the API's port\n");
    bool ok = !reached && is->fds == was->fds && is->children == was->children &&
              is->resident_kib < was->resident_kib + GROWTH_MAX_KIB;
    printf("[  %s ] nothing has grown\n", ok ? "     OK" : "FAILED ");
    return ok;
}

static unsigned run_all(struct driver *d, const char *folder, char *const names[], unsigned n, unsigned at_once,
                        int api)
{
    unsigned failed = !node_is_healthy(d);
    struct holding was = hold(d);
    for (unsigned i = 0; i < n; i += at_once)
        failed += run_batch(d, folder, names + i, n - i < at_once ? n - i : at_once);
    struct holding is = hold(d);
    return failed + !check_holding(&was, &is, api);
}

int main(int argc, char **argv)
{
    setvbuf(stdout, NULL, _IOLBF, 0);
    log_init(LOG_FORMAT_LOGFMT, LOG_WARN);
    int api = netns_enter() ? listen_as_api() : -1;
    if (api < 0) {
        printf("no network namespace to be had: skipped\n");
        return 77;
    }
    unsigned at_once = 1;
    if (argc > 3 && strcmp(argv[1], "-j") == 0) {
        at_once = (unsigned)strtoul(argv[2], NULL, 10);
        at_once = at_once < 1 ? 1 : at_once > AT_ONCE_MAX ? AT_ONCE_MAX : at_once;
        argv += 2;
        argc -= 2;
    }
    char *found[NAMES_MAX];
    unsigned n_found = argc == 2 ? list_scripts(found, argv[1]) : 0;
    struct pool_config c = driver_config();
    c.egress_public = true;
    c.capacity = at_once < c.capacity ? c.capacity : at_once + 1;
    c.warm_workers = at_once < c.warm_workers ? c.warm_workers : at_once;
    struct driver d;
    struct err e = { 0 };
    if (argc < 2 || !driver_open(&d, &c, &e)) {
        printf("pool_new: %s\n", e.msg);
        return 1;
    }
    unsigned n = argc == 2 ? n_found : (unsigned)argc - 2;
    unsigned failed = run_all(&d, argv[1], argc == 2 ? found : argv + 2, n, at_once, api);
    failed += !driver_close(&d);
    (void)close(api);
    for (unsigned i = 0; i < n_found; i++)
        free(found[i]);
    printf("%u scripts, %u failed\n", n, failed);
    return failed > 0 || n == 0;
}
