/* GET /attestation/raw and /attestation/hex over real sockets. The device is the test's: it tells what it was asked for
 * and answers when the test lets it. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "api/client.h"
#include "api/routes.h"
#include "util/buf.h"
#include "util/hex.h"

static const uint8_t document[] = { 0x84, 0x44, 0x00, 0x0a, 0xff };

struct fixture {
    uv_loop_t loop;
    struct api *api;
    uv_timer_t timer;
    struct err error; /* instead of the document */
    uint8_t nonce[600];
    size_t nonce_len, calls, cancels;
    bool asked;
    api_attested_fn *done;
    void *done_arg;
};

static void on_timer(uv_timer_t *timer)
{
    struct fixture *f = timer->data;
    api_attested_fn *done = f->done;
    f->done = NULL;
    done(f->done_arg, f->error.code ? NULL : document, sizeof document, &f->error);
}

static void op_attest(void *arg, const uint8_t *nonce, size_t len, api_attested_fn *done, void *done_arg)
{
    struct fixture *f = arg;
    assert_null(f->done); /* one at a time */
    f->calls++;
    memcpy(f->nonce, nonce, len);
    f->nonce_len = len;
    f->done = done;
    f->done_arg = done_arg;
    f->asked = true;
    (void)uv_timer_start(&f->timer, on_timer, 10, 0);
}

static void op_cancel(void *arg)
{
    struct fixture *f = arg;
    f->cancels++;
    f->done = NULL;
    (void)uv_timer_stop(&f->timer);
}

static const struct api_ops ops = { .attest = op_attest, .cancel_attest = op_cancel };

static int set_up(void **state)
{
    struct fixture *f = xcalloc(1, sizeof *f);
    assert_int_equal(uv_loop_init(&f->loop), 0);
    (void)uv_timer_init(&f->loop, &f->timer);
    f->timer.data = f;
    f->api = api_new(&f->loop, "127.0.0.1", 0, &ops, f, NULL);
    assert_non_null(f->api);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    api_free(f->api);
    uv_close((uv_handle_t *)&f->timer, NULL);
    (void)uv_run(&f->loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&f->loop), 0);
    free(f);
    return 0;
}

static void start(struct client *c, struct fixture *f, const char *path)
{
    struct buf b = { 0 };
    buf_printf(&b, "GET %s HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", path);
    client_start(c, &f->loop, api_port(f->api), b.data, b.len);
    buf_free(&b);
}

static void expect(struct fixture *f, const char *path, int status, const char *text)
{
    struct client c = { 0 };
    start(&c, f, path);
    (void)client_wait(&c, &f->loop);
    assert_string_equal(client_body(&c), text);
    assert_int_equal(client_status(&c), status);
    assert_non_null(strstr(c.response, "\r\nContent-Type: text/plain; charset=utf-8\r\n"));
    client_end(&c);
}

static void raw(void **state)
{
    struct fixture *f = *state;
    struct client c = { 0 };
    start(&c, f, "/attestation/raw");
    (void)client_wait(&c, &f->loop);
    assert_int_equal(client_status(&c), 200);
    assert_non_null(strstr(c.response, "\r\nContent-Type: application/octet-stream\r\n"));
    assert_int_equal(c.response_len - (size_t)(client_body(&c) - c.response), sizeof document);
    assert_memory_equal(client_body(&c), document, sizeof document);
    assert_int_equal(f->nonce_len, 0);
    client_end(&c);
}

static void hex(void **state)
{
    expect(*state, "/attestation/hex", 200, "8444000aff");
}

static void nonces(void **state)
{
    struct fixture *f = *state;
    struct buf path = { 0 };
    expect(f, "/attestation/hex?nonce=00fFAa", 200, "8444000aff");
    assert_int_equal(f->nonce_len, 3);
    assert_memory_equal(f->nonce, "\x00\xff\xaa", 3);
    expect(f, "/attestation/hex?nonce=", 200, "8444000aff");
    assert_int_equal(f->nonce_len, 0);
    buf_puts(&path, "/attestation/hex?nonce=");
    memset(buf_extend(&path, 1024), 'a', 1024);
    expect(f, buf_cstr(&path), 200, "8444000aff");
    assert_int_equal(f->nonce_len, 512);
    buf_free(&path);
}

static void bad_queries(void **state)
{
    struct fixture *f = *state;
    struct buf path = { 0 };
    const char *unknown = "Unknown query, expected nonce=<hex> or nothing\n";
    expect(f, "/attestation/raw?nonce=0", 400, "Invalid nonce: found 1 hex digits, expected an even number\n");
    expect(f, "/attestation/raw?nonce=0x12", 400, "Invalid nonce: character 2 is no hex digit\n");
    expect(f, "/attestation/hex?nonce=zz", 400, "Invalid nonce: character 1 is no hex digit\n");
    expect(f, "/attestation/hex?x=1", 400, unknown);
    expect(f, "/attestation/hex?nonce=00&user_data=11", 400, unknown);
    expect(f, "/attestation/hex?NONCE=00", 400, unknown);
    buf_puts(&path, "/attestation/hex?nonce=");
    memset(buf_extend(&path, 1026), 'a', 1026);
    expect(f, buf_cstr(&path), 400, "Invalid nonce: found 1026 hex digits, expected at most 1024\n");
    assert_int_equal(f->calls, 0);
    buf_free(&path);
}

static void failures(void **state)
{
    struct fixture *f = *state;
    (void)err_set(&f->error, -ENODEV, "no device");
    expect(f, "/attestation/raw", 503, "Failed to get an attestation document: no device\n");
    f->error = (struct err){ 0 };
    (void)err_set(&f->error, -EIO, "InternalError");
    expect(f, "/attestation/hex", 500, "Failed to get an attestation document: InternalError\n");
    f->error = (struct err){ 0 };
    expect(f, "/attestation/hex", 200, "8444000aff");
}

static void one_at_a_time(void **state)
{
    enum { N = 8 };
    struct fixture *f = *state;
    struct client clients[N] = { 0 };
    for (size_t i = 0; i < N; i++)
        start(&clients[i], f, i % 2 ? "/attestation/hex" : "/attestation/raw");
    for (size_t i = 0; i < N; i++) {
        (void)client_wait(&clients[i], &f->loop);
        assert_int_equal(client_status(&clients[i]), 200);
        client_end(&clients[i]);
    }
    assert_int_equal(f->calls, N);
}

static void freed_while_waiting(void **state)
{
    struct fixture *f = *state;
    struct client c = { 0 };
    start(&c, f, "/attestation/raw");
    run_until(&f->loop, &f->asked);
    api_free(f->api);
    f->api = NULL;
    (void)client_wait(&c, &f->loop);
    assert_int_equal(client_status(&c), 0);
    assert_int_equal(f->cancels, 1);
    client_end(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(raw, set_up, tear_down),
        cmocka_unit_test_setup_teardown(hex, set_up, tear_down),
        cmocka_unit_test_setup_teardown(nonces, set_up, tear_down),
        cmocka_unit_test_setup_teardown(bad_queries, set_up, tear_down),
        cmocka_unit_test_setup_teardown(failures, set_up, tear_down),
        cmocka_unit_test_setup_teardown(one_at_a_time, set_up, tear_down),
        cmocka_unit_test_setup_teardown(freed_while_waiting, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
