/* Documents over HTTP, for whatever key asks, as Oyster's attestation server gives them to what runs in an enclave:
 * GET /attestation/raw, GET /attestation/hex ?public_key=HEX&user_data=HEX&nonce=HEX (no 0x). As a hypervisor may run
 * any image at any time, &pcr0= &pcr1= &pcr2= (HEX) and &timestamp_ms= (decimal) say others. For tests, whose executors
 * need not be processes. */
#ifndef OYSTER_DEVNET_SERVER_H
#define OYSTER_DEVNET_SERVER_H

#include "api/http_server.h"

/* An http_handler_fn; arg: the struct hypervisor. */
void server_request(void *arg, const struct http_server_request *req, struct http_reply *reply);

#endif
