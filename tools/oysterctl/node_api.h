/* The node's HTTP API, as the owner asks it. */
#ifndef OYSTERCTL_NODE_API_H
#define OYSTERCTL_NODE_API_H

#include <stdint.h>

#include "eth/address.h"
#include "util/buf.h"
#include "util/err.h"

struct ctl;

/* GET /executor-details. Zero addresses: not configured. */
struct node_details {
    struct address enclave, owner, gas;
    uint8_t enclave_pubkey[64];
};
int node_details(struct node_details *out, struct ctl *c, struct err *e);

/* Posts a JSON body. answer: appended with what came back, *status: its HTTP status, whatever it is. Returns 0, or an
 * error where nothing came back. */
int node_post(struct buf *answer, int *status, struct ctl *c, const char *path, const struct buf *body, struct err *e);

/* GET /signed-registration-message. env: -1 in generation 1. */
struct node_registration {
    uint64_t job_capacity, sign_timestamp_s;
    struct address owner;
    uint8_t signature[65];
    int env;
};
int node_registration(struct node_registration *out, struct ctl *c, struct err *e);

/* The enclave that a command is about: --enclave, else the node's. */
int ctl_enclave(struct address *out, struct ctl *c, struct err *e);

#endif
