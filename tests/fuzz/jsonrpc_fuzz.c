/* What an endpoint sends is taken apart without reading beyond it, and what comes out keeps the promises of
 * rpc_message.h. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "net/rpc_message.h"

#define CHECK(condition)                                                                                               \
    do {                                                                                                               \
        if (!(condition))                                                                                              \
            abort();                                                                                                   \
    } while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_text(const char *text)
{
    CHECK(text[0] && strlen(text) < RPC_ERROR_TEXT_BYTES);
    for (; *text; text++)
        CHECK((unsigned char)*text >= 0x20 && *text != 0x7f);
}

static void check_message(const struct rpc_message *m)
{
    CHECK(m->root);
    switch (m->kind) {
    case RPC_MESSAGE_RESULT:
        CHECK(m->result && !m->data);
        break;
    case RPC_MESSAGE_ERROR:
        check_text(m->text);
        CHECK(!m->result);
        break;
    case RPC_MESSAGE_NOTIFICATION:
        CHECK(m->result && m->subscription && !m->has_id);
        break;
    }
    CHECK(m->kind == RPC_MESSAGE_ERROR || !rpc_message_is_throttle(m));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct rpc_message m;
    struct err e = { 0 };
    /* a copy without a NUL behind it, so that reading on is seen */
    char *text = xmemdup(data, size ? size : 1);
    if (rpc_message_parse(&m, text, size, &e) == 0) {
        check_message(&m);
        rpc_message_free(&m);
    } else {
        CHECK(e.code < 0 && e.msg[0] && !m.root);
    }
    struct err why = { 0 };
    if (rpc_message_response(&m, text, size, 1, &why) == 0) {
        check_message(&m);
        CHECK(m.kind != RPC_MESSAGE_NOTIFICATION && (m.has_id ? m.id == 1 : m.kind == RPC_MESSAGE_ERROR));
        rpc_message_free(&m);
    } else {
        CHECK(why.code < 0 && !m.root);
    }
    free(text);
    return 0;
}
