/* Structured logs on stderr: one line a record, a stable event name and typed fields, logfmt or JSON.
 * Never a key, an input, an output or a URL with credentials: log ids and sizes. Text from outside is escaped and cut.
 */
#ifndef OYSTER_UTIL_LOG_H
#define OYSTER_UTIL_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARN, LOG_ERROR };
enum log_format { LOG_FORMAT_LOGFMT, LOG_FORMAT_JSON };

enum log_field_type { LOG_FIELD_STR, LOG_FIELD_U64, LOG_FIELD_I64, LOG_FIELD_HEX, LOG_FIELD_BOOL };

/* One key=value of a record; made by the F_ macros below. */
struct log_field {
    const char *key;
    enum log_field_type type;
    const void *ptr;
    size_t len;
    uint64_t num;
};

#define F_STR(k, s) ((struct log_field){ .key = (k), .type = LOG_FIELD_STR, .ptr = (s), .len = SIZE_MAX })
#define F_STRN(k, s, n) ((struct log_field){ .key = (k), .type = LOG_FIELD_STR, .ptr = (s), .len = (n) })
#define F_U64(k, v) ((struct log_field){ .key = (k), .type = LOG_FIELD_U64, .num = (uint64_t)(v) })
#define F_I64(k, v) ((struct log_field){ .key = (k), .type = LOG_FIELD_I64, .num = (uint64_t)(int64_t)(v) })
#define F_HEX(k, p, n) ((struct log_field){ .key = (k), .type = LOG_FIELD_HEX, .ptr = (p), .len = (n) })
#define F_BOOL(k, v) ((struct log_field){ .key = (k), .type = LOG_FIELD_BOOL, .num = (v) ? 1 : 0 })
#define F_ERR(e) F_STR("error", (e)->msg)

/* Sets format and the least level that is written. Default: logfmt, info. */
void log_init(enum log_format format, enum log_level least);

/* Reads "debug", "info", "warn", "error" / "logfmt", "json". Return false for another word. */
bool log_level_parse(enum log_level *out, const char *word);
bool log_format_parse(enum log_format *out, const char *word);

/* Whether the count-th of something that may come without end is worth a record: the first, second, fourth, eighth … */
bool log_is_worth(uint64_t count);

/* Writes one record. event: snake_case, stable. Use the macros. Never blocks: what stderr has no room for waits in
 * memory, 1 MiB at most, for the next record or log_flush; more is left out, and told of (log_lost) once there is room.
 * From the loop's thread alone. */
void log_write(enum log_level level, const char *event, const struct log_field *fields, size_t n);

/* Writes what waits, as far as stderr has room. */
void log_flush(void);

#define LOG_RECORD(level, event, ...)                                                                                  \
    do {                                                                                                               \
        const struct log_field log_fields_[] = { { .key = NULL }, __VA_ARGS__ };                                       \
        log_write(level, event, log_fields_ + 1, sizeof log_fields_ / sizeof *log_fields_ - 1);                        \
    } while (0)

#define log_debug(event, ...) LOG_RECORD(LOG_DEBUG, event, __VA_ARGS__)
#define log_info(event, ...) LOG_RECORD(LOG_INFO, event, __VA_ARGS__)
#define log_warn(event, ...) LOG_RECORD(LOG_WARN, event, __VA_ARGS__)
#define log_error(event, ...) LOG_RECORD(LOG_ERROR, event, __VA_ARGS__)

#endif
