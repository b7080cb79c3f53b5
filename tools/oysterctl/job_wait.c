#include "job_wait.h"

#include <errno.h>
#include <stdio.h>

#include "ctl.h"
#include "poll.h"

#define POLL_MS 500

struct job_waiting {
    struct job_story *story;
    struct u256 id;
    uint64_t from_block, answers;
};

/* No more answers come. Not -EIO: reading again is of no use. */
static int fail_over(const struct job_story *s, uint64_t answers, struct err *e)
{
    char id[U256_DEC_MAX];
    return err_set(e, -ENODATA, "job %s is over with %zu of %llu answers%s", u256_to_dec(id, s->id), s->n_answers,
                   (unsigned long long)answers, s->n_slashed ? ": the others were slashed" : "");
}

static int ask(void *arg, struct ctl *c, char *state, size_t size, struct err *e)
{
    struct job_waiting *w = arg;
    char id[U256_DEC_MAX];
    struct job_story now = { 0 };
    int rc = job_story_read(&now, c, w->id, w->from_block, e);
    if (rc < 0) {
        job_story_free(&now); /* what is known stays */
        return rc;
    }
    job_story_free(w->story);
    *w->story = now;
    if (w->story->created && w->story->n_answers >= w->answers)
        return 1;
    if (job_story_is_over(w->story))
        return fail_over(w->story, w->answers, e);
    if (w->story->created)
        w->from_block = w->story->created_block;
    (void)snprintf(state, size, "job %s has %zu of %llu answers", u256_to_dec(id, w->id), w->story->n_answers,
                   (unsigned long long)w->answers);
    return 0;
}

int job_wait(struct job_story *out, struct ctl *c, struct u256 id, uint64_t from_block, uint64_t answers,
             uint64_t timeout_ms, struct err *e)
{
    struct job_waiting w = { .story = out, .id = id, .from_block = from_block, .answers = answers };
    return poll_until(c, ask, &w, timeout_ms, POLL_MS, e);
}
