/* The WebSocket client against servers that speak well, badly, or not at all. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "net/loop.h"
#include "net/server.h"
#include "net/ws_client.h"
#include "util/clock.h"

#define WAIT_MS 10000
#define MAX_MESSAGE (2u << 20)

/* A label over 63 characters: refused before any name server is asked. */
#define TEN "aaaaaaaaaa"
#define NO_SUCH_HOST "ws://" TEN TEN TEN TEN TEN TEN TEN ":1/"

struct fixture {
    uv_loop_t loop;
    struct server *server;
    struct ws_context *ctx;
    struct ws_client *client;
    server_fn *frames; /* what the server does once the handshake is done */
    const char *raw;   /* instead of a handshake */
    bool raw_close;
    struct buf head; /* of the last handshake */
    int opened, closed, messages, accepted;
    struct buf last; /* message */
    char reason[300];
    void (*on_message)(struct fixture *f);
    void (*on_open)(struct fixture *f);
};

static void on_open(void *arg)
{
    struct fixture *f = arg;
    f->opened++;
    if (f->on_open)
        f->on_open(f);
}

static void on_message(void *arg, const char *text, size_t len)
{
    struct fixture *f = arg;
    f->messages++;
    buf_reset(&f->last);
    buf_append(&f->last, text, len);
    if (f->on_message)
        f->on_message(f);
}

static void on_close(void *arg, const char *reason)
{
    struct fixture *f = arg;
    f->closed++;
    f->client = NULL;
    assert_null(strchr(reason, '\n'));
    (void)snprintf(f->reason, sizeof f->reason, "%s", reason);
}

static const struct ws_events events = { on_open, on_message, on_close };

static void serve(void *arg, struct peer *p, bool eof)
{
    struct fixture *f = arg;
    if (!*peer_tag(p)) {
        if (peer_in(p)->len == 0 || !memmem(peer_in(p)->data, peer_in(p)->len, "\r\n\r\n", 4))
            return;
        buf_reset(&f->head);
        buf_append(&f->head, peer_in(p)->data, peer_in(p)->len);
        if (f->raw) {
            peer_puts(p, f->raw);
            if (f->raw_close)
                peer_close(p);
            return;
        }
        if (!peer_ws_accept(p))
            return;
        *peer_tag(p) = 1;
        f->accepted++;
    }
    if (f->frames)
        f->frames(f, p, eof);
}

static int setup(void **state)
{
    struct fixture *f = xcalloc(1, sizeof *f);
    struct err e = { 0 };
    (void)uv_loop_init(&f->loop);
    f->server = server_start(&f->loop, serve, f);
    f->ctx = ws_context_new(&f->loop, &e);
    *state = f;
    return f->ctx ? 0 : -1;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    ws_context_free(f->ctx);
    server_stop(f->server);
    bool empty = loop_finish(&f->loop);
    buf_free(&f->last);
    buf_free(&f->head);
    free(f);
    return empty ? 0 : -1;
}

static void connect_to(struct fixture *f, const char *url, uint64_t ping_ms)
{
    struct err e = { 0 };
    struct ws_options opt = { url, 500, ping_ms, MAX_MESSAGE };
    f->client = ws_client_connect(f->ctx, &opt, &events, f, &e);
    if (!f->client)
        fail_msg("%s", e.msg);
    assert_int_equal(f->closed, 0);
}

static void open_to(struct fixture *f, server_fn *frames)
{
    f->frames = frames;
    connect_to(f, server_url(f->server, "ws"), 5000);
    if (!loop_until(&f->loop, &f->opened, WAIT_MS))
        fail_msg("%s", f->reason);
}

/* ---- messages ---- */

static void echo_frames(void *arg, struct peer *p, bool eof)
{
    int opcode;
    const char *data;
    size_t len;
    (void)arg;
    (void)eof;
    while (peer_ws_frame(p, &opcode, &data, &len))
        if (opcode == WS_TEXT)
            peer_ws_send(p, WS_TEXT, true, data, len);
}

static void text_there_and_back(void **state)
{
    struct fixture *f = *state;
    f->frames = echo_frames;
    connect_to(f, server_url(f->server, "ws"), 5000);
    ws_client_send(f->client, "early", 5); /* before the connection stands */
    assert_true(loop_until(&f->loop, &f->messages, WAIT_MS));
    assert_memory_equal(f->last.data, "early", 5);
    ws_client_send(f->client, "one", 3);
    ws_client_send(f->client, "two", 3);
    while (f->messages < 3)
        (void)uv_run(&f->loop, UV_RUN_ONCE);
    assert_memory_equal(f->last.data, "two", 3);
    assert_int_equal(f->opened, 1);
    assert_int_equal(f->closed, 0);
}

static void big_text_there_and_back(void **state)
{
    struct fixture *f = *state;
    char *text = xcalloc(1, MAX_MESSAGE);
    for (size_t i = 0; i < MAX_MESSAGE; i++)
        text[i] = (char)('a' + i % 23);
    open_to(f, echo_frames);
    ws_client_send(f->client, text, MAX_MESSAGE);
    assert_true(loop_until(&f->loop, &f->messages, WAIT_MS));
    assert_int_equal(f->last.len, MAX_MESSAGE);
    assert_memory_equal(f->last.data, text, MAX_MESSAGE);
    free(text);
}

static void send_fragments(struct peer *p)
{
    peer_ws_send(p, WS_TEXT, false, "to", 2);
    peer_ws_send(p, WS_PING, true, "?", 1);
    peer_ws_send(p, WS_CONT, false, "ge", 2);
    peer_ws_send(p, WS_CONT, false, "", 0);
    peer_ws_send(p, WS_CONT, true, "ther", 4);
}

static void note_pong(void *arg, struct peer *p, bool eof)
{
    struct fixture *f = arg;
    int opcode;
    const char *data;
    size_t len;
    (void)eof;
    while (peer_ws_frame(p, &opcode, &data, &len))
        if (opcode == WS_PONG && len == 1 && data[0] == '?')
            f->accepted = 100;
}

static void fragments_are_joined(void **state)
{
    struct fixture *f = *state;
    open_to(f, note_pong);
    server_each(f->server, send_fragments);
    assert_true(loop_until(&f->loop, &f->messages, WAIT_MS));
    assert_int_equal(f->last.len, 8);
    assert_memory_equal(f->last.data, "together", 8);
    loop_for(&f->loop, 50);
    assert_int_equal(f->messages, 1);
    assert_int_equal(f->accepted, 100); /* the ping between was answered */
}

static void send_hundred_in_one_write(struct peer *p)
{
    struct buf b = { 0 };
    for (int i = 0; i < 100; i++) {
        buf_push(&b, 0x81);
        buf_push(&b, 2);
        buf_printf(&b, "%02d", i);
    }
    peer_send(p, b.data, b.len);
    buf_free(&b);
}

static void check_order(struct fixture *f)
{
    char want[16];
    (void)snprintf(want, sizeof want, "%02d", (f->messages - 1) % 100);
    assert_memory_equal(f->last.data, want, 2);
}

static void hundred_messages_in_one_segment(void **state)
{
    struct fixture *f = *state;
    open_to(f, NULL);
    f->on_message = check_order;
    uint64_t before_us = clock_mono_us();
    server_each(f->server, send_hundred_in_one_write);
    while (f->messages < 100 && clock_mono_us() - before_us < WAIT_MS * 1000u)
        (void)uv_run(&f->loop, UV_RUN_ONCE);
    assert_int_equal(f->messages, 100);
}

/* ---- too much ---- */

static void send_too_long(struct peer *p)
{
    char *text = xcalloc(1, MAX_MESSAGE + 1);
    peer_ws_send(p, WS_TEXT, true, text, MAX_MESSAGE + 1);
    free(text);
}

static void send_too_long_in_fragments(struct peer *p)
{
    char *text = xcalloc(1, MAX_MESSAGE / 4);
    for (int i = 0; i < 5; i++)
        peer_ws_send(p, i ? WS_CONT : WS_TEXT, false, text, MAX_MESSAGE / 4);
    free(text);
}

static void over_long_messages(void **state)
{
    struct fixture *f = *state;
    void (*const senders[])(struct peer *) = { send_too_long, send_too_long_in_fragments };
    for (size_t i = 0; i < 2; i++) {
        f->opened = f->closed = 0;
        open_to(f, NULL);
        server_each(f->server, senders[i]);
        assert_true(loop_until(&f->loop, &f->closed, WAIT_MS));
        assert_non_null(strstr(f->reason, "message over 2097152 bytes"));
        assert_int_equal(f->messages, 0);
        assert_true(server_settles(f->server, 0));
    }
}

/* ---- no connection ---- */

struct refusal {
    const char *raw;
    bool close;
    const char *reason; /* part of it */
};

static const struct refusal refusals[] = {
    { "HTTP/1.1 429 Too Many\r\nContent-Length: 0\r\n\r\n", false, "HTTP status 429" },
    { "HTTP/1.1 401 No\r\nContent-Length: 2\r\n\r\nno", true, "HTTP status 401" },
    { "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 13\r\n\r\n<html></html>", false,
      "HTTP status 200" },
    { "HTTP/1.1 101 Switching\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: "
      "AAAAAAAAAAAAAAAAAAAAAAAAAAA=\r\n\r\n",
      false, "" },
    { "HTTP/1.1 101 Switching\r\nUpgrade: websocket\r\n", true, "" },
    { "what is this\r\n\r\n", true, "" },
    { "", true, "" },
    { "", false, "timeout" },
    { "HTTP/1.1 101 Swi", false, "timeout" },
};

static void refusals_and_silence(void **state)
{
    struct fixture *f = *state;
    for (size_t i = 0; i < sizeof refusals / sizeof *refusals; i++) {
        f->closed = 0;
        f->raw = refusals[i].raw;
        f->raw_close = refusals[i].close;
        connect_to(f, server_url(f->server, "ws"), 5000);
        if (!loop_until(&f->loop, &f->closed, 3000))
            fail_msg("refusal %zu: not closed", i);
        if (!strstr(f->reason, refusals[i].reason))
            fail_msg("refusal %zu: %s", i, f->reason);
        assert_int_equal(f->opened, 0);
        assert_true(f->reason[0]);
    }
}

static void nobody_listens(void **state)
{
    struct fixture *f = *state;
    struct server *gone = server_start(&f->loop, serve, f);
    char url[64];
    (void)snprintf(url, sizeof url, "%s", server_url(gone, "ws"));
    server_stop(gone);
    loop_for(&f->loop, 10);
    connect_to(f, url, 5000);
    assert_true(loop_until(&f->loop, &f->closed, WAIT_MS));
    f->closed = 0;
    connect_to(f, NO_SUCH_HOST, 5000);
    assert_true(loop_until(&f->loop, &f->closed, WAIT_MS));
}

static void bad_urls(void **state)
{
    struct fixture *f = *state;
    static const char *const urls[] = { "", "http://127.0.0.1/", "ws://", "127.0.0.1:1", "ws://u:secret@/" };
    for (size_t i = 0; i < sizeof urls / sizeof *urls; i++) {
        struct err e = { 0 };
        struct ws_options opt = { urls[i], 500, 500, 100 };
        assert_null(ws_client_connect(f->ctx, &opt, &events, f, &e));
        assert_true(e.code < 0);
        assert_null(strstr(e.msg, "secret"));
    }
}

static void handshake_is_as_asked(void **state)
{
    struct fixture *f = *state;
    char url[100];
    (void)setenv("http_proxy", "127.0.0.1:1", 1);
    (void)snprintf(url, sizeof url, "ws://me:secret@localhost:%u/v2/key?a=b", server_port(f->server));
    connect_to(f, url, 5000);
    if (!loop_until(&f->loop, &f->opened, WAIT_MS))
        fail_msg("%s", f->reason);
    (void)unsetenv("http_proxy");
    const char *head = buf_cstr(&f->head);
    assert_ptr_equal(strstr(head, "GET /v2/key?a=b HTTP/1.1\r\n"), head);
    assert_non_null(strcasestr(head, "\r\nauthorization: Basic bWU6c2VjcmV0\r\n"));
    char host[64];
    (void)snprintf(host, sizeof host, "\r\nHost: localhost:%u\r\n", server_port(f->server));
    assert_non_null(strcasestr(head, host));
}

/* ---- losing it ---- */

static void close_politely(struct peer *p)
{
    peer_ws_send(p, WS_CLOSE, true, "\x03\xe9going away", 12);
    peer_close(p);
}

static void reset_within_a_frame(struct peer *p)
{
    peer_send(p,
              "\x81\x7d"
              "only a part",
              13);
}

static void the_server_goes_away(void **state)
{
    struct fixture *f = *state;
    open_to(f, NULL);
    server_each(f->server, close_politely);
    assert_true(loop_until(&f->loop, &f->closed, WAIT_MS));
    assert_non_null(strstr(f->reason, "1001 going away"));
    f->opened = f->closed = 0;
    open_to(f, NULL);
    server_each(f->server, reset_within_a_frame);
    loop_for(&f->loop, 30);
    server_each(f->server, peer_reset);
    assert_true(loop_until(&f->loop, &f->closed, WAIT_MS));
    assert_int_equal(f->messages, 0);
    f->opened = f->closed = 0;
    open_to(f, NULL);
    server_each(f->server, peer_close);
    assert_true(loop_until(&f->loop, &f->closed, WAIT_MS));
}

static void silence_is_pinged(void **state)
{
    struct fixture *f = *state;
    f->frames = NULL; /* hears the pings and says nothing */
    connect_to(f, server_url(f->server, "ws"), 100);
    assert_true(loop_until(&f->loop, &f->opened, WAIT_MS));
    uint64_t before_ms = clock_mono_ms();
    assert_true(loop_until(&f->loop, &f->closed, WAIT_MS));
    assert_non_null(strstr(f->reason, "ping"));
    assert_in_range(clock_mono_ms() - before_ms, 190, 2000);
}

static void answer_pings(void *arg, struct peer *p, bool eof)
{
    int opcode;
    const char *data;
    size_t len;
    (void)eof;
    while (peer_ws_frame(p, &opcode, &data, &len))
        if (opcode == WS_PING) {
            peer_ws_send(p, WS_PONG, true, data, len);
            ((struct fixture *)arg)->accepted++;
        }
}

static void answered_pings_keep_it_open(void **state)
{
    struct fixture *f = *state;
    f->frames = answer_pings;
    connect_to(f, server_url(f->server, "ws"), 50);
    assert_true(loop_until(&f->loop, &f->opened, WAIT_MS));
    loop_for(&f->loop, 500);
    assert_int_equal(f->closed, 0);
    assert_true(f->accepted > 3);
}

/* ---- ending it ourselves ---- */

static void close_client(struct fixture *f)
{
    ws_client_close(f->client);
    f->client = NULL;
}

static void free_context(struct fixture *f)
{
    ws_context_free(f->ctx);
    f->ctx = NULL;
}

static void closing_inside_callbacks(void **state)
{
    struct fixture *f = *state;
    f->on_open = close_client;
    open_to(f, NULL);
    assert_true(server_settles(f->server, 0));
    f->on_open = NULL;
    f->on_message = close_client;
    f->opened = 0;
    open_to(f, NULL);
    server_each(f->server, send_hundred_in_one_write);
    loop_for(&f->loop, 100);
    assert_int_equal(f->messages, 1);
    assert_int_equal(f->closed, 0);
    assert_true(server_settles(f->server, 0));
}

static void freeing_the_context_inside_a_message(void **state)
{
    struct fixture *f = *state;
    open_to(f, NULL);
    f->on_message = free_context;
    server_each(f->server, send_hundred_in_one_write);
    loop_for(&f->loop, 100);
    assert_int_equal(f->messages, 1);
    assert_int_equal(f->closed, 0);
    assert_true(server_settles(f->server, 0));
}

static void freeing_at_every_stage(void **state)
{
    struct fixture *f = *state;
    for (uint64_t ms = 0; ms < 6; ms++) {
        connect_to(f, server_url(f->server, "ws"), 5000);
        connect_to(f, "ws://localhost:1/", 5000);
        loop_for(&f->loop, ms);
        struct err e = { 0 };
        ws_context_free(f->ctx);
        f->closed = 0;
        f->ctx = ws_context_new(&f->loop, &e);
    }
    loop_for(&f->loop, 100);
    assert_int_equal(f->closed, 0);
    assert_true(server_settles(f->server, 0));
}

/* More descriptors in use than libwebsockets has room for connections. */
static void high_descriptors(void **state)
{
    struct fixture *f = *state;
    int fds[300];
    for (size_t i = 0; i < 300; i++)
        fds[i] = dup(2);
    open_to(f, echo_frames);
    ws_client_send(f->client, "high", 4);
    assert_true(loop_until(&f->loop, &f->messages, WAIT_MS));
    assert_memory_equal(f->last.data, "high", 4);
    for (size_t i = 0; i < 300; i++)
        (void)close(fds[i]);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(text_there_and_back),      TEST(big_text_there_and_back),
        TEST(fragments_are_joined),     TEST(hundred_messages_in_one_segment),
        TEST(over_long_messages),       TEST(refusals_and_silence),
        TEST(nobody_listens),           TEST(bad_urls),
        TEST(handshake_is_as_asked),    TEST(the_server_goes_away),
        TEST(silence_is_pinged),        TEST(answered_pings_keep_it_open),
        TEST(closing_inside_callbacks), TEST(freeing_the_context_inside_a_message),
        TEST(freeing_at_every_stage),   TEST(high_descriptors),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
