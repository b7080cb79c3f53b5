/* configure: owner and gas key into the node. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "chain.h"
#include "commands.h"
#include "ctl.h"
#include "eth/ecies.h"
#include "eth/eip712.h"
#include "node_api.h"
#include "signer.h"
#include "util/cleanup.h"
#include "util/clock.h"
#include "util/hex.h"
#include "util/json.h"

#define PUBLIC_KEY_FILE_MAX 256

struct work {
    struct node_details node;
    bool has_owner, has_gas, signs;
    struct address owner;
    struct seckey gas, owner_key;
};

static void work_wipe(struct work *w)
{
    seckey_wipe(&w->gas);
    seckey_wipe(&w->owner_key);
}

/* ---- what is asked for ---- */

/* The key of --NAME-keystore or --NAME-key-file; *given says whether one was named. */
static int load_key(struct seckey *out, bool *given, const struct ctl *c, const char *keystore_option,
                    const char *file_option, const char *password_option, struct err *e)
{
    const char *keystore = args_get(&c->args, keystore_option), *file = args_get(&c->args, file_option);
    *given = keystore || file;
    if (keystore && file)
        return err_set(e, -CTL_EUSAGE, "%s and %s: found both, expected one", keystore_option, file_option);
    if (keystore)
        return signer_open_keystore(out, keystore, args_get(&c->args, password_option), e);
    return file ? signer_read_key_file(out, file, e) : 0;
}

static int load(struct work *w, const struct ctl *c, struct err *e)
{
    w->has_owner = args_address(&w->owner, &c->args, "--owner");
    int rc = load_key(&w->gas, &w->has_gas, c, "--gas-keystore", "--gas-key-file", "--gas-password-file", e);
    if (rc == 0)
        rc = load_key(&w->owner_key, &w->signs, c, "--owner-keystore", "--owner-key-file", "--owner-password-file", e);
    if (rc < 0)
        return rc;
    if (!w->has_owner && !w->has_gas)
        return err_set(e, -CTL_EUSAGE,
                       "what is to be configured? Give --owner ADDRESS, --gas-keystore FILE or "
                       "--gas-key-file FILE");
    if (w->signs && w->has_owner && !address_eq(&w->owner, &w->owner_key.address))
        return err_set(e, -CTL_EUSAGE, "--owner is not the address of the owner's key");
    return 0;
}

/* A public key that is known from elsewhere, as 64 raw bytes (oyster-keygen's) or hex: what a proxy between us and the
 * node says is worth nothing then. */
static int check_public_key(const struct work *w, const struct ctl *c, struct err *e)
{
    CLEANUP(buf_free) struct buf text = { 0 };
    uint8_t expected[64];
    const char *path = args_get(&c->args, "--public-key-file");
    if (!path)
        return 0;
    int rc = ctl_read_file(&text, path, PUBLIC_KEY_FILE_MAX, e);
    if (rc < 0)
        return rc;
    if (text.len == sizeof expected) {
        memcpy(expected, text.data, sizeof expected);
    } else {
        const char *hex = buf_cstr(&text);
        if (hex_decode_exact(expected, sizeof expected, hex, strcspn(hex, "\r\n"), NULL) < 0)
            return err_set(e, -EINVAL, "%s: expected a public key: 64 raw bytes or 128 hex digits", path);
    }
    if (memcmp(expected, w->node.enclave_pubkey, sizeof expected) == 0)
        return 0;
    return err_set(e, -EACCES,
                   "the node's public key is not that of %s: something stands between here and the node, "
                   "or it is another node; nothing was sent",
                   path);
}

/* ---- sending ---- */

static int post(struct ctl *c, const char *path, const struct buf *body, const char *hint, struct err *e)
{
    CLEANUP(buf_free) struct buf answer = { 0 };
    int status = 0;
    int rc = node_post(&answer, &status, c, path, body, e);
    if (rc < 0 || status == 200)
        return rc;
    const char *text = buf_cstr(&answer);
    return err_set(e, -EIO, "the node refuses (HTTP status %d): %.*s%s", status, (int)strcspn(text, "\r\n"), text,
                   status == 400 || status == 403 ? hint : "");
}

static int send_owner(struct ctl *c, const struct work *w, struct err *e)
{
    CLEANUP(buf_free) struct buf body = { 0 };
    char text[ADDRESS_TEXT_MAX], is[ADDRESS_TEXT_MAX];
    if (address_eq(&w->owner, &w->node.owner))
        return 0;
    if (!address_is_zero(&w->node.owner))
        return err_set(e, -EEXIST, "the node has the owner %s already, which is set once in its life",
                       address_checksum(is, &w->node.owner));
    buf_printf(&body, "{\"owner_address_hex\":\"%s\"}", address_lower(text, &w->owner));
    return c->dry_run ? 0 : post(c, "/immutable-config", &body, "", e);
}

static void put_signature(struct buf *body, const struct work *w)
{
    uint8_t digest[32];
    struct signature signature;
    char hex[2 * sizeof signature.b + 1];
    uint64_t now_s = clock_wall_s();
    eip712_configure_gas_key(digest, &w->node.enclave, &w->gas.address, now_s);
    seckey_sign(&signature, &w->owner_key, digest);
    buf_printf(body, ",\"sign_timestamp\":%llu,\"signature\":\"0x%s\"", (unsigned long long)now_s,
               hex_encode(hex, signature.b, sizeof signature.b));
}

static int put_gas_key(struct buf *body, const struct work *w, bool plain, struct err *e)
{
    CLEANUP(buf_free) struct buf sealed = { 0 };
    buf_reserve(body, 2048); /* no copy is left behind by growing */
    if (plain) {
        buf_puts(body, "{\"gas_key_hex\":\"");
        hex_append0x(body, w->gas.secret, sizeof w->gas.secret);
    } else {
        int rc = ecies_seal(&sealed, w->node.enclave_pubkey, ECIES_GAS_KEY, w->gas.secret, sizeof w->gas.secret, e);
        if (rc < 0)
            return err_wrap(e, "the node's public key");
        buf_puts(body, "{\"gas_key_encrypted_hex\":\"");
        hex_append0x(body, sealed.data, sealed.len);
    }
    buf_puts(body, "\"");
    if (w->signs)
        put_signature(body, w);
    buf_puts(body, "}");
    return 0;
}

static int send_gas_key(struct ctl *c, const struct work *w, struct err *e)
{
    CLEANUP(buf_wipe) struct buf body = { 0 };
    bool plain = args_has(&c->args, "--plain");
    int rc = put_gas_key(&body, w, plain, e);
    if (rc < 0 || c->dry_run)
        return rc;
    const char *hint = w->signs ? plain ? "" : "; a node that takes no encrypted keys needs --plain"
                       : plain  ? "; where it wants the owner's signature, give --owner-keystore or --owner-key-file"
                                : "; where it wants the owner's signature, give --owner-keystore or --owner-key-file; "
                                  "one that takes no encrypted keys needs --plain";
    return post(c, "/mutable-config", &body, hint, e);
}

/* ---- what came of it ---- */

/* Where the chain is known, what the gas key has to spend is worth a word. */
static void tell_balance(struct ctl *c, const struct work *w)
{
    struct u256 balance;
    struct err why = { 0 };
    const struct config *config = NULL;
    bool known = args_has(&c->args, "--rpc-url") || (ctl_config(&config, c, NULL) == 0 && config);
    struct chain *ch = known ? ctl_chain(c, &why) : NULL;
    if (!ch || chain_balance(&balance, ch, &w->gas.address, &why) < 0)
        return;
    out_amount(c->out, "gas_balance", balance, "ETH");
    if (u256_is_zero(balance))
        ctl_warn(c, "the gas key has no balance: without one the node can answer no job");
}

static void tell(struct ctl *c, const struct work *w)
{
    out_address(c->out, "enclave", &w->node.enclave);
    if (w->has_owner || !address_is_zero(&w->node.owner))
        out_address(c->out, "owner", w->has_owner ? &w->owner : &w->node.owner);
    if (w->has_gas) {
        out_address(c->out, "gas_address", &w->gas.address);
        out_str(c->out, "gas_key_sent", args_has(&c->args, "--plain") ? "plain" : "encrypted");
        out_bool(c->out, "signed_by_owner", w->signs);
        tell_balance(c, w);
    }
    if (c->dry_run)
        out_note(c->out, "dry run: nothing was sent");
    out_bool(c->out, "dry_run", c->dry_run);
    out_hide(c->out);
}

static int run(struct ctl *c, struct err *e)
{
    CLEANUP(work_wipe) struct work w = { 0 };
    int rc = load(&w, c, e);
    if (rc == 0)
        rc = node_details(&w.node, c, e);
    if (rc == 0)
        rc = check_public_key(&w, c, e);
    if (rc == 0 && w.has_owner)
        rc = send_owner(c, &w, e);
    if (rc == 0 && w.has_gas)
        rc = send_gas_key(c, &w, e);
    if (rc == 0)
        tell(c, &w);
    return rc;
}

static const struct option_def options[] = {
    { .name = "--owner", .kind = OPT_ADDRESS, .value = "ADDRESS", .help = "the owner: set once in the node's life" },
    { .name = "--gas-keystore",
      .kind = OPT_FILE,
      .value = "FILE",
      .help = "the key that pays for transactions: a web3 keystore (version 3)" },
    { .name = "--gas-password-file",
      .kind = OPT_FILE,
      .value = "FILE",
      .help = "its password, the first line [default: asked at the terminal]" },
    { .name = "--gas-key-file",
      .kind = OPT_FILE,
      .value = "FILE",
      .help = "the key that pays: a file of 32 raw bytes or 64 hex digits" },
    { .name = "--owner-keystore",
      .kind = OPT_FILE,
      .value = "FILE",
      .help = "the owner's key, which signs the new gas key (config_auth \"owner\")" },
    { .name = "--owner-password-file",
      .kind = OPT_FILE,
      .value = "FILE",
      .help = "its password, the first line [default: asked at the terminal]" },
    { .name = "--owner-key-file",
      .kind = OPT_FILE,
      .value = "FILE",
      .help = "the owner's key: a file of 32 raw bytes or 64 hex digits" },
    { .name = "--public-key-file",
      .kind = OPT_FILE,
      .value = "FILE",
      .help = "the enclave's public key, known from elsewhere: nothing is sent to another" },
    { .name = "--plain", .kind = OPT_FLAG, .help = "send the gas key unencrypted, to a node that takes no other" },
    { 0 },
};

const struct command cmd_configure = {
    .name = "configure",
    .group = GROUP_SETUP,
    .arguments = "",
    .summary = "give the node its owner and its gas key",
    .details =
        "The gas key is encrypted to the enclave's key, so that nothing on the way can read it. It may be given\n"
        "any number of times, and replaces the one before; the owner is set once.\n",
    .options = options,
    .run = run,
};
