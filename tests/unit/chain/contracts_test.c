/* Events, calls and views of both generations against what ethers encodes; the tables against keccak. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "chain/contracts_tables.h"
#include "chain/contracts_vectors.h"
#include "eth/keccak.h"
#include "util/cleanup.h"
#include "util/hex.h"

static void unhex(struct buf *out, const char *hex)
{
    size_t len = strlen(hex);
    assert_int_equal(hex_decode(buf_extend(out, len / 2), hex, len, NULL), HEX_OK);
}

static struct address address_of(const char *text)
{
    struct address a;
    assert_int_equal(address_parse(&a, text, strlen(text), NULL), 0);
    return a;
}

static struct address same_bytes(uint8_t byte)
{
    struct address a;
    memset(a.b, byte, sizeof a.b);
    return a;
}

static void assert_address(const struct address *a, struct address want)
{
    assert_memory_equal(a->b, want.b, sizeof want.b);
}

static void assert_id(struct u256 id)
{
    struct u256 want;
    static const char text[] = "0xfedcba9876543210000000000000000000000000000000000000000000000007";
    assert_int_equal(u256_parse(&want, text, strlen(text), NULL), 0);
    assert_int_equal(u256_cmp(id, want), 0);
}

static void log_from(struct log_entry *log, const struct event_vector *v)
{
    CLEANUP(buf_free) struct buf topics = { 0 };
    *log = (struct log_entry){ 0 };
    unhex(&topics, v->topics);
    memcpy(log->topics, topics.data, topics.len);
    log->n_topics = topics.len / 32;
    unhex(&log->data, v->data);
}

static void decode(struct chain_event *ev, struct log_entry *log, const struct event_vector *v, enum event_type type,
                   enum generation g)
{
    struct err e = { 0 };
    log_from(log, v);
    int rc = chain_event_decode(ev, log, &e);
    if (rc < 0)
        fail_msg("%s", e.msg);
    assert_int_equal(ev->type, type);
    assert_int_equal(ev->generation, g);
}

/* ---- tables ---- */

static void topics_are_hashes_of_the_signatures(void **state)
{
    (void)state;
    bool seen[EVENT_TYPE_COUNT] = { false };
    for (size_t i = 0; i < EVENT_DEF_COUNT; i++) {
        const struct event_def *d = &event_defs[i];
        uint8_t hash[32];
        keccak256(hash, d->signature, strlen(d->signature));
        assert_memory_equal(hash, d->topic0, 32);
        assert_ptr_equal(event_def_find(hash), d);
        size_t name_len = strcspn(d->signature, "(");
        assert_int_equal(strlen(event_name(d->type)), name_len);
        assert_memory_equal(event_name(d->type), d->signature, name_len);
        seen[d->type] = true;
    }
    for (int type = EVENT_NONE + 1; type < EVENT_TYPE_COUNT; type++)
        assert_true(seen[type]);
    assert_string_equal(event_name(EVENT_NONE), "unknown");
    assert_string_equal(event_name((enum event_type)99), "unknown");
}

static void selectors_are_hashes_of_the_signatures(void **state)
{
    (void)state;
    uint8_t hash[32];
    for (size_t i = 0; i < CALL_COUNT; i++) {
        assert_non_null(call_defs[i].signature);
        keccak256(hash, call_defs[i].signature, strlen(call_defs[i].signature));
        assert_memory_equal(hash, call_defs[i].selector, 4);
    }
    assert_memory_equal(SELECTOR_EXECUTION_BUFFER_TIME, call_defs[CALL_EXECUTION_BUFFER_TIME].selector, 4);
    assert_memory_equal(SELECTOR_NO_OF_NODES_TO_SELECT, call_defs[CALL_NO_OF_NODES_TO_SELECT].selector, 4);
    assert_memory_equal(SELECTOR_SIGN_MAX_AGE, call_defs[CALL_SIGN_MAX_AGE].selector, 4);
}

/* ---- events ---- */

static void decodes_registrations(void **state)
{
    (void)state;
    struct log_entry log;
    struct chain_event ev;
    decode(&ev, &log, &VEC_REGISTERED_1, EVENT_EXECUTOR_REGISTERED, GENERATION_1);
    assert_address(&ev.u.executor.enclave, same_bytes(0x11));
    assert_address(&ev.u.executor.owner, same_bytes(0x22));
    assert_int_equal(ev.u.executor.job_capacity, 20);
    assert_int_equal(ev.u.executor.env, -1);
    log_entry_free(&log);
    decode(&ev, &log, &VEC_REGISTERED_2, EVENT_EXECUTOR_REGISTERED, GENERATION_2);
    assert_address(&ev.u.executor.enclave, same_bytes(0x11));
    assert_address(&ev.u.executor.owner, same_bytes(0x22));
    assert_int_equal(ev.u.executor.job_capacity, 20);
    assert_int_equal(ev.u.executor.env, 1);
    log_entry_free(&log);
}

static void decodes_executor_changes(void **state)
{
    (void)state;
    static const struct {
        const struct event_vector *vector;
        enum event_type type;
    } cases[] = { { &VEC_DEREGISTERED, EVENT_EXECUTOR_DEREGISTERED },
                  { &VEC_DRAINED, EVENT_EXECUTOR_DRAINED },
                  { &VEC_REVIVED, EVENT_EXECUTOR_REVIVED },
                  { &VEC_STAKE_ADDED, EVENT_EXECUTOR_STAKE_ADDED },
                  { &VEC_STAKE_REMOVED, EVENT_EXECUTOR_STAKE_REMOVED } };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct log_entry log;
        struct chain_event ev;
        decode(&ev, &log, cases[i].vector, cases[i].type, GENERATION_1);
        assert_address(&ev.u.executor.enclave, same_bytes(0x11));
        assert_int_equal(ev.u.executor.env, -1);
        if (cases[i].type == EVENT_EXECUTOR_STAKE_ADDED)
            assert_id(ev.u.executor.amount);
        if (cases[i].type == EVENT_EXECUTOR_STAKE_REMOVED)
            assert_int_equal(u256_cmp(ev.u.executor.amount, u256_from_u64(5)), 0);
        log_entry_free(&log);
    }
}

static void assert_job(const struct chain_event *ev, int env)
{
    assert_id(ev->u.job_created.job_id);
    assert_int_equal(ev->u.job_created.env, env);
    assert_address(&ev->u.job_created.owner, same_bytes(0x22));
    for (size_t i = 0; i < 32; i++)
        assert_int_equal(ev->u.job_created.codehash[i], 0xab);
    assert_int_equal(ev->u.job_created.inputs_len, 11);
    assert_memory_equal(ev->u.job_created.inputs, "{\"num\":600}", 11);
    assert_int_equal(ev->u.job_created.deadline_ms, 5000);
    assert_int_equal(ev->u.job_created.n_selected, 3);
    assert_address(&ev->u.job_created.selected[0], same_bytes(0x11));
    assert_address(&ev->u.job_created.selected[2], address_of("0xf39fd6e51aad88f6f4ce6ab8827279cfffb92266"));
}

static void decodes_jobs(void **state)
{
    (void)state;
    struct log_entry log;
    struct chain_event ev;
    decode(&ev, &log, &VEC_JOB_CREATED_1, EVENT_JOB_CREATED, GENERATION_1);
    assert_job(&ev, -1);
    chain_event_free(&ev);
    log_entry_free(&log);
    decode(&ev, &log, &VEC_JOB_CREATED_2, EVENT_JOB_CREATED, GENERATION_2);
    assert_job(&ev, 1);
    chain_event_free(&ev);
    log_entry_free(&log);
}

static void decodes_a_job_of_extremes(void **state)
{
    (void)state;
    struct log_entry log;
    struct chain_event ev;
    decode(&ev, &log, &VEC_JOB_CREATED_2_BARE, EVENT_JOB_CREATED, GENERATION_2);
    assert_true(u256_is_zero(ev.u.job_created.job_id));
    assert_int_equal(ev.u.job_created.env, 255);
    assert_int_equal(ev.u.job_created.inputs_len, 0);
    assert_true(ev.u.job_created.deadline_ms == UINT64_MAX);
    assert_int_equal(ev.u.job_created.n_selected, 0);
    chain_event_free(&ev);
    log_entry_free(&log);
}

static void decodes_responses(void **state)
{
    (void)state;
    struct log_entry log;
    struct chain_event ev;
    decode(&ev, &log, &VEC_JOB_RESPONDED_1, EVENT_JOB_RESPONDED, GENERATION_1);
    assert_id(ev.u.job_responded.job_id);
    assert_true(address_is_zero(&ev.u.job_responded.executor));
    assert_int_equal(ev.u.job_responded.total_time_ms, 250);
    assert_int_equal(ev.u.job_responded.error_code, 0);
    assert_int_equal(ev.u.job_responded.output_count, 1);
    log_entry_free(&log);
    decode(&ev, &log, &VEC_JOB_RESPONDED_2, EVENT_JOB_RESPONDED, GENERATION_2);
    assert_id(ev.u.job_responded.job_id);
    assert_address(&ev.u.job_responded.executor, address_of("0xf39fd6e51aad88f6f4ce6ab8827279cfffb92266"));
    assert_int_equal(ev.u.job_responded.total_time_ms, 5000);
    assert_int_equal(ev.u.job_responded.error_code, 4);
    assert_int_equal(ev.u.job_responded.output_count, 3);
    log_entry_free(&log);
}

static void decodes_slashes_and_callbacks(void **state)
{
    (void)state;
    struct log_entry log;
    struct chain_event ev;
    decode(&ev, &log, &VEC_SLASHED, EVENT_SLASHED, GENERATION_1);
    assert_id(ev.u.slashed.job_id);
    assert_address(&ev.u.slashed.enclave, same_bytes(0x11));
    log_entry_free(&log);
    decode(&ev, &log, &VEC_RESULT_CALLBACK, EVENT_RESULT_CALLBACK, GENERATION_1);
    assert_id(ev.u.callback.job_id);
    assert_true(ev.u.callback.success);
    log_entry_free(&log);
    decode(&ev, &log, &VEC_FAILURE_CALLBACK, EVENT_FAILURE_CALLBACK, GENERATION_1);
    assert_id(ev.u.callback.job_id);
    assert_false(ev.u.callback.success);
    log_entry_free(&log);
}

/* ---- hostile logs ---- */

static const struct event_vector *const all_vectors[] = {
    &VEC_REGISTERED_1,    &VEC_REGISTERED_2,    &VEC_DEREGISTERED,  &VEC_DRAINED,         &VEC_REVIVED,
    &VEC_STAKE_ADDED,     &VEC_STAKE_REMOVED,   &VEC_JOB_CREATED_1, &VEC_JOB_CREATED_2,   &VEC_JOB_CREATED_2_BARE,
    &VEC_JOB_RESPONDED_1, &VEC_JOB_RESPONDED_2, &VEC_SLASHED,       &VEC_RESULT_CALLBACK, &VEC_FAILURE_CALLBACK,
};
#define N_VECTORS (sizeof all_vectors / sizeof *all_vectors)

static void unknown_topics_are_none(void **state)
{
    (void)state;
    struct log_entry log = { .n_topics = 0 };
    struct chain_event ev;
    assert_int_equal(chain_event_decode(&ev, &log, NULL), 0);
    assert_int_equal(ev.type, EVENT_NONE);
    log_from(&log, &VEC_SLASHED);
    log.topics[0][31] ^= 1;
    assert_int_equal(chain_event_decode(&ev, &log, NULL), 0);
    assert_int_equal(ev.type, EVENT_NONE);
    log_entry_free(&log);
}

static void a_wrong_number_of_topics_is_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < N_VECTORS; i++) {
        struct log_entry log;
        struct chain_event ev;
        log_from(&log, all_vectors[i]);
        size_t right = log.n_topics;
        for (log.n_topics = 1; log.n_topics <= LOG_TOPICS_MAX; log.n_topics++) {
            struct err e = { 0 };
            int rc = chain_event_decode(&ev, &log, &e);
            assert_int_equal(rc, log.n_topics == right ? 0 : -EBADMSG);
            if (rc < 0)
                assert_non_null(strstr(e.msg, "topics, found"));
            chain_event_free(&ev);
        }
        log_entry_free(&log);
    }
}

/* Cut at any byte, the data of each event is refused or decodes within its bytes (the sanitizers watch). */
static void truncated_data_is_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < N_VECTORS; i++) {
        struct log_entry log;
        log_from(&log, all_vectors[i]);
        size_t whole = log.data.len;
        CLEANUP(free_p) uint8_t *exact = NULL;
        for (size_t len = 0; len < whole; len++) {
            struct chain_event ev;
            struct log_entry cut = log;
            free(exact);
            exact = malloc(len ? len : 1);
            memcpy(exact, log.data.data, len);
            cut.data = (struct buf){ .data = exact, .len = len, .cap = len };
            int rc = chain_event_decode(&ev, &cut, NULL);
            assert_true(rc == -EBADMSG || (rc == 0 && len > whole - 32));
            assert_true(rc == 0 || ev.type == EVENT_NONE);
            chain_event_free(&ev);
        }
        log_entry_free(&log);
    }
}

static void set_word(struct log_entry *log, size_t index, uint8_t fill, uint8_t last)
{
    memset(log->data.data + 32 * index, fill, 32);
    log->data.data[32 * index + 31] = last;
}

static void assert_refused(struct log_entry *log, const char *why)
{
    struct chain_event ev;
    struct err e = { 0 };
    assert_int_equal(chain_event_decode(&ev, log, &e), -EBADMSG);
    assert_int_equal(ev.type, EVENT_NONE);
    if (!strstr(e.msg, why))
        fail_msg("expected \"%s\" in \"%s\"", why, e.msg);
    log_entry_free(log);
}

static void hostile_words_are_refused(void **state)
{
    (void)state;
    struct log_entry log;
    log_from(&log, &VEC_JOB_CREATED_1);
    set_word(&log, 1, 0xff, 0xff); /* offset of the inputs */
    assert_refused(&log, "JobCreated(uint256,address,bytes32,bytes,uint256,address[]): argument 1");
    log_from(&log, &VEC_JOB_CREATED_1);
    set_word(&log, 4, 0x00, 0xff); /* length of the inputs */
    log.data.data[32 * 4 + 28] = 0xff;
    assert_refused(&log, "argument 1");
    log_from(&log, &VEC_JOB_CREATED_1);
    set_word(&log, 6, 0x7f, 0x00); /* number of executors */
    assert_refused(&log, "argument 3");
    log_from(&log, &VEC_JOB_CREATED_1);
    set_word(&log, 7, 0x11, 0x11); /* an executor of 32 bytes */
    assert_refused(&log, "argument 3");
    log_from(&log, &VEC_JOB_CREATED_2);
    log.topics[2][30] = 1; /* env 257 */
    assert_refused(&log, "argument 2");
    log_from(&log, &VEC_JOB_CREATED_2);
    log.topics[3][0] = 1; /* owner of 32 bytes */
    assert_refused(&log, "argument 3");
    log_from(&log, &VEC_JOB_RESPONDED_2);
    set_word(&log, 2, 0x00, 0x00);
    log.data.data[32 * 2 + 30] = 1; /* error code 256 */
    assert_refused(&log, "argument 2");
    log_from(&log, &VEC_RESULT_CALLBACK);
    set_word(&log, 0, 0x00, 2);
    assert_refused(&log, "argument 0");
}

/* As many executors as are allowed, and one more. */
static void selected_executors_are_bounded(void **state)
{
    (void)state;
    for (size_t n = SELECTED_EXECUTORS_MAX; n <= SELECTED_EXECUTORS_MAX + 1; n++) {
        struct log_entry log;
        struct chain_event ev;
        log_from(&log, &VEC_JOB_CREATED_2_BARE);
        size_t count_at = log.data.len - 32; /* the empty array's length is the last word */
        log.data.data[count_at + 30] = (uint8_t)(n >> 8);
        log.data.data[count_at + 31] = (uint8_t)n;
        (void)buf_extend(&log.data, 32 * n);
        int rc = chain_event_decode(&ev, &log, NULL);
        assert_int_equal(rc, n <= SELECTED_EXECUTORS_MAX ? 0 : -EBADMSG);
        if (rc == 0)
            assert_int_equal(ev.u.job_created.n_selected, n);
        chain_event_free(&ev);
        log_entry_free(&log);
    }
}

/* ---- calls ---- */

static void assert_call(struct buf *call, const char *want)
{
    CLEANUP(buf_free) struct buf expected = { 0 };
    unhex(&expected, want);
    assert_int_equal(call->len, expected.len);
    assert_memory_equal(call->data, expected.data, expected.len);
    buf_free(call);
}

static struct u256 the_id(void)
{
    return (struct u256){ { 7, 0, 0, 0xfedcba9876543210 } };
}

static void encodes_submit_output(void **state)
{
    (void)state;
    struct buf out = { 0 };
    struct submit_output s = { .job_id = the_id(),
                               .output = (const uint8_t *)"2,2,2,3,5,5",
                               .output_len = 11,
                               .total_time_ms = 250,
                               .error_code = 3,
                               .sign_timestamp_s = 1721388963 };
    for (size_t i = 0; i < 65; i++)
        s.signature.b[i] = (uint8_t)(i + 1);
    call_submit_output(&out, &s);
    assert_call(&out, HEX_CALL_SUBMIT);
    s.job_id = u256_from_u64(1);
    s.output = NULL;
    s.output_len = 0;
    s.total_time_ms = 5000;
    s.error_code = 4;
    call_submit_output(&out, &s);
    assert_call(&out, HEX_CALL_SUBMIT_EMPTY);
}

static void encodes_the_other_calls(void **state)
{
    (void)state;
    struct buf out = { 0 };
    struct address c = address_of("0xf39fd6e51aad88f6f4ce6ab8827279cfffb92266");
    call_slash_on_execution_timeout(&out, the_id());
    assert_call(&out, HEX_CALL_SLASH);
    call_jobs(&out, the_id());
    assert_call(&out, HEX_CALL_JOBS_OF_ID);
    call_executors(&out, &c);
    assert_call(&out, HEX_CALL_EXECUTORS_OF_C);
    call_is_tree_initialized(&out, 1);
    assert_call(&out, HEX_CALL_TREE);
}

/* ---- views ---- */

static void decodes_executor_info(void **state)
{
    (void)state;
    const char *const vectors[] = { [GENERATION_1] = HEX_VIEW_EX1, [GENERATION_2] = HEX_VIEW_EX2 };
    for (enum generation g = GENERATION_1; g <= GENERATION_2; g++) {
        CLEANUP(buf_free) struct buf data = { 0 };
        struct executor_info info;
        unhex(&data, vectors[g]);
        assert_int_equal(decode_executor_info(&info, g, data.data, data.len, NULL), 0);
        assert_address(&info.owner, same_bytes(0x22));
        assert_int_equal(info.job_capacity, 20);
        assert_int_equal(info.active_jobs, 3);
        assert_id(info.stake);
        assert_true(info.draining);
        assert_int_equal(info.env, g == GENERATION_1 ? -1 : 1);
        struct err e = { 0 };
        assert_int_equal(decode_executor_info(&info, g, data.data, data.len - 1, &e), -EBADMSG);
        assert_non_null(strstr(e.msg, "executors(address): expected"));
    }
}

static void decodes_job_info(void **state)
{
    (void)state;
    const char *const vectors[] = { [GENERATION_1] = HEX_VIEW_JOB1, [GENERATION_2] = HEX_VIEW_JOB2 };
    for (enum generation g = GENERATION_1; g <= GENERATION_2; g++) {
        CLEANUP(buf_free) struct buf data = { 0 };
        struct job_info info;
        unhex(&data, vectors[g]);
        assert_int_equal(decode_job_info(&info, g, data.data, data.len, NULL), 0);
        assert_int_equal(u256_cmp(info.deadline_ms, u256_from_u64(5000)), 0);
        assert_int_equal(info.exec_start_s, 1721388963);
        assert_address(&info.owner, same_bytes(0x22));
        assert_int_equal(info.output_count, 2);
        assert_int_equal(info.env, g == GENERATION_1 ? -1 : 1);
        struct err e = { 0 };
        assert_int_equal(decode_job_info(&info, g, NULL, 0, &e), -EBADMSG);
        assert_non_null(strstr(e.msg, "empty answer"));
    }
}

static void decodes_save_code(void **state)
{
    (void)state;
    static const char code[] = "export default {\n  fetch() { return new Response(\"\xc3\xa9\") }\n};\n";
    const char *const vectors[] = { HEX_CALL_SAVE, HEX_CALL_SAVE2 };
    for (size_t i = 0; i < 2; i++) {
        CLEANUP(buf_free) struct buf data = { 0 };
        const uint8_t *text;
        size_t len;
        unhex(&data, vectors[i]);
        assert_int_equal(decode_save_code(&text, &len, data.data, data.len, NULL), 0);
        assert_int_equal(len, sizeof code - 1);
        assert_memory_equal(text, code, len);
        struct err e = { 0 };
        assert_int_equal(decode_save_code(&text, &len, data.data, 4 + 32, &e), -EBADMSG);
        assert_non_null(strstr(e.msg, "saveCodeInCallData(string"));
    }
}

static void refuses_other_calldata_as_code(void **state)
{
    (void)state;
    CLEANUP(buf_free) struct buf data = { 0 }, both = { 0 };
    const uint8_t *text;
    size_t len;
    unhex(&data, HEX_CALL_SAVE_EMPTY);
    assert_int_equal(decode_save_code(&text, &len, data.data, data.len, NULL), 0);
    assert_int_equal(len, 0);
    for (size_t n = 0; n < 4; n++)
        assert_int_equal(decode_save_code(&text, &len, data.data, n, NULL), -EBADMSG);
    data.data[0] ^= 1;
    assert_int_equal(decode_save_code(&text, &len, data.data, data.len, NULL), -EBADMSG);
    unhex(&both, HEX_CALL_SAVE2);
    both.data[4 + 32] = 0xff; /* offset of the second argument */
    assert_int_equal(decode_save_code(&text, &len, both.data, both.len, NULL), -EBADMSG);
}

/* ---- the filter ---- */

static void filter_is_json_with_all_topics(void **state)
{
    (void)state;
    CLEANUP(buf_free) struct buf text = { 0 };
    struct address a = same_bytes(0x11), b = same_bytes(0x22);
    contracts_log_filter(&text, &a, &b, 16, 255);
    struct json *filter = json_parse((const char *)text.data, text.len, NULL);
    assert_non_null(filter);
    assert_string_equal(json_str(json_at(json_get(filter, "address"), 0), NULL),
                        "0x1111111111111111111111111111111111111111");
    assert_string_equal(json_str(json_at(json_get(filter, "address"), 1), NULL),
                        "0x2222222222222222222222222222222222222222");
    assert_string_equal(json_str(json_get(filter, "fromBlock"), NULL), "0x10");
    assert_string_equal(json_str(json_get(filter, "toBlock"), NULL), "0xff");
    assert_int_equal(json_len(json_get(filter, "topics")), 1);
    assert_int_equal(json_len(json_at(json_get(filter, "topics"), 0)), EVENT_DEF_COUNT);
    assert_string_equal(json_str(json_at(json_at(json_get(filter, "topics"), 0), 2), NULL),
                        "0xbae032118ceb22b626b3d85db081a22cb175340e28f4e1c422b88586ea62c3d6");
    json_free(filter);
    buf_reset(&text);
    contracts_log_filter(&text, &a, &b, UINT64_MAX, UINT64_MAX);
    filter = json_parse((const char *)text.data, text.len, NULL);
    assert_int_equal(json_len(filter), 2);
    json_free(filter);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(topics_are_hashes_of_the_signatures),
        cmocka_unit_test(selectors_are_hashes_of_the_signatures),
        cmocka_unit_test(decodes_registrations),
        cmocka_unit_test(decodes_executor_changes),
        cmocka_unit_test(decodes_jobs),
        cmocka_unit_test(decodes_a_job_of_extremes),
        cmocka_unit_test(decodes_responses),
        cmocka_unit_test(decodes_slashes_and_callbacks),
        cmocka_unit_test(unknown_topics_are_none),
        cmocka_unit_test(a_wrong_number_of_topics_is_refused),
        cmocka_unit_test(truncated_data_is_refused),
        cmocka_unit_test(hostile_words_are_refused),
        cmocka_unit_test(selected_executors_are_bounded),
        cmocka_unit_test(encodes_submit_output),
        cmocka_unit_test(encodes_the_other_calls),
        cmocka_unit_test(decodes_executor_info),
        cmocka_unit_test(decodes_job_info),
        cmocka_unit_test(decodes_save_code),
        cmocka_unit_test(refuses_other_calldata_as_code),
        cmocka_unit_test(filter_is_json_with_all_topics),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
