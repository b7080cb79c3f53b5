#include "signer.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "ctl.h"
#include "eth/keystore.h"
#include "util/cleanup.h"
#include "util/hex.h"

#define KEYSTORE_MAX ((size_t)64 * 1024)
#define PASSWORD_MAX ((size_t)4096)

static void drop_newline(struct buf *b)
{
    while (b->len && (b->data[b->len - 1] == '\n' || b->data[b->len - 1] == '\r'))
        b->len--;
}

int signer_read_key_file(struct seckey *out, const char *path, struct err *e)
{
    CLEANUP(buf_wipe) struct buf text = { 0 };
    uint8_t secret[32];
    buf_reserve(&text, 256); /* no copy is left behind by growing */
    int rc = ctl_read_file(&text, path, 200, e);
    if (rc < 0)
        return rc;
    bool raw = text.len == sizeof secret;
    if (raw)
        memcpy(secret, text.data, sizeof secret);
    drop_newline(&text);
    if (!raw && hex_decode_exact(secret, sizeof secret, text.data ? (const char *)text.data : "", text.len, NULL) < 0)
        return err_set(e, -EINVAL, "%s: found %zu bytes that are no key, expected 32 raw bytes or 64 hex digits", path,
                       text.len);
    rc = seckey_init(out, secret, e);
    explicit_bzero(secret, sizeof secret);
    return rc < 0 ? err_wrap(e, "%s", path) : 0;
}

int signer_read_password(struct buf *out, const char *path, const char *prompt, struct err *e)
{
    buf_reserve(out, 8192);
    if (!path) {
        char typed[PASSWORD_MAX];
        int rc = ctl_ask_secret(typed, sizeof typed, prompt, e);
        if (rc == 0)
            buf_puts(out, typed);
        explicit_bzero(typed, sizeof typed);
        return rc;
    }
    int rc = ctl_read_file(out, path, PASSWORD_MAX, e);
    const uint8_t *end = rc == 0 && out->len ? memchr(out->data, '\n', out->len) : NULL;
    if (end)
        out->len = (size_t)(end - out->data);
    drop_newline(out);
    return rc;
}

int signer_open_keystore(struct seckey *out, const char *path, const char *password_file, struct err *e)
{
    CLEANUP(buf_wipe) struct buf password = { 0 };
    CLEANUP(buf_free) struct buf text = { 0 };
    char prompt[128];
    int rc = ctl_read_file(&text, path, KEYSTORE_MAX, e);
    if (rc < 0)
        return rc;
    (void)snprintf(prompt, sizeof prompt, "Password of %.100s", path);
    rc = signer_read_password(&password, password_file, prompt, e);
    if (rc < 0)
        return rc;
    rc = keystore_open(out, buf_cstr(&text), text.len, buf_cstr(&password), password.len, e);
    return rc < 0 ? err_wrap(e, "%s", path) : 0;
}

int signer_load(struct seckey *out, struct ctl *c, struct err *e)
{
    const char *keystore = args_get(&c->args, "--keystore"), *key_file = args_get(&c->args, "--key-file");
    if (keystore && key_file)
        return err_set(e, -CTL_EUSAGE, "--keystore and --key-file: found both, expected one");
    if (keystore)
        return signer_open_keystore(out, keystore, args_get(&c->args, "--password-file"), e);
    if (key_file)
        return signer_read_key_file(out, key_file, e);
    return err_set(e, -CTL_EUSAGE, "which key signs? Give --keystore FILE or --key-file FILE");
}
