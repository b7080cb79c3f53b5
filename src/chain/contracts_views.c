/* What the contracts' views answer. The two generations order the same fields differently. */
#include <errno.h>

#include "chain/contracts_tables.h"
#include "eth/abi.h"

/* An address without a contract answers nothing at all: say so instead of naming an argument. */
static int check_length(size_t len, size_t n_words, const char *view, struct err *e)
{
    if (len == 0)
        return err_set(e, -EBADMSG, "%s: empty answer: no such contract at this address", view);
    if (len < n_words * 32)
        return err_set(e, -EBADMSG, "%s: expected %zu bytes, found %zu", view, n_words * 32, len);
    return 0;
}

static int get_env(int *out, struct abi_view v, size_t index, struct err *e)
{
    uint8_t env;
    int rc = abi_get_u8(&env, v, index, e);
    if (rc == 0)
        *out = env;
    return rc;
}

int decode_executor_info(struct executor_info *out, enum generation g, const uint8_t *data, size_t len, struct err *e)
{
    bool second = g == GENERATION_2;
    struct abi_view v = { .data = data, .len = len };
    *out = (struct executor_info){ .env = -1 };
    /* generation 1: owner, jobCapacity, activeJobs, stake, draining; 2: jobCapacity, activeJobs, stake, owner, … */
    size_t owner_at = second ? 3 : 0, numbers_at = second ? 0 : 1;
    int rc = check_length(len, second ? 6 : 5, "executors(address)", e);
    if (rc == 0)
        rc = abi_get_address(&out->owner, v, owner_at, e);
    if (rc == 0)
        rc = abi_get_u64(&out->job_capacity, v, numbers_at, e);
    if (rc == 0)
        rc = abi_get_u64(&out->active_jobs, v, numbers_at + 1, e);
    if (rc == 0)
        rc = abi_get_u256(&out->stake, v, numbers_at + 2, e);
    if (rc == 0)
        rc = abi_get_bool(&out->draining, v, 4, e);
    if (rc == 0 && second)
        rc = get_env(&out->env, v, 5, e);
    return rc;
}

int decode_job_info(struct job_info *out, enum generation g, const uint8_t *data, size_t len, struct err *e)
{
    bool second = g == GENERATION_2;
    struct abi_view v = { .data = data, .len = len };
    *out = (struct job_info){ .env = -1 };
    int rc = check_length(len, second ? 6 : 5, "jobs(uint256)", e);
    if (rc == 0)
        rc = abi_get_u256(&out->deadline_ms, v, 0, e);
    if (rc == 0)
        rc = abi_get_u64(&out->exec_start_s, v, 1, e);
    if (rc == 0)
        rc = abi_get_address(&out->owner, v, 3, e);
    if (rc == 0 && second)
        rc = get_env(&out->env, v, 4, e);
    if (rc == 0)
        rc = abi_get_u8(&out->output_count, v, second ? 5 : 4, e);
    return rc;
}
