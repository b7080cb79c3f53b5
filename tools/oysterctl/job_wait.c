#include "job_wait.h"

#include <errno.h>

#include "ctl.h"
#include "io.h"
#include "util/clock.h"

#define POLL_MS 500

static int fail_over(const struct job_story *s, uint64_t answers, struct err *e)
{
    char id[U256_DEC_MAX];
    return err_set(e, -EIO, "job %s is over with %zu of %llu answers%s", u256_to_dec(id, s->id), s->n_answers,
                   (unsigned long long)answers, s->n_slashed ? ": the others were slashed" : "");
}

int job_wait(struct job_story *out, struct ctl *c, struct u256 id, uint64_t from_block, uint64_t answers,
             uint64_t timeout_ms, struct err *e)
{
    char text[U256_DEC_MAX];
    uint64_t begin_ms = clock_mono_ms();
    for (;;) {
        int rc = job_story_read(out, c, id, from_block, e);
        if (rc < 0 || (out->created && out->n_answers >= answers))
            return rc;
        if (job_story_is_over(out))
            return fail_over(out, answers, e);
        uint64_t waited_ms = clock_mono_ms() - begin_ms;
        if (waited_ms >= timeout_ms)
            return err_set(e, -ETIMEDOUT, "job %s has %zu of %llu answers after %llu s", u256_to_dec(text, id),
                           out->n_answers, (unsigned long long)answers, (unsigned long long)waited_ms / 1000);
        ctl_progress(c, "job %s: %zu of %llu answers, %llu s", u256_to_dec(text, id), out->n_answers,
                     (unsigned long long)answers, (unsigned long long)waited_ms / 1000);
        if (out->created)
            from_block = out->created_block;
        io_sleep(c->io, POLL_MS);
    }
}
