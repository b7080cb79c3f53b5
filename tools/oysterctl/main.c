/* oysterctl: command line → command → result on stdout and an exit code. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include "chain.h"
#include "commands.h"
#include "ctl.h"
#include "io.h"
#include "util/cleanup.h"
#include "util/log.h"

static int exit_of(int rc)
{
    if (rc >= 0)
        return rc;
    if (rc == -CTL_EUSAGE)
        return CTL_USAGE;
    return rc == -ETIMEDOUT ? CTL_TIMEOUT : CTL_FAILED;
}

/* The result and, where the command failed, the line that says why: on stderr, and in the document. */
static int finish(struct ctl *c, int code, const struct err *e)
{
    CLEANUP(buf_free) struct buf text = { 0 };
    ctl_progress(c, NULL);
    if (c->json && e->code) {
        out_str(c->out, "error", e->msg);
        out_u64(c->out, "exit_code", (uint64_t)code);
    }
    if (c->json)
        out_write_json(&text, c->out);
    else
        out_write_text(&text, c->out);
    int written = buf_write(&text, stdout) ? CTL_OK : CTL_FAILED;
    if (e->code)
        (void)fprintf(stderr, "oysterctl: %s\n", e->msg);
    return code ? code : written;
}

static void apply_options(struct ctl *c)
{
    const char *level = args_get(&c->args, "--log-level");
    enum log_level least = LOG_ERROR;
    if (level)
        (void)log_level_parse(&least, level);
    log_init(LOG_FORMAT_LOGFMT, least);
    c->json = args_has(&c->args, "--json");
    c->yes = args_has(&c->args, "--yes");
    c->dry_run = args_has(&c->args, "--dry-run");
    c->quiet = args_has(&c->args, "--quiet");
}

static int print_help(const struct command *command)
{
    CLEANUP(buf_free) struct buf text = { 0 };
    if (command)
        help_command(&text, command);
    else
        help_all(&text);
    return buf_write(&text, stdout) ? CTL_OK : CTL_FAILED;
}

/* Keys may live in this process: no core dump, no attaching by others of the same user. */
static void guard_memory(void)
{
    (void)setrlimit(RLIMIT_CORE, &(struct rlimit){ 1, 1 });
    (void)prctl(PR_SET_DUMPABLE, 0);
}

static const char *environment(const char *name)
{
    return getenv(name);
}

int main(int argc, char *argv[])
{
    struct ctl c = { 0 };
    struct err e = { 0 };
    guard_memory();
    (void)signal(SIGPIPE, SIG_IGN);
    if (argc > 1 && strcmp(argv[1], "help") == 0) { /* as "COMMAND --help" */
        memmove(&argv[1], &argv[2], (size_t)(argc - 2) * sizeof *argv);
        argv[argc - 1] = "--help";
    }
    if (argc == 2 && (strcmp(argv[1], "--version") == 0 || strcmp(argv[1], "-V") == 0))
        argv[1] = "version";
    if (args_parse(&c.args, argc, argv, environment, &e) < 0) {
        (void)fprintf(stderr, "oysterctl: %s\n", e.msg);
        return CTL_USAGE;
    }
    if (c.args.help)
        return print_help(c.args.command);
    apply_options(&c);
    c.out = out_new();
    int code = finish(&c, exit_of(c.args.command->run(&c, &e)), &e);
    out_free(c.out);
    chain_free(c.chain);
    io_free(c.io);
    config_free(&c.config);
    return code;
}
