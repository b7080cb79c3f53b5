/* Logs as JSON-RPC carries them: reading an entry, and the filter that asks for ours. */
#include <errno.h>
#include <string.h>

#include "chain/contracts_tables.h"
#include "util/hex.h"

static int parse_topic(uint8_t out[32], const struct json *topic, size_t index, struct err *e)
{
    size_t len;
    const char *text = json_str(topic, &len);
    struct err why = { 0 };
    if (!text)
        return err_set(e, -EPROTO, "topics[%zu]: expected hex data, found %s", index, json_kind_name(topic));
    if (hex_decode_exact(out, 32, text, len, &why) < 0)
        return err_set(e, -EPROTO, "topics[%zu]: %s", index, why.msg);
    return 0;
}

static int parse_topics(struct log_entry *out, const struct json *log, struct err *e)
{
    const struct json *topics = json_get(log, "topics");
    if (json_kind(topics) != JSON_KIND_ARRAY)
        return err_set(e, -EPROTO, "topics: expected an array, found %s", json_kind_name(topics));
    size_t n = json_len(topics);
    if (n > LOG_TOPICS_MAX)
        return err_set(e, -EPROTO, "topics: expected at most %d, found %zu", LOG_TOPICS_MAX, n);
    for (size_t i = 0; i < n; i++)
        if (parse_topic(out->topics[i], json_at(topics, i), i, e) < 0)
            return -EPROTO;
    out->n_topics = n;
    return 0;
}

static int parse_place(struct log_entry *out, const struct json *log, struct err *e)
{
    if (json_req_quantity(&out->block_number, log, "blockNumber", e) < 0 ||
        json_req_bytes(out->block_hash, 32, log, "blockHash", e) < 0 ||
        json_req_bytes(out->tx_hash, 32, log, "transactionHash", e) < 0)
        return -EPROTO;
    return json_req_quantity(&out->log_index, log, "logIndex", e);
}

/* blockTimestamp is an extra that only some clients give: what cannot be read counts as not said. */
static uint64_t said_timestamp(const struct json *log)
{
    size_t len;
    const char *text = json_str(json_get(log, "blockTimestamp"), &len);
    uint64_t seconds;
    return text && hex_decode_u64(&seconds, text, len, NULL) == 0 ? seconds : 0;
}

static int parse(struct log_entry *out, const struct json *log, struct err *e)
{
    if (json_kind(log) != JSON_KIND_OBJECT)
        return err_set(e, -EPROTO, "log: expected an object, found %s", json_kind_name(log));
    if (json_req_bytes(out->address.b, sizeof out->address.b, log, "address", e) < 0 || parse_topics(out, log, e) < 0 ||
        parse_place(out, log, e) < 0 || json_req_data(&out->data, LOG_DATA_MAX, log, "data", e) < 0)
        return -EPROTO;
    out->block_timestamp_s = said_timestamp(log);
    out->removed = json_bool(json_get(log, "removed"), false);
    return 0;
}

int log_entry_parse(struct log_entry *out, const struct json *log, struct err *e)
{
    *out = (struct log_entry){ 0 };
    int rc = parse(out, log, e);
    if (rc < 0)
        log_entry_free(out);
    return rc;
}

void log_entry_free(struct log_entry *log)
{
    buf_free(&log->data);
    *log = (struct log_entry){ 0 };
}

static void put_hex_member(struct buf *out, const char *key, uint64_t v)
{
    if (v != UINT64_MAX)
        buf_printf(out, ",\"%s\":\"0x%llx\"", key, (unsigned long long)v);
}

static void put_hex_string(struct buf *out, const uint8_t *data, size_t len)
{
    buf_push(out, '"');
    hex_append0x(out, data, len);
    buf_push(out, '"');
}

void contracts_log_filter(struct buf *out, const struct address *executors, const struct address *jobs, uint64_t from,
                          uint64_t to)
{
    buf_puts(out, "{\"address\":[");
    put_hex_string(out, executors->b, sizeof executors->b);
    buf_push(out, ',');
    put_hex_string(out, jobs->b, sizeof jobs->b);
    buf_puts(out, "],\"topics\":[[");
    for (size_t i = 0; i < EVENT_DEF_COUNT; i++) {
        if (i > 0)
            buf_push(out, ',');
        put_hex_string(out, event_defs[i].topic0, 32);
    }
    buf_puts(out, "]]");
    put_hex_member(out, "fromBlock", from);
    put_hex_member(out, "toBlock", to);
    buf_push(out, '}');
}
