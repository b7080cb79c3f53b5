/* What every server of ours says to a path or a method that it does not know (docs/api.md). */
#ifndef OYSTER_API_REFUSALS_H
#define OYSTER_API_REFUSALS_H

#include <stddef.h>

#include "api/http_server.h"

/* The i-th path of a server, NULL behind the last. */
typedef const char *path_at_fn(size_t i);

/* 404, with the paths that there are. */
void refuse_path(struct http_reply *reply, path_at_fn *path_at);

/* 405, with the header Allow; allow: "GET, HEAD". */
void refuse_method(struct http_reply *reply, const char *path, const char *allow);

#endif
