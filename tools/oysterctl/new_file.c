#include "new_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "util/buf.h"
#include "util/cleanup.h"

static int fill(int fd, const char *path, const uint8_t *data, size_t len, mode_t mode, struct err *e)
{
    if (fchmod(fd, mode) < 0) /* whatever the umask: the tool's files are as private as their documents say */
        return err_sys(e, "%s", path);
    for (size_t done = 0; done < len;) {
        ssize_t n = write(fd, data + done, len - done);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return err_sys(e, "%s", path);
        done += (size_t)n;
    }
    return fsync(fd) < 0 ? err_sys(e, "%s", path) : 0;
}

static int create(const char *made, const char *path, const void *data, size_t len, mode_t mode, struct err *e)
{
    CLEANUP(fd_close_p) int fd = open(made, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, mode);
    if (fd < 0)
        return err_sys(e, "%s", path);
    int rc = fill(fd, path, data, len, mode, e);
    if (rc < 0)
        (void)unlink(made);
    return rc;
}

/* link(2), unlike rename(2), refuses what exists. */
static int put_in_place(const char *made, const char *path, bool replace, struct err *e)
{
    if (replace)
        return rename(made, path) < 0 ? err_sys(e, "%s", path) : 0;
    if (link(made, path) == 0)
        return 0;
    if (errno == EEXIST)
        return err_set(e, -EEXIST, "%s: exists already, and is not overwritten unless --force is given", path);
    return err_sys(e, "%s", path);
}

int new_file_write(const char *path, const void *data, size_t len, mode_t mode, bool replace, struct err *e)
{
    CLEANUP(buf_free) struct buf made = { 0 };
    struct stat st;
    if (!replace && lstat(path, &st) == 0)
        return err_set(e, -EEXIST, "%s: exists already, and is not overwritten unless --force is given", path);
    buf_printf(&made, "%s.%d.new", path, (int)getpid());
    int rc = create(buf_cstr(&made), path, data, len, mode, e);
    if (rc < 0)
        return rc;
    rc = put_in_place(buf_cstr(&made), path, replace, e);
    if (rc < 0 || !replace)
        (void)unlink(buf_cstr(&made));
    return rc;
}
