/* oysterctl keys: key files of owner, gas and enclave. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "commands.h"
#include "ctl.h"
#include "eth/key.h"
#include "eth/keystore.h"
#include "new_file.h"
#include "signer.h"
#include "util/cleanup.h"
#include "util/hex.h"

#define KEY_MODE 0600
#define PASSWORD_MIN 1

/* ---- reading ---- */

/* A key under a password, or 32 bytes as they are. */
static bool is_keystore(const struct buf *text)
{
    size_t i = 0;
    while (i < text->len && (text->data[i] == ' ' || text->data[i] == '\n' || text->data[i] == '\t'))
        i++;
    return text->len > 32 && i < text->len && text->data[i] == '{';
}

static int ask_twice(struct buf *out, const char *path, struct err *e)
{
    CLEANUP(buf_wipe) struct buf again = { 0 };
    char prompt[160];
    (void)snprintf(prompt, sizeof prompt, "Password for %.100s", path);
    int rc = signer_read_password(out, NULL, prompt, e);
    if (rc == 0)
        rc = signer_read_password(&again, NULL, "Once more", e);
    if (rc == 0 && (again.len != out->len || (out->len && memcmp(again.data, out->data, out->len) != 0)))
        rc = err_set(e, -EINVAL, "the two passwords differ: nothing was written");
    return rc;
}

/* The password of a file that is made. */
static int new_password(struct buf *out, const struct ctl *c, const char *path, struct err *e)
{
    const char *file = args_get(&c->args, "--password-file");
    int rc = file ? signer_read_password(out, file, "", e) : ask_twice(out, path, e);
    if (rc == 0 && out->len < PASSWORD_MIN)
        rc = err_set(e, -EINVAL, "%s%san empty password protects nothing", file ? file : "", file ? ": " : "");
    return rc;
}

/* ---- writing ---- */

static int write_raw(const struct seckey *key, const char *path, bool force, struct err *e)
{
    return new_file_write(path, key->secret, sizeof key->secret, KEY_MODE, force, e);
}

static int write_keystore(const struct ctl *c, const struct seckey *key, const char *path, bool force, struct err *e)
{
    CLEANUP(buf_wipe) struct buf password = { 0 };
    CLEANUP(buf_free) struct buf json = { 0 };
    const char *kdf = args_get(&c->args, "--kdf");
    bool pbkdf2 = kdf && strcmp(kdf, "pbkdf2") == 0;
    int rc = new_password(&password, c, path, e);
    if (rc == 0)
        rc =
            keystore_seal(&json, key, buf_cstr(&password), password.len, pbkdf2 ? KEYSTORE_PBKDF2 : KEYSTORE_SCRYPT, e);
    return rc < 0 ? rc : new_file_write(path, json.data, json.len, KEY_MODE, force, e);
}

static void tell(struct out *o, const char *path, const char *format, const struct seckey *key)
{
    out_str(o, "file", path);
    out_str(o, "format", format);
    out_address(o, "address", &key->address);
    out_hex(o, "public_key", key->pubkey, sizeof key->pubkey);
}

static int write_key(struct ctl *c, const struct seckey *key, const char *path, struct err *e)
{
    bool raw = args_has(&c->args, "--raw"), force = args_has(&c->args, "--force");
    int rc = raw ? write_raw(key, path, force, e) : write_keystore(c, key, path, force, e);
    if (rc == 0)
        tell(c->out, path, raw ? "raw" : "keystore", key);
    return rc;
}

/* Asked before a password is typed. */
static int refuse_existing(const struct ctl *c, const char *path, struct err *e)
{
    if (strcmp(path, "-") == 0)
        return err_set(e, -EINVAL, "a key is written to a file of its own, not to standard output");
    if (access(path, F_OK) == 0 && !args_has(&c->args, "--force"))
        return err_set(e, -EEXIST, "%s: exists already, and is not overwritten unless --force is given", path);
    return 0;
}

/* ---- the commands ---- */

static int run_new(struct ctl *c, struct err *e)
{
    CLEANUP(seckey_wipe) struct seckey key = { 0 };
    const char *path = args_at(&c->args, 0);
    int rc = refuse_existing(c, path, e);
    if (rc == 0)
        rc = seckey_generate(&key, e);
    return rc < 0 ? rc : write_key(c, &key, path, e);
}

static int run_import(struct ctl *c, struct err *e)
{
    CLEANUP(seckey_wipe) struct seckey key = { 0 };
    const char *from = args_get(&c->args, "--from"), *path = args_at(&c->args, 0);
    int rc = refuse_existing(c, path, e);
    if (rc == 0)
        rc = signer_read_key_file(&key, from ? from : "-", e);
    return rc < 0 ? rc : write_key(c, &key, path, e);
}

/* What a keystore says without its password. */
static int show_sealed(struct ctl *c, const char *path, const struct buf *text, struct err *e)
{
    struct keystore k;
    int rc = keystore_parse(&k, (const char *)text->data, text->len, e);
    if (rc < 0)
        return err_wrap(e, "%s", path);
    out_str(c->out, "file", path);
    out_str(c->out, "format", "keystore");
    out_str(c->out, "kdf", k.kdf == KEYSTORE_SCRYPT ? "scrypt" : "pbkdf2");
    if (k.has_address)
        out_address(c->out, "address", &k.address);
    else
        out_null(c->out, "address");
    if (!k.has_address)
        out_note(c->out, "The file does not say its address: --check-password opens it.");
    return 0;
}

static int run_show(struct ctl *c, struct err *e)
{
    CLEANUP(seckey_wipe) struct seckey key = { 0 };
    CLEANUP(buf_wipe) struct buf text = { 0 };
    const char *path = args_at(&c->args, 0);
    buf_reserve(&text, KEYSTORE_FILE_MAX); /* no copy is left behind by growing */
    int rc = ctl_read_file(&text, path, KEYSTORE_FILE_MAX, e);
    if (rc < 0)
        return rc;
    bool sealed = is_keystore(&text);
    if (sealed && !args_has(&c->args, "--check-password") && !args_has(&c->args, "--password-file"))
        return show_sealed(c, path, &text, e);
    rc = sealed ? signer_open_keystore(&key, path, args_get(&c->args, "--password-file"), e)
                : signer_read_key_file(&key, path, e);
    if (rc == 0)
        tell(c->out, path, sealed ? "keystore" : "raw", &key);
    return rc;
}

#define OPTION_PASSWORD                                                                                                \
    {                                                                                                                  \
        .name = "--password-file", .kind = OPT_FILE, .value = "FILE",                                                  \
        .help = "the password, its first line [default: asked at the terminal]"                                        \
    }
#define OPTIONS_WRITING                                                                                                \
    { .name = "--raw",                                                                                                 \
      .kind = OPT_FLAG,                                                                                                \
      .help = "32 bytes without a password, as enclave_signer_file is: for an enclave key" },                          \
        OPTION_PASSWORD,                                                                                               \
        { .name = "--kdf",                                                                                             \
          .kind = OPT_CHOICE,                                                                                          \
          .value = "KDF",                                                                                              \
          .choices = "scrypt|pbkdf2",                                                                                  \
          .help = "how the password is made a key [default: scrypt]" },                                                \
        { .name = "--force", .kind = OPT_FLAG, .help = "overwrite FILE: the key in it is lost" },                      \
    {                                                                                                                  \
        0                                                                                                              \
    }

static const struct option_def options_new[] = { OPTIONS_WRITING };

static const struct option_def options_import[] = {
    { .name = "--from",
      .kind = OPT_FILE,
      .value = "FILE",
      .help = "the key: 32 raw bytes or 64 hex digits; - is standard input [default: -]" },
    OPTIONS_WRITING,
};

static const struct option_def options_show[] = {
    OPTION_PASSWORD,
    { .name = "--check-password", .kind = OPT_FLAG, .help = "open a keystore: asks for its password" },
    { 0 },
};

const struct command cmd_keys_new = {
    .name = "keys new",
    .group = GROUP_SETUP,
    .arguments = "FILE",
    .min_args = 1,
    .max_args = 1,
    .summary = "make a new key",
    .details = "Writes a web3 keystore (version 3, as geth and others read it) with mode 0600. The password is the\n"
               "first line of --password-file or asked at the terminal; it is never on the command line.\n",
    .options = options_new,
    .run = run_new,
};

const struct command cmd_keys_import = {
    .name = "keys import",
    .group = GROUP_SETUP,
    .arguments = "FILE",
    .min_args = 1,
    .max_args = 1,
    .summary = "put an existing key into a keystore",
    .details = "Reads 32 raw bytes or 64 hex digits from --from or standard input and writes FILE as keys new does.\n",
    .options = options_import,
    .run = run_import,
};

const struct command cmd_keys_show = {
    .name = "keys show",
    .group = GROUP_SETUP,
    .arguments = "FILE",
    .min_args = 1,
    .max_args = 1,
    .summary = "print a key's address and public key",
    .details = "FILE is a keystore, or a file of 32 raw bytes or 64 hex digits. A keystore's address is read without\n"
               "its password; its public key, and whether the password is right, with --check-password or\n"
               "--password-file. The secret key is never printed.\n",
    .options = options_show,
    .run = run_show,
};
