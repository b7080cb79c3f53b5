/* A growable byte buffer. Small fixed sizes: allocation failure aborts; sizes that outsiders choose are capped before.
 */
#ifndef OYSTER_UTIL_BUF_H
#define OYSTER_UTIL_BUF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* {0} is an empty buffer. data is NULL while nothing was ever appended; there is no NUL behind it (see buf_cstr). */
struct buf {
    uint8_t *data;
    size_t len;
    size_t cap;
};

/* Makes room for n more bytes. */
void buf_reserve(struct buf *b, size_t n);

/* Appends len bytes (data may be NULL when len is 0). */
void buf_append(struct buf *b, const void *data, size_t len);

/* Appends one byte. */
void buf_push(struct buf *b, uint8_t byte);

/* Appends a NUL-terminated string without its NUL. */
void buf_puts(struct buf *b, const char *s);

/* Appends formatted text. */
void buf_printf(struct buf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Appends n zero bytes; returns where they begin (valid until the next append). */
uint8_t *buf_extend(struct buf *b, size_t n);

/* The content as a NUL-terminated string, borrowed until the next change. */
const char *buf_cstr(struct buf *b);

/* Takes the storage out; the caller frees it with free(). The buffer is empty afterwards. May be NULL when empty. */
uint8_t *buf_steal(struct buf *b);

/* Drops the first n bytes. */
void buf_consume(struct buf *b, size_t n);

/* Forgets the content and keeps the storage. */
void buf_reset(struct buf *b);

/* Writes the content and flushes; false with errno set when not all of it could be written. Nothing is a success. */
bool buf_write(const struct buf *b, FILE *to);

/* Releases the storage; the buffer is empty afterwards. */
void buf_free(struct buf *b);

/* As buf_free, with the storage overwritten first: for secrets. */
void buf_wipe(struct buf *b);

/* malloc/calloc/strdup for sizes of our own choosing: abort when memory is out. */
void *xcalloc(size_t n, size_t size);
void *xmemdup(const void *data, size_t len);
char *xstrdup(const char *s);

#endif
