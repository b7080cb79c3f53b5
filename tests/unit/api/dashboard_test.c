/* The dashboard on a real server and a real ledger, with a status made up here: everything once, then what changes;
 * what is not known; what strangers' words look like; which hosts are answered. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "api/client.h"
#include "api/dashboard.h"
#include "api/dashboard_text.h"
#include "job/job_state.h"
#include "ledger/history.h"
#include "net/loop.h"
#include "util/clock.h"
#include "util/log.h"

#define LIMIT_MS 20000

struct fixture {
    uv_loop_t loop;
    struct http_server *server;
    struct dashboard *dashboard;
    struct ledger *ledger;
    struct rpc *rpc;
    struct tokens *tokens;
    char dir[64];
    struct node_status status;
    size_t looks;
};

static void op_status(void *arg, struct node_status *out)
{
    struct fixture *f = arg;
    f->looks++;
    *out = f->status;
    if (out->n_open_jobs)
        out->open_jobs = xmemdup(out->open_jobs, out->n_open_jobs * sizeof *out->open_jobs);
    if (out->n_endpoints)
        out->endpoints = xmemdup(out->endpoints, out->n_endpoints * sizeof *out->endpoints);
}

static void on_request(void *arg, const struct http_server_request *req, struct http_reply *reply)
{
    struct fixture *f = arg;
    if (dashboard_serves(req->path))
        dashboard_answer(f->dashboard, req, reply);
    else
        http_reply_send(reply, 404, NULL, "none", 4);
}

static int set_up(void **state)
{
    struct fixture *f = xcalloc(1, sizeof *f);
    struct err e = { 0 };
    char path[96];
    const char *nowhere = "http://127.0.0.1:1/", *no_ws = "ws://127.0.0.1:1/";
    struct rpc_config config = { &nowhere, 1, &no_ws, 1, 1, 2000, 10000 };
    struct ledger_identity us = { 1, { { 1 } }, { { 2 } } };
    log_init(LOG_FORMAT_LOGFMT, LOG_ERROR);
    f->status = (struct node_status){ .version = "1.2", .registration = REG_UNKNOWN, .env = -1 };
    (void)snprintf(f->dir, sizeof f->dir, "/tmp/dashboard_test_XXXXXX");
    assert_non_null(mkdtemp(f->dir));
    (void)snprintf(path, sizeof path, "%s/ledger.db", f->dir);
    assert_int_equal(uv_loop_init(&f->loop), 0);
    f->ledger = ledger_open(path, &us, false, &e);
    f->rpc = rpc_new(&f->loop, &config, &e);
    assert_true(f->ledger && f->rpc);
    f->tokens = tokens_new(f->rpc, &us.enclave);
    struct dashboard_parts parts = { f->ledger, f->tokens, op_status, f };
    f->dashboard = dashboard_new(&f->loop, &parts);
    f->server = http_server_new(&f->loop, "127.0.0.1", 0, on_request, f, &e);
    assert_non_null(f->server);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    char command[96];
    http_server_free(f->server);
    dashboard_free(f->dashboard);
    tokens_free(f->tokens);
    rpc_free(f->rpc);
    assert_true(loop_finish(&f->loop));
    ledger_close(f->ledger);
    (void)snprintf(command, sizeof command, "rm -rf %s", f->dir);
    free(f->status.open_jobs);
    free(f->status.endpoints);
    int rc = system(command);
    free(f);
    return rc;
}

/* ---- a viewer ---- */

struct viewer {
    struct fixture *f;
    int fd;
    struct buf got;
};

static struct viewer look(struct fixture *f)
{
    static const char ask[] = "GET /dashboard/events HTTP/1.1\r\nHost: localhost\r\n\r\n";
    struct viewer v = { .f = f };
    struct sockaddr_in sa;
    assert_int_equal(uv_ip4_addr("127.0.0.1", http_server_port(f->server), &sa), 0);
    v.fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(connect(v.fd, (struct sockaddr *)&sa, sizeof sa), 0);
    assert_int_equal(send(v.fd, ask, sizeof ask - 1, MSG_NOSIGNAL), sizeof ask - 1);
    return v;
}

/* Runs the loop until the viewer has read text; what it has read since the last time is returned, and forgotten. */
static char *read_until(struct viewer *v, const char *text)
{
    uint64_t end_ms = clock_mono_ms() + LIMIT_MS;
    while (!strstr(buf_cstr(&v->got), text)) {
        if (clock_mono_ms() > end_ms)
            fail_msg("no %s in: %s", text, buf_cstr(&v->got));
        loop_for(&v->f->loop, 2);
        buf_reserve(&v->got, 65536);
        ssize_t n = recv(v->fd, v->got.data + v->got.len, 65536, MSG_DONTWAIT);
        v->got.len += n > 0 ? (size_t)n : 0;
    }
    char *all = xstrdup(buf_cstr(&v->got));
    buf_reset(&v->got);
    return all;
}

/* Reads up to there and asks which words came along, and which did not. */
static void expect(struct viewer *v, const char *until, const char *also, const char *without)
{
    char *all = read_until(v, until);
    if (also && !strstr(all, also))
        fail_msg("no %s in: %s", also, all);
    if (without && strstr(all, without))
        fail_msg("%s is in: %s", without, all);
    free(all);
}

static void leave(struct viewer *v)
{
    (void)close(v->fd);
    buf_free(&v->got);
}

static void put_final_job(struct ledger *l, uint64_t id, uint64_t seen_ms)
{
    struct ledger_job j = { .id = u256_from_u64(id),
                            .state = JOB_CONFIRMED,
                            .seen_wall_ms = seen_ms,
                            .tx_hash = { 1 },
                            .event_to_tx_us = 2500 };
    ledger_put_job(l, &j);
}

/* ---- tests ---- */

static void everything_then_what_changes(void **state)
{
    struct fixture *f = *state;
    put_final_job(f->ledger, 7, 1000);
    ledger_count(f->ledger, LEDGER_ANSWERED, clock_wall_ms());
    struct viewer v = look(f);
    expect(&v, "event: hours", "\"registration\":\"unknown\"", NULL);
    expect(&v, "event: tick", NULL, "event: state"); /* nothing has changed */
    f->status.registration = REG_ACTIVE;
    dashboard_touch(f->dashboard);
    expect(&v, "\"registration\":\"active\"", "data: {\"node\":", "\"slots\"");
    put_final_job(f->ledger, 8, 2000);
    expect(&v, "event: jobs", NULL, "\"id\":\"7\"");
    struct ledger_receipt r = { .job_id = u256_from_u64(7), .ok = true, .rank = 3, .gas_used = 5 };
    ledger_put_receipt(f->ledger, &r);
    expect(&v, "\"rank\":3", "{\"id\":\"7\"", "{\"id\":\"8\"");
    ledger_put_slash(f->ledger, u256_from_u64(8), clock_wall_ms());
    expect(&v, "event: hours", "\"outcome\":\"slashed\"", NULL);
    leave(&v);
}

static void a_second_viewer_is_told_everything_too(void **state)
{
    struct fixture *f = *state;
    struct viewer one = look(f);
    expect(&one, "event: tick", NULL, NULL);
    f->status.registration = REG_DRAINING;
    put_final_job(f->ledger, 7, 1000);
    struct viewer two = look(f);
    expect(&two, "event: jobs", "event: hello", NULL);
    expect(&one, "\"id\":\"7\"", NULL, "event: hello");
    expect(&two, "draining", NULL, NULL);
    leave(&one);
    leave(&two);
}

static void nobody_looks_nothing_is_read(void **state)
{
    struct fixture *f = *state;
    dashboard_touch(f->dashboard);
    loop_for(&f->loop, 1300);
    assert_int_equal(f->looks, 0);
    struct viewer v = look(f);
    expect(&v, "event: tick", NULL, NULL);
    leave(&v);
    size_t looks = 0;
    for (int i = 0; i < 10 && looks != f->looks; i++) { /* until its leaving was noticed */
        looks = f->looks;
        loop_for(&f->loop, 1300);
    }
    assert_true(looks > 0);
    assert_int_equal(f->looks, looks);
}

static void what_is_not_known_is_null(void **state)
{
    struct fixture *f = *state;
    put_final_job(f->ledger, 7, 1000);
    struct viewer v = look(f);
    char *all = read_until(&v, "\"tx\":\"0x01");
    static const char *const nulls[] = { "\"generation\":null",  "\"owner\":null",       "\"stake\":null",
                                         "\"stake_token\":null", "\"balance\":null",     "\"answers_left\":null",
                                         "\"skew_ms\":null",     "\"gas_address\":null", "\"env\":null" };
    for (size_t i = 0; i < sizeof nulls / sizeof *nulls; i++)
        if (!strstr(all, nulls[i]))
            fail_msg("no %s in: %s", nulls[i], all);
    assert_non_null(strstr(all, "\"rank\":null,\"earned\":null,\"token\":null,\"gas\":null,\"cost\":null"));
    free(all);
    leave(&v);
}

static void every_section_is_json(void **state)
{
    struct fixture *f = *state;
    f->status.n_open_jobs = 2;
    f->status.open_jobs = xcalloc(2, sizeof *f->status.open_jobs);
    for (int i = 0; i < 2; i++)
        f->status.open_jobs[i] = (struct job_view){ .state = JOB_RUNNING, .age_ms = 5, .error_code = -1 };
    f->status.n_endpoints = 2;
    f->status.endpoints = xcalloc(2, sizeof *f->status.endpoints);
    f->status.endpoints[0].url = "http://a\"b</script>\n\xff/";
    f->status.endpoints[1].url = "ws://c";
    for (int i = 0; i < SECTION_COUNT; i++) {
        struct buf text = { 0 };
        struct err e = { 0 };
        if (i == SECTION_TOKENS)
            continue;
        dashboard_put_section(&text, (enum dashboard_section)i, &f->status, NULL, 100000);
        struct json *json = json_parse((const char *)text.data, text.len, &e);
        if (!json)
            fail_msg("%s: %s", buf_cstr(&text), e.msg);
        assert_null(memchr(text.data, '\n', text.len)); /* would end the event */
        if (i == SECTION_LIVE || i == SECTION_RPC)
            assert_int_equal(json_len(json), 2);
        json_free(json);
        buf_free(&text);
    }
}

static int status_for(struct fixture *f, const char *method, const char *path, const char *host)
{
    struct client c = { 0 };
    char request[256];
    int n = snprintf(request, sizeof request, "%s %s HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n", method, path,
                     host);
    client_start(&c, &f->loop, http_server_port(f->server), request, (size_t)n);
    (void)client_wait(&c, &f->loop);
    int status = client_status(&c);
    client_end(&c);
    return status;
}

static void only_direct_hosts_are_answered(void **state)
{
    struct fixture *f = *state;
    static const char *const ours[] = { "",      "localhost",  "localhost:9001", "127.0.0.1",  "127.0.0.1:9001",
                                        "[::1]", "[::1]:9001", "10.1.2.3:80",    "[fe80::1]:1" };
    static const char *const foreign[] = { "evil.example",
                                           "evil.example:9001",
                                           "localhost.evil",
                                           "127.0.0.1.evil",
                                           "[::1].evil:9001",
                                           "[evil]:9001",
                                           "[",
                                           "[]",
                                           ":evil",
                                           "a:b:c",
                                           "[::1",
                                           "0123456789012345678901234567890123456789012345678901234567890123456789" };
    for (size_t i = 0; i < sizeof ours / sizeof *ours; i++)
        if (status_for(f, "GET", "/dashboard", ours[i]) != 200)
            fail_msg("%s is refused", ours[i]);
    for (size_t i = 0; i < sizeof foreign / sizeof *foreign; i++)
        if (status_for(f, "GET", "/dashboard", foreign[i]) != 403)
            fail_msg("%s is answered", foreign[i]);
    assert_int_equal(status_for(f, "GET", "/dashboard/events", "evil.example"), 403);
}

static void methods(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(status_for(f, "HEAD", "/dashboard", "localhost"), 200);
    assert_int_equal(status_for(f, "POST", "/dashboard", "localhost"), 405);
    assert_int_equal(status_for(f, "HEAD", "/dashboard/events", "localhost"), 405);
    assert_int_equal(status_for(f, "GET", "/dashboard.map", "localhost"), 404);
}

static void freed_with_a_viewer(void **state)
{
    struct fixture *f = *state;
    struct viewer v = look(f);
    expect(&v, "event: tick", NULL, NULL);
    leave(&v);
    v = look(f);
    expect(&v, "event: tick", NULL, NULL);
    dashboard_touch(f->dashboard);
    leave(&v);
}

#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(everything_then_what_changes),
        T(a_second_viewer_is_told_everything_too),
        T(nobody_looks_nothing_is_read),
        T(what_is_not_known_is_null),
        T(every_section_is_json),
        T(only_direct_hosts_are_answered),
        T(methods),
        T(freed_with_a_viewer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
