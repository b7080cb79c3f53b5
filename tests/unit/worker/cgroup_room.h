/* What the tests of cgroups share: a room of their own, below the group that the node's own finder gives, and a folder
 * of plain files that looks like version 2. */
#ifndef OYSTER_TESTS_WORKER_CGROUP_ROOM_H
#define OYSTER_TESTS_WORKER_CGROUP_ROOM_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "worker/cgroup.h"

#define MIB (1024u * 1024u)

/* The root under which the sets of a test are opened: on version 2 a group, on version 1 a folder of links to one group
 * a controller. */
struct room {
    struct cgroup_set *outer;
    char root[PATH_MAX];
    char links[4][PATH_MAX];
    uint32_t n_links;
};

/* For cmocka_run_group_tests. */
int room_open(void **state);
int room_close(void **state);

/* Skips where this machine gives no cgroups: ordinary users without set-up ones. */
struct room *need_room(void **state);

/* A set in the room; limits of its group i. Both must succeed. */
struct cgroup_set *open_set(const struct room *r, uint32_t n);
void limit(struct cgroup_set *s, uint32_t i, const struct cgroup_limits *limits);

/* Folder of group i in its h-th hierarchy / of the one that has the file ("" where none does). out: PATH_MAX bytes. */
void group_folder(char *out, const struct cgroup_set *s, uint32_t i, uint32_t h);
void folder_with(char *out, const struct cgroup_set *s, uint32_t i, const char *file);
void fd_path(char *out, int fd);

/* A file of a folder: is it there / its text, NUL-ended / written anew. */
bool has_file(const char *folder, const char *file);
void read_text(char *out, size_t size, const char *folder, const char *file);
void put_file(const char *folder, const char *file, const char *text);

/* A child that goes into group i and then works; returns when it is inside. */
pid_t start_in(const struct cgroup_set *s, uint32_t i, void (*work)(void));

/* Work: another program, as workers are. */
void sleep_long(void);

/* Waits until a child is that other program: until then it holds the locks as well. */
void await_exec(pid_t pid);

/* Waits for its end; returns its status. */
int reap(pid_t pid);
void pause_ms(long ms);

/* ---- version 2 on a folder of files ---- */

/* Makes such a folder with workerd_1 to workerd_<groups>. root: PATH_MAX bytes for its path. */
void make_fake(char *root, uint32_t groups);
void remove_fake(const char *root);

/* What a file below root must hold. */
void assert_fake(const char *root, const char *file, const char *expected);

#endif
