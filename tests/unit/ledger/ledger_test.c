/* The ledger on a real file: what was written is there after a kill, a damaged or foreign file is set aside. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <sqlite3.h>
#include <fcntl.h>
#include <glob.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <uv.h>

#include "ledger/checkpoint.h"
#include "ledger/ledger.h"

static char dir[64];
static char path[96];
static const struct ledger_identity us = { 31337, { { 1 } }, { { 2 } } };

static int setup(void **state)
{
    (void)state;
    (void)snprintf(dir, sizeof dir, "/tmp/ledger_test_XXXXXX");
    if (!mkdtemp(dir))
        return -1;
    (void)snprintf(path, sizeof path, "%s/ledger.db", dir);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    char command[128];
    (void)snprintf(command, sizeof command, "rm -rf %s", dir);
    return system(command);
}

static struct ledger *must_open(const struct ledger_identity *id)
{
    struct err e = { 0 };
    struct ledger *l = ledger_open(path, id, false, &e);
    if (!l)
        fail_msg("%s", e.msg);
    return l;
}

static void ignore_job(void *arg, const struct ledger_job *job)
{
    (void)arg;
    (void)job;
}

static struct ledger_job sample(uint64_t id, int state)
{
    return (struct ledger_job){ .id = u256_from_u64(id),
                                .state = state,
                                .codehash = { 9 },
                                .inputs = (const uint8_t *)"in\0put",
                                .inputs_len = 6,
                                .deadline_ms = UINT64_MAX,
                                .chain_time_s = 77,
                                .seen_wall_ms = id,
                                .block_number = 5,
                                .error_code = 0,
                                .total_time_ms = 12,
                                .output = (const uint8_t *)"out",
                                .output_len = 3,
                                .sign_timestamp_s = 1700000000,
                                .signature = { 4 },
                                .tx_hash = { 5 },
                                .event_to_tx_us = 3000 };
}

static void check_sample(void *arg, const struct ledger_job *j)
{
    struct ledger_job want = sample(1, 3);
    assert_int_equal(u256_cmp(j->id, want.id), 0);
    assert_int_equal(j->state, 3);
    assert_int_equal(j->inputs_len, 6);
    assert_memory_equal(j->inputs, want.inputs, 6);
    assert_true(j->deadline_ms == UINT64_MAX);
    assert_int_equal(j->output_len, 3);
    assert_memory_equal(j->output, "out", 3);
    assert_memory_equal(j->signature, want.signature, 65);
    assert_memory_equal(j->tx_hash, want.tx_hash, 32);
    assert_int_equal(j->event_to_tx_us, 3000);
    ++*(int *)arg;
}

static void jobs_are_kept(void **state)
{
    (void)state;
    int found = 0;
    struct ledger *l = must_open(&us);
    struct ledger_job j = sample(1, 2);
    ledger_put_job(l, &j);
    j.state = 3;
    ledger_put_job(l, &j);
    ledger_close(l);
    l = must_open(&us);
    assert_true(ledger_get_job(l, u256_from_u64(1), check_sample, &found));
    assert_false(ledger_get_job(l, u256_from_u64(2), check_sample, &found));
    assert_int_equal(found, 1);
    assert_int_equal(ledger_failures(l), 0);
    ledger_close(l);
}

static void count_job(void *arg, const struct ledger_job *j)
{
    (void)j;
    ++*(int *)arg;
}

static void final_jobs_are_told_apart_and_pruned(void **state)
{
    (void)state;
    struct ledger *l = must_open(&us);
    for (uint64_t i = 1; i <= 20; i++) {
        struct ledger_job j = sample(i, i % 2 ? 2 : 6);
        ledger_put_job(l, &j);
    }
    int open = 0, all = 0;
    ledger_each_job_not_in(l, 1u << 6, count_job, &open);
    assert_int_equal(open, 10);
    ledger_prune(l, 1u << 6, 4);
    ledger_each_job_not_in(l, 0, count_job, &all);
    assert_int_equal(all, 12); /* ten open ones and of the newest four the two that are final */
    ledger_close(l);
}

/* next[0]: of the sender that begins with 7, next[1]: of the other, which comes behind. */
static void check_tx(void *arg, const struct ledger_tx *t)
{
    uint64_t *next = arg;
    if (t->from.b[0] != 7) {
        assert_int_equal(next[0], 12);
        assert_int_equal(t->nonce, next[1]++);
        return;
    }
    assert_int_equal(t->nonce, *next);
    assert_int_equal(t->has_job, t->nonce % 2);
    assert_int_equal(t->raw_len, 3);
    assert_int_equal(t->gas_limit, 100 + t->nonce);
    assert_int_equal(u256_cmp(t->tip_wei, u256_from_u64(t->nonce)), 0);
    ++*next;
}

static void transactions_come_in_order_of_nonce(void **state)
{
    (void)state;
    struct ledger *l = must_open(&us);
    struct address from = { { 7 } }, other = { { 8 } };
    for (uint64_t n = 12; n-- > 0;) {
        struct ledger_tx t = { .from = from,
                               .nonce = n,
                               .has_job = n % 2,
                               .job_id = u256_from_u64(n),
                               .gas_limit = 100 + n,
                               .tip_wei = u256_from_u64(n),
                               .data = (const uint8_t *)"d",
                               .data_len = 1,
                               .raw = (const uint8_t *)"raw",
                               .raw_len = 3 };
        ledger_put_tx(l, &t);
        t.has_job = false;
        t.from = other;
        ledger_put_tx(l, &t);
    }
    ledger_drop_tx(l, &from, 0);
    uint64_t next[2] = { 1, 0 };
    ledger_each_tx(l, check_tx, next);
    assert_int_equal(next[0], 12);
    assert_int_equal(next[1], 12);
    ledger_close(l);
}

static void count_tx(void *arg, const struct ledger_tx *t)
{
    (void)t;
    ++*(int *)arg;
}

static void owned_tx(void *arg, const struct ledger_tx *t)
{
    unsigned *owned = arg;
    *owned |= (unsigned)t->has_job << t->nonce;
}

static void what_was_sent_for_a_job_that_went_answers_none(void **state)
{
    (void)state;
    struct ledger *l = must_open(&us);
    for (uint64_t n = 0; n < 3; n++) {
        struct ledger_tx t = {
            .from = { { 7 } }, .nonce = n, .has_job = true, .job_id = u256_from_u64(40 + n), .data = (const uint8_t *)""
        };
        ledger_put_tx(l, &t);
    }
    ledger_disown_txs(l, u256_from_u64(41));
    unsigned owned = 0;
    int count = 0;
    ledger_each_tx(l, owned_tx, &owned);
    ledger_each_tx(l, count_tx, &count);
    assert_int_equal(owned, 5);
    assert_int_equal(count, 3);
    ledger_close(l);
}

/* A replacement stands beside what it replaces; a job that moved to another nonce leaves the old one. */
static void a_job_has_the_attempts_of_one_nonce(void **state)
{
    (void)state;
    int n = 0;
    struct ledger *l = must_open(&us);
    struct ledger_tx t = { .from = { { 7 } }, .nonce = 4, .hash = { 1 }, .has_job = true, .job_id = u256_from_u64(1) };
    ledger_put_tx(l, &t);
    t.hash[0] = 2;
    ledger_put_tx(l, &t);
    ledger_each_tx(l, count_tx, &n);
    assert_int_equal(n, 2);
    t.nonce = 5;
    ledger_put_tx(l, &t);
    ledger_each_tx(l, count_tx, &n);
    assert_int_equal(n, 2 + 1);
    ledger_close(l);
}

static void check_written_order(void *arg, const struct ledger_tx *t)
{
    uint8_t *next = arg;
    assert_int_equal(t->hash[0], (*next)--);
}

/* The wall clock goes back by an hour with each attempt; the hashes descend, so that no index gives the order. */
static void attempts_come_as_they_were_written(void **state)
{
    (void)state;
    struct ledger *l = must_open(&us);
    uint8_t next = 200;
    for (uint8_t i = 0; i < 5; i++) {
        struct ledger_tx t = { .from = { { 7 } }, .hash = { (uint8_t)(200 - i) } };
        t.sent_wall_ms = 1700000000000 - i * 3600000ull;
        ledger_put_tx(l, &t);
    }
    ledger_each_tx(l, check_written_order, &next);
    assert_int_equal(next, 195);
    ledger_close(l);
}

static void settings_are_kept_and_removed(void **state)
{
    (void)state;
    char got[8] = { 0 };
    struct ledger *l = must_open(&us);
    assert_int_equal(ledger_get_setting(l, LEDGER_OWNER, got, sizeof got), 0);
    ledger_put_setting(l, LEDGER_OWNER, "owner", 5);
    assert_int_equal(ledger_get_setting(l, LEDGER_OWNER, got, 3), 5);
    assert_string_equal(got, "own");
    ledger_put_setting(l, LEDGER_OWNER, NULL, 0);
    assert_int_equal(ledger_get_setting(l, LEDGER_OWNER, got, sizeof got), 0);
    ledger_close(l);
}

static void a_kill_loses_nothing_that_was_written(void **state)
{
    (void)state;
    int pipe_fds[2], found = 0;
    char byte;
    assert_int_equal(pipe(pipe_fds), 0);
    pid_t pid = fork();
    if (pid == 0) {
        struct err e = { 0 };
        struct ledger *l = ledger_open(path, &us, false, &e);
        struct ledger_job j = sample(1, 3);
        ledger_put_job(l, &j);
        (void)!write(pipe_fds[1], "x", 1);
        (void)pause();
    }
    assert_int_equal(read(pipe_fds[0], &byte, 1), 1);
    assert_int_equal(kill(pid, SIGKILL), 0);
    assert_int_equal(waitpid(pid, NULL, 0), pid);
    struct ledger *l = must_open(&us);
    assert_true(ledger_get_job(l, u256_from_u64(1), check_sample, &found));
    ledger_close(l);
    (void)close(pipe_fds[0]);
    (void)close(pipe_fds[1]);
}

static size_t set_aside_count(void)
{
    char pattern[128];
    glob_t g;
    (void)snprintf(pattern, sizeof pattern, "%s.set-aside-*", path);
    size_t n = glob(pattern, 0, NULL, &g) == 0 ? g.gl_pathc : 0;
    globfree(&g);
    return n;
}

static void a_damaged_file_is_set_aside(void **state)
{
    (void)state;
    int fd = open(path, O_WRONLY | O_CREAT, 0600);
    assert_int_equal(write(fd, "this is not a database, not at all, by no means", 47), 47);
    (void)close(fd);
    int found = 0;
    struct ledger *l = must_open(&us);
    ledger_each_job_not_in(l, 0, count_job, &found);
    assert_int_equal(found, 0);
    assert_int_equal(set_aside_count(), 1);
    ledger_close(l);
}

static void a_torn_page_is_found(void **state)
{
    (void)state;
    struct ledger *l = must_open(&us);
    for (uint64_t i = 0; i < 200; i++) {
        struct ledger_job j = sample(i, 2);
        ledger_put_job(l, &j);
    }
    ledger_close(l);
    struct stat st;
    assert_int_equal(stat(path, &st), 0);
    int fd = open(path, O_WRONLY);
    static const char junk[4096] = "junk";
    for (off_t at = 4096; at + 4096 <= st.st_size; at += 4096)
        assert_int_equal(pwrite(fd, junk, sizeof junk, at), sizeof junk);
    (void)close(fd);
    ledger_close(must_open(&us));
    assert_int_equal(set_aside_count(), 1);
}

static void a_ledger_of_another_enclave_is_set_aside(void **state)
{
    (void)state;
    ledger_close(must_open(&us));
    struct ledger_identity other = us;
    other.enclave.b[5] = 1;
    ledger_close(must_open(&other));
    assert_int_equal(set_aside_count(), 1);
}

static void set_version(int version)
{
    sqlite3 *db;
    char text[64];
    (void)snprintf(text, sizeof text, "PRAGMA user_version = %d", version);
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, text, NULL, NULL, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

/* Of the version before the first: a file that a killed start left without tables. */
static void an_empty_file_is_brought_up_to_date(void **state)
{
    (void)state;
    int found = 0;
    set_version(0);
    struct ledger *l = must_open(&us);
    struct ledger_job j = sample(1, 3);
    ledger_put_job(l, &j);
    ledger_close(l);
    l = must_open(&us);
    ledger_each_job_not_in(l, 0, count_job, &found);
    assert_int_equal(found, 1);
    assert_int_equal(set_aside_count(), 0);
    ledger_close(l);
}

static void a_ledger_of_a_newer_program_is_set_aside(void **state)
{
    (void)state;
    int found = 0;
    struct ledger *l = must_open(&us);
    struct ledger_job j = sample(1, 3);
    ledger_put_job(l, &j);
    ledger_close(l);
    set_version(1000);
    l = must_open(&us);
    ledger_each_job_not_in(l, 0, count_job, &found);
    assert_int_equal(found, 0);
    assert_int_equal(set_aside_count(), 1);
    assert_int_equal(ledger_failures(l), 0);
    ledger_close(l);
}

static void an_unusable_path_is_an_error(void **state)
{
    (void)state;
    struct err e = { 0 };
    assert_null(ledger_open("/nonexistent/ledger.db", &us, false, &e));
    assert_non_null(strstr(e.msg, "/nonexistent/ledger.db"));
}

static void the_file_is_private(void **state)
{
    (void)state;
    struct stat st;
    ledger_close(must_open(&us));
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

static uint64_t size_of(const char *suffix)
{
    char name[128];
    struct stat st;
    (void)snprintf(name, sizeof name, "%s%s", path, suffix);
    return stat(name, &st) == 0 ? (uint64_t)st.st_size : 0;
}

/* About three pages a job. */
static void write_jobs(struct ledger *l, uint64_t from, uint64_t n)
{
    static uint8_t output[9000];
    for (uint64_t id = from; id < from + n; id++) {
        struct ledger_job job = sample(id, 4);
        job.output = output;
        job.output_len = sizeof output;
        ledger_put_job(l, &job);
    }
}

/* A write never waits for the disk: the log grows until the pool's thread has moved it, and is used anew. */
static void the_log_is_moved_by_another_thread(void **state)
{
    (void)state;
    uv_loop_t loop;
    struct ledger *l = must_open(&us);
    uint64_t before = size_of("");
    write_jobs(l, 1, 600);
    assert_int_equal(size_of(""), before);
    assert_true(size_of("-wal") > 1600u * 4096);
    assert_int_equal(uv_loop_init(&loop), 0);
    struct ledger_checkpoints *c = ledger_checkpoints_start(&loop, path, 1);
    for (int i = 0; i < 5000 && size_of("") < 600u * 9000; i++)
        (void)uv_run(&loop, UV_RUN_ONCE);
    assert_true(size_of("") >= 600u * 9000);
    for (int i = 0; i < 20; i++)
        (void)uv_run(&loop, UV_RUN_ONCE);
    uint64_t log = size_of("-wal");
    write_jobs(l, 601, 200); /* writes go on at any time */
    assert_int_equal(size_of("-wal"), log);
    ledger_checkpoints_stop(c);
    assert_int_equal(ledger_failures(l), 0);
    ledger_close(l);
    (void)uv_run(&loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&loop), 0);
    l = must_open(&us);
    assert_true(ledger_get_job(l, u256_from_u64(800), ignore_job, NULL));
    ledger_close(l);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(jobs_are_kept),
        T(final_jobs_are_told_apart_and_pruned),
        T(transactions_come_in_order_of_nonce),
        T(a_job_has_the_attempts_of_one_nonce),
        T(what_was_sent_for_a_job_that_went_answers_none),
        T(attempts_come_as_they_were_written),
        T(settings_are_kept_and_removed),
        T(a_kill_loses_nothing_that_was_written),
        T(a_damaged_file_is_set_aside),
        T(a_torn_page_is_found),
        T(a_ledger_of_another_enclave_is_set_aside),
        T(an_empty_file_is_brought_up_to_date),
        T(a_ledger_of_a_newer_program_is_set_aside),
        T(an_unusable_path_is_an_error),
        T(the_file_is_private),
        T(the_log_is_moved_by_another_thread),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
