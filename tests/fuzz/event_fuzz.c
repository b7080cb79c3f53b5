/* Logs from endpoints. The first byte chooses: below the number of event signatures, the rest is the topics and data of
 * that event; else it is the JSON of a log. What is decoded borrows from the log and nothing else. */
#include "fuzz.h"

#include "chain/contracts_tables.h"

static void check_inputs(const struct chain_event *ev, const struct log_entry *log)
{
    const uint8_t *at = ev->u.job_created.inputs;
    size_t len = ev->u.job_created.inputs_len;
    assert(at >= log->data.data && len <= log->data.len);
    assert((size_t)(at - log->data.data) <= log->data.len - len);
    assert(ev->u.job_created.n_selected <= SELECTED_EXECUTORS_MAX);
    assert((ev->u.job_created.selected != NULL) == (ev->u.job_created.n_selected > 0));
    assert(ev->u.job_created.env >= -1 && ev->u.job_created.env <= 255);
    assert((ev->generation == GENERATION_1) == (ev->u.job_created.env == -1));
}

static void check_decode(const struct log_entry *log)
{
    struct err e = { 0 };
    struct chain_event ev, again;
    int rc = chain_event_decode(&ev, log, &e);
    assert(chain_event_decode(&again, log, NULL) == rc && again.type == ev.type);
    chain_event_free(&again);
    if (rc < 0) {
        assert(rc == -EBADMSG && e.msg[0] && ev.type == EVENT_NONE);
        return;
    }
    assert((unsigned)ev.type < EVENT_TYPE_COUNT && event_name(ev.type));
    if (ev.type == EVENT_JOB_CREATED)
        check_inputs(&ev, log);
    chain_event_free(&ev);
}

static void fuzz_event(const struct event_def *def, const uint8_t *data, size_t size)
{
    struct log_entry log = { .n_topics = def->n_topics };
    memcpy(log.topics[0], def->topic0, 32);
    for (size_t i = 1; i < log.n_topics; i++) {
        size_t take = size < 32 ? size : 32;
        memcpy(log.topics[i], data, take);
        data += take;
        size -= take;
    }
    buf_append(&log.data, data, size);
    check_decode(&log);
    log_entry_free(&log);
}

static void fuzz_json(const char *text, size_t size)
{
    struct err e = { 0 };
    struct log_entry log;
    struct json *root = json_parse(text, size, NULL);
    if (!root)
        return;
    if (log_entry_parse(&log, root, &e) < 0) {
        assert(e.msg[0] && log.data.data == NULL && log.n_topics == 0);
    } else {
        assert(log.n_topics <= LOG_TOPICS_MAX && log.data.len <= LOG_DATA_MAX);
        check_decode(&log);
        log_entry_free(&log);
    }
    json_free(root);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    if (data[0] < EVENT_DEF_COUNT)
        fuzz_event(&event_defs[data[0]], data + 1, size - 1);
    else
        fuzz_json((const char *)data + 1, size - 1);
    return 0;
}
