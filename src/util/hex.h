/* Hexadecimal text. Decoding accepts both cases; encoding writes lower case. */
#ifndef OYSTER_UTIL_HEX_H
#define OYSTER_UTIL_HEX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/buf.h"
#include "util/err.h"

/* Writes 2*len characters and a NUL to out (2*len+1 bytes), without a prefix. Returns out. */
char *hex_encode(char *out, const uint8_t *data, size_t len);

/* Appends "0x" and the hex of data. */
void hex_append0x(struct buf *b, const uint8_t *data, size_t len);

enum hex_result { HEX_OK, HEX_ODD_LENGTH, HEX_BAD_CHARACTER };

/* Decodes text of len characters (no prefix) into out, which has room for len/2 bytes.
 * bad_index (NULL allowed): set to the first bad character's index on HEX_BAD_CHARACTER. An odd length is reported
 * before a bad character. */
enum hex_result hex_decode(uint8_t *out, const char *text, size_t len, size_t *bad_index);

/* Decodes exactly out_len bytes from text with an optional 0x prefix. Returns 0 or -EINVAL with what was wrong. */
int hex_decode_exact(uint8_t *out, size_t out_len, const char *text, size_t len, struct err *e);

/* Appends the bytes of a "0x…" JSON-RPC DATA string (prefix required, even length). Returns 0 or -EINVAL. */
int hex_decode_data(struct buf *out, const char *text, size_t len, struct err *e);

/* Reads a JSON-RPC QUANTITY ("0x" then 1 to 16 hex digits; leading zeros tolerated). Returns 0, -EINVAL, -ERANGE. */
int hex_decode_u64(uint64_t *out, const char *text, size_t len, struct err *e);

/* text without a leading 0x or 0X; *len is adjusted. */
const char *hex_strip0x(const char *text, size_t *len);

#endif
