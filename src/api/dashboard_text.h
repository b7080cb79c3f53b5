/* What the dashboard is told, as JSON: the node's state in sections, jobs that are over, hours. Pure. Amounts are
 * decimal strings in the smallest unit, times are milliseconds of the wall clock, what is not known is null. */
#ifndef OYSTER_API_DASHBOARD_TEXT_H
#define OYSTER_API_DASHBOARD_TEXT_H

#include <stdint.h>

#include "api/status.h"
#include "chain/tokens.h"
#include "ledger/history.h"
#include "util/buf.h"

/* Parts of the state that are told apart, so that only what changed is sent. */
enum dashboard_section {
    SECTION_NODE,
    SECTION_GAS,
    SECTION_SLOTS,
    SECTION_COUNTS,
    SECTION_LIVE,
    SECTION_CHAIN,
    SECTION_RPC,
    SECTION_TOKENS,
    SECTION_COUNT,
};

/* The section's name in the state object. */
const char *dashboard_section_name(enum dashboard_section section);

/* Appends one section but SECTION_TOKENS. stake_token: NULL = not known. */
void dashboard_put_section(struct buf *out, enum dashboard_section section, const struct node_status *s,
                           const struct address *stake_token, uint64_t now_wall_ms);

/* Appends the member of SECTION_TOKENS for a token: "0x…":{"symbol":…,"decimals":…}. */
void dashboard_put_token(struct buf *out, const struct address *token, const struct token_info *info);

/* Appends a job that is over / an hour. */
void dashboard_put_past(struct buf *out, const struct ledger_past_job *j);
void dashboard_put_hour(struct buf *out, const struct ledger_hour *h);

#endif
