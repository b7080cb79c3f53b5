/* The HTTP API of docs/api.md on an http_server. It holds no state of the node: everything is asked of the node through
 * struct api_ops. The one secret that passes through, the gas key, is overwritten here as soon as the node has
 * answered for it. */
#ifndef OYSTER_API_ROUTES_H
#define OYSTER_API_ROUTES_H

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#include "eth/address.h"
#include "eth/key.h"
#include "util/err.h"

struct api;

/* Who the node is. */
struct api_identity {
    struct address enclave_address;
    uint8_t enclave_pubkey[64];
    bool has_owner, has_gas_key;
    struct address owner;       /* with has_owner */
    struct address gas_address; /* with has_gas_key */
    bool owner_signs;           /* a gas key needs the owner's signature (config_auth) */
};

/* An owner's word for a gas key. */
struct api_gas_key_word {
    struct address gas_address;
    uint64_t sign_timestamp_s;
    struct signature signature;
};

/* What an owner takes to the Executors contract: the signature is over eip712_register of these and the owner. */
struct api_registration {
    uint32_t job_capacity;
    int env; /* -1: generation 1 */
    uint64_t sign_timestamp_s;
    struct signature signature;
};

/* Outcome of set_gas_key: error is NULL, or one line (borrowed) that says why the nonce could not be fetched. */
typedef void api_gas_key_done_fn(void *done_arg, const char *error);

/* A new attestation document (borrowed for the call), or NULL with why saying what is wrong: code -ENODEV where there
 * is no device that makes them. */
typedef void api_attested_fn(void *done_arg, const uint8_t *document, size_t len, const struct err *why);

/* What the API asks of the node; all are called on the loop, with the arg of api_new. None is optional. */
struct api_ops {
    void (*identity)(void *arg, struct api_identity *out);

    /* Called at most once with success: sets the owner for the node's life. */
    void (*set_owner)(void *arg, const struct address *owner);

    /* Opens a gas key that was encrypted to the enclave key; out holds nothing on failure. Returns 0, or a negative
     * errno with e saying why it cannot be read. */
    int (*open_gas_key)(void *arg, struct seckey *out, const uint8_t *sealed, size_t len, struct err *e);

    /* With owner_signs, and the owner known: whether the owner has signed for this gas key, now and not before. One
     * that is accepted is used up. Returns 0, or a negative errno with e saying what is wrong. */
    int (*accept_word)(void *arg, const struct api_gas_key_word *word, struct err *e);

    /* Fetches the nonce of key's address and, with it, makes key (copy it) the gas key in place of an older one. done
     * is called exactly once, never from inside, unless cancel_gas_key comes first. The next call may come from inside
     * done; there is never more than one under way. */
    void (*set_gas_key)(void *arg, const struct seckey *key, api_gas_key_done_fn *done, void *done_arg);

    /* Ends the call under way without done. Only from api_free. */
    void (*cancel_gas_key)(void *arg);

    /* Owner and gas key are there: signs a registration with the present time and begins to listen for the event that
     * it leads to. Returns 0, or a negative errno with e saying what is not known yet. */
    int (*sign_registration)(void *arg, struct api_registration *out, struct err *e);

    /* Has a document made for the node's identity and this nonce (copy it; len 0 = none). done is called exactly once,
     * never from inside, unless cancel_attest comes first. The next call may come from inside done; there is never more
     * than one under way. */
    void (*attest)(void *arg, const uint8_t *nonce, size_t len, api_attested_fn *done, void *done_arg);

    /* Ends the call under way without done. Only from api_free. */
    void (*cancel_attest)(void *arg);
};

/* Begins to serve on address and port (0 = any free one). ops is copied. Returns NULL with e as http_server_new. */
struct api *api_new(uv_loop_t *loop, const char *address, uint16_t port, const struct api_ops *ops, void *arg,
                    struct err *e);

/* Serves on one more listening socket, as http_server_listen. */
int api_listen(struct api *a, int fd, struct err *e);

/* Requests a second, of one peer and in total; 0 (as it begins) = any number. More are answered with 429. */
void api_set_rate_limit(struct api *a, uint32_t per_peer, uint32_t total);

/* The port listened on. */
uint16_t api_port(const struct api *a);

/* Stops serving; what is under way is cancelled. NULL allowed. Not from inside an op. */
void api_free(struct api *a);

#endif
