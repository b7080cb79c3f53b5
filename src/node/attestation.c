/* Attestation documents: what this node has the enclave's module sign (docs/api.md "What a document says"). */
#include "config/config.h"
#include "enclave/nsm_call.h"
#include "node/internal.h"
#include "util/clock.h"
#include "util/file.h"
#include "util/log.h"

int node_load_user_data(struct node *n, struct err *e)
{
    const char *path = n->config->attestation_user_data_file;
    if (!path)
        return 0;
    return file_read(&n->user_data, path, NSM_USER_DATA_MAX, e) < 0 ? err_wrap(e, "attestation_user_data_file") : 0;
}

static void on_document(void *arg, const uint8_t *document, size_t len, const struct err *why)
{
    struct node *n = arg;
    n->nsm_call = NULL;
    if (document) {
        n->attested = true;
        n->attested_ms = clock_mono_ms();
        log_info("attested", F_U64("bytes", len));
    }
    n->attested_done(n->attested_arg, document, len, why);
}

void node_attest(void *arg, const uint8_t *nonce, size_t len, api_attested_fn *done, void *done_arg)
{
    struct node *n = arg;
    uint8_t hash[CONFIG_HASH_BYTES];
    bool given = n->config->attestation_user_data_file != NULL;
    if (!given)
        config_hash(hash, n->config);
    struct nsm_fields fields = {
        .user_data = { given ? n->user_data.data : hash, given ? n->user_data.len : sizeof hash },
        .nonce = { len ? nonce : NULL, len },
        .public_key = { n->enclave_key->pubkey, sizeof n->enclave_key->pubkey },
    };
    n->attested_done = done;
    n->attested_arg = done_arg;
    n->nsm_call = nsm_call_attest(n->loop, n->config->nsm_device, &fields, on_document, n);
}

void node_cancel_attest(void *arg)
{
    struct node *n = arg;
    nsm_call_free(n->nsm_call);
    n->nsm_call = NULL;
}
