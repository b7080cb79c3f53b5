#include "config/config.h"

#include <stdlib.h>
#include <string.h>

#include "config/keys.h"
#include "config/listen_addr.h"
#include "enclave/vsock.h"

#define AT(member) offsetof(struct config, member)
#define REQUIRED NULL
#define ABSENT ""

/* The one list of settings. A line here is a key of the file, a flag, an environment variable and a default; it wants a
 * member of struct config beside it and a row in docs/configuration.md. LIVE behind the last field: a running node
 * takes a change. */
static const struct key keys[] = {
    { "workerd_runtime_path", &kind_text, AT(workerd_runtime_path), 1, 0, 0, REQUIRED, "a path that is not empty" },
    { "common_chain_id", &kind_u64, AT(common_chain_id), 1, INT64_MAX, 1, REQUIRED, NULL },
    { "http_rpc_url", &kind_http_urls, AT(http_rpc_urls), 0, 0, 0, REQUIRED,
      "a URL http://HOST or https://HOST, or a list of 1 to 16 of them", LIVE },
    { "web_socket_url", &kind_ws_urls, AT(web_socket_urls), 0, 0, 0, REQUIRED,
      "a URL ws://HOST or wss://HOST, or a list of 1 to 16 of them", LIVE },
    { "executors_contract_addr", &kind_address, AT(executors_contract_addr), 0, 0, 0, REQUIRED,
      "a contract's address: 40 hex digits with or without 0x" },
    { "jobs_contract_addr", &kind_address, AT(jobs_contract_addr), 0, 0, 0, REQUIRED,
      "a contract's address: 40 hex digits with or without 0x" },
    { "code_contract_addr", &kind_address, AT(code_contract_addr), 0, 0, 0, REQUIRED,
      "a contract's address: 40 hex digits with or without 0x" },
    { "enclave_signer_file", &kind_text, AT(enclave_signer_file), 1, 0, 0, REQUIRED, "a path that is not empty" },
    { "execution_buffer_time", &kind_u64, AT(execution_buffer_time_s), 0, 86400, 1, REQUIRED, NULL },
    { "num_selected_executors", &kind_u64, AT(num_selected_executors), 1, 255, 1, REQUIRED, NULL },
    { "execution_env", &kind_env, AT(env_choice), 0, 255, 1, ABSENT, "null or an integer from 0 to 255" },
    { "max_output_bytes", &kind_u64, AT(max_output_bytes), 0, 16777216, 1, "90000", NULL },
    { "job_capacity", &kind_u32, AT(capacity), 1, CONFIG_CAPACITY_MAX, 1, "20", NULL },
    { "warm_workers", &kind_u32, AT(warm_workers), 0, CONFIG_CAPACITY_MAX, 1, "4", NULL },
    { "worker_memory_mb", &kind_u64, AT(worker_memory_bytes), 32, 65536, 1048576, "100", NULL },
    { "worker_cpu_quota_us", &kind_u32, AT(worker_cpu_quota_us), 1000, 1000000000, 1, "50000", NULL },
    { "worker_cpu_period_us", &kind_u32, AT(worker_cpu_period_us), 1000, 1000000, 1, "1000000", NULL },
    { "worker_pids_max", &kind_u32, AT(worker_pids_max), 8, 32768, 1, "32", NULL },
    { "cgroup_root", &kind_text, AT(cgroup_root), 1, 0, 0, ABSENT, "a path that is not empty" },
    { "state_dir", &kind_text, AT(state_dir), 1, 0, 0, ABSENT, "a path that is not empty" },
    { "sandbox_allow_degraded", &kind_text, AT(sandbox_allow_degraded), 0, 0, 0, "\"\"",
      "a text: names of sandbox layers with commas between" },
    { "egress", &kind_word, AT(egress_public), 0, 0, 0, "\"public\"", "\"public\" or \"none\"" },
    { "head_silence_seconds", &kind_u32, AT(head_silence_s), 1, 3600, 1, "30", NULL, LIVE },
    { "ledger_file", &kind_text, AT(ledger_file), 1, 0, 0, ABSENT, "a path that is not empty" },
    { "ledger_sync", &kind_word, AT(ledger_flush), 0, 0, 0, "\"normal\"", "\"full\" or \"normal\"" },
    { "persist_gas_key", &kind_bool, AT(persist_gas_key), 0, 0, 0, "true", "true or false" },
    { "code_cache_bytes", &kind_u64, AT(code_cache_bytes), 0, 17179869184, 1, "67108864", NULL },
    { "max_fee_per_gas_gwei", &kind_gwei, AT(max_fee_cap_wei), 0, 0, 0, "0", "a number from 0 to 1000000000", LIVE },
    { "callback_gas", &kind_u64, AT(callback_gas), 0, 100000000, 1, "1000000", NULL, LIVE },
    { "metrics_addr", &kind_listen_addr, AT(metrics_addr), 1, 0, 0, ABSENT, LISTEN_ADDR_EXPECTED },
    { "port", &kind_u32, AT(port), 0, 65535, 1, "6001", NULL },
    { "api_addr", &kind_ip, AT(api_addr), 1, 0, 0, "\"0.0.0.0\"", "an IPv4 or IPv6 address in numbers" },
    { "api_rate_limit", &kind_u32, AT(api_rate_limit), 0, 1000000, 1, "50", NULL, LIVE },
    { "api_rate_limit_total", &kind_u32, AT(api_rate_limit_total), 0, 1000000, 1, "500", NULL, LIVE },
    { "config_auth", &kind_word, AT(owner_configures), 0, 0, 0, "\"none\"", "\"owner\" or \"none\"" },
    { "owner", &kind_address, AT(owner), 0, 0, 0, ABSENT, "an address: 40 hex digits with or without 0x" },
    { "vsock_addr", &kind_vsock_addr, AT(vsock_addr), 1, 0, 0, ABSENT, VSOCK_EXPECTED },
    { "nsm_device", &kind_text, AT(nsm_device), 1, 0, 0, "\"/dev/nsm\"", "a path that is not empty" },
    { "attestation_user_data_file", &kind_text, AT(attestation_user_data_file), 1, 0, 0, ABSENT,
      "a path that is not empty" },
    { "log_format", &kind_choice, AT(log_format), 0, 0, 0, "\"logfmt\"", "\"logfmt\" or \"json\"", LIVE },
    { "log_level", &kind_choice, AT(log_level), 0, 0, 0, "\"info\"", "\"debug\", \"info\", \"warn\" or \"error\"",
      LIVE },
};
#define N_KEYS (sizeof keys / sizeof *keys)
_Static_assert(N_KEYS <= CONFIG_KEYS_MAX, "struct config keeps a value and an origin for each key");

const struct key *config_key_at(size_t i)
{
    return i < N_KEYS ? &keys[i] : NULL;
}

const struct key *config_key_named(const char *name, size_t len, size_t *index)
{
    for (size_t i = 0; i < N_KEYS; i++)
        if (strlen(keys[i].name) == len && memcmp(keys[i].name, name, len) == 0) {
            *index = i;
            return &keys[i];
        }
    return NULL;
}

void config_put_expected(struct buf *out, const struct key *k)
{
    if (k->expected)
        buf_puts(out, k->expected);
    else
        buf_printf(out, "an integer from %llu to %llu", (unsigned long long)k->min, (unsigned long long)k->max);
}

void *config_member(struct config *c, const struct key *k)
{
    return (char *)c + k->offset;
}

bool config_key_info(size_t i, struct config_key *out, struct buf *expected)
{
    if (i >= N_KEYS)
        return false;
    *out =
        (struct config_key){ keys[i].name, keys[i].fallback, keys[i].kind->form == FORM_LIST, keys[i].change == LIVE };
    if (expected)
        config_put_expected(expected, &keys[i]);
    return true;
}

void config_free(struct config *c)
{
    for (size_t i = 0; i < N_KEYS; i++) {
        if (keys[i].kind->release)
            keys[i].kind->release(&keys[i], config_member(c, &keys[i]));
        json_free(c->values[i]);
    }
    free(c->file);
    *c = (struct config){ 0 };
}
