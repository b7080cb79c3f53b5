#include "util/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "util/cleanup.h"

#define PIECE_BYTES ((size_t)64 * 1024)

int file_read(struct buf *out, const char *path, size_t max, struct err *e)
{
    CLEANUP(fd_close_p) int fd = open(path, O_RDONLY | O_CLOEXEC);
    struct stat st;
    if (fd < 0 || fstat(fd, &st) < 0)
        return err_sys(e, "%s", path);
    size_t before = out->len;
    if (S_ISREG(st.st_mode) && (size_t)st.st_size <= max)
        buf_reserve(out, (size_t)st.st_size + 1); /* one more: its end is seen without growing */
    for (;;) {
        if (out->cap == out->len)
            buf_reserve(out, PIECE_BYTES);
        ssize_t n = read(fd, out->data + out->len, out->cap - out->len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return err_sys(e, "%s", path);
        if (n == 0)
            return 0;
        out->len += (size_t)n;
        if (out->len - before > max)
            return err_set(e, -EFBIG, "%s: more than the %zu bytes that are allowed", path, max);
    }
}

static int write_all(int fd, const uint8_t *data, size_t len)
{
    for (size_t done = 0; done < len;) {
        ssize_t n = write(fd, data + done, len - done);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -1;
        done += (size_t)n;
    }
    return fsync(fd);
}

int file_replace(const char *path, const void *data, size_t len, mode_t mode, struct err *e)
{
    CLEANUP(buf_free) struct buf beside = { 0 };
    buf_printf(&beside, "%s.XXXXXX", path);
    (void)buf_cstr(&beside);
    char *name = (char *)beside.data;
    CLEANUP(fd_close_p) int fd = mkostemp(name, O_CLOEXEC);
    if (fd < 0)
        return err_sys(e, "%s", path);
    if (fchmod(fd, mode) == 0 && write_all(fd, data, len) == 0 && rename(name, path) == 0)
        return 0;
    (void)err_sys(e, "%s", path);
    (void)unlink(name);
    return e ? e->code : -EIO;
}
