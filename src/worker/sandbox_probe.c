/* Which layers there are: each is tried, alone with what it needs, by a child that stops before exec. */
#include <errno.h>
#include <sys/wait.h>
#include <unistd.h>

#include "worker/sandbox_impl.h"

#define PROBE_UID 200000

/* What a layer stands on. Without rights, namespaces are made and capabilities given up inside a user namespace. */
static uint32_t needs(uint32_t layer, bool privileged)
{
    const uint32_t inside =
        SANDBOX_MOUNTNS | SANDBOX_PIDNS | SANDBOX_IPCNS | SANDBOX_UTSNS | SANDBOX_NETNS | SANDBOX_CAPS;
    uint32_t all = layer;
    if (layer & SANDBOX_ROOT)
        all |= SANDBOX_MOUNTNS;
    if (!privileged && all & inside)
        all |= SANDBOX_USERNS;
    return all;
}

/* Any folder without mounts below it does as a root: only the child sees it as one, and nothing is written. A folder
 * made for it would stay when the node is killed meanwhile. */
static int try_layer(uint32_t layer, struct err *e)
{
    const struct sandbox_spec spec = { .root_dir = access("/tmp", X_OK) == 0 ? "/tmp" : "/usr",
                                       .layers = needs(layer, sandbox_is_privileged()) };
    struct sandbox *s = sandbox_make(&spec, false, e);
    if (!s)
        return -1;
    const struct sandbox_start start = { .stdout_fd = -1, .stderr_fd = -1, .uid = PROBE_UID };
    struct sandbox_child child;
    int rc = sandbox_spawn(&child, s, &start, NULL, e);
    if (rc == 0) {
        while (waitpid(child.pid, NULL, 0) < 0 && errno == EINTR) {
        }
        (void)close(child.pidfd);
    }
    sandbox_free(s);
    return rc;
}

uint32_t sandbox_probe(uint32_t layers, struct err *why)
{
    uint32_t missing = 0;
    for (uint32_t layer = 1; layer <= SANDBOX_ALL; layer <<= 1) {
        struct err e = { 0 };
        if (!(layers & layer) || layer == SANDBOX_CGROUP || try_layer(layer, &e) == 0)
            continue;
        missing |= layer;
        (void)err_set(why, e.code, "layer %s: %s", sandbox_layer_name(layer), e.msg);
    }
    return missing;
}
