/* The tool's loop: what liboyster does by callbacks, waited for one thing at a time. */
#ifndef OYSTERCTL_IO_H
#define OYSTERCTL_IO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

#include "util/buf.h"
#include "util/err.h"

struct ctl;
struct io;

/* The loop of this run, made when first asked for; main frees it. */
struct io *ctl_io(struct ctl *c);
void io_free(struct io *io);

/* The loop itself, for objects that live on it. */
uv_loop_t *io_loop(struct io *io);

/* Turns the loop until *done. */
void io_wait(struct io *io, const bool *done);

/* Turns the loop for so long. */
void io_sleep(struct io *io, uint64_t ms);

/* One HTTP request. body NULL: a GET. content_type: of the body. */
struct fetch {
    const char *url;
    const char *content_type;
    const void *body;
    size_t body_len;
    uint64_t timeout_ms; /* 0 = 30 s */
    size_t max_bytes;    /* of the answer; 0 = 1 MiB */
};

/* Fetches; out: appended with the body, *status: its HTTP status, whatever it is. Returns 0 or -EIO, -ETIMEDOUT with
 * the URL in e (without credentials and query). */
int io_fetch(struct io *io, struct buf *out, int *status, const struct fetch *what, struct err *e);

/* As io_fetch; a status other than 200 is an error too, with the first line of the answer. */
int io_fetch_ok(struct io *io, struct buf *out, const struct fetch *what, struct err *e);

#endif
