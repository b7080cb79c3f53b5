/* The key that signs the tool's transactions: from a web3 keystore or a key file, never from the command line. */
#ifndef OYSTERCTL_SIGNER_H
#define OYSTERCTL_SIGNER_H

#include "eth/key.h"
#include "util/buf.h"
#include "util/err.h"

struct ctl;

/* Loads the key of --keystore (password of --password-file, else asked at the terminal) or --key-file. Returns 0, or an
 * error that names the file; wipe the key. */
int signer_load(struct seckey *out, struct ctl *c, struct err *e);

/* A web3 keystore, its password from the first line of password_file (NULL: asked at the terminal). */
int signer_open_keystore(struct seckey *out, const char *path, const char *password_file, struct err *e);

/* A key file: 32 raw bytes, or 64 hex digits with an optional 0x and a newline. */
int signer_read_key_file(struct seckey *out, const char *path, struct err *e);

/* The first line of a password file / asked at the terminal by prompt. out: wipe with buf_wipe. */
int signer_read_password(struct buf *out, const char *path, const char *prompt, struct err *e);

#endif
