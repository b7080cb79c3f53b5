/* The node's configuration: JSON file → struct config, every key checked (PROTOCOL.md "Command line and config"). */
#ifndef OYSTER_CONFIG_H
#define OYSTER_CONFIG_H

#include <stdbool.h>
#include <stdint.h>

#include "eth/address.h"
#include "eth/u256.h"
#include "util/err.h"

enum env_choice { ENV_DETECT, ENV_GENERATION_1, ENV_NUMBER };

/* All strings are owned. */
struct config {
    char *workerd_runtime_path;
    uint64_t common_chain_id;
    char **http_rpc_urls; /* at least one */
    size_t n_http_rpc_urls;
    char **web_socket_urls;
    size_t n_web_socket_urls;
    struct address executors_contract_addr, jobs_contract_addr, code_contract_addr;
    char *enclave_signer_file;
    uint64_t execution_buffer_time_s;
    uint64_t num_selected_executors;

    enum env_choice env_choice;
    uint8_t execution_env;         /* with ENV_NUMBER */
    uint64_t max_output_bytes;     /* 90,000 */
    uint32_t capacity;             /* job_capacity: 20 */
    uint32_t warm_workers;         /* 4 */
    uint64_t worker_memory_bytes;  /* worker_memory_mb in the file: 100 */
    uint32_t worker_cpu_quota_us;  /* 50,000 */
    uint32_t worker_cpu_period_us; /* 1,000,000 */
    uint32_t worker_pids_max;      /* 32 */
    char *cgroup_root;             /* NULL = found */
    char *state_dir;               /* NULL = a folder of its own under the run-time directory */
    char *sandbox_allow_degraded;  /* "" */
    bool egress_public;            /* egress: "public" (default) or "none" */
    uint64_t code_cache_bytes;     /* 64 MiB */
    struct u256 max_fee_cap_wei;   /* max_fee_per_gas_gwei: 0 = none */
    uint64_t callback_gas;         /* 1,000,000 */
};

/* Reads and checks a file. Returns 0, or a negative errno with one line: file, key, what was found, what was expected.
 * On failure *out holds nothing. */
int config_load(struct config *out, const char *path, struct err *e);

/* The same from text; name stands for the file in messages. Pure. */
int config_parse(struct config *out, const char *name, const char *text, size_t len, struct err *e);

void config_free(struct config *c);

#endif
