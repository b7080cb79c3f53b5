/* The HTTP server over real sockets: bounds, answers now and later, clients that leave, the end. */
#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "api/client.h"
#include "api/http_server.h"
#include "util/buf.h"
#include "util/clock.h"

/* A server that answers what it was asked: "METHOD PATH QUERY LENGTH"; /later is answered by answer_later, /free ends
 * the server from inside its handler, /never is not answered. */
struct fixture {
    uv_loop_t loop;
    struct http_server *server;
    struct http_reply *waiting;
    bool is_waiting;
    size_t calls;
};

static void on_request(void *arg, const struct http_server_request *req, struct http_reply *reply)
{
    struct fixture *f = arg;
    f->calls++;
    if (strcmp(req->path, "/later") == 0 || strcmp(req->path, "/never") == 0) {
        f->waiting = reply;
        f->is_waiting = true;
        return;
    }
    if (strcmp(req->path, "/free") == 0) {
        http_server_free(f->server);
        f->server = NULL;
        f->is_waiting = true;
        return;
    }
    struct buf b = { 0 };
    buf_printf(&b, "%s %s %s %zu", req->method, req->path, req->query, req->body_len);
    for (size_t i = 0; i < req->body_len; i++)
        assert_int_equal(req->body[i], 'a');
    http_reply_header(reply, "X-Calls", "1");
    http_reply_send(reply, 200, "text/plain", b.data, b.len);
    buf_free(&b);
}

static int set_up(void **state)
{
    struct fixture *f = xcalloc(1, sizeof *f);
    struct err e = { 0 };
    assert_int_equal(uv_loop_init(&f->loop), 0);
    f->server = http_server_new(&f->loop, "127.0.0.1", 0, on_request, f, &e);
    assert_non_null(f->server);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    http_server_free(f->server);
    (void)uv_run(&f->loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&f->loop), 0);
    free(f);
    return 0;
}

static void ask(struct client *c, struct fixture *f, const char *request)
{
    client_start(c, &f->loop, http_server_port(f->server), request, strlen(request));
    (void)client_wait(c, &f->loop);
}

/* head, then n times 'a'; chunked: in chunks of 8000. */
static void ask_body(struct client *c, struct fixture *f, const char *head, size_t n, bool chunked)
{
    struct buf b = { 0 };
    buf_printf(&b, "POST /x HTTP/1.1\r\nHost: x\r\nConnection: close\r\n%s\r\n", head);
    while (n > 0) {
        size_t piece = chunked && n > 8000 ? 8000 : n;
        if (chunked)
            buf_printf(&b, "%zx\r\n", piece);
        memset(buf_extend(&b, piece), 'a', piece);
        if (chunked)
            buf_puts(&b, "\r\n");
        n -= piece;
    }
    if (chunked)
        buf_puts(&b, "0\r\n\r\n");
    client_start(c, &f->loop, http_server_port(f->server), b.data, b.len);
    (void)client_wait(c, &f->loop);
    buf_free(&b);
}

static void get_and_query(void **state)
{
    struct fixture *f = *state;
    struct client c = { 0 };
    ask(&c, f, "GET /some/path?a=1&b=%20 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    assert_int_equal(client_status(&c), 200);
    assert_string_equal(client_body(&c), "GET /some/path a=1&b=%20 0");
    assert_non_null(strstr(c.response, "\r\nX-Calls: 1\r\n"));
    assert_non_null(strstr(c.response, "\r\nContent-Type: text/plain\r\n"));
    client_end(&c);
}

static void keep_alive(void **state)
{
    struct fixture *f = *state;
    struct client c = { 0 };
    ask(&c, f,
        "GET /1 HTTP/1.1\r\nHost: x\r\n\r\nPOST /2 HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\naa"
        "GET /3 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    assert_non_null(strstr(c.response, "GET /1  0"));
    assert_non_null(strstr(c.response, "POST /2  2"));
    assert_non_null(strstr(c.response, "GET /3  0"));
    client_end(&c);
}

static void body_bounds(void **state)
{
    static const struct {
        size_t n;
        bool chunked;
        const char *extra;
        int status;
    } cases[] = {
        { 65536, false, "", 200 }, { 65537, false, "", 413 },  { 65536, true, "", 200 },
        { 65537, true, "", 413 },  { 1000000, true, "", 413 }, { 1000000, false, "Expect: 100-continue\r\n", 413 },
        { 0, true, "", 200 },
    };
    struct fixture *f = *state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct client c = { 0 };
        char head[128];
        char length[64];
        (void)snprintf(length, sizeof length, "Content-Length: %zu\r\n", cases[i].n);
        (void)snprintf(head, sizeof head, "%s%s", cases[i].chunked ? "Transfer-Encoding: chunked\r\n" : length,
                       cases[i].extra);
        ask_body(&c, f, head, cases[i].n, cases[i].chunked);
        assert_int_equal(client_status(&c), cases[i].status);
        if (cases[i].status == 413)
            assert_string_equal(client_body(&c), "Request body is over 65536 bytes\n");
        client_end(&c);
    }
    assert_int_equal(f->calls, 3);
}

/* Nothing but the header is sent: the refusal must not wait for a body that is declared far too long. */
static void refused_unread(void **state)
{
    struct fixture *f = *state;
    struct client c = { 0 };
    ask(&c, f, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999\r\n\r\n");
    assert_int_equal(client_status(&c), 413);
    client_end(&c);
    ask(&c, f, "POST / HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 70000\r\n\r\n");
    assert_int_equal(client_status(&c), 413);
    client_end(&c);
    assert_int_equal(f->calls, 0);
}

static void answered_later(void **state)
{
    struct fixture *f = *state;
    struct client c = { 0 }, other = { 0 };
    const char *request = "GET /later HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
    client_start(&c, &f->loop, http_server_port(f->server), request, strlen(request));
    run_until(&f->loop, &f->is_waiting);
    ask(&other, f, "GET /between HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    assert_string_equal(client_body(&other), "GET /between  0");
    assert_false(c.finished);
    uint64_t sent_ms = clock_mono_ms();
    http_reply_send(f->waiting, 500, NULL, "late", 4);
    (void)client_wait(&c, &f->loop);
    assert_true(clock_mono_ms() - sent_ms < 500); /* at once, not with the next sweep */
    assert_int_equal(client_status(&c), 500);
    assert_string_equal(client_body(&c), "late");
    client_end(&c);
    client_end(&other);
}

static void client_gone(void **state)
{
    struct fixture *f = *state;
    struct client c = { .leave = true };
    const char *request = "GET /later HTTP/1.1\r\nHost: x\r\n\r\n";
    client_start(&c, &f->loop, http_server_port(f->server), request, strlen(request));
    run_until(&f->loop, &f->is_waiting);
    (void)client_wait(&c, &f->loop);
    http_reply_send(f->waiting, 200, NULL, "nobody", 6);
    client_end(&c);
    ask(&c, f, "GET /after HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    assert_string_equal(client_body(&c), "GET /after  0");
    client_end(&c);
}

static void many_clients(void **state)
{
    enum { N = 3 * HTTP_CONNECTIONS_MAX };
    struct fixture *f = *state;
    static struct client clients[N];
    const char *request = "GET /n HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
    for (size_t i = 0; i < N; i++)
        client_start(&clients[i], &f->loop, http_server_port(f->server), request, strlen(request));
    for (size_t i = 0; i < N; i++) {
        (void)client_wait(&clients[i], &f->loop);
        assert_string_equal(client_body(&clients[i]), "GET /n  0");
        client_end(&clients[i]);
    }
}

/* A socket that listens on a free port of 127.0.0.1, as another part of the program would make it. */
static int listening_socket(uint16_t *port)
{
    struct sockaddr_in sa = { .sin_family = AF_INET };
    socklen_t len = sizeof sa;
    sa.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    assert_true(fd >= 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&sa, len), 0);
    assert_int_equal(listen(fd, 512), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&sa, &len), 0);
    *port = ntohs(sa.sin_port);
    return fd;
}

/* More clients than connections, at all three doors at once. */
static void further_sockets(void **state)
{
    enum { N = 3 * HTTP_CONNECTIONS_MAX };
    struct fixture *f = *state;
    static struct client clients[N];
    struct err e = { 0 };
    uint16_t ports[3] = { http_server_port(f->server) };
    const char *request = "GET /n HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
    for (size_t i = 1; i < 3; i++)
        assert_int_equal(http_server_listen(f->server, listening_socket(&ports[i]), &e), 0);
    for (size_t i = 0; i < N; i++)
        client_start(&clients[i], &f->loop, ports[i % 3], request, strlen(request));
    for (size_t i = 0; i < N; i++) {
        (void)client_wait(&clients[i], &f->loop);
        assert_string_equal(client_body(&clients[i]), "GET /n  0");
        client_end(&clients[i]);
    }
    assert_int_equal(f->calls, N);
}

static void on_tick(uv_timer_t *timer)
{
    *(bool *)timer->data = true;
}

static int connect_blocking(uint16_t port)
{
    struct sockaddr_in sa = { .sin_family = AF_INET, .sin_port = htons(port) };
    sa.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&sa, sizeof sa), 0);
    return fd;
}

static uint64_t cpu_us(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

/* Every connection taken by clients that say nothing, more at the door, and one request waiting whose client has left:
 * the loop must sleep all the same. */
static void idle_costs_nothing(void **state)
{
    enum { N = HTTP_CONNECTIONS_MAX + 8 };
    struct fixture *f = *state;
    struct client c = { .leave = true };
    int fds[N];
    bool ticked = false;
    uv_timer_t tick;
    const char *request = "GET /never HTTP/1.1\r\nHost: x\r\n\r\n";
    client_start(&c, &f->loop, http_server_port(f->server), request, strlen(request));
    run_until(&f->loop, &f->is_waiting);
    (void)client_wait(&c, &f->loop);
    client_end(&c);
    for (size_t i = 0; i < N; i++)
        fds[i] = connect_blocking(http_server_port(f->server));
    for (int i = 0; i < 100; i++)
        (void)uv_run(&f->loop, UV_RUN_NOWAIT);
    uint64_t before_us = cpu_us();
    (void)uv_timer_init(&f->loop, &tick);
    tick.data = &ticked;
    (void)uv_timer_start(&tick, on_tick, 1500, 0);
    run_until(&f->loop, &ticked);
    assert_true(cpu_us() - before_us < 300000);
    uv_close((uv_handle_t *)&tick, NULL);
    (void)uv_run(&f->loop, UV_RUN_NOWAIT);
    for (size_t i = 0; i < N; i++)
        (void)close(fds[i]);
}

/* The bound holds for all sockets together: who comes when every connection is taken waits until one ends. */
static void full_at_a_further_socket(void **state)
{
    enum { N = HTTP_CONNECTIONS_MAX };
    struct fixture *f = *state;
    struct client c = { 0 };
    struct err e = { 0 };
    uint16_t port;
    int fds[N];
    bool ticked = false;
    uv_timer_t tick;
    const char *request = "GET /n HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
    assert_int_equal(http_server_listen(f->server, listening_socket(&port), &e), 0);
    for (size_t i = 0; i < N; i++)
        fds[i] = connect_blocking(port);
    for (int i = 0; i < 100; i++)
        (void)uv_run(&f->loop, UV_RUN_NOWAIT);
    client_start(&c, &f->loop, port, request, strlen(request));
    (void)uv_timer_init(&f->loop, &tick);
    tick.data = &ticked;
    (void)uv_timer_start(&tick, on_tick, 300, 0);
    uint64_t before_us = cpu_us();
    run_until(&f->loop, &ticked);
    assert_true(cpu_us() - before_us < 200000);
    uv_close((uv_handle_t *)&tick, NULL);
    assert_false(c.finished);
    (void)close(fds[0]);
    (void)client_wait(&c, &f->loop);
    assert_string_equal(client_body(&c), "GET /n  0");
    client_end(&c);
    for (size_t i = 1; i < N; i++)
        (void)close(fds[i]);
}

/* No descriptor is left for who comes: the loop sleeps meanwhile, and takes the connection when there is one again. */
static void no_descriptor(struct fixture *f, uint16_t port)
{
    char answer[512];
    bool ticked = false;
    uv_timer_t tick;
    struct rlimit before, none;
    const char *request = "GET /n HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
    int fd = connect_blocking(port);
    assert_int_equal(write(fd, request, strlen(request)), strlen(request));
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    none = (struct rlimit){ .rlim_cur = 3, .rlim_max = before.rlim_max };
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
    (void)uv_timer_init(&f->loop, &tick);
    tick.data = &ticked;
    (void)uv_timer_start(&tick, on_tick, 1500, 0);
    uint64_t before_us = cpu_us();
    run_until(&f->loop, &ticked);
    uint64_t took_us = cpu_us() - before_us;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
    uv_close((uv_handle_t *)&tick, NULL);
    assert_true(took_us < 300000);
    while (recv(fd, answer, 1, MSG_PEEK | MSG_DONTWAIT) < 0)
        (void)uv_run(&f->loop, UV_RUN_ONCE);
    ssize_t n = recv(fd, answer, sizeof answer - 1, 0);
    assert_true(n > 0);
    answer[n] = 0;
    assert_non_null(strstr(answer, "GET /n  0"));
    (void)close(fd);
}

static void no_descriptor_left(void **state)
{
    struct fixture *f = *state;
    struct err e = { 0 };
    uint16_t further;
    assert_int_equal(http_server_listen(f->server, listening_socket(&further), &e), 0);
    no_descriptor(f, further);
    no_descriptor(f, http_server_port(f->server));
}

/* All connections there may be, gone at one stroke: whoever waits, and whoever comes, is let in. */
static void all_gone_at_once(void **state)
{
    enum { N = HTTP_CONNECTIONS_MAX };
    struct fixture *f = *state;
    struct client waiting = { 0 }, next = { 0 };
    int fds[N];
    const char *request = "GET /n HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
    for (int round = 0; round < 2; round++) {
        for (size_t i = 0; i < N; i++)
            fds[i] = connect_blocking(http_server_port(f->server));
        for (int i = 0; i < 100; i++)
            (void)uv_run(&f->loop, UV_RUN_NOWAIT);
        if (round > 0)
            client_start(&waiting, &f->loop, http_server_port(f->server), request, strlen(request));
        for (size_t i = 0; i < N; i++)
            (void)close(fds[i]);
        for (int i = 0; i < 100; i++)
            (void)uv_run(&f->loop, UV_RUN_NOWAIT);
        client_start(&next, &f->loop, http_server_port(f->server), request, strlen(request));
        (void)client_wait(&next, &f->loop);
        assert_string_equal(client_body(&next), "GET /n  0");
        client_end(&next);
    }
    (void)client_wait(&waiting, &f->loop);
    assert_string_equal(client_body(&waiting), "GET /n  0");
    client_end(&waiting);
}

/* All connections are held by clients that say nothing, or a byte now and then: the next is let in all the same. */
static void held_by_the_silent(void **state)
{
    enum { N = HTTP_CONNECTIONS_MAX };
    struct fixture *f = *state;
    struct client c = { 0 };
    int fds[N];
    const char *request = "GET /n HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
    uint64_t from_ms = clock_mono_ms();
    for (size_t i = 0; i < N; i++)
        fds[i] = connect_blocking(http_server_port(f->server));
    for (int i = 0; i < 100; i++)
        (void)uv_run(&f->loop, UV_RUN_NOWAIT);
    client_start(&c, &f->loop, http_server_port(f->server), request, strlen(request));
    (void)client_wait(&c, &f->loop);
    assert_string_equal(client_body(&c), "GET /n  0");
    assert_in_range(clock_mono_ms() - from_ms, HTTP_PRESSED_TIMEOUT_MS, HTTP_IDLE_TIMEOUT_S * 1000 - 2000);
    client_end(&c);
    for (size_t i = 0; i < N; i++)
        (void)close(fds[i]);
}

static void bad_requests(void **state)
{
    struct fixture *f = *state;
    struct client c = { 0 };
    ask(&c, f, "garbage\r\n\r\n");
    assert_true(client_status(&c) == 0 || client_status(&c) >= 400);
    client_end(&c);
    struct buf b = { 0 };
    buf_puts(&b, "GET / HTTP/1.1\r\nHost: x\r\nX-Long: ");
    memset(buf_extend(&b, 100000), 'h', 100000);
    buf_puts(&b, "\r\n\r\n");
    client_start(&c, &f->loop, http_server_port(f->server), b.data, b.len);
    (void)client_wait(&c, &f->loop);
    assert_true(client_status(&c) == 0 || client_status(&c) >= 400);
    client_end(&c);
    buf_free(&b);
    assert_int_equal(f->calls, 0);
}

static uint64_t ahead_us;

static uint64_t shifted_mono_us(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000 + ahead_us;
}

static uint64_t shifted_wall_us(void)
{
    return 1700000000000000 + ahead_us;
}

/* A request that never becomes complete is cut off when its time is over, however the bytes trickle. */
static void slow_request(void **state)
{
    static const struct clock_source source = { shifted_mono_us, shifted_wall_us };
    struct fixture *f = *state;
    struct client c = { 0 };
    bool ticked = false;
    uv_timer_t tick;
    const char *request = "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\naa";
    ahead_us = 0;
    clock_set_source(&source);
    client_start(&c, &f->loop, http_server_port(f->server), request, strlen(request));
    (void)uv_timer_init(&f->loop, &tick);
    tick.data = &ticked;
    (void)uv_timer_start(&tick, on_tick, 200, 0);
    run_until(&f->loop, &ticked);
    uv_close((uv_handle_t *)&tick, NULL);
    assert_false(c.finished);
    ahead_us = (uint64_t)HTTP_REQUEST_TIMEOUT_MS * 1000 + 1000000;
    (void)client_wait(&c, &f->loop);
    assert_int_equal(client_status(&c), 0);
    client_end(&c);
    clock_set_source(NULL);
}

static void freed_with_requests_open(void **state)
{
    struct fixture *f = *state;
    struct client c = { 0 };
    const char *request = "GET /never HTTP/1.1\r\nHost: x\r\n\r\n";
    client_start(&c, &f->loop, http_server_port(f->server), request, strlen(request));
    run_until(&f->loop, &f->is_waiting);
    http_server_free(f->server);
    f->server = NULL;
    (void)client_wait(&c, &f->loop);
    assert_int_equal(client_status(&c), 0);
    client_end(&c);
}

static void freed_in_handler(void **state)
{
    struct fixture *f = *state;
    struct client c = { 0 };
    const char *request = "GET /free HTTP/1.1\r\nHost: x\r\n\r\n";
    client_start(&c, &f->loop, http_server_port(f->server), request, strlen(request));
    run_until(&f->loop, &f->is_waiting);
    (void)client_wait(&c, &f->loop);
    assert_int_equal(client_status(&c), 0);
    client_end(&c);
}

static void listening_errors(void **state)
{
    struct fixture *f = *state;
    struct err e = { 0 };
    char expected[128];
    uint16_t port = http_server_port(f->server);
    assert_null(http_server_new(&f->loop, "127.0.0.1", port, on_request, f, &e));
    (void)snprintf(expected, sizeof expected, "port %u on 127.0.0.1: Address already in use", port);
    assert_string_equal(e.msg, expected);
    e = (struct err){ 0 };
    assert_null(http_server_new(&f->loop, "localhost", 0, on_request, f, &e));
    assert_string_equal(e.msg, "address localhost: expected an IPv4 or IPv6 address in numbers");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(get_and_query, set_up, tear_down),
        cmocka_unit_test_setup_teardown(keep_alive, set_up, tear_down),
        cmocka_unit_test_setup_teardown(body_bounds, set_up, tear_down),
        cmocka_unit_test_setup_teardown(refused_unread, set_up, tear_down),
        cmocka_unit_test_setup_teardown(answered_later, set_up, tear_down),
        cmocka_unit_test_setup_teardown(client_gone, set_up, tear_down),
        cmocka_unit_test_setup_teardown(many_clients, set_up, tear_down),
        cmocka_unit_test_setup_teardown(further_sockets, set_up, tear_down),
        cmocka_unit_test_setup_teardown(full_at_a_further_socket, set_up, tear_down),
        cmocka_unit_test_setup_teardown(no_descriptor_left, set_up, tear_down),
        cmocka_unit_test_setup_teardown(all_gone_at_once, set_up, tear_down),
        cmocka_unit_test_setup_teardown(held_by_the_silent, set_up, tear_down),
        cmocka_unit_test_setup_teardown(idle_costs_nothing, set_up, tear_down),
        cmocka_unit_test_setup_teardown(bad_requests, set_up, tear_down),
        cmocka_unit_test_setup_teardown(slow_request, set_up, tear_down),
        cmocka_unit_test_setup_teardown(freed_with_requests_open, set_up, tear_down),
        cmocka_unit_test_setup_teardown(freed_in_handler, set_up, tear_down),
        cmocka_unit_test_setup_teardown(listening_errors, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
