/* Command line, config, signals, the loop; nothing else. */
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <uv.h>

#include "cli.h"
#include "config.h"
#include "node.h"
#include "preflight.h"
#include "util/cleanup.h"
#include "util/log.h"

struct program {
    uv_loop_t loop;
    uv_signal_t term, interrupt;
    struct node *node;
    int exit_code;
};

static void on_signal(uv_signal_t *handle, int number)
{
    struct program *p = handle->data;
    log_info("stopping", F_STR("signal", number == SIGTERM ? "SIGTERM" : "SIGINT"));
    node_stop(p->node);
}

static void close_signals(struct program *p)
{
    uv_close((uv_handle_t *)&p->term, NULL);
    uv_close((uv_handle_t *)&p->interrupt, NULL);
}

static void on_stopped(void *arg, const struct err *e)
{
    struct program *p = arg;
    if (e->code)
        (void)fprintf(stderr, "oyster-serverless-executor: %s\n", e->msg);
    p->exit_code = e->code ? CLI_EXIT_FAILED : CLI_EXIT_OK;
    p->node = NULL;
    close_signals(p);
}

static void open_signals(struct program *p)
{
    (void)signal(SIGPIPE, SIG_IGN);
    uv_signal_init(&p->loop, &p->term);
    uv_signal_init(&p->loop, &p->interrupt);
    p->term.data = p->interrupt.data = p;
    uv_signal_start(&p->term, on_signal, SIGTERM);
    uv_signal_start(&p->interrupt, on_signal, SIGINT);
}

/* Keys live in this process: no core dump, no attaching by others of the same user. A limit of 1 and not 0 also keeps
 * the kernel from piping a dump to a core_pattern program. */
static void guard_memory(void)
{
    (void)setrlimit(RLIMIT_CORE, &(struct rlimit){ 1, 1 });
    (void)prctl(PR_SET_DUMPABLE, 0);
}

static int run(const struct config *config, const struct seckey *key)
{
    struct program p = { .exit_code = CLI_EXIT_FAILED };
    struct err e = { 0 };
    struct node_options options = { config, key };
    uv_loop_init(&p.loop);
    open_signals(&p);
    p.node = node_new(&p.loop, &options, on_stopped, &p, &e);
    if (!p.node)
        on_stopped(&p, &e);
    (void)uv_run(&p.loop, UV_RUN_DEFAULT);
    (void)uv_loop_close(&p.loop);
    return p.exit_code;
}

static int fail(int code, const struct err *e)
{
    (void)fprintf(stderr, "oyster-serverless-executor: %s\n", e->msg);
    return code;
}

static int print(const struct buf *b)
{
    return fwrite(b->data, 1, b->len, stdout) == b->len ? CLI_EXIT_OK : CLI_EXIT_FAILED;
}

static int print_text(void (*text)(struct buf *out))
{
    CLEANUP(buf_free) struct buf b = { 0 };
    text(&b);
    return print(&b);
}

static int show_config(const struct config *config, bool json)
{
    CLEANUP(buf_free) struct buf b = { 0 };
    config_show(&b, config, json);
    return print(&b);
}

int main(int argc, char *argv[])
{
    struct cli cli;
    struct err e = { 0 };
    CLEANUP(config_free) struct config config = { 0 };
    CLEANUP(seckey_wipe) struct seckey key = { 0 };
    guard_memory();
    if (cli_parse(&cli, argc, argv, &e) < 0)
        return fail(CLI_EXIT_USAGE, &e);
    if (cli.action == CLI_HELP || cli.action == CLI_VERSION)
        return print_text(cli.action == CLI_HELP ? cli_help : cli_version);
    struct config_sources sources = { cli.config_file, environ, cli.settings, cli.n_settings };
    if (config_load(&config, &sources, &e) < 0)
        return fail(CLI_EXIT_FAILED, &e);
    if (cli.action == CLI_SHOW_CONFIG)
        return show_config(&config, cli.json);
    log_init(config.log_format, config.log_level);
    if (preflight_check(&key, &config, &e) < 0)
        return fail(CLI_EXIT_FAILED, &e);
    if (cli.action == CLI_CHECK_CONFIG) {
        (void)printf("%s: ok\n", config.file);
        return CLI_EXIT_OK;
    }
    return run(&config, &key);
}
