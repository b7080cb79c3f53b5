/* The gas key in the ledger: sealed, so that only this enclave key opens it. */
#ifndef OYSTER_LEDGER_GAS_KEY_H
#define OYSTER_LEDGER_GAS_KEY_H

#include "eth/key.h"
#include "ledger/ledger.h"

/* Keeps key in place of an earlier one; NULL removes it. */
void gas_key_save(struct ledger *l, const struct seckey *enclave, const struct seckey *key);

/* Returns 0, -ENOENT where none is kept, -EBADMSG where what is kept was not sealed by this enclave key. The caller
 * wipes key. */
int gas_key_load(struct seckey *key, struct ledger *l, const struct seckey *enclave, struct err *e);

#endif
