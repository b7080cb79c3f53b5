/* oyster-vsock-proxy: streams between TCP and vsock. Command line, signals, the loop; nothing else. */
#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>
#include <uv.h>

#include "options.h"
#include "proxy.h"
#include "util/cleanup.h"

#define PROGRAM "oyster-vsock-proxy"
#define FILES_PER_STREAM 2
#define FILES_BESIDE 128

enum { EXIT_OK, EXIT_FAILED, EXIT_USAGE };

struct program {
    uv_loop_t loop;
    uv_signal_t term, interrupt;
    struct proxy *proxy;
};

static void on_signal(uv_signal_t *handle, int number)
{
    (void)number;
    struct program *p = handle->data;
    proxy_stop(p->proxy);
}

static void close_signals(struct program *p)
{
    uv_close((uv_handle_t *)&p->term, NULL);
    uv_close((uv_handle_t *)&p->interrupt, NULL);
}

static void on_stopped(void *arg)
{
    struct program *p = arg;
    log_info("stopped");
    close_signals(p);
}

static void open_signals(struct program *p)
{
    (void)signal(SIGPIPE, SIG_IGN);
    (void)uv_signal_init(&p->loop, &p->term);
    (void)uv_signal_init(&p->loop, &p->interrupt);
    p->term.data = p->interrupt.data = p;
    (void)uv_signal_start(&p->term, on_signal, SIGTERM);
    (void)uv_signal_start(&p->interrupt, on_signal, SIGINT);
}

/* Fewer streams than asked for where the system does not give as many files. */
static void fit_files(struct options *o)
{
    struct rlimit files;
    rlim_t wanted = o->max_streams * (rlim_t)FILES_PER_STREAM + FILES_BESIDE;
    if (getrlimit(RLIMIT_NOFILE, &files) < 0 || files.rlim_cur >= wanted)
        return;
    struct rlimit more = { wanted, files.rlim_max > wanted ? files.rlim_max : wanted };
    if (setrlimit(RLIMIT_NOFILE, &more) == 0)
        return;
    files.rlim_cur = files.rlim_max < wanted ? files.rlim_max : wanted;
    (void)setrlimit(RLIMIT_NOFILE, &files);
    if (files.rlim_cur >= wanted)
        return;
    o->max_streams = files.rlim_cur < FILES_BESIDE * 2 ? FILES_BESIDE / 2
                                                       : (uint32_t)((files.rlim_cur - FILES_BESIDE) / FILES_PER_STREAM);
    log_warn("few_files", F_U64("files", files.rlim_cur), F_U64("max_streams", o->max_streams));
}

static int fail(int code, const struct err *e)
{
    (void)fprintf(stderr, PROGRAM ": %s\n", e->msg);
    return code;
}

static int run(const struct options *o)
{
    struct program p = { .proxy = NULL };
    struct err e = { 0 };
    (void)uv_loop_init(&p.loop);
    open_signals(&p);
    p.proxy = proxy_new(&p.loop, o, on_stopped, &p, &e);
    if (p.proxy)
        log_info("started", F_STR("version", OYSTER_VERSION), F_U64("forwards", o->n_forwards),
                 F_U64("max_streams", o->max_streams));
    else
        close_signals(&p);
    (void)uv_run(&p.loop, UV_RUN_DEFAULT);
    (void)uv_loop_close(&p.loop);
    return e.code ? fail(EXIT_FAILED, &e) : EXIT_OK;
}

static int print_help(void)
{
    CLEANUP(buf_free) struct buf b = { 0 };
    options_help(&b);
    return buf_write(&b, stdout) ? EXIT_OK : EXIT_FAILED;
}

int main(int argc, char *argv[])
{
    struct options o;
    struct err e = { 0 };
    if (options_parse(&o, argc, argv, &e) < 0)
        return fail(EXIT_USAGE, &e);
    if (o.action == OPTIONS_HELP)
        return print_help();
    if (o.action == OPTIONS_VERSION)
        return printf(PROGRAM " " OYSTER_VERSION "\n") > 0 ? EXIT_OK : EXIT_FAILED;
    log_init(o.log_format, o.log_level);
    fit_files(&o);
    return run(&o);
}
