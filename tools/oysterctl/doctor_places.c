/* Ports and files that a node takes. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "doctor.h"
#include "eth/key.h"
#include "node/state_dir.h"
#include "util/cleanup.h"
#include "util/hostport.h"

#define LEDGER_ROOM_MIN ((uint64_t)100 << 20)
#define METRICS_DEFAULT "127.0.0.1:9001"

/* Binds for a moment. Returns 0 or -errno. */
static int try_bind(const char *host, uint16_t port)
{
    struct sockaddr_in v4 = { .sin_family = AF_INET, .sin_port = htons(port) };
    struct sockaddr_in6 v6 = { .sin6_family = AF_INET6, .sin6_port = htons(port) };
    bool is_v6 = inet_pton(AF_INET6, host, &v6.sin6_addr) == 1;
    int on = 1;
    if (!is_v6 && inet_pton(AF_INET, host, &v4.sin_addr) != 1)
        return -EINVAL;
    CLEANUP(fd_close_p) int fd = socket(is_v6 ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -errno;
    (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on); /* what just ended does not count, as in the node */
    int rc =
        is_v6 ? bind(fd, (const struct sockaddr *)&v6, sizeof v6) : bind(fd, (const struct sockaddr *)&v4, sizeof v4);
    return rc < 0 ? -errno : 0;
}

static void check_port(struct report *r, const char *check, const char *host, uint16_t port, bool runs,
                       const char *advice)
{
    int rc = try_bind(host, port);
    if (rc == 0)
        report_add(r, VERDICT_OK, check, "", "%s port %u is free", host, port);
    else if (rc == -EADDRINUSE && runs)
        report_add(r, VERDICT_OK, check, "", "%s port %u is in use, and the node runs", host, port);
    else
        report_add(r, VERDICT_FAIL, check, advice, "%s port %u: %s", host, port, strerror(-rc));
}

static void check_ports(struct report *r, const struct config *config, bool runs)
{
    struct hostport metrics;
    const char *address = config->metrics_addr ? config->metrics_addr : METRICS_DEFAULT;
    check_port(r, "API port", config->api_addr, (uint16_t)config->port, runs,
               "end what has it, or give the node another --port");
    if (strcmp(address, "off") != 0 && hostport_parse(&metrics, address, NULL) == 0)
        check_port(r, "metrics port", metrics.host, metrics.port, runs, "end what has it, or set metrics_addr");
}

static void check_ledger(struct report *r, const struct config *config)
{
    static const char advice[] = "give the node's user a folder that it may write to, by ledger_file";
    CLEANUP(seckey_wipe) struct seckey key = { 0 };
    char path[512], folder[512];
    struct err e = { 0 };
    struct statvfs room;
    if (seckey_load(&key, config->enclave_signer_file, NULL) < 0)
        return; /* said already; without its address there is no name */
    if (state_ledger_path(path, sizeof path, config->ledger_file, &key.address, &e) < 0) {
        report_add(r, VERDICT_FAIL, "ledger", advice, "%s", e.msg);
        return;
    }
    const char *slash = strrchr(path, '/');
    (void)snprintf(folder, sizeof folder, "%.*s", slash ? (int)(slash - path) + (slash == path) : 1,
                   slash ? path : ".");
    if (access(folder, W_OK | X_OK) < 0 || (access(path, F_OK) == 0 && access(path, W_OK) < 0))
        report_add(r, VERDICT_FAIL, "ledger", advice, "%s: %s", path, strerror(errno));
    else if (statvfs(folder, &room) == 0 && (uint64_t)room.f_bavail * room.f_frsize < LEDGER_ROOM_MIN)
        report_add(r, VERDICT_WARN, "ledger", "make room", "%s: %llu MiB are left", folder,
                   (unsigned long long)((uint64_t)room.f_bavail * room.f_frsize >> 20));
    else
        report_add(r, VERDICT_OK, "ledger", "", "%s", path);
}

void doctor_places(struct report *r, const struct config *config, bool runs)
{
    check_ledger(r, config);
    check_ports(r, config, runs);
}
