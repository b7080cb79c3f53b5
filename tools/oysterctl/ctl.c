#include "ctl.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <termios.h>

#include "util/cleanup.h"

int ctl_config(const struct config **out, struct ctl *c, struct err *e)
{
    const char *path = args_get(&c->args, "--config-file");
    *out = NULL;
    if (!path)
        return 0;
    if (!c->config_loaded) {
        struct config_sources from = { .file = path, .environment = environ };
        int rc = config_load(&c->config, &from, e);
        if (rc < 0)
            return rc;
        c->config_loaded = true;
    }
    *out = &c->config;
    return 0;
}

const char *ctl_node_url(const struct ctl *c)
{
    const char *given = args_get(&c->args, "--node-url");
    return given ? given : "http://127.0.0.1:6001";
}

/* ---- the terminal ---- */

static int open_terminal(const char *what, struct err *e)
{
    int fd = open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY);
    if (fd < 0)
        (void)err_set(e, -ENOTTY, "%s, and there is no terminal to ask at", what);
    return fd;
}

static void say(int fd, const char *text)
{
    size_t len = strlen(text);
    ssize_t n = write(fd, text, len);
    (void)n; /* a terminal that is gone answers nothing, which is a no */
}

/* Reads up to a newline. Returns false when the terminal is gone or the line is too long. */
static bool read_line(char *out, size_t max, int fd)
{
    for (size_t i = 0; i < max; i++) {
        ssize_t n;
        do
            n = read(fd, &out[i], 1);
        while (n < 0 && errno == EINTR);
        if (n <= 0)
            return false;
        if (out[i] == '\n') {
            out[i] = 0;
            return true;
        }
    }
    return false;
}

int ctl_confirm(struct ctl *c, const char *question, struct err *e)
{
    char answer[16] = "";
    if (c->yes)
        return CTL_OK;
    ctl_progress(c, NULL);
    CLEANUP(fd_close_p) int fd = open_terminal("not confirmed: --yes was not given", e);
    if (fd < 0)
        return CTL_REFUSED;
    say(fd, question);
    say(fd, "? [y/N] ");
    if (read_line(answer, sizeof answer, fd) && (strcasecmp(answer, "y") == 0 || strcasecmp(answer, "yes") == 0))
        return CTL_OK;
    (void)err_set(e, -ECANCELED, "not confirmed at the prompt: nothing was sent");
    return CTL_REFUSED;
}

int ctl_ask(char *out, size_t max, const char *question, const char *fallback, struct err *e)
{
    CLEANUP(fd_close_p) int fd = open_terminal(question, e);
    if (fd < 0)
        return -ENOTTY;
    say(fd, question);
    if (*fallback) {
        say(fd, " [");
        say(fd, fallback);
        say(fd, "]");
    }
    say(fd, ": ");
    if (!read_line(out, max, fd))
        return err_set(e, -ENOTTY, "%s: nothing was read from the terminal", question);
    if (!*out)
        (void)snprintf(out, max, "%s", fallback);
    return 0;
}

int ctl_ask_secret(char *out, size_t max, const char *prompt, struct err *e)
{
    struct termios before, silent;
    CLEANUP(fd_close_p) int fd = open_terminal(prompt, e);
    if (fd < 0)
        return -ENOTTY;
    if (tcgetattr(fd, &before) < 0)
        return err_sys(e, "/dev/tty");
    silent = before;
    silent.c_lflag &= ~(tcflag_t)ECHO;
    (void)tcsetattr(fd, TCSAFLUSH, &silent);
    say(fd, prompt);
    say(fd, ": ");
    bool read_ok = read_line(out, max, fd);
    (void)tcsetattr(fd, TCSAFLUSH, &before);
    say(fd, "\n");
    return read_ok ? 0 : err_set(e, -ENOTTY, "%s: nothing was read from the terminal", prompt);
}

void ctl_progress(const struct ctl *c, const char *fmt, ...)
{
    if (c->quiet || c->json || !isatty(STDERR_FILENO))
        return;
    (void)fputs("\r\033[K", stderr);
    if (!fmt)
        return;
    va_list ap;
    va_start(ap, fmt);
    (void)vfprintf(stderr, fmt, ap);
    va_end(ap);
    (void)fflush(stderr);
}

void ctl_warn(const struct ctl *c, const char *fmt, ...)
{
    if (c->quiet)
        return;
    ctl_progress(c, NULL);
    va_list ap;
    va_start(ap, fmt);
    (void)fputs("oysterctl: warning: ", stderr);
    (void)vfprintf(stderr, fmt, ap);
    (void)fputc('\n', stderr);
    va_end(ap);
}

/* ---- files ---- */

int ctl_read_file(struct buf *out, const char *path, size_t max, struct err *e)
{
    bool in = strcmp(path, "-") == 0;
    CLEANUP(fd_close_p) int fd = in ? dup(STDIN_FILENO) : open(path, O_RDONLY | O_CLOEXEC);
    uint8_t piece[4096];
    if (fd < 0)
        return err_sys(e, "%s", path);
    for (;;) {
        ssize_t n = read(fd, piece, sizeof piece);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return err_sys(e, "%s", path);
        if (n == 0)
            return 0;
        if ((size_t)n > max - out->len)
            return err_set(e, -EFBIG, "%s: more than the %zu bytes that are allowed", path, max);
        buf_append(out, piece, (size_t)n);
        explicit_bzero(piece, (size_t)n); /* it may be a key or a password */
    }
}
