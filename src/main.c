/* Command line, config, signals, the loop, the service manager; nothing else. */
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <uv.h>

#include "config/cli.h"
#include "config/config.h"
#include "node/health_check.h"
#include "node/node.h"
#include "node/notify.h"
#include "node/preflight.h"
#include "util/cleanup.h"
#include "util/clock.h"
#include "util/hex.h"
#include "util/log.h"

/* How often the service manager is told how it goes, where it has changed. */
#define STATUS_EVERY_MS 5000
/* How often a log whose reader is behind is tried, when nothing new is written. */
#define FLUSH_EVERY_MS 1000

struct program {
    uv_loop_t loop;
    uv_signal_t term, interrupt, hangup;
    uv_timer_t status, watchdog, flush;
    struct node *node;
    struct config *config;
    const struct config_sources *sources;
    struct notify notify;
    struct buf said; /* the last status */
    int exit_code;
};

/* ---- the service manager ---- */

static void tell_status(struct program *p)
{
    struct buf now = { 0 };
    if (p->node)
        node_describe(p->node, &now);
    if (now.len && (now.len != p->said.len || memcmp(now.data, p->said.data, now.len) != 0)) {
        notify_send(&p->notify, "STATUS=%s\n", buf_cstr(&now));
        buf_reset(&p->said);
        buf_append(&p->said, now.data, now.len);
    }
    buf_free(&now);
}

static void on_status(uv_timer_t *timer)
{
    tell_status(timer->data);
}

/* A sign of life from the loop itself: a loop that hangs gives none. */
static void on_watchdog(uv_timer_t *timer)
{
    const struct program *p = timer->data;
    notify_send(&p->notify, "WATCHDOG=1\n");
}

static void start_notifying(struct program *p)
{
    uint64_t watchdog_ms = p->notify.watchdog_us / 2000;
    notify_send(&p->notify, "READY=1\n");
    tell_status(p);
    if (p->notify.fd >= 0)
        uv_timer_start(&p->status, on_status, STATUS_EVERY_MS, STATUS_EVERY_MS);
    if (p->notify.watchdog_us)
        uv_timer_start(&p->watchdog, on_watchdog, 0, watchdog_ms ? watchdog_ms : 1);
}

static void on_flush(uv_timer_t *timer)
{
    (void)timer;
    log_flush();
}

/* ---- signals ---- */

static void on_signal(uv_signal_t *handle, int number)
{
    struct program *p = handle->data;
    log_info("stopping", F_STR("signal", number == SIGTERM ? "SIGTERM" : "SIGINT"));
    notify_send(&p->notify, "STOPPING=1\n");
    node_stop(p->node);
    tell_status(p);
}

static void on_changed(void *arg, const char *key, bool live)
{
    size_t *count = arg;
    ++*count;
    if (live)
        log_info("config_changed", F_STR("key", key));
    else
        log_warn("config_needs_restart", F_STR("key", key));
}

/* A file that is broken leaves everything as it was. */
static void reload(struct program *p)
{
    CLEANUP(config_free) struct config fresh = { 0 };
    struct err e = { 0 };
    size_t changes = 0;
    if (config_load(&fresh, p->sources, &e) < 0) {
        log_error("config_not_reloaded", F_ERR(&e));
        return;
    }
    config_reload(p->config, &fresh, on_changed, &changes);
    log_init(p->config->log_format, p->config->log_level);
    node_reload(p->node);
    log_info("config_reloaded", F_U64("changes", changes));
}

static void on_hangup(uv_signal_t *handle, int number)
{
    (void)number;
    struct program *p = handle->data;
    if (!p->node)
        return;
    notify_send(&p->notify, "RELOADING=1\nMONOTONIC_USEC=%llu\n", (unsigned long long)clock_mono_us());
    reload(p);
    notify_send(&p->notify, "READY=1\n");
}

static void open_signal(struct program *p, uv_signal_t *handle, int number, uv_signal_cb cb)
{
    uv_signal_init(&p->loop, handle);
    handle->data = p;
    uv_signal_start(handle, cb, number);
}

static void open_handles(struct program *p)
{
    (void)signal(SIGPIPE, SIG_IGN);
    open_signal(p, &p->term, SIGTERM, on_signal);
    open_signal(p, &p->interrupt, SIGINT, on_signal);
    open_signal(p, &p->hangup, SIGHUP, on_hangup);
    uv_timer_init(&p->loop, &p->status);
    uv_timer_init(&p->loop, &p->watchdog);
    uv_timer_init(&p->loop, &p->flush);
    uv_timer_start(&p->flush, on_flush, FLUSH_EVERY_MS, FLUSH_EVERY_MS);
    p->status.data = p->watchdog.data = p;
}

static void close_handles(struct program *p)
{
    uv_handle_t *const handles[] = {
        (uv_handle_t *)&p->term,   (uv_handle_t *)&p->interrupt, (uv_handle_t *)&p->hangup,
        (uv_handle_t *)&p->status, (uv_handle_t *)&p->watchdog,  (uv_handle_t *)&p->flush
    };
    for (size_t i = 0; i < sizeof handles / sizeof *handles; i++)
        uv_close(handles[i], NULL);
}

static void on_stopped(void *arg, const struct err *e)
{
    struct program *p = arg;
    if (e->code)
        (void)fprintf(stderr, "oyster-serverless-executor: %s\n", e->msg);
    p->exit_code = e->code ? CLI_EXIT_FAILED : CLI_EXIT_OK;
    p->node = NULL;
    close_handles(p);
}

/* Keys live in this process: no core dump, no attaching by others of the same user. A limit of 1 and not 0 also keeps
 * the kernel from piping a dump to a core_pattern program. */
static void guard_memory(void)
{
    (void)setrlimit(RLIMIT_CORE, &(struct rlimit){ 1, 1 });
    (void)prctl(PR_SET_DUMPABLE, 0);
}

static int run(struct config *config, const struct config_sources *sources, const struct seckey *key)
{
    struct program p = { .exit_code = CLI_EXIT_FAILED, .config = config, .sources = sources };
    struct err e = { 0 };
    struct node_options options = { config, key };
    uv_loop_init(&p.loop);
    notify_open(&p.notify);
    open_handles(&p);
    p.node = node_new(&p.loop, &options, on_stopped, &p, &e);
    if (p.node)
        start_notifying(&p);
    else
        on_stopped(&p, &e);
    (void)uv_run(&p.loop, UV_RUN_DEFAULT);
    (void)uv_loop_close(&p.loop);
    notify_close(&p.notify);
    buf_free(&p.said);
    return p.exit_code;
}

static int fail(int code, const struct err *e)
{
    (void)fprintf(stderr, "oyster-serverless-executor: %s\n", e->msg);
    return code;
}

static int print(const struct buf *b)
{
    return buf_write(b, stdout) ? CLI_EXIT_OK : CLI_EXIT_FAILED;
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

static int print_hash(const struct config *config)
{
    uint8_t hash[CONFIG_HASH_BYTES];
    char text[2 * sizeof hash + 1];
    config_hash(hash, config);
    return puts(hex_encode(text, hash, sizeof hash)) >= 0 ? CLI_EXIT_OK : CLI_EXIT_FAILED;
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
    if (cli.action == CLI_CONFIG_HASH)
        return print_hash(&config);
    log_init(config.log_format, config.log_level);
    if (cli.action == CLI_HEALTH_CHECK)
        return health_check(&config, &e) < 0 ? fail(CLI_EXIT_FAILED, &e) : CLI_EXIT_OK;
    if (preflight_check(&key, &config, &e) < 0)
        return fail(CLI_EXIT_FAILED, &e);
    if (cli.action == CLI_CHECK_CONFIG) {
        (void)printf("%s: ok\n", config.file);
        return CLI_EXIT_OK;
    }
    return run(&config, &sources, &key);
}
