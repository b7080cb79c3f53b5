/* The operator's history on a real file: what answers cost and brought, slashes, hours, bounds, an older ledger. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ledger/history.h"

#define FINAL 6
#define MASK (1u << FINAL)
#define HOUR_MS 3600000ull
#define NOON_MS (1000000 * HOUR_MS)

static char dir[64];
static char path[96];
static const struct ledger_identity us = { 31337, { { 1 } }, { { 2 } } };

static int setup(void **state)
{
    (void)state;
    (void)snprintf(dir, sizeof dir, "/tmp/history_test_XXXXXX");
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

static struct ledger *must_open(void)
{
    struct err e = { 0 };
    struct ledger *l = ledger_open(path, &us, false, &e);
    if (!l)
        fail_msg("%s", e.msg);
    return l;
}

static void put_job(struct ledger *l, uint64_t id, int state, uint64_t seen_ms)
{
    struct ledger_job j = { .id = u256_from_u64(id), .state = state, .seen_wall_ms = seen_ms, .event_to_tx_us = 2500 };
    ledger_put_job(l, &j);
}

static struct ledger_receipt receipt(uint64_t job, uint64_t nonce)
{
    return (struct ledger_receipt){ .job_id = u256_from_u64(job),
                                    .from = { { 7 } },
                                    .nonce = nonce,
                                    .hash = { 1 },
                                    .ok = true,
                                    .rank = 2,
                                    .gas_used = 100,
                                    .gas_price_wei = u256_from_u64(3),
                                    .paid_known = true,
                                    .paid_token = { { 9 } },
                                    .paid = u256_from_u64(444) };
}

struct list {
    size_t n;
    struct ledger_past_job jobs[64];
};

static void keep(void *arg, const struct ledger_past_job *j)
{
    struct list *list = arg;
    assert_true(list->n < 64);
    list->jobs[list->n++] = *j;
}

static struct list read_past(struct ledger *l, uint32_t max)
{
    struct list list = { 0 };
    ledger_each_past(l, MASK, max, keep, &list);
    return list;
}

static bool is(struct u256 v, uint64_t n)
{
    return u256_cmp(v, u256_from_u64(n)) == 0;
}

static void an_answer_has_its_price_and_pay(void **state)
{
    (void)state;
    struct ledger *l = must_open();
    struct ledger_receipt r = receipt(1, 4);
    put_job(l, 1, FINAL, 10);
    ledger_put_receipt(l, &r);
    ledger_put_receipt(l, &r); /* told again in the next life */
    struct list list = read_past(l, 100);
    assert_int_equal(list.n, 1);
    const struct ledger_past_job *j = &list.jobs[0];
    assert_true(is(j->id, 1));
    assert_int_equal(j->event_to_tx_us, 2500);
    assert_int_equal(j->rank, 2);
    assert_int_equal(j->gas_used, 100);
    assert_true(j->cost_known && is(j->cost_wei, 300));
    assert_true(j->paid_known && is(j->paid, 444));
    assert_int_equal(j->paid_token.b[0], 9);
    assert_int_equal(ledger_failures(l), 0);
    ledger_close(l);
}

/* A first try that failed on another nonce costs too; one that took the same nonce never happened. */
static void all_tries_cost_and_the_good_one_tells(void **state)
{
    (void)state;
    struct ledger *l = must_open();
    struct ledger_receipt bad = receipt(1, 5), good = receipt(1, 4), later = receipt(1, 4);
    bad.ok = bad.paid_known = false;
    bad.rank = 0;
    later.rank = 3;
    later.gas_used = 50;
    put_job(l, 1, FINAL, 10);
    ledger_put_receipt(l, &good);
    ledger_put_receipt(l, &bad);
    ledger_put_receipt(l, &later); /* good's block went, another took it */
    struct list list = read_past(l, 100);
    assert_int_equal(list.jobs[0].rank, 3);
    assert_int_equal(list.jobs[0].gas_used, 150);
    assert_true(list.jobs[0].cost_known && is(list.jobs[0].cost_wei, 450));
    assert_true(list.jobs[0].paid_known);
    ledger_close(l);
}

static void what_is_not_known_is_not_told(void **state)
{
    (void)state;
    struct ledger *l = must_open();
    struct ledger_receipt r = receipt(2, 4);
    r.paid_known = false;
    r.gas_price_wei = u256_from_u64(0);
    put_job(l, 1, FINAL, 10);
    put_job(l, 2, FINAL, 20);
    ledger_put_receipt(l, &r);
    struct list list = read_past(l, 100);
    assert_true(is(list.jobs[0].id, 2));
    assert_false(list.jobs[0].paid_known || list.jobs[0].cost_known);
    assert_int_equal(list.jobs[0].gas_used, 100);
    assert_false(list.jobs[1].paid_known || list.jobs[1].cost_known);
    assert_int_equal(list.jobs[1].rank, 0);
    ledger_close(l);
}

static void the_newest_final_ones_come_first(void **state)
{
    (void)state;
    struct ledger *l = must_open();
    for (uint64_t i = 1; i <= 30; i++)
        put_job(l, i, i % 3 ? FINAL : 2, i * 10);
    ledger_put_slash(l, u256_from_u64(99), 275); /* of a job that is not in the ledger */
    ledger_put_slash(l, u256_from_u64(28), 300);
    struct list list = read_past(l, 5);
    static const uint64_t want[] = { 29, 28, 99, 26, 25 };
    assert_int_equal(list.n, 5);
    for (size_t i = 0; i < 5; i++)
        assert_true(is(list.jobs[i].id, want[i]));
    assert_int_equal(list.jobs[0].slashed_wall_ms, 0);
    assert_int_equal(list.jobs[1].slashed_wall_ms, 300);
    assert_int_equal(list.jobs[1].state, FINAL);
    assert_int_equal(list.jobs[2].state, 0);
    assert_int_equal(list.jobs[2].error_code, -1);
    assert_int_equal(list.jobs[2].slashed_wall_ms, 275);
    ledger_close(l);
}

struct hours {
    size_t n;
    struct ledger_hour h[16];
};

static void keep_hour(void *arg, const struct ledger_hour *h)
{
    struct hours *hours = arg;
    assert_true(hours->n < 16);
    hours->h[hours->n++] = *h;
}

static struct hours read_hours(struct ledger *l, uint64_t since_s)
{
    struct hours hours = { 0 };
    ledger_each_hour(l, since_s, keep_hour, &hours);
    return hours;
}

static void hours_add_up_and_are_kept(void **state)
{
    (void)state;
    struct ledger *l = must_open();
    ledger_count(l, LEDGER_ANSWERED, NOON_MS);
    ledger_count(l, LEDGER_ANSWERED, NOON_MS + HOUR_MS - 1);
    ledger_count(l, LEDGER_MISSED, NOON_MS + 5);
    ledger_count(l, LEDGER_ANSWERED, NOON_MS + HOUR_MS);
    ledger_close(l);
    l = must_open();
    struct hours hours = read_hours(l, 0);
    assert_int_equal(hours.n, 2);
    assert_int_equal(hours.h[0].start_s, NOON_MS / 1000);
    assert_int_equal(hours.h[0].count[LEDGER_ANSWERED], 2);
    assert_int_equal(hours.h[0].count[LEDGER_MISSED], 1);
    assert_int_equal(hours.h[1].count[LEDGER_ANSWERED], 1);
    assert_int_equal(read_hours(l, NOON_MS / 1000 + 3600).n, 1);
    ledger_close(l);
}

static void old_hours_are_forgotten(void **state)
{
    (void)state;
    struct ledger *l = must_open();
    ledger_count(l, LEDGER_ANSWERED, NOON_MS);
    ledger_count(l, LEDGER_ANSWERED, NOON_MS + LEDGER_HOURS_KEPT_S * 1000);
    assert_int_equal(read_hours(l, 0).n, 2);
    ledger_count(l, LEDGER_ANSWERED, NOON_MS + LEDGER_HOURS_KEPT_S * 1000 + HOUR_MS);
    assert_int_equal(read_hours(l, 0).n, 2);
    assert_int_equal(read_hours(l, 0).h[0].start_s, NOON_MS / 1000 + LEDGER_HOURS_KEPT_S);
    ledger_close(l);
}

static void a_slash_counts_once_and_can_be_taken_back(void **state)
{
    (void)state;
    struct ledger *l = must_open();
    ledger_put_slash(l, u256_from_u64(1), NOON_MS);
    ledger_put_slash(l, u256_from_u64(1), NOON_MS + 10 * HOUR_MS); /* read again after a restart */
    ledger_put_slash(l, u256_from_u64(2), NOON_MS);
    struct hours hours = read_hours(l, 0);
    assert_int_equal(hours.n, 1);
    assert_int_equal(hours.h[0].count[LEDGER_SLASHED], 2);
    ledger_drop_slash(l, u256_from_u64(1));
    ledger_drop_slash(l, u256_from_u64(1));
    ledger_drop_slash(l, u256_from_u64(77));
    hours = read_hours(l, 0);
    assert_int_equal(hours.h[0].count[LEDGER_SLASHED], 1);
    assert_int_equal(read_past(l, 9).n, 1);
    ledger_close(l);
}

static int count_rows(const char *table)
{
    sqlite3 *db;
    sqlite3_stmt *s;
    char text[96];
    (void)snprintf(text, sizeof text, "SELECT COUNT(*) FROM %s", table);
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_prepare_v2(db, text, -1, &s, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_step(s), SQLITE_ROW);
    int n = sqlite3_column_int(s, 0);
    (void)sqlite3_finalize(s);
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
    return n;
}

static void pruning_bounds_all_of_it(void **state)
{
    (void)state;
    struct ledger *l = must_open();
    ledger_begin(l);
    for (uint64_t i = 1; i <= LEDGER_SLASHES_KEPT + 50; i++) {
        struct ledger_receipt r = receipt(i, i);
        put_job(l, i, FINAL, i);
        ledger_put_receipt(l, &r);
        ledger_put_slash(l, u256_from_u64(i), i);
    }
    ledger_commit(l);
    ledger_prune(l, MASK, 20);
    ledger_close(l);
    assert_int_equal(count_rows("jobs"), 20);
    assert_int_equal(count_rows("receipts"), 20);
    assert_int_equal(count_rows("slashes"), LEDGER_SLASHES_KEPT);
}

/* Back to what version 1 of the program left: its tables alone, with a job in it. */
static void make_version_1(void)
{
    sqlite3 *db;
    struct ledger *l = must_open();
    put_job(l, 1, FINAL, 10);
    ledger_close(l);
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db,
                                  "DROP TABLE receipts; DROP TABLE slashes; DROP TABLE hours; PRAGMA user_version = 1",
                                  NULL, NULL, NULL),
                     SQLITE_OK);
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

static void a_ledger_of_version_1_is_brought_up_to_date(void **state)
{
    (void)state;
    make_version_1();
    struct ledger *l = must_open();
    struct ledger_receipt r = receipt(1, 4);
    struct list list = read_past(l, 9);
    assert_int_equal(list.n, 1); /* nothing was lost */
    assert_int_equal(list.jobs[0].rank, 0);
    ledger_put_receipt(l, &r);
    ledger_put_slash(l, u256_from_u64(1), NOON_MS);
    list = read_past(l, 9);
    assert_int_equal(list.jobs[0].rank, 2);
    assert_int_equal(list.jobs[0].slashed_wall_ms, NOON_MS);
    assert_int_equal(read_hours(l, 0).n, 1);
    assert_int_equal(ledger_failures(l), 0);
    ledger_close(l);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(an_answer_has_its_price_and_pay),
        T(all_tries_cost_and_the_good_one_tells),
        T(what_is_not_known_is_not_told),
        T(the_newest_final_ones_come_first),
        T(hours_add_up_and_are_kept),
        T(old_hours_are_forgotten),
        T(a_slash_counts_once_and_can_be_taken_back),
        T(pruning_bounds_all_of_it),
        T(a_ledger_of_version_1_is_brought_up_to_date),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
