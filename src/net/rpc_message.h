/* JSON-RPC 2.0 texts: requests are built, responses and notifications taken apart. Pure. */
#ifndef OYSTER_NET_RPC_MESSAGE_H
#define OYSTER_NET_RPC_MESSAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/buf.h"
#include "util/err.h"
#include "util/json.h"

/* The longest response or notification that is taken. */
#define RPC_MESSAGE_MAX (32u << 20)

#define RPC_ERROR_TEXT_BYTES 512

/* Appends a request. method: plain ASCII of ours; params: JSON text of an array. */
void rpc_message_request(struct buf *out, uint64_t id, const char *method, const char *params);

enum rpc_message_kind {
    RPC_MESSAGE_RESULT,       /* result is set */
    RPC_MESSAGE_ERROR,        /* code, text, data */
    RPC_MESSAGE_NOTIFICATION, /* subscription and result */
};

/* What a peer sent. Values borrow from root; free with rpc_message_free. */
struct rpc_message {
    enum rpc_message_kind kind;
    bool has_id; /* an error may come without: the peer could not read the request */
    uint64_t id;
    const struct json *result; /* never NULL with RESULT and NOTIFICATION; a JSON null is a value */
    int64_t code;
    char text[RPC_ERROR_TEXT_BYTES]; /* one line, cut, without control characters; never empty with ERROR */
    const struct json *data;         /* NULL = none */
    const char *subscription;        /* NUL-terminated; "" if it holds a NUL */
    struct json *root;
};

/* Takes len bytes apart. Returns 0, or -EPROTO with what is wrong (out is empty then). */
int rpc_message_parse(struct rpc_message *out, const char *text, size_t len, struct err *e);

/* As rpc_message_parse, for the one answer to request id. Returns 0 or -EPROTO. */
int rpc_message_response(struct rpc_message *out, const char *text, size_t len, uint64_t id, struct err *e);

/* Releases what the message holds; it is empty afterwards. */
void rpc_message_free(struct rpc_message *m);

/* Is this error the peer's way to say "too many requests"? */
bool rpc_message_is_throttle(const struct rpc_message *m);

#endif
