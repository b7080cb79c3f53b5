/* init: a configuration from a few answers and what the chain says. */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "chain.h"
#include "commands.h"
#include "config/config.h"
#include "ctl.h"
#include "endpoint.h"
#include "eth/key.h"
#include "new_file.h"
#include "util/cleanup.h"
#include "util/json.h"
#include "workerd_dir.h"

#define ANSWER_MAX 1024
#define CONFIG_MODE 0640 /* the URLs in it may carry a provider's key */
#define KEY_MODE 0600
#define KEY_NAME "enclave.key"

/* What the file will say. */
struct plan {
    char path[PATH_MAX];
    char rpc_url[ANSWER_MAX], ws_url[ANSWER_MAX], runtime[PATH_MAX], key_file[PATH_MAX];
    struct address executors, jobs, code;
    char id[24]; /* of the chain, as text */
    uint64_t chain_id, buffer_time_s, n_executors;
    bool make_key, made_key;
    struct address enclave;
};

/* ---- answers ---- */

/* The option's value; else the terminal's answer; else the fallback (NULL or "": there is none). */
static int answer(char *out, size_t max, struct ctl *c, const char *option, const char *question, const char *fallback,
                  struct err *e)
{
    const char *given = args_get(&c->args, option);
    if (!given && !c->yes && ctl_ask(out, max, question, fallback ? fallback : "", NULL) == 0 && out[0])
        return 0;
    if (!given)
        given = fallback;
    if (!given || !*given)
        return err_set(e, -CTL_EUSAGE, "%s is missing", option);
    if (strlen(given) >= max)
        return err_set(e, -CTL_EUSAGE, "%s is too long", option);
    (void)snprintf(out, max, "%s", given);
    return 0;
}

static int answer_address(struct address *out, struct ctl *c, const char *option, const char *question, struct err *e)
{
    char text[ANSWER_MAX];
    if (answer(text, sizeof text, c, option, question, NULL, e) < 0)
        return e->code;
    return address_parse(out, text, strlen(text), e) < 0 ? err_wrap(e, "%s", option) : 0;
}

/* http://host → ws://host: providers serve both at one place, mostly. */
static void guess_ws_url(char *out, size_t max, const char *rpc_url)
{
    (void)snprintf(out, max, "ws%.1000s", strncmp(rpc_url, "http", 4) == 0 ? rpc_url + 4 : rpc_url);
}

/* An absolute path, so that the file serves wherever the node is started. */
static int make_absolute(char path[PATH_MAX], struct err *e)
{
    char folder[PATH_MAX / 2], given[PATH_MAX / 2];
    if (path[0] == '/')
        return 0;
    if (strlen(path) >= sizeof given || !getcwd(folder, sizeof folder))
        return err_set(e, -ENAMETOOLONG, "%.100s: the path is too long", path);
    (void)snprintf(given, sizeof given, "%s", path);
    (void)snprintf(path, PATH_MAX, "%s/%s", folder, given);
    return 0;
}

/* The folder of the configuration, with its slash. */
static void beside(char *out, size_t max, const char *config_path, const char *name)
{
    const char *slash = strrchr(config_path, '/');
    int len = slash ? (int)(slash + 1 - config_path) : 0;
    (void)snprintf(out, max, "%.*s%s", len, config_path, name);
}

static int ask(struct plan *p, struct ctl *c, struct err *e)
{
    char ws[ANSWER_MAX], key[PATH_MAX];
    int rc = answer(p->rpc_url, sizeof p->rpc_url, c, "--rpc-url", "HTTP endpoint of the chain", NULL, e);
    if (rc < 0)
        return rc;
    guess_ws_url(ws, sizeof ws, p->rpc_url);
    rc = answer(p->ws_url, sizeof p->ws_url, c, "--ws-url", "WebSocket endpoint", ws, e);
    if (rc == 0)
        rc = answer_address(&p->jobs, c, "--jobs-contract", "Address of the Jobs contract", e);
    if (rc == 0)
        rc = answer_address(&p->code, c, "--code-contract", "Address of the UserCode contract", e);
    if (rc == 0)
        rc = answer(p->runtime, sizeof p->runtime, c, "--runtime", "Folder that holds workerd", workerd_dir_find(), e);
    if (rc < 0)
        return rc;
    beside(key, sizeof key, p->path, KEY_NAME);
    rc = answer(p->key_file, sizeof p->key_file, c, "--enclave-key", "File of the enclave key (made if missing)", key,
                e);
    if (rc == 0)
        rc = make_absolute(p->runtime, e);
    return rc < 0 ? rc : make_absolute(p->key_file, e);
}

/* ---- what the chain says ---- */

static int view_u64(uint64_t *out, struct chain *ch, const struct address *to, enum contract_view view,
                    const char *what, struct err *e)
{
    struct buf call = { 0 };
    struct u256 wide;
    call_view(&call, view);
    int rc = chain_view_u256(&wide, ch, to, &call, what, e);
    if (rc == 0 && !u256_to_u64(out, wide))
        rc = err_set(e, -ERANGE, "%s: more than 64 bits", what);
    return rc;
}

static int check_code_contract(struct chain *ch, const struct address *a, struct err *e)
{
    char params[96], text[ADDRESS_TEXT_MAX];
    struct json *result;
    size_t len = 0;
    (void)snprintf(params, sizeof params, "[\"%s\",\"latest\"]", address_lower(text, a));
    int rc = chain_request(&result, NULL, ch, "eth_getCode", params, e);
    if (rc < 0)
        return rc;
    (void)json_str(result, &len);
    json_free(result);
    return len > 2 ? 0 : err_set(e, -ENOENT, "--code-contract: there is no contract at %s", address_checksum(text, a));
}

static int ask_chain(struct plan *p, struct ctl *c, struct err *e)
{
    struct buf call = { 0 };
    if (endpoint_chain_id(&p->chain_id, c, p->rpc_url, e) < 0)
        return e->code;
    (void)snprintf(p->id, sizeof p->id, "%llu", (unsigned long long)p->chain_id);
    args_set(&c->args, "--chain-id", p->id);
    args_set(&c->args, "--rpc-url", p->rpc_url);
    struct chain *ch = ctl_chain(c, e);
    if (!ch)
        return e->code;
    call_view(&call, VIEW_EXECUTORS);
    int rc = chain_view_address(&p->executors, ch, &p->jobs, &call, "EXECUTORS()", e);
    if (rc == 0)
        rc = view_u64(&p->buffer_time_s, ch, &p->jobs, VIEW_EXECUTION_BUFFER_TIME, "EXECUTION_BUFFER_TIME()", e);
    if (rc == 0)
        rc = view_u64(&p->n_executors, ch, &p->jobs, VIEW_NO_OF_NODES_TO_SELECT, "NO_OF_NODES_TO_SELECT()", e);
    return rc < 0 ? rc : check_code_contract(ch, &p->code, e);
}

/* ---- files ---- */

static void put_text(struct buf *out, const char *key, const char *value)
{
    buf_printf(out, "    \"%s\": ", key);
    json_put_str(out, value, strlen(value));
    buf_puts(out, ",\n");
}

static void put_number(struct buf *out, const char *key, uint64_t value, const char *end)
{
    buf_printf(out, "    \"%s\": %llu%s\n", key, (unsigned long long)value, end);
}

static void put_config(struct buf *out, const struct plan *p)
{
    char text[ADDRESS_TEXT_MAX];
    buf_puts(out, "{\n");
    put_text(out, "workerd_runtime_path", p->runtime);
    put_number(out, "common_chain_id", p->chain_id, ",");
    put_text(out, "http_rpc_url", p->rpc_url);
    put_text(out, "web_socket_url", p->ws_url);
    put_text(out, "executors_contract_addr", address_checksum(text, &p->executors));
    put_text(out, "jobs_contract_addr", address_checksum(text, &p->jobs));
    put_text(out, "code_contract_addr", address_checksum(text, &p->code));
    put_text(out, "enclave_signer_file", p->key_file);
    put_number(out, "execution_buffer_time", p->buffer_time_s, ",");
    put_number(out, "num_selected_executors", p->n_executors, "");
    buf_puts(out, "}\n");
}

/* The enclave key: what is there is kept, also with --force. */
static int provide_key(struct plan *p, const struct ctl *c, struct err *e)
{
    CLEANUP(seckey_wipe) struct seckey key = { 0 };
    bool there = access(p->key_file, F_OK) == 0;
    int rc = there ? seckey_load(&key, p->key_file, e) : 0;
    if (!there && p->make_key && !c->dry_run) {
        rc = seckey_generate(&key, e);
        if (rc == 0)
            rc = new_file_write(p->key_file, key.secret, sizeof key.secret, KEY_MODE, false, e);
        p->made_key = rc == 0;
    }
    p->enclave = key.address;
    return rc;
}

static int write_config(struct plan *p, struct ctl *c, const struct buf *text, struct err *e)
{
    CLEANUP(config_free) struct config parsed = { 0 };
    int rc = config_parse(&parsed, p->path, (const char *)text->data, text->len, NULL, e);
    if (rc == 0)
        rc = provide_key(p, c, e);
    if (rc < 0 || c->dry_run)
        return rc;
    return new_file_write(p->path, text->data, text->len, CONFIG_MODE, args_has(&c->args, "--force"), e);
}

static void tell(struct ctl *c, const struct plan *p, struct buf *text)
{
    struct out *o = c->out;
    out_str(o, "config_file", p->path);
    out_u64(o, "chain_id", p->chain_id);
    out_address(o, "executors_contract", &p->executors);
    out_u64(o, "execution_buffer_time", p->buffer_time_s);
    out_u64(o, "num_selected_executors", p->n_executors);
    out_str(o, "enclave_key", p->key_file);
    out_bool(o, "enclave_key_made", p->made_key);
    if (!address_is_zero(&p->enclave))
        out_address(o, "enclave", &p->enclave);
    out_bool(o, "dry_run", c->dry_run);
    out_hide(o);
    if (c->dry_run) {
        out_note(o, "dry run: nothing was written; the file would be");
        out_text(o, buf_cstr(text));
    } else {
        out_note(o, "next: oysterctl doctor --config-file %s", p->path);
    }
}

static int run(struct ctl *c, struct err *e)
{
    CLEANUP(buf_free) struct buf text = { 0 };
    struct plan p = { .make_key = !args_has(&c->args, "--no-key") };
    const char *path = args_get(&c->args, "--config-file");
    (void)snprintf(p.path, sizeof p.path, "%s", path ? path : CONFIG_FILE_DEFAULT);
    if (access(p.path, F_OK) == 0 && !args_has(&c->args, "--force") && !c->dry_run)
        return err_set(e, -EEXIST, "%s: exists already, and is not overwritten unless --force is given", p.path);
    int rc = ask(&p, c, e);
    if (rc == 0)
        rc = ask_chain(&p, c, e);
    if (rc < 0)
        return rc;
    put_config(&text, &p);
    rc = write_config(&p, c, &text, e);
    if (rc == 0)
        tell(c, &p, &text);
    return rc;
}

static const struct option_def options[] = {
    { .name = "--ws-url",
      .kind = OPT_TEXT,
      .value = "URL",
      .help = "WebSocket endpoint of the chain [default: as --rpc-url]" },
    { .name = "--runtime",
      .kind = OPT_DIR,
      .value = "DIR",
      .help = "the folder that holds workerd [default: where it is installed]" },
    { .name = "--enclave-key",
      .kind = OPT_FILE,
      .value = "FILE",
      .help = "the enclave key: 32 raw bytes, made where missing [default: " KEY_NAME " beside the configuration]" },
    { .name = "--no-key", .kind = OPT_FLAG, .help = "make no enclave key" },
    { .name = "--force", .kind = OPT_FLAG, .help = "overwrite the configuration (never a key)" },
    { 0 },
};

const struct command cmd_init = {
    .name = "init",
    .group = GROUP_SETUP,
    .arguments = "",
    .summary = "write a node's configuration",
    .details = "Writes --config-file [default: " CONFIG_FILE_DEFAULT "].\n"
               "Asks at the terminal for what the options leave out: endpoints, Jobs and UserCode contract, workerd,\n"
               "enclave key. With --yes, and without a terminal, defaults are taken where there are any. The rest the\n"
               "chain says: its id, the Executors contract, EXECUTION_BUFFER_TIME and NO_OF_NODES_TO_SELECT.\n",
    .options = options,
    .run = run,
};
