#include "node/state_dir.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "util/cleanup.h"

#define FAMILY "oyster-serverless-executor"
#define LOCK_WAIT_MS 3000
#define LOCK_RETRY_MS 5

static int make_dir(const char *path, const char *key, struct err *e)
{
    if (mkdir(path, 0700) == 0 || errno == EEXIST)
        return 0;
    return err_sys(e, "%s %s", key, path);
}

static int default_path(char *out, size_t size, const struct address *enclave, struct err *e)
{
    char family[160], text[ADDRESS_TEXT_MAX];
    const char *runtime = getenv("XDG_RUNTIME_DIR");
    if (geteuid() == 0)
        (void)snprintf(family, sizeof family, "/run/%s", FAMILY);
    else if (runtime && runtime[0] == '/')
        (void)snprintf(family, sizeof family, "%.100s/%s", runtime, FAMILY);
    else
        (void)snprintf(family, sizeof family, "/tmp/%s-%u", FAMILY, (unsigned)geteuid());
    (void)snprintf(out, size, "%s/%s", family, address_lower(text, enclave));
    return make_dir(family, "state_dir", e);
}

/* A folder in a place that others may write to must be ours, or they could have laid it out. */
static int check_owner(const char *path, struct err *e)
{
    struct stat st;
    if (lstat(path, &st) < 0)
        return err_sys(e, "state_dir %s", path);
    if (!S_ISDIR(st.st_mode) || st.st_uid != geteuid())
        return err_set(e, -EPERM, "state_dir %s: expected a folder owned by user %u", path, (unsigned)geteuid());
    return 0;
}

/* A node that was killed leaves children behind that hold the lock, and the API's port, until they are gone as well:
 * they die with it, but not in the same instant. */
static bool take_lock(int fd)
{
    const struct timespec pause = { 0, LOCK_RETRY_MS * 1000000 };
    for (int tries = LOCK_WAIT_MS / LOCK_RETRY_MS; flock(fd, LOCK_EX | LOCK_NB) < 0; tries--) {
        if (tries == 0)
            return false;
        (void)nanosleep(&pause, NULL);
    }
    return true;
}

/* A lock whose file was removed while we waited for it, by a node that ended in order, guards nothing: false. */
static bool lock_counts(int fd)
{
    struct stat st;
    return fstat(fd, &st) == 0 && st.st_nlink > 0;
}

static int claim(struct state_dir *d, struct err *e)
{
    char lock[300];
    (void)snprintf(lock, sizeof lock, "%s/lock", d->path);
    for (;;) {
        if (make_dir(d->path, "state_dir", e) < 0 || check_owner(d->path, e) < 0)
            return e->code;
        CLEANUP(fd_close_p) int fd = open(lock, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
        if (fd < 0)
            return err_sys(e, "open %s", lock);
        if (!take_lock(fd))
            return err_set(e, -EBUSY, "state_dir %s: another node with this enclave key is running", d->path);
        if (!lock_counts(fd))
            continue;
        d->lock_fd = fd_steal(&fd);
        return 0;
    }
}

int state_dir_open(struct state_dir *out, const char *configured, const struct address *enclave, struct err *e)
{
    out->lock_fd = -1;
    if (configured && strlen(configured) >= 100) /* a socket's path has 108 bytes */
        return err_set(e, -ENAMETOOLONG, "state_dir %s: expected at most 99 bytes", configured);
    if (configured)
        (void)snprintf(out->path, sizeof out->path, "%s", configured);
    else if (default_path(out->path, sizeof out->path, enclave, e) < 0)
        return e->code;
    return claim(out, e);
}

static void state_home(char *out, size_t size)
{
    const char *state = getenv("XDG_STATE_HOME"), *home = getenv("HOME");
    if (geteuid() == 0)
        (void)snprintf(out, size, "/var/lib");
    else if (state && state[0] == '/')
        (void)snprintf(out, size, "%.200s", state);
    else
        (void)snprintf(out, size, "%.200s/.local/state", home && home[0] == '/' ? home : "/nonexistent");
}

int state_ledger_path(char *out, size_t size, const char *configured, const struct address *enclave, struct err *e)
{
    char home[256], family[300], text[ADDRESS_TEXT_MAX];
    if (configured) {
        (void)snprintf(out, size, "%s", configured);
        return 0;
    }
    state_home(home, sizeof home);
    (void)snprintf(family, sizeof family, "%s/%s", home, FAMILY);
    (void)snprintf(out, size, "%s/%s.db", family, address_lower(text, enclave));
    return make_dir(family, "ledger_file", e);
}

void state_dir_close(struct state_dir *d)
{
    char lock[300];
    if (d->lock_fd < 0)
        return;
    (void)snprintf(lock, sizeof lock, "%s/lock", d->path);
    (void)unlink(lock);
    (void)rmdir(d->path);
    (void)close(d->lock_fd);
    d->lock_fd = -1;
}
