/* What a Nitro Secure Module answers to a request: CBOR in, CBOR out, as AWS's nsm-api has them. */
#ifndef OYSTER_DEVNET_MODULE_H
#define OYSTER_DEVNET_MODULE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "hypervisor.h"
#include "util/buf.h"

struct module {
    const struct hypervisor *hypervisor;
    const char *mood_file; /* holds "error NAME" or "delay MS" for a module that is not well; NULL = always well */
};

/* Puts the response to a request of len bytes into out, at most room bytes. False: not even an error fits. */
bool module_answer(struct buf *out, const struct module *m, const uint8_t *request, size_t len, size_t room);

#endif
