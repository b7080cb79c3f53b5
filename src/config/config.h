/* The node's configuration: flags, environment, JSON file → struct config, every key checked.
 *
 * Required keys: workerd_runtime_path, common_chain_id, http_rpc_url, web_socket_url (a URL or a list of URLs, all
 * of them used), executors_contract_addr, jobs_contract_addr, code_contract_addr, enclave_signer_file,
 * execution_buffer_time (seconds), num_selected_executors. All others are optional; their defaults stand beside the
 * members below and in docs/configuration.md. The table in config.c is the one list of keys.
 *
 * Each key may be given as a flag (--job-capacity 5), in the environment (OYSTER_EXECUTOR_JOB_CAPACITY=5), in the file
 * (job_capacity), or is its default: the first of these wins. A list is written with commas between, or its flag is
 * given several times. */
#ifndef OYSTER_CONFIG_CONFIG_H
#define OYSTER_CONFIG_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "eth/address.h"
#include "eth/u256.h"
#include "util/buf.h"
#include "util/err.h"
#include "util/log.h"

struct json;

#define CONFIG_FILE_MAX ((size_t)1024 * 1024)
#define CONFIG_URLS_MAX 16
#define CONFIG_KEYS_MAX 64
#define CONFIG_CAPACITY_MAX 500 /* job_capacity; as many slots as the pool can have */
#define CONFIG_FILE_DEFAULT "./oyster_serverless_executor_config.json"
#define CONFIG_METRICS_ADDR_DEFAULT "127.0.0.1:9001"
#define CONFIG_ENVIRONMENT_PREFIX "OYSTER_EXECUTOR_"

/* execution_env: absent / null / 0 to 255. */
enum env_choice { ENV_DETECT, ENV_GENERATION_1, ENV_NUMBER };

/* Who gave a setting, the weakest first. */
enum config_origin { CONFIG_DEFAULT, CONFIG_FILE, CONFIG_ENVIRONMENT, CONFIG_FLAG };

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
    uint32_t port;               /* of the HTTP API; 6001, 0 = any free one */
    char *api_addr;              /* "0.0.0.0" */
    bool owner_configures;       /* config_auth: "owner", or "none" (default): who may set the gas key */
    uint32_t api_rate_limit;     /* requests a second of one peer; 50, 0 = any number */
    uint32_t api_rate_limit_total;    /* of all peers; 500, 0 = any number */
    struct address owner;             /* zero = the first that is told to the API */
    char *vsock_addr;                 /* "CID:PORT": the HTTP API there as well; NULL = not */
    char *nsm_device;                 /* "/dev/nsm" */
    char *attestation_user_data_file; /* NULL = documents carry config_hash as their user data */
    enum log_format log_format;       /* "logfmt" */
    enum log_level log_level;         /* "info" */

    /* where it all came from, in the order of the table of keys */
    char *file;                           /* path of the file, as given */
    struct json *values[CONFIG_KEYS_MAX]; /* in effect; NULL = absent */
    enum config_origin origins[CONFIG_KEYS_MAX];
};

/* A setting of the command line, in its order; a list may come several times. Borrowed. */
struct config_flag {
    size_t key; /* index in the table of keys */
    const char *text;
};

/* Where settings are read from. Everything is borrowed. */
struct config_sources {
    const char *file; /* NULL: what the variable OYSTER_EXECUTOR_CONFIG_FILE names, else CONFIG_FILE_DEFAULT, which
                         need not exist where the rest gives all that is required */
    char *const *environment; /* as environ; NULL = none */
    const struct config_flag *flags;
    size_t n_flags;
};

/* Reads and checks them all; a value is checked also where a stronger one stands in its place. A file has at most
 * CONFIG_FILE_MAX bytes. Returns 0, or a negative errno with one line: where, key, what was found, what was expected.
 * On failure *out holds nothing. */
int config_load(struct config *out, const struct config_sources *from, struct err *e);

/* The same from the text of a file, whose name messages use; sources->file is not read. sources: NULL = the text alone.
 * Pure. */
int config_parse(struct config *out, const char *name, const char *text, size_t len,
                 const struct config_sources *sources, struct err *e);

/* Every optional key at its default; what belongs to required keys is empty. Free it with config_free. */
void config_defaults(struct config *out);

/* Releases what it owns. A {0} config is allowed. */
void config_free(struct config *c);

/* Takes over from fresh, which was read from the same sources, what the table calls live; changed is called for each
 * key that differs: live, and c has the new value, or not, and c keeps its own until a restart. */
typedef void config_changed_fn(void *arg, const char *key, bool live);
void config_reload(struct config *c, const struct config *fresh, config_changed_fn *changed, void *arg);

/* A key as documentation and the command line see it. */
struct config_key {
    const char *name;
    const char *fallback; /* the default as JSON text, NULL for a required key, "" where the absence is the default */
    bool list;            /* its flag may come several times */
    bool live;            /* a running node takes a change (SIGHUP) */
};

/* The i-th key; false behind the last. expected (NULL allowed) is appended to: "an integer from 0 to 255". */
bool config_key_info(size_t i, struct config_key *out, struct buf *expected);

/* Appends a key's name as a flag: "job_capacity" is --job-capacity. */
void config_put_flag_name(struct buf *out, const char *key);

/* Checks one flag's value: what cli_parse needs to refuse it as a matter of the command line. Returns 0, or -EINVAL
 * with "--job-capacity: found 0, expected …". */
int config_check_flag(const struct config_flag *flag, struct err *e);

/* The i-th setting in effect; false behind the last. value (JSON; nothing where it is absent) and origin ("file
 * c.json", "flag --port") are appended to. Credentials, paths and queries of URLs are left out. */
bool config_setting(size_t i, const struct config *c, const char **name, struct buf *value, struct buf *origin);

/* SHA-256 of the settings in effect as one JSON object {"key":value,…}: keys in the order of their bytes, no white
 * space, absent keys left out, values as config_setting shows them. What attestation documents carry as user data. */
#define CONFIG_HASH_BYTES 32
void config_hash(uint8_t out[CONFIG_HASH_BYTES], const struct config *c);

/* Appends the settings in effect with their origins: a line each, or one JSON object {"key":{"value":…,"origin":"…"}},
 * in an empty buffer. */
void config_show(struct buf *out, const struct config *c, bool json);

#endif
