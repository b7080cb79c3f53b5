#include "net/rpc_message.h"

#include <errno.h>
#include <string.h>
#include <strings.h>

void rpc_message_request(struct buf *out, uint64_t id, const char *method, const char *params)
{
    buf_printf(out, "{\"jsonrpc\":\"2.0\",\"id\":%llu,\"method\":\"%s\",\"params\":", (unsigned long long)id, method);
    buf_puts(out, params);
    buf_push(out, '}');
}

/* Copies text as one line: cut at the room there is, control characters become spaces. */
static void copy_line(char *out, size_t room, const char *text, size_t len)
{
    size_t n = len < room - 1 ? len : room - 1;
    while (n < len && n > 0 && ((unsigned char)text[n] & 0xc0) == 0x80) /* not in the middle of a character */
        n--;
    for (size_t i = 0; i < n; i++)
        out[i] = (unsigned char)text[i] < 0x20 || text[i] == 0x7f ? ' ' : text[i];
    out[n] = '\0';
}

/* The error member: an object by the book, a bare string from some gateways. */
static int take_error(struct rpc_message *out, const struct json *error, struct err *e)
{
    bool bare = json_kind(error) == JSON_KIND_STRING;
    if (!bare && json_kind(error) != JSON_KIND_OBJECT)
        return err_set(e, -EPROTO, "error: expected an object, found %s", json_kind_name(error));
    size_t len = 0;
    const char *text = json_str(bare ? error : json_get(error, "message"), &len);
    out->kind = RPC_MESSAGE_ERROR;
    if (!json_i64(json_get(error, "code"), &out->code))
        out->code = 0;
    if (text && len)
        copy_line(out->text, sizeof out->text, text, len);
    else
        copy_line(out->text, sizeof out->text, "error without a message", 23);
    const struct json *data = json_get(error, "data");
    out->data = json_kind(data) == JSON_KIND_NULL ? NULL : data;
    return 0;
}

static int take_notification(struct rpc_message *out, const struct json *params, struct err *e)
{
    size_t len;
    const char *id = json_str(json_get(params, "subscription"), &len);
    out->kind = RPC_MESSAGE_NOTIFICATION;
    out->result = json_get(params, "result");
    if (!id || !out->result)
        return err_set(e, -EPROTO, "notification without subscription or result");
    out->subscription = strlen(id) == len ? id : "";
    return 0;
}

static int take_members(struct rpc_message *out, struct err *e)
{
    const struct json *root = out->root;
    if (json_kind(root) != JSON_KIND_OBJECT)
        return err_set(e, -EPROTO, "expected a JSON-RPC object, found %s", json_kind_name(root));
    if (json_get(root, "method"))
        return take_notification(out, json_get(root, "params"), e);
    const struct json *id = json_get(root, "id");
    out->has_id = json_u64(id, &out->id);
    if (!out->has_id && json_kind(id) != JSON_KIND_NULL)
        return err_set(e, -EPROTO, "id: expected an integer of ours, found %s", json_kind_name(id));
    const struct json *error = json_get(root, "error");
    if (json_kind(error) != JSON_KIND_NULL)
        return take_error(out, error, e);
    out->kind = RPC_MESSAGE_RESULT;
    out->result = json_get(root, "result");
    if (!out->result)
        return err_set(e, -EPROTO, "neither result nor error");
    return 0;
}

int rpc_message_parse(struct rpc_message *out, const char *text, size_t len, struct err *e)
{
    struct err why = { 0 };
    memset(out, 0, sizeof *out);
    if (len > RPC_MESSAGE_MAX)
        return err_set(e, -EPROTO, "over %u bytes", RPC_MESSAGE_MAX);
    out->root = json_parse(text, len, &why);
    if (!out->root)
        return err_set(e, -EPROTO, "not JSON: %s", why.msg);
    if (take_members(out, e) < 0) {
        rpc_message_free(out);
        return -EPROTO;
    }
    return 0;
}

int rpc_message_response(struct rpc_message *out, const char *text, size_t len, uint64_t id, struct err *e)
{
    if (rpc_message_parse(out, text, len, e) < 0)
        return -EPROTO;
    if (out->kind == RPC_MESSAGE_NOTIFICATION)
        (void)err_set(e, -EPROTO, "notification instead of a response");
    else if (out->has_id ? out->id != id : out->kind != RPC_MESSAGE_ERROR)
        (void)err_set(e, -EPROTO, "response with a wrong id");
    else
        return 0;
    rpc_message_free(out);
    return -EPROTO;
}

void rpc_message_free(struct rpc_message *m)
{
    json_free(m->root);
    memset(m, 0, sizeof *m);
}

bool rpc_message_is_throttle(const struct rpc_message *m)
{
    static const char *const phrases[] = { "rate limit", "too many requests", "compute units per second",
                                           "request rate", "requests per second" };
    if (m->kind != RPC_MESSAGE_ERROR)
        return false;
    if (m->code == 429)
        return true;
    for (size_t i = 0; i < sizeof phrases / sizeof *phrases; i++)
        if (strcasestr(m->text, phrases[i]))
            return true;
    return false;
}
