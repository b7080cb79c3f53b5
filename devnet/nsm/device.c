#include "device.h"

#define FUSE_USE_VERSION 35 /* ioctl numbers without a sign */

#include <cuse_lowlevel.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

#include "enclave/nsm.h"
#include "util/cleanup.h"

#define NAME "devnet-nsm"
#define PLACE "/mnt" /* a folder that every system has; covered in our mount namespace alone */
#define FILE_NAME PLACE "/nsm"
#define PATH_MAX_BYTES 96

struct device {
    uv_poll_t poll;
    struct fuse_session *session;
    struct fuse_buf buf;
    const struct module *module;
    char path[PATH_MAX_BYTES];
    bool cuse, mounted;
    device_ready_fn *ready;
    void *ready_arg;
};

static void on_open(fuse_req_t req, struct fuse_file_info *fi)
{
    (void)fuse_reply_open(req, fi);
}

static bool is_known(int cmd, unsigned flags)
{
    return (unsigned)cmd == NSM_IOCTL && !(flags & FUSE_IOCTL_COMPAT);
}

static bool is_request(const struct nsm_message *m)
{
    return m->request.iov_len > 0 && m->request.iov_len <= NSM_REQUEST_MAX;
}

static size_t room_of(const struct nsm_message *m)
{
    return m->response.iov_len < NSM_RESPONSE_MAX ? m->response.iov_len : NSM_RESPONSE_MAX;
}

/* ---- a character device: the kernel follows the pointers when it is told to ---- */

static void serve_copied(fuse_req_t req, const struct device *d, const uint8_t *request, const struct nsm_message *m)
{
    CLEANUP(buf_free) struct buf response = { 0 };
    CLEANUP(buf_free) struct buf out = { 0 };
    if (!module_answer(&response, d->module, request, m->request.iov_len, m->response.iov_len)) {
        (void)fuse_reply_err(req, EINVAL);
        return;
    }
    size_t len = response.len; /* first what goes into the argument, then what goes behind its pointer */
    buf_append(&out, &len, sizeof len);
    buf_append(&out, response.data, response.len);
    (void)fuse_reply_ioctl(req, 0, out.data, out.len);
}

/* Asks for what the argument points to. */
static void fetch(fuse_req_t req, uint8_t *arg, const struct nsm_message *m)
{
    struct iovec in[] = { { arg, sizeof *m }, m->request };
    struct iovec out[] = { { arg + offsetof(struct nsm_message, response.iov_len), sizeof(size_t) }, m->response };
    if (is_request(m))
        (void)fuse_reply_ioctl_retry(req, in, 2, out, 2);
    else
        (void)fuse_reply_err(req, EMSGSIZE);
}

static void on_device_ioctl(fuse_req_t req, int cmd, void *arg, struct fuse_file_info *fi, unsigned flags,
                            const void *in, size_t in_len, size_t out_len)
{
    (void)fi;
    struct nsm_message m;
    struct iovec whole = { arg, sizeof m };
    if (!is_known(cmd, flags)) {
        (void)fuse_reply_err(req, ENOTTY);
        return;
    }
    if (in_len < sizeof m) {
        (void)fuse_reply_ioctl_retry(req, &whole, 1, NULL, 0);
        return;
    }
    memcpy(&m, in, sizeof m);
    m.response.iov_len = room_of(&m);
    if (out_len == 0)
        fetch(req, arg, &m);
    else
        serve_copied(req, fuse_req_userdata(req), (const uint8_t *)in + sizeof m, &m);
}

static void on_device_ready(void *arg)
{
    struct device *d = arg;
    d->ready(d->ready_arg, d->path);
}

static int make_device(struct device *d, const char *name, struct err *e)
{
    static const struct cuse_lowlevel_ops ops = { .init_done = on_device_ready,
                                                  .open = on_open,
                                                  .ioctl = on_device_ioctl };
    char program[] = NAME, foreground[] = "-f", single[] = "-s", devname[PATH_MAX_BYTES];
    char *argv[] = { program, foreground, single, NULL };
    const char *info_argv[] = { devname };
    struct cuse_info info = { .dev_info_argc = 1, .dev_info_argv = info_argv, .flags = CUSE_UNRESTRICTED_IOCTL };
    int threads;
    (void)snprintf(devname, sizeof devname, "DEVNAME=%.64s", name);
    (void)snprintf(d->path, sizeof d->path, "/dev/%.64s", name);
    d->session = cuse_lowlevel_setup(3, argv, &info, &ops, &threads, d);
    return d->session ? 0 : err_set(e, -ENODEV, "no device %s: CUSE needs root rights and /dev/cuse", d->path);
}

/* ---- a file: the pointers lead into the caller's memory ---- */

static void on_getattr(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
    (void)fi;
    const struct stat st = { .st_ino = ino, .st_mode = S_IFREG | 0600, .st_nlink = 1 };
    (void)fuse_reply_attr(req, &st, 0);
}

static void on_file_open(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
    (void)ino;
    on_open(req, fi);
}

/* Returns 0, or the errno that the caller is to see. */
static int answer_in_place(const struct device *d, pid_t caller, struct nsm_message *m)
{
    uint8_t request[NSM_REQUEST_MAX];
    CLEANUP(buf_free) struct buf response = { 0 };
    if (!is_request(m))
        return EMSGSIZE;
    struct iovec here = { request, m->request.iov_len };
    if (process_vm_readv(caller, &here, 1, &m->request, 1, 0) != (ssize_t)m->request.iov_len)
        return EFAULT;
    if (!module_answer(&response, d->module, request, m->request.iov_len, room_of(m)))
        return EINVAL;
    m->response.iov_len = response.len;
    here = (struct iovec){ response.data, response.len };
    return process_vm_writev(caller, &here, 1, &m->response, 1, 0) == (ssize_t)response.len ? 0 : EFAULT;
}

static void on_file_ioctl(fuse_req_t req, fuse_ino_t ino, unsigned cmd, void *arg, struct fuse_file_info *fi,
                          unsigned flags, const void *in, size_t in_len, size_t out_len)
{
    (void)ino;
    (void)arg;
    (void)fi;
    struct nsm_message m;
    int error = is_known((int)cmd, flags) && in_len == sizeof m && out_len == sizeof m ? 0 : ENOTTY;
    if (!error) {
        memcpy(&m, in, sizeof m);
        error = answer_in_place(fuse_req_userdata(req), fuse_req_ctx(req)->pid, &m);
    }
    if (error)
        (void)fuse_reply_err(req, error);
    else
        (void)fuse_reply_ioctl(req, 0, &m, sizeof m);
}

/* A folder in memory over PLACE, with an empty file to mount on. */
static int make_place(struct err *e)
{
    if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
        return err_sys(e, "a mount namespace (root rights are needed)");
    if (mount("tmpfs", PLACE, "tmpfs", MS_NOSUID | MS_NOEXEC, "mode=0755") < 0)
        return err_sys(e, "a folder in memory on " PLACE);
    CLEANUP(fd_close_p) int fd = open(FILE_NAME, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
    return fd < 0 ? err_sys(e, FILE_NAME) : 0;
}

static int make_file(struct device *d, struct err *e)
{
    static const struct fuse_lowlevel_ops ops = { .getattr = on_getattr, .open = on_file_open, .ioctl = on_file_ioctl };
    char program[] = NAME;
    char *argv[] = { program, NULL };
    struct fuse_args args = FUSE_ARGS_INIT(1, argv);
    int rc = make_place(e);
    if (rc < 0)
        return rc;
    d->session = fuse_session_new(&args, &ops, sizeof ops, d);
    fuse_opt_free_args(&args);
    d->mounted = d->session && fuse_session_mount(d->session, FILE_NAME) == 0;
    (void)snprintf(d->path, sizeof d->path, "/proc/%ld/root" FILE_NAME, (long)getpid());
    return d->mounted ? 0 : err_set(e, -ENODEV, "no file system by FUSE, which needs root rights and /dev/fuse");
}

/* ---- both ---- */

static void on_readable(uv_poll_t *handle, int status, int events)
{
    (void)status;
    (void)events;
    struct device *d = handle->data;
    int n = fuse_session_receive_buf(d->session, &d->buf);
    if (n > 0)
        fuse_session_process_buf(d->session, &d->buf);
    else if (n != -EINTR && n != -EAGAIN)
        (void)uv_poll_stop(handle);
}

struct device *device_open(uv_loop_t *loop, const char *cuse_name, const struct module *module, device_ready_fn *ready,
                           void *arg, struct err *e)
{
    struct device *d = xcalloc(1, sizeof *d);
    d->module = module;
    d->ready = ready;
    d->ready_arg = arg;
    d->cuse = cuse_name != NULL;
    d->poll.data = d;
    int rc = d->cuse ? make_device(d, cuse_name, e) : make_file(d, e);
    if (rc == 0 && uv_poll_init(loop, &d->poll, fuse_session_fd(d->session)) < 0)
        rc = err_set(e, -EIO, "the device's queue cannot be waited for");
    if (rc < 0) {
        free(d);
        return NULL;
    }
    (void)uv_poll_start(&d->poll, UV_READABLE, on_readable);
    if (!d->cuse)
        ready(arg, d->path);
    return d;
}

static void on_closed(uv_handle_t *handle)
{
    struct device *d = handle->data;
    if (d->cuse) {
        cuse_lowlevel_teardown(d->session);
    } else {
        fuse_session_unmount(d->session);
        fuse_session_destroy(d->session);
    }
    free(d->buf.mem);
    free(d);
}

void device_free(struct device *d)
{
    if (d)
        uv_close((uv_handle_t *)&d->poll, on_closed);
}
