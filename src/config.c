#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "listen_addr.h"
#include "util/cleanup.h"
#include "util/json.h"
#include "util/nearest.h"

#define FOUND_MAX 60 /* bytes of a value that a message quotes */
#define WEI_PER_GWEI 1e9

struct key;

/* Reads v into the member at `field`. Returns 0, or -EINVAL where v is not what the key expects; why is set when there
 * is more to say than the value itself. */
typedef int read_fn(const struct key *k, void *field, const struct json *v, struct err *why);

static read_fn read_text, read_url_list, read_address, read_u64, read_u32, read_env, read_word, read_bool, read_gwei,
    read_listen_addr;

/* One key. min and max bound integers and, for texts, min is the least length; unit multiplies an integer. */
struct key {
    const char *name;
    read_fn *read;
    size_t offset;
    uint64_t min, max, unit;
    const char *fallback; /* JSON text; NULL = required; "" = absence leaves the zero value */
    const char *expected; /* NULL = an integer from min to max */
};

#define AT(member) offsetof(struct config, member)
#define REQUIRED NULL
#define ABSENT ""

static const struct key keys[] = {
    { "workerd_runtime_path", read_text, AT(workerd_runtime_path), 1, 0, 0, REQUIRED, "a path that is not empty" },
    { "common_chain_id", read_u64, AT(common_chain_id), 1, INT64_MAX, 1, REQUIRED, NULL },
    { "http_rpc_url", read_url_list, AT(http_rpc_urls), 0, 0, 0, REQUIRED,
      "a URL http://HOST or https://HOST, or a list of 1 to 16 of them" },
    { "web_socket_url", read_url_list, AT(web_socket_urls), 0, 0, 0, REQUIRED,
      "a URL ws://HOST or wss://HOST, or a list of 1 to 16 of them" },
    { "executors_contract_addr", read_address, AT(executors_contract_addr), 0, 0, 0, REQUIRED,
      "a contract's address: 40 hex digits with or without 0x" },
    { "jobs_contract_addr", read_address, AT(jobs_contract_addr), 0, 0, 0, REQUIRED,
      "a contract's address: 40 hex digits with or without 0x" },
    { "code_contract_addr", read_address, AT(code_contract_addr), 0, 0, 0, REQUIRED,
      "a contract's address: 40 hex digits with or without 0x" },
    { "enclave_signer_file", read_text, AT(enclave_signer_file), 1, 0, 0, REQUIRED, "a path that is not empty" },
    { "execution_buffer_time", read_u64, AT(execution_buffer_time_s), 0, 86400, 1, REQUIRED, NULL },
    { "num_selected_executors", read_u64, AT(num_selected_executors), 1, 255, 1, REQUIRED, NULL },
    { "execution_env", read_env, AT(env_choice), 0, 255, 1, ABSENT, "null or an integer from 0 to 255" },
    { "max_output_bytes", read_u64, AT(max_output_bytes), 0, 16777216, 1, "90000", NULL },
    { "job_capacity", read_u32, AT(capacity), 1, 1000, 1, "20", NULL },
    { "warm_workers", read_u32, AT(warm_workers), 0, 1000, 1, "4", NULL },
    { "worker_memory_mb", read_u64, AT(worker_memory_bytes), 32, 65536, 1048576, "100", NULL },
    { "worker_cpu_quota_us", read_u32, AT(worker_cpu_quota_us), 1000, 1000000000, 1, "50000", NULL },
    { "worker_cpu_period_us", read_u32, AT(worker_cpu_period_us), 1000, 1000000, 1, "1000000", NULL },
    { "worker_pids_max", read_u32, AT(worker_pids_max), 8, 32768, 1, "32", NULL },
    { "cgroup_root", read_text, AT(cgroup_root), 1, 0, 0, ABSENT, "a path that is not empty" },
    { "state_dir", read_text, AT(state_dir), 1, 0, 0, ABSENT, "a path that is not empty" },
    { "sandbox_allow_degraded", read_text, AT(sandbox_allow_degraded), 0, 0, 0, "\"\"",
      "a text: names of sandbox layers with commas between" },
    { "egress", read_word, AT(egress_public), 0, 0, 0, "\"public\"", "\"public\" or \"none\"" },
    { "head_silence_seconds", read_u32, AT(head_silence_s), 1, 3600, 1, "30", NULL },
    { "ledger_file", read_text, AT(ledger_file), 1, 0, 0, ABSENT, "a path that is not empty" },
    { "ledger_sync", read_word, AT(ledger_flush), 0, 0, 0, "\"normal\"", "\"full\" or \"normal\"" },
    { "persist_gas_key", read_bool, AT(persist_gas_key), 0, 0, 0, "true", "true or false" },
    { "code_cache_bytes", read_u64, AT(code_cache_bytes), 0, 17179869184, 1, "67108864", NULL },
    { "max_fee_per_gas_gwei", read_gwei, AT(max_fee_cap_wei), 0, 0, 0, "0", "a number from 0 to 1000000000" },
    { "callback_gas", read_u64, AT(callback_gas), 0, 100000000, 1, "1000000", NULL },
    { "metrics_addr", read_listen_addr, AT(metrics_addr), 1, 0, 0, ABSENT, LISTEN_ADDR_EXPECTED },
};
#define N_KEYS (sizeof keys / sizeof *keys)

static const char *key_name(size_t i)
{
    return i < N_KEYS ? keys[i].name : NULL;
}

static const struct key *key_find(const char *name)
{
    for (size_t i = 0; i < N_KEYS; i++)
        if (strcmp(keys[i].name, name) == 0)
            return &keys[i];
    return NULL;
}

static void put_expected(struct buf *out, const struct key *k)
{
    if (k->expected)
        buf_puts(out, k->expected);
    else
        buf_printf(out, "an integer from %llu to %llu", (unsigned long long)k->min, (unsigned long long)k->max);
}

bool config_key_info(size_t i, const char **name, const char **fallback, struct buf *expected)
{
    if (i >= N_KEYS)
        return false;
    *name = keys[i].name;
    *fallback = keys[i].fallback;
    put_expected(expected, &keys[i]);
    return true;
}

/* ---- readers ---- */

static int read_text(const struct key *k, void *field, const struct json *v, struct err *why)
{
    size_t len;
    const char *s = json_str(v, &len);
    if (!s || len < k->min)
        return -EINVAL;
    if (memchr(s, 0, len))
        return err_set(why, -EINVAL, "a text with a NUL character in it");
    *(char **)field = xstrdup(s);
    return 0;
}

static int read_u64(const struct key *k, void *field, const struct json *v, struct err *why)
{
    (void)why;
    uint64_t n;
    if (!json_u64(v, &n) || n < k->min || n > k->max)
        return -EINVAL;
    *(uint64_t *)field = n * k->unit;
    return 0;
}

static int read_u32(const struct key *k, void *field, const struct json *v, struct err *why)
{
    uint64_t n;
    if (read_u64(k, &n, v, why) < 0)
        return -EINVAL;
    *(uint32_t *)field = (uint32_t)n;
    return 0;
}

static int read_address(const struct key *k, void *field, const struct json *v, struct err *why)
{
    (void)k;
    size_t len;
    const char *s = json_str(v, &len);
    struct err reason = { 0 };
    if (!s)
        return -EINVAL;
    if (address_parse(field, s, len, &reason) < 0)
        return err_set(why, -EINVAL, "a bad address (%s)", reason.msg);
    if (address_is_zero(field))
        return err_set(why, -EINVAL, "the zero address");
    return 0;
}

static int read_env(const struct key *k, void *field, const struct json *v, struct err *why)
{
    struct config *c = (struct config *)(void *)((char *)field - AT(env_choice));
    uint64_t n = 0;
    if (json_kind(v) == JSON_KIND_NULL) {
        c->env_choice = ENV_GENERATION_1;
        return 0;
    }
    if (read_u64(k, &n, v, why) < 0)
        return -EINVAL;
    c->env_choice = ENV_NUMBER;
    c->execution_env = (uint8_t)n;
    return 0;
}

/* One of the two words that `expected` quotes; the first is true. */
static int read_word(const struct key *k, void *field, const struct json *v, struct err *why)
{
    (void)why;
    char yes[16], no[16];
    const char *s = json_str(v, NULL);
    if (!s || sscanf(k->expected, "\"%15[a-z]\" or \"%15[a-z]\"", yes, no) != 2)
        return -EINVAL;
    *(bool *)field = strcmp(s, yes) == 0;
    return *(bool *)field || strcmp(s, no) == 0 ? 0 : -EINVAL;
}

static int read_bool(const struct key *k, void *field, const struct json *v, struct err *why)
{
    (void)k, (void)why;
    if (json_kind(v) != JSON_KIND_BOOL)
        return -EINVAL;
    *(bool *)field = json_bool(v, false);
    return 0;
}

/* A fraction is allowed: chains of the second layer count their fees in hundredths of a gwei. */
static int read_gwei(const struct key *k, void *field, const struct json *v, struct err *why)
{
    (void)k, (void)why;
    double gwei;
    if (!json_f64(v, &gwei) || !(gwei >= 0) || gwei > 1e9)
        return -EINVAL;
    *(struct u256 *)field = u256_from_u64((uint64_t)llround(gwei * WEI_PER_GWEI));
    return 0;
}

static int read_listen_addr(const struct key *k, void *field, const struct json *v, struct err *why)
{
    int rc = read_text(k, field, v, why);
    if (rc == 0 && !listen_addr_ok(*(char **)field))
        rc = -EINVAL;
    return rc;
}

/* ---- URLs: messages never quote one, because it may carry a provider's key ---- */

static bool port_ok(const char *s)
{
    size_t n = strspn(s, "0123456789");
    unsigned long port = strtoul(s, NULL, 10);
    return n > 0 && n <= 5 && s[n] == 0 && port > 0 && port <= 65535;
}

/* authority: what stands between "//" and the path, NUL-terminated. */
static int check_authority(const char *authority, struct err *why)
{
    const char *at = strrchr(authority, '@');
    const char *host = at ? at + 1 : authority;
    const char *end;
    if (*host == '[') {
        end = strchr(host, ']');
        if (!end || end == host + 1 || (end[1] && end[1] != ':'))
            return err_set(why, -EINVAL, "a URL with a broken [IPv6] host");
        end++;
    } else {
        end = host + strcspn(host, ":");
        if (end == host)
            return err_set(why, -EINVAL, "a URL without a host");
    }
    if (*end == ':' && !port_ok(end + 1))
        return err_set(why, -EINVAL, "a URL whose port is not a number from 1 to 65535");
    return 0;
}

static int check_url(const char *url, size_t len, const char *scheme, struct err *why)
{
    for (size_t i = 0; i < len; i++)
        if ((unsigned char)url[i] <= ' ' || (unsigned char)url[i] >= 0x7f)
            return err_set(why, -EINVAL, "a URL with a blank, control or non-ASCII character in it");
    const char *rest = strstr(url, "://");
    if (!rest)
        return err_set(why, -EINVAL, "a text without a scheme (%s:// or %ss://)", scheme, scheme);
    size_t n = (size_t)(rest - url), want = strlen(scheme);
    bool plain = n == want, secure = n == want + 1 && (url[want] == 's' || url[want] == 'S');
    if (strncasecmp(url, scheme, want) != 0 || (!plain && !secure))
        return err_set(why, -EINVAL, "a URL of scheme %.*s", n > 16 ? 16 : (int)n, url);
    rest += 3;
    CLEANUP(free_p) char *authority = strndup(rest, strcspn(rest, "/?#"));
    if (!authority)
        return err_set(why, -ENOMEM, "a URL too long for the memory at hand");
    return check_authority(authority, why);
}

/* The list's pointer and its length lie side by side in struct config. */
static void url_list_of(struct config *c, const struct key *k, char ****urls, size_t **n)
{
    bool http = k->offset == AT(http_rpc_urls);
    *urls = http ? &c->http_rpc_urls : &c->web_socket_urls;
    *n = http ? &c->n_http_rpc_urls : &c->n_web_socket_urls;
}

static int read_url_list(const struct key *k, void *field, const struct json *v, struct err *why)
{
    struct config *c = (struct config *)(void *)((char *)field - k->offset);
    const char *scheme = k->offset == AT(http_rpc_urls) ? "http" : "ws";
    bool list = json_kind(v) == JSON_KIND_ARRAY;
    size_t count = list ? json_len(v) : 1, *n;
    char ***urls;
    url_list_of(c, k, &urls, &n);
    if (count == 0)
        return err_set(why, -EINVAL, "an empty list");
    if (count > CONFIG_URLS_MAX)
        return err_set(why, -EINVAL, "a list of %zu", count);
    *urls = xcalloc(count, sizeof **urls);
    for (size_t i = 0; i < count; i++) {
        const struct json *item = list ? json_at(v, i) : v;
        size_t len;
        const char *s = json_str(item, &len);
        struct err reason = { 0 };
        if (!s)
            (void)err_set(&reason, -EINVAL, "%s", json_kind_name(item));
        if (!s || check_url(s, len, scheme, &reason) < 0)
            return list ? err_set(why, -EINVAL, "%s at place %zu of the list", reason.msg, i + 1)
                        : err_set(why, -EINVAL, "%s", reason.msg);
        (*urls)[(*n)++] = xstrdup(s);
    }
    return 0;
}

/* ---- the whole file ---- */

/* A value as a message shows it: numbers and texts as they stand (cut), the rest by its type. */
static void put_found(struct buf *out, const struct json *v)
{
    size_t len;
    const char *s = json_str(v, &len);
    if (s) {
        json_put_str(out, s, len > FOUND_MAX ? FOUND_MAX : len);
        if (len > FOUND_MAX)
            buf_printf(out, " (cut, %zu bytes)", len);
    } else if (json_kind(v) == JSON_KIND_ARRAY || json_kind(v) == JSON_KIND_OBJECT) {
        buf_printf(out, "an %s", json_kind_name(v));
    } else {
        json_dump(out, v);
    }
}

struct reading {
    struct config *config;
    const char *name;
    bool seen[N_KEYS];
    struct err *e;
};

static int fail_value(struct reading *r, const struct key *k, const struct json *v, const struct err *why)
{
    struct buf found = { 0 }, expected = { 0 };
    if (why->code)
        buf_puts(&found, why->msg);
    else
        put_found(&found, v);
    put_expected(&expected, k);
    int rc = err_set(r->e, -EINVAL, "%s: key %s: found %s, expected %s", r->name, k->name, buf_cstr(&found),
                     buf_cstr(&expected));
    buf_free(&found);
    buf_free(&expected);
    return rc;
}

static int fail_unknown(struct reading *r, const char *name)
{
    struct buf quoted = { 0 };
    size_t len = strlen(name);
    json_put_str(&quoted, name, len > FOUND_MAX ? FOUND_MAX : len);
    int rc = err_set(r->e, -EINVAL, "%s: key %s: unknown, the nearest known key is %s", r->name, buf_cstr(&quoted),
                     nearest_word(name, key_name));
    buf_free(&quoted);
    return rc;
}

static int read_member(void *arg, const char *name, const struct json *v)
{
    struct reading *r = arg;
    const struct key *k = key_find(name);
    struct err why = { 0 };
    if (!k)
        return fail_unknown(r, name);
    r->seen[k - keys] = true;
    if (k->read(k, (char *)r->config + k->offset, v, &why) < 0)
        return fail_value(r, k, v, &why);
    return 0;
}

/* Keys that the file does not have: an error, or the default, which passes through the same reader. */
static int read_absent(struct reading *r)
{
    for (size_t i = 0; i < N_KEYS; i++) {
        const struct key *k = &keys[i];
        if (r->seen[i])
            continue;
        if (!k->fallback) {
            struct buf expected = { 0 };
            put_expected(&expected, k);
            int rc = err_set(r->e, -EINVAL, "%s: key %s: missing, expected %s", r->name, k->name, buf_cstr(&expected));
            buf_free(&expected);
            return rc;
        }
        if (!*k->fallback)
            continue;
        struct json *v = json_parse(k->fallback, strlen(k->fallback), r->e);
        int rc = v ? read_member(r, k->name, v) : -EINVAL;
        json_free(v);
        if (rc < 0)
            return rc;
    }
    return 0;
}

/* Rules that join two keys. warm_given: the file has warm_workers. */
static int check_together(struct reading *r, bool warm_given)
{
    struct config *c = r->config;
    if (c->warm_workers <= c->capacity)
        return 0;
    if (warm_given)
        return err_set(r->e, -EINVAL, "%s: key warm_workers: found %u, expected at most job_capacity, which is %u",
                       r->name, c->warm_workers, c->capacity);
    c->warm_workers = c->capacity;
    return 0;
}

static int read_root(struct config *out, const char *name, const struct json *root, struct err *e)
{
    struct reading r = { .config = out, .name = name, .e = e };
    if (json_kind(root) != JSON_KIND_OBJECT)
        return err_set(e, -EINVAL, "%s: found %s, expected a JSON object of keys", name, json_kind_name(root));
    int rc = json_each(root, read_member, &r);
    bool warm_given = r.seen[key_find("warm_workers") - keys];
    if (rc == 0)
        rc = read_absent(&r);
    return rc < 0 ? rc : check_together(&r, warm_given);
}

int config_parse(struct config *out, const char *name, const char *text, size_t len, struct err *e)
{
    struct err why = { 0 };
    *out = (struct config){ 0 };
    struct json *root = json_parse(text, len, &why);
    if (!root)
        return err_set(e, -EINVAL, "%s: not JSON: %s", name, why.msg);
    int rc = read_root(out, name, root, e);
    json_free(root);
    if (rc < 0)
        config_free(out);
    return rc;
}

static int read_file(struct buf *out, const char *path, struct err *e)
{
    struct stat st;
    CLEANUP(fd_close_p) int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &st) < 0)
        return err_set(e, -errno, "%s: %s, expected a JSON file (--config-file names it)", path, strerror(errno));
    if (!S_ISREG(st.st_mode))
        return err_set(e, -EINVAL, "%s: not a regular file, expected a JSON file", path);
    while (out->len <= CONFIG_FILE_MAX) {
        buf_reserve(out, 4096);
        ssize_t n = read(fd, out->data + out->len, 4096);
        if (n < 0)
            return err_sys(e, "%s: cannot be read", path);
        if (n == 0)
            return 0;
        out->len += (size_t)n;
    }
    return err_set(e, -EFBIG, "%s: over %zu bytes, expected a JSON file of keys", path, CONFIG_FILE_MAX);
}

int config_load(struct config *out, const char *path, struct err *e)
{
    struct buf text = { 0 };
    *out = (struct config){ 0 };
    int rc = read_file(&text, path, e);
    if (rc == 0)
        rc = config_parse(out, path, text.data ? (const char *)text.data : "", text.len, e);
    buf_free(&text);
    return rc;
}

static void free_list(char **list, size_t n)
{
    for (size_t i = 0; i < n; i++)
        free(list[i]);
    free(list);
}

void config_free(struct config *c)
{
    free(c->workerd_runtime_path);
    free_list(c->http_rpc_urls, c->n_http_rpc_urls);
    free_list(c->web_socket_urls, c->n_web_socket_urls);
    free(c->enclave_signer_file);
    free(c->cgroup_root);
    free(c->state_dir);
    free(c->ledger_file);
    free(c->sandbox_allow_degraded);
    free(c->metrics_addr);
    *c = (struct config){ 0 };
}
