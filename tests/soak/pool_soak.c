/* Many jobs in a row on one pool: what the process holds at job 100 and at the last one, which must be alike.
 *   pool_soak [jobs, 2000] */
#include <errno.h>
#include <ftw.h>

#include "../support/pool_driver.h"
#include "util/log.h"

#define FIRST_LOOK 100

static const struct {
    const char *code;
    enum worker_end end;
} jobs_of_a_round[] = {
    { "export default { async fetch(r) { return new Response(await r.text()); } };", WORKER_ANSWERED },
    { "export default { fetch() { return new Response('x'.repeat(80000)); } };", WORKER_ANSWERED },
    { "export default { fetch() { console.log('y'.repeat(5000)); throw new Error('x'); } };", WORKER_ANSWERED },
    { "export default {", WORKER_BAD_CODE },
    { "export default { fetch() { return new Response('x'.repeat(90001)); } };", WORKER_OUTPUT_TOO_LARGE },
    { "export default { fetch() { return new Response(new ReadableStream({ pull(c) { c.error(1); } })); } };",
      WORKER_DIED },
    { "export default { async fetch() { return new Response(await import('./x').catch(() => 'no')); } };",
      WORKER_ANSWERED },
};
#define N_KINDS (sizeof jobs_of_a_round / sizeof *jobs_of_a_round)

struct look {
    unsigned fds, children, files;
    unsigned cgroups; /* of every node on the machine: shown, not judged */
    unsigned long resident_kib;
};

static unsigned n_files, n_cgroups;

static int count_file(const char *path, const struct stat *st, int type, struct FTW *at)
{
    (void)path;
    (void)st;
    (void)type;
    (void)at;
    n_files++;
    return 0;
}

static int count_cgroup(const char *path, const struct stat *st, int type, struct FTW *at)
{
    (void)st;
    n_cgroups += type == FTW_D && strncmp(path + at->base, "workerd_", 8) == 0;
    return 0;
}

static struct look look(struct driver *d)
{
    (void)driver_wait_held(d, 2);
    n_files = 0;
    (void)nftw(d->state_dir, count_file, 16, FTW_PHYS);
    n_cgroups = 0;
    (void)nftw("/sys/fs/cgroup", count_cgroup, 16, FTW_PHYS);
    return (struct look){ count_fds(), list_children(NULL, 0), n_files, n_cgroups, resident_kib() };
}

static void print_look(const char *when, unsigned jobs, const struct look *l)
{
    printf("%s %u jobs: %u descriptors, %u children, %u files, %u cgroups, %lu KiB resident\n", when, jobs, l->fds,
           l->children, l->files, l->cgroups, l->resident_kib);
}

int main(int argc, char **argv)
{
    setvbuf(stdout, NULL, _IOLBF, 0);
    log_init(LOG_FORMAT_LOGFMT, LOG_WARN);
    unsigned jobs = argc > 1 ? (unsigned)atoi(argv[1]) : 2000;
    struct driver d;
    struct err e = { 0 };
    struct pool_config c = driver_config();
    c.egress_public = true;
    if (jobs <= FIRST_LOOK || !driver_open(&d, &c, &e)) {
        printf("more than %d jobs; %s\n", FIRST_LOOK, e.msg);
        return 1;
    }
    struct look first = { 0 };
    for (unsigned i = 0; i < jobs; i++) {
        struct outcome o = { 0 };
        if (!driver_run(&d, &o, jobs_of_a_round[i % N_KINDS].code, "inputs", 20000) ||
            o.result.end != jobs_of_a_round[i % N_KINDS].end) {
            printf("job %u ended with %d: %s\n", i, (int)o.result.end, o.reason);
            return 1;
        }
        outcome_free(&o);
        if (i + 1 == FIRST_LOOK) {
            first = look(&d);
            print_look("after", i + 1, &first);
        }
    }
    struct look last = look(&d);
    struct pool_stats st;
    pool_stats(d.pool, &st);
    print_look("after", jobs, &last);
    printf("boots failed %llu, held workers lost %llu\n", (unsigned long long)st.boot_failures,
           (unsigned long long)st.held_deaths);
    bool grew = last.fds != first.fds || last.children != first.children || last.files != first.files ||
                last.cgroups != first.cgroups || last.resident_kib > first.resident_kib + 1024;
    bool left = !driver_close(&d) || access(d.state_dir, F_OK) == 0;
    printf("%s\n", grew ? "grown" : left ? "something is left" : "nothing has grown, nothing is left");
    return grew || left;
}
