/* Any text as a config: accepted ones keep every promise of config.h, refused ones leave nothing and say one line. */
#include <assert.h>
#include <string.h>

#include "config/config.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_accepted(const struct config *c)
{
    assert(c->workerd_runtime_path && *c->workerd_runtime_path);
    assert(c->enclave_signer_file && *c->enclave_signer_file);
    assert(c->n_http_rpc_urls >= 1 && c->n_http_rpc_urls <= CONFIG_URLS_MAX);
    assert(c->n_web_socket_urls >= 1 && c->n_web_socket_urls <= CONFIG_URLS_MAX);
    for (size_t i = 0; i < c->n_http_rpc_urls; i++)
        assert(strncasecmp(c->http_rpc_urls[i], "http", 4) == 0);
    for (size_t i = 0; i < c->n_web_socket_urls; i++)
        assert(strncasecmp(c->web_socket_urls[i], "ws", 2) == 0);
    assert(!address_is_zero(&c->jobs_contract_addr));
    assert(c->common_chain_id >= 1);
    assert(c->num_selected_executors >= 1 && c->num_selected_executors <= 255);
    assert(c->capacity >= 1 && c->warm_workers <= c->capacity);
    assert(c->sandbox_allow_degraded);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct config c;
    struct err e = { 0 };
    if (config_parse(&c, "f", (const char *)data, size, NULL, &e) == 0) {
        assert(e.code == 0);
        check_accepted(&c);
        config_free(&c);
    } else {
        static const struct config nothing;
        assert(e.code < 0 && strncmp(e.msg, "f: ", 3) == 0 && !strchr(e.msg, '\n'));
        assert(memcmp(&c, &nothing, sizeof c) == 0);
    }
    return 0;
}
