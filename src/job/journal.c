#include "job/journal.h"

#include <string.h>

#include "chain/answer_logs.h"
#include "ledger/history.h"
#include "util/clock.h"

static void on_sending(void *arg, const struct tx_record *r)
{
    struct ledger_tx t = { .from = r->from,
                           .nonce = r->nonce,
                           .kind = (int)r->kind,
                           .has_job = r->has_job,
                           .job_id = r->job_id,
                           .to = r->to,
                           .data = r->data,
                           .data_len = r->data_len,
                           .max_fee_wei = r->max_fee_wei,
                           .tip_wei = r->tip_wei,
                           .gas_limit = r->gas_limit,
                           .raw = r->raw,
                           .raw_len = r->raw_len,
                           .sent_wall_ms = clock_wall_ms() };
    memcpy(t.hash, r->hash, sizeof t.hash);
    ledger_put_tx(arg, &t);
}

static void on_settled(void *arg, const struct address *from, uint64_t nonce)
{
    ledger_drop_tx(arg, from, nonce);
}

/* What an answer has cost and brought. */
static void on_included(void *arg, const struct tx_inclusion *i)
{
    struct address owner = { 0 };
    struct answer_facts facts;
    if (i->kind != TX_SUBMIT_OUTPUT || !i->has_job)
        return;
    (void)ledger_get_setting(arg, LEDGER_OWNER, owner.b, sizeof owner.b);
    answer_facts_read(&facts, i->logs, &i->to, i->job_id, &owner);
    struct ledger_receipt r = { .job_id = i->job_id,
                                .from = i->from,
                                .nonce = i->nonce,
                                .ok = i->ok,
                                .rank = facts.rank,
                                .gas_used = i->gas_used,
                                .gas_price_wei = i->gas_price_wei,
                                .paid_known = i->ok && facts.paid_known,
                                .paid_token = facts.paid_token,
                                .paid = facts.paid };
    memcpy(r.hash, i->hash, sizeof r.hash);
    ledger_put_receipt(arg, &r);
}

void journal_install(struct tx_queue *q, struct ledger *l)
{
    static const struct tx_journal journal = { on_sending, on_settled, on_included };
    tx_queue_set_journal(q, &journal, l);
}

struct tx_record journal_record(const struct ledger_tx *t)
{
    struct tx_record r = { .from = t->from,
                           .nonce = t->nonce,
                           .kind = (enum tx_kind)t->kind,
                           .to = t->to,
                           .data = t->data,
                           .data_len = t->data_len,
                           .has_job = t->has_job,
                           .job_id = t->job_id,
                           .max_fee_wei = t->max_fee_wei,
                           .tip_wei = t->tip_wei,
                           .gas_limit = t->gas_limit,
                           .raw = t->raw,
                           .raw_len = t->raw_len };
    memcpy(r.hash, t->hash, sizeof r.hash);
    return r;
}
