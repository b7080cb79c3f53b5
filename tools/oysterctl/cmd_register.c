/* register: the node's signed message, a verifier's attestation and a stake, sent to the Executors contract. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "attestation_file.h"
#include "chain.h"
#include "commands.h"
#include "ctl.h"
#include "io.h"
#include "node_api.h"
#include "send.h"
#include "signer.h"
#include "stake.h"
#include "util/cleanup.h"
#include "value.h"

#define ATTESTATION_MAX ((size_t)1 << 20)

static const struct option_def options[] = {
    { .name = "--attestation",
      .kind = OPT_FILE,
      .value = "FILE",
      .help = "a verifier's answer, JSON; \"-\" is standard input" },
    { .name = "--verifier-url",
      .kind = OPT_URL,
      .value = "URL",
      .help = "ask this verifier instead: the document is posted to it (…/verify/raw)" },
    { .name = "--attestation-url",
      .kind = OPT_URL,
      .value = "URL",
      .help = "where the enclave's document is fetched for it [default: NODE-URL/attestation/raw]" },
    { .name = "--pcr0", .kind = OPT_TEXT, .value = "HEX", .help = "PCR0 of the image, where the attestation lacks it" },
    { .name = "--pcr1", .kind = OPT_TEXT, .value = "HEX", .help = "PCR1 of it" },
    { .name = "--pcr2", .kind = OPT_TEXT, .value = "HEX", .help = "PCR2 of it" },
    { .name = "--stake", .kind = OPT_AMOUNT, .value = "AMOUNT", .help = "[default: the contract's MIN_STAKE_AMOUNT]" },
    { 0 },
};

/* ---- the attestation ---- */

static int fetch_document(struct buf *out, struct ctl *c, struct err *e)
{
    CLEANUP(buf_free) struct buf url = { 0 };
    const char *given = args_get(&c->args, "--attestation-url");
    if (given)
        buf_puts(&url, given);
    else
        buf_printf(&url, "%s/attestation/raw", ctl_node_url(c));
    struct fetch what = { .url = buf_cstr(&url), .max_bytes = ATTESTATION_MAX };
    int rc = io_fetch_ok(ctl_io(c), out, &what, e);
    return rc < 0 ? err_wrap(e, "the attestation document (--attestation-url)") : 0;
}

/* The verifier's URL as given where it names a path, else its /verify/raw. */
static int ask_verifier(struct buf *out, struct ctl *c, const char *verifier, struct err *e)
{
    CLEANUP(buf_free) struct buf document = { 0 };
    CLEANUP(buf_free) struct buf url = { 0 };
    int rc = fetch_document(&document, c, e);
    if (rc < 0)
        return rc;
    const char *path = strchr(strstr(verifier, "://") + 3, '/');
    buf_puts(&url, verifier);
    if (!path || !path[1])
        buf_puts(&url, path ? "verify/raw" : "/verify/raw");
    struct fetch what = { .url = buf_cstr(&url),
                          .content_type = "application/octet-stream",
                          .body = document.data ? document.data : (const uint8_t *)"",
                          .body_len = document.len,
                          .max_bytes = ATTESTATION_MAX };
    rc = io_fetch_ok(ctl_io(c), out, &what, e);
    return rc < 0 ? err_wrap(e, "the verifier") : 0;
}

static int read_attestation(struct attestation_file *out, struct ctl *c, struct err *e)
{
    CLEANUP(buf_free) struct buf text = { 0 };
    const char *file = args_get(&c->args, "--attestation"), *verifier = args_get(&c->args, "--verifier-url");
    const char *const pcrs[3] = { args_get(&c->args, "--pcr0"), args_get(&c->args, "--pcr1"),
                                  args_get(&c->args, "--pcr2") };
    if (!file == !verifier)
        return err_set(e, -CTL_EUSAGE, "which attestation? Give one of --attestation FILE and --verifier-url URL");
    int rc = file ? ctl_read_file(&text, file, ATTESTATION_MAX, e) : ask_verifier(&text, c, verifier, e);
    return rc < 0 ? rc : attestation_file_parse(out, file ? file : verifier, buf_cstr(&text), text.len, pcrs, e);
}

/* ---- what must be so ---- */

struct registering {
    struct node_details node;
    struct node_registration message;
    struct attestation_file attestation;
    struct seckey key;
    struct address executors;
    struct token token;
    struct u256 stake, minimum;
};

static void registering_wipe(struct registering *r)
{
    seckey_wipe(&r->key);
}

static int fail_other(const char *what, const struct address *found, const struct address *expected, struct err *e)
{
    char a[ADDRESS_TEXT_MAX], b[ADDRESS_TEXT_MAX];
    return err_set(e, -EINVAL, "%s: found %s, expected %s", what, address_checksum(a, found),
                   address_checksum(b, expected));
}

static int check_configured(const struct node_details *node, struct err *e)
{
    if (!address_is_zero(&node->owner) && !address_is_zero(&node->gas))
        return 0;
    return err_set(e, -EINVAL, "the node has no %s yet: oysterctl configure gives it one",
                   address_is_zero(&node->owner) ? "owner" : "gas key");
}

static int check_parties(const struct registering *r, struct err *e)
{
    struct address attested;
    address_from_pubkey(&attested, r->attestation.a.enclave_pubkey);
    if (!address_eq(&attested, &r->node.enclave))
        return fail_other("the attestation is of another enclave key than the node's", &attested, &r->node.enclave, e);
    if (!address_eq(&r->key.address, &r->message.owner))
        return fail_other("the signing key is not the node's owner", &r->key.address, &r->message.owner, e);
    return 0;
}

static int check_stake(struct ctl *c, struct registering *r, struct err *e)
{
    char have[AMOUNT_TEXT_MAX], least[AMOUNT_TEXT_MAX];
    const char *given = args_get(&c->args, "--stake");
    int rc = stake_minimum(&r->minimum, c, e);
    r->stake = r->minimum;
    if (rc == 0 && given)
        rc = value_amount_of(&r->stake, "--stake", given, r->token.decimals, e);
    if (rc == 0 && u256_cmp(r->stake, r->minimum) < 0)
        rc = err_set(e, -EINVAL, "--stake: found %s, expected at least the minimum %s %s: no job comes below it",
                     amount_text(have, r->stake, r->token.decimals), amount_text(least, r->minimum, r->token.decimals),
                     r->token.symbol);
    return rc;
}

static int check_not_registered(struct ctl *c, const struct registering *r, struct err *e)
{
    struct executor_info info;
    char text[ADDRESS_TEXT_MAX];
    int rc = chain_executor_info(&info, c, &r->node.enclave, e);
    if (rc == 0 && !address_is_zero(&info.owner))
        rc = err_set(e, -EEXIST, "this executor is registered already, for the owner %s",
                     address_checksum(text, &info.owner));
    return rc;
}

static int gather(struct registering *r, struct ctl *c, struct err *e)
{
    int rc = signer_load(&r->key, c, e);
    if (rc == 0)
        rc = node_details(&r->node, c, e);
    if (rc == 0)
        rc = check_configured(&r->node, e);
    if (rc == 0)
        rc = chain_executors(&r->executors, c, e);
    if (rc == 0)
        rc = check_not_registered(c, r, e);
    if (rc == 0)
        rc = read_attestation(&r->attestation, c, e);
    if (rc == 0)
        rc = node_registration(&r->message, c, e);
    if (rc == 0)
        rc = check_parties(r, e);
    if (rc == 0)
        rc = chain_stake_token(&r->token, c, e);
    return rc < 0 ? rc : check_stake(c, r, e);
}

static void add_register(struct send_calls *calls, const struct registering *r)
{
    struct registration reg = {
        .attestation = &r->attestation.a,
        .job_capacity = r->message.job_capacity,
        .sign_timestamp_s = r->message.sign_timestamp_s,
        .stake = r->stake,
        .env = r->message.env,
    };
    memcpy(reg.signature, r->message.signature, sizeof reg.signature);
    call_register_executor(&send_add(calls, &r->executors, "Executors contract")->data, &reg);
}

static int run(struct ctl *c, struct err *e)
{
    CLEANUP(registering_wipe) struct registering r = { 0 };
    CLEANUP(send_calls_free) struct send_calls calls = { 0 };
    int rc = gather(&r, c, e);
    if (rc < 0)
        return rc;
    out_address(c->out, "enclave", &r.node.enclave);
    out_address(c->out, "owner", &r.key.address);
    out_amount_of(c->out, "stake", r.stake, r.token.symbol, r.token.decimals);
    out_u64(c->out, "job_capacity", r.message.job_capacity);
    if (r.message.env >= 0)
        out_u64(c->out, "env", (uint64_t)r.message.env);
    rc = approve_if_short(&calls, c, &r.token, &r.key.address, &r.executors, r.stake, e);
    if (rc < 0)
        return rc;
    add_register(&calls, &r);
    return send_all(NULL, c, &r.key, &calls, e);
}

const struct command cmd_register = {
    .name = "register",
    .group = GROUP_EXECUTOR,
    .arguments = "",
    .summary = "register the node as an executor, with an attestation and a stake",
    .details =
        "The node is asked for its signed registration message; owner and gas key must be configured. The key\n"
        "that signs must be the owner's. Where the contract may not take the stake yet, an approve is sent first.\n"
        "The attestation is a verifier's answer, in either form that verifiers write.\n",
    .options = options,
    .signs = true,
    .run = run,
};
