/* One attestation document from the Nitro Secure Module, fetched beside the loop: on a thread, since the device may
 * block. */
#ifndef OYSTER_ENCLAVE_NSM_CALL_H
#define OYSTER_ENCLAVE_NSM_CALL_H

#include <stdint.h>
#include <uv.h>

#include "enclave/nsm.h"
#include "util/err.h"

struct nsm_call;

/* The document (borrowed for the call), or NULL with why set as nsm_attest does. Called once, from the loop; the call
 * is gone then. */
typedef void nsm_done_fn(void *arg, const uint8_t *document, size_t len, const struct err *why);

/* Begins; everything in fields is copied. Never calls done from inside. */
struct nsm_call *nsm_call_attest(uv_loop_t *loop, const char *device, const struct nsm_fields *fields,
                                 nsm_done_fn *done, void *arg);

/* Ends it without done; the loop still waits for a device that has been asked. NULL allowed. */
void nsm_call_free(struct nsm_call *c);

#endif
