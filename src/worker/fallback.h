/* The module fallback as a held worker uses it: one question over HTTP, one answer that carries the job's code. Pure.
 */
#ifndef OYSTER_WORKER_FALLBACK_H
#define OYSTER_WORKER_FALLBACK_H

#include <stddef.h>
#include <stdint.h>

#include "util/buf.h"

enum fallback_status {
    FALLBACK_MORE,  /* the question is not complete */
    FALLBACK_ASKED, /* it asks for the job's module */
    FALLBACK_BAD,   /* it asks for something else, or goes on behind its end */
};

/* Adds what the worker sent to its question. */
enum fallback_status fallback_take(struct buf *question, const void *data, size_t len);

/* Appends the answer: head and body, in which code (any bytes; those that are not UTF-8 workerd reads as U+FFFD) is the
 * text of an ES module. The connection is closed after it, so that nothing else can be asked. */
void fallback_put_answer(struct buf *head, struct buf *body, const uint8_t *code, size_t code_len);

#endif
