#include "chain/anvil.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "util/buf.h"
#include "util/cleanup.h"
#include "util/clock.h"
#include "util/hex.h"

#define START_TIMEOUT_MS 60000
#define REPLY_TIMEOUT_S 60
#define ARGS_MAX 64

struct anvil {
    pid_t pid;
    int log_fd; /* what it prints; a memory file, so that nobody has to drain it */
    uint16_t port;
    char http_url[32], ws_url[32];
};

static void die(const char *fmt, ...) __attribute__((format(printf, 1, 2), noreturn));

static void die(const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    fprintf(stderr, "anvil helper: ");
    vfprintf(stderr, fmt, ap);
    fprintf(stderr, "\n");
    va_end(ap);
    abort();
}

/* The program itself, not its JavaScript launcher, whose death would leave it behind. */
static const char *binary(void)
{
    static const char *const places[] = { "node_modules/@foundry-rs/anvil-linux-amd64/bin/anvil",
                                          "node_modules/@foundry-rs/anvil-linux-arm64/bin/anvil" };
    for (size_t i = 0; i < sizeof places / sizeof *places; i++)
        if (access(places[i], X_OK) == 0)
            return places[i];
    die("not found under node_modules: run npm ci, and the tests from the project's root");
}

static void exec_child(const char *path, char **argv, int log_fd, pid_t parent)
{
    sigset_t none;
    sigemptyset(&none);
    (void)sigprocmask(SIG_SETMASK, &none, NULL);
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || getppid() != parent)
        _exit(127);
    int null_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    if (null_fd < 0 || dup2(null_fd, 0) < 0 || dup2(log_fd, 1) < 0 || dup2(log_fd, 2) < 0)
        _exit(127);
    execv(path, argv);
    _exit(127);
}

static void spawn(struct anvil *a, const char *const *args)
{
    char *argv[ARGS_MAX + 4];
    size_t n = 0;
    bool has_port = false;
    argv[n++] = (char *)(uintptr_t) "anvil";
    for (size_t i = 0; args && args[i]; i++) {
        has_port = has_port || strcmp(args[i], "--port") == 0;
        if (i == ARGS_MAX)
            die("too many arguments");
        argv[n++] = (char *)(uintptr_t)args[i];
    }
    if (!has_port) {
        argv[n++] = (char *)(uintptr_t) "--port";
        argv[n++] = (char *)(uintptr_t) "0";
    }
    argv[n] = NULL;
    const char *path = binary();
    pid_t self = getpid();
    a->log_fd = memfd_create("anvil-log", MFD_CLOEXEC);
    if (a->log_fd < 0)
        die("memfd_create: %s", strerror(errno));
    a->pid = fork();
    if (a->pid < 0)
        die("fork: %s", strerror(errno));
    if (a->pid == 0)
        exec_child(path, argv, a->log_fd, self);
}

static void read_log(struct buf *out, const struct anvil *a)
{
    char chunk[4096];
    ssize_t got;
    for (off_t at = 0; (got = pread(a->log_fd, chunk, sizeof chunk, at)) > 0; at += got)
        buf_append(out, chunk, (size_t)got);
}

/* The port from the line "Listening on 127.0.0.1:PORT", or 0 while it is not there. */
static uint16_t port_said(const struct anvil *a)
{
    static const char mark[] = "Listening on 127.0.0.1:";
    CLEANUP(buf_free) struct buf text = { 0 };
    read_log(&text, a);
    const char *at = strstr(buf_cstr(&text), mark);
    if (!at)
        return 0;
    char *end;
    unsigned long port = strtoul(at + sizeof mark - 1, &end, 10);
    return *end == '\n' && port <= UINT16_MAX ? (uint16_t)port : 0;
}

static void sleep_ms(long ms)
{
    struct timespec t = { .tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000 };
    (void)nanosleep(&t, NULL);
}

struct anvil *anvil_start(const char *const *args)
{
    struct anvil *a = xcalloc(1, sizeof *a);
    spawn(a, args);
    uint64_t give_up_ms = clock_mono_ms() + START_TIMEOUT_MS;
    while ((a->port = port_said(a)) == 0) {
        int status;
        if (waitpid(a->pid, &status, WNOHANG) == a->pid || clock_mono_ms() > give_up_ms) {
            CLEANUP(buf_free) struct buf text = { 0 };
            read_log(&text, a);
            die("did not start: %s", buf_cstr(&text));
        }
        sleep_ms(5);
    }
    (void)snprintf(a->http_url, sizeof a->http_url, "http://127.0.0.1:%u", a->port);
    (void)snprintf(a->ws_url, sizeof a->ws_url, "ws://127.0.0.1:%u", a->port);
    anvil_do(a, "eth_chainId", "[]");
    return a;
}

void anvil_stop(struct anvil *a)
{
    if (!a)
        return;
    (void)kill(a->pid, SIGKILL);
    while (waitpid(a->pid, NULL, 0) < 0 && errno == EINTR)
        ;
    (void)close(a->log_fd);
    free(a);
}

uint16_t anvil_port(const struct anvil *a)
{
    return a->port;
}

const char *anvil_http_url(const struct anvil *a)
{
    return a->http_url;
}

const char *anvil_ws_url(const struct anvil *a)
{
    return a->ws_url;
}

void anvil_pause(struct anvil *a)
{
    (void)kill(a->pid, SIGSTOP);
    (void)waitpid(a->pid, NULL, WUNTRACED); /* until all of its threads have: a request may be quicker */
}

void anvil_resume(struct anvil *a)
{
    (void)kill(a->pid, SIGCONT);
}

/* ---- one blocking call: HTTP/1.0, so that the end of the connection is the end of the reply ---- */

static int dial(const struct anvil *a)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(a->port) };
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    struct timeval limit = { .tv_sec = REPLY_TIMEOUT_S };
    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit) < 0)
        die("socket: %s", strerror(errno));
    if (connect(fd, (const struct sockaddr *)&to, sizeof to) < 0)
        die("connect to port %u: %s", a->port, strerror(errno));
    return fd;
}

static void send_all(int fd, const uint8_t *data, size_t len)
{
    while (len > 0) {
        ssize_t put = send(fd, data, len, MSG_NOSIGNAL);
        if (put < 0)
            die("send: %s", strerror(errno));
        data += put;
        len -= (size_t)put;
    }
}

static void receive_all(struct buf *out, int fd)
{
    char chunk[16384];
    ssize_t got;
    while ((got = recv(fd, chunk, sizeof chunk, 0)) > 0)
        buf_append(out, chunk, (size_t)got);
    if (got < 0)
        die("no reply: %s", strerror(errno));
}

static struct json *exchange(const struct anvil *a, const struct buf *body)
{
    CLEANUP(buf_free) struct buf request = { 0 }, reply = { 0 };
    buf_printf(&request, "POST / HTTP/1.0\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n");
    buf_printf(&request, "Content-Length: %zu\r\n\r\n", body->len);
    buf_append(&request, body->data, body->len);
    CLEANUP(fd_close_p) int fd = dial(a);
    send_all(fd, request.data, request.len);
    receive_all(&reply, fd);
    const char *text = buf_cstr(&reply), *split = strstr(text, "\r\n\r\n");
    if (!split)
        die("not HTTP: %s", text);
    struct err e = { 0 };
    struct json *root = json_parse(split + 4, reply.len - (size_t)(split + 4 - text), &e);
    if (!root)
        die("%s in: %s", e.msg, text);
    return root;
}

__attribute__((format(printf, 4, 0))) static struct json *call(const struct anvil *a, const char *method, bool must,
                                                               const char *params, va_list ap)
{
    CLEANUP(buf_free) struct buf body = { 0 };
    char *text = NULL;
    if (vasprintf(&text, params, ap) < 0)
        die("out of memory");
    buf_printf(&body, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"%s\",\"params\":", method);
    buf_puts(&body, text);
    buf_puts(&body, "}");
    free(text);
    struct json *root = exchange(a, &body);
    const struct json *result = json_get(root, "result");
    struct json *kept = result ? json_keep(result) : NULL;
    if (!kept && must) {
        CLEANUP(buf_free) struct buf said = { 0 };
        json_dump(&said, root);
        die("%s: %s", buf_cstr(&body), buf_cstr(&said));
    }
    json_free(root);
    return kept;
}

struct json *anvil_rpc(const struct anvil *a, const char *method, const char *params, ...)
{
    va_list ap;
    va_start(ap, params);
    struct json *result = call(a, method, true, params, ap);
    va_end(ap);
    return result;
}

struct json *anvil_try_rpc(const struct anvil *a, const char *method, const char *params, ...)
{
    va_list ap;
    va_start(ap, params);
    struct json *result = call(a, method, false, params, ap);
    va_end(ap);
    return result;
}

void anvil_do(const struct anvil *a, const char *method, const char *params, ...)
{
    va_list ap;
    va_start(ap, params);
    json_free(call(a, method, true, params, ap));
    va_end(ap);
}

uint64_t anvil_quantity(const struct anvil *a, const char *method, const char *params, ...)
{
    va_list ap;
    va_start(ap, params);
    struct json *result = call(a, method, true, params, ap);
    va_end(ap);
    size_t len;
    const char *text = json_str(result, &len);
    uint64_t v;
    if (!text || hex_decode_u64(&v, text, len, NULL) < 0)
        die("%s: not a quantity", method);
    json_free(result);
    return v;
}

void anvil_mine(const struct anvil *a, uint64_t n)
{
    anvil_do(a, "anvil_mine", "[\"0x%llx\"]", (unsigned long long)n);
}
