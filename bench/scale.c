/* How much of the chain a node can follow: JobCreated notifications, from the bytes of a WebSocket message to the table
 * of open jobs, and what a million open foreign jobs cost in memory. One thread; the texts are made outside the clock.
 * Usage: scale [JOBS]. Prints one JSON object. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "chain/contracts.h"
#include "chain/event_tracker.h"
#include "eth/u256.h"
#include "job/slasher.h"
#include "net/rpc_message.h"
#include "util/buf.h"
#include "util/cleanup.h"
#include "util/clock.h"
#include "util/hex.h"

#define JOBS_PER_BLOCK 100
#define BLOCKS_PER_READ 100
#define INPUT_BYTES 64
#define DEADLINE_MS 3600000u /* nothing falls due meanwhile */

static const char TOPIC_JOB_CREATED[] = "0x52a40f74e443e82ca6251ea4549e7a2c0f2f9e872d9405226603ad5613aa1319";

static double cpu_s(void)
{
    struct timespec ts;
    (void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
    return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static size_t resident_bytes(void)
{
    unsigned long pages = 0, resident = 0;
    FILE *f = fopen("/proc/self/statm", "r");
    if (!f || fscanf(f, "%lu %lu", &pages, &resident) != 2)
        abort();
    (void)fclose(f);
    return resident * (size_t)sysconf(_SC_PAGESIZE);
}

static void put_word(struct buf *b, uint64_t v)
{
    uint8_t be[32];
    u256_to_be(be, u256_from_u64(v));
    buf_append(b, be, sizeof be);
}

static void hash_of_block(uint8_t hash[32], uint64_t number)
{
    memset(hash, 0xb1, 32);
    u256_to_be(hash, u256_from_u64(number | 1ull << 63));
}

/* codehash, inputs, deadline, three selected executors that are not we */
static void event_data(struct buf *b, uint64_t job)
{
    put_word(b, job % 1000);
    put_word(b, 128);
    put_word(b, DEADLINE_MS);
    put_word(b, 128 + 32 + INPUT_BYTES);
    put_word(b, INPUT_BYTES);
    (void)buf_extend(b, INPUT_BYTES);
    put_word(b, 3);
    for (uint64_t i = 0; i < 3; i++)
        put_word(b, 1000 + (job + i) % 500);
}

static void notification(struct buf *out, const struct address *jobs, uint64_t job)
{
    CLEANUP(buf_free) struct buf data = { 0 };
    uint8_t hash[32], id[32];
    char text[ADDRESS_TEXT_MAX];
    uint64_t block = 1 + job / JOBS_PER_BLOCK;
    buf_reset(out);
    event_data(&data, job);
    buf_printf(out,
               "{\"jsonrpc\":\"2.0\",\"method\":\"eth_subscription\",\"params\":{\"subscription\":\"0x1\",\"result\":{"
               "\"address\":\"%s\",\"topics\":[\"%s\",\"",
               address_lower(text, jobs), TOPIC_JOB_CREATED);
    u256_to_be(id, u256_from_u64(job));
    hex_append0x(out, id, 32);
    buf_puts(out, "\",\"0x0000000000000000000000000000000000000000000000000000000000000001\","
                  "\"0x0000000000000000000000001111111111111111111111111111111111111111\"],\"data\":\"");
    hex_append0x(out, data.data, data.len);
    hash_of_block(hash, block);
    buf_printf(out, "\",\"blockNumber\":\"0x%llx\",\"blockHash\":\"", (unsigned long long)block);
    hex_append0x(out, hash, 32);
    buf_puts(out, "\",\"transactionHash\":\"");
    hex_append0x(out, id, 32);
    buf_printf(out, "\",\"transactionIndex\":\"0x0\",\"logIndex\":\"0x%llx\",\"removed\":false}}}",
               (unsigned long long)(job % JOBS_PER_BLOCK));
}

static void parse_log(struct log_entry *log, const struct buf *text)
{
    struct rpc_message m;
    struct err e = { 0 };
    if (rpc_message_parse(&m, (const char *)text->data, text->len, &e) < 0 || log_entry_parse(log, m.result, &e) < 0) {
        (void)fprintf(stderr, "scale: %s\n", e.msg);
        exit(1);
    }
    rpc_message_free(&m);
}

static void give_head(struct event_tracker *t, uint64_t number)
{
    struct chain_head head = { .number = number, .timestamp_s = 1700000000 + number };
    hash_of_block(head.hash, number);
    hash_of_block(head.parent_hash, number - 1);
    tracker_head(t, &head, false);
}

/* The re-reading that makes sure of the stream: every event is parsed a second time. Returns its CPU time. */
static double read_back(struct event_tracker *t, const struct address *contract, uint64_t jobs)
{
    CLEANUP(buf_free) struct buf text = { 0 };
    double busy = 0;
    uint64_t from, to;
    tracker_request_pass(t);
    while (tracker_read_begin(t, &from, &to, 2000)) {
        uint64_t first = (from - 1) * JOBS_PER_BLOCK, end = to * JOBS_PER_BLOCK < jobs ? to * JOBS_PER_BLOCK : jobs;
        struct log_entry *logs = xcalloc(end - first + 1, sizeof *logs);
        for (uint64_t job = first; job < end; job++) {
            notification(&text, contract, job);
            double start = cpu_s();
            parse_log(&logs[job - first], &text);
            busy += cpu_s() - start;
        }
        double start = cpu_s();
        (void)tracker_read_done(t, logs, end - first, clock_mono_us());
        busy += cpu_s() - start;
        free(logs);
    }
    return busy;
}

static void take_notification(struct event_tracker *t, struct slasher *s, const struct buf *text)
{
    struct log_entry log;
    struct tracked got;
    parse_log(&log, text);
    tracker_log(t, &log, clock_mono_us());
    while (tracker_next(t, &got)) {
        slasher_on_event(s, &got.ev, &got.origin);
        tracked_free(&got);
    }
}

static void run(uint64_t jobs, struct event_tracker *t, struct slasher *s, const struct address *contract)
{
    CLEANUP(buf_free) struct buf text = { 0 };
    double busy = 0;
    size_t before = resident_bytes();
    give_head(t, 1);
    (void)read_back(t, contract, 0);
    for (uint64_t job = 0; job < jobs; job++) {
        notification(&text, contract, job);
        double start = cpu_s();
        if (job % JOBS_PER_BLOCK == 0 && job > 0)
            give_head(t, 1 + job / JOBS_PER_BLOCK);
        take_notification(t, s, &text);
        busy += cpu_s() - start;
        if (job % (JOBS_PER_BLOCK * BLOCKS_PER_READ) == JOBS_PER_BLOCK * BLOCKS_PER_READ - 1)
            busy += read_back(t, contract, job + 1);
    }
    struct slasher_stats st;
    slasher_stats(s, &st);
    (void)printf("{\"open_jobs\":%zu,\"events_per_cpu_second\":%.0f,\"cpu_us_per_event\":%.2f,\"resident_mb\":%.1f,"
                 "\"bytes_per_open_job\":%.0f}\n",
                 st.open_jobs, (double)jobs / busy, busy * 1e6 / (double)jobs, (double)resident_bytes() / 1048576.0,
                 (double)(resident_bytes() - before) / (double)jobs);
}

int main(int argc, char *argv[])
{
    uint64_t jobs = argc > 1 ? strtoull(argv[1], NULL, 10) : 1000000;
    uv_loop_t loop;
    struct chain_clock clock = { 0 };
    struct tracker_config config = { .executors = { { 1 } }, .jobs = { { 2 } }, .overlap_blocks = 16, .start = 1 };
    struct slasher_config slash = { .generation = GENERATION_2,
                                    .jobs_contract = config.jobs,
                                    .execution_buffer_ms = 10000,
                                    .num_selected_executors = 3 };
    (void)uv_loop_init(&loop);
    struct event_tracker *t = tracker_new(&config);
    struct slasher *s =
        slasher_new(&loop, NULL, NULL, &clock, &slash); /* nothing falls due: nothing is asked or sent */
    tracker_stream_up(t);
    run(jobs, t, s, &config.jobs);
    slasher_free(s);
    tracker_free(t);
    (void)uv_run(&loop, UV_RUN_DEFAULT);
    return uv_loop_close(&loop) == 0 ? 0 : 1;
}
