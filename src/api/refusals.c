#include "api/refusals.h"

#include "util/buf.h"
#include "util/cleanup.h"

#define TEXT "text/plain; charset=utf-8"

void refuse_path(struct http_reply *reply, path_at_fn *path_at)
{
    CLEANUP(buf_free) struct buf b = { 0 };
    const char *path;
    buf_puts(&b, "Unknown path, known ones are:");
    for (size_t i = 0; (path = path_at(i)); i++)
        buf_printf(&b, " %s", path);
    buf_puts(&b, "\n");
    http_reply_send(reply, 404, TEXT, b.data, b.len);
}

void refuse_method(struct http_reply *reply, const char *path, const char *allow)
{
    CLEANUP(buf_free) struct buf b = { 0 };
    buf_printf(&b, "Wrong method for %s, allowed: %s\n", path, allow);
    http_reply_header(reply, "Allow", allow);
    http_reply_send(reply, 405, TEXT, b.data, b.len);
}
