/* JSON-RPC texts: what is built, what is accepted, what is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "net/rpc_message.h"

static void requests(void **state)
{
    struct buf b = { 0 };
    (void)state;
    rpc_message_request(&b, UINT64_MAX >> 1, "eth_call", "[{\"to\":\"0x1\"},\"latest\"]");
    assert_string_equal(buf_cstr(&b), "{\"jsonrpc\":\"2.0\",\"id\":9223372036854775807,\"method\":\"eth_call\","
                                      "\"params\":[{\"to\":\"0x1\"},\"latest\"]}");
    buf_free(&b);
}

struct response {
    const char *text;
    const char *refused; /* part of the reason; NULL = accepted */
    enum rpc_message_kind kind;
    int64_t code;
    const char *message;
    bool data, throttle;
};

static const struct response responses[] = {
    { "{\"id\":7,\"result\":\"0x1\"}", NULL, RPC_MESSAGE_RESULT, 0, "", false, false },
    { "{\"jsonrpc\":\"2.0\",\"id\":7,\"result\":null}", NULL, RPC_MESSAGE_RESULT, 0, "", false, false },
    { "{\"id\":7,\"result\":\"0x1\",\"error\":null}", NULL, RPC_MESSAGE_RESULT, 0, "", false, false },
    { "{\"id\":7,\"error\":{\"code\":-32000,\"message\":\"nonce too low\"}}", NULL, RPC_MESSAGE_ERROR, -32000,
      "nonce too low", false, false },
    { "{\"id\":7,\"error\":{\"code\":3,\"message\":\"execution reverted\",\"data\":\"0x\"},\"result\":null}", NULL,
      RPC_MESSAGE_ERROR, 3, "execution reverted", true, false },
    { "{\"id\":7,\"error\":{\"code\":\"x\",\"data\":null}}", NULL, RPC_MESSAGE_ERROR, 0, "error without a message",
      false, false },
    { "{\"id\":7,\"error\":{\"message\":\"\"}}", NULL, RPC_MESSAGE_ERROR, 0, "error without a message", false, false },
    { "{\"id\":7,\"error\":{\"message\":\"a\\nb\\u0000c\\u007f\"}}", NULL, RPC_MESSAGE_ERROR, 0, "a b c ", false,
      false },
    { "{\"id\":null,\"error\":\"Rate Limit hit\"}", NULL, RPC_MESSAGE_ERROR, 0, "Rate Limit hit", false, true },
    { "{\"error\":{\"code\":429,\"message\":\"no\"}}", NULL, RPC_MESSAGE_ERROR, 429, "no", false, true },
    { "{\"id\":7,\"error\":{\"code\":-32005,\"message\":\"query returned more than 10000 results\"}}", NULL,
      RPC_MESSAGE_ERROR, -32005, "query returned more than 10000 results", false, false },
    { "{\"id\":8,\"result\":1}", "wrong id", 0, 0, "", false, false },
    { "{\"id\":8,\"error\":{}}", "wrong id", 0, 0, "", false, false },
    { "{\"result\":1}", "wrong id", 0, 0, "", false, false },
    { "{\"id\":null,\"result\":1}", "wrong id", 0, 0, "", false, false },
    { "{\"id\":\"7\",\"result\":1}", "found string", 0, 0, "", false, false },
    { "{\"id\":-7,\"result\":1}", "id", 0, 0, "", false, false },
    { "{\"id\":7.0,\"result\":1}", "id", 0, 0, "", false, false },
    { "{\"id\":7}", "neither", 0, 0, "", false, false },
    { "{\"id\":7,\"error\":5}", "error: expected an object", 0, 0, "", false, false },
    { "{\"id\":7,\"id\":7,\"result\":1}", "not JSON", 0, 0, "", false, false },
    { "{\"id\":7,\"result\":1} x", "not JSON", 0, 0, "", false, false },
    { "{\"id\":7,\"result\":", "not JSON", 0, 0, "", false, false },
    { "[]", "found array", 0, 0, "", false, false },
    { "null", "found null", 0, 0, "", false, false },
    { "", "not JSON", 0, 0, "", false, false },
    { "{\"method\":\"eth_subscription\",\"params\":{\"subscription\":\"0x1\",\"result\":1}}", "notification", 0, 0, "",
      false, false },
};

static void responses_to_seven(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof responses / sizeof *responses; i++) {
        const struct response *want = &responses[i];
        struct rpc_message m;
        struct err e = { 0 };
        int rc = rpc_message_response(&m, want->text, strlen(want->text), 7, &e);
        if ((rc < 0) != (want->refused != NULL) || (rc < 0 && !strstr(e.msg, want->refused)))
            fail_msg("%s: %s", want->text, e.msg);
        if (rc == 0) {
            assert_int_equal(m.kind, want->kind);
            assert_int_equal(m.code, want->code);
            assert_string_equal(m.text, want->message);
            assert_int_equal(m.data != NULL, want->data);
            assert_int_equal(rpc_message_is_throttle(&m), want->throttle);
        }
        rpc_message_free(&m);
    }
}

static int parse(struct rpc_message *m, const char *text)
{
    struct err e = { 0 };
    return rpc_message_parse(m, text, strlen(text), &e);
}

static void notifications(void **state)
{
    (void)state;
    struct rpc_message m;
    assert_int_equal(parse(&m, "{\"jsonrpc\":\"2.0\",\"method\":\"eth_subscription\",\"params\":"
                               "{\"subscription\":\"0xab\",\"result\":{\"number\":\"0x1\"}}}"),
                     0);
    assert_int_equal(m.kind, RPC_MESSAGE_NOTIFICATION);
    assert_string_equal(m.subscription, "0xab");
    assert_non_null(json_get(m.result, "number"));
    rpc_message_free(&m);
    assert_true(parse(&m, "{\"method\":\"eth_subscription\",\"params\":{\"result\":1}}") < 0);
    assert_true(parse(&m, "{\"method\":\"eth_subscription\",\"params\":{\"subscription\":1,\"result\":1}}") < 0);
    assert_true(parse(&m, "{\"method\":\"eth_subscription\",\"params\":[]}") < 0);
    assert_true(parse(&m, "{\"method\":\"eth_subscription\"}") < 0);
    assert_int_equal(parse(&m, "{\"method\":1,\"params\":{\"subscription\":\"a\\u0000b\",\"result\":null}}"), 0);
    assert_string_equal(m.subscription, "");
    rpc_message_free(&m);
}

/* A long message is cut, never in the middle of a character. */
static void long_messages(void **state)
{
    (void)state;
    for (size_t shift = 0; shift < 4; shift++) {
        struct buf b = { 0 };
        struct rpc_message m;
        struct err e = { 0 };
        buf_puts(&b, "{\"id\":1,\"error\":{\"message\":\"");
        for (size_t i = 0; i < shift; i++)
            buf_push(&b, 'a');
        for (int i = 0; i < 400; i++)
            buf_puts(&b, "\xe2\x82\xac");
        buf_puts(&b, "\"}}");
        assert_int_equal(rpc_message_parse(&m, (char *)b.data, b.len, &e), 0);
        size_t len = strlen(m.text);
        assert_in_range(len, RPC_ERROR_TEXT_BYTES - 4, RPC_ERROR_TEXT_BYTES - 1);
        assert_int_equal((len - shift) % 3, 0);
        rpc_message_free(&m);
        buf_free(&b);
    }
}

static void too_long(void **state)
{
    (void)state;
    char *text = calloc(1, RPC_MESSAGE_MAX + 1);
    struct rpc_message m;
    struct err e = { 0 };
    memset(text, ' ', RPC_MESSAGE_MAX + 1);
    memcpy(text, "{\"id\":1,\"result\":1}", 19);
    assert_int_equal(rpc_message_parse(&m, text, RPC_MESSAGE_MAX, &e), 0);
    rpc_message_free(&m);
    assert_true(rpc_message_parse(&m, text, RPC_MESSAGE_MAX + 1, &e) < 0);
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(requests),      cmocka_unit_test(responses_to_seven), cmocka_unit_test(notifications),
        cmocka_unit_test(long_messages), cmocka_unit_test(too_long),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
