#include "worker/runtime.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "net/addresses.h"
#include "util/buf.h"
#include "util/cleanup.h"
#include "util/hex.h"
#include "worker/rootfs.h"

/* Users 60578 to 61183 are kept free by distributions. Their rlimits count per user, so each slot has its own. */
#define GATEWAY_UID 60599
#define FIRST_SLOT_UID 60600

#define CONFIG_HEAD                                                                                                    \
    "using Workerd = import \"/workerd/workerd.capnp\";\nconst config :Workerd.Config = (\n  services = [\n"

/* Services are built in this order, and building `internet` after `main` would cost each job what it costs: 6 ms.
 * hold.js stands in front of the job's module as if that were the entry itself: `import * as m` makes a module without
 * a default export, and one with named exports that are no handlers, fail as they fail there. Its name is random, so
 * that no job can import it. */
static const char worker_services[] =
    "    (name = \"main\", worker = .held),\n"
    "  ],\n"
    "  sockets = [ (name = \"http\", http = (cfBlobHeader = \"x-cf\"), service = \"main\") ],\n"
    ");\n"
    "const held :Workerd.Worker = (\n"
    "  modules = [ (name = \"";
static const char worker_entry[] =
    "\", esModule =\n"
    "    \"import * as m from \\\"./main\\\"; export * from \\\"./main\\\"; export default m.default;\") ],\n"
    "  compatibilityDate = \"2023-03-07\",\n"
    "  moduleFallback = \"unix:/slot/fb.sock\",\n"
    ");\n";

static const char internet_by_gateway[] =
    "    (name = \"internet\", external = (address = \"unix:/slot/egress.sock\", http = (style = proxy))),\n";

static const char internet_none[] = "    (name = \"internet\", network = (allow = [])),\n";

/* What workerd takes for public and is not, as in the IANA special-purpose registries: documentation, benchmarks, and
 * addresses of version 6 that stand for one of version 4 (a translator or relay on the way may know inside ones).
 * 168.63.129.16 is not in a registry: behind it a cloud keeps its machines' settings and certificates. */
static const char special_ranges[] =
    "\"168.63.129.16/32\", \"192.0.2.0/24\", \"192.88.99.0/24\", \"198.18.0.0/15\", \"198.51.100.0/24\", "
    "\"203.0.113.0/24\", \"::/96\", \"64:ff9b::/104\", \"64:ff9b::10.0.0.0/104\", \"64:ff9b::100.64.0.0/106\", "
    "\"64:ff9b::127.0.0.0/104\", \"64:ff9b::169.254.0.0/112\", \"64:ff9b::172.16.0.0/108\", "
    "\"64:ff9b::192.168.0.0/112\", \"64:ff9b:1::/48\", \"2001::/32\", \"2002::/16\", ";

static const char gateway_config_tail[] =
    "  ],\n"
    "  sockets = [ (name = \"egress\", http = (style = proxy), service = \"internet\") ],\n"
    ");\n";

static const char *const worker_argv[] = { "/bin/workerd", "serve",  "-b",           "/config.bin", "--experimental",
                                           "--socket-fd",  "http=3", "--control-fd", "4",           NULL };
static const char *const gateway_argv[] = { "/bin/workerd", "serve",    "-b", "/config.bin",
                                            "--socket-fd",  "egress=3", NULL };

/* Name resolution and certificates, for the gateway; the first bundle that is there is bound where OpenSSL looks. */
static const char *const network_files[] = { "/etc/resolv.conf", "/etc/hosts", "/etc/nsswitch.conf", "/etc/host.conf",
                                             "/etc/gai.conf" };
static const char *const ca_bundles[] = { "/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt",
                                          "/etc/ssl/ca-bundle.pem", "/etc/ssl/cert.pem" };

struct runtime {
    char *state_dir;
    char *workerd;
    int state_fd; /* holds the lock */
    bool locked;
    uint32_t slots;
    bool egress_public;
    struct rootfs rootfs[RUNTIME_N_KINDS];
    struct sandbox *sandbox[RUNTIME_N_KINDS];
    struct buf own_addresses; /* as the gateway's config has them */
};

static char *path_in(const struct runtime *rt, const char *name)
{
    struct buf b = { 0 };
    buf_printf(&b, "%s/%s", rt->state_dir, name);
    (void)buf_cstr(&b);
    return (char *)buf_steal(&b);
}

/* ---- configs ---- */

static void put_worker(struct buf *b)
{
    uint8_t random[16];
    char name[2 * sizeof random + 1];
    for (size_t n = 0; n < sizeof random;) {
        ssize_t got = getrandom(random + n, sizeof random - n, 0);
        n += got > 0 ? (size_t)got : 0;
    }
    buf_printf(b, "%s%s%s", worker_services, hex_encode(name, random, sizeof random), worker_entry);
}

static void put_config(struct buf *b, struct runtime *rt, enum runtime_kind kind)
{
    buf_puts(b, CONFIG_HEAD);
    if (kind == RUNTIME_WORKER) {
        buf_puts(b, rt->egress_public ? internet_by_gateway : internet_none);
        put_worker(b);
        return;
    }
    buf_puts(b, "    (name = \"internet\", network = (allow = [\"public\"], deny = [");
    buf_reset(&rt->own_addresses);
    addresses_put(&rt->own_addresses);
    buf_puts(b, special_ranges);
    buf_puts(b, buf_cstr(&rt->own_addresses));
    buf_puts(b, "], tlsOptions = (trustBrowserCas = true))),\n");
    buf_puts(b, gateway_config_tail);
}

static int write_file(const char *path, const void *data, size_t len, struct err *e)
{
    CLEANUP(fd_close_p) int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0644);
    if (fd < 0)
        return err_sys(e, "create %s", path);
    if (fchmod(fd, 0644) != 0 || write(fd, data, len) != (ssize_t)len)
        return err_sys(e, "write %s", path);
    return 0;
}

static char *kind_path(const struct runtime *rt, const char *before, enum runtime_kind kind, const char *behind)
{
    static const char *const names[RUNTIME_N_KINDS] = { "worker", "gateway" };
    char name[32];
    (void)snprintf(name, sizeof name, "%s%s%s", before, names[kind], behind);
    return path_in(rt, name);
}

static int compile_config(struct runtime *rt, enum runtime_kind kind, struct err *e)
{
    CLEANUP(buf_free) struct buf text = { 0 };
    CLEANUP(buf_free) struct buf bin = { 0 };
    CLEANUP(free_p) char *text_path = kind_path(rt, "", kind, ".capnp");
    CLEANUP(free_p) char *bin_path = kind_path(rt, "", kind, ".bin");
    put_config(&text, rt, kind);
    int rc = write_file(text_path, text.data, text.len, e);
    if (rc != 0)
        return rc;
    const char *const argv[] = { rt->workerd, "compile", "--config-only", text_path, NULL };
    rc = rootfs_run_tool(&bin, argv, e);
    if (rc != 0)
        return rc;
    return write_file(bin_path, bin.data, bin.len, e);
}

/* ---- roots and sandboxes ---- */

static int add_network_files(struct rootfs *r, struct err *e)
{
    for (size_t i = 0; i < sizeof network_files / sizeof *network_files; i++)
        (void)rootfs_add_if_there(r, network_files[i]);
    for (size_t i = 0; i < sizeof ca_bundles / sizeof *ca_bundles; i++) {
        if (access(ca_bundles[i], R_OK) == 0) {
            rootfs_add(r, ca_bundles[i], ca_bundles[0]);
            return 0;
        }
    }
    return err_set(e, -ENOENT, "no CA certificates at %s: install ca-certificates, or set egress to \"none\"",
                   ca_bundles[0]);
}

static int prepare(struct runtime *rt, enum runtime_kind kind, uint32_t layers, struct err *e)
{
    CLEANUP(free_p) char *bin_path = kind_path(rt, "", kind, ".bin");
    CLEANUP(free_p) char *root = kind_path(rt, "root-", kind, "");
    struct rootfs *r = &rt->rootfs[kind];
    int rc = compile_config(rt, kind, e);
    if (rc == 0)
        rc = rootfs_add_program(r, rt->workerd, "/bin/workerd", e);
    if (rc == 0 && kind == RUNTIME_GATEWAY)
        rc = add_network_files(r, e);
    if (rc != 0)
        return rc;
    rootfs_add(r, bin_path, "/config.bin");
    struct sandbox_spec spec = {
        .root_dir = root,
        .files = r->files,
        .n_files = r->n,
        .layers = kind == RUNTIME_GATEWAY ? layers & ~(uint32_t)SANDBOX_NETNS : layers,
        .network = kind == RUNTIME_GATEWAY,
    };
    rt->sandbox[kind] = sandbox_new(&spec, e);
    return rt->sandbox[kind] ? 0 : err_wrap(e, "sandbox %s", root);
}

/* ---- the state folder ---- */

static int open_state(struct runtime *rt, struct err *e)
{
    if (mkdir(rt->state_dir, 0700) != 0 && errno != EEXIST)
        return err_sys(e, "state_dir: make %s", rt->state_dir);
    rt->state_fd = open(rt->state_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (rt->state_fd < 0)
        return err_sys(e, "state_dir: open %s", rt->state_dir);
    if (flock(rt->state_fd, LOCK_EX | LOCK_NB) != 0)
        return errno == EWOULDBLOCK ? err_set(e, -EBUSY, "state_dir: %s is in use by another node", rt->state_dir)
                                    : err_sys(e, "state_dir: lock %s", rt->state_dir);
    rt->locked = true;
    struct stat st;
    if (fstat(rt->state_fd, &st) != 0 || st.st_uid != geteuid())
        return err_set(e, -EPERM, "state_dir: %s belongs to another user", rt->state_dir);
    if (fchmod(rt->state_fd, 0700) != 0)
        return err_sys(e, "state_dir: chmod %s", rt->state_dir);
    return 0;
}

static int make_slots(const struct runtime *rt, struct err *e)
{
    for (uint32_t i = 0; i < rt->slots; i++) {
        CLEANUP(free_p) char *path = runtime_slot_path(rt, i);
        if ((mkdir(path, 0755) != 0 && errno != EEXIST) || chmod(path, 0755) != 0)
            return err_sys(e, "make %s", path);
    }
    return 0;
}

static int open_workerd(struct runtime *rt, const char *dir, struct err *e)
{
    struct buf b = { 0 };
    buf_printf(&b, "%s/workerd", dir);
    CLEANUP(free_p) char *given = (char *)(uintptr_t)buf_cstr(&b);
    rt->workerd = realpath(given, NULL);
    if (!rt->workerd)
        return err_sys(e, "workerd_runtime_path: %s", given);
    struct stat st;
    if (stat(rt->workerd, &st) != 0 || !S_ISREG(st.st_mode) || access(rt->workerd, X_OK) != 0)
        return err_set(e, -EACCES, "workerd_runtime_path: %s is not an executable file", given);
    return 0;
}

struct runtime *runtime_new(const struct runtime_config *config, struct err *e)
{
    struct runtime *rt = xcalloc(1, sizeof *rt);
    *rt = (struct runtime){ .state_fd = -1, .slots = config->slots, .egress_public = config->egress_public };
    int rc = open_workerd(rt, config->workerd_dir, e);
    char here[PATH_MAX];
    if (config->state_dir[0] != '/' && !getcwd(here, sizeof here))
        rc = err_sys(e, "getcwd");
    struct buf b = { 0 };
    if (config->state_dir[0] != '/')
        buf_printf(&b, "%s/", here);
    buf_puts(&b, config->state_dir);
    (void)buf_cstr(&b);
    rt->state_dir = (char *)buf_steal(&b);
    if (rc == 0)
        rc = open_state(rt, e);
    if (rc == 0)
        rc = make_slots(rt, e);
    if (rc == 0)
        rc = prepare(rt, RUNTIME_WORKER, config->layers, e);
    if (rc == 0 && config->egress_public)
        rc = prepare(rt, RUNTIME_GATEWAY, config->layers, e);
    if (rc == 0)
        return rt;
    runtime_free(rt);
    return NULL;
}

static void remove_files(struct runtime *rt)
{
    static const char *const files[] = { "worker.capnp", "worker.bin",  "gateway.capnp",
                                         "gateway.bin",  "egress.sock", "egress.new" };
    for (size_t i = 0; i < sizeof files / sizeof *files; i++)
        (void)unlinkat(rt->state_fd, files[i], 0);
    (void)unlinkat(rt->state_fd, "root-worker", AT_REMOVEDIR);
    (void)unlinkat(rt->state_fd, "root-gateway", AT_REMOVEDIR);
    for (uint32_t i = 0; i < rt->slots; i++) {
        int fd = runtime_open_slot(rt, i, NULL);
        if (fd >= 0)
            (void)close(fd);
        CLEANUP(free_p) char *path = runtime_slot_path(rt, i);
        (void)rmdir(path);
    }
    (void)rmdir(rt->state_dir);
}

void runtime_free(struct runtime *rt)
{
    if (!rt)
        return;
    for (size_t i = 0; i < RUNTIME_N_KINDS; i++) {
        sandbox_free(rt->sandbox[i]);
        rootfs_free(&rt->rootfs[i]);
    }
    if (rt->locked)
        remove_files(rt);
    if (rt->state_fd >= 0)
        (void)close(rt->state_fd);
    buf_free(&rt->own_addresses);
    free(rt->state_dir);
    free(rt->workerd);
    free(rt);
}

const char *runtime_program(const struct runtime *rt)
{
    return rt->workerd;
}

const struct sandbox *runtime_sandbox(const struct runtime *rt, enum runtime_kind kind)
{
    return rt->sandbox[kind];
}

const char *const *runtime_argv(const struct runtime *rt, enum runtime_kind kind)
{
    (void)rt;
    return kind == RUNTIME_WORKER ? worker_argv : gateway_argv;
}

bool runtime_knows_addresses(const struct runtime *rt)
{
    return addresses_are_known((const char *)rt->own_addresses.data);
}

int runtime_learn_addresses(struct runtime *rt, struct err *e)
{
    return compile_config(rt, RUNTIME_GATEWAY, e);
}

int runtime_state_fd(const struct runtime *rt)
{
    return rt->state_fd;
}

char *runtime_slot_path(const struct runtime *rt, uint32_t i)
{
    char name[32];
    (void)snprintf(name, sizeof name, "slot-%u", i);
    return path_in(rt, name);
}

int runtime_open_slot(const struct runtime *rt, uint32_t i, struct err *e)
{
    char name[32];
    (void)snprintf(name, sizeof name, "slot-%u", i);
    int fd = openat(rt->state_fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0)
        return err_sys(e, "open %s/%s", rt->state_dir, name);
    (void)unlinkat(fd, "fb.sock", 0);
    (void)unlinkat(fd, "http.sock", 0);
    (void)unlinkat(fd, "egress.sock", 0);
    (void)unlinkat(fd, "egress.new", 0);
    return fd;
}

uid_t runtime_slot_uid(uint32_t i)
{
    return FIRST_SLOT_UID + i;
}

uid_t runtime_gateway_uid(void)
{
    return GATEWAY_UID;
}

int runtime_link_egress(const struct runtime *rt, int slot_dirfd, struct err *e)
{
    if (!rt->egress_public)
        return 0;
    if (linkat(rt->state_fd, "egress.sock", slot_dirfd, "egress.sock", 0) != 0)
        return err_sys(e, "link egress.sock into a slot");
    return 0;
}

/* One slot, where a worker has the socket now. */
static int relink_slot(const struct runtime *rt, uint32_t i, struct err *e)
{
    CLEANUP(free_p) char *path = runtime_slot_path(rt, i);
    CLEANUP(fd_close_p) int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0)
        return err_sys(e, "open %s", path);
    if (faccessat(fd, "egress.sock", F_OK, AT_SYMLINK_NOFOLLOW) != 0)
        return 0;
    (void)unlinkat(fd, "egress.new", 0);
    if (linkat(rt->state_fd, "egress.sock", fd, "egress.new", 0) != 0 ||
        renameat(fd, "egress.new", fd, "egress.sock") != 0)
        return err_sys(e, "link egress.sock into %s", path);
    return 0;
}

int runtime_relink_egress(const struct runtime *rt, struct err *e)
{
    int rc = 0;
    for (uint32_t i = 0; i < rt->slots && rc == 0; i++)
        rc = relink_slot(rt, i, e);
    return rc;
}
