#include "job/journal.h"

#include <string.h>

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

void journal_install(struct tx_queue *q, struct ledger *l)
{
    static const struct tx_journal journal = { on_sending, on_settled };
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
