/* What a node needs of this machine: each thing is tried as the node would use it. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "doctor.h"
#include "exec_run.h"
#include "node/config_pool.h"
#include "node/preflight.h"
#include "util/cleanup.h"
#include "util/file.h"
#include "worker/cgroup.h"
#include "worker/sandbox.h"

#define KERNEL_LEAST_MAJOR 5
#define KERNEL_LEAST_MINOR 4 /* waitid(P_PIDFD) */
#define WORKER_DEADLINE_MS 30000
#define CGROUP_ADVICE                                                                                                  \
    "as root nothing is to be done; under systemd let the unit have Delegate=yes; else run "                           \
    "deploy/cgroupv2_setup.sh for the node's user, or name a folder as cgroup_root"
#define LEFTOVER_ADVICE "do what the line says; the rest of what earlier runs have left a node clears itself"

static void check_kernel(struct report *r)
{
    struct utsname name;
    char *end;
    if (uname(&name) < 0) {
        report_add(r, VERDICT_WARN, "kernel", "", "uname: %s", strerror(errno));
        return;
    }
    unsigned long major = strtoul(name.release, &end, 10);
    unsigned long minor = *end == '.' ? strtoul(end + 1, NULL, 10) : 0;
    bool old = major < KERNEL_LEAST_MAJOR || (major == KERNEL_LEAST_MAJOR && minor < KERNEL_LEAST_MINOR);
    report_add(r, old ? VERDICT_FAIL : VERDICT_OK, "kernel", old ? "Linux 5.4 or later is needed" : "", "%s %s, %s",
               name.sysname, name.release, name.machine);
}

/* As the node does at its start: groups that another node holds are left alone, the others are cleared, and removed
 * again where a node has made them. */
static void check_cgroups(struct report *r, const struct config *config)
{
    struct err e = { 0 };
    const struct cgroup_limits limits = { .memory_bytes = config->worker_memory_bytes,
                                          .cpu_quota_us = config->worker_cpu_quota_us,
                                          .cpu_period_us = config->worker_cpu_period_us,
                                          .pids_max = config->worker_pids_max };
    uint32_t n = config->capacity + (config->egress_public ? 1 : 0);
    struct cgroup_set *set = cgroup_set_open(config->cgroup_root, n, &e);
    int rc = set ? 0 : e.code;
    for (uint32_t i = 0; rc == 0 && i < config->capacity; i++)
        rc = cgroup_set_limits(set, i, &limits, &e);
    if (rc < 0)
        report_add(r, VERDICT_FAIL, "cgroups", rc == -ENOTEMPTY ? LEFTOVER_ADVICE : CGROUP_ADVICE, "%s", e.msg);
    else
        report_add(r, VERDICT_OK, "cgroups", "", "version %d, %u groups with their limits", cgroup_set_version(set), n);
    cgroup_set_close(set);
}

static void put_layers(struct buf *out, uint32_t layers)
{
    for (uint32_t bit = 1; bit < SANDBOX_ALL; bit <<= 1)
        if (layers & bit)
            buf_printf(out, "%s%s", out->len ? "," : "", sandbox_layer_name(bit));
}

/* The setting of the kernel that keeps users from making namespaces, as what it should be; NULL = none that is known.
 */
static const char *blocking_sysctl(void)
{
    static const struct {
        const char *path;
        char blocks;
        const char *advice;
    } known[] = {
        { "/proc/sys/kernel/apparmor_restrict_unprivileged_userns", '1',
          "set kernel.apparmor_restrict_unprivileged_userns=0 (sysctl -w; for good in /etc/sysctl.d)" },
        { "/proc/sys/kernel/unprivileged_userns_clone", '0',
          "set kernel.unprivileged_userns_clone=1 (sysctl -w; for good in /etc/sysctl.d)" },
        { "/proc/sys/user/max_user_namespaces", '0',
          "set user.max_user_namespaces above 0 (sysctl -w; for good in /etc/sysctl.d)" },
    };
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        CLEANUP(buf_free) struct buf text = { 0 };
        if (file_read(&text, known[i].path, 64, NULL) == 0 && text.len > 0 && text.data[0] == (uint8_t)known[i].blocks)
            return known[i].advice;
    }
    return NULL;
}

static const char *sandbox_advice(uint32_t missing)
{
    const char *sysctl = missing & SANDBOX_USERNS ? blocking_sysctl() : NULL;
    if (sysctl)
        return sysctl;
    if (missing == SANDBOX_UID && geteuid() != 0)
        return "a user of its own for each worker takes a node that runs as root: let it, or name uid in "
               "sandbox_allow_degraded, as the systemd unit does";
    return "see that the kernel and what contains this machine give the layer; as a last resort name it in "
           "sandbox_allow_degraded";
}

static void check_sandbox(struct report *r, const struct config *config)
{
    uint32_t allowed = 0;
    struct err why = { 0 };
    CLEANUP(buf_free) struct buf names = { 0 };
    if (sandbox_parse_layers(&allowed, config->sandbox_allow_degraded, &why) < 0) {
        report_add(r, VERDICT_FAIL, "sandbox", "correct the key sandbox_allow_degraded", "%s", why.msg);
        return;
    }
    uint32_t missing = sandbox_probe(SANDBOX_ALL, &why);
    put_layers(&names, missing & ~allowed ? missing & ~allowed : missing);
    if (missing & ~allowed)
        report_add(r, VERDICT_FAIL, "sandbox", sandbox_advice(missing & ~allowed), "lacks %s (%s)", buf_cstr(&names),
                   why.msg);
    else if (missing)
        report_add(r, VERDICT_WARN, "sandbox", "jobs are less shut in than they could be", "without %s, as allowed",
                   buf_cstr(&names));
    else
        report_add(r, VERDICT_OK, "sandbox", "", "all layers are there");
}

static void check_key(struct report *r, const struct config *config)
{
    CLEANUP(seckey_wipe) struct seckey key = { 0 };
    struct err e = { 0 };
    char text[ADDRESS_TEXT_MAX];
    bool open = false;
    if (preflight_signer(&key, &open, config, &e) < 0)
        report_add(r, VERDICT_FAIL, "enclave key",
                   e.code == -EACCES ? "let the node's user read it, or run this as that user"
                                     : "make one: oysterctl keys new FILE --raw, or oyster-keygen",
                   "%s", e.msg);
    else if (open)
        report_add(r, VERDICT_WARN, "enclave key", "chmod 600 the file", "%s: others may read %s",
                   address_checksum(text, &key.address), config->enclave_signer_file);
    else
        report_add(r, VERDICT_OK, "enclave key", "", "%s", address_checksum(text, &key.address));
}

static void ignore_progress(void *arg, size_t n_done)
{
    (void)arg;
    (void)n_done;
}

/* A worker is booted in its sandbox and answers: all of the above together. */
static void check_worker(struct report *r, const struct config *config)
{
    static const char code[] = "export default { async fetch(r) { return new Response('ok ' + (await r.text())); } };";
    struct exec_run run = { 0 };
    struct err e = { 0 };
    CLEANUP(buf_free) struct buf source = { 0 };
    buf_puts(&source, code);
    const struct exec_job job = {
        .config = config, .codes = &source, .n_codes = 1, .deadline_ms = WORKER_DEADLINE_MS, .count = 1
    };
    int rc = exec_run(&run, &job, ignore_progress, NULL, &e);
    if (rc < 0)
        report_add(r, VERDICT_FAIL, "worker", "what is wrong above comes first; --log-level warn shows more", "%s",
                   e.msg);
    else if (run.end != WORKER_ANSWERED || run.output.len != 3)
        report_add(r, VERDICT_FAIL, "worker", "--log-level warn shows more", "error code %d: %s", (int)run.end,
                   run.reason);
    else
        report_add(r, VERDICT_OK, "worker", "", "a job was answered in %.1f ms", (double)run.time_us / 1000);
    exec_runs_free(&run, 1);
}

void doctor_machine(struct report *r, const struct config *config, bool configured)
{
    struct err e = { 0 };
    check_kernel(r);
    check_cgroups(r, config);
    check_sandbox(r, config);
    if (!configured)
        return;
    check_key(r, config);
    if (preflight_workerd(config, &e) < 0) {
        report_add(r, VERDICT_FAIL, "workerd", "name the folder that holds it as workerd_runtime_path", "%s", e.msg);
        return;
    }
    report_add(r, VERDICT_OK, "workerd", "", "%s", config->workerd_runtime_path);
    check_worker(r, config);
}
