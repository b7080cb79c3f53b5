/* The transaction queue's journal, kept in the ledger. */
#ifndef OYSTER_JOB_JOURNAL_H
#define OYSTER_JOB_JOURNAL_H

#include "chain/tx_queue.h"
#include "ledger/ledger.h"

/* Makes the queue write what it sends into the ledger, before it sends. Both are borrowed. */
void journal_install(struct tx_queue *q, struct ledger *l);

/* A transaction as the queue takes it back (tx_queue_adopt); borrows from t. */
struct tx_record journal_record(const struct ledger_tx *t);

#endif
