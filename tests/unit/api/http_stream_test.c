/* Answers that go on, over real sockets: pieces as they are written, clients that leave or do not read, bounds, the
 * end. */
#include <arpa/inet.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "api/http_server.h"
#include "util/buf.h"
#include "util/clock.h"

#define ASK "GET /stream HTTP/1.1\r\nHost: somewhere:1\r\n\r\n"
#define LIMIT_MS 20000

/* Every request is answered by a stream, but /plain. */
struct fixture {
    uv_loop_t loop;
    struct http_server *server;
    struct http_stream *streams[HTTP_STREAMS_MAX + 1];
    size_t opened, refused, closed;
    char host[32];
};

static void on_closed(void *arg)
{
    ((struct fixture *)arg)->closed++;
}

static void on_request(void *arg, const struct http_server_request *req, struct http_reply *reply)
{
    struct fixture *f = arg;
    (void)snprintf(f->host, sizeof f->host, "%s", req->host);
    if (strcmp(req->path, "/plain") == 0) {
        http_reply_send(reply, 200, "text/plain", "plain", 5);
        return;
    }
    for (int i = 0; i < HTTP_HEADERS_MAX; i++)
        http_reply_header(reply, "X-Header", "1");
    struct http_stream *st = http_reply_stream(reply, "text/event-stream", on_closed, f);
    if (st) {
        f->streams[f->opened++] = st;
        return;
    }
    f->refused++;
    http_reply_send(reply, 503, "text/plain", "full", 4);
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

static int ask(struct fixture *f, const char *request)
{
    struct sockaddr_in sa = { .sin_family = AF_INET, .sin_port = htons(http_server_port(f->server)) };
    int small = 4096;
    sa.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    (void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
    assert_int_equal(connect(fd, (struct sockaddr *)&sa, sizeof sa), 0);
    assert_int_equal(send(fd, request, strlen(request), MSG_NOSIGNAL), strlen(request));
    return fd;
}

static void pause_ms(long ms)
{
    struct timespec t = { .tv_nsec = ms * 1000000 };
    (void)nanosleep(&t, NULL);
}

/* Runs the loop until the counter has reached n. */
static void run_to(struct fixture *f, const size_t *counter, size_t n)
{
    uint64_t end_ms = clock_mono_ms() + LIMIT_MS;
    while (*counter < n) {
        assert_true(clock_mono_ms() < end_ms);
        (void)uv_run(&f->loop, UV_RUN_NOWAIT);
        pause_ms(1);
    }
}

/* Runs the loop until the client has read `text`; what it read is in got. */
static void read_until(struct fixture *f, int fd, struct buf *got, const char *text)
{
    uint64_t end_ms = clock_mono_ms() + LIMIT_MS;
    while (!strstr(buf_cstr(got), text)) {
        assert_true(clock_mono_ms() < end_ms);
        (void)uv_run(&f->loop, UV_RUN_NOWAIT);
        buf_reserve(got, 65536);
        ssize_t n = recv(fd, got->data + got->len, 65536, MSG_DONTWAIT);
        got->len += n > 0 ? (size_t)n : 0;
        pause_ms(1);
    }
}

/* Reads and forgets until the server has closed the connection. Returns the number of bytes. */
static size_t read_to_end(struct fixture *f, int fd)
{
    uint64_t end_ms = clock_mono_ms() + LIMIT_MS;
    char piece[65536];
    size_t sum = 0;
    for (ssize_t n = -1; n != 0;) {
        assert_true(clock_mono_ms() < end_ms);
        (void)uv_run(&f->loop, UV_RUN_NOWAIT);
        n = recv(fd, piece, sizeof piece, MSG_DONTWAIT);
        if (n > 0)
            sum += (size_t)n;
        else if (n < 0 && errno != EAGAIN)
            break;
    }
    return sum;
}

static void say(struct http_stream *st, const char *text)
{
    http_stream_write(st, text, strlen(text));
}

static void pieces_come_as_they_are_written(void **state)
{
    struct fixture *f = *state;
    struct buf got = { 0 };
    int fd = ask(f, ASK);
    run_to(f, &f->opened, 1);
    assert_string_equal(f->host, "somewhere:1");
    read_until(f, fd, &got, "\r\n\r\n");
    assert_non_null(strstr(buf_cstr(&got), "HTTP/1.1 200"));
    assert_non_null(strstr(buf_cstr(&got), "Content-Type: text/event-stream"));
    for (int i = 0; i < 3; i++) {
        say(f->streams[0], "tick ");
        read_until(f, fd, &got, "tick ");
        buf_reset(&got);
    }
    say(f->streams[0], "one ");
    say(f->streams[0], "two");
    read_until(f, fd, &got, "two");
    assert_non_null(strstr(buf_cstr(&got), "one two"));
    assert_int_equal(f->closed, 0);
    (void)close(fd);
    buf_free(&got);
}

static uint64_t shifted_mono_us(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000 + 2000 * (uint64_t)HTTP_REQUEST_TIMEOUT_MS;
}

static uint64_t fixed_wall_us(void)
{
    return 1700000000000000;
}

static void no_end_by_time(void **state)
{
    static const struct clock_source later = { shifted_mono_us, fixed_wall_us };
    struct fixture *f = *state;
    struct buf got = { 0 };
    int fd = ask(f, ASK);
    run_to(f, &f->opened, 1);
    clock_set_source(&later);
    uint64_t until_ms = clock_mono_ms() + 2500; /* the server looks for slow requests each second */
    while (clock_mono_ms() < until_ms) {
        (void)uv_run(&f->loop, UV_RUN_NOWAIT);
        pause_ms(20);
    }
    say(f->streams[0], "still here");
    read_until(f, fd, &got, "still here");
    clock_set_source(NULL);
    (void)close(fd);
    buf_free(&got);
}

static void an_ended_stream_leaves_the_connection(void **state)
{
    struct fixture *f = *state;
    struct buf got = { 0 };
    int fd = ask(f, ASK);
    run_to(f, &f->opened, 1);
    say(f->streams[0], "last words");
    http_stream_end(f->streams[0]);
    read_until(f, fd, &got, "last words\r\n0\r\n\r\n");
    const char *next = "GET /plain HTTP/1.1\r\nHost: x\r\n\r\n";
    assert_int_equal(send(fd, next, strlen(next), MSG_NOSIGNAL), strlen(next));
    read_until(f, fd, &got, "plain");
    assert_int_equal(f->closed, 0); /* its owner knows */
    (void)close(fd);
    buf_free(&got);
}

static void a_client_that_leaves_is_told_of(void **state)
{
    struct fixture *f = *state;
    uint64_t end_ms = clock_mono_ms() + LIMIT_MS;
    int fd = ask(f, ASK);
    run_to(f, &f->opened, 1);
    (void)close(fd);
    while (!f->closed) {
        assert_true(clock_mono_ms() < end_ms);
        say(f->streams[0], "anybody?");
        (void)uv_run(&f->loop, UV_RUN_NOWAIT);
        pause_ms(5);
    }
    assert_int_equal(f->closed, 1);
}

static void there_are_no_more_than_so_many(void **state)
{
    struct fixture *f = *state;
    struct buf got = { 0 };
    int fds[HTTP_STREAMS_MAX + 1];
    for (size_t i = 0; i < HTTP_STREAMS_MAX; i++)
        fds[i] = ask(f, ASK);
    run_to(f, &f->opened, HTTP_STREAMS_MAX);
    fds[HTTP_STREAMS_MAX] = ask(f, ASK);
    read_until(f, fds[HTTP_STREAMS_MAX], &got, "full");
    assert_int_equal(f->refused, 1);
    http_stream_end(f->streams[3]); /* makes room for one */
    (void)read_until(f, fds[3], &got, "\r\n0\r\n\r\n");
    assert_int_equal(send(fds[3], ASK, strlen(ASK), MSG_NOSIGNAL), strlen(ASK));
    run_to(f, &f->opened, HTTP_STREAMS_MAX + 1);
    for (size_t i = 0; i <= HTTP_STREAMS_MAX; i++)
        (void)close(fds[i]);
    buf_free(&got);
}

/* What the kernel takes for the client is beyond us: some megabytes. */
static void a_client_that_does_not_read_is_dropped(void **state)
{
    struct fixture *f = *state;
    struct buf block = { 0 };
    size_t written = 0;
    (void)buf_extend(&block, HTTP_STREAM_BUFFER_MAX / 4);
    int fd = ask(f, ASK), other = ask(f, ASK);
    run_to(f, &f->opened, 2);
    while (!f->closed && written < (size_t)256 << 20) {
        http_stream_write(f->streams[0], block.data, block.len);
        written += block.len;
        (void)uv_run(&f->loop, UV_RUN_NOWAIT);
    }
    assert_int_equal(f->closed, 1);
    assert_true(read_to_end(f, fd) < written);
    struct buf got = { 0 };
    say(f->streams[1], "unharmed");
    read_until(f, other, &got, "unharmed");
    (void)close(fd);
    (void)close(other);
    buf_free(&block);
    buf_free(&got);
}

static void one_write_over_the_bound_drops(void **state)
{
    struct fixture *f = *state;
    struct buf block = { 0 };
    (void)buf_extend(&block, HTTP_STREAM_BUFFER_MAX + 1);
    int fd = ask(f, ASK);
    run_to(f, &f->opened, 1);
    http_stream_write(f->streams[0], block.data, block.len);
    assert_int_equal(f->closed, 0); /* not from inside */
    say(f->streams[0], "more");
    run_to(f, &f->closed, 1);
    (void)close(fd);
    buf_free(&block);
}

static void freed_with_streams_open(void **state)
{
    struct fixture *f = *state;
    int one = ask(f, ASK), two = ask(f, ASK);
    run_to(f, &f->opened, 2);
    for (int i = 0; i < 50; i++) { /* one is parked, the other has something to say */
        (void)uv_run(&f->loop, UV_RUN_NOWAIT);
        pause_ms(1);
    }
    say(f->streams[1], "unread");
    http_server_free(f->server);
    f->server = NULL;
    (void)uv_run(&f->loop, UV_RUN_DEFAULT);
    assert_int_equal(f->closed, 2);
    (void)close(one);
    (void)close(two);
}

static uint64_t cpu_us(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

static void on_tick(uv_timer_t *timer)
{
    *(bool *)timer->data = true;
}

static void silence_costs_nothing(void **state)
{
    struct fixture *f = *state;
    bool ticked = false;
    uv_timer_t tick;
    int fd = ask(f, ASK);
    run_to(f, &f->opened, 1);
    (void)uv_timer_init(&f->loop, &tick);
    tick.data = &ticked;
    (void)uv_timer_start(&tick, on_tick, 3000, 0);
    uint64_t before_us = cpu_us();
    while (!ticked)
        (void)uv_run(&f->loop, UV_RUN_ONCE);
    assert_true(cpu_us() - before_us < 300000); /* a loop that spins takes 3 s */
    uv_close((uv_handle_t *)&tick, NULL);
    (void)uv_run(&f->loop, UV_RUN_NOWAIT);
    (void)close(fd);
}

#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(pieces_come_as_they_are_written),
        T(no_end_by_time),
        T(an_ended_stream_leaves_the_connection),
        T(a_client_that_leaves_is_told_of),
        T(there_are_no_more_than_so_many),
        T(a_client_that_does_not_read_is_dropped),
        T(one_write_over_the_bound_drops),
        T(freed_with_streams_open),
        T(silence_costs_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
