/* Reading and writing the small files of a cgroup. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "util/cleanup.h"
#include "worker/cgroup_impl.h"

void cg_join(char *out, const char *folder, const char *name)
{
    int n = snprintf(out, PATH_MAX, "%s%s%s", folder, *name ? "/" : "", name);
    if (n < 0 || n >= PATH_MAX)
        out[0] = '\0';
}

void cg_group_path(char *out, const struct cgroup_set *s, uint32_t h, uint32_t number)
{
    char name[32];
    (void)snprintf(name, sizeof name, "workerd_%" PRIu32, number);
    cg_join(out, s->parents[h], name);
}

int cg_dir(const struct cgroup_set *s, const struct cg_group *g, enum cg_controller c)
{
    uint8_t h = s->hierarchy_of[c];
    return h < s->n_hierarchies ? g->dirs[h] : -1;
}

int cg_write(const struct cgroup_set *s, const struct cg_group *g, enum cg_controller c, const char *file,
             const char *text, struct err *e)
{
    const char *parent = s->parents[s->hierarchy_of[c]];
    CLEANUP(fd_close_p) int fd = openat(cg_dir(s, g, c), file, O_WRONLY | O_CLOEXEC);
    if (fd < 0)
        return err_sys(e, "open %s/workerd_%" PRIu32 "/%s", parent, g->number, file);
    size_t len = strlen(text);
    if (write(fd, text, len) != (ssize_t)len)
        return err_sys(e, "write \"%s\" to %s/workerd_%" PRIu32 "/%s", text, parent, g->number, file);
    return 0;
}

int cg_write_u64(const struct cgroup_set *s, const struct cg_group *g, enum cg_controller c, const char *file,
                 uint64_t value, struct err *e)
{
    char text[24];
    (void)snprintf(text, sizeof text, "%" PRIu64, value);
    return cg_write(s, g, c, file, text, e);
}

int cg_read_at(int dir, const char *file, char *out, size_t size)
{
    CLEANUP(fd_close_p) int fd = openat(dir, file, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    size_t len = 0;
    while (len + 1 < size) {
        ssize_t n = read(fd, out + len, size - 1 - len);
        if (n < 0)
            return -errno;
        if (n == 0)
            break;
        len += (size_t)n;
    }
    out[len] = '\0';
    return (int)len;
}

uint64_t cg_read_u64(int dir, const char *file)
{
    char text[64];
    return cg_read_at(dir, file, text, sizeof text) > 0 ? strtoull(text, NULL, 10) : 0;
}

uint64_t cg_read_key(int dir, const char *file, const char *key)
{
    char text[4096];
    if (cg_read_at(dir, file, text, sizeof text) <= 0)
        return 0;
    size_t key_len = strlen(key);
    for (const char *line = text; line; line = strchr(line, '\n')) {
        line += *line == '\n';
        if (strncmp(line, key, key_len) == 0 && line[key_len] == ' ')
            return strtoull(line + key_len, NULL, 10);
    }
    return 0;
}

uint32_t cg_each_pid(int dir, void (*fn)(int pid, void *arg), void *arg)
{
    CLEANUP(fd_close_p) int fd = openat(dir, "cgroup.procs", O_RDONLY | O_CLOEXEC);
    char text[4096];
    uint32_t count = 0;
    int pid = 0;
    for (ssize_t n; fd >= 0 && (n = read(fd, text, sizeof text)) > 0;) {
        for (ssize_t i = 0; i < n; i++) {
            if (text[i] >= '0' && text[i] <= '9') {
                pid = pid * 10 + (text[i] - '0');
                continue;
            }
            /* 0 stands for a process that this pid namespace cannot see; it must never reach kill(). */
            if (pid > 0 && fn)
                fn(pid, arg);
            count += pid > 0;
            pid = 0;
        }
    }
    return count;
}
