/* What the ledger costs on the way of an answer: the transaction that is written before its bytes leave, by
 * ledger_sync, and what is written behind it: the job's record, and the end of an
 * earlier nonce. Writes come one by one with pauses, as answers do.
 * Usage: ledger [FOLDER [WRITES]]: the folder for the database decides which disk is measured. Prints one JSON object.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ledger/ledger.h"
#include "util/buf.h"
#include "util/clock.h"

#define RAW_BYTES 500 /* of a submitOutput with a short output */
#define PAUSE_US 2000
#define IN_FLIGHT 16 /* nonces that are not settled: older ones are dropped */

struct samples {
    uint64_t *us;
    size_t n;
};

static int by_value(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return x < y ? -1 : x > y;
}

static void print(const char *name, struct samples *s, const char *end)
{
    qsort(s->us, s->n, sizeof *s->us, by_value);
    printf("\"%s\":{\"p50_us\":%llu,\"p95_us\":%llu,\"p99_us\":%llu,\"max_us\":%llu}%s", name,
           (unsigned long long)s->us[s->n / 2], (unsigned long long)s->us[s->n * 95 / 100],
           (unsigned long long)s->us[s->n * 99 / 100], (unsigned long long)s->us[s->n - 1], end);
}

static void put_tx(struct ledger *l, uint64_t nonce, const uint8_t *raw)
{
    struct ledger_tx t = { .from = { { 7 } },
                           .nonce = nonce,
                           .has_job = true,
                           .job_id = u256_from_u64(nonce),
                           .data = raw,
                           .data_len = RAW_BYTES - 80,
                           .raw = raw,
                           .raw_len = RAW_BYTES,
                           .sent_wall_ms = clock_wall_ms() };
    memcpy(t.hash, &nonce, sizeof nonce);
    ledger_put_tx(l, &t);
}

static void put_job(struct ledger *l, uint64_t id, const uint8_t *bytes)
{
    struct address from = { { 7 } };
    struct ledger_job j = { .id = u256_from_u64(id),
                            .inputs = bytes,
                            .inputs_len = 64,
                            .output = bytes,
                            .output_len = 64,
                            .seen_wall_ms = id };
    ledger_put_job(l, &j);
    if (id >= IN_FLIGHT)
        ledger_drop_tx(l, &from, id - IN_FLIGHT);
}

static void remove_files(const char *path)
{
    static const char *const suffixes[] = { "", "-wal", "-shm" };
    char name[600];
    for (size_t i = 0; i < 3; i++) {
        (void)snprintf(name, sizeof name, "%s%s", path, suffixes[i]);
        (void)unlink(name);
    }
}

static void measure(const char *dir, bool flush, size_t n, const char *end)
{
    struct ledger_identity id = { 1, { { 1 } }, { { 2 } } };
    struct samples txs = { xcalloc(n, sizeof(uint64_t)), n }, jobs = { xcalloc(n, sizeof(uint64_t)), n };
    uint8_t raw[RAW_BYTES] = { 2 };
    char path[512];
    struct err e = { 0 };
    (void)snprintf(path, sizeof path, "%s/bench-ledger-%d.db", dir, (int)getpid());
    struct ledger *l = ledger_open(path, &id, flush, &e);
    if (!l) {
        (void)fprintf(stderr, "%s\n", e.msg);
        exit(1);
    }
    for (size_t i = 0; i < n; i++) {
        uint64_t start = clock_mono_us();
        put_tx(l, i, raw);
        uint64_t between = clock_mono_us();
        put_job(l, i, raw);
        jobs.us[i] = clock_mono_us() - between;
        txs.us[i] = between - start;
        (void)usleep(PAUSE_US);
    }
    ledger_close(l);
    remove_files(path);
    printf("\"%s\":{", flush ? "full" : "normal");
    print("before_send", &txs, ",");
    print("after_send", &jobs, "}");
    printf("%s", end);
    free(txs.us);
    free(jobs.us);
}

/* What the disk itself takes for as much, appended and flushed. */
static void measure_disk(const char *dir, size_t n)
{
    struct samples s = { xcalloc(n, sizeof(uint64_t)), n };
    static const uint8_t page[4096];
    char path[512];
    (void)snprintf(path, sizeof path, "%s/bench-ledger-%d.bin", dir, (int)getpid());
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL, 0600);
    for (size_t i = 0; fd >= 0 && i < n; i++) {
        uint64_t start = clock_mono_us();
        if (write(fd, page, sizeof page) != sizeof page || fdatasync(fd) < 0)
            abort();
        s.us[i] = clock_mono_us() - start;
        (void)usleep(PAUSE_US);
    }
    (void)close(fd);
    (void)unlink(path);
    print("fdatasync_of_4_kib", &s, "");
    free(s.us);
}

int main(int argc, char **argv)
{
    const char *dir = argc > 1 ? argv[1] : ".";
    size_t n = argc > 2 ? strtoul(argv[2], NULL, 10) : 2000;
    if (n < 10)
        n = 10;
    printf("{\"writes\":%zu,", n);
    measure(dir, false, n, ",");
    measure(dir, true, n, ",");
    measure_disk(dir, n);
    printf("}\n");
    return 0;
}
