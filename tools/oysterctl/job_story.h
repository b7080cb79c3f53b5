/* What the chain says about one job: its creation, answers, slashes and callbacks. */
#ifndef OYSTERCTL_JOB_STORY_H
#define OYSTERCTL_JOB_STORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "chain.h"
#include "output.h"

#define STORY_ANSWERS_MAX 8
#define STORY_SELECTED_MAX 16

struct job_answer {
    struct address executor; /* zero in generation 1: its event does not say */
    struct buf output;
    uint64_t total_time_ms, block;
    uint8_t error_code, rank;
    uint8_t tx_hash[32];
};

/* Free with job_story_free in every case; {0} is empty. */
struct job_story {
    struct u256 id;
    bool created;
    struct address owner;
    int env; /* -1 in generation 1 */
    uint8_t codehash[32], created_tx[32];
    struct buf inputs;
    uint64_t deadline_ms, created_block;
    struct address selected[STORY_SELECTED_MAX];
    size_t n_selected;
    struct job_answer answers[STORY_ANSWERS_MAX];
    size_t n_answers;
    struct address slashed[STORY_SELECTED_MAX];
    size_t n_slashed;
    bool result_called, result_ok, failure_called, failure_ok; /* the owner's callbacks */
};
void job_story_free(struct job_story *s);

/* Reads the job's events from block from to the newest. Where the endpoint refuses so long a range, it is walked from
 * its end in pieces, until the job's creation is found. A story without created: no such job since that block. */
int job_story_read(struct job_story *out, struct ctl *c, struct u256 id, uint64_t from, struct err *e);

/* Reads the JobCreated of a receipt: id and all that it says. Returns 0 or -ENOENT. */
int job_story_of_receipt(struct job_story *out, struct ctl *c, const struct json *receipt, struct err *e);

/* Adds to the open object: state, creation, answers, the first one's output, slashes, callbacks. */
void job_story_out(struct out *o, const struct job_story *s);

/* An error code in words, as docs/job-authors.md lists them: "answered", "deadline exceeded". Static. */
const char *job_error_meaning(uint8_t error_code);

/* Nothing more will come: as many answers as executors were selected, or a slash. */
bool job_story_is_over(const struct job_story *s);

#endif
