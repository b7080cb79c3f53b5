#include "chain/log_range.h"

#include <stddef.h>
#include <string.h>
#include <strings.h>

#include "util/hex.h"

#define PROBE_EVERY 32 /* answers of the largest range that may do, before more is tried again */

void log_range_init(struct log_range *r, uint64_t max)
{
    *r = (struct log_range){ .size = max ? max : 1, .max = max ? max : 1, .refused_at = UINT64_MAX };
}

void log_range_accepted(struct log_range *r, uint64_t asked, size_t logs)
{
    if (logs > LOGS_AT_ONCE) {
        r->size = asked > 1 ? asked / 2 : 1;
        return;
    }
    if (logs > LOGS_AT_ONCE / 2)
        return; /* as much as we like to have */
    if (asked < r->size)
        return; /* the end of the chain: it says nothing about the limit */
    uint64_t ceiling = r->refused_at - 1 < r->max ? r->refused_at - 1 : r->max;
    if (r->size < ceiling) { /* half the way to what was refused, or to the most */
        r->size += (ceiling - r->size + 1) / 2;
    } else if (ceiling < r->max && ++r->at_ceiling == PROBE_EVERY) {
        r->at_ceiling = 0;
        r->refused_at = UINT64_MAX; /* limits move: see how far it goes now */
        r->size = r->size < r->max / 2 ? r->size * 2 : r->max;
    }
}

bool log_range_is_refusal(int64_t code, const char *message)
{
    static const char *const smells[] = { "range",   "limit",     "more than",     "too many",      "too large",
                                          "too big", "exceed",    "results",       "max",           "block",
                                          "timeout", "timed out", "took too long", "response size", "narrow" };
    if (code == -32005) /* "limit exceeded" (EIP-1474) */
        return true;
    for (size_t i = 0; i < sizeof smells / sizeof *smells; i++)
        if (strcasestr(message, smells[i]))
            return true;
    return false;
}

/* Reads "0x…" at *text and moves behind it. */
static bool take_quantity(const char **text, uint64_t *out)
{
    const char *at = *text + strspn(*text, " \t\"'");
    size_t len = strcspn(at, " \t\"',]");
    if (hex_decode_u64(out, at, len, NULL) < 0)
        return false;
    *text = at + len + strspn(at + len, " \t\"'");
    return true;
}

/* The "[0x12, 0x34]" of a message, where it is a part of from..to. */
static bool suggestion(const char *message, uint64_t from, uint64_t to, uint64_t *blocks)
{
    for (const char *at = message; (at = strchr(at, '[')) != NULL;) {
        uint64_t low, high;
        at++;
        if (!take_quantity(&at, &low) || *at++ != ',' || !take_quantity(&at, &high) || *at != ']')
            continue;
        if (low != from || high < low || high >= to)
            continue;
        *blocks = high - low + 1;
        return true;
    }
    return false;
}

bool log_range_refused(struct log_range *r, uint64_t from, uint64_t to, const char *message)
{
    uint64_t asked = to - from + 1, blocks;
    r->at_ceiling = 0;
    if (message && suggestion(message, from, to, &blocks)) {
        r->size = blocks;
        r->refused_at = blocks + 1;
    } else {
        r->size = asked > 1 ? asked / 2 : 1;
        r->refused_at = asked > 1 ? asked : 2;
    }
    return r->size < asked;
}
