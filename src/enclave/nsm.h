/* The Nitro Secure Module: a device that every Nitro enclave has, which signs attestation documents. One ioctl carries
 * a CBOR request in and a CBOR response out (as AWS's nsm-api has them). The functions here may block for as long as
 * the device does; nsm_call.h runs them beside the loop. */
#ifndef OYSTER_ENCLAVE_NSM_H
#define OYSTER_ENCLAVE_NSM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <sys/uio.h>

#include "util/buf.h"
#include "util/err.h"

#define NSM_REQUEST_MAX ((size_t)0x1000)
#define NSM_RESPONSE_MAX ((size_t)0x3000)
#define NSM_USER_DATA_MAX 512
#define NSM_NONCE_MAX 512
#define NSM_PUBLIC_KEY_MAX 1024

/* The argument of the ioctl; response.iov_len is the room, and afterwards what was written. */
struct nsm_message {
    struct iovec request, response;
};
#define NSM_IOCTL _IOWR(0x0a, 0, struct nsm_message)

/* Bytes of a document that the caller chooses; data NULL = null. */
struct nsm_bytes {
    const uint8_t *data;
    size_t len;
};

struct nsm_fields {
    struct nsm_bytes user_data, nonce, public_key;
};

/* A new attestation document, appended to out. device: /dev/nsm in an enclave. Returns 0 or a negative errno with one
 * line in e: -ENODEV where there is no device, -EMSGSIZE for what is too long to ask for, -EPROTO for a response that
 * is none, -EIO for an error that the module names (its name is in the line). */
int nsm_attest(struct buf *out, const char *device, const struct nsm_fields *fields, struct err *e);

/* Its request and its response as bytes. Pure. Reading appends the document to out; on failure it is as before. */
void nsm_put_attest(struct buf *out, const struct nsm_fields *fields);
int nsm_read_attest(struct buf *out, const uint8_t *response, size_t len, struct err *e);

#endif
