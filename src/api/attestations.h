/* GET /attestation/raw and /attestation/hex: asks for documents, one at a time, and answers. */
#ifndef OYSTER_API_ATTESTATIONS_H
#define OYSTER_API_ATTESTATIONS_H

#include "api/http_server.h"
#include "api/routes.h"

struct attestations;

/* Uses the attest and cancel_attest of ops (borrowed) with arg. */
struct attestations *attestations_new(const struct api_ops *ops, void *arg);

/* Answers a request; its query may hold nonce=<hex>. hex: the document as hex text without 0x, else as bytes. */
void attestations_get(struct attestations *a, const struct http_server_request *req, bool hex,
                      struct http_reply *reply);

/* Cancels what is under way; nothing is answered any more. NULL allowed. */
void attestations_free(struct attestations *a);

#endif
