/* What the receipt of an answer tells about it: its rank among the answers and what its owner was paid. Pure. */
#ifndef OYSTER_CHAIN_ANSWER_LOGS_H
#define OYSTER_CHAIN_ANSWER_LOGS_H

#include <stdbool.h>
#include <stdint.h>

#include "eth/address.h"
#include "eth/u256.h"
#include "util/json.h"

struct answer_facts {
    uint8_t rank;    /* 1 = the first answer; 0 = the receipt does not tell */
    bool paid_known; /* false: the receipt does not tell, or tells more than one thing */
    struct address paid_token;
    struct u256 paid; /* in the token's smallest unit */
};

/* Reads the logs of a receipt of submitOutput. The rank is the outputCount of the contract's JobResponded; the payment
 * is the ERC-20 Transfer from the contract to the owner. The job owner's callback runs in the same transaction and may
 * log what it likes: two such transfers are one too many to believe either. What cannot be read is passed over. */
void answer_facts_read(struct answer_facts *out, const struct json *logs, const struct address *jobs_contract,
                       struct u256 job_id, const struct address *owner);

#endif
