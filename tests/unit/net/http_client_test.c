/* The HTTP client against servers that answer well and badly, over TCP and unix sockets. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <linux/filter.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net/http_client.h"
#include "net/loop.h"
#include "net/server.h"
#include "util/clock.h"

#define WAIT_MS 10000
#define MAX_BODY 1000

/* A label over 63 characters: refused before any name server is asked. */
#define TEN "aaaaaaaaaa"
#define NO_SUCH_HOST "http://" TEN TEN TEN TEN TEN TEN TEN "/"

/* Loop, server and client of one test. */
struct fixture {
    uv_loop_t loop;
    struct server *server;
    struct http_client *client;
    const char *script; /* what scripted() sends */
    bool close, reset;  /* and does then */
    struct buf seen;    /* head and body of the last request */
    char path[64];
};

struct result {
    int done;
    enum http_outcome outcome;
    int status;
    struct buf body;
    char error[300];
    uint32_t retry_after_s;
    struct fixture *f;
    struct http_call *victim;
};

static void on_done(void *arg, const struct http_response *response)
{
    struct result *r = arg;
    r->done++;
    r->outcome = response->outcome;
    r->status = response->status;
    r->retry_after_s = response->retry_after_s;
    buf_append(&r->body, response->body, response->body_len);
    assert_true((response->error == NULL) == (response->outcome == HTTP_DONE));
    if (response->error) {
        assert_null(strchr(response->error, '\n'));
        (void)snprintf(r->error, sizeof r->error, "%s", response->error);
    }
}

static void scripted(void *arg, struct peer *p, bool eof)
{
    struct fixture *f = arg;
    const char *head, *body;
    size_t len;
    if (eof || !peer_http_request(p, &head, &body, &len))
        return;
    buf_reset(&f->seen);
    buf_puts(&f->seen, head);
    buf_append(&f->seen, body, len);
    if (f->script)
        peer_puts(p, f->script);
    if (f->reset)
        peer_reset(p);
    else if (f->close)
        peer_close(p);
}

static int setup(void **state)
{
    struct fixture *f = xcalloc(1, sizeof *f);
    struct err e = { 0 };
    (void)uv_loop_init(&f->loop);
    f->server = server_start(&f->loop, scripted, f);
    f->client = http_client_new(&f->loop, &e);
    (void)snprintf(f->path, sizeof f->path, "/tmp/oyster-http-test-%d.sock", getpid());
    *state = f;
    return f->client ? 0 : -1;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    http_client_free(f->client);
    server_stop(f->server);
    bool empty = loop_finish(&f->loop);
    buf_free(&f->seen);
    free(f);
    return empty ? 0 : -1;
}

static struct http_call *start(struct fixture *f, struct result *r, const struct http_request *more)
{
    struct http_request req = *more;
    struct err e = { 0 };
    req.method = req.method ? req.method : "POST";
    req.url = req.url ? req.url : server_url(f->server, "http");
    req.timeout_ms = req.timeout_ms ? req.timeout_ms : 5000;
    req.max_response_bytes = req.max_response_bytes ? req.max_response_bytes : MAX_BODY;
    r->f = f;
    struct http_call *call = http_client_start(f->client, &req, on_done, r, &e);
    if (!call)
        fail_msg("%s", e.msg);
    assert_int_equal(r->done, 0); /* never from inside */
    return call;
}

static void run(struct fixture *f, struct result *r, const struct http_request *more)
{
    (void)start(f, r, more);
    assert_true(loop_until(&f->loop, &r->done, WAIT_MS));
}

static const struct http_request PLAIN = { .body = "hello", .body_len = 5 };

/* ---- what the server says, and what that is ---- */

struct ending {
    const char *name, *script;
    bool close, reset;
    enum http_outcome outcome;
    int status;
    const char *body;
};

static const struct ending endings[] = {
    { "length", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", false, false, HTTP_DONE, 200, "ok" },
    { "chunked", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n1\r\n!\r\n0\r\n\r\n", false, false,
      HTTP_DONE, 200, "ok!" },
    { "empty", "HTTP/1.1 204 No Content\r\n\r\n", false, false, HTTP_DONE, 204, "" },
    { "until close", "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nall", true, false, HTTP_DONE, 200, "all" },
    { "status 500", "HTTP/1.1 500 No\r\nContent-Length: 2\r\n\r\nno", false, false, HTTP_DONE, 500, "no" },
    { "redirect", "HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n", false, false,
      HTTP_DONE, 302, "" },
    { "interim", "HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", false, false,
      HTTP_DONE, 200, "ok" },
    { "length not reached", "HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\npart", true, false, HTTP_BROKEN, 200,
      "part" },
    { "no final chunk", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\npart\r\n", true, false, HTTP_BROKEN,
      200, "part" },
    { "within a chunk", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nff\r\npart", true, false, HTTP_BROKEN,
      200, "part" },
    { "bad chunk", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\npart", false, false, HTTP_BROKEN, 200,
      "" },
    { "within the head", "HTTP/1.1 200 OK\r\nContent-Le", true, false, HTTP_BROKEN, 200, "" },
    { "nothing, closed", NULL, true, false, HTTP_BROKEN, 0, "" },
    { "nothing, reset", NULL, false, true, HTTP_BROKEN, 0, "" },
    { "not HTTP", "SSH-2.0-OpenSSH_9.2\r\n", true, false, HTTP_BROKEN, 0, "" },
    { "HTTP/7", "HTTP/7.1 200 OK\r\nContent-Length: 0\r\n\r\n", true, false, HTTP_BROKEN, 0, "" },
};

static void endings_are_told_apart(void **state)
{
    struct fixture *f = *state;
    for (size_t i = 0; i < sizeof endings / sizeof *endings; i++) {
        const struct ending *want = &endings[i];
        struct result r = { 0 };
        f->script = want->script;
        f->close = want->close;
        f->reset = want->reset;
        run(f, &r, &PLAIN);
        if (r.outcome != want->outcome || r.status != want->status || r.body.len != strlen(want->body) ||
            memcmp(r.body.data ? (const char *)r.body.data : "", want->body, r.body.len) != 0)
            fail_msg("%s: outcome %d, status %d, %zu bytes, %s", want->name, (int)r.outcome, r.status, r.body.len,
                     r.error);
        buf_free(&r.body);
    }
}

static void reset_in_the_middle(void **state)
{
    struct fixture *f = *state;
    struct result r = { 0 };
    f->script = "HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\npart";
    (void)start(f, &r, &PLAIN);
    loop_for(&f->loop, 50);
    server_each(f->server, peer_reset);
    assert_true(loop_until(&f->loop, &r.done, WAIT_MS));
    assert_int_equal(r.outcome, HTTP_BROKEN);
    assert_int_equal(r.body.len, 4);
    buf_free(&r.body);
}

static void nobody_listens(void **state)
{
    struct fixture *f = *state;
    struct result refused = { 0 }, unix_socket = { 0 }, name = { 0 };
    struct server *gone = server_start(&f->loop, scripted, f);
    char url[64];
    (void)snprintf(url, sizeof url, "%s", server_url(gone, "http"));
    server_stop(gone);
    loop_for(&f->loop, 10);
    run(f, &refused, &(struct http_request){ .url = url });
    assert_int_equal(refused.outcome, HTTP_FAILED);
    run(f, &unix_socket, &(struct http_request){ .url = "http://worker/", .unix_path = "/nonexistent/socket" });
    assert_int_equal(unix_socket.outcome, HTTP_FAILED);
    run(f, &name, &(struct http_request){ .url = NO_SUCH_HOST });
    assert_int_equal(name.outcome, HTTP_FAILED);
}

static void request_is_as_asked(void **state)
{
    struct fixture *f = *state;
    struct result r = { 0 };
    static const char *const headers[] = { "Content-Type: application/json", NULL };
    char url[80];
    f->script = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
    (void)snprintf(url, sizeof url, "http://me:secret@127.0.0.1:%u/v3/key?x=y", server_port(f->server));
    run(f, &r, &(struct http_request){ .url = url, .body = "{}", .body_len = 2, .headers = headers });
    const char *seen = buf_cstr(&f->seen);
    assert_ptr_equal(strstr(seen, "POST /v3/key?x=y HTTP/1.1\r\n"), seen);
    assert_non_null(strstr(seen, "Content-Type: application/json\r\n"));
    assert_non_null(strstr(seen, "Authorization: Basic bWU6c2VjcmV0\r\n"));
    assert_null(strstr(seen, "Expect:"));
    assert_null(strstr(seen, "urlencoded"));
    struct result get = { 0 };
    run(f, &get, &(struct http_request){ .method = "GET" });
    assert_ptr_equal(strstr(buf_cstr(&f->seen), "GET / HTTP/1.1\r\n"), (char *)f->seen.data);
}

/* The machine's own name, where it has one that means 127.0.0.1: the first request waits for it, the second does not.
 */
static void a_host_by_name(void **state)
{
    struct fixture *f = *state;
    char name[128], url[200];
    struct hostent *known = gethostname(name, sizeof name) == 0 ? gethostbyname(name) : NULL;
    if (!known || known->h_addrtype != AF_INET || memcmp(known->h_addr_list[0], "\x7f\0\0\1", 4) != 0)
        skip();
    (void)snprintf(url, sizeof url, "http://%s:%u/", name, server_port(f->server));
    f->script = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
    for (int i = 0; i < 2; i++) {
        struct result r = { 0 };
        run(f, &r, &(struct http_request){ .url = url });
        assert_int_equal(r.outcome, HTTP_DONE);
    }
    assert_non_null(strstr(buf_cstr(&f->seen), name)); /* the Host header */
    struct result cancelled = { 0 };
    (void)snprintf(url, sizeof url, "http://%s.:%u/", name, server_port(f->server));
    http_call_cancel(start(f, &cancelled, &(struct http_request){ .url = url }));
}

static void bad_requests(void **state)
{
    struct fixture *f = *state;
    static const char *const urls[] = { "",
                                        "http://",
                                        "127.0.0.1:80",
                                        "ftp://127.0.0.1/",
                                        "http://a b/",
                                        "http://127.0.0.1:99999/",
                                        "file:///etc/passwd",
                                        "http://u:secret@/" };
    for (size_t i = 0; i < sizeof urls / sizeof *urls; i++) {
        struct err e = { 0 };
        struct http_request req = { .method = "GET", .url = urls[i] };
        if (http_client_start(f->client, &req, on_done, NULL, &e))
            fail_msg("%s was accepted", urls[i]);
        assert_true(e.code < 0);
        assert_null(strstr(e.msg, "secret"));
    }
    struct err e = { 0 };
    struct http_request put = { .method = "PUT", .url = "http://127.0.0.1/" };
    assert_null(http_client_start(f->client, &put, on_done, NULL, &e));
}

static void too_large(void **state)
{
    struct fixture *f = *state;
    struct result announced = { 0 }, exact = { 0 };
    f->script = "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\n";
    run(f, &announced, &(struct http_request){ .max_response_bytes = 5 });
    assert_int_equal(announced.outcome, HTTP_TOO_LARGE);
    f->script = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n12345";
    run(f, &exact, &(struct http_request){ .max_response_bytes = 5 });
    assert_int_equal(exact.outcome, HTTP_DONE);
    assert_int_equal(exact.body.len, 5);
    buf_free(&exact.body);
}

/* Streams without an end; the client has to hang up by itself. */
static void endless(void *arg, struct peer *p, bool eof)
{
    struct fixture *f = arg;
    static char chunk[4096 + 8] = "1000\r\n";
    (void)f;
    if (eof)
        return;
    memset(chunk + 6, 'x', 4096);
    memcpy(chunk + 6 + 4096, "\r\n", 2);
    if (*peer_tag(p) == 0)
        peer_puts(p, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
    for (int i = 0; i < 100; i++, (*peer_tag(p))++)
        peer_send(p, chunk, sizeof chunk);
}

static void too_large_while_it_streams(void **state)
{
    struct fixture *f = *state;
    struct result r = { 0 };
    struct server *s = server_start(&f->loop, endless, f);
    run(f, &r, &(struct http_request){ .url = server_url(s, "http"), .body = "x", .body_len = 1 });
    assert_int_equal(r.outcome, HTTP_TOO_LARGE);
    assert_int_equal(r.body.len, MAX_BODY);
    assert_true(server_settles(s, 0));
    server_stop(s);
    buf_free(&r.body);
}

static void endless_headers(void *arg, struct peer *p, bool eof)
{
    (void)arg;
    if (eof)
        return;
    peer_puts(p, "HTTP/1.1 200 OK\r\n");
    for (int i = 0; i < 20000; i++)
        peer_puts(p, "X-Filler: 0123456789012345678901234567890123456789\r\n");
}

static void headers_are_bounded(void **state)
{
    struct fixture *f = *state;
    struct result r = { 0 };
    struct server *s = server_start(&f->loop, endless_headers, f);
    run(f, &r, &(struct http_request){ .url = server_url(s, "http") });
    assert_int_equal(r.outcome, HTTP_BROKEN);
    server_stop(s);
}

static void timeouts(void **state)
{
    struct fixture *f = *state;
    struct result silent = { 0 }, stuck = { 0 };
    uint64_t before_ms = clock_mono_ms();
    run(f, &silent, &(struct http_request){ .timeout_ms = 100 });
    assert_int_equal(silent.outcome, HTTP_TIMEOUT);
    f->script = "HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\npart";
    run(f, &stuck, &(struct http_request){ .timeout_ms = 100 });
    assert_int_equal(stuck.outcome, HTTP_TIMEOUT);
    assert_int_equal(stuck.body.len, 4);
    assert_in_range(clock_mono_ms() - before_ms, 190, 4000);
    buf_free(&stuck.body);
}

static void retry_after(void **state)
{
    struct fixture *f = *state;
    struct result r = { 0 };
    f->script = "HTTP/1.1 429 Slow\r\nRetry-After: 17\r\nContent-Length: 0\r\n\r\n";
    run(f, &r, &PLAIN);
    assert_int_equal(r.status, 429);
    assert_int_equal(r.retry_after_s, 17);
}

/* ---- connections ---- */

static void connection_is_kept(void **state)
{
    struct fixture *f = *state;
    f->script = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
    for (int i = 0; i < 5; i++) {
        struct result r = { 0 };
        run(f, &r, &PLAIN);
        assert_int_equal(r.outcome, HTTP_DONE);
        buf_free(&r.body);
    }
    assert_int_equal(server_accepted(f->server), 1);
    static const char *const headers[] = { "Connection: close", NULL };
    struct result last = { 0 };
    run(f, &last, &(struct http_request){ .headers = headers });
    buf_free(&last.body);
    assert_true(server_settles(f->server, 0));
}

/* What the server closed while it was idle is no trouble of the next request. */
static void idle_connection_closed_by_the_server(void **state)
{
    struct fixture *f = *state;
    f->script = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
    for (int i = 0; i < 3; i++) {
        struct result r = { 0 };
        run(f, &r, &PLAIN);
        if (r.outcome != HTTP_DONE)
            fail_msg("%d: %s", i, r.error);
        server_each(f->server, i ? peer_reset : peer_close);
        if (i)
            loop_for(&f->loop, 20);
    }
    assert_int_equal(server_accepted(f->server), 3);
}

static void count_waiting_bytes(struct peer *p)
{
    int fd = -1, n = 0;
    if (uv_fileno((uv_handle_t *)(void *)p, &fd) == 0 && ioctl(fd, FIONREAD, &n) == 0)
        *peer_tag(p) = n;
    if (n)
        print_message("%d bytes are there before the loop turns\n", n);
    assert_true(n > 0);
}

/* On a warm connection the request is written inside http_client_start. */
static void leaves_in_the_same_turn(void **state)
{
    struct fixture *f = *state;
    struct result first = { 0 }, second = { 0 };
    f->script = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
    run(f, &first, &PLAIN);
    (void)start(f, &second, &PLAIN);
    server_each(f->server, count_waiting_bytes);
    assert_true(loop_until(&f->loop, &second.done, WAIT_MS));
}

static void proxies_are_ignored(void **state)
{
    struct fixture *f = *state;
    struct result r = { 0 };
    (void)setenv("http_proxy", "http://127.0.0.1:1", 1);
    (void)setenv("ALL_PROXY", "http://127.0.0.1:1", 1);
    f->script = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
    run(f, &r, &PLAIN);
    assert_int_equal(r.outcome, HTTP_DONE);
    (void)unsetenv("http_proxy");
    (void)unsetenv("ALL_PROXY");
}

/* ---- both directions at once, over a unix socket ---- */

#define BIG (8u << 20)

/* Writes its whole answer before it reads any of the request: a client that only sends would wait for ever. */
static void answers_first(void *arg, struct peer *p, bool eof)
{
    (void)arg;
    if (eof || (*peer_tag(p))++)
        return;
    char *body = xcalloc(1, BIG);
    char head[80];
    (void)snprintf(head, sizeof head, "HTTP/1.1 500 Early\r\nContent-Length: %u\r\n\r\n", BIG);
    peer_pause(p);
    peer_puts(p, head);
    peer_send(p, body, BIG);
    free(body);
}

static void answer_comes_while_the_request_goes(void **state)
{
    struct fixture *f = *state;
    struct result r = { 0 };
    char *body = xcalloc(1, BIG);
    struct server *s = server_start_unix(&f->loop, f->path, answers_first, f);
    run(f, &r,
        &(struct http_request){
            .url = "http://worker/", .unix_path = f->path, .body = body, .body_len = BIG, .max_response_bytes = BIG });
    assert_int_equal(r.outcome, HTTP_DONE);
    assert_int_equal(r.status, 500);
    assert_int_equal(r.body.len, BIG);
    server_stop(s);
    buf_free(&r.body);
    free(body);
}

/* Sends back what it gets, as it gets it. */
static void echo(void *arg, struct peer *p, bool eof)
{
    struct buf *in = peer_in(p);
    char size[24];
    (void)arg;
    if (eof)
        return;
    if (!*peer_tag(p)) {
        const char *end = memmem(in->data, in->len, "\r\n\r\n", 4);
        if (!end)
            return;
        buf_consume(in, (size_t)(end - (const char *)in->data) + 4);
        peer_puts(p, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
    }
    if (in->len) {
        (void)snprintf(size, sizeof size, "%zx\r\n", in->len);
        peer_puts(p, size);
        peer_send(p, in->data, in->len);
        peer_puts(p, "\r\n");
    }
    *peer_tag(p) += 1 + (int)in->len;
    buf_reset(in);
    if (*peer_tag(p) >= (int)BIG)
        peer_puts(p, "0\r\n\r\n");
}

static void echo_of_eight_megabytes(void **state)
{
    struct fixture *f = *state;
    struct result r = { 0 };
    uint8_t *body = xcalloc(1, BIG);
    for (size_t i = 0; i < BIG; i++)
        body[i] = (uint8_t)(i * 2654435761u >> 24);
    struct server *s = server_start_unix(&f->loop, f->path, echo, f);
    uint64_t before_us = clock_mono_us();
    run(f, &r,
        &(struct http_request){
            .url = "http://worker/", .unix_path = f->path, .body = body, .body_len = BIG, .max_response_bytes = BIG });
    print_message("8 MiB there and back: %llu us\n", (unsigned long long)(clock_mono_us() - before_us));
    assert_int_equal(r.outcome, HTTP_DONE);
    assert_int_equal(r.body.len, BIG);
    assert_memory_equal(r.body.data, body, BIG);
    server_stop(s);
    buf_free(&r.body);
    free(body);
}

/* Answers in full and closes while most of the request is still to come. */
static void answers_and_closes(void *arg, struct peer *p, bool eof)
{
    (void)arg;
    if (eof)
        return;
    peer_puts(p, "HTTP/1.1 413 Enough\r\nContent-Length: 4\r\nConnection: close\r\n\r\nstop");
    peer_close(p);
}

static void answer_before_the_request_is_out(void **state)
{
    struct fixture *f = *state;
    char *body = xcalloc(1, BIG);
    struct server *s = server_start_unix(&f->loop, f->path, answers_and_closes, f);
    for (int i = 0; i < 20; i++) {
        struct result r = { 0 };
        run(f, &r,
            &(struct http_request){ .url = "http://worker/", .unix_path = f->path, .body = body, .body_len = BIG });
        assert_int_equal(r.outcome, HTTP_DONE);
        assert_int_equal(r.status, 413);
        assert_int_equal(r.body.len, 4);
        buf_free(&r.body);
    }
    server_stop(s);
    free(body);
}

/* ---- ending calls ---- */

static void on_done_cancels_another(void *arg, const struct http_response *response)
{
    struct result *r = arg;
    on_done(arg, response);
    http_call_cancel(r->victim);
}

static void cancel_inside_a_callback(void **state)
{
    struct fixture *f = *state;
    struct result r = { 0 }, victim = { 0 };
    struct err e = { 0 };
    f->script = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
    struct http_request req = { .method = "GET", .url = server_url(f->server, "http"), .max_response_bytes = 1 };
    assert_non_null(http_client_start(f->client, &req, on_done_cancels_another, &r, &e));
    /* both answers arrive in the same turn; the first callback takes the second call away */
    r.victim = http_client_start(f->client, &req, on_done, &victim, &e);
    assert_true(loop_until(&f->loop, &r.done, WAIT_MS));
    loop_for(&f->loop, 50);
    assert_int_equal(victim.done, 0);
}

static void on_done_starts_another(void *arg, const struct http_response *response)
{
    struct result *r = arg;
    if (++r->done < 5)
        (void)http_client_start(
            r->f->client,
            &(struct http_request){ .method = "GET", .url = server_url(r->f->server, "http"), .max_response_bytes = 1 },
            on_done_starts_another, r, NULL);
    assert_int_equal(response->outcome, HTTP_DONE);
}

static void start_inside_a_callback(void **state)
{
    struct fixture *f = *state;
    struct result r = { .f = f };
    f->script = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
    (void)http_client_start(f->client, &(struct http_request){ .method = "GET", .url = server_url(f->server, "http") },
                            on_done_starts_another, &r, NULL);
    while (r.done < 5)
        (void)uv_run(&f->loop, UV_RUN_ONCE);
    assert_int_equal(server_accepted(f->server), 1);
}

static void on_done_frees_the_client(void *arg, const struct http_response *response)
{
    struct result *r = arg;
    on_done(arg, response);
    http_client_free(r->f->client);
    r->f->client = NULL;
}

static void free_inside_a_callback(void **state)
{
    struct fixture *f = *state;
    struct result r = { .f = f }, other = { 0 };
    f->script = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
    struct http_request req = { .method = "GET", .url = server_url(f->server, "http") };
    (void)http_client_start(f->client, &req, on_done_frees_the_client, &r, NULL);
    (void)start(f, &other, &PLAIN);
    assert_true(loop_until(&f->loop, &r.done, WAIT_MS));
    loop_for(&f->loop, 50);
    assert_int_equal(other.done, 0);
}

static void free_with_calls_under_way(void **state)
{
    struct fixture *f = *state;
    struct result r[20] = { 0 };
    for (size_t i = 0; i < 20; i++)
        (void)start(f, &r[i], &PLAIN);
    loop_for(&f->loop, 30);
    http_client_free(f->client);
    f->client = NULL;
    loop_for(&f->loop, 50);
    for (size_t i = 0; i < 20; i++)
        assert_int_equal(r[i].done, 0);
}

static void many_at_once(void **state)
{
    struct fixture *f = *state;
    struct result r[200] = { 0 };
    f->script = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
    for (size_t i = 0; i < 200; i++)
        (void)start(f, &r[i], &PLAIN);
    for (size_t i = 0; i < 200; i++) {
        assert_true(loop_until(&f->loop, &r[i].done, WAIT_MS));
        assert_int_equal(r[i].outcome, HTTP_DONE);
        assert_int_equal(r[i].body.len, 2);
        buf_free(&r[i].body);
    }
}

/* ---- a path that has died ---- */

/* The server's side of each connection takes no segment any more, as if the network lost them all. */
static void lose_what_is_sent(const struct fixture *f)
{
    struct sock_filter drop = { .code = BPF_RET | BPF_K, .k = 0 };
    struct sock_fprog program = { .len = 1, .filter = &drop };
    int n = 0;
    for (int fd = 3; fd < 1024; fd++) {
        struct sockaddr_in at, peer;
        socklen_t at_len = sizeof at, peer_len = sizeof peer;
        if (getsockname(fd, (struct sockaddr *)&at, &at_len) < 0 || at.sin_family != AF_INET ||
            ntohs(at.sin_port) != server_port(f->server) || getpeername(fd, (struct sockaddr *)&peer, &peer_len) < 0)
            continue;
        assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program), 0);
        n++;
    }
    assert_int_equal(n, 1);
}

/* No acknowledgement comes back, and no reset either: the connection is left long before a request's own time is over,
 * and the request goes out on another. */
static void a_dead_path_is_left(void **state)
{
    struct fixture *f = *state;
    struct result alive = { 0 }, dead = { 0 };
    struct err e = { 0 };
    f->script = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
    run(f, &alive, &PLAIN);
    buf_free(&alive.body);
    lose_what_is_sent(f);
    struct http_request request = {
        .method = "GET", .url = server_url(f->server, "http"), .timeout_ms = 60000, .max_response_bytes = MAX_BODY
    };
    assert_non_null(http_client_start(f->client, &request, on_done, &dead, &e));
    assert_true(loop_until(&f->loop, &dead.done, 2 * WAIT_MS));
    assert_int_not_equal(dead.outcome, HTTP_TIMEOUT);
    buf_free(&dead.body);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(endings_are_told_apart),
        TEST(reset_in_the_middle),
        TEST(nobody_listens),
        TEST(request_is_as_asked),
        TEST(a_host_by_name),
        TEST(bad_requests),
        TEST(too_large),
        TEST(too_large_while_it_streams),
        TEST(headers_are_bounded),
        TEST(timeouts),
        TEST(retry_after),
        TEST(connection_is_kept),
        TEST(idle_connection_closed_by_the_server),
        TEST(leaves_in_the_same_turn),
        TEST(proxies_are_ignored),
        TEST(answer_comes_while_the_request_goes),
        TEST(echo_of_eight_megabytes),
        TEST(answer_before_the_request_is_out),
        TEST(cancel_inside_a_callback),
        TEST(start_inside_a_callback),
        TEST(free_inside_a_callback),
        TEST(free_with_calls_under_way),
        TEST(many_at_once),
        TEST(a_dead_path_is_left),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
