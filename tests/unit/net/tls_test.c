/* TLS: certificates that the system does not trust, or that name another host, are refused by both clients; a trusted
 * one is used. The server is libwebsockets' own, in a child process, with certificates made for the occasion. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <libwebsockets.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "net/http_client.h"
#include "net/loop.h"
#include "net/ws_client.h"
#include "util/buf.h"

#define WAIT_MS 10000

/* ---- the server ---- */

static int answer_http(struct lws *wsi)
{
    unsigned char head[LWS_PRE + 512], *start = head + LWS_PRE, *p = start, *end = head + sizeof head - 1;
    if (lws_add_http_common_headers(wsi, 200, "text/plain", 2, &p, end) ||
        lws_finalize_write_http_header(wsi, start, &p, end))
        return 1;
    lws_callback_on_writable(wsi);
    return 0;
}

static int server_cb(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in, size_t len)
{
    static unsigned char echo[LWS_PRE + 1024];
    static size_t echo_len;
    switch (reason) {
    case LWS_CALLBACK_HTTP:
        return answer_http(wsi);
    case LWS_CALLBACK_HTTP_WRITEABLE:
        memcpy(echo + LWS_PRE, "ok", 2);
        if (lws_write(wsi, echo + LWS_PRE, 2, LWS_WRITE_HTTP_FINAL) != 2 || lws_http_transaction_completed(wsi))
            return -1;
        return 0;
    case LWS_CALLBACK_RECEIVE:
        echo_len = len < 1024 ? len : 1024;
        memcpy(echo + LWS_PRE, in, echo_len);
        lws_callback_on_writable(wsi);
        return 0;
    case LWS_CALLBACK_SERVER_WRITEABLE:
        if (echo_len)
            (void)lws_write(wsi, echo + LWS_PRE, echo_len, LWS_WRITE_TEXT);
        echo_len = 0;
        return 0;
    default:
        return lws_callback_http_dummy(wsi, reason, user, in, len);
    }
}

static void serve_for_ever(const char *dir, int port_fd)
{
    static const struct lws_protocols protocols[] = { { .name = "http", .callback = server_cb }, { .name = NULL } };
    char cert[128], key[128];
    (void)snprintf(cert, sizeof cert, "%s/cert.pem", dir);
    (void)snprintf(key, sizeof key, "%s/key.pem", dir);
    struct lws_context_creation_info info = {
        .port = 0,
        .iface = "127.0.0.1",
        .protocols = protocols,
        .ssl_cert_filepath = cert,
        .ssl_private_key_filepath = key,
        .options = LWS_SERVER_OPTION_DO_SSL_GLOBAL_INIT | LWS_SERVER_OPTION_EXPLICIT_VHOSTS,
        .gid = -1,
        .uid = -1,
        .fd_limit_per_thread = 64,
    };
    lws_set_log_level(LLL_ERR, NULL);
    struct lws_context *context = lws_create_context(&info);
    struct lws_vhost *vhost = context ? lws_create_vhost(context, &info) : NULL;
    int port = vhost ? lws_get_vhost_listen_port(vhost) : 0;
    if (write(port_fd, &port, sizeof port) != (ssize_t)sizeof port)
        _exit(1);
    while (port && lws_service(context, 0) >= 0)
        ;
    _exit(1);
}

struct fixture {
    uv_loop_t loop;
    char dir[64], url[80];
    pid_t pid;
    int port, opened, closed, messages, done;
    enum http_outcome outcome;
    char reason[300];
    struct http_client *http;
    struct ws_context *ws;
    struct ws_client *client;
};

static void run_openssl(const char *dir, const char *names)
{
    char command[600];
    (void)snprintf(command, sizeof command,
                   "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=test "
                   "-addext 'subjectAltName=%s' -keyout %s/key.pem -out %s/cert.pem 2>/dev/null",
                   names, dir, dir);
    assert_int_equal(system(command), 0);
}

static void start(struct fixture *f, const char *names, bool trusted)
{
    struct err e = { 0 };
    int fds[2];
    (void)snprintf(f->dir, sizeof f->dir, "/tmp/oyster-tls-test-XXXXXX");
    assert_non_null(mkdtemp(f->dir));
    run_openssl(f->dir, names);
    assert_int_equal(pipe(fds), 0);
    f->pid = fork();
    if (f->pid == 0) {
        (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
        serve_for_ever(f->dir, fds[1]);
    }
    assert_int_equal(read(fds[0], &f->port, sizeof f->port), sizeof f->port);
    (void)close(fds[0]);
    (void)close(fds[1]);
    assert_true(f->port > 0);
    char trust[80];
    (void)snprintf(trust, sizeof trust, "%s/cert.pem", f->dir);
    (void)(trusted ? setenv("SSL_CERT_FILE", trust, 1) : unsetenv("SSL_CERT_FILE"));
    f->http = http_client_new(&f->loop, &e);
    f->ws = ws_context_new(&f->loop, &e);
    assert_true(f->http && f->ws);
}

static int setup(void **state)
{
    struct fixture *f = xcalloc(1, sizeof *f);
    (void)uv_loop_init(&f->loop);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    char command[100];
    http_client_free(f->http);
    ws_context_free(f->ws);
    bool empty = loop_finish(&f->loop);
    (void)kill(f->pid, SIGKILL);
    (void)waitpid(f->pid, NULL, 0);
    (void)snprintf(command, sizeof command, "rm -r %s", f->dir);
    int rc = system(command);
    (void)unsetenv("SSL_CERT_FILE");
    free(f);
    return empty && rc == 0 ? 0 : -1;
}

static void on_done(void *arg, const struct http_response *response)
{
    struct fixture *f = arg;
    f->done++;
    f->outcome = response->outcome;
    (void)snprintf(f->reason, sizeof f->reason, "%s", response->error ? response->error : "");
    assert_true(response->outcome != HTTP_DONE || (response->body_len == 2 && memcmp(response->body, "ok", 2) == 0));
}

static void get(struct fixture *f)
{
    struct err e = { 0 };
    (void)snprintf(f->url, sizeof f->url, "https://127.0.0.1:%d/", f->port);
    struct http_request req = { .method = "GET", .url = f->url, .timeout_ms = 5000, .max_response_bytes = 100 };
    assert_non_null(http_client_start(f->http, &req, on_done, f, &e));
    f->done = 0;
    assert_true(loop_until(&f->loop, &f->done, WAIT_MS));
}

static void on_open(void *arg)
{
    ((struct fixture *)arg)->opened++;
}

static void on_message(void *arg, const char *text, size_t len)
{
    assert_int_equal(len, 5);
    assert_memory_equal(text, "hello", 5);
    ((struct fixture *)arg)->messages++;
}

static void on_close(void *arg, const char *reason)
{
    struct fixture *f = arg;
    (void)snprintf(f->reason, sizeof f->reason, "%s", reason);
    f->closed++;
}

static void connect_ws(struct fixture *f)
{
    static const struct ws_events events = { on_open, on_message, on_close };
    struct err e = { 0 };
    (void)snprintf(f->url, sizeof f->url, "wss://127.0.0.1:%d/", f->port);
    struct ws_options opt = { f->url, 5000, 5000, 1000 };
    f->client = ws_client_connect(f->ws, &opt, &events, f, &e);
    assert_non_null(f->client);
}

static void refused(struct fixture *f)
{
    get(f);
    assert_int_equal(f->outcome, HTTP_FAILED);
    print_message("https: %s\n", f->reason);
    connect_ws(f);
    assert_true(loop_until(&f->loop, &f->closed, WAIT_MS));
    assert_int_equal(f->opened, 0);
    print_message("wss: %s\n", f->reason);
}

static void not_trusted(void **state)
{
    struct fixture *f = *state;
    start(f, "IP:127.0.0.1", false);
    refused(f);
}

static void of_another_host(void **state)
{
    struct fixture *f = *state;
    start(f, "DNS:other.example,IP:127.0.0.2", true);
    refused(f);
}

static void trusted(void **state)
{
    struct fixture *f = *state;
    start(f, "DNS:localhost,IP:127.0.0.1", true);
    for (int i = 0; i < 3; i++) {
        get(f);
        if (f->outcome != HTTP_DONE)
            fail_msg("%s", f->reason);
    }
    connect_ws(f);
    ws_client_send(f->client, "hello", 5);
    if (!loop_until(&f->loop, &f->messages, WAIT_MS))
        fail_msg("%s", f->reason);
    assert_int_equal(f->closed, 0);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(not_trusted),
        TEST(of_another_host),
        TEST(trusted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
