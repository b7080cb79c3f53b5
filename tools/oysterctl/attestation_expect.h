/* What the command line expects of an attestation document. */
#ifndef OYSTERCTL_ATTESTATION_EXPECT_H
#define OYSTERCTL_ATTESTATION_EXPECT_H

#include "enclave/attestation.h"
#include "enclave/eif.h"
#include "options.h"
#include "util/buf.h"
#include "util/err.h"

struct ctl;

#define EXPECT_PCRS 5 /* that can be named alone: 0, 1, 2, 8, 16 */

/* The expectations with the storage that the policy borrows from. */
struct expect {
    struct attestation_policy policy;
    uint8_t root[P384_PUBLIC_BYTES];
    uint8_t pcrs[EXPECT_PCRS][SHA384_BYTES];
    uint8_t image_id[32];
    struct buf eif, public_key, user_data, nonce;
    struct eif_measurements measured; /* of --eif */
};

/* The options, for the table of the command that takes them; ended by {0}. */
extern const struct option_def expect_options[];

/* Reads them. node_key: the 64 bytes that a node says are its own, expected where no --public-key is given; NULL: none.
 * nonce: what was asked for, likewise. Free with expect_free in any case. */
int expect_read(struct expect *out, struct ctl *c, const uint8_t *node_key, const struct buf *nonce, struct err *e);
void expect_free(struct expect *x);

#endif
