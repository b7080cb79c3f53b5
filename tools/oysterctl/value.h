/* Words of the command line as values, with one-line errors. Pure. */
#ifndef OYSTERCTL_VALUE_H
#define OYSTERCTL_VALUE_H

#include <stdint.h>

#include "eth/address.h"
#include "eth/u256.h"
#include "util/err.h"

/* Each reads text; what names it in messages ("--timeout", "JOB-ID"). Return 0 or -EINVAL with what was found and what
 * was expected. value_ms: 90, 90s, 15m, 2h, 500ms → milliseconds. value_amount: whole tokens of 18 decimals ("0.5"), or
 * smallest units ("1000wei"); value_amount_of: of a token of other decimals. value_u256: decimal or 0x. */
#define VALUE_DECIMALS_MAX 36
int value_u64(uint64_t *out, const char *what, const char *text, struct err *e);
int value_ms(uint64_t *out_ms, const char *what, const char *text, struct err *e);
int value_u256(struct u256 *out, const char *what, const char *text, struct err *e);
int value_amount(struct u256 *out, const char *what, const char *text, struct err *e);
int value_amount_of(struct u256 *out, const char *what, const char *text, unsigned decimals, struct err *e);
int value_address(struct address *out, const char *what, const char *text, struct err *e);
int value_bytes32(uint8_t out[32], const char *what, const char *text, struct err *e);

/* "1.5" of 1.5e18 with 18 decimals, without zeros at the end. Returns out. */
#define AMOUNT_TEXT_MAX 82
char *amount_text(char out[AMOUNT_TEXT_MAX], struct u256 value, unsigned decimals);

#endif
