#include "chain/answer_logs.h"

#include <string.h>

#include "chain/contracts.h"
#include "eth/abi.h"

/* Transfer(address,address,uint256) of ERC-20 */
static const uint8_t transfer_topic[32] = { 0xdd, 0xf2, 0x52, 0xad, 0x1b, 0xe2, 0xc8, 0x9b, 0x69, 0xc2, 0xb0,
                                            0x68, 0xfc, 0x37, 0x8d, 0xaa, 0x95, 0x2b, 0xa7, 0xf1, 0x63, 0xc4,
                                            0xa1, 0x16, 0x28, 0xf5, 0x5a, 0x4d, 0xf5, 0x23, 0xb3, 0xef };

struct reader {
    struct answer_facts *out;
    const struct address *jobs, *owner;
    struct u256 job_id;
    unsigned transfers;
};

static void read_transfer(struct reader *r, const struct log_entry *log)
{
    struct abi_view topics = { .data = log->topics[0], .len = log->n_topics * 32 };
    struct abi_view data = { .data = log->data.data, .len = log->data.len };
    struct address from, to;
    struct u256 amount;
    if (log->n_topics != 3 || memcmp(log->topics[0], transfer_topic, 32) != 0 ||
        abi_get_address(&from, topics, 1, NULL) < 0 || abi_get_address(&to, topics, 2, NULL) < 0 ||
        abi_get_u256(&amount, data, 0, NULL) < 0 || !address_eq(&from, r->jobs) || !address_eq(&to, r->owner))
        return;
    r->transfers++;
    r->out->paid_token = log->address;
    r->out->paid = amount;
}

/* The contract's own word; of several, the last: an answer that a callback sends comes before ours. */
static void read_response(struct reader *r, const struct log_entry *log)
{
    struct chain_event ev;
    if (!address_eq(&log->address, r->jobs) || chain_event_decode(&ev, log, NULL) < 0)
        return;
    if (ev.type == EVENT_JOB_RESPONDED && u256_cmp(ev.u.job_responded.job_id, r->job_id) == 0)
        r->out->rank = ev.u.job_responded.output_count;
    chain_event_free(&ev);
}

void answer_facts_read(struct answer_facts *out, const struct json *logs, const struct address *jobs_contract,
                       struct u256 job_id, const struct address *owner)
{
    struct reader r = { .out = out, .jobs = jobs_contract, .owner = owner, .job_id = job_id };
    *out = (struct answer_facts){ 0 };
    for (size_t i = 0; json_kind(logs) == JSON_KIND_ARRAY && i < json_len(logs); i++) {
        struct log_entry log;
        if (log_entry_parse(&log, json_at(logs, i), NULL) < 0)
            continue;
        read_transfer(&r, &log);
        read_response(&r, &log);
        log_entry_free(&log);
    }
    out->paid_known = r.transfers == 1;
}
