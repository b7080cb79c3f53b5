/* What tokens call themselves: strings, the 32 bytes of old ones, nonsense, endpoints that fail, and the bound. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "chain/tokens.h"
#include "net/loop.h"
#include "net/server.h"
#include "util/clock.h"
#include "util/json.h"
#include "util/log.h"

#define WORD(last2) "00000000000000000000000000000000000000000000000000000000000000" last2
#define WAIT_MS 10000

/* Answers eth_call by selector; a text that begins with '!' is an error object, NULL breaks the connection off. */
struct fixture {
    uv_loop_t loop;
    struct server *server;
    struct rpc *rpc;
    struct tokens *tokens;
    const char *token, *decimals, *symbol;
    int calls;
};

static const struct address stablecoin = { { 0xdd } };

static const char *answer_to(const struct fixture *f, const char *body)
{
    if (strstr(body, "eth_chainId"))
        return "\"0x7a69\"";
    return strstr(body, "0x82bfefc8") ? f->token : strstr(body, "0x313ce567") ? f->decimals : f->symbol;
}

static void on_bytes(void *arg, struct peer *p, bool eof)
{
    struct fixture *f = arg;
    const char *head, *body;
    char text[2048];
    size_t len;
    unsigned long long id = 0;
    while (!eof && peer_http_request(p, &head, &body, &len)) {
        struct json *request = json_parse(body, len, NULL);
        assert_true(json_u64(json_get(request, "id"), (uint64_t *)&id));
        json_free(request);
        const char *result = answer_to(f, body);
        f->calls += strstr(body, "eth_call") != NULL;
        if (!result) {
            peer_reset(p);
            return;
        }
        (void)snprintf(text, sizeof text, "{\"jsonrpc\":\"2.0\",\"id\":%llu,\"%s\":%s}", id,
                       result[0] == '!' ? "error" : "result", result + (result[0] == '!'));
        peer_http_answer(p, 200, "Content-Type: application/json\r\n", text);
    }
}

static void set_up(struct fixture *f)
{
    struct err e = { 0 };
    struct address executors = { { 0xee } };
    log_init(LOG_FORMAT_LOGFMT, LOG_ERROR);
    assert_int_equal(uv_loop_init(&f->loop), 0);
    f->server = server_start(&f->loop, on_bytes, f);
    char *http = xstrdup(server_url(f->server, "http")), *ws = xstrdup(server_url(f->server, "ws"));
    const char *const urls[] = { http, ws };
    struct rpc_config config = { &urls[0], 1, &urls[1], 1, 31337, 2000, 10000 };
    f->rpc = rpc_new(&f->loop, &config, &e);
    free(http);
    free(ws);
    assert_non_null(f->rpc);
    f->tokens = tokens_new(f->rpc, &executors);
}

static void tear_down(struct fixture *f)
{
    tokens_free(f->tokens);
    rpc_free(f->rpc);
    server_stop(f->server);
    assert_true(loop_finish(&f->loop));
}

/* Asks until it is known, or for ms. */
static bool get_within(struct fixture *f, struct token_info *out, uint64_t ms)
{
    uint64_t end_ms = clock_mono_ms() + ms;
    while (!tokens_get(f->tokens, out, &stablecoin)) {
        if (clock_mono_ms() > end_ms)
            return false;
        loop_for(&f->loop, 5);
    }
    return true;
}

static void check_symbol(const char *symbol, const char *want)
{
    struct fixture f = { .decimals = "\"0x" WORD("06") "\"", .symbol = symbol };
    struct token_info info = { 0 };
    set_up(&f);
    assert_true(get_within(&f, &info, WAIT_MS));
    assert_int_equal(info.decimals, 6);
    assert_string_equal(info.symbol, want);
    assert_int_equal(f.calls, 2);
    assert_true(tokens_get(f.tokens, &info, &stablecoin)); /* from memory */
    loop_for(&f.loop, 20);
    assert_int_equal(f.calls, 2);
    tear_down(&f);
}

static void symbols(void **state)
{
    (void)state;
    check_symbol("\"0x" WORD("20") WORD("04") "5553444300000000000000000000000000000000000000000000000000000000\"",
                 "USDC");
    check_symbol("\"0x4d4b520000000000000000000000000000000000000000000000000000000000\"", "MKR");
    /* "<b>\n€" and much more behind it: only what is printable, and not much of it */
    check_symbol("\"0x" WORD("20") WORD("14") "3c623e0ae282ac41424344454647484950515253000000000000000000000000\"",
                 "<b>ABCDEFGH");
    check_symbol("\"0x" WORD("20") WORD("ff") "\"", "");
    check_symbol("\"0x\"", "");
    check_symbol("!{\"code\":3,\"message\":\"execution reverted\"}", "");
}

/* Not known, and not asked again at once. */
static void check_unknown(const char *decimals, const char *symbol, int calls)
{
    struct fixture f = { .decimals = decimals, .symbol = symbol };
    struct token_info info;
    set_up(&f);
    assert_false(get_within(&f, &info, 300));
    assert_int_equal(f.calls, calls);
    tear_down(&f);
}

static void what_does_not_answer_is_not_known(void **state)
{
    (void)state;
    check_unknown("!{\"code\":3,\"message\":\"execution reverted\"}", NULL, 1);
    check_unknown("\"0x0000000000000000000000000000000000000000000000000000000000000106\"", NULL, 1);
}

static void the_token_of_stakes(void **state)
{
    (void)state;
    struct fixture f = { .token = "\"0x000000000000000000000000bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb\"" };
    struct address a;
    set_up(&f);
    assert_false(tokens_stake(f.tokens, &a));
    for (int i = 0; i < 1000 && !tokens_stake(f.tokens, &a); i++)
        loop_for(&f.loop, 5);
    assert_int_equal(a.b[0], 0xbb);
    assert_int_equal(f.calls, 1);
    tear_down(&f);
}

static void no_more_than_a_few_are_asked(void **state)
{
    (void)state;
    struct fixture f = { .decimals = "\"0x" WORD("06") "\"", .symbol = "\"0x\"" };
    struct token_info info;
    set_up(&f);
    for (uint8_t i = 1; i <= 100; i++)
        assert_false(tokens_get(f.tokens, &info, &(struct address){ { i } }));
    loop_for(&f.loop, 300);
    assert_true(f.calls <= 16);
    assert_true(tokens_get(f.tokens, &info, &(struct address){ { 1 } }));
    assert_false(tokens_get(f.tokens, &info, &(struct address){ { 100 } }));
    tear_down(&f);
}

static void freed_while_asking(void **state)
{
    (void)state;
    struct fixture f = { .token = "\"0x\"", .decimals = "\"0x\"" };
    struct token_info info;
    struct address a;
    set_up(&f);
    assert_false(tokens_get(f.tokens, &info, &stablecoin));
    assert_false(tokens_stake(f.tokens, &a));
    tear_down(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(symbols),
        cmocka_unit_test(what_does_not_answer_is_not_known),
        cmocka_unit_test(the_token_of_stakes),
        cmocka_unit_test(no_more_than_a_few_are_asked),
        cmocka_unit_test(freed_while_asking),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
