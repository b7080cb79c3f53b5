/* Where the groups go: from /proc/self/mountinfo (what is mounted where) and /proc/self/cgroup (where we are in it).
 *
 * Version 1: under our own group of each controller.
 * Version 2, first that works: the groups that cgroupv2_setup.sh made beside or below us; below our own group, which we
 * leave for a child of it named "node", since a group that passes controllers on may hold no processes; a folder
 * "oyster" at the top of the hierarchy. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "util/buf.h"
#include "util/cleanup.h"
#include "worker/cgroup_impl.h"

static const char *const controller_names[CG_CONTROLLERS] = { "memory", "cpu", "pids", "cpuacct" };
static const char delegate[] = "+memory +cpu +pids", undelegate[] = "-memory -cpu -pids";

/* One cgroup mount: where it is, what part of the hierarchy it shows, and (version 1) its controllers. */
struct cg_mount {
    char point[PATH_MAX];
    char root[PATH_MAX];
    char options[256];
};

/* ------------------------------------------------------------------------------------------------ /proc files */

static int read_proc(struct buf *out, const char *path, struct err *e)
{
    CLEANUP(fd_close_p) int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return err_sys(e, "open %s", path);
    for (;;) {
        buf_reserve(out, 4096);
        ssize_t n = read(fd, out->data + out->len, 4096);
        if (n < 0)
            return err_sys(e, "read %s", path);
        if (n == 0)
            return 0;
        out->len += (size_t)n;
    }
}

/* mountinfo writes space, tab, newline and backslash as \ooo. */
static void unescape(char *s)
{
    char *to = s;
    for (; *s; s++) {
        if (s[0] == '\\' && s[1] >= '0' && s[1] <= '3' && s[2] && s[3]) {
            *to++ = (char)((s[1] - '0') * 64 + (s[2] - '0') * 8 + (s[3] - '0'));
            s += 3;
        } else {
            *to++ = *s;
        }
    }
    *to = '\0';
}

static bool has_word(const char *list, const char *word, const char *separators)
{
    size_t len = strlen(word);
    for (const char *p = list; *p;) {
        size_t n = strcspn(p, separators);
        if (n == len && strncmp(p, word, len) == 0)
            return true;
        p += n + (p[n] != '\0');
    }
    return false;
}

/* Reads one mountinfo line: id parent dev ROOT POINT opts [tags] - TYPE source SUPEROPTS. */
static bool parse_mount(struct cg_mount *out, char *type, size_t type_size, const char *line)
{
    const char *tail = strstr(line, " - ");
    char format_type[32];
    if (!tail || sscanf(line, "%*d %*d %*s %4095s %4095s", out->root, out->point) != 2 ||
        sscanf(tail, " - %31s %*s %255s", format_type, out->options) != 2)
        return false;
    unescape(out->root);
    unescape(out->point);
    (void)snprintf(type, type_size, "%s", format_type);
    return true;
}

/* Finds the mount of a version 1 controller, or of version 2 where controller is NULL. */
static bool find_mount(struct cg_mount *out, const char *mountinfo, const char *controller)
{
    CLEANUP(free_p) char *copy = xstrdup(mountinfo);
    char *save = NULL;
    for (char *line = strtok_r(copy, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
        char type[32];
        if (!parse_mount(out, type, sizeof type, line))
            continue;
        if (controller ? strcmp(type, "cgroup") == 0 && has_word(out->options, controller, ",")
                       : strcmp(type, "cgroup2") == 0)
            return true;
    }
    return false;
}

/* Our own group of a controller as /proc/self/cgroup has it ("id:controllers:path"); version 2 where it is NULL. */
static bool find_own(char *out, const char *cgroups, const char *controller)
{
    CLEANUP(free_p) char *copy = xstrdup(cgroups);
    char *save = NULL;
    for (char *line = strtok_r(copy, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
        char *names = strchr(line, ':');
        char *path = names ? strchr(names + 1, ':') : NULL;
        if (!path)
            continue;
        *path++ = '\0';
        names++;
        if (controller ? has_word(names, controller, ",") : *names == '\0') {
            (void)snprintf(out, PATH_MAX, "%s", path);
            return true;
        }
    }
    return false;
}

/* The folder of our own group: mount point + own path less the part above the mount's root (containers). */
static void own_folder(char *out, const struct cg_mount *m, const char *own)
{
    size_t root_len = strcmp(m->root, "/") == 0 ? 0 : strlen(m->root);
    const char *below =
        strncmp(own, m->root, root_len) == 0 && (own[root_len] == '/' || !own[root_len]) ? own + root_len : "";
    if (strncmp(below, "/..", 3) == 0 || strcmp(below, "/") == 0)
        below = "";
    cg_join(out, m->point, below + (*below == '/'));
}

/* --------------------------------------------------------------------------------------------------- version 1 */

static void v1_add(struct cgroup_set *s, enum cg_controller c, const char *folder)
{
    uint32_t h = 0;
    while (h < s->n_hierarchies && strcmp(s->parents[h], folder) != 0)
        h++;
    if (h == s->n_hierarchies)
        (void)snprintf(s->parents[s->n_hierarchies++], PATH_MAX, "%s", folder);
    s->hierarchy_of[c] = (uint8_t)h;
}

static int v1_find(struct cgroup_set *s, const char *mountinfo, const char *cgroups, struct err *e)
{
    s->ops = &cg_v1_ops;
    for (int c = 0; c < CG_CONTROLLERS; c++) {
        struct cg_mount m;
        char own[PATH_MAX], folder[PATH_MAX];
        if (find_mount(&m, mountinfo, controller_names[c]) && find_own(own, cgroups, controller_names[c])) {
            own_folder(folder, &m, own);
            v1_add(s, (enum cg_controller)c, folder);
        } else if (c < CG_REQUIRED) {
            return err_set(e, -ENOENT, "the cgroup controller \"%s\" is neither on version 2 nor mounted as version 1",
                           controller_names[c]);
        }
    }
    return 0;
}

/* root/memory, root/cpu, ... as they are in /sys/fs/cgroup. */
static int v1_find_below(struct cgroup_set *s, const char *root, struct err *e)
{
    s->ops = &cg_v1_ops;
    for (int c = 0; c < CG_CONTROLLERS; c++) {
        char folder[PATH_MAX], real[PATH_MAX];
        cg_join(folder, root, controller_names[c]);
        if (realpath(folder, real))
            v1_add(s, (enum cg_controller)c, real);
        else if (c < CG_REQUIRED)
            return err_sys(e, "%s: neither a version 2 cgroup nor a folder of version 1 controllers: %s", root, folder);
    }
    return 0;
}

/* --------------------------------------------------------------------------------------------------- version 2 */

static bool has_controllers(const char *folder, const char *file)
{
    char path[PATH_MAX], text[512];
    cg_join(path, folder, file);
    if (cg_read_at(AT_FDCWD, path, text, sizeof text) < 0)
        return false;
    for (int c = 0; c < CG_REQUIRED; c++)
        if (!has_word(text, controller_names[c], " \n"))
            return false;
    return true;
}

static int write_path(const char *folder, const char *file, const char *text, struct err *e)
{
    char path[PATH_MAX];
    cg_join(path, folder, file);
    CLEANUP(fd_close_p) int fd = open(path, O_WRONLY | O_CLOEXEC);
    if (fd < 0 || write(fd, text, strlen(text)) < 0)
        return err_sys(e, "write \"%s\" to %s", text, path);
    return 0;
}

static void use_parent(struct cgroup_set *s, const char *folder)
{
    s->ops = &cg_v2_ops;
    s->n_hierarchies = 1;
    (void)snprintf(s->parents[0], PATH_MAX, "%s", folder);
    for (int c = 0; c < CG_CONTROLLERS; c++)
        s->hierarchy_of[c] = 0;
}

/* Makes folder pass the controllers on to its children. */
static int pass_on(const char *folder, struct err *e)
{
    if (has_controllers(folder, "cgroup.subtree_control"))
        return 0;
    if (!has_controllers(folder, "cgroup.controllers"))
        return err_set(e, -ENOENT, "%s: not all of memory, cpu and pids are in cgroup.controllers", folder);
    return write_path(folder, "cgroup.subtree_control", delegate, e);
}

/* Moves the processes of folder to folder/node: ourselves, or all where the folder is the top of a container. */
static int move_out(struct cgroup_set *s, const char *folder, bool all, struct err *e)
{
    char node[PATH_MAX], text[16];
    cg_join(node, folder, "node");
    if (mkdir(node, 0755) < 0 && errno != EEXIST)
        return err_sys(e, "make %s", node);
    int rc = write_path(node, "cgroup.procs", "0", e);
    if (rc < 0)
        return rc;
    s->moved_self = true;
    CLEANUP(fd_close_p) int dir = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    char pids[4096];
    if (!all || dir < 0 || cg_read_at(dir, "cgroup.procs", pids, sizeof pids) <= 0)
        return 0;
    char *save = NULL;
    for (char *pid = strtok_r(pids, "\n", &save); pid; pid = strtok_r(NULL, "\n", &save)) {
        (void)snprintf(text, sizeof text, "%.15s", pid);
        (void)write_path(node, "cgroup.procs", text, NULL);
    }
    return 0;
}

/* Our own group, which we leave when it must not hold processes. */
static int use_own(struct cgroup_set *s, const char *folder, bool top, struct err *e)
{
    use_parent(s, folder);
    struct err first = { 0 };
    if (pass_on(folder, &first) == 0)
        return 0;
    if (first.code != -EBUSY)
        return err_set(e, first.code, "%s", first.msg);
    int rc = move_out(s, folder, top, e);
    if (rc == 0 && (rc = pass_on(folder, e)) < 0)
        (void)err_wrap(e, "other processes than the node are in its cgroup");
    if (rc < 0)
        cg_unfind(s);
    return rc;
}

/* <top>/oyster, for a node that may write there (root). */
static int use_top(struct cgroup_set *s, const char *top, struct err *e)
{
    char folder[PATH_MAX];
    cg_join(folder, top, "oyster");
    int rc = pass_on(top, e);
    if (rc < 0)
        return rc;
    s->made_parent = mkdir(folder, 0755) == 0;
    if (!s->made_parent && errno != EEXIST)
        return err_sys(e, "make %s", folder);
    use_parent(s, folder);
    return pass_on(folder, e);
}

/* A folder that already holds a first worker group which we may use. */
static bool is_set_up(const char *folder)
{
    char path[PATH_MAX];
    cg_join(path, folder, "workerd_1/cgroup.procs");
    return has_controllers(folder, "cgroup.subtree_control") && faccessat(AT_FDCWD, path, W_OK, AT_EACCESS) == 0;
}

static int v2_find(struct cgroup_set *s, const struct cg_mount *m, const char *own, struct err *e)
{
    char folder[PATH_MAX], above[PATH_MAX], oyster[PATH_MAX];
    own_folder(folder, m, own);
    (void)snprintf(above, sizeof above, "%s", folder);
    char *slash = strrchr(above, '/');
    bool in_node = slash && strcmp(slash, "/node") == 0;
    if (in_node)
        *slash = '\0';
    cg_join(oyster, m->point, "oyster");
    const char *ready[] = { in_node ? above : folder, oyster, m->point };
    for (size_t i = 0; i < sizeof ready / sizeof *ready; i++) {
        if (is_set_up(ready[i])) {
            use_parent(s, ready[i]);
            return 0;
        }
    }
    struct err why = { 0 };
    if (use_own(s, in_node ? above : folder, strcmp(folder, m->point) == 0, &why) == 0)
        return 0;
    struct err top = { 0 };
    if (use_top(s, m->point, &top) == 0)
        return 0;
    return err_set(e, why.code, "%s; %.200s", why.msg, top.msg);
}

/* An explicit root may be a folder of plain rights: what it lacks shows when the groups are opened. */
static int find_below(struct cgroup_set *s, const char *root, struct err *e)
{
    char path[PATH_MAX];
    cg_join(path, root, "cgroup.controllers");
    if (access(path, F_OK) < 0)
        return v1_find_below(s, root, e);
    use_parent(s, root);
    return pass_on(root, e);
}

int cg_find(struct cgroup_set *s, const char *root, struct err *e)
{
    memset(s->hierarchy_of, CG_CONTROLLERS, sizeof s->hierarchy_of);
    s->ops = &cg_v2_ops;
    if (root)
        return find_below(s, root, e);
    CLEANUP(buf_free) struct buf mounts = { 0 }, own = { 0 };
    int rc = read_proc(&mounts, "/proc/self/mountinfo", e);
    if (rc == 0)
        rc = read_proc(&own, "/proc/self/cgroup", e);
    if (rc < 0)
        return rc;
    struct cg_mount m;
    char path[PATH_MAX];
    if (find_mount(&m, buf_cstr(&mounts), NULL) && has_controllers(m.point, "cgroup.controllers") &&
        find_own(path, buf_cstr(&own), NULL))
        return v2_find(s, &m, path, e);
    return v1_find(s, buf_cstr(&mounts), buf_cstr(&own), e);
}

void cg_unfind(struct cgroup_set *s)
{
    char node[PATH_MAX];
    if (s->moved_self) {
        cg_join(node, s->parents[0], "node");
        (void)write_path(s->parents[0], "cgroup.subtree_control", undelegate, NULL);
        if (write_path(s->parents[0], "cgroup.procs", "0", NULL) == 0)
            (void)rmdir(node);
        s->moved_self = false;
    }
    if (s->made_parent)
        (void)rmdir(s->parents[0]);
    s->made_parent = false;
}
