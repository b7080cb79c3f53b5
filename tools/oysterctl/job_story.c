#include "job_story.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ctl.h"
#include "util/cleanup.h"
#include "util/hex.h"

#define PIECE_BLOCKS 10000

void job_story_free(struct job_story *s)
{
    buf_free(&s->inputs);
    for (size_t i = 0; i < s->n_answers; i++)
        buf_free(&s->answers[i].output);
    *s = (struct job_story){ 0 };
}

/* ---- events ---- */

static void take_created(struct job_story *s, const struct chain_event *ev, const struct log_entry *log)
{
    s->created = true;
    s->id = ev->u.job_created.job_id;
    s->owner = ev->u.job_created.owner;
    s->env = ev->u.job_created.env;
    memcpy(s->codehash, ev->u.job_created.codehash, 32);
    memcpy(s->created_tx, log->tx_hash, 32);
    buf_reset(&s->inputs);
    buf_append(&s->inputs, ev->u.job_created.inputs, ev->u.job_created.inputs_len);
    s->deadline_ms = ev->u.job_created.deadline_ms;
    s->created_block = log->block_number;
    for (s->n_selected = 0; s->n_selected < ev->u.job_created.n_selected && s->n_selected < STORY_SELECTED_MAX;
         s->n_selected++)
        s->selected[s->n_selected] = ev->u.job_created.selected[s->n_selected];
}

static void take_answer(struct job_story *s, const struct chain_event *ev, const struct log_entry *log)
{
    if (s->n_answers == STORY_ANSWERS_MAX)
        return;
    struct job_answer *a = &s->answers[s->n_answers++];
    *a = (struct job_answer){ .executor = ev->u.job_responded.executor,
                              .total_time_ms = ev->u.job_responded.total_time_ms,
                              .block = log->block_number,
                              .error_code = ev->u.job_responded.error_code,
                              .rank = ev->u.job_responded.output_count };
    buf_append(&a->output, ev->u.job_responded.output, ev->u.job_responded.output_len);
    memcpy(a->tx_hash, log->tx_hash, 32);
}

static void take_event(struct job_story *s, const struct chain_event *ev, const struct log_entry *log)
{
    if (ev->type == EVENT_JOB_CREATED)
        take_created(s, ev, log);
    else if (ev->type == EVENT_JOB_RESPONDED)
        take_answer(s, ev, log);
    else if (ev->type == EVENT_SLASHED && s->n_slashed < STORY_SELECTED_MAX)
        s->slashed[s->n_slashed++] = ev->u.slashed.enclave;
    else if (ev->type == EVENT_RESULT_CALLBACK) {
        s->result_called = true;
        s->result_ok = ev->u.callback.success;
    } else if (ev->type == EVENT_FAILURE_CALLBACK) {
        s->failure_called = true;
        s->failure_ok = ev->u.callback.success;
    }
}

/* A log that is not the contract's own event of this job is passed over. */
static int take_log(struct job_story *s, const struct json *json, const struct address *jobs, bool created_only,
                    struct err *e)
{
    struct log_entry log;
    struct chain_event ev;
    int rc = log_entry_parse(&log, json, e);
    if (rc < 0)
        return rc;
    if (address_eq(&log.address, jobs) && !log.removed)
        rc = chain_event_decode(&ev, &log, e);
    else
        ev = (struct chain_event){ .type = EVENT_NONE };
    if (rc == 0 && (!created_only || ev.type == EVENT_JOB_CREATED))
        take_event(s, &ev, &log);
    if (rc == 0)
        chain_event_free(&ev);
    log_entry_free(&log);
    return rc;
}

static int take_logs(struct job_story *s, const struct json *logs, const struct address *jobs, bool created_only,
                     struct err *e)
{
    int rc = 0;
    for (size_t i = 0; i < json_len(logs) && rc == 0; i++)
        rc = take_log(s, json_at(logs, i), jobs, created_only, e);
    return rc;
}

/* ---- reading ---- */

static int get_logs(struct job_story *s, struct ctl *c, const struct address *jobs, uint64_t from, uint64_t to,
                    struct err *e)
{
    CLEANUP(buf_free) struct buf params = { 0 };
    struct json *logs;
    char contract[ADDRESS_TEXT_MAX];
    uint8_t id[32];
    u256_to_be(id, s->id);
    buf_printf(&params, "[{\"address\":\"%s\",\"fromBlock\":\"0x%llx\",\"toBlock\":\"0x%llx\",\"topics\":[null,\"",
               address_lower(contract, jobs), (unsigned long long)from, (unsigned long long)to);
    hex_append0x(&params, id, sizeof id);
    buf_puts(&params, "\"]}]");
    int rc = chain_request(&logs, NULL, c->chain, "eth_getLogs", buf_cstr(&params), e);
    if (rc == 0)
        rc = take_logs(s, logs, jobs, false, e);
    json_free(logs);
    return rc;
}

/* Events come piece by piece from the newest back; those of a piece are in order, which is enough: answers carry their
 * rank. */
static int walk_back(struct job_story *s, struct ctl *c, const struct address *jobs, uint64_t from, uint64_t head,
                     struct err *e)
{
    for (uint64_t end = head; !s->created;) {
        uint64_t begin = end - from >= PIECE_BLOCKS ? end - PIECE_BLOCKS + 1 : from;
        ctl_progress(c, "looking for the job in blocks %llu to %llu", (unsigned long long)begin,
                     (unsigned long long)end);
        int rc = get_logs(s, c, jobs, begin, end, e);
        if (rc < 0 || begin == from)
            return rc;
        end = begin - 1;
    }
    return 0;
}

static int by_rank(const void *a, const void *b)
{
    return (int)((const struct job_answer *)a)->rank - (int)((const struct job_answer *)b)->rank;
}

int job_story_read(struct job_story *out, struct ctl *c, struct u256 id, uint64_t from, struct err *e)
{
    struct address jobs;
    uint64_t head;
    struct chain *ch = ctl_chain(c, e);
    job_story_free(out);
    out->id = id;
    if (!ch || chain_jobs(&jobs, c, e) < 0 || chain_u64(&head, ch, "eth_blockNumber", "[]", e) < 0)
        return e->code;
    if (from > head)
        return 0;
    struct err why = { 0 };
    int rc = get_logs(out, c, &jobs, from, head, &why);
    if (rc == -EREMOTEIO && head - from >= PIECE_BLOCKS)
        rc = walk_back(out, c, &jobs, from, head, e);
    else if (rc < 0)
        return err_set(e, rc, "%s", why.msg), rc;
    qsort(out->answers, out->n_answers, sizeof *out->answers, by_rank);
    return rc;
}

int job_story_of_receipt(struct job_story *out, struct ctl *c, const struct json *receipt, struct err *e)
{
    struct address jobs;
    job_story_free(out);
    if (chain_jobs(&jobs, c, e) < 0)
        return e->code;
    int rc = take_logs(out, json_get(receipt, "logs"), &jobs, true, e);
    if (rc == 0 && !out->created)
        rc = err_set(e, -ENOENT, "the transaction was included and no job was created on that Jobs contract");
    return rc;
}

/* ---- showing ---- */

const char *job_error_meaning(uint8_t error_code)
{
    static const char *const meanings[] = {
        "answered",
        "no such code: no transaction to the code contract has this hash",
        "no code in that transaction",
        "the code cannot be loaded",
        "deadline exceeded",
        "output too long",
        "the worker died: out of memory, or a crash",
    };
    return error_code < sizeof meanings / sizeof *meanings ? meanings[error_code] : "unknown";
}

bool job_story_is_over(const struct job_story *s)
{
    return s->created && (s->n_slashed > 0 || s->n_answers >= s->n_selected);
}

static bool is_text(const struct buf *b)
{
    for (size_t i = 0; i < b->len; i++)
        if (b->data[i] == 0 || b->data[i] == 0x7f || (b->data[i] < 0x20 && !strchr("\t\r\n", b->data[i])))
            return false;
    return true;
}

/* Bytes as text where they are text (null for machines otherwise), and as hex. */
static void out_payload(struct out *o, const char *key, const char *key_hex, const struct buf *b)
{
    out_hex(o, key_hex, b->data, b->len);
    if (is_text(b)) {
        out_hide(o);
        out_strn(o, key, b->len ? (const char *)b->data : "", b->len);
    } else {
        out_null(o, key);
        out_hide(o);
    }
}

static void out_addresses(struct out *o, const char *key, const struct address *list, size_t n)
{
    out_array(o, key);
    for (size_t i = 0; i < n; i++)
        out_address(o, NULL, &list[i]);
    out_end(o);
}

static void out_created(struct out *o, const struct job_story *s)
{
    out_address(o, "owner", &s->owner);
    if (s->env >= 0)
        out_u64(o, "env", (uint64_t)s->env);
    out_hex(o, "code", s->codehash, 32);
    out_payload(o, "input", "input_hex", &s->inputs);
    out_u64(o, "deadline_ms", s->deadline_ms);
    out_u64(o, "created_block", s->created_block);
    out_hex(o, "created_transaction", s->created_tx, 32);
    out_addresses(o, "selected", s->selected, s->n_selected);
}

static void out_answer(struct out *o, const struct job_answer *a)
{
    out_u64(o, "rank", a->rank);
    if (!address_is_zero(&a->executor))
        out_address(o, "executor", &a->executor);
    out_u64(o, "error_code", a->error_code);
    out_str(o, "outcome", job_error_meaning(a->error_code));
    out_u64(o, "total_time_ms", a->total_time_ms);
    out_u64(o, "block", a->block);
    out_hex(o, "transaction", a->tx_hash, 32);
    out_hex(o, "output_hex", a->output.data, a->output.len);
    out_hide(o);
}

static const char *state_of(const struct job_story *s)
{
    if (s->n_slashed)
        return s->n_answers ? "partly answered, then slashed" : "slashed";
    if (s->n_answers == 0)
        return "waiting";
    return s->n_answers < s->n_selected ? "partly answered" : "answered";
}

void job_story_out(struct out *o, const struct job_story *s)
{
    out_u256(o, "job", s->id);
    out_str(o, "state", state_of(s));
    out_created(o, s);
    out_array(o, "answers");
    for (size_t i = 0; i < s->n_answers; i++) {
        out_object(o, NULL);
        out_answer(o, &s->answers[i]);
        out_end(o);
    }
    out_end(o);
    if (s->n_answers) {
        out_u64(o, "error_code", s->answers[0].error_code);
        out_payload(o, "output", "output_hex", &s->answers[0].output);
    }
    out_addresses(o, "slashed", s->slashed, s->n_slashed);
    if (s->n_slashed == 0)
        out_hide(o);
    if (s->result_called)
        out_bool(o, "result_callback_succeeded", s->result_ok);
    if (s->failure_called)
        out_bool(o, "failure_callback_succeeded", s->failure_ok);
}
