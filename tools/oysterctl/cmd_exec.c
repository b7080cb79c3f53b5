/* oysterctl exec: the author's workbench. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "commands.h"
#include "ctl.h"
#include "exec_run.h"
#include "util/cleanup.h"
#include "util/json.h"
#include "workerd_dir.h"

#define CODE_MAX ((size_t)16 << 20)
#define INPUTS_MAX ((size_t)16 << 20)
#define COUNT_MAX 1000
#define DEADLINE_MS 5000
#define DEADLINE_MAX_MS 3600000
#define EXIT_BASE 10 /* + the error code */

static const char *const meanings[] = {
    [WORKER_ANSWERED] = "the worker answered",       [WORKER_BAD_CODE] = "the code cannot be loaded",
    [WORKER_DEADLINE] = "deadline exceeded",         [WORKER_OUTPUT_TOO_LARGE] = "output longer than the limit",
    [WORKER_DIED] = "the worker died or was killed",
};

/* ---- what to run ---- */

/* The configuration of --config-file, or a node's defaults with a workerd that was found. own: to be freed. */
static int choose_config(struct config *own, const struct config **config, struct ctl *c, struct err *e)
{
    const char *dir = args_get(&c->args, "--workerd-dir");
    int rc = ctl_config(config, c, e);
    if (rc < 0 || (*config && !dir && !args_has(&c->args, "--no-network")))
        return rc;
    if (*config) {
        /* Changed in place: nothing else of this run reads it. */
        own = &c->config;
    } else {
        config_defaults(own);
        if (!dir)
            dir = workerd_dir_find();
        if (!dir)
            return err_set(e, -CTL_EUSAGE,
                           "no workerd found in PREFIX/lib/oyster, where make install-runtime puts it, nor in "
                           "node_modules here: name its folder by --workerd-dir, or a --config-file");
    }
    if (dir) {
        free(own->workerd_runtime_path);
        own->workerd_runtime_path = xstrdup(dir);
    }
    own->egress_public = own->egress_public && !args_has(&c->args, "--no-network");
    *config = own;
    return 0;
}

static int read_inputs(struct buf *out, const struct ctl *c, struct err *e)
{
    const char *text = args_get(&c->args, "--input"), *file = args_get(&c->args, "--input-file");
    if (text && file)
        return err_set(e, -CTL_EUSAGE, "--input and --input-file: only one of them is expected");
    if (file)
        return ctl_read_file(out, file, INPUTS_MAX, e);
    if (text)
        buf_puts(out, text);
    return 0;
}

static int read_count(uint64_t *out, const struct ctl *c, struct err *e)
{
    if (args_u64(out, &c->args, "--count") && (*out < 1 || *out > COUNT_MAX))
        return err_set(e, -CTL_EUSAGE, "--count: found %llu, expected 1 to %u", (unsigned long long)*out, COUNT_MAX);
    return 0;
}

static int read_numbers(struct exec_job *job, const struct ctl *c, struct err *e)
{
    uint64_t count = 1;
    job->deadline_ms = DEADLINE_MS;
    if (args_ms(&job->deadline_ms, &c->args, "--deadline") &&
        (job->deadline_ms < 1 || job->deadline_ms > DEADLINE_MAX_MS))
        return err_set(e, -CTL_EUSAGE, "--deadline: found %s, expected 1ms to 1h", args_get(&c->args, "--deadline"));
    int rc = read_count(&count, c, e);
    job->count = (size_t)count;
    return rc;
}

/* Standard input can be read once. */
static int check_dashes(const struct ctl *c, struct err *e)
{
    const char *file = args_get(&c->args, "--input-file");
    unsigned n = file && strcmp(file, "-") == 0;
    for (size_t i = 0; i < c->args.n_positional; i++)
        n += strcmp(args_at(&c->args, i), "-") == 0;
    return n < 2 ? 0 : err_set(e, -CTL_EUSAGE, "\"-\" stands %u times: standard input can be read once", n);
}

static int read_job(struct exec_job *job, struct buf *codes, struct ctl *c, struct err *e)
{
    if (read_numbers(job, c, e) < 0 || check_dashes(c, e) < 0)
        return -CTL_EUSAGE;
    for (size_t i = 0; i < c->args.n_positional; i++) {
        int rc = ctl_read_file(&codes[i], args_at(&c->args, i), CODE_MAX, e);
        if (rc < 0)
            return rc;
    }
    job->codes = codes;
    job->n_codes = c->args.n_positional;
    return read_inputs(&job->inputs, c, e);
}

/* ---- what came of it ---- */

static bool is_utf8(const struct buf *b)
{
    CLEANUP(buf_free) struct buf safe = { 0 };
    CLEANUP(buf_free) struct buf raw = { 0 };
    json_put_str(&safe, (const char *)b->data, b->len);
    json_put_raw_str(&raw, b->data, b->len);
    return safe.len == raw.len && memcmp(safe.data, raw.data, raw.len) == 0;
}

static void put_ms(struct out *o, const char *key, uint64_t us)
{
    char text[32];
    (void)snprintf(text, sizeof text, "%llu.%03u", (unsigned long long)(us / 1000), (unsigned)(us % 1000));
    out_both(o, key, text, text);
}

static void put_memory(struct out *o, uint64_t bytes)
{
    char json[32], text[64];
    if (bytes == 0) {
        out_null(o, "memory_peak_bytes");
        return;
    }
    (void)snprintf(json, sizeof json, "%llu", (unsigned long long)bytes);
    (void)snprintf(text, sizeof text, "%s (%.1f MiB)", json, (double)bytes / (1 << 20));
    out_both(o, "memory_peak_bytes", json, text);
}

/* What tells how a run went; its output is told apart. */
static void put_run(struct out *o, const struct exec_run *r)
{
    char code[64], json[16];
    (void)snprintf(json, sizeof json, "%d", (int)r->end);
    (void)snprintf(code, sizeof code, "%d (%s)", (int)r->end, meanings[r->end]);
    out_both(o, "error_code", json, code);
    out_str(o, "meaning", meanings[r->end]);
    out_hide(o);
    out_str(o, "reason", r->reason);
    if (r->end == WORKER_ANSWERED)
        out_hide(o);
    out_u64(o, "http_status", (uint64_t)r->http_status);
    if (r->http_status == 0)
        out_hide(o);
    put_ms(o, "time_ms", r->time_us);
    put_ms(o, "cpu_ms", r->cpu_us);
    put_memory(o, r->memory_peak_bytes);
    out_u64(o, "output_bytes", r->output.len);
}

static void put_console(struct out *o, const struct exec_run *r)
{
    out_strn(o, "console", (const char *)r->console.data, r->console.len);
    if (r->console.len == 0)
        out_hide(o);
    out_bool(o, "console_truncated", r->console_truncated);
    if (!r->console_truncated)
        out_hide(o);
}

static void put_output(struct out *o, const struct buf *output)
{
    out_hex(o, "output", output->data, output->len);
    out_hide(o);
    if (is_utf8(output))
        out_strn(o, "output_text", (const char *)output->data, output->len);
    else
        out_null(o, "output_text");
    out_hide(o);
}

/* Into a file or a pipe goes what the job wrote, byte for byte; a terminal is shown text that cannot play with it. */
static int show_output(const struct buf *output, struct err *e)
{
    CLEANUP(buf_free) struct buf shown = { 0 };
    if (!isatty(STDOUT_FILENO))
        return buf_write(output, stdout) ? 0 : err_sys(e, "standard output");
    for (size_t i = 0; i < output->len; i++) {
        uint8_t byte = output->data[i];
        if (byte >= 0x20 && byte != 0x7f ? true : byte == '\n' || byte == '\t')
            buf_push(&shown, byte);
        else
            buf_printf(&shown, "\\x%02x", byte);
    }
    if (shown.len && shown.data[shown.len - 1] != '\n')
        buf_push(&shown, '\n');
    return buf_write(&shown, stdout) ? 0 : err_sys(e, "standard output");
}

/* The output alone goes to standard output, what is told about it to standard error. */
static int show_one(const struct ctl *c, const struct exec_run *r, struct err *e)
{
    CLEANUP(buf_free) struct buf text = { 0 };
    struct out *o = out_new();
    put_run(o, r);
    put_console(o, r);
    out_write_text(&text, o);
    out_free(o);
    int rc = show_output(&r->output, e);
    if (!c->quiet)
        (void)buf_write(&text, stderr);
    return rc;
}

static void put_one(struct out *o, const struct exec_run *r)
{
    put_run(o, r);
    out_bool(o, "oom_killed", r->oom_killed);
    put_console(o, r);
    put_output(o, &r->output);
}

static bool same_answers(const struct exec_run *runs, size_t n)
{
    for (size_t i = 1; i < n; i++)
        if (runs[i].end != runs[0].end || runs[i].output.len != runs[0].output.len ||
            (runs[0].output.len && memcmp(runs[i].output.data, runs[0].output.data, runs[0].output.len) != 0))
            return false;
    return true;
}

static int by_time(const void *a, const void *b)
{
    const struct exec_run *const *x = a, *const *y = b;
    return ((*x)->time_us > (*y)->time_us) - ((*x)->time_us < (*y)->time_us);
}

static void put_times(struct out *o, const struct exec_run *runs, size_t n)
{
    const struct exec_run **sorted = xcalloc(n, sizeof *sorted);
    for (size_t i = 0; i < n; i++)
        sorted[i] = &runs[i];
    qsort(sorted, n, sizeof *sorted, by_time);
    put_ms(o, "fastest_ms", sorted[0]->time_us);
    put_ms(o, "median_ms", sorted[n / 2]->time_us);
    put_ms(o, "slowest_ms", sorted[n - 1]->time_us);
    free(sorted);
}

static void put_many(struct out *o, const struct args *files, const struct exec_run *runs, size_t n)
{
    out_array(o, "runs");
    for (size_t i = 0; i < n; i++) {
        out_object(o, NULL);
        out_str(o, "file", args_at(files, i % files->n_positional));
        put_run(o, &runs[i]);
        put_console(o, &runs[i]);
        put_output(o, &runs[i].output);
        out_end(o);
    }
    out_end(o);
    put_times(o, runs, n);
    out_bool(o, "same_answers", same_answers(runs, n));
}

/* The first error code other than 0 makes the exit code. */
static int exit_code(const struct exec_run *runs, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (runs[i].end != WORKER_ANSWERED)
            return EXIT_BASE + (int)runs[i].end;
    return CTL_OK;
}

static int show(struct ctl *c, const struct exec_run *runs, size_t n, struct err *e)
{
    int rc = 0;
    ctl_progress(c, NULL);
    if (n > 1)
        put_many(c->out, &c->args, runs, n);
    else if (c->json)
        put_one(c->out, runs);
    else
        rc = show_one(c, runs, e);
    return rc < 0 ? rc : exit_code(runs, n);
}

/* ---- the command ---- */

struct progress {
    const struct ctl *c;
    size_t count;
};

static void on_progress(void *arg, size_t n_done)
{
    const struct progress *p = arg;
    if (p->count > 1)
        ctl_progress(p->c, "%zu of %zu runs", n_done, p->count);
}

static int run_job(struct ctl *c, const struct exec_job *job, struct err *e)
{
    size_t n = job->n_codes * job->count;
    struct exec_run *runs = xcalloc(n, sizeof *runs);
    struct progress p = { c, n };
    int rc = exec_run(runs, job, on_progress, &p, e);
    if (rc == 0)
        rc = show(c, runs, n, e);
    exec_runs_free(runs, n);
    free(runs);
    return rc;
}

static int run(struct ctl *c, struct err *e)
{
    struct exec_job job = { 0 };
    struct buf codes[ARGS_MAX] = { 0 };
    CLEANUP(config_free) struct config own = { 0 };
    int rc = read_job(&job, codes, c, e);
    if (rc == 0)
        rc = choose_config(&own, &job.config, c, e);
    if (rc == 0)
        rc = run_job(c, &job, e);
    for (size_t i = 0; i < ARGS_MAX; i++)
        buf_free(&codes[i]);
    buf_free(&job.inputs);
    return rc;
}

static const struct option_def options[] = {
    { .name = "--input", .kind = OPT_TEXT, .value = "TEXT", .help = "the job's inputs [default: empty]" },
    { .name = "--input-file", .kind = OPT_FILE, .value = "FILE", .help = "the job's inputs; - is standard input" },
    { .name = "--deadline",
      .kind = OPT_SECONDS,
      .value = "TIME",
      .help = "what the job may take: 500ms, 5s [default: 5s]" },
    { .name = "--count", .kind = OPT_U64, .value = "N", .help = "run it so often, each on a new worker [default: 1]" },
    { .name = "--workerd-dir",
      .kind = OPT_DIR,
      .value = "DIR",
      .help = "the folder that holds workerd [default: the configuration's, or where it is installed]" },
    { .name = "--no-network", .kind = OPT_FLAG, .help = "fetch reaches nothing at all" },
    { 0 },
};

const struct command cmd_exec = {
    .name = "exec",
    .group = GROUP_JOBS,
    .arguments = "FILE...",
    .min_args = 1,
    .max_args = ARGS_MAX,
    .summary = "run a job's code on this machine as a node would",
    .details =
        "FILE holds the code, an ES module with a default export that has fetch(request); - is standard input.\n"
        "It runs in the very worker, sandbox and limits of a node (those of --config-file, or the defaults), without\n"
        "a chain. It needs what a node needs of the machine: the right to make cgroups and namespaces.\n"
        "The output goes to standard output as it is, and the rest to standard error: error code, time, CPU, memory\n"
        "and what the code wrote to its console. With several FILEs, --count above 1 or --json all is one document.\n"
        "Exit code: 0 when the worker answered (error code 0), else 10 + the error code: 13 the code cannot be "
        "loaded,\n"
        "14 deadline exceeded, 15 output too long, 16 the worker died or was killed.\n",
    .options = options,
    .run = run,
};
