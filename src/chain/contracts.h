/* The contracts' events and calls, both generations, as typed values; devnet/contracts has the same ABI in
 * Solidity. Pure. */
#ifndef OYSTER_CHAIN_CONTRACTS_H
#define OYSTER_CHAIN_CONTRACTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "eth/address.h"
#include "eth/key.h"
#include "eth/u256.h"
#include "util/buf.h"
#include "util/err.h"
#include "util/json.h"

enum generation { GENERATION_1 = 1, GENERATION_2 = 2 };

#define LOG_TOPICS_MAX 4
#define LOG_DATA_MAX (4u << 20) /* bytes of one log's data that we accept */
#define SELECTED_EXECUTORS_MAX 1024

/* One entry of eth_getLogs or of a logs subscription. data is owned: log_entry_free. */
struct log_entry {
    struct address address;
    uint8_t topics[LOG_TOPICS_MAX][32];
    size_t n_topics;
    struct buf data;
    uint64_t block_number;
    uint8_t block_hash[32];
    uint64_t block_timestamp_s; /* 0 = the endpoint does not say */
    uint8_t tx_hash[32];
    uint64_t log_index;
    bool removed; /* missing in the JSON = false */
};

/* Reads the JSON object of a log. Returns 0 or -EPROTO naming the member. *out is freed and empty on failure. */
int log_entry_parse(struct log_entry *out, const struct json *log, struct err *e);
void log_entry_free(struct log_entry *log);

enum event_type {
    EVENT_NONE, /* a topic that is not ours */
    EVENT_EXECUTOR_REGISTERED,
    EVENT_EXECUTOR_DEREGISTERED,
    EVENT_EXECUTOR_DRAINED,
    EVENT_EXECUTOR_REVIVED,
    EVENT_EXECUTOR_STAKE_ADDED,
    EVENT_EXECUTOR_STAKE_REMOVED,
    EVENT_JOB_CREATED,
    EVENT_JOB_RESPONDED,
    EVENT_SLASHED,
    EVENT_RESULT_CALLBACK,
    EVENT_FAILURE_CALLBACK,
    EVENT_TYPE_COUNT,
};

/* A decoded event. Pointers borrow from the log_entry, but selected: owned (chain_event_free). */
struct chain_event {
    enum event_type type;
    enum generation generation; /* of the event's signature where it differs, else GENERATION_1 */
    union {
        struct { /* executor events; env -1 in generation 1 */
            struct address enclave, owner;
            uint64_t job_capacity;
            int env;
            struct u256 amount;
        } executor;
        struct {
            struct u256 job_id;
            int env; /* -1 in generation 1 */
            struct address owner;
            uint8_t codehash[32];
            const uint8_t *inputs;
            size_t inputs_len;
            uint64_t deadline_ms; /* saturated at UINT64_MAX */
            struct address *selected;
            size_t n_selected;
        } job_created;
        struct {
            struct u256 job_id;
            struct address executor; /* generation 2; zero in generation 1 */
            const uint8_t *output;
            size_t output_len;
            uint64_t total_time_ms;
            uint8_t error_code;
            uint8_t output_count;
        } job_responded;
        struct {
            struct u256 job_id;
            struct address enclave;
        } slashed;
        struct {
            struct u256 job_id;
            bool success;
        } callback;
    } u;
};

/* Decodes log. An unknown topic is EVENT_NONE and 0. Returns 0, or -EBADMSG with event name and reason for a log whose
 * topic is ours and whose body is not what its signature says. */
int chain_event_decode(struct chain_event *out, const struct log_entry *log, struct err *e);
void chain_event_free(struct chain_event *ev);

/* "JobCreated" …; "unknown" for EVENT_NONE. */
const char *event_name(enum event_type type);

/* Appends the JSON filter object for the events that a node follows, of both contracts and generations:
 * {"address":[executors,jobs],"topics":[[…]]}. from/to: block numbers to include; UINT64_MAX leaves the member out. */
void contracts_log_filter(struct buf *out, const struct address *executors, const struct address *jobs, uint64_t from,
                          uint64_t to);

/* ---- calls: each appends selector and arguments ---- */

struct submit_output {
    struct u256 job_id;
    const uint8_t *output;
    size_t output_len;
    uint64_t total_time_ms;
    uint8_t error_code;
    uint64_t sign_timestamp_s;
    struct signature signature;
};

/* Each appends the calldata of one call, selector first. */
void call_submit_output(struct buf *out, const struct submit_output *s);
void call_slash_on_execution_timeout(struct buf *out, struct u256 job_id);
void call_jobs(struct buf *out, struct u256 job_id);                 /* jobs(uint256) */
void call_executors(struct buf *out, const struct address *enclave); /* executors(address) */
void call_is_tree_initialized(struct buf *out, uint8_t env);

/* Views without arguments: EXECUTION_BUFFER_TIME() and its like, by selector. */
extern const uint8_t SELECTOR_EXECUTION_BUFFER_TIME[4], SELECTOR_NO_OF_NODES_TO_SELECT[4], SELECTOR_SIGN_MAX_AGE[4];

/* ---- results of views ---- */

struct executor_info {
    struct address owner; /* zero: not registered */
    uint64_t job_capacity, active_jobs;
    struct u256 stake;
    bool draining;
    int env; /* -1 in generation 1 */
};

struct job_info {
    struct u256 deadline_ms;
    uint64_t exec_start_s; /* 0: no such job, or deleted after a slash */
    struct address owner;
    int env;
    uint8_t output_count;
};

/* Return 0 or -EBADMSG. */
int decode_executor_info(struct executor_info *out, enum generation g, const uint8_t *data, size_t len, struct err *e);
int decode_job_info(struct job_info *out, enum generation g, const uint8_t *data, size_t len, struct err *e);

/* The code in the calldata of saveCodeInCallData, either form: borrows from data. Returns 0 or -EBADMSG. */
int decode_save_code(const uint8_t **code, size_t *code_len, const uint8_t *data, size_t len, struct err *e);

#endif
