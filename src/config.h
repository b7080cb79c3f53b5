/* The node's configuration: JSON file → struct config, every key checked (PROTOCOL.md "Command line and config").
 *
 * Required keys: workerd_runtime_path, common_chain_id, http_rpc_url, web_socket_url (a URL or a list of URLs, the
 * first is preferred), executors_contract_addr, jobs_contract_addr, code_contract_addr, enclave_signer_file,
 * execution_buffer_time (seconds), num_selected_executors. All others are optional; their defaults stand beside the
 * members below and in docs/configuration.md. The table in config.c is the one list of keys. */
#ifndef OYSTER_CONFIG_H
#define OYSTER_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "eth/address.h"
#include "eth/u256.h"
#include "util/buf.h"
#include "util/err.h"

#define CONFIG_FILE_MAX ((size_t)1024 * 1024)
#define CONFIG_URLS_MAX 16

/* execution_env: absent / null / 0 to 255. */
enum env_choice { ENV_DETECT, ENV_GENERATION_1, ENV_NUMBER };

/* All strings are owned. A comment names the key where it differs from the member, and the default. */
struct config {
    char *workerd_runtime_path;
    uint64_t common_chain_id;
    char **http_rpc_urls; /* http_rpc_url; at least one */
    size_t n_http_rpc_urls;
    char **web_socket_urls; /* web_socket_url; at least one */
    size_t n_web_socket_urls;
    struct address executors_contract_addr, jobs_contract_addr, code_contract_addr;
    char *enclave_signer_file;
    uint64_t execution_buffer_time_s; /* execution_buffer_time */
    uint64_t num_selected_executors;

    enum env_choice env_choice;    /* execution_env; ENV_DETECT */
    uint8_t execution_env;         /* with ENV_NUMBER */
    uint64_t max_output_bytes;     /* 90,000 */
    uint32_t capacity;             /* job_capacity; 20 */
    uint32_t warm_workers;         /* 4, or the capacity where that is less */
    uint64_t worker_memory_bytes;  /* worker_memory_mb; 100 MiB */
    uint32_t worker_cpu_quota_us;  /* 50,000 */
    uint32_t worker_cpu_period_us; /* 1,000,000 */
    uint32_t worker_pids_max;      /* 32 */
    char *cgroup_root;             /* NULL = found */
    char *state_dir;               /* NULL = a folder of its own under the run-time directory */
    char *sandbox_allow_degraded;  /* "" */
    bool egress_public;            /* egress: "public" (default) or "none" */
    uint32_t head_silence_s;       /* head_silence_seconds; 30 */
    char *ledger_file;           /* NULL = /var/lib/oyster-serverless-executor/<enclave address>.db, see state_dir.h */
    bool ledger_flush;           /* ledger_sync: "full" flushes each commit to the disk, "normal" (default) does not */
    bool persist_gas_key;        /* true: the gas key is kept in the ledger, sealed for this enclave key */
    uint64_t code_cache_bytes;   /* 64 MiB */
    struct u256 max_fee_cap_wei; /* max_fee_per_gas_gwei; 0 = none */
    uint64_t callback_gas;       /* 1,000,000 */
    char *metrics_addr;          /* "HOST:PORT" or "off"; NULL = 127.0.0.1:9001 where that is free */
};

/* Reads and checks a file of at most CONFIG_FILE_MAX bytes. Returns 0, or a negative errno with one line: file, key,
 * what was found, what was expected. On failure *out holds nothing. */
int config_load(struct config *out, const char *path, struct err *e);

/* The same from text; name stands for the file in messages. Pure. */
int config_parse(struct config *out, const char *name, const char *text, size_t len, struct err *e);

/* Releases the strings. A {0} config is allowed. */
void config_free(struct config *c);

/* The i-th key as documentation shows it; false behind the last. expected is appended to ("an integer from 0 to 255");
 * fallback: the default as JSON text, NULL for a required key, "" where the absence itself is the default. */
bool config_key_info(size_t i, const char **name, const char **fallback, struct buf *expected);

#endif
