#include "enclave/nsm_call.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

struct nsm_call {
    uv_work_t work;
    char *device;
    struct nsm_fields fields;
    uint8_t *copies[3]; /* of the fields' bytes */
    nsm_done_fn *done;  /* NULL once it was freed */
    void *arg;
    struct buf document;
    struct err error;
};

static void copy(struct nsm_call *c, size_t i, struct nsm_bytes *out, const struct nsm_bytes *from)
{
    if (!from->data)
        return;
    c->copies[i] = xcalloc(from->len + 1, 1); /* not NULL where it is empty */
    memcpy(c->copies[i], from->data, from->len);
    *out = (struct nsm_bytes){ c->copies[i], from->len };
}

static void on_work(uv_work_t *work)
{
    struct nsm_call *c = work->data;
    (void)nsm_attest(&c->document, c->device, &c->fields, &c->error);
}

static void on_worked(uv_work_t *work, int status)
{
    (void)status; /* a cancelled one has no done */
    struct nsm_call *c = work->data;
    if (c->done)
        c->done(c->arg, c->error.code ? NULL : c->document.data, c->document.len, &c->error);
    for (size_t i = 0; i < 3; i++)
        free(c->copies[i]);
    buf_free(&c->document);
    free(c->device);
    free(c);
}

struct nsm_call *nsm_call_attest(uv_loop_t *loop, const char *device, const struct nsm_fields *fields,
                                 nsm_done_fn *done, void *arg)
{
    struct nsm_call *c = xcalloc(1, sizeof *c);
    c->device = xstrdup(device);
    c->done = done;
    c->arg = arg;
    c->work.data = c;
    copy(c, 0, &c->fields.user_data, &fields->user_data);
    copy(c, 1, &c->fields.nonce, &fields->nonce);
    copy(c, 2, &c->fields.public_key, &fields->public_key);
    int rc = uv_queue_work(loop, &c->work, on_work, on_worked);
    assert(rc == 0); /* it fails for a missing callback only */
    (void)rc;
    return c;
}

void nsm_call_free(struct nsm_call *c)
{
    if (!c)
        return;
    c->done = NULL;
    (void)uv_cancel((uv_req_t *)&c->work);
}
