/* The result of a command: built once as a tree, written as aligned text for people or, with --json, as exactly one
 * JSON document. */
#ifndef OYSTERCTL_OUTPUT_H
#define OYSTERCTL_OUTPUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "eth/address.h"
#include "eth/u256.h"
#include "util/buf.h"

struct out;

/* An empty result: an object. */
struct out *out_new(void);
void out_free(struct out *o);

/* Fields of the object (or elements of the array, key NULL) that is open. key: snake_case; people read it with spaces.
 * Everything is copied. A NULL string is JSON's null and "-". */
void out_str(struct out *o, const char *key, const char *value);
void out_strn(struct out *o, const char *key, const char *value, size_t len);
void out_u64(struct out *o, const char *key, uint64_t value);
void out_bool(struct out *o, const char *key, bool value);
void out_null(struct out *o, const char *key);
void out_hex(struct out *o, const char *key, const uint8_t *data, size_t len);
void out_address(struct out *o, const char *key, const struct address *a); /* EIP-55 */
void out_u256(struct out *o, const char *key, struct u256 value);          /* JSON: a decimal string */

/* An amount of 18 decimals, or of others: JSON holds the smallest units as a decimal string, people read "1.5 unit". */
void out_amount(struct out *o, const char *key, struct u256 value, const char *unit);
void out_amount_of(struct out *o, const char *key, struct u256 value, const char *unit, unsigned decimals);

/* As out_str with another text for people. json: a JSON value as it stands. */
void out_both(struct out *o, const char *key, const char *json, const char *text);

/* Opens an object or an array; out_end closes it. An array of objects is a table for people: a column a key of its
 * first element. */
void out_object(struct out *o, const char *key);
void out_array(struct out *o, const char *key);
void out_end(struct out *o);

/* Lines that only people see, at this place. / The field or container added last is for machines only. */
void out_note(struct out *o, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void out_text(struct out *o, const char *text);
void out_hide(struct out *o);

/* Writes the result at the end of to. */
void out_write_json(struct buf *to, const struct out *o);
void out_write_text(struct buf *to, const struct out *o);

/* Whether nothing was put in. */
bool out_is_empty(const struct out *o);

#endif
