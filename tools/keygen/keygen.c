/* oyster-keygen: makes the enclave key pair that the executor and its attestation are configured with. */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "eth/key.h"
#include "util/cleanup.h"
#include "util/err.h"

enum { EXIT_USAGE = 2 };

static const char help_text[] =
    "Usage: oyster-keygen --secret FILE --public FILE\n"
    "\n"
    "Makes a new secp256k1 key pair for an executor's enclave from the kernel's random source.\n"
    "\n"
    "Options:\n"
    "  --secret FILE   where the secret key goes: 32 raw bytes, readable by the owner only (mode 0600)\n"
    "  --public FILE   where the public key goes: 64 raw bytes, x and y without the 0x04 prefix (mode 0644)\n"
    "  -h, --help      prints this and exits\n"
    "  -V, --version   prints the version and exits\n"
    "\n"
    "Neither file may exist: a key is never overwritten, because without it nothing can sign for its executor again.\n"
    "When anything fails, neither file is left behind. Name the secret file as enclave_signer_file in the executor's\n"
    "config; the enclave's attestation carries the public key.\n"
    "\n"
    "On success, standard output says:\n"
    "  private key: FILE, public key: FILE\n"
    "  Generation successful!\n"
    "\n"
    "Exit status: 0 on success, 1 when a file could not be written, 2 when the command line is wrong.\n"
    "\n"
    "Example:\n"
    "  oyster-keygen --secret ./id.sec --public ./id.pub\n";

/* A file made by us; the path is removed again unless the work was finished. */
struct new_file {
    const char *path;
    int fd;
};

static void discard(struct new_file *f)
{
    if (f->fd >= 0)
        (void)unlink(f->path);
    fd_close_p(&f->fd);
}

static int create(struct new_file *f, const char *path, mode_t mode, struct err *e)
{
    f->path = path;
    f->fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
    if (f->fd < 0 && errno == EEXIST)
        return err_set(e, -EEXIST, "%s: exists already, and a key is never overwritten; name another file", path);
    return f->fd < 0 ? err_sys(e, "%s", path) : 0;
}

static int fill(const struct new_file *f, const uint8_t *data, size_t len, struct err *e)
{
    for (size_t done = 0; done < len;) {
        ssize_t n = write(f->fd, data + done, len - done);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return err_sys(e, "%s", f->path);
        done += (size_t)n;
    }
    return fsync(f->fd) < 0 ? err_sys(e, "%s", f->path) : 0;
}

static int generate(const char *secret_path, const char *public_path, struct err *e)
{
    CLEANUP(discard) struct new_file secret = { .fd = -1 };
    CLEANUP(discard) struct new_file public = { .fd = -1 };
    CLEANUP(seckey_wipe) struct seckey key = { 0 };
    int rc = create(&secret, secret_path, 0600, e);
    if (rc == 0)
        rc = create(&public, public_path, 0644, e);
    if (rc == 0)
        rc = seckey_generate(&key, e);
    if (rc == 0)
        rc = fill(&secret, key.secret, sizeof key.secret, e);
    if (rc == 0)
        rc = fill(&public, key.pubkey, sizeof key.pubkey, e);
    if (rc < 0)
        return rc;
    (void)close(fd_steal(&secret.fd));
    (void)close(fd_steal(&public.fd));
    return 0;
}

struct options {
    const char *secret_path;
    const char *public_path;
};

static int usage(const char *what)
{
    (void)fprintf(stderr, "oyster-keygen: %s\nTry 'oyster-keygen --help'.\n", what);
    return EXIT_USAGE;
}

/* Fills o; returns -1 to go on, else the program's exit status. */
static int read_options(struct options *o, int argc, char **argv)
{
    static const struct option known[] = {
        { "secret", required_argument, NULL, 's' },
        { "public", required_argument, NULL, 'p' },
        { "help", no_argument, NULL, 'h' },
        { "version", no_argument, NULL, 'V' },
        { 0 },
    };
    int c;
    while ((c = getopt_long(argc, argv, "hV", known, NULL)) != -1) {
        if (c == 'h')
            return fputs(help_text, stdout) < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
        if (c == 'V')
            return puts("oyster-keygen " OYSTER_VERSION) < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
        if (c == 's')
            o->secret_path = optarg;
        else if (c == 'p')
            o->public_path = optarg;
        else
            return usage("the command line is wrong");
    }
    if (optind < argc)
        return usage("only options are expected");
    if (!o->secret_path || !o->public_path)
        return usage(o->secret_path ? "--public FILE is missing" : "--secret FILE is missing");
    if (strcmp(o->secret_path, o->public_path) == 0)
        return usage("--secret and --public name the same file");
    return -1;
}

int main(int argc, char **argv)
{
    struct options o = { 0 };
    struct err e = { 0 };
    int status = read_options(&o, argc, argv);
    if (status >= 0)
        return status;
    if (generate(o.secret_path, o.public_path, &e) < 0) {
        (void)fprintf(stderr, "oyster-keygen: %s\n", e.msg);
        return EXIT_FAILURE;
    }
    (void)printf("private key: %s, public key: %s\nGeneration successful!\n", o.secret_path, o.public_path);
    return fflush(stdout) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
