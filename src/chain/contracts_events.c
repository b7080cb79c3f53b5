#include "chain/contracts_tables.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "eth/abi.h"

/* The indexed arguments as a tuple: word 0 is topic 0, so indexed arguments count from 1. */
static struct abi_view topics_of(const struct log_entry *log)
{
    return (struct abi_view){ .data = log->topics[0], .len = log->n_topics * 32 };
}

static struct abi_view data_of(const struct log_entry *log)
{
    return (struct abi_view){ .data = log->data.data, .len = log->data.len };
}

/* A uint256 that we hold in 64 bits: saturated, since a stranger's extreme value is no reason to miss its event. */
static int get_saturated(uint64_t *out, struct abi_view v, size_t index, struct err *e)
{
    struct u256 wide;
    int rc = abi_get_u256(&wide, v, index, e);
    if (rc == 0)
        (void)u256_to_u64(out, wide);
    return rc;
}

static int get_env(int *out, struct abi_view v, size_t index, struct err *e)
{
    uint8_t env;
    int rc = abi_get_u8(&env, v, index, e);
    if (rc == 0)
        *out = env;
    return rc;
}

static int decode_executor_only(struct chain_event *out, const struct log_entry *log, struct err *e)
{
    out->u.executor.env = -1;
    return abi_get_address(&out->u.executor.enclave, topics_of(log), 1, e);
}

static int decode_registered_1(struct chain_event *out, const struct log_entry *log, struct err *e)
{
    int rc = decode_executor_only(out, log, e);
    if (rc == 0)
        rc = abi_get_address(&out->u.executor.owner, topics_of(log), 2, e);
    if (rc == 0)
        rc = get_saturated(&out->u.executor.job_capacity, data_of(log), 0, e);
    return rc;
}

static int decode_registered_2(struct chain_event *out, const struct log_entry *log, struct err *e)
{
    int rc = decode_registered_1(out, log, e);
    return rc < 0 ? rc : get_env(&out->u.executor.env, data_of(log), 1, e);
}

static int decode_stake(struct chain_event *out, const struct log_entry *log, struct err *e)
{
    int rc = decode_executor_only(out, log, e);
    return rc < 0 ? rc : abi_get_u256(&out->u.executor.amount, data_of(log), 0, e);
}

/* The arguments of JobCreated that are not indexed: the same in both generations. */
static int decode_job_body(struct chain_event *out, const struct log_entry *log, struct err *e)
{
    struct abi_view data = data_of(log);
    const uint8_t *codehash;
    int rc = abi_get_word(&codehash, data, 0, e);
    if (rc == 0)
        rc = abi_get_bytes(&out->u.job_created.inputs, &out->u.job_created.inputs_len, data, 1, e);
    if (rc == 0)
        rc = get_saturated(&out->u.job_created.deadline_ms, data, 2, e);
    if (rc == 0)
        rc = abi_get_address_array(&out->u.job_created.selected, &out->u.job_created.n_selected, SELECTED_EXECUTORS_MAX,
                                   data, 3, e);
    if (rc == 0)
        memcpy(out->u.job_created.codehash, codehash, 32);
    return rc;
}

static int decode_job_created_1(struct chain_event *out, const struct log_entry *log, struct err *e)
{
    out->u.job_created.env = -1;
    int rc = abi_get_u256(&out->u.job_created.job_id, topics_of(log), 1, e);
    if (rc == 0)
        rc = abi_get_address(&out->u.job_created.owner, topics_of(log), 2, e);
    return rc < 0 ? rc : decode_job_body(out, log, e);
}

static int decode_job_created_2(struct chain_event *out, const struct log_entry *log, struct err *e)
{
    int rc = abi_get_u256(&out->u.job_created.job_id, topics_of(log), 1, e);
    if (rc == 0)
        rc = get_env(&out->u.job_created.env, topics_of(log), 2, e);
    if (rc == 0)
        rc = abi_get_address(&out->u.job_created.owner, topics_of(log), 3, e);
    return rc < 0 ? rc : decode_job_body(out, log, e);
}

static int decode_response_body(struct chain_event *out, const struct log_entry *log, struct err *e)
{
    struct abi_view data = data_of(log);
    int rc = abi_get_bytes(&out->u.job_responded.output, &out->u.job_responded.output_len, data, 0, e);
    if (rc == 0)
        rc = get_saturated(&out->u.job_responded.total_time_ms, data, 1, e);
    if (rc == 0)
        rc = abi_get_u8(&out->u.job_responded.error_code, data, 2, e);
    if (rc == 0)
        rc = abi_get_u8(&out->u.job_responded.output_count, data, 3, e);
    return rc;
}

static int decode_job_responded_1(struct chain_event *out, const struct log_entry *log, struct err *e)
{
    int rc = abi_get_u256(&out->u.job_responded.job_id, topics_of(log), 1, e);
    return rc < 0 ? rc : decode_response_body(out, log, e);
}

static int decode_job_responded_2(struct chain_event *out, const struct log_entry *log, struct err *e)
{
    int rc = abi_get_address(&out->u.job_responded.executor, topics_of(log), 2, e);
    return rc < 0 ? rc : decode_job_responded_1(out, log, e);
}

static int decode_slashed(struct chain_event *out, const struct log_entry *log, struct err *e)
{
    int rc = abi_get_u256(&out->u.slashed.job_id, topics_of(log), 1, e);
    return rc < 0 ? rc : abi_get_address(&out->u.slashed.enclave, topics_of(log), 2, e);
}

static int decode_callback(struct chain_event *out, const struct log_entry *log, struct err *e)
{
    int rc = abi_get_u256(&out->u.callback.job_id, topics_of(log), 1, e);
    return rc < 0 ? rc : abi_get_bool(&out->u.callback.success, data_of(log), 0, e);
}

const struct event_def event_defs[EVENT_DEF_COUNT] = {
    { "ExecutorRegistered(address,address,uint256)",
      { 0xdc, 0x8e, 0x8a, 0xda, 0x2d, 0xe6, 0x23, 0x85, 0x25, 0xe8, 0x1b, 0x73, 0x60, 0xa2, 0x3e, 0x65,
        0xe3, 0x5b, 0x13, 0x4e, 0x48, 0x0f, 0x60, 0x4a, 0xd9, 0x70, 0x5a, 0x56, 0x07, 0x76, 0x58, 0x62 },
      EVENT_EXECUTOR_REGISTERED,
      GENERATION_1,
      3,
      decode_registered_1 },
    { "ExecutorRegistered(address,address,uint256,uint8)",
      { 0xec, 0x0a, 0x27, 0xe4, 0xd5, 0x0a, 0x39, 0x95, 0x06, 0xfe, 0x5b, 0x90, 0xd1, 0xdf, 0xbf, 0x55,
        0x6c, 0xc1, 0x57, 0xb5, 0x11, 0xac, 0xe5, 0x0f, 0x26, 0x1f, 0x77, 0x70, 0xae, 0xed, 0xb4, 0xb6 },
      EVENT_EXECUTOR_REGISTERED,
      GENERATION_2,
      3,
      decode_registered_2 },
    { "ExecutorDeregistered(address)",
      { 0xba, 0xe0, 0x32, 0x11, 0x8c, 0xeb, 0x22, 0xb6, 0x26, 0xb3, 0xd8, 0x5d, 0xb0, 0x81, 0xa2, 0x2c,
        0xb1, 0x75, 0x34, 0x0e, 0x28, 0xf4, 0xe1, 0xc4, 0x22, 0xb8, 0x85, 0x86, 0xea, 0x62, 0xc3, 0xd6 },
      EVENT_EXECUTOR_DEREGISTERED,
      GENERATION_1,
      2,
      decode_executor_only },
    { "ExecutorDrained(address)",
      { 0xbc, 0x82, 0x09, 0xb6, 0x28, 0xde, 0xc8, 0xf5, 0x0f, 0x80, 0x61, 0x42, 0x44, 0xca, 0x35, 0x38,
        0x61, 0x3f, 0x5a, 0x92, 0xeb, 0xf2, 0x36, 0x77, 0x8a, 0xf1, 0xa3, 0xd3, 0xa4, 0x77, 0x37, 0x48 },
      EVENT_EXECUTOR_DRAINED,
      GENERATION_1,
      2,
      decode_executor_only },
    { "ExecutorRevived(address)",
      { 0x32, 0x4d, 0x2b, 0x90, 0x01, 0x9d, 0xe3, 0xcd, 0x7d, 0x93, 0x8c, 0x2e, 0xa2, 0xfe, 0xf7, 0x40,
        0xe1, 0x39, 0x93, 0x2d, 0xb1, 0xfa, 0x94, 0x7d, 0x1f, 0x24, 0xab, 0x10, 0xb1, 0x00, 0x2a, 0x7f },
      EVENT_EXECUTOR_REVIVED,
      GENERATION_1,
      2,
      decode_executor_only },
    { "ExecutorStakeAdded(address,uint256)",
      { 0xbc, 0x69, 0x05, 0x26, 0x88, 0xa6, 0x5f, 0x08, 0x67, 0x5b, 0xfa, 0x5e, 0x28, 0x47, 0xa7, 0xc7,
        0x80, 0xe6, 0x1f, 0x21, 0x0f, 0xcf, 0x25, 0xa2, 0xce, 0xaa, 0x1c, 0x55, 0x8a, 0xef, 0xd9, 0x04 },
      EVENT_EXECUTOR_STAKE_ADDED,
      GENERATION_1,
      2,
      decode_stake },
    { "ExecutorStakeRemoved(address,uint256)",
      { 0x79, 0xfc, 0x91, 0x4d, 0xbc, 0x95, 0x13, 0xa8, 0x08, 0xf0, 0x2f, 0x3b, 0xe7, 0xc9, 0xd7, 0x48,
        0x70, 0x3b, 0x97, 0x81, 0x1f, 0x72, 0xa5, 0x09, 0xd3, 0xf3, 0x41, 0x9e, 0xec, 0x39, 0xdd, 0xea },
      EVENT_EXECUTOR_STAKE_REMOVED,
      GENERATION_1,
      2,
      decode_stake },
    { "JobCreated(uint256,address,bytes32,bytes,uint256,address[])",
      { 0x69, 0x06, 0x6c, 0xaa, 0x91, 0xe1, 0x20, 0x38, 0x27, 0x2e, 0x02, 0xa3, 0xdf, 0xa7, 0x7c, 0x0c,
        0xdc, 0xeb, 0x46, 0x09, 0x15, 0x97, 0x3c, 0x2e, 0xee, 0xde, 0x8d, 0x2c, 0x1b, 0xdb, 0x8d, 0xed },
      EVENT_JOB_CREATED,
      GENERATION_1,
      3,
      decode_job_created_1 },
    { "JobCreated(uint256,uint8,address,bytes32,bytes,uint256,address[])",
      { 0x52, 0xa4, 0x0f, 0x74, 0xe4, 0x43, 0xe8, 0x2c, 0xa6, 0x25, 0x1e, 0xa4, 0x54, 0x9e, 0x7a, 0x2c,
        0x0f, 0x2f, 0x9e, 0x87, 0x2d, 0x94, 0x05, 0x22, 0x66, 0x03, 0xad, 0x56, 0x13, 0xaa, 0x13, 0x19 },
      EVENT_JOB_CREATED,
      GENERATION_2,
      4,
      decode_job_created_2 },
    { "JobResponded(uint256,bytes,uint256,uint8,uint8)",
      { 0x65, 0x94, 0xe6, 0x95, 0xf8, 0x74, 0x8d, 0x68, 0x97, 0x2e, 0x2d, 0xd5, 0xeb, 0xe1, 0x33, 0xbc,
        0x32, 0xca, 0x4a, 0xad, 0x6d, 0xbd, 0x33, 0x3b, 0xa3, 0xb6, 0xca, 0xeb, 0xbb, 0xa7, 0x0d, 0x41 },
      EVENT_JOB_RESPONDED,
      GENERATION_1,
      2,
      decode_job_responded_1 },
    { "JobResponded(uint256,address,bytes,uint256,uint8,uint8)",
      { 0x44, 0xe2, 0xfe, 0x4d, 0xdd, 0x3e, 0xe1, 0xcc, 0x7d, 0x02, 0xec, 0x47, 0x11, 0x1b, 0xe6, 0x54,
        0x47, 0x4a, 0x6f, 0xc7, 0x34, 0x11, 0xe6, 0x78, 0xe3, 0x15, 0x2b, 0x80, 0x6b, 0xfc, 0x02, 0x33 },
      EVENT_JOB_RESPONDED,
      GENERATION_2,
      3,
      decode_job_responded_2 },
    { "SlashedOnExecutionTimeout(uint256,address)",
      { 0x5b, 0x7b, 0xe4, 0x3a, 0x90, 0x05, 0xfe, 0xce, 0xd6, 0x34, 0xaa, 0x3c, 0x4e, 0xe6, 0xed, 0xf6,
        0xd7, 0x51, 0x49, 0xd2, 0x97, 0xa3, 0x34, 0x9f, 0x0e, 0x06, 0x67, 0x43, 0xf4, 0xe4, 0x40, 0xe7 },
      EVENT_SLASHED,
      GENERATION_1,
      3,
      decode_slashed },
    { "JobResultCallbackCalled(uint256,bool)",
      { 0xae, 0xe8, 0xd4, 0x36, 0xb2, 0xbc, 0x14, 0xf5, 0x30, 0xf1, 0x85, 0x51, 0xf1, 0x96, 0x06, 0xd5,
        0x0e, 0x46, 0x9a, 0xee, 0xe7, 0xe8, 0x9f, 0xb6, 0xc9, 0xda, 0x76, 0xe5, 0x2a, 0x91, 0x22, 0x60 },
      EVENT_RESULT_CALLBACK,
      GENERATION_1,
      2,
      decode_callback },
    { "JobFailureCallbackCalled(uint256,bool)",
      { 0x71, 0xc7, 0xc2, 0xb1, 0xc6, 0x7d, 0xc0, 0x1d, 0xd8, 0x8d, 0x0c, 0x2f, 0x81, 0xed, 0x6b, 0x67,
        0xd9, 0x75, 0x78, 0x2f, 0x96, 0xe0, 0xe7, 0xea, 0xc5, 0xfa, 0xcf, 0xba, 0x01, 0x16, 0x5f, 0xfe },
      EVENT_FAILURE_CALLBACK,
      GENERATION_1,
      2,
      decode_callback },
};

const struct event_def *event_def_find(const uint8_t topic0[32])
{
    for (size_t i = 0; i < EVENT_DEF_COUNT; i++)
        if (memcmp(event_defs[i].topic0, topic0, 32) == 0)
            return &event_defs[i];
    return NULL;
}

const char *event_name(enum event_type type)
{
    static const char *const names[EVENT_TYPE_COUNT] = {
        [EVENT_NONE] = "unknown",
        [EVENT_EXECUTOR_REGISTERED] = "ExecutorRegistered",
        [EVENT_EXECUTOR_DEREGISTERED] = "ExecutorDeregistered",
        [EVENT_EXECUTOR_DRAINED] = "ExecutorDrained",
        [EVENT_EXECUTOR_REVIVED] = "ExecutorRevived",
        [EVENT_EXECUTOR_STAKE_ADDED] = "ExecutorStakeAdded",
        [EVENT_EXECUTOR_STAKE_REMOVED] = "ExecutorStakeRemoved",
        [EVENT_JOB_CREATED] = "JobCreated",
        [EVENT_JOB_RESPONDED] = "JobResponded",
        [EVENT_SLASHED] = "SlashedOnExecutionTimeout",
        [EVENT_RESULT_CALLBACK] = "JobResultCallbackCalled",
        [EVENT_FAILURE_CALLBACK] = "JobFailureCallbackCalled",
    };
    return (unsigned)type < EVENT_TYPE_COUNT ? names[type] : names[EVENT_NONE];
}

int chain_event_decode(struct chain_event *out, const struct log_entry *log, struct err *e)
{
    *out = (struct chain_event){ .type = EVENT_NONE, .generation = GENERATION_1 };
    const struct event_def *def = log->n_topics > 0 ? event_def_find(log->topics[0]) : NULL;
    if (!def)
        return 0;
    if (log->n_topics != def->n_topics)
        return err_set(e, -EBADMSG, "%s: expected %u topics, found %zu", def->signature, def->n_topics, log->n_topics);
    out->type = def->type;
    out->generation = def->generation;
    struct err why = { 0 };
    if (def->decode(out, log, &why) == 0)
        return 0;
    chain_event_free(out);
    return err_set(e, -EBADMSG, "%s: %s", def->signature, why.msg);
}

void chain_event_free(struct chain_event *ev)
{
    if (ev->type == EVENT_JOB_CREATED)
        free(ev->u.job_created.selected);
    *ev = (struct chain_event){ .type = EVENT_NONE, .generation = GENERATION_1 };
}
