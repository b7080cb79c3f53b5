/* The subscription over endpoints that go away, go silent, refuse, lag, or are of another chain. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "net/loop.h"
#include "net/rpc.h"
#include "net/server.h"
#include "util/clock.h"

#define WAIT_MS 10000
#define CHAIN 7u
#define N 2

enum manner { GOOD, MUTE, NO_SUBSCRIBE, NUMBER_AS_ID, NO_WS, EARLY_LOGS };

struct endpoint {
    struct server *server;
    enum manner manner;
    uint64_t chain;
    int subscribed; /* times that heads were granted */
    int dropped;    /* times that they were given up again */
    bool no_heads;  /* … are refused */
    char url[64];
    struct fixture *f;
};

struct fixture {
    uv_loop_t loop;
    struct endpoint eps[N];
    struct rpc *rpc;
    uint64_t silence_ms;
    int ups, downs, switches, heads, logs;
    char trace[200]; /* u, d, s, h, l (of the leader: L) in order */
    char reason[300];
    char last_log[64];
    uint64_t log_us;
    void (*hook)(struct fixture *f, char event);
};

static void note(struct fixture *f, char event)
{
    size_t n = strlen(f->trace);
    if (n + 1 < sizeof f->trace)
        f->trace[n] = event;
    if (f->hook)
        f->hook(f, event);
}

static void on_up(void *arg)
{
    struct fixture *f = arg;
    f->ups++;
    note(f, 'u');
}

static void on_down(void *arg, const char *reason)
{
    struct fixture *f = arg;
    f->downs++;
    (void)snprintf(f->reason, sizeof f->reason, "%s", reason);
    note(f, 'd');
}

static void on_switch(void *arg, const char *reason)
{
    struct fixture *f = arg;
    f->switches++;
    (void)snprintf(f->reason, sizeof f->reason, "%s", reason);
    note(f, 's');
}

static void on_head(void *arg, const struct json *head)
{
    struct fixture *f = arg;
    assert_non_null(json_get(head, "number"));
    f->heads++;
    note(f, 'h');
}

static void on_log(void *arg, const struct json *log, bool leading)
{
    struct fixture *f = arg;
    f->log_us = clock_mono_us();
    (void)snprintf(f->last_log, sizeof f->last_log, "%s", json_str(json_get(log, "data"), NULL));
    f->logs++;
    note(f, leading ? 'L' : 'l');
}

static const struct rpc_stream_events events = { on_up, on_down, on_switch, on_head, on_log };

static void notify(struct peer *p, const char *subscription, const char *result)
{
    char text[300];
    (void)snprintf(text, sizeof text,
                   "{\"jsonrpc\":\"2.0\",\"method\":\"eth_subscription\",\"params\":{\"subscription\":\"%s\","
                   "\"result\":%s}}",
                   subscription, result);
    peer_ws_text(p, text);
}

static void send_log(struct peer *p)
{
    notify(p, "0x10", "{\"data\":\"0xaa\",\"topics\":[]}");
}

static void send_head(struct peer *p)
{
    notify(p, "0x20", "{\"number\":\"0x5\"}");
}

static void send_stranger(struct peer *p)
{
    notify(p, "0x99", "{\"data\":\"0xbb\"}");
}

static void send_garbage(struct peer *p)
{
    peer_ws_text(p, "{\"jsonrpc\":\"2.0\",\"meth");
}

static void reply(struct peer *p, unsigned long long id, const char *members)
{
    char text[200];
    (void)snprintf(text, sizeof text, "{\"jsonrpc\":\"2.0\",\"id\":%llu,%s}", id, members);
    peer_ws_text(p, text);
}

static void grant(struct endpoint *ep, struct peer *p, unsigned long long id, bool logs)
{
    if (ep->manner == NO_SUBSCRIBE || (ep->no_heads && !logs)) {
        reply(p, id, "\"error\":{\"code\":-32601,\"message\":\"method not found\"}");
        return;
    }
    if (ep->manner == NUMBER_AS_ID) {
        reply(p, id, "\"result\":5");
        return;
    }
    reply(p, id, logs ? "\"result\":\"0x10\"" : "\"result\":\"0x20\"");
    if (ep->manner == EARLY_LOGS && logs)
        send_log(p);
    if (!logs)
        ep->subscribed++;
}

static void handle(struct endpoint *ep, struct peer *p, const char *text)
{
    char members[64];
    unsigned long long id = strtoull(strstr(text, "\"id\":") + 5, NULL, 10);
    if (ep->manner == MUTE)
        return;
    if (strstr(text, "eth_chainId")) {
        (void)snprintf(members, sizeof members, "\"result\":\"0x%llx\"", (unsigned long long)ep->chain);
        reply(p, id, members);
    } else if (strstr(text, "\"logs\"")) {
        assert_non_null(strstr(text, "[\"logs\",{\"address\":\"0x1\"}]"));
        grant(ep, p, id, true);
    } else if (strstr(text, "eth_unsubscribe")) {
        assert_non_null(strstr(text, "[\"0x20\"]"));
        ep->dropped++;
        reply(p, id, "\"result\":true");
    } else {
        grant(ep, p, id, false);
    }
}

static void serve(void *arg, struct peer *p, bool eof)
{
    struct endpoint *ep = arg;
    int opcode;
    const char *data;
    size_t len;
    if (!*peer_tag(p) && ep->manner == NO_WS) {
        peer_http_answer(p, 503, "", "busy");
        peer_close(p);
        return;
    }
    if (!*peer_tag(p) && !(*peer_tag(p) = peer_ws_accept(p)))
        return;
    while (!eof && peer_ws_frame(p, &opcode, &data, &len)) {
        char text[300];
        (void)snprintf(text, sizeof text, "%.*s", (int)len, data);
        if (opcode == WS_TEXT)
            handle(ep, p, text);
    }
}

static int setup(void **state)
{
    struct fixture *f = xcalloc(1, sizeof *f);
    (void)uv_loop_init(&f->loop);
    for (int i = 0; i < N; i++) {
        f->eps[i].server = server_start(&f->loop, serve, &f->eps[i]);
        f->eps[i].chain = CHAIN;
        f->eps[i].f = f;
        (void)snprintf(f->eps[i].url, sizeof f->eps[i].url, "%s", server_url(f->eps[i].server, "ws"));
    }
    f->silence_ms = 5000;
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    rpc_free(f->rpc);
    for (int i = 0; i < N; i++)
        server_stop(f->eps[i].server);
    bool empty = loop_finish(&f->loop);
    free(f);
    return empty ? 0 : -1;
}

static void make(struct fixture *f, size_t n)
{
    const char *http = "http://127.0.0.1:1/", *ws[N] = { f->eps[0].url, f->eps[1].url };
    struct err e = { 0 };
    struct rpc_config config = { &http, 1, ws, n, CHAIN, 300, f->silence_ms };
    f->rpc = rpc_new(&f->loop, &config, &e);
    if (!f->rpc)
        fail_msg("%s", e.msg);
    rpc_stream_start(f->rpc, "{\"address\":\"0x1\"}", &events, f);
    assert_int_equal(f->ups, 0);
}

static void start(struct fixture *f, size_t n)
{
    make(f, n);
    assert_true(loop_until(&f->loop, &f->ups, WAIT_MS));
}

static void heads_and_logs(void **state)
{
    struct fixture *f = *state;
    struct rpc_endpoint_status status;
    start(f, 1);
    server_each(f->eps[0].server, send_head);
    server_each(f->eps[0].server, send_log);
    server_each(f->eps[0].server, send_stranger);
    server_each(f->eps[0].server, send_log);
    while (f->logs < 2)
        (void)uv_run(&f->loop, UV_RUN_ONCE);
    assert_string_equal(f->trace, "uhLL");
    assert_int_equal(rpc_endpoint_count(f->rpc), 2);
    rpc_endpoint_status(f->rpc, 1, &status);
    assert_true(status.is_ws && status.up && !status.wrong_chain);
    assert_int_equal(status.head, 5);
    assert_true(status.latency_us > 0);
}

/* A log that comes between the two confirmations is delivered, behind on_up. */
static void early_logs_are_kept(void **state)
{
    struct fixture *f = *state;
    f->eps[0].manner = EARLY_LOGS;
    start(f, 1);
    assert_true(loop_until(&f->loop, &f->logs, WAIT_MS));
    assert_string_equal(f->trace, "uL");
}

static void comes_back_after(struct fixture *f, void (*trouble)(struct peer *p))
{
    start(f, 1);
    server_each(f->eps[0].server, send_head);
    assert_true(loop_until(&f->loop, &f->heads, WAIT_MS));
    f->ups = 0;
    server_each(f->eps[0].server, trouble);
    assert_true(loop_until(&f->loop, &f->downs, WAIT_MS));
    assert_true(f->reason[0]);
    assert_true(loop_until(&f->loop, &f->ups, WAIT_MS));
    f->logs = 0;
    server_each(f->eps[0].server, send_log);
    assert_true(loop_until(&f->loop, &f->logs, WAIT_MS));
    assert_string_equal(f->trace, "uhduL");
    assert_true(server_settles(f->eps[0].server, 1));
}

static void closed(void **state)
{
    comes_back_after(*state, peer_close);
}

static void reset(void **state)
{
    comes_back_after(*state, peer_reset);
}

static void garbage(void **state)
{
    comes_back_after(*state, send_garbage);
}

/* Which of the two leads, and which follows; both are up, and the follower has no heads. */
static struct endpoint *start_both(struct fixture *f, struct endpoint **follower)
{
    start(f, 2);
    for (int i = 0; i < 2; i++)
        assert_true(server_settles(f->eps[i].server, 1));
    int second = 0;
    for (int turn = 0; turn < 100 && f->heads == 0; turn++) { /* both are asked, the leader is heard */
        server_each(f->eps[0].server, send_head);
        loop_for(&f->loop, 10);
        second = f->heads == 0;
        if (second)
            server_each(f->eps[1].server, send_head);
        loop_for(&f->loop, 10);
    }
    assert_true(f->heads > 0);
    memset(f->trace, 0, sizeof f->trace);
    *follower = &f->eps[!second];
    return &f->eps[second];
}

/* Logs come from both, heads from one. */
static void all_are_listened_to(void **state)
{
    struct fixture *f = *state;
    struct endpoint *follower, *leader = start_both(f, &follower);
    server_each(follower->server, send_log);
    assert_true(loop_until(&f->loop, &f->logs, WAIT_MS));
    f->logs = 0;
    server_each(leader->server, send_log);
    assert_true(loop_until(&f->loop, &f->logs, WAIT_MS));
    assert_string_equal(f->trace, "lL");
    server_each(follower->server, send_head);
    loop_for(&f->loop, 50);
    assert_string_equal(f->trace, "lL");
    assert_int_equal(follower->subscribed - follower->dropped, 0); /* nobody pays for heads that nobody reads */
    assert_int_equal(leader->subscribed - leader->dropped, 1);
}

/* The leader goes: no log is missed meanwhile, the other one's heads count then. */
static void another_takes_the_lead(void **state)
{
    struct fixture *f = *state;
    struct endpoint *follower, *leader = start_both(f, &follower);
    leader->manner = NO_WS;
    server_each(leader->server, peer_reset);
    assert_true(loop_until(&f->loop, &f->switches, WAIT_MS));
    server_each(follower->server, send_log);
    f->logs = 0;
    assert_true(loop_until(&f->loop, &f->logs, WAIT_MS));
    while (follower->subscribed == follower->dropped)
        (void)uv_run(&f->loop, UV_RUN_ONCE);
    f->heads = 0;
    while (f->heads == 0) {
        server_each(follower->server, send_head);
        loop_for(&f->loop, 10);
    }
    assert_memory_equal(f->trace, "sLh", 3);
    /* the old leader is back and follows */
    leader->manner = GOOD;
    leader->subscribed = leader->dropped = 0;
    assert_true(server_settles(leader->server, 1));
    memset(f->trace, 0, sizeof f->trace);
    for (f->logs = 0; f->logs == 0; loop_for(&f->loop, 20))
        server_each(leader->server, send_log);
    server_each(leader->server, send_head);
    loop_for(&f->loop, 50);
    assert_null(strpbrk(f->trace, "hsduL"));
    assert_int_equal(leader->subscribed, 0);
    /* and leads again when the other one is lost */
    f->switches = 0;
    server_each(follower->server, peer_close);
    assert_true(loop_until(&f->loop, &f->switches, WAIT_MS));
    assert_int_equal(f->downs, 0);
}

/* Whoever reads may see that the leader is of little use. */
static void the_lead_is_passed_on(void **state)
{
    struct fixture *f = *state;
    struct endpoint *follower, *leader = start_both(f, &follower);
    rpc_stream_move(f->rpc, "it lags");
    assert_int_equal(f->switches, 1);
    assert_string_equal(f->reason, "it lags");
    for (f->heads = 0; f->heads == 0; loop_for(&f->loop, 10))
        server_each(follower->server, send_head);
    server_each(leader->server, send_head);
    server_each(leader->server, send_log);
    f->logs = 0;
    assert_true(loop_until(&f->loop, &f->logs, WAIT_MS));
    assert_int_equal(leader->subscribed - leader->dropped, 0);
    assert_int_equal(follower->subscribed - follower->dropped, 1);
    assert_int_equal(f->downs, 0);
    rpc_stream_move(f->rpc, "and back"); /* twice before heads are granted */
    rpc_stream_move(f->rpc, "and again");
    loop_for(&f->loop, 100);
    assert_int_equal(leader->subscribed - leader->dropped + follower->subscribed - follower->dropped, 1);
    server_each(leader->server, peer_reset);
    server_each(follower->server, peer_reset);
    assert_true(loop_until(&f->loop, &f->downs, WAIT_MS));
    f->downs = 0;
    rpc_stream_move(f->rpc, "nobody is there");
    assert_int_equal(f->downs, 0);
}

static void down_when_none_is_left(void **state)
{
    struct fixture *f = *state;
    struct endpoint *follower, *leader = start_both(f, &follower);
    f->ups = 0;
    server_each(follower->server, peer_reset);
    server_each(leader->server, peer_reset);
    assert_true(loop_until(&f->loop, &f->downs, WAIT_MS));
    assert_true(loop_until(&f->loop, &f->ups, WAIT_MS));
    assert_int_equal(f->downs, 1);
}

/* A follower that grants no heads cannot lead: it is lost as well. */
static void a_follower_without_heads(void **state)
{
    struct fixture *f = *state;
    struct endpoint *follower, *leader = start_both(f, &follower);
    follower->no_heads = true;
    leader->manner = NO_WS;
    server_each(leader->server, peer_reset);
    assert_true(loop_until(&f->loop, &f->downs, WAIT_MS));
    assert_non_null(strstr(f->reason, "method not found"));
    assert_int_equal(f->switches, 1);
    leader->manner = GOOD;
    f->ups = 0;
    assert_true(loop_until(&f->loop, &f->ups, WAIT_MS));
}

static void silence(void **state)
{
    struct fixture *f = *state;
    f->silence_ms = 300;
    struct endpoint *follower, *leader = start_both(f, &follower);
    for (int i = 0; i < 15; i++) { /* heads keep it up, and a follower needs none */
        loop_for(&f->loop, 50);
        server_each(leader->server, send_head);
    }
    assert_int_equal(f->downs + f->switches, 0);
    assert_true(loop_until(&f->loop, &f->switches, WAIT_MS));
    assert_non_null(strstr(f->reason, "no new head"));
    f->heads = 0;
    for (int i = 0; i < 20 && !f->heads; i++) {
        server_each(follower->server, send_head);
        loop_for(&f->loop, 10);
    }
    assert_int_equal(f->downs, 0);
    assert_true(f->heads > 0);
}

static void trouble_goes_to_the_next(void **state)
{
    struct fixture *f = *state;
    static const enum manner manners[] = { MUTE, NO_SUBSCRIBE, NUMBER_AS_ID, NO_WS };
    for (size_t i = 0; i < sizeof manners / sizeof *manners; i++) {
        f->eps[0].manner = manners[i];
        f->ups = f->eps[0].subscribed = 0;
        start(f, 2);
        assert_int_equal(f->ups, 1);
        assert_int_equal(f->downs, 0); /* never was up */
        assert_true(server_settles(f->eps[1].server, 1));
        rpc_free(f->rpc);
        f->rpc = NULL;
        loop_for(&f->loop, 50);
    }
}

static void wrong_chain(void **state)
{
    struct fixture *f = *state;
    struct rpc_endpoint_status status;
    f->eps[0].chain = 1;
    start(f, 2);
    for (int i = 0; i < 100 && (rpc_endpoint_status(f->rpc, 1, &status), !status.wrong_chain); i++)
        loop_for(&f->loop, 10);
    assert_true(status.wrong_chain);
    assert_int_equal(f->eps[0].subscribed, 0);
    for (int i = 0; i < 3; i++) { /* and it stays aside */
        int before = server_accepted(f->eps[0].server);
        f->ups = 0;
        server_each(f->eps[1].server, peer_reset);
        assert_true(loop_until(&f->loop, &f->ups, WAIT_MS));
        assert_int_equal(server_accepted(f->eps[0].server), before);
    }
}

static void move(struct fixture *f, const char *ws[], size_t n)
{
    const char *http = "http://127.0.0.1:1/";
    struct err e = { 0 };
    assert_int_equal(rpc_set_endpoints(f->rpc, &(struct rpc_config){ &http, 1, ws, n, 0, 0, 0 }, &e), 1);
}

/* Other endpoints are configured: the old one is listened to until a new one is up, however long that takes. */
static void other_endpoints(void **state)
{
    struct fixture *f = *state;
    const char *second[] = { f->eps[1].url }, *third[] = { "ws://127.0.0.1:1/" };
    f->eps[1].manner = NO_WS;
    start(f, 1);
    move(f, third, 1);
    loop_for(&f->loop, 100);
    move(f, second, 1); /* again, before the first is there */
    loop_for(&f->loop, 300);
    f->heads = f->logs = 0;
    server_each(f->eps[0].server, send_head);
    server_each(f->eps[0].server, send_log);
    assert_true(loop_until(&f->loop, &f->logs, WAIT_MS));
    assert_string_equal(f->trace, "uhL");
    f->eps[1].manner = GOOD;
    assert_true(loop_until(&f->loop, &f->switches, WAIT_MS));
    assert_string_equal(f->reason, "other endpoints are configured");
    assert_true(server_settles(f->eps[0].server, 0));
    server_each(f->eps[1].server, send_head);
    for (f->logs = 0; f->logs == 0; loop_for(&f->loop, 10))
        server_each(f->eps[1].server, send_log);
    assert_memory_equal(f->trace, "uhLshL", 6);
    assert_int_equal(f->downs, 0);
    move(f, NULL, 0); /* to none: there is nothing to wait for */
    assert_int_equal(f->downs, 1);
    assert_true(server_settles(f->eps[1].server, 0));
}

/* Nobody answers: tried again and again, ever more slowly. */
static void back_off(void **state)
{
    struct fixture *f = *state;
    f->eps[0].manner = NO_WS;
    make(f, 1);
    loop_for(&f->loop, 2000);
    int tries = server_accepted(f->eps[0].server);
    print_message("%d tries in 2 s\n", tries);
    assert_in_range(tries, 3, 10);
    f->eps[0].manner = GOOD;
    assert_true(loop_until(&f->loop, &f->ups, WAIT_MS));
}

/* ---- ending inside of callbacks ---- */

static char stop_at;

static void stop_there(struct fixture *f, char event)
{
    if (event == stop_at)
        rpc_stream_stop(f->rpc);
}

static void free_there(struct fixture *f, char event)
{
    if (event != stop_at)
        return;
    rpc_free(f->rpc);
    f->rpc = NULL;
}

static void ending_inside_callbacks(void **state)
{
    struct fixture *f = *state;
    void (*const hooks[])(struct fixture *, char) = { stop_there, free_there };
    static const char at[] = "uhLd";
    for (size_t i = 0; i < 8; i++) {
        stop_at = at[i / 2];
        f->hook = hooks[i % 2];
        f->eps[0].manner = EARLY_LOGS;
        f->ups = 0;
        memset(f->trace, 0, sizeof f->trace);
        make(f, 1);
        for (int turn = 0; turn < 20 && !strchr(f->trace, stop_at); turn++) {
            loop_for(&f->loop, 20);
            server_each(f->eps[0].server, turn < 10 ? send_head : peer_close);
        }
        loop_for(&f->loop, 50);
        char *end = strchr(f->trace, stop_at);
        assert_non_null(end);
        assert_int_equal(end[1], '\0');
        assert_true(server_settles(f->eps[0].server, 0));
        rpc_free(f->rpc);
        f->rpc = NULL;
    }
}

/* ---- speed ---- */

static void notification_latency(void **state)
{
    struct fixture *f = *state;
    uint64_t total_us = 0, worst_us = 0;
    start(f, 1);
    for (int i = 0; i < 200; i++) {
        f->logs = 0;
        uint64_t sent_us = clock_mono_us();
        server_each(f->eps[0].server, send_log);
        while (!f->logs)
            (void)uv_run(&f->loop, UV_RUN_ONCE);
        uint64_t took_us = f->log_us - sent_us;
        total_us += took_us;
        worst_us = took_us > worst_us ? took_us : worst_us;
    }
    print_message("from the server's write to on_log: mean %llu us, worst %llu us\n",
                  (unsigned long long)total_us / 200, (unsigned long long)worst_us);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(heads_and_logs),
        TEST(early_logs_are_kept),
        TEST(closed),
        TEST(reset),
        TEST(garbage),
        TEST(all_are_listened_to),
        TEST(another_takes_the_lead),
        TEST(the_lead_is_passed_on),
        TEST(down_when_none_is_left),
        TEST(a_follower_without_heads),
        TEST(silence),
        TEST(trouble_goes_to_the_next),
        TEST(wrong_chain),
        TEST(other_endpoints),
        TEST(back_off),
        TEST(ending_inside_callbacks),
        TEST(notification_latency),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
