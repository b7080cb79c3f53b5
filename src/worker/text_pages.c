#include "worker/text_pages.h"

#include <elf.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/auxv.h>
#include <sys/uio.h>
#include <unistd.h>

#include "util/buf.h"
#include "util/cleanup.h"
#include "util/log.h"

#define ROUNDS 2
#define PAGES_MAX ((size_t)1 << 18)
#define TOUCHES_MAX 256 /* in one call; UIO_MAXIOV is 1024 */

struct text_pages {
    unsigned users;              /* the owner and each touch in the thread pool */
    uint64_t header_at, text_at; /* program headers and code, as the file's addresses have them */
    size_t n_pages, page_bytes;  /* of the code; 0 pages: nothing can be learned */
    uint8_t *before, *needed;    /* by page, 0 or 1; NULL once it is learned */
    unsigned rounds;             /* rehearsals that have ended */
    uint32_t *learned;           /* numbers of pages, rising */
    size_t n_learned;
};

struct touch {
    uv_work_t work;
    struct text_pages *pages;
    pid_t pid;
};

/* ---- the program ---- */

/* Its first executable segment, and where its program headers are: by these a process is found out to have loaded it.
 */
static void read_program(struct text_pages *t, const char *program)
{
    CLEANUP(fd_close_p) int fd = open(program, O_RDONLY | O_CLOEXEC);
    Elf64_Ehdr eh;
    if (fd < 0 || pread(fd, &eh, sizeof eh, 0) != (ssize_t)sizeof eh || eh.e_phentsize != sizeof(Elf64_Phdr))
        return;
    bool has_headers = false;
    uint64_t bytes = 0;
    for (unsigned i = 0; i < eh.e_phnum; i++) {
        Elf64_Phdr ph;
        if (pread(fd, &ph, sizeof ph, (off_t)(eh.e_phoff + i * sizeof ph)) != (ssize_t)sizeof ph)
            return;
        if (ph.p_type == PT_PHDR) {
            t->header_at = ph.p_vaddr;
            has_headers = true;
        } else if (ph.p_type == PT_LOAD && (ph.p_flags & PF_X) && bytes == 0) {
            t->text_at = ph.p_vaddr & ~(uint64_t)(t->page_bytes - 1);
            bytes = ph.p_vaddr + ph.p_filesz - t->text_at;
        }
    }
    size_t n = (size_t)((bytes + t->page_bytes - 1) / t->page_bytes);
    t->n_pages = has_headers && n <= PAGES_MAX ? n : 0;
}

static int open_proc(pid_t pid, const char *file)
{
    char path[64];
    (void)snprintf(path, sizeof path, "/proc/%d/%s", (int)pid, file);
    return open(path, O_RDONLY | O_CLOEXEC);
}

/* Where the process has the code; 0 = not known. */
static uint64_t text_of(const struct text_pages *t, pid_t pid)
{
    CLEANUP(fd_close_p) int fd = open_proc(pid, "auxv");
    Elf64_auxv_t aux[64];
    ssize_t n = fd < 0 ? 0 : read(fd, aux, sizeof aux);
    for (size_t i = 0; n > 0 && i < (size_t)n / sizeof *aux; i++)
        if (aux[i].a_type == AT_PHDR)
            return aux[i].a_un.a_val - t->header_at + t->text_at;
    return 0;
}

/* ---- learning ---- */

/* Bit 63 of an entry says that the page is mapped. */
static bool read_mapped(const struct text_pages *t, pid_t pid, uint8_t *mapped)
{
    uint64_t text = text_of(t, pid), entries[512];
    CLEANUP(fd_close_p) int fd = text ? open_proc(pid, "pagemap") : -1;
    for (size_t at = 0; at < t->n_pages; at += 512) {
        size_t n = t->n_pages - at < 512 ? t->n_pages - at : 512;
        off_t from = (off_t)((text / t->page_bytes + at) * sizeof *entries);
        if (fd < 0 || pread(fd, entries, n * sizeof *entries, from) != (ssize_t)(n * sizeof *entries))
            return false;
        for (size_t i = 0; i < n; i++)
            mapped[at + i] = (uint8_t)(entries[i] >> 63);
    }
    return true;
}

void text_pages_give_up(struct text_pages *t)
{
    free(t->before);
    free(t->needed);
    t->before = t->needed = NULL;
}

struct text_pages *text_pages_new(const char *program)
{
    struct text_pages *t = xcalloc(1, sizeof *t);
    t->users = 1;
    t->page_bytes = (size_t)sysconf(_SC_PAGESIZE);
    read_program(t, program);
    if (t->n_pages > 0) {
        t->before = xcalloc(t->n_pages, 1);
        t->needed = xcalloc(t->n_pages, 1);
    }
    return t;
}

static void unuse(struct text_pages *t)
{
    if (--t->users > 0)
        return;
    text_pages_give_up(t);
    free(t->learned);
    free(t);
}

void text_pages_free(struct text_pages *t)
{
    if (t)
        unuse(t);
}

bool text_pages_wants(const struct text_pages *t)
{
    return t->needed != NULL;
}

void text_pages_before(struct text_pages *t, pid_t pid)
{
    if (t->needed && !read_mapped(t, pid, t->before))
        text_pages_give_up(t);
}

static void keep_learned(struct text_pages *t)
{
    size_t n = 0;
    for (size_t i = 0; i < t->n_pages; i++)
        n += t->needed[i];
    t->learned = xcalloc(n ? n : 1, sizeof *t->learned);
    for (size_t i = 0; i < t->n_pages; i++)
        if (t->needed[i])
            t->learned[t->n_learned++] = (uint32_t)i;
    log_debug("text_pages_learned", F_U64("pages", t->n_learned), F_U64("of", t->n_pages));
}

void text_pages_after(struct text_pages *t, pid_t pid)
{
    if (!t->needed)
        return;
    uint8_t *after = xcalloc(t->n_pages, 1);
    bool known = read_mapped(t, pid, after);
    for (size_t i = 0; known && i < t->n_pages; i++)
        t->needed[i] = after[i] && !t->before[i] && (t->rounds == 0 || t->needed[i]);
    free(after);
    if (known && ++t->rounds == ROUNDS)
        keep_learned(t);
    if (!known || t->rounds == ROUNDS)
        text_pages_give_up(t);
}

size_t text_pages_count(const struct text_pages *t)
{
    return t->n_learned;
}

/* ---- touching ---- */

/* One byte of each: how much the kernel maps around it is its own affair. */
void text_pages_touch(const struct text_pages *t, pid_t pid)
{
    uint64_t text = t->n_learned > 0 ? text_of(t, pid) : 0;
    struct iovec there[TOUCHES_MAX];
    uint8_t bytes[TOUCHES_MAX];
    for (size_t from = 0, n; text != 0 && from < t->n_learned; from += n) {
        for (n = 0; n < TOUCHES_MAX && from + n < t->n_learned; n++) {
            uint64_t at = text + t->learned[from + n] * (uint64_t)t->page_bytes;
            there[n] = (struct iovec){ .iov_base = (void *)(uintptr_t)at, .iov_len = 1 };
        }
        struct iovec here = { .iov_base = bytes, .iov_len = n };
        if (process_vm_readv(pid, &here, 1, there, n, 0) != (ssize_t)n)
            return;
    }
}

static void touch_work(uv_work_t *work)
{
    const struct touch *touch = work->data;
    text_pages_touch(touch->pages, touch->pid);
}

static void touch_done(uv_work_t *work, int status)
{
    struct touch *touch = work->data;
    (void)status;
    unuse(touch->pages);
    free(touch);
}

void text_pages_touch_later(struct text_pages *t, uv_loop_t *loop, pid_t pid)
{
    if (t->n_learned == 0 || pid <= 0)
        return;
    struct touch *touch = xcalloc(1, sizeof *touch);
    touch->pages = t;
    touch->pid = pid;
    touch->work.data = touch;
    t->users++;
    if (uv_queue_work(loop, &touch->work, touch_work, touch_done) != 0)
        touch_done(&touch->work, 0);
}
