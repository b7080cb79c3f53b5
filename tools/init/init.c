/* oyster-init: the first process of the enclave's image. It sets the machine up, runs the programs of the image's
 * table, and ends the machine when it is told to or when they cannot do their work, with a last word on the console
 * that says why. It takes no options: what it does is in the image, and so is measured. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <unistd.h>

#include "boot.h"
#include "supervisor.h"
#include "table.h"
#include "util/clock.h"
#include "util/log.h"

#define TABLE_FILE "/etc/oyster/init.conf"
#define MODULES_DIR "/lib/modules"
#define EXIT_USAGE 2

static int step_loopback(struct err *e)
{
    return boot_interface("lo", NULL, NULL, e);
}

static int step_modules(struct err *e)
{
    return boot_modules(MODULES_DIR, e);
}

/* In this order. A step that is not needed is told when it fails; the programs see what they can do without it. */
static const struct step {
    const char *name;
    int (*run)(struct err *e);
    bool needed;
} steps[] = {
    { "root", boot_root, true },         { "mounts", boot_mounts, true },   { "console", boot_console, false },
    { "loopback", step_loopback, true }, { "limits", boot_limits, true },   { "modules", step_modules, false },
    { "cgroups", boot_cgroups, false },  { "entropy", boot_entropy, true }, { "clock", boot_clock, true },
};

static int take_steps(struct err *e)
{
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
        struct err why = { 0 };
        if (steps[i].run(&why) == 0)
            continue;
        if (steps[i].needed)
            return err_set(e, why.code, "step %s: %s", steps[i].name, why.msg);
        log_warn("step_failed", F_STR("step", steps[i].name), F_ERR(&why));
    }
    return 0;
}

/* What the table says of the machine itself. */
static int apply(const struct table *t, struct err *e)
{
    if (sethostname(t->hostname, strlen(t->hostname)) < 0)
        return err_sys(e, "host name %s", t->hostname);
    if (t->interface && boot_interface(t->interface, &t->address, &t->netmask, e) < 0)
        return e->code;
    struct err why = { 0 };
    if (!t->heartbeat)
        return 0;
    if (boot_heartbeat(t->heartbeat_cid, t->heartbeat_port, &why) == 0)
        log_info("heartbeat_answered", F_U64("cid", t->heartbeat_cid), F_U64("port", t->heartbeat_port));
    else
        log_info("heartbeat_not_answered", F_ERR(&why)); /* where nobody waits for it, nobody misses it */
    return 0;
}

static int live(struct err *e)
{
    struct table t = { 0 };
    int rc = take_steps(e);
    if (rc == 0)
        rc = table_load(&t, TABLE_FILE, e);
    if (rc == 0)
        rc = apply(&t, e);
    if (rc == 0) {
        log_info("booted", F_U64("uptime_ms", clock_mono_ms()), F_BOOL("nitro", boot_is_nitro()),
                 F_U64("programs", t.n_programs));
        rc = supervisor_run(&t, e);
    }
    table_free(&t);
    return rc;
}

/* An enclave ends by a reset; a machine that has firmware to turn it off is turned off. */
static void end_machine(void)
{
    sync();
    if (access("/sys/firmware/acpi", F_OK) == 0)
        (void)reboot(RB_POWER_OFF);
    (void)reboot(RB_AUTOBOOT);
}

int main(void)
{
    struct err e = { 0 };
    if (getpid() != 1) {
        (void)fputs("oyster-init: expected to be the first process of an enclave's image\n", stderr);
        return EXIT_USAGE;
    }
    supervisor_block_signals();
    (void)reboot(RB_DISABLE_CAD);
    (void)umask(022);
    if (live(&e) < 0)
        log_error("giving_up", F_ERR(&e));
    (void)fprintf(stderr, "oyster-init: %s%s; the machine ends here\n",
                  e.code ? "giving up: " : "told to stop, all programs have ended", e.msg);
    end_machine();
    return EXIT_USAGE;
}
