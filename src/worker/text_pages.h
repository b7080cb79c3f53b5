/* Which pages of workerd's code a job runs through that a boot does not. Each costs a page fault of the process that
 * comes to it first, together a tenth and more of what a short job takes. They are learned from a rehearsal, a job of
 * our own (never from a stranger's: what that went through would be for later ones to measure), and touched from
 * outside in every worker that waits for its job: the kernel maps what another process reads. Nothing is written to a
 * worker, and where a kernel or a sandbox refuses any of it, workers are as they were.
 *
 * What is mapped of a file is seen in /proc/PID/pagemap. The kernel maps some pages around each fault, others in each
 * process (their addresses are random): what two rehearsals have in common is kept. */
#ifndef OYSTER_WORKER_TEXT_PAGES_H
#define OYSTER_WORKER_TEXT_PAGES_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>
#include <uv.h>

struct text_pages;

/* Of the program in that file, dynamic or static. Never NULL: of a file that is none, nothing is learned. */
struct text_pages *text_pages_new(const char *program);

/* NULL allowed. Touches that are under way may end later. */
void text_pages_free(struct text_pages *t);

/* Whether a (further) rehearsal is wanted. */
bool text_pages_wants(const struct text_pages *t);

/* A rehearsal begins in the process, and has ended in it as it should: the process still exists. Takes up to 1 ms each.
 * give_up: one has failed; there will be no other. */
void text_pages_before(struct text_pages *t, pid_t pid);
void text_pages_after(struct text_pages *t, pid_t pid);
void text_pages_give_up(struct text_pages *t);

/* How many pages were learned; 0 until the last rehearsal is over. */
size_t text_pages_count(const struct text_pages *t);

/* Maps them in a process that has come as far as those of the rehearsals had. At once: 0.4 ms; or in the thread
 * pool (a process that ends meanwhile does not matter: what is read is not looked at). */
void text_pages_touch(const struct text_pages *t, pid_t pid);
void text_pages_touch_later(struct text_pages *t, uv_loop_t *loop, pid_t pid);

#endif
